//! What the function under `#[kaufmann::main]` returns.

use crate::failure::BoxError;

/// The result of starting a service with the state `S`: `Result<S, E>`, where `E` is any error.
#[diagnostic::on_unimplemented(
    message = "the function under `#[kaufmann::main]` must return `Result<{S}, E>`, not `{Self}`",
    label = "expected the service's state, `{S}`, or an error",
    note = "`E` is `kaufmann::BoxError`, `anyhow::Error`, `String` or any other error that can be sent between threads"
)]
pub trait Started<S> {
    /// The state, or why there is none.
    ///
    /// # Errors
    ///
    /// If the service could not start.
    fn started(self) -> Result<S, BoxError>;
}

impl<S, E: Into<BoxError>> Started<S> for Result<S, E> {
    fn started(self) -> Result<S, BoxError> {
        self.map_err(Into::into)
    }
}
