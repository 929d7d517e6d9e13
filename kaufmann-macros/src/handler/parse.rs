//! Parses the attribute and the function below it. The body stays unparsed: rustc reports its errors.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, LitStr, Signature, Token, Type, Visibility};

use super::limits::{self, Limits};
use crate::arguments::{self, Keys};
use crate::errors::{Errors, listing};

const KEYS: Keys = Keys {
    of: "`#[handler]`",
    noun: "argument",
    known: &[
        "event",
        "tombstone",
        "catch_all",
        "emits",
        "timeout",
        "retries",
        "backoff",
        "on_failure",
        "max_in_flight",
        "batch",
        "linger",
    ],
    others: &[
        ("name", "event"),
        ("kind", "event"),
        ("attempts", "retries"),
        ("max_attempts", "retries"),
        ("concurrency", "max_in_flight"),
        ("max_concurrency", "max_in_flight"),
        ("parallelism", "max_in_flight"),
        ("deadline", "timeout"),
        ("delay", "backoff"),
        ("back_off", "backoff"),
        ("size", "batch"),
        ("wait", "linger"),
        ("fallback", "catch_all"),
        ("all", "catch_all"),
        ("any", "catch_all"),
        ("publishes", "emits"),
        ("returns", "emits"),
        ("delete", "tombstone"),
        ("deleted", "tombstone"),
    ],
};

/// `event = "user.create", tombstone, catch_all, emits = [user::Audit], timeout = "30s", retries = 3, backoff = "1s..5m",
/// on_failure = "stop", max_in_flight = 5, batch = 100, linger = "50ms"`, those that could be read.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) event: Option<LitStr>,
    pub(super) tombstone: Option<Ident>,
    pub(super) catch_all: Option<Ident>,
    pub(super) emits: Vec<Type>,
    pub(super) limits: Limits,
}

/// The function under the attribute.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) body: TokenStream,
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.attributes.iter().map(ToTokens::to_token_stream));
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// Reads the attribute's arguments.
pub(super) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    arguments::read_all(tokens, errors, |input, errors| {
        arguments::each(input, errors, "arguments", |input, errors| {
            argument(input, errors, &mut arguments)
        });
    });
    arguments
}

fn argument(input: ParseStream<'_>, errors: &mut Errors, arguments: &mut Arguments) -> syn::Result<()> {
    if input.peek(LitStr) {
        let name: LitStr = input.parse()?;
        errors.on(
            &name,
            format!(
                "the event's name needs its key: write `event = \"{}\"`",
                name.value()
            ),
        );
        return Ok(());
    }
    let Ok(key) = arguments::key(input) else {
        let known = listing(KEYS.known);
        return Err(input.error(format!("expected an argument, `#[handler]` takes {known}")));
    };
    match key.to_string().as_str() {
        "event" => event(input, errors, &key, &mut arguments.event)?,
        "tombstone" if arguments.tombstone.is_some() => errors.on(&key, "`tombstone` is given twice"),
        "tombstone" => arguments.tombstone = Some(key),
        "catch_all" if arguments.catch_all.is_some() => errors.on(&key, "`catch_all` is given twice"),
        "catch_all" => arguments.catch_all = Some(key),
        "emits" => {
            input.parse::<Token![=]>()?;
            arguments
                .emits
                .extend(arguments::list::<Type>(input, errors, "event types")?);
        }
        "timeout" => limits::timeout(input, errors, &key, &mut arguments.limits)?,
        "retries" => limits::retries(input, errors, &key, &mut arguments.limits)?,
        "backoff" => limits::backoff(input, errors, &key, &mut arguments.limits)?,
        "on_failure" => limits::on_failure(input, errors, &key, &mut arguments.limits)?,
        "max_in_flight" => limits::max_in_flight(input, errors, &key, &mut arguments.limits)?,
        "batch" => limits::batch(input, errors, &key, &mut arguments.limits)?,
        "linger" => limits::linger(input, errors, &key, &mut arguments.limits)?,
        _ => {
            KEYS.refuse(&key, errors);
            arguments::skip(input);
        }
    }
    Ok(())
}

fn event(
    input: ParseStream<'_>,
    errors: &mut Errors,
    key: &Ident,
    event: &mut Option<LitStr>,
) -> syn::Result<()> {
    const EXAMPLE: &str = "for example `event = \"user.create\"`";
    if event.is_some() {
        errors.on(key, "`event` is given twice; a handler handles one event");
        arguments::skip(input);
        return Ok(());
    }
    if !input.peek(Token![=]) || !input.peek2(LitStr) {
        let found = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            input.span()
        } else {
            key.span()
        };
        errors.at(
            found,
            format!("expected the event's name as a string literal, {EXAMPLE}"),
        );
        arguments::skip(input);
        return Ok(());
    }
    input.parse::<Token![=]>()?;
    let name: LitStr = input.parse()?;
    if name.value().is_empty() {
        errors.on(
            &name,
            format!("`event` is empty; expected an event's name, {EXAMPLE}"),
        );
    }
    *event = Some(name);
    Ok(())
}

/// Reads the function; `None` if the attribute is on another item.
pub(super) fn function(tokens: TokenStream, errors: &mut Errors) -> Option<Function> {
    let result = (|input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        refuse_other_items(input)?;
        let signature = input.parse()?;
        let body = input.parse()?;
        Ok(Function {
            attributes,
            visibility,
            signature,
            body,
        })
    })
    .parse2(tokens);
    errors.keep(result)
}

/// Reports another item by its kind; the parser would only report which token it expected.
fn refuse_other_items(input: ParseStream<'_>) -> syn::Result<()> {
    const KINDS: [&str; 11] = [
        "struct",
        "enum",
        "union",
        "trait",
        "impl",
        "mod",
        "type",
        "static",
        "use",
        "const",
        "macro_rules",
    ];
    let ahead = input.fork();
    if ahead.peek(Token![const])
        && (ahead.peek2(Token![fn]) || ahead.peek2(Token![async]) || ahead.peek2(Token![unsafe]))
    {
        return Ok(());
    }
    let Ok(keyword) = arguments::key(&ahead) else {
        return Ok(());
    };
    let kind = keyword.to_string();
    if !KINDS.contains(&kind.as_str()) {
        return Ok(());
    }
    let name = arguments::key(&ahead)
        .map(|name| format!(" `{name}`"))
        .unwrap_or_default();
    let what = match kind.as_str() {
        "impl" => "an `impl`".to_owned(),
        "use" => "a `use`".to_owned(),
        "macro_rules" => "a macro".to_owned(),
        kind => format!("the {kind}{name}"),
    };
    Err(syn::Error::new(
        keyword.span(),
        format!("`#[handler]` goes on an `async fn`, not on {what}"),
    ))
}
