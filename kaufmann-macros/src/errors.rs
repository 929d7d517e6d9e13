//! Collects errors, so that a macro reports all mistakes in its input, not only the first.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Adds an error that spans all of `tokens`.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// The value; an error is added, and the result is `None`.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.map(syn::Error::into_compile_error).unwrap_or_default()
    }
}

/// The candidate that was probably meant.
pub(crate) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let (edits, best) = candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(written, candidate), *candidate))
        .min()?;
    if edits <= 1 + written.len() / 4 || shared(written, best) * 4 >= written.len() * 3 {
        return Some(best);
    }
    candidates
        .iter()
        .copied()
        .find(|candidate| has(written, candidate) || has(candidate, written))
}

/// The length of the common prefix of two words.
fn shared(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Whether a name such as `max_retries` has this word.
fn has(name: &str, word: &str) -> bool {
    name.split('_').any(|part| part == word) && name != word
}

/// `a`, `b` and `c`, each between backticks.
pub(crate) fn listing(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_suggested_and_an_unrelated_one_is_not() {
        let keys = ["state", "handlers", "exhaustive", "ignore"];
        assert_eq!(nearest("handler", &keys), Some("handlers"));
        assert_eq!(nearest("sate", &keys), Some("state"));
        assert_eq!(nearest("topic", &keys), None);
        let keys = ["event", "timeout", "retries", "max_in_flight"];
        assert_eq!(nearest("retry", &keys), Some("retries"));
        assert_eq!(nearest("max_retries", &keys), Some("retries"));
        assert_eq!(nearest("events", &keys), Some("event"));
        assert_eq!(nearest("topic", &keys), None);
    }

    #[test]
    fn a_listing_joins_words_with_commas_and_and() {
        assert_eq!(listing(&["a"]), "`a`");
        assert_eq!(listing(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
