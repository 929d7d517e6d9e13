//! Passing over values of the writer's types that the reader does not have.

use std::collections::HashMap;

use crate::cursor::{Cursor, DecodeError, DecodeErrorKind, MAX_LEVELS};
use crate::model::{Definition, Kind, Model, Node, TypeId};
use crate::size;

/// An index into [`Skips`].
pub(super) type SkipId = usize;

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
    Record {
        fields: Box<[SkipId]>,
        /// Whether a value can hold values of the same type.
        recursive: bool,
    },
}

/// Collects the skips of a plan; records are handled from a list, so depth does not matter.
pub(super) struct Collector<'s> {
    model: &'s Model,
    min_lens: &'s [Option<usize>],
    exact_lens: Vec<Option<usize>>,
    recursive: Vec<bool>,
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
            recursive: model.recursive(),
            skips: Skips::default(),
            known: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// The skip of a value of this type.
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
            // Records of a fixed length are skipped by their length: walking them could take time that is exponential in
            // their depth, which the input does not bound.
            Definition::Record(_) => match self.exact_lens[id.0] {
                Some(length) => Skip::Bytes(length),
                None => Skip::Record {
                    fields: Box::default(),
                    recursive: self.recursive[id.0],
                },
            },
        };
        let is_record = matches!(skip, Skip::Record { .. });
        let skip = self.push(skip);
        self.known.insert(id, skip);
        if is_record {
            self.open.push((skip, id));
        }
        skip
    }

    /// Handles the records that were found.
    pub(super) fn finish(mut self) -> Skips {
        while let Some((skip, id)) = self.open.pop() {
            if let Definition::Record(fields) = &self.model.get(id).definition {
                let all = fields.iter().map(|field| self.of(&field.node)).collect();
                if let Skip::Record { fields, .. } = &mut self.skips.0[skip] {
                    *fields = all;
                }
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
    /// Skips a value.
    #[inline]
    pub(super) fn skip(&self, cursor: &mut Cursor<'_>, id: SkipId) -> Result<(), DecodeError> {
        self.below(cursor, id, 0)
    }

    fn below(&self, cursor: &mut Cursor<'_>, id: SkipId, level: usize) -> Result<(), DecodeError> {
        if level == MAX_LEVELS {
            return Err(cursor.fail(DecodeErrorKind::Levels));
        }
        match &self.0[id] {
            Skip::Bytes(length) => cursor.skip(*length),
            Skip::Varint => cursor.long().map(drop),
            Skip::Prefixed => cursor.skip_bytes(),
            Skip::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                self.below(cursor, branches[branch], level + 1)
            }
            Skip::Record { fields, recursive } => {
                if *recursive {
                    cursor.descend()?;
                }
                for field in fields {
                    self.below(cursor, *field, level + 1)?;
                }
                if *recursive {
                    cursor.ascend();
                }
                Ok(())
            }
            Skip::Array { items, min_len } => {
                cursor.skip_blocks(*min_len, |cursor| self.below(cursor, *items, level + 1))
            }
            Skip::Map { values, min_len } => cursor.skip_blocks(*min_len, |cursor| {
                cursor.skip_bytes()?;
                self.below(cursor, *values, level + 1)
            }),
        }
    }
}
