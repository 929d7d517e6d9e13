//! Whether what a writer's logical type means can be said with the reader's.

use crate::model::{Kind, Logical};

/// How a value keeps its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// As it is.
    Kept,
    /// As a number of a finer unit.
    Times(i64),
    /// Not at all.
    Lost,
}

impl Meaning {
    pub(super) fn between(writer: Option<Logical>, reader: Option<Logical>) -> Self {
        let (Some(writer), Some(reader)) = (writer, reader) else {
            // The value without its meaning, or with the one that the reader knows better.
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
