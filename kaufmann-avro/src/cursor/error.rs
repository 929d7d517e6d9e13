//! Why bytes are not a datum of a schema.

use thiserror::Error;

/// Why and where bytes are not a datum of the expected schema.
///
/// It contains no data, so it can be logged. It is one pointer, so that each value's result fits into two registers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[error("{} at byte {}", .0.kind, .0.offset)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Inner {
    kind: DecodeErrorKind,
    offset: usize,
}

impl DecodeError {
    pub(crate) fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(Inner { kind, offset }))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// At which byte of the datum, from 0.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }
}

/// What is wrong with the bytes of a datum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data ends too early.
    #[error("the data ends where {needed} more {} expected", if *.needed == 1 { "byte is" } else { "bytes are" })]
    End {
        /// How many bytes the value takes (at least) from here.
        needed: usize,
    },
    /// Bytes are left after the datum.
    #[error("{0} bytes are left after the datum, it was written with another schema")]
    Trailing(usize),
    /// A boolean is neither 0 nor 1.
    #[error("a boolean is {0}, not 0 or 1")]
    Boolean(u8),
    /// An int does not fit in 32 bits.
    #[error("an int is {0}, beyond 32 bits")]
    IntRange(i64),
    /// A varint does not fit in 64 bits.
    #[error("a varint is longer than 64 bits")]
    VarintRange,
    /// A varint has more bytes than its value needs.
    #[error("a varint has more bytes than its value needs")]
    VarintOverlong,
    /// The length of bytes or of a string is negative, or beyond what this machine addresses.
    #[error("a length is {0}")]
    Length(i64),
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A union has no such branch.
    #[error("a union has no branch {0}")]
    Branch(i64),
    /// An enum has no such symbol.
    #[error("an enum has no symbol {0}")]
    Symbol(i64),
    /// A block declares more items than the data can hold.
    #[error("a block of {} items exceeds the data", .0.unsigned_abs())]
    Block(i64),
    /// A block's size in bytes is negative or exceeds the data.
    #[error("a block of {0} bytes exceeds the data")]
    BlockSize(i64),
    /// The items of a block take more or fewer bytes than its head declares.
    #[error("the items of a block take more or fewer bytes than the block declares")]
    BlockEnd,
    /// Too many items that take no bytes.
    #[error("the datum has more than {} values of no bytes", super::MAX_EMPTY_ITEMS)]
    EmptyItems,
    /// Values of recursive types nest deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("values of recursive types nest deeper than {}", super::MAX_DEPTH)]
    Depth,
    /// Values nest deeper than [`MAX_LEVELS`](super::MAX_LEVELS), which is due to the schema.
    #[error("the schema's types nest deeper than {} levels", super::MAX_LEVELS)]
    Levels,
    /// A string is not a UUID.
    #[error("a string is not a UUID")]
    Uuid,
    /// A decimal has more digits than its precision.
    #[error("a decimal has more digits than its precision")]
    Decimal,
    /// The bytes of a big decimal hold more or less than a number and its scale.
    #[error("the bytes are not a big decimal")]
    BigDecimal,
    /// A union's branch or an enum's symbol of the writer's schema has no counterpart in the reader's. The number is an
    /// index into [`Plan::deferred`](crate::resolve::Plan::deferred).
    #[error("a value of the writer's schema has no counterpart in the reader's")]
    Unresolved(u32),
    /// A time does not fit in the reader's finer unit.
    #[error("a time of {0} does not fit in the reader's finer unit")]
    Unit(i64),
    /// A plan was made for another type than the one that is decoded with it.
    #[error("the plan was made for another type than the one that is decoded with it")]
    ForeignPlan,
}
