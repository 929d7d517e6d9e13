//! Compatibility levels: which readers a changed schema must keep working.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A compatibility level of a schema registry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Level {
    /// Anything may change.
    None,
    /// The new version reads what the one before it wrote. The usual level: consumers are updated first.
    #[default]
    Backward,
    /// The new version reads what all former ones wrote.
    BackwardTransitive,
    /// The version before reads what the new one writes: producers are updated first.
    Forward,
    /// All former versions read what the new one writes.
    ForwardTransitive,
    /// Both, against the version before.
    Full,
    /// Both, against all former versions.
    FullTransitive,
}

/// A text that is not a compatibility level.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{0}` is not a compatibility level, use one of {list}", list = Level::list())]
pub struct UnknownLevel(String);

impl Level {
    /// All levels.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The name that registries use: `BACKWARD_TRANSITIVE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// The names of all levels, for messages.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Whether the new version must read what a former one wrote.
    #[must_use]
    pub const fn is_backward(self) -> bool {
        matches!(
            self,
            Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive
        )
    }

    /// Whether a former version must read what the new one writes.
    #[must_use]
    pub const fn is_forward(self) -> bool {
        matches!(
            self,
            Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive
        )
    }

    /// Whether all former versions count, and not only the last.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        matches!(
            self,
            Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive
        )
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    /// Reads a name in any case.
    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let named = |level: &Self| level.as_str().eq_ignore_ascii_case(text);
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}
