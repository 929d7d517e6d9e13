//! The macros of `kaufmann`. Use them through that crate, where their documentation stands too.
//!
//! Each macro is parse → check → expand, and a fallback for what has errors: all errors of one use are collected, and what
//! else is emitted keeps one mistake from showing as several.

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
// The last ones are no classes: they are taken so that this crate can say what was meant, and rustc does not say it too.
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

/// Hands the expansion to the compiler, and shows it on standard error if `KAUFMANN_MACROS_DEBUG` is set.
fn finish(name: &str, expansion: proc_macro2::TokenStream) -> TokenStream {
    if std::env::var_os("KAUFMANN_MACROS_DEBUG").is_some_and(|value| value != "0") {
        #[expect(clippy::print_stderr, reason = "shown only to who asks for it")]
        {
            eprintln!("// kaufmann: expansion of `{name}`\n{expansion}\n");
        }
    }
    expansion.into()
}
