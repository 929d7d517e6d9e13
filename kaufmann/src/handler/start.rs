//! The return type of the function under `#[kaufmann::main]`.

use crate::base::error::BoxError;

/// The result of starting a service with the state `S`: `Result<S, E>`, where `E` is any error.
#[diagnostic::on_unimplemented(
    message = "the function under `#[kaufmann::main]` must return `Result<{S}, E>`, not `{Self}`",
    label = "expected the service's state, `{S}`, or an error",
    note = "`E` is `kaufmann::BoxError`, `anyhow::Error`, `String` or any other error that can be sent between threads"
)]
pub trait Started<S> {
    /// Returns the state.
    ///
    /// # Errors
    ///
    /// If the service could not start.
    fn started(self) -> Result<S, BoxError>;
}

impl<S, E: StartError> Started<S> for Result<S, E> {
    fn started(self) -> Result<S, BoxError> {
        self.map_err(StartError::boxed)
    }
}

/// An error at the start of a service: any type that converts to [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of the function under `#[kaufmann::main]`",
    label = "not an error that can be sent between threads",
    note = "use `kaufmann::BoxError`, `anyhow::Error`, `String`, or a type that is `std::error::Error + Send + Sync`"
)]
pub trait StartError {
    /// The error, boxed.
    fn boxed(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> StartError for E {
    fn boxed(self) -> BoxError {
        self.into()
    }
}
