//! A handler's failure: its cause, and what becomes of the record.

use crate::base::error::BoxError;
use std::fmt;
use std::time::Duration;

/// The error of a handler: a cause and a [`Class`].
///
/// `?` turns every standard error, `anyhow::Error`, `String` and `&str` into a `Failure` that is retried. It does so with an
/// enum that has classes of its own too, and **those are lost**: write `.map_err(Failure::of)?`, or return the enum.
///
/// ```
/// use kaufmann::Failure;
///
/// fn parse(text: &str) -> Result<u32, Failure> {
///     let number: u32 = text.parse()?; // retried, the default
///     if number == 0 {
///         return Err(Failure::new("zero is not an amount").dead_letter());
///     }
///     Ok(number)
/// }
/// assert!(parse("x").is_err());
/// ```
pub struct Failure(Box<Inner>);

struct Inner {
    class: Class,
    error: BoxError,
}

/// What becomes of a record whose handler failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Class {
    /// Try again after the back-off, or after the given time.
    Retry {
        /// How long to wait instead of the configured back-off.
        after: Option<Duration>,
    },
    /// Write the record to the dead-letter topic at once.
    DeadLetter,
    /// Settle the record as if it had been handled.
    Skip,
    /// Stop the service; the record stays unsettled and is read again by the next instance.
    Fatal,
}

impl Failure {
    /// A failure that is retried.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self::classed(error.into(), Class::Retry { after: None })
    }

    /// The failure of an error that has a class.
    pub fn of(error: impl HandlerError) -> Self {
        error.into_failure()
    }

    /// Sends the record to the dead-letter topic at once.
    #[must_use]
    pub fn dead_letter(self) -> Self {
        self.with(Class::DeadLetter)
    }

    /// Settles the record as if it had been handled.
    #[must_use]
    pub fn skip(self) -> Self {
        self.with(Class::Skip)
    }

    /// Stops the service; the record is read again by the next instance.
    #[must_use]
    pub fn fatal(self) -> Self {
        self.with(Class::Fatal)
    }

    /// Tries again after `delay` instead of the configured back-off.
    #[must_use]
    pub fn retry_after(self, delay: Duration) -> Self {
        self.with(Class::Retry { after: Some(delay) })
    }

    /// What becomes of the record.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// The cause.
    #[must_use]
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0.error
    }

    /// Whether its record is tried again.
    pub(crate) fn is_retried(&self) -> bool {
        matches!(self.class(), Class::Retry { .. })
    }

    /// A copy for another record: the error's text, and the class.
    pub(crate) fn again(&self) -> Self {
        Self::classed(Chain(self.error()).to_string().into(), self.class())
    }

    pub(crate) fn classed(error: BoxError, class: Class) -> Self {
        Self(Box::new(Inner { class, error }))
    }

    fn with(mut self, class: Class) -> Self {
        self.0.class = class;
        self
    }
}

// `Failure` must not implement `std::error::Error`: this blanket implementation, which makes `?` work, would overlap.
impl<E: Into<BoxError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("class", &self.0.class)
            .field("error", &self.0.error)
            .finish()
    }
}

/// An error type that decides what becomes of the record: [`Failure`], or an enum that derives this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a kaufmann handler",
    label = "has no failure class",
    note = "return `kaufmann::Failure`, into which `?` converts any error, or derive `kaufmann::HandlerError` for the enum"
)]
pub trait HandlerError: Sized {
    /// The failure with its class.
    fn into_failure(self) -> Failure;
}

impl HandlerError for Failure {
    fn into_failure(self) -> Failure {
        self
    }
}

impl HandlerError for BoxError {
    fn into_failure(self) -> Failure {
        Failure::new(self)
    }
}

impl HandlerError for std::convert::Infallible {
    fn into_failure(self) -> Failure {
        match self {}
    }
}

/// A type that can derive [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` derives `HandlerError`, but is not an error that can be sent between threads",
    label = "not `std::error::Error + Send + Sync + 'static`",
    note = "derive `thiserror::Error` for it too, or implement `std::error::Error`"
)]
pub trait ClassedError {
    /// The error, boxed.
    fn boxed(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error + Send + Sync + 'static> ClassedError for E {
    fn boxed(self) -> BoxError {
        Box::new(self)
    }
}

/// Shows an error and its causes in one line: `cannot store: connection refused`.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
