//! `#[kaufmann::main]`: generates a `main` that runs a service; the function below makes the service's state.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, FnArg, GenericParam, Path, ReturnType, Signature, Type, Visibility};

use crate::errors::Errors;
use crate::spans::{ident, located};

/// Expands the attribute.
pub(crate) fn expand(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let service = service(arguments, &mut errors);
    let signature = signature(item.clone(), &mut errors);
    let shape = signature
        .as_ref()
        .and_then(|signature| check(signature, &mut errors));
    match (service, shape) {
        (Some(service), Some(start)) if errors.is_empty() => {
            let main = main(&service, &start);
            quote!(#item #main)
        }
        _ => fallback(item, signature.as_ref(), errors),
    }
}

/// A function that passed the check.
struct Start<'a> {
    name: &'a Ident,
    takes_config: bool,
    /// The span of its return type.
    returns: Span,
}

fn service(arguments: TokenStream, errors: &mut Errors) -> Option<Path> {
    if arguments.is_empty() {
        errors.at(
            Span::call_site(),
            "missing the service to run, for example `#[kaufmann::main(Accounts)]`",
        );
        return None;
    }
    let rule = "`#[kaufmann::main]` takes the name of one service, for example `#[kaufmann::main(Accounts)]`";
    let path = syn::parse2::<Path>(arguments.clone());
    path.map_err(|_| errors.on(arguments, rule)).ok()
}

fn signature(item: TokenStream, errors: &mut Errors) -> Option<Signature> {
    let result = (|input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let start = input.span();
        let signature = input.parse::<Signature>();
        let _body: TokenStream = input.parse()?;
        signature.map_err(|_| {
            syn::Error::new(
                start,
                "`#[kaufmann::main]` goes on an `async fn` that makes the service's state",
            )
        })
    })
    .parse2(item);
    errors.keep(result)
}

fn check<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<Start<'a>> {
    let name = &signature.ident;
    if name == "main" {
        errors.on(
            name,
            "`#[kaufmann::main]` makes the function `main`; give this one another name, such as `start`",
        );
        return None;
    }
    if signature.asyncness.is_none() {
        let reason = "`#[kaufmann::main]` starts the runtime before it is called";
        errors.on(
            signature.fn_token,
            format!("`{name}` must be an `async fn`; {reason}"),
        );
    }
    if let Some(open) = signature
        .generics
        .params
        .iter()
        .find(|p| !matches!(p, GenericParam::Lifetime(_)))
    {
        errors.on(
            open,
            format!("`{name}` must not be generic; `#[kaufmann::main]` calls it with the configuration"),
        );
    }
    if signature.receiver().is_some() || signature.inputs.len() > 1 {
        let shape = format!("async fn {name}(config: &kaufmann::Config) -> Result<State, E>");
        errors.on(
            &signature.inputs,
            format!("`{name}` takes at most one argument, the configuration\nits signature is\n    {shape}"),
        );
        return None;
    }
    config(signature, errors);
    let returns = match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => {
            let shape = "expected `-> Result<State, E>` with the service's state";
            errors.at(
                signature.paren_token.span.close(),
                format!("`{name}` returns nothing; {shape}"),
            );
            return None;
        }
    };
    Some(Start {
        name,
        takes_config: !signature.inputs.is_empty(),
        returns,
    })
}

/// Refuses the configuration by value; rustc reports other wrong types.
fn config(signature: &Signature, errors: &mut Errors) {
    let name = &signature.ident;
    match signature.inputs.first() {
        Some(FnArg::Typed(argument)) if matches!(*argument.ty, Type::Path(_)) => {
            let rule = "borrows the configuration: `config: &kaufmann::Config`";
            errors.on(&argument.ty, format!("`{name}` {rule}"));
        }
        _ => {}
    }
}

fn main(service: &Path, start: &Start<'_>) -> TokenStream {
    let mut name = start.name.clone();
    name.set_span(located(start.returns));
    let argument = if start.takes_config {
        quote!(#name)
    } else {
        let config = ident("__config", start.returns);
        quote_spanned!(located(start.returns)=> async |#config: &::kaufmann::Config| {
            let _ = #config;
            #name().await
        })
    };
    let call = quote_spanned!(service.span()=> ::kaufmann::__private::main::<#service, _>(#argument));
    quote! {
        fn main() -> ::std::process::ExitCode {
            #call
        }
    }
}

/// The errors, the function unless it is called `main`, and an empty `main`, so that rustc does not report a missing one.
fn fallback(item: &TokenStream, signature: Option<&Signature>, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let item = match signature {
        Some(signature) if signature.ident == "main" => &TokenStream::new(),
        _ => item,
    };
    let main = format_ident!("main");
    quote!(#item #errors fn #main() {})
}
