//! Pieces that the expansion, the dispatch and the checks share.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::Path;

use crate::service::parse::Entry;
use crate::spans::qualified;

/// A bound that assumes that handlers can share the state. A state that they cannot share is then refused once, where the list is used,
/// and not at each handler. The unused lifetime keeps rustc from checking the bound here.
pub(super) fn shared() -> TokenStream {
    quote!(where for<'__a> __State: ::kaufmann::__private::SharedState)
}

/// An item of the entry's `Handler<State>`, with the entry's span: rustc prints its error once, even if it is used several times.
pub(super) fn of_handler(path: &Path, item: &str) -> TokenStream {
    qualified(path, &quote!(Handler<__State>), item)
}

/// An entry as the user wrote it.
pub(super) fn path_text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// Whether an entry may be compiled out, so that indices in the table differ from those in the list.
pub(super) fn is_conditional<T>(entries: &[Entry<T>]) -> bool {
    entries.iter().any(|entry| !entry.attributes.is_empty())
}
