//! Errors in a lock.

use thiserror::Error;

use crate::suggest::Hint;

/// What is wrong with the text of a lock, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{line}:{column}: {kind}")]
pub struct LockError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: LockErrorKind,
}

/// What is wrong with the text of a lock.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LockErrorKind {
    /// Git's conflict markers.
    #[error(
        "git could not merge the lock and left its markers; take either side, then let `schema pull` write what the \
         registry holds"
    )]
    Conflict,
    /// The text is not TOML.
    #[error(
        "not valid TOML: {0}; take the file from git again, or delete it and let `schema pull` write it again"
    )]
    Toml(String),
    /// A later version of the format.
    #[error("the lock has the format {0}, but this version of kaufmann knows the format 1; update kaufmann")]
    Format(i64),
    /// A key that a lock does not have.
    #[error("unknown key `{key}`{}{}", Hint(suggestion.as_ref()), if suggestion.is_none() { "; remove it" } else { "" })]
    UnknownKey {
        /// The key.
        key: String,
        /// A similar key.
        suggestion: Option<String>,
    },
    /// A key that a lock must have.
    #[error(
        "{of} lacks the key `{key}`; take the file from git again, or delete it and let `schema pull` write it again"
    )]
    MissingKey {
        /// What lacks it.
        of: String,
        /// The key.
        key: &'static str,
    },
    /// A value that its key cannot have.
    #[error("`{key}` is {found}, expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// An invalid schema.
    #[error(
        "the schema of version {version} of `{event}` is not an Avro schema: {reason}; take the file from git again, or delete the \
         version's lines and let `schema pull` write them again"
    )]
    Schema {
        /// The event.
        event: String,
        /// The number of the version.
        version: u32,
        /// The first mistake.
        reason: String,
    },
    /// A schema whose fingerprint is not the one beside it.
    #[error(
        "the schema of version {version} of `{event}` has the fingerprint {found:016x}, but the lock has {locked:016x}: \
         one of them was changed by hand or by a merge; take the file from git again, or delete the version's lines and let \
         `schema pull` write them again"
    )]
    Fingerprint {
        /// The event.
        event: String,
        /// The number of the version.
        version: u32,
        /// That of the schema.
        found: u64,
        /// That beside it.
        locked: u64,
    },
}
