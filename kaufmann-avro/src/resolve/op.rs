//! The operations of a plan.

use super::skip::SkipId;

/// An index into the plan's operations.
pub(super) type OpId = usize;

/// How one value becomes another.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Op {
    /// The writer's bytes are the reader's.
    Same,
    /// The writer's int is a wider number for the reader.
    Int,
    /// The writer's long is a float or double for the reader.
    Long,
    /// The writer's float is a double for the reader.
    Float,
    /// A time in a finer unit.
    Times {
        /// Whether the writer's number is an int.
        int: bool,
        /// How many of the reader's units are one of the writer's.
        by: i64,
    },
    /// A writer's enum.
    Enum {
        /// The reader's index for each of the writer's symbols.
        table: Box<[Option<usize>]>,
        /// How many symbols the reader has.
        symbols: usize,
        /// The mismatch of the symbols that have no index.
        mismatch: Option<usize>,
    },
    /// A writer's array.
    Array {
        items: OpId,
        /// The fewest bytes of a writer's item.
        min_len: usize,
    },
    /// A writer's map.
    Map {
        values: OpId,
        /// The fewest bytes of a writer's entry.
        min_len: usize,
    },
    /// A writer's record.
    Record {
        /// The writer's fields in their order.
        fields: Box<[FieldOp]>,
        /// How many fields the reader has.
        slots: usize,
    },
    /// A writer's union: what to do with each branch.
    Branches {
        of: Box<[OpId]>,
        /// How many branches the reader has, if it has a union.
        reader: Option<usize>,
    },
    /// A value that goes to a branch of the reader's union.
    Into { branch: usize, op: OpId },
    /// A value that the reader does not have: an index into the plan's mismatches.
    Unmatched(usize),
}

/// How a field of the writer's record is handled.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum FieldOp {
    /// It is the reader's field at this place.
    Read { slot: usize, op: OpId },
    /// The reader does not have it.
    Skip(SkipId),
}

impl Op {
    /// Calls `with` for each operation that this one leads to.
    pub(super) fn each(&self, mut with: impl FnMut(OpId)) {
        match self {
            Self::Array { items, .. } => with(*items),
            Self::Map { values, .. } => with(*values),
            Self::Into { op, .. } => with(*op),
            Self::Branches { of, .. } => of.iter().copied().for_each(with),
            Self::Record { fields, .. } => {
                for field in fields {
                    if let FieldOp::Read { op, .. } = field {
                        with(*op);
                    }
                }
            }
            Self::Same
            | Self::Int
            | Self::Long
            | Self::Float
            | Self::Times { .. }
            | Self::Enum { .. }
            | Self::Unmatched(_) => {}
        }
    }
}
