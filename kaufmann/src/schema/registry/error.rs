//! Errors of a schema registry.

use crate::base::bounded_text::bounded;

/// An error of a schema registry: `Display` names the call and its URL without secrets, the status, the registry's message, and
/// what may be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct RegistryError {
    kind: RegistryErrorKind,
    text: String,
    details: ResponseDetails,
}

/// The kind of a [`RegistryError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// The registry does not know the id, the subject or the version. It may know it a little later.
    Unknown,
    /// Final: the registry refused the schema (incompatible, or not a schema), or its schema is not an Avro schema.
    Refused,
    /// The registry denies access: 401, 403, or it requires a client certificate. Temporary, as credentials and rights can be changed.
    Unauthorized,
    /// Any other temporary failure: no connection, a time-out, 408, 429, 5xx, and answers that are not a registry's, such as a proxy's
    /// page.
    Unavailable,
}

/// The details of a failed call besides the error's text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ResponseDetails {
    pub(crate) url: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<u32>,
    pub(crate) message: Option<String>,
}

impl RegistryError {
    /// An error of this kind with this text: the call, its URL, and the answer.
    pub fn new(kind: RegistryErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: bounded(text.into()),
            details: ResponseDetails::default(),
        }
    }

    /// Adds the details of the call.
    #[cfg(feature = "registry")]
    pub(crate) fn with_details(mut self, details: ResponseDetails) -> Self {
        self.details = details;
        self
    }

    /// Whether it concerns the registry as a whole: no answer, or rejected credentials. Every other call would fail in the same way.
    #[cfg(all(feature = "cli", feature = "registry"))]
    pub(crate) fn concerns_all(&self) -> bool {
        let passes = matches!(
            self.kind,
            RegistryErrorKind::Unavailable | RegistryErrorKind::Unauthorized
        );
        passes && matches!(self.details.status, None | Some(401))
    }

    /// The error's kind.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.kind
    }

    /// The URL of the call, without credentials; of several, the last one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.details.url.as_deref()
    }

    /// The subject of the call, if it has one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.details.subject.as_deref()
    }

    /// The HTTP status of the answer; `None` if there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.details.status
    }

    /// The registry's own error code, such as Confluent's 40403.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.details.code
    }

    /// The registry's own message.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.details.message.as_deref()
    }
}
