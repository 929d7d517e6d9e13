//! What `add` is to add.

/// The arguments of `add`.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) event: String,
    pub(crate) service: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) no_handler: bool,
}
