//! Errors in a folder of schemas, each with its position.

use kaufmann_avro::model::{Location, Model};
use thiserror::Error as ThisError;

/// Something that keeps a folder of schemas from becoming code.
///
/// Displays as `path:line:column: message`, or `path: message` if it concerns the whole file or folder.
#[derive(Clone, PartialEq, Debug, ThisError)]
#[error("{}: {kind}", place(path, *line, *column))]
pub struct Error {
    /// The file or folder, as it was given to [`compile`](crate::compile) and below.
    pub path: String,
    /// The line from 1; 0 if the error concerns the whole file.
    pub line: u32,
    /// The column in characters from 1; 0 if the error concerns the whole file.
    pub column: u32,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong.
#[derive(Clone, PartialEq, Debug, ThisError)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The folder does not exist.
    #[error(
        "there is no such folder; create it and put a `.avsc` file in it (a relative path starts at the package's \
         folder, here `{package}`)"
    )]
    MissingFolder {
        /// The current directory.
        package: String,
    },
    /// The path leads to a file.
    #[error("this is a file; name the folder that holds the schemas")]
    NotAFolder,
    /// The folder holds no schema.
    #[error("the folder holds no `.avsc` file; put a schema in it, for example `user/create.avsc`")]
    EmptyFolder,
    /// The operating system refuses.
    #[error("cannot {action}: {reason}")]
    Io {
        /// What was tried, such as `read the file`.
        action: &'static str,
        /// The operating system's reason.
        reason: String,
    },
    /// The file is not UTF-8.
    #[error("byte 0x{byte:02x} is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The first byte that is wrong.
        byte: u8,
    },
    /// The schema is malformed.
    #[error("{0}")]
    Schema(String),
    /// The top of a file has no name.
    #[error(
        "{what} at the top of a file has no name, so no type can be generated for it; write a record, an enum, a fixed \
         or a union of such there"
    )]
    Unnamed {
        /// What is there instead, such as `an array`.
        what: &'static str,
    },
    /// The top of a file is a reference.
    #[error("the file only refers to `{name}`, which `{at}` defines; remove it, or define a type here")]
    OnlyRefers {
        /// The full name.
        name: String,
        /// Where it is defined.
        at: String,
    },
    /// Two events with one name.
    #[error(
        "event `{name}` is already defined by `{first}`; rename one of them with the attribute `\"event\": \"…\"`"
    )]
    DuplicateEvent {
        /// The event.
        name: String,
        /// Where the first one is defined.
        first: String,
    },
    /// Two definitions of an event with different attributes.
    #[error("`{name}` is defined by two files, and {difference}; make both equal")]
    DifferentAttribute {
        /// The type's full name.
        name: String,
        /// Which attribute differs, and what it is in both places.
        difference: String,
    },
    /// The attribute `event` on a type that is not an event.
    #[error("only the record at the top of a file is an event, and {what}; remove the attribute `event`")]
    NotAnEvent {
        /// What carries the attribute, such as `` `user.Address` is nested in another type ``.
        what: String,
    },
    /// An attribute of the wrong form.
    #[error("the attribute `{attribute}` is {found}, but it must be {expected}")]
    Attribute {
        /// `event`, `topic`, `key`, `compatibility` or `owner`.
        attribute: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A key path that leads nowhere.
    #[error("the key `{path}` names no field: {reason}")]
    KeyField {
        /// The whole path.
        path: String,
        /// Which record has no such field.
        reason: String,
    },
    /// A key path that ends in the wrong type.
    #[error(
        "the key `{path}` cannot order the event: `{field}` is {found}, but a key is a string, bytes, int, long, enum, \
         fixed or uuid that is never null"
    )]
    KeyType {
        /// The whole path.
        path: String,
        /// The segment.
        field: String,
        /// What it is.
        found: String,
    },
    /// A fixed of a size that no stack can hold.
    #[error("fixed `{name}` has {size} bytes, but at most {limit} can be held as a value; use `bytes`")]
    FixedSize {
        /// Its name.
        name: String,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A type without values.
    #[error("{what}, so it has no values; give it one, or leave it out")]
    NoValues {
        /// The type, and what it lacks.
        what: String,
    },
    /// A type of too many levels.
    #[error(
        "the type of the field `{field}` nests more than {limit} arrays, maps and unions; put a record in between"
    )]
    TooDeep {
        /// The field.
        field: String,
        /// The limit.
        limit: usize,
    },
    /// Samples without a schema.
    #[error("these samples belong to no schema; there is no `{schema}` beside them")]
    OrphanSamples {
        /// The file that is missing.
        schema: String,
    },
    /// Samples for a schema that is not an event.
    #[error("these samples belong to no event: {what}")]
    SamplesOfNoEvent {
        /// Why it is not an event.
        what: String,
    },
    /// A samples file that is not an array.
    #[error("{0}; a samples file is a JSON array of payloads: `[{{…}}, {{…}}]`")]
    SamplesSyntax(String),
    /// A sample that is not a value of the schema.
    #[error("sample {number} is not a `{event}`: {reason}")]
    Sample {
        /// Which sample, from 1.
        number: usize,
        /// The event.
        event: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock is damaged.
    #[error("{0}")]
    Lock(String),
    /// A schema breaks its compatibility level with a locked version.
    #[error("{0}")]
    Incompatible(String),
    /// An option of [`Config`](crate::Config) that does not hold.
    #[error("the option `{option}` of `kaufmann_codegen::Config` {reason}")]
    Option {
        /// The method's name.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// An error about a whole file or folder.
    pub(crate) fn whole(path: impl Into<String>, kind: ErrorKind) -> Self {
        Self {
            path: path.into(),
            line: 0,
            column: 0,
            kind,
        }
    }

    /// An error at a position in a schema.
    pub(crate) fn at(model: &Model, at: Location, kind: ErrorKind) -> Self {
        let path = model
            .files
            .get(at.file)
            .map_or_else(String::new, |file| file.path.clone());
        Self {
            path,
            line: at.line,
            column: at.column,
            kind,
        }
    }
}

fn place(path: &str, line: u32, column: u32) -> String {
    if line == 0 {
        path.to_owned()
    } else {
        format!("{path}:{line}:{column}")
    }
}

/// Sorts by position, so that the same errors always come in the same order.
pub(crate) fn sorted(mut errors: Vec<Error>) -> Vec<Error> {
    errors.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    errors
}
