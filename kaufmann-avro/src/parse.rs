//! Parsing `.avsc` files: to a [`Model`], or to all mistakes in all files.
//!
//! The rules are those of the Avro 1.12 specification. Where it leaves a choice, or where schemas in use depend on it, the
//! behaviour is that of Java's implementation:
//!
//! - Several files may have equal definitions of a type: docs and attributes do not count, aliases are merged. Two
//!   definitions in one file are a mistake.
//! - An alias may be any text, so that types with invalid names can be read.
//! - A name without a dot is looked up in the enclosing namespace, and then among the names without a namespace.
//! - Types may be used before they are defined, also in another file.
//! - A default of a union is a value of the first branch that it fits (1.12; before, only the first branch counted).
//! - A float or double may have the defaults `"NaN"`, `"Infinity"` and `"-Infinity"`.
//! - `{"type": {…}}` is the inner type with the attributes of both.
//! - `error` is another word for `record`.
//! - A logical type that does not fit its type is ignored and kept as an attribute.
//! - Comments are allowed.
//!
//! Stricter than Java's, because each of these is a mistake: a key may occur only once in an object, a default must be
//! complete and exact (length of a fixed, symbol of an enum, fields of a record), a field's alias may
//! not be the name or alias of another, and names are ASCII.

mod build;
mod check;
mod definition;
mod error;
mod logical;
mod names;
mod reader;
mod repeats;
mod synonyms;
#[cfg(test)]
mod tests;
mod writers;

use std::collections::HashSet;

pub use self::error::{SchemaError, SchemaErrorKind};

use self::build::Builder;
use self::error::Errors;
use self::names::Names;
use crate::model::{Model, NamedType, TypeId};

/// The text of one schema file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The path that errors name.
    pub path: &'a str,
    /// The file's content.
    pub text: &'a str,
}

/// Parses files that may refer to each other, in any order and in cycles.
///
/// ```
/// use kaufmann_avro::{Source, parse};
///
/// let file = Source {
///     path: "user.avsc",
///     text: r#"{"type": "record", "name": "User", "fields": [{"name": "email", "type": "strng"}]}"#,
/// };
/// let errors = parse(&[file]).unwrap_err();
/// assert_eq!(
///     errors[0].to_string(),
///     "user.avsc:1:73: field `email` has unknown type `strng`, did you mean `string`?"
/// );
/// ```
///
/// # Errors
///
/// All mistakes in all files, in the order of the files.
pub fn parse(sources: &[Source<'_>]) -> Result<Model, Vec<SchemaError>> {
    parse_as(sources, Use::Ours)
}

/// The valid parts of files with mistakes, for tools that check these further.
#[derive(Debug)]
pub struct Partial {
    /// The types as far as they are valid. An invalid part is null or missing.
    pub model: Model,
    /// The types with a mistake, and those that mention one.
    pub unsound: HashSet<TypeId>,
    /// The further definitions of types that are defined more than once; the model has one of each.
    pub repeats: Vec<(TypeId, NamedType)>,
    /// All mistakes in all files, in the order of the files.
    pub errors: Vec<SchemaError>,
}

/// Parses as [`parse`] does, and returns the valid parts together with the mistakes. Without mistakes the model is complete.
pub fn parse_partial(sources: &[Source<'_>]) -> Partial {
    partial(sources, Use::Ours)
}

/// Parses one schema; errors name it `<schema>`.
///
/// # Errors
///
/// All mistakes in it.
pub fn parse_str(text: &str) -> Result<Model, Vec<SchemaError>> {
    parse(&[Source {
        path: "<schema>",
        text,
    }])
}

/// Whose schema is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The service's own: every mistake counts.
    Ours,
    /// A writer's, from the registry: only mistakes that make its records unreadable count.
    Writers,
}

pub(crate) fn parse_as(sources: &[Source<'_>], wanted: Use) -> Result<Model, Vec<SchemaError>> {
    let partial = partial(sources, wanted);
    if partial.errors.is_empty() {
        Ok(partial.model)
    } else {
        Err(partial.errors)
    }
}

fn partial(sources: &[Source<'_>], wanted: Use) -> Partial {
    let mut errors = Errors::new(sources);
    let texts: Vec<_> = sources
        .iter()
        .enumerate()
        .map(|(i, s)| reader::read(i, s.text, &mut errors))
        .collect();

    let mut names = Names::default();
    for text in texts.iter().flatten() {
        names.declare(text);
    }
    let mut builder = Builder::new(&names, &mut errors);
    for (file, (source, text)) in sources.iter().zip(&texts).enumerate() {
        builder.file(file, source.path, text.as_ref());
    }
    let mut built = builder.finish();
    repeats::check(&mut built, &mut errors);

    let endless = check::endless(&built.model, &mut errors);
    let unsound = check::unsound(&built, &endless);
    if wanted == Use::Ours {
        check::defaults(&built, &unsound, &mut errors);
    }
    let unread = sources.iter().zip(&texts).filter(|(_, text)| text.is_none());
    let unread = unread
        .flat_map(|(source, _)| names::possible(source.text))
        .collect();
    Partial {
        model: built.model,
        unsound,
        repeats: built
            .repeats
            .into_iter()
            .map(|repeat| (repeat.id, repeat.named))
            .collect(),
        errors: errors.finish(wanted, &unread),
    }
}
