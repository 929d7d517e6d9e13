//! The macros, with their documentation: it stands here because its examples need the runtime.

pub use kaufmann_macros::{HandlerError, handler, main, service};
