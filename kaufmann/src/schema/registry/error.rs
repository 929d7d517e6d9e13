//! Why a registry did not answer as hoped.

use crate::base::bounded_text::bounded;

/// Why a registry did not answer as hoped: `Display` names the call and its URL without secrets, the status, what the
/// registry said, and what may be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct RegistryError {
    kind: RegistryErrorKind,
    text: String,
    details: ResponseDetails,
}

/// What kind of trouble a [`RegistryError`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// The registry answered that it does not know the id, the subject or the version. It may know it a little later.
    Unknown,
    /// The registry's last word: it refused the schema (incompatible, or not a schema), or what it has is no Avro schema.
    Refused,
    /// The registry does not let us: 401, 403, or it wants a client certificate that it has not got. It passes when somebody changes
    /// credentials or rights.
    Unauthorized,
    /// Anything else that may pass: no connection, a time-out, 408, 429, 5xx, and all that a registry does not say, such as a
    /// proxy's page.
    Unavailable,
}

/// What is known of an answer besides its text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ResponseDetails {
    pub(crate) url: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<u32>,
    pub(crate) message: Option<String>,
}

impl RegistryError {
    /// An error of this kind with this text: what was asked of which URL, and what came back.
    pub fn new(kind: RegistryErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: bounded(text.into()),
            details: ResponseDetails::default(),
        }
    }

    /// The error with what is known of the answer.
    #[cfg(feature = "registry")]
    pub(crate) fn with_details(mut self, details: ResponseDetails) -> Self {
        self.details = details;
        self
    }

    /// Whether it is about the registry as a whole: no answer, or credentials that it does not take. Every other question would
    /// end the same.
    #[cfg(all(feature = "cli", feature = "registry"))]
    pub(crate) fn concerns_all(&self) -> bool {
        let passes = matches!(
            self.kind,
            RegistryErrorKind::Unavailable | RegistryErrorKind::Unauthorized
        );
        passes && matches!(self.details.status, None | Some(401))
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.kind
    }

    /// The URL that was asked, without credentials; of several, the last one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.details.url.as_deref()
    }

    /// The subject that the call was about, if it was about one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.details.subject.as_deref()
    }

    /// The HTTP status of the answer; `None` if there was no answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.details.status
    }

    /// The registry's own error code, such as 40403 of Confluent's.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.details.code
    }

    /// What the registry itself said.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.details.message.as_deref()
    }
}
