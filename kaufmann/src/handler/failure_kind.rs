//! How the handling of a record failed, as dead letters and error events name it.

use std::fmt;

/// How the handling of a record failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FailureKind {
    /// The payload is not a value of its schema, or has no schema.
    Undecodable,
    /// The handler returned an error.
    Failed,
    /// The handler, or the code that calls it, panicked.
    Panicked,
    /// The handler did not finish within its timeout.
    TimedOut,
}

impl FailureKind {
    /// All kinds.
    #[allow(
        dead_code,
        reason = "only AsyncAPI documents list them, which need three features"
    )]
    pub(crate) const ALL: [Self; 4] = [Self::Undecodable, Self::Failed, Self::Panicked, Self::TimedOut];

    /// The name in headers, error events and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_guide_to_failures_and_in_the_schema_of_error_events() {
        for text in [
            include_str!("../docs/failures.md"),
            include_str!("../publish/error_event.avsc"),
        ] {
            for kind in FailureKind::ALL {
                assert!(text.contains(kind.name()), "{kind} is missing");
            }
        }
    }
}
