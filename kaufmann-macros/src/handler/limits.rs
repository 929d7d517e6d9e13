//! The arguments that limit a handler: timeout, retries and back-off, what happens on failure, how many run at once, the size of
//! batches.

use std::time::Duration;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Token};

use crate::arguments;
use crate::errors::Errors;

/// The limits that are given; the configuration sets the others.
#[derive(Default)]
pub(super) struct Limits {
    timeout: Option<Duration>,
    retries: Option<u32>,
    backoff: Option<(Duration, Option<Duration>)>,
    on_failure: Option<&'static str>,
    max_in_flight: Option<u32>,
    /// With its key.
    pub(super) batch: Option<(Ident, u32)>,
    pub(super) linger: Option<(Ident, Duration)>,
}

impl Limits {
    /// The constant, if anything is given.
    pub(super) fn expand(&self) -> Option<TokenStream> {
        let counts = [self.retries, self.max_in_flight, self.batch()];
        let has_others = self.timeout.is_some() || self.backoff.is_some() || self.on_failure.is_some();
        if !has_others && counts.iter().all(Option::is_none) {
            return None;
        }
        let backoff = option(self.backoff.map(|(initial, max)| {
            let (initial, max) = (literal_duration(initial), duration(max));
            quote!((#initial, #max))
        }));
        let on_failure = option(self.on_failure.map(|variant| {
            let variant = Ident::new(variant, proc_macro2::Span::call_site());
            quote!(::kaufmann::__private::OnFailure::#variant)
        }));
        let timeout = duration(self.timeout);
        let linger = duration(self.linger.as_ref().map(|(_, linger)| *linger));
        let [retries, max_in_flight, batch] = counts.map(|count| option(count.map(|count| quote!(#count))));
        Some(quote! {
            const LIMITS: ::kaufmann::__private::Limits = ::kaufmann::__private::Limits {
                timeout: #timeout,
                retries: #retries,
                backoff: #backoff,
                on_failure: #on_failure,
                max_in_flight: #max_in_flight,
                batch: #batch,
                linger: #linger,
            };
        })
    }

    /// The largest batch.
    fn batch(&self) -> Option<u32> {
        self.batch.as_ref().map(|(_, size)| *size)
    }
}

fn duration(value: Option<Duration>) -> TokenStream {
    option(value.map(literal_duration))
}

fn literal_duration(time: Duration) -> TokenStream {
    let seconds = Literal::u64_suffixed(time.as_secs());
    let nanos = Literal::u32_suffixed(time.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// `timeout = "30s"`
pub(super) fn timeout(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `timeout = \"30s\"`";
    if is_given_twice(input, errors, key, limits.timeout.is_some()) {
        return Ok(());
    }
    let Some(text) = literal::<LitStr>(input, errors, key, "a duration as a string literal", EXAMPLE)? else {
        return Ok(());
    };
    match arguments::duration(&text, EXAMPLE, errors) {
        Some(Duration::ZERO) => errors.on(
            &text,
            format!("a `timeout` of zero would stop every handler; expected a duration, {EXAMPLE}"),
        ),
        timeout => limits.timeout = timeout,
    }
    Ok(())
}

/// `retries = 3`
pub(super) fn retries(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `retries = 3`";
    if !is_given_twice(input, errors, key, limits.retries.is_some()) {
        limits.retries = count(input, errors, key, 0, EXAMPLE)?;
    }
    Ok(())
}

/// `backoff = "1s..5m"`
pub(super) fn backoff(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `backoff = \"1s\"` or `backoff = \"1s..5m\"`";
    if is_given_twice(input, errors, key, limits.backoff.is_some()) {
        return Ok(());
    }
    let Some(text) = literal::<LitStr>(
        input,
        errors,
        key,
        "one or two durations as a string literal",
        EXAMPLE,
    )?
    else {
        return Ok(());
    };
    let value = text.value();
    let (initial, max) = match value.split_once("..") {
        Some((initial, max)) => (initial, Some(max)),
        None => (value.as_str(), None),
    };
    let part = |part: &str| LitStr::new(part.trim(), text.span());
    let Some(initial) = arguments::duration(&part(initial), EXAMPLE, errors) else {
        return Ok(());
    };
    let max = match max {
        None => None,
        Some(max) => match arguments::duration(&part(max), EXAMPLE, errors) {
            Some(max) => Some(max),
            None => return Ok(()),
        },
    };
    if max.is_some_and(|max| max < initial) {
        errors.on(
            &text,
            format!(
                "the longest back-off is shorter than the first one; expected the shorter first, {EXAMPLE}"
            ),
        );
        return Ok(());
    }
    limits.backoff = Some((initial, max));
    Ok(())
}

/// `on_failure = "stop"`
pub(super) fn on_failure(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `on_failure = \"stop\"`";
    const WAYS: [(&str, &str); 4] = [
        ("dead_letter", "DeadLetter"),
        ("error_event", "ErrorEvent"),
        ("both", "Both"),
        ("stop", "Stop"),
    ];
    if is_given_twice(input, errors, key, limits.on_failure.is_some()) {
        return Ok(());
    }
    let Some(text) = literal::<LitStr>(input, errors, key, "a string literal", EXAMPLE)? else {
        return Ok(());
    };
    let given = text.value();
    match WAYS.iter().find(|(name, _)| *name == given) {
        Some((_, variant)) => limits.on_failure = Some(variant),
        None => errors.on(
            &text,
            format!(
                "`on_failure` is \"{given}\"; expected one of {}",
                WAYS.map(|(name, _)| format!("\"{name}\"")).join(", ")
            ),
        ),
    }
    Ok(())
}

/// `max_in_flight = 5`
pub(super) fn max_in_flight(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `max_in_flight = 5`";
    if !is_given_twice(input, errors, key, limits.max_in_flight.is_some()) {
        limits.max_in_flight = count(input, errors, key, 1, EXAMPLE)?;
    }
    Ok(())
}

/// `batch = 100`
pub(super) fn batch(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `batch = 100`";
    if !is_given_twice(input, errors, key, limits.batch.is_some()) {
        let size = count(input, errors, key, 1, EXAMPLE)?;
        // An invalid size is reported already; the handler still counts as one for batches.
        limits.batch = Some((key.clone(), size.unwrap_or(1)));
    }
    Ok(())
}

/// `linger = "50ms"`
pub(super) fn linger(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    limits: &mut Limits,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `linger = \"50ms\"`";
    if is_given_twice(input, errors, key, limits.linger.is_some()) {
        return Ok(());
    }
    let text = literal::<LitStr>(input, errors, key, "a duration as a string literal", EXAMPLE)?;
    let linger = text.and_then(|text| arguments::duration(&text, EXAMPLE, errors));
    limits.linger = Some((key.clone(), linger.unwrap_or_default()));
    Ok(())
}

fn is_given_twice(input: ParseStream<'_>, errors: &mut Errors, key: &Ident, given: bool) -> bool {
    if given {
        errors.on(key, format!("`{key}` is given twice"));
        arguments::skip(input);
    }
    given
}

fn count(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    least: u32,
    example: &str,
) -> syn::Result<Option<u32>> {
    let what = format!("a whole number of at least {least}");
    let Some(number) = literal::<LitInt>(input, errors, key, &what, example)? else {
        return Ok(None);
    };
    match number.base10_parse::<u32>() {
        Ok(count) if count >= least => Ok(Some(count)),
        _ => {
            errors.on(
                &number,
                format!("`{key}` is {number}; expected {what}, {example}"),
            );
            Ok(None)
        }
    }
}

/// `= LITERAL`; reports anything else, and skips it.
fn literal<T: syn::parse::Parse>(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    what: &str,
    example: &str,
) -> syn::Result<Option<T>> {
    let mut found = key.span();
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        let ahead = input.fork();
        if ahead.parse::<T>().is_ok() {
            return input.parse().map(Some);
        }
        found = input.span();
    }
    errors.at(found, format!("expected {what}, {example}"));
    arguments::skip(input);
    Ok(None)
}
