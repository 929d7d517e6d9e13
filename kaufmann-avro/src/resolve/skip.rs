//! Passing over values of the writer's types that the reader does not have.

use std::collections::HashMap;

use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};
use crate::model::{Definition, Kind, Model, Node, TypeId};
use crate::size;

/// An index into [`Skips`].
pub(super) type SkipId = usize;

/// How deep skipped values may nest. It keeps the stack small, whatever the types.
const MAX_DEPTH: usize = 512;

/// How to pass over the writer's types.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Skips(Vec<Skip>);

#[derive(Clone, PartialEq, Debug)]
enum Skip {
    /// So many bytes.
    Bytes(usize),
    /// A number, a symbol.
    Varint,
    /// A length and that many bytes.
    Prefixed,
    Array {
        items: SkipId,
        min_len: usize,
    },
    Map {
        values: SkipId,
        min_len: usize,
    },
    Union(Box<[SkipId]>),
    Record(Box<[SkipId]>),
}

/// Collects what is needed; records are dealt with one after another, however deep they nest.
pub(super) struct Collector<'s> {
    model: &'s Model,
    min_lens: &'s [Option<usize>],
    exact_lens: Vec<Option<usize>>,
    skips: Skips,
    known: HashMap<TypeId, SkipId>,
    open: Vec<(SkipId, TypeId)>,
}

impl<'s> Collector<'s> {
    pub(super) fn new(model: &'s Model, min_lens: &'s [Option<usize>]) -> Self {
        Self {
            model,
            min_lens,
            exact_lens: model.exact_lens(),
            skips: Skips::default(),
            known: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// What passes over a value of this type.
    pub(super) fn of(&mut self, node: &Node) -> SkipId {
        let skip = match &node.kind {
            Kind::Null => Skip::Bytes(0),
            Kind::Boolean => Skip::Bytes(1),
            Kind::Float => Skip::Bytes(4),
            Kind::Double => Skip::Bytes(8),
            Kind::Int | Kind::Long => Skip::Varint,
            Kind::Bytes | Kind::String => Skip::Prefixed,
            Kind::Array(inner) => Skip::Array {
                items: self.of(inner),
                min_len: self.min_len(inner),
            },
            Kind::Map(inner) => Skip::Map {
                values: self.of(inner),
                min_len: self.min_len(inner).saturating_add(1),
            },
            Kind::Union(branches) => Skip::Union(branches.iter().map(|branch| self.of(branch)).collect()),
            Kind::Named(id) => return self.named(*id),
        };
        self.push(skip)
    }

    fn named(&mut self, id: TypeId) -> SkipId {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let skip = match &self.model.get(id).definition {
            Definition::Enum { .. } => Skip::Varint,
            Definition::Fixed { size } => Skip::Bytes(*size),
            // Records whose values are of one length are not looked into: where they hold only such records that hold
            // only such records, and so on, that would take time that the input does not bound.
            Definition::Record(_) => match self.exact_lens[id.0] {
                Some(length) => Skip::Bytes(length),
                None => Skip::Record(Box::default()),
            },
        };
        let is_record = matches!(skip, Skip::Record(_));
        let skip = self.push(skip);
        self.known.insert(id, skip);
        if is_record {
            self.open.push((skip, id));
        }
        skip
    }

    /// Deals with the records that were met.
    pub(super) fn finish(mut self) -> Skips {
        while let Some((skip, id)) = self.open.pop() {
            if let Definition::Record(fields) = &self.model.get(id).definition {
                let fields = fields.iter().map(|field| self.of(&field.node)).collect();
                self.skips.0[skip] = Skip::Record(fields);
            }
        }
        self.skips
    }

    fn min_len(&self, node: &Node) -> usize {
        size::least(self.min_lens, node).unwrap_or(usize::MAX)
    }

    fn push(&mut self, skip: Skip) -> SkipId {
        self.skips.0.push(skip);
        self.skips.0.len() - 1
    }
}

impl Skips {
    /// Passes over a value.
    #[inline]
    pub(super) fn skip(&self, cursor: &mut Cursor<'_>, id: SkipId) -> Result<(), DecodeError> {
        self.below(cursor, id, 0)
    }

    fn below(&self, cursor: &mut Cursor<'_>, id: SkipId, depth: usize) -> Result<(), DecodeError> {
        if depth == MAX_DEPTH {
            return Err(cursor.fail(DecodeErrorKind::Depth));
        }
        match &self.0[id] {
            Skip::Bytes(length) => cursor.skip(*length),
            Skip::Varint => cursor.long().map(drop),
            Skip::Prefixed => cursor.skip_bytes(),
            Skip::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                self.below(cursor, branches[branch], depth + 1)
            }
            Skip::Record(fields) => fields
                .iter()
                .try_for_each(|field| self.below(cursor, *field, depth + 1)),
            Skip::Array { items, min_len } => {
                while let Some(count) = cursor.skip_block(*min_len)? {
                    for _ in 0..count {
                        self.below(cursor, *items, depth + 1)?;
                    }
                }
                Ok(())
            }
            Skip::Map { values, min_len } => {
                while let Some(count) = cursor.skip_block(*min_len)? {
                    for _ in 0..count {
                        cursor.skip_bytes()?;
                        self.below(cursor, *values, depth + 1)?;
                    }
                }
                Ok(())
            }
        }
    }
}
