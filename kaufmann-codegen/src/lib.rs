//! Typed Rust events from `.avsc` files, made by a build script.
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     kaufmann_codegen::compile("schemas");
//! }
//! ```
//!
//! The package that has this build script names `kaufmann-codegen` under `[build-dependencies]` and `kaufmann` under
//! `[dependencies]`, and brings the types in with `kaufmann::include_events!();`. The record at the top of each file is
//! an event, or each record of a union there; what is generated for `schemas/user/create.avsc` with the
//! namespace `user` and the name `create` is `events::user::Create`.
//!
//! # What is generated
//!
//! | schema | Rust | borrowed form |
//! |---|---|---|
//! | record | a struct, with `new` for the fields without default, and `Default` if all have one | `…Ref<'a>` |
//! | enum | a `Copy` enum with `as_str` | the same |
//! | fixed | `pub struct X(pub [u8; N])` | the same |
//! | null, boolean, int, long, float, double | `()`, `bool`, `i32`, `i64`, `f32`, `f64` | the same |
//! | string, bytes | `String`, `Vec<u8>` | `&'a str`, `&'a [u8]` |
//! | array, map | `Vec<T>`, `BTreeMap<String, T>` | `Vec<T>`, `Vec<(&'a str, T)>` |
//! | a union of null and one more | `Option<T>` | the same |
//! | any other union | an enum named by record and field, in an `Option` if null is among the branches | `…Ref<'a>` |
//! | logical types | the types of `kaufmann::types` | the same |
//!
//! All of them are written and read without an intermediate value. Records that contain themselves are boxed where they
//! must be. In serde's terms a union is tagged as in Avro's JSON encoding, `{"string": "…"}`, and a missing field has its
//! default.
//!
//! # Attributes of an event
//!
//! | attribute | sets |
//! |---|---|
//! | `"event": "user.create"` | the event's name, if it is not the full name; `false`: the record is not an event; `true`: it is one, although it is a field of others |
//! | `"topic": "users"` | the topic it is published to, unless the configuration sets another |
//! | `"key": "user.id"` | the path of the field that orders it: a string, bytes, int, long, enum, fixed or uuid |
//! | `"owner": "users"` | the service that publishes it and registers its schema, if that does not follow from what its handlers publish |
//! | `"compatibility": "FULL"` | its compatibility level, if it is not the one in the lock |
//!
//! Sample payloads are in `create.samples.json` beside `create.avsc`, as a JSON array; each is checked.
//!
//! # The lock
//!
//! If there is a file `schemas.lock` beside the package's manifest, each schema is compared with the versions of its event
//! that are registered. A change that breaks the event's compatibility level is an error at its line, which names the
//! field, the version that it breaks with, and what to do. An event that is not locked is not registered yet, and may
//! change in any way. The level is that of the lock, which has the registry's, unless the schema's attribute
//! `compatibility` declares another. `kaufmann::guide::schemas` lists which changes are allowed.
//!
//! # Names
//!
//! Namespaces become modules, types and symbols are in `PascalCase`, fields in `snake_case`. Keywords become raw
//! identifiers, or get an underscore where that is not possible (`self_`). Names that become the same get a number
//! (`Name2`), whatever the order of the files; the one that needed no change keeps its name.

#![expect(clippy::needless_doctest_main, reason = "a build script has a main")]

mod config;
mod error;

// In the order in which a folder becomes code.
mod load;
mod model;

mod check;
mod lock;
mod naming;

mod render;
mod write;

mod pipeline;

use std::path::Path;

pub use config::Config;
pub use error::{Error, ErrorKind};
pub use naming::RustNames;
pub use pipeline::Generated;

/// Generates the code of a folder of schemas from a build script, into `events.rs` in Cargo's `OUT_DIR`.
///
/// If something is wrong, Cargo shows every error of every file as `path:line:column: message`, and fails the build when
/// the build script has ended. [`Config`] has options, and a form that neither prints nor writes.
pub fn compile(dir: impl AsRef<Path>) {
    Config::new().compile(dir);
}
