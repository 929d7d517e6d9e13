//! The logical types: each with its name in schemas, its Rust type and its base type.

use std::fmt;

use super::Kind;

/// The logical types of Avro 1.12. One that does not fit its base type is ignored, as the specification demands, and is
/// then kept in [`Node::attributes`](super::Node::attributes).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Logical {
    /// An unscaled two's-complement big-endian integer on bytes or fixed.
    Decimal {
        /// The number of digits, at least 1.
        precision: usize,
        /// How many of them are after the point, at most `precision`.
        scale: usize,
    },
    /// A decimal that carries its own scale, on bytes.
    BigDecimal,
    /// RFC 9562, on string or fixed(16).
    Uuid,
    /// Days since 1970-01-01, on int.
    Date,
    /// Milliseconds after midnight, on int.
    TimeMillis,
    /// Microseconds after midnight, on long.
    TimeMicros,
    /// Milliseconds since the Unix epoch, on long.
    TimestampMillis,
    /// Microseconds since the Unix epoch, on long.
    TimestampMicros,
    /// Nanoseconds since the Unix epoch, on long.
    TimestampNanos,
    /// Milliseconds since 1970-01-01T00:00 in no particular zone, on long.
    LocalTimestampMillis,
    /// Microseconds since 1970-01-01T00:00 in no particular zone, on long.
    LocalTimestampMicros,
    /// Nanoseconds since 1970-01-01T00:00 in no particular zone, on long.
    LocalTimestampNanos,
    /// Months, days and milliseconds, on fixed(12).
    Duration,
}

/// What a logical type is called and written on.
struct Row {
    /// The name in schemas.
    name: &'static str,
    /// The type in [`logical`](crate::logical).
    rust_name: &'static str,
    /// The usual base type.
    base: &'static str,
    /// The attributes that it needs beside the base type.
    needs: &'static str,
}

impl Logical {
    /// All of them; the decimal is one of one digit.
    pub const ALL: [Self; 13] = [
        Self::Decimal {
            precision: 1,
            scale: 0,
        },
        Self::BigDecimal,
        Self::Uuid,
        Self::Date,
        Self::TimeMillis,
        Self::TimeMicros,
        Self::TimestampMillis,
        Self::TimestampMicros,
        Self::TimestampNanos,
        Self::LocalTimestampMillis,
        Self::LocalTimestampMicros,
        Self::LocalTimestampNanos,
        Self::Duration,
    ];

    /// The table of the logical types.
    fn row(self) -> Row {
        let row = |name, rust_name, base, needs| Row {
            name,
            rust_name,
            base,
            needs,
        };
        match self {
            Self::Decimal { .. } => row("decimal", "Decimal", "bytes", ", \"precision\": …, \"scale\": …"),
            Self::BigDecimal => row("big-decimal", "BigDecimal", "bytes", ""),
            Self::Uuid => row("uuid", "Uuid", "string", ""),
            Self::Date => row("date", "Date", "int", ""),
            Self::TimeMillis => row("time-millis", "TimeMillis", "int", ""),
            Self::TimeMicros => row("time-micros", "TimeMicros", "long", ""),
            Self::TimestampMillis => row("timestamp-millis", "TimestampMillis", "long", ""),
            Self::TimestampMicros => row("timestamp-micros", "TimestampMicros", "long", ""),
            Self::TimestampNanos => row("timestamp-nanos", "TimestampNanos", "long", ""),
            Self::LocalTimestampMillis => row("local-timestamp-millis", "LocalTimestampMillis", "long", ""),
            Self::LocalTimestampMicros => row("local-timestamp-micros", "LocalTimestampMicros", "long", ""),
            Self::LocalTimestampNanos => row("local-timestamp-nanos", "LocalTimestampNanos", "long", ""),
            Self::Duration => row("duration", "Duration", "fixed", ", \"name\": …, \"size\": 12"),
        }
    }

    /// The name that the specification gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name of its type in [`logical`](crate::logical).
    #[must_use]
    pub fn rust_name(self) -> &'static str {
        self.row().rust_name
    }

    /// The logical type of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|logical| logical.name() == name)
    }

    /// Whether this primitive type is its usual base type.
    pub(crate) fn is_on(self, kind: &Kind) -> bool {
        kind.primitive() == Some(self.row().base)
    }

    /// Its usual base type with the attributes that it needs, as JSON.
    pub(crate) fn base(self) -> String {
        let Row { base, needs, .. } = self.row();
        format!("\"{base}\"{needs}")
    }
}

/// As errors write it: `date`, `decimal(9, 2)`.
impl fmt::Display for Logical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Decimal { precision, scale } => write!(f, "({precision}, {scale})"),
            _ => Ok(()),
        }
    }
}
