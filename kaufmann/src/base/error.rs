//! Why a service ended: one opaque [`Error`] with a kind, and the exit code that goes with it.

use std::fmt;
use std::process::ExitCode;

#[cfg(any(test, feature = "cli", feature = "testing"))]
use crate::base::bounded_text::bounded;

/// Any error that can be sent between threads.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a service could not start, or had to end.
///
/// `Display` says what happened; the cause is [`std::error::Error::source`].
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    source: Option<BoxError>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line requests something impossible: an unknown event, or a payload that does not fit.
    Usage,
    /// A setting is missing, misspelt or invalid.
    Configuration,
    /// The service's state, a listener or the first contact with Kafka or the registry failed.
    Start,
    /// The source of records cannot continue.
    Source,
    /// An event could not be published.
    Publish,
    /// A schema is unknown or refused, or the registry cannot be reached.
    Schema,
    /// A handler stopped the service.
    Handler,
    /// More records failed than the limit of dead letters allows.
    TooManyFailures,
    /// The deadline of the shutdown passed with work unfinished.
    Unfinished,
    /// A bug in the service or in kaufmann.
    Internal,
}

impl Error {
    /// An error of this kind with this text: what happened, where, and what to do about it.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            text: text.into(),
            source: None,
        }))
    }

    /// Adds the cause. Its text is not repeated in `Display`.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The error's kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The exit code of the generated main.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.0.kind.code())
    }
}

impl ErrorKind {
    /// The exit code as a number, after `sysexits.h` where that has one.
    ///
    /// | code | meaning |
    /// |---|---|
    /// | 2 | the command line is wrong |
    /// | 65 | too many records could not be handled |
    /// | 69 | could not start |
    /// | 70 | failed while running |
    /// | 75 | the deadline of the shutdown passed with work unfinished; the next instance does it again |
    /// | 78 | configuration |
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Configuration => 78,
            Self::TooManyFailures => 65,
            Self::Start => 69,
            Self::Unfinished => 75,
            Self::Source | Self::Publish | Self::Schema | Self::Handler | Self::Internal => 70,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An error and its causes as the generated main prints them: the error, then one `caused by:` line for each cause.
#[cfg(any(test, feature = "cli", feature = "testing"))]
pub(crate) struct Report<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

#[cfg(any(test, feature = "cli", feature = "testing"))]
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {}", bounded(error))?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_each_cause_on_a_line_of_its_own() {
        let refused = std::io::Error::other("connection refused");
        let inner = Error::new(ErrorKind::Start, "cannot reach the database").caused_by(refused);
        let outer = Error::new(ErrorKind::Start, "Accounts could not start").caused_by(inner);
        assert_eq!(
            Report(&outer).to_string(),
            "error: Accounts could not start\n  caused by: cannot reach the database\n  caused by: connection refused",
        );
    }

    #[test]
    fn kinds_have_their_documented_codes() {
        let codes = [
            ErrorKind::Configuration,
            ErrorKind::Start,
            ErrorKind::Source,
            ErrorKind::Unfinished,
        ];
        assert_eq!(codes.map(ErrorKind::code), [78, 69, 70, 75]);
    }
}
