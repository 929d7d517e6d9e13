//! From two schemas to the operations of a plan.

use std::collections::{HashMap, HashSet};

use super::Typed;
use super::choose::{Choice, choose, names_match, same_definition};
use super::error::{Mismatch, Path, ResolveError, place};
use super::meaning::{Meaning, promotes, same_primitive};
use super::op::{FieldOp, Op, OpId};
use super::skip::{Collector, Skips};
use crate::model::{Definition, Field, Kind, Model, Node, Symbol, TypeId};
use crate::size;

/// The operations of a pair of schemas, before they are simplified.
pub(super) struct Built {
    pub(super) ops: Vec<Op>,
    pub(super) root: OpId,
    pub(super) skips: Skips,
    pub(super) mismatches: Vec<ResolveError>,
}

/// Walks both schemas at once. It handles each pair of records once, from a list, so that neither cycles nor depth matter.
pub(super) struct Builder<'s> {
    writer: &'s Model,
    reader: &'s Model,
    min_lens: &'s [Option<usize>],
    skips: Collector<'s>,
    ops: Vec<Op>,
    mismatches: Vec<ResolveError>,
    pairs: HashMap<(TypeId, TypeId), OpId>,
    open: Vec<Open>,
}

/// A pair of records that remains to be handled.
struct Open {
    op: OpId,
    writer: TypeId,
    reader: TypeId,
    path: String,
}

impl<'s> Builder<'s> {
    pub(super) fn build(writer: Typed<'s>, reader: Typed<'s>) -> Built {
        let min_lens = writer.model.min_lens();
        let mut builder = Builder {
            writer: writer.model,
            reader: reader.model,
            min_lens: &min_lens,
            skips: Collector::new(writer.model, &min_lens),
            ops: Vec::new(),
            mismatches: Vec::new(),
            pairs: HashMap::new(),
            open: Vec::new(),
        };
        let root = builder.pair(writer.node, reader.node, Path::At(""));
        while let Some(open) = builder.open.pop() {
            builder.record(&open);
        }
        Built {
            ops: builder.ops,
            root,
            skips: builder.skips.finish(),
            mismatches: builder.mismatches,
        }
    }

    fn pair(&mut self, writer: &Node, reader: &Node, path: Path<'_>) -> OpId {
        match (&writer.kind, &reader.kind) {
            (Kind::Union(branches), _) => self.branches(branches, reader, path),
            (_, Kind::Union(branches)) => self.choose_branch(writer, reader, branches, path),
            (Kind::Array(theirs), Kind::Array(ours)) => {
                let items = self.pair(theirs, ours, Path::Items(&path));
                let min_len = self.min_len(theirs);
                self.push(Op::Array { items, min_len })
            }
            (Kind::Map(theirs), Kind::Map(ours)) => {
                let values = self.pair(theirs, ours, Path::Values(&path));
                let min_len = self.min_len(theirs).saturating_add(1);
                self.push(Op::Map { values, min_len })
            }
            (Kind::Named(theirs), Kind::Named(ours)) => self.named(*theirs, *ours, writer, reader, path),
            _ => self.primitive(writer, reader, path),
        }
    }

    fn primitive(&mut self, writer: &Node, reader: &Node, path: Path<'_>) -> OpId {
        let same = same_primitive(&writer.kind, &reader.kind);
        if !same && !promotes(&writer.kind, &reader.kind) {
            return self.unmatched(Mismatch::Type, writer, reader, path);
        }
        let int = matches!(writer.kind, Kind::Int);
        match Meaning::between(writer.logical, reader.logical) {
            Meaning::Lost => self.unmatched(Mismatch::Meaning, writer, reader, path),
            Meaning::Times(by) => self.push(Op::Times { int, by }),
            Meaning::Kept if same => self.push(Op::Same),
            Meaning::Kept => self.push(match writer.kind {
                Kind::Int => Op::Int,
                Kind::Long => Op::Long,
                Kind::Float => Op::Float,
                // Bytes and strings are written alike.
                _ => Op::Same,
            }),
        }
    }

    fn branches(&mut self, branches: &[Node], reader: &Node, path: Path<'_>) -> OpId {
        let of = branches.iter().map(|branch| self.pair(branch, reader, path));
        let of = of.collect();
        let reader = match &reader.kind {
            Kind::Union(branches) => Some(branches.len()),
            _ => None,
        };
        self.push(Op::Branches { of, reader })
    }

    fn choose_branch(&mut self, writer: &Node, reader: &Node, branches: &[Node], path: Path<'_>) -> OpId {
        match choose((self.writer, writer), self.reader, branches) {
            Choice::Branch(branch) => {
                let op = self.pair(writer, &branches[branch], path);
                self.push(Op::Into { branch, op })
            }
            Choice::OnlyBytes(branch) => self.unmatched(Mismatch::Meaning, writer, &branches[branch], path),
            Choice::Nothing => self.unmatched(Mismatch::Branch, writer, reader, path),
        }
    }

    fn named(&mut self, theirs: TypeId, ours: TypeId, writer: &Node, reader: &Node, path: Path<'_>) -> OpId {
        let (from, to) = (self.writer.get(theirs), self.reader.get(ours));
        if !same_definition(from, to) {
            return self.unmatched(Mismatch::Type, writer, reader, path);
        }
        if !names_match(from, to) {
            return self.unmatched(Mismatch::Name, writer, reader, path);
        }
        match (&from.definition, &to.definition) {
            (
                Definition::Enum { symbols, .. },
                Definition::Enum {
                    symbols: ours,
                    default,
                },
            ) => {
                let default = default.as_deref();
                self.symbols((symbols, writer), (ours, default, reader), path)
            }
            (Definition::Fixed { size: theirs }, Definition::Fixed { size: ours }) if theirs != ours => {
                let mismatch = Mismatch::Size {
                    writer: *theirs,
                    reader: *ours,
                };
                self.unmatched(mismatch, writer, reader, path)
            }
            (Definition::Fixed { .. }, _) => match Meaning::between(from.logical, to.logical) {
                Meaning::Kept => self.push(Op::Same),
                _ => self.unmatched(Mismatch::Meaning, writer, reader, path),
            },
            _ => self.later(theirs, ours, path),
        }
    }

    /// The operation of a pair of records, which is handled later if it is new.
    fn later(&mut self, writer: TypeId, reader: TypeId, path: Path<'_>) -> OpId {
        if let Some(known) = self.pairs.get(&(writer, reader)) {
            return *known;
        }
        let op = self.push(Op::Same);
        self.pairs.insert((writer, reader), op);
        self.open.push(Open {
            op,
            writer,
            reader,
            path: path.to_string(),
        });
        op
    }

    fn record(&mut self, open: &Open) {
        let (from, to) = (self.writer.get(open.writer), self.reader.get(open.reader));
        let (Definition::Record(theirs), Definition::Record(ours)) = (&from.definition, &to.definition)
        else {
            return;
        };
        let path = Path::At(&open.path);
        let slots = slots(theirs, ours);
        let mut filled = vec![false; ours.len()];
        let mut fields = Vec::with_capacity(theirs.len());
        for field in theirs {
            fields.push(match slots.get(field.name.as_str()) {
                Some(&slot) => {
                    filled[slot] = true;
                    let (ours, path) = (&ours[slot], Path::Field(&path, &ours[slot].name));
                    let op = self.pair(&field.node, &ours.node, path);
                    FieldOp::Read { slot, op }
                }
                None => FieldOp::Skip(self.skips.of(&field.node)),
            });
        }
        let missing = ours.iter().enumerate();
        for (slot, field) in missing.filter(|(slot, field)| !filled[*slot] && field.default.is_none()) {
            let error = ResolveError {
                path: Path::Field(&path, &field.name).to_string(),
                writer: from.name.to_string(),
                reader: self.reader.describe(&field.node),
                writer_at: from.at,
                reader_at: field.at,
                mismatch: Mismatch::MissingField,
            };
            // It reads no bytes, but every record fails on it.
            let op = self.fail(error);
            fields.push(FieldOp::Read { slot, op });
        }
        self.ops[open.op] = Op::Record {
            fields: fields.into(),
            slots: ours.len(),
        };
    }

    fn symbols(
        &mut self,
        (theirs, writer): (&[Symbol], &Node),
        (ours, default, reader): (&[Symbol], Option<&str>, &Node),
        path: Path<'_>,
    ) -> OpId {
        let places = ours.iter().enumerate();
        let places = places.map(|(index, symbol)| (symbol.name.as_str(), index));
        let places = places.collect::<HashMap<_, _>>();
        let default = default.and_then(|default| places.get(default));
        let place = |symbol: &Symbol| places.get(symbol.name.as_str()).or(default).copied();
        let table = theirs.iter().map(place).collect::<Box<[_]>>();
        let unknown = theirs.iter().filter(|symbol| place(symbol).is_none());
        let unknown = unknown.map(|symbol| symbol.name.clone()).collect::<Vec<_>>();
        let mismatch = (!unknown.is_empty())
            .then(|| self.mismatch(self.error(Mismatch::Symbols(unknown), writer, reader, path)));
        self.push(Op::Enum {
            table,
            symbols: ours.len(),
            mismatch,
        })
    }

    fn error(&self, mismatch: Mismatch, writer: &Node, reader: &Node, path: Path<'_>) -> ResolveError {
        ResolveError {
            path: path.to_string(),
            writer: self.writer.describe(writer),
            reader: self.reader.describe(reader),
            writer_at: place(self.writer, writer),
            reader_at: place(self.reader, reader),
            mismatch,
        }
    }

    fn unmatched(&mut self, mismatch: Mismatch, writer: &Node, reader: &Node, path: Path<'_>) -> OpId {
        let error = self.error(mismatch, writer, reader, path);
        self.fail(error)
    }

    fn fail(&mut self, error: ResolveError) -> OpId {
        let mismatch = self.mismatch(error);
        self.push(Op::Unmatched(mismatch))
    }

    fn mismatch(&mut self, error: ResolveError) -> usize {
        self.mismatches.push(error);
        self.mismatches.len() - 1
    }

    fn min_len(&self, node: &Node) -> usize {
        size::least(self.min_lens, node).unwrap_or(usize::MAX)
    }

    fn push(&mut self, op: Op) -> OpId {
        self.ops.push(op);
        self.ops.len() - 1
    }
}

/// The reader's place for each of the writer's fields that it has: by name, then by the first alias that is free.
fn slots<'s>(writer: &'s [Field], reader: &'s [Field]) -> HashMap<&'s str, usize> {
    let theirs = writer.iter().map(|field| field.name.as_str());
    let theirs = theirs.collect::<HashSet<_>>();
    let mut slots = HashMap::new();
    let places = || reader.iter().enumerate();
    for (slot, field) in places().filter(|(_, field)| theirs.contains(field.name.as_str())) {
        slots.insert(field.name.as_str(), slot);
    }
    for (slot, field) in places().filter(|(_, field)| !theirs.contains(field.name.as_str())) {
        let mut aliases = field.aliases.iter().map(String::as_str);
        let free = |alias: &&str| theirs.contains(alias) && !slots.contains_key(alias);
        if let Some(alias) = aliases.find(free) {
            slots.insert(alias, slot);
        }
    }
    slots
}
