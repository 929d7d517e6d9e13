//! The macros of `kaufmann`. Use them through that crate, which documents them.
//!
//! Each macro parses, checks and expands. All errors of one use are collected; then a fallback emits code beside them, which keeps
//! one mistake from showing as several errors.

mod arguments;
mod errors;
mod spans;

mod error_class;
mod handler;
mod main_fn;
mod service;

#[cfg(test)]
mod golden;

use proc_macro::TokenStream;

/// See `kaufmann::handler`.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish("handler", handler::expand(arguments.into(), &item.into()))
}

/// See `kaufmann::service`.
#[proc_macro]
pub fn service(input: TokenStream) -> TokenStream {
    finish("service", service::expand(input.into()))
}

/// See `kaufmann::main`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    finish("main", main_fn::expand(arguments.into(), &item.into()))
}

/// See `kaufmann::HandlerError`.
// The attributes after `fatal` are not classes: they are declared so that this crate, not rustc, reports them and suggests the right one.
#[proc_macro_derive(
    HandlerError,
    attributes(
        retry,
        retry_after,
        dead_letter,
        skip,
        fatal,
        deadletter,
        dead,
        retries,
        retry_in,
        retryafter,
        drop,
        stop,
        panic
    )
)]
pub fn handler_error(input: TokenStream) -> TokenStream {
    finish("HandlerError", error_class::expand(input.into()))
}

/// Returns the expansion to the compiler, and prints it to standard error if `KAUFMANN_MACROS_DEBUG` is set.
fn finish(name: &str, expansion: proc_macro2::TokenStream) -> TokenStream {
    if std::env::var_os("KAUFMANN_MACROS_DEBUG").is_some_and(|value| value != "0") {
        #[expect(clippy::print_stderr, reason = "shown only on request")]
        {
            eprintln!("// kaufmann: expansion of `{name}`\n{expansion}\n");
        }
    }
    expansion.into()
}
