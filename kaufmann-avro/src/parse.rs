//! From the text of `.avsc` files to a [`Model`], or to all of the mistakes in all of them.
//!
//! The rules are those of the Avro 1.12 specification. Where it leaves room, or where schemas in use depend on it, the
//! behaviour is that of Java's implementation:
//!
//! - Files may define a type alike: docs and attributes do not count, aliases are put together. In one file it is a
//!   mistake.
//! - An alias may be any text, so that a type can be read under a name that is none.
//! - A name without a dot is looked up in the enclosing namespace, and then among the names without a namespace.
//! - Types may be used before they are defined, also in another file.
//! - A default of a union may fit any of its branches, and stands for the first that it fits (1.12; before, only the
//!   first branch counted).
//! - A float or double may have the defaults `"NaN"`, `"Infinity"` and `"-Infinity"`.
//! - `{"type": {…}}` is the inner type with the attributes of both.
//! - `error` is another word for `record`.
//! - A logical type that does not fit its type is ignored and kept as an attribute.
//! - Comments are allowed.
//!
//! Stricter than Java's, because each is a mistake of whoever writes the schema: a key may stand only once in an object,
//! a default must be complete and exact (length of a fixed, symbol of an enum, fields of a record), a field's alias may
//! not be the name or alias of another, and names are ASCII.

mod build;
mod check;
mod definition;
mod elsewhere;
mod error;
mod logical;
mod names;
mod reader;
mod repeats;
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
    /// What the file says.
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

/// What could be made of files with mistakes, for tools that go on to check what is right.
#[derive(Debug)]
pub struct Partial {
    /// The types as far as they could be read. A part that is wrong is null or missing.
    pub model: Model,
    /// The types within which something is wrong, and those that mention one.
    pub unsound: HashSet<TypeId>,
    /// The definitions of types that are defined more than once, without the one that stands for the type in the model.
    pub repeats: Vec<(TypeId, NamedType)>,
    /// All mistakes in all files, in the order of the files.
    pub errors: Vec<SchemaError>,
}

/// Parses as [`parse`] does, and keeps what is right beside the mistakes. The model is whole if there are none.
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

/// What a schema is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is ours: every mistake counts.
    Ours,
    /// It is a writer's, from the registry: only what keeps its records from being read counts.
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
