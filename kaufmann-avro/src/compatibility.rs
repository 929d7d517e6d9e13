//! Whether a changed schema reads the records of its former versions, and whether they read its records.
//!
//! [`check`] compares one pair, [`check_history`] a schema with its former versions as a [`Level`] demands. Stricter than
//! [`Plan::new`](crate::resolve::Plan::new): a branch or a symbol that the reader does not have counts, although only
//! records that contain it fail.
//!
//! ```
//! use kaufmann_avro::{Schema, compatibility::{Level, check_history}};
//!
//! let old = Schema::parse(r#"{"type": "record", "name": "User", "fields": []}"#).unwrap();
//! let new = Schema::parse(
//!     r#"{"type": "record", "name": "User", "fields": [{"name": "email", "type": "string"}]}"#,
//! )
//! .unwrap();
//! let findings = check_history(Level::Backward, (&new).into(), &[(&old).into()]);
//! assert_eq!(findings[0].error.path, "email");
//! assert_eq!(findings[0].hint(), "give `email` a default");
//! assert!(check_history(Level::Forward, (&new).into(), &[(&old).into()]).is_empty());
//! ```

mod level;
#[cfg(test)]
mod tests;

pub use self::level::{Level, UnknownLevel};

use std::fmt;

use crate::model::Location;
use crate::resolve::{self, Mismatch, ResolveError, Typed};
use crate::schema::Schema;

/// A reason why two versions of a schema are not compatible.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Finding {
    /// Which of the two cannot read the other.
    pub direction: Direction,
    /// The former version: its place in the history; 0 for [`check`].
    pub against: usize,
    /// The place, both types, and what does not match.
    pub error: ResolveError,
}

/// Which of two versions of a schema reads the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The new version reads what the former one wrote.
    Backward,
    /// The former version reads what the new one writes.
    Forward,
}

/// All reasons why `reader`, the new version, does not read all that `writer`, the former one, writes.
#[must_use]
pub fn check(writer: &Schema, reader: &Schema) -> Vec<Finding> {
    findings(writer.into(), reader.into(), Direction::Backward, 0)
}

/// All reasons why `new` is not compatible with its former versions, of which the last is the newest.
#[must_use]
pub fn check_history(level: Level, new: Typed<'_>, history: &[Typed<'_>]) -> Vec<Finding> {
    let first = if level.is_transitive() {
        0
    } else {
        history.len().saturating_sub(1)
    };
    let mut found = Vec::new();
    for (against, former) in history.iter().enumerate().skip(first) {
        if level.is_backward() {
            found.extend(findings(*former, new, Direction::Backward, against));
        }
        if level.is_forward() {
            found.extend(findings(new, *former, Direction::Forward, against));
        }
    }
    found
}

fn findings(writer: Typed<'_>, reader: Typed<'_>, direction: Direction, against: usize) -> Vec<Finding> {
    let errors = resolve::mismatches(writer, reader);
    let finding = |error| Finding {
        direction,
        against,
        error,
    };
    errors.into_iter().map(finding).collect()
}

impl Finding {
    /// Where it is in the new version's file.
    #[must_use]
    pub fn at(&self) -> Location {
        match self.direction {
            Direction::Backward => self.error.reader_at,
            Direction::Forward => self.error.writer_at,
        }
    }

    /// What may be done in the new version.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.direction {
            Direction::Backward => self.backward_hint(),
            Direction::Forward => self.forward_hint(),
        }
    }

    fn backward_hint(&self) -> String {
        let (writer, reader, field) = (
            &self.error.writer,
            &self.error.reader,
            last_field(&self.error.path),
        );
        match &self.error.mismatch {
            Mismatch::MissingField => format!("give `{field}` a default"),
            Mismatch::Name => format!("give `{reader}` the alias `{writer}`"),
            Mismatch::Size { writer: size, .. } => format!("keep its size of {size} bytes"),
            Mismatch::Branch => format!("add `{writer}` to the union"),
            Mismatch::Symbols(symbols) => {
                let them = if symbols.len() == 1 { "it" } else { "them" };
                format!("keep {them}, or give the enum a default")
            }
            _ => keep_or_add(writer, field),
        }
    }

    fn forward_hint(&self) -> String {
        let (writer, reader, field) = (
            &self.error.writer,
            &self.error.reader,
            last_field(&self.error.path),
        );
        match &self.error.mismatch {
            Mismatch::MissingField => {
                format!("keep `{field}`: readers of the former version need it, it has no default there")
            }
            Mismatch::Name => format!("keep the name `{reader}`"),
            Mismatch::Size { reader: size, .. } => format!("keep its size of {size} bytes"),
            Mismatch::Branch => {
                format!("leave `{writer}` out: readers of the former version have no branch for it")
            }
            Mismatch::Symbols(symbols) => {
                let them = if symbols.len() == 1 { "it" } else { "them" };
                format!("leave {them} out: readers of the former version have neither {them} nor a default")
            }
            _ => keep_or_add(reader, field),
        }
    }
}

fn keep_or_add(former: &str, field: &str) -> String {
    if field.is_empty() {
        format!("keep `{former}`")
    } else {
        format!("keep `{former}`, or add a field of another name beside `{field}`")
    }
}

/// The field that a path leads to: `street` of `address.street[]`.
fn last_field(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or_default();
    last.trim_end_matches(['[', ']', '{', '}'])
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.error, self.hint())
    }
}
