//! Whether a writer's logical type keeps its meaning as the reader's.

use crate::model::{Kind, Logical};

/// How a value is converted to keep its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Unchanged.
    Kept,
    /// Multiplied, to a finer unit.
    Times(i64),
    /// It cannot be kept.
    Lost,
}

impl Meaning {
    pub(super) fn between(writer: Option<Logical>, reader: Option<Logical>) -> Self {
        let (Some(writer), Some(reader)) = (writer, reader) else {
            // Only one side has a logical type: the plain value is read.
            return Self::Kept;
        };
        match (writer, reader) {
            _ if writer == reader => Self::Kept,
            (
                Logical::Decimal {
                    precision: fewer,
                    scale,
                },
                Logical::Decimal {
                    precision: more,
                    scale: same,
                },
            ) if scale == same && fewer <= more => Self::Kept,
            (Logical::TimeMillis, Logical::TimeMicros)
            | (Logical::TimestampMillis, Logical::TimestampMicros)
            | (Logical::TimestampMicros, Logical::TimestampNanos)
            | (Logical::LocalTimestampMillis, Logical::LocalTimestampMicros)
            | (Logical::LocalTimestampMicros, Logical::LocalTimestampNanos) => Self::Times(1_000),
            (Logical::TimestampMillis, Logical::TimestampNanos)
            | (Logical::LocalTimestampMillis, Logical::LocalTimestampNanos) => Self::Times(1_000_000),
            _ => Self::Lost,
        }
    }
}

/// Whether a primitive type can be read as a wider one.
pub(super) fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::String, Kind::Bytes)
            | (Kind::Bytes, Kind::String)
    )
}

/// Whether both are the same primitive type.
pub(super) fn same_primitive(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Null, Kind::Null)
            | (Kind::Boolean, Kind::Boolean)
            | (Kind::Int, Kind::Int)
            | (Kind::Long, Kind::Long)
            | (Kind::Float, Kind::Float)
            | (Kind::Double, Kind::Double)
            | (Kind::Bytes, Kind::Bytes)
            | (Kind::String, Kind::String)
    )
}
