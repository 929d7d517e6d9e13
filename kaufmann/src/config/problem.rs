//! The mistakes in a configuration, all at once, each with its place.

use super::kind::Mismatch;
use crate::base::error::{Error, ErrorKind};

/// Mistakes, one text each.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn push(&mut self, text: impl Into<String>) {
        let text = text.into();
        // Two entries may have the same mistake, whose text names neither.
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    /// Adds a value that its key does not accept.
    pub(super) fn mismatch(&mut self, place: &str, key: &str, mismatch: &Mismatch) {
        self.push(format!(
            "{place}: `{key}` is {}, expected {}",
            mismatch.found, mismatch.expected
        ));
    }

    /// Adds an unknown name, with the name that may be meant.
    pub(super) fn unknown(&mut self, place: &str, what: &str, name: &str, meant: Option<String>) {
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "the command `config` lists all keys".to_owned(),
        };
        self.push(format!("{place}: unknown {what} `{name}`; {hint}"));
    }

    pub(super) fn into_result(self) -> Result<(), Error> {
        let text = match self.0.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            many => format!(
                "{} mistakes in the configuration:\n  {}",
                many.len(),
                many.join("\n  ")
            ),
        };
        Err(Error::new(ErrorKind::Configuration, text))
    }
}
