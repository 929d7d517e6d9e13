//! Guides: one page for each topic, with what each setting guarantees.
//!
//! The guides are also read as files in the repository, so each link between them is defined twice: here for the documentation, where
//! the first definition wins, and at the file's end for the repository.

/// [commands]: crate::guide::schema_commands
#[doc = include_str!("schemas.md")]
pub mod schemas {}

/// [schemas]: crate::guide::schemas
/// [builds]: crate::guide::schemas#the-build-that-fails
/// [levels]: crate::guide::schemas#levels
#[doc = include_str!("schema_commands.md")]
pub mod schema_commands {}

#[doc = include_str!("json.md")]
pub mod json {}

#[doc = include_str!("failures.md")]
pub mod failures {}

/// [failures]: crate::guide::failures
/// [delivery]: crate::guide::delivery
#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("delivery.md")]
pub mod delivery {}

/// [json]: crate::guide::json
/// [failures]: crate::guide::failures
#[doc = include_str!("operations.md")]
pub mod operations {}

#[doc = include_str!("batches.md")]
pub mod batches {}

#[doc = include_str!("tombstones.md")]
pub mod tombstones {}

#[doc = include_str!("recipes.md")]
pub mod recipes {}

/// [answered]: crate::guide::failures#replies
/// [json]: crate::guide::json
/// [partitioning]: #where-the-tests-are
/// [accounts]: #where-the-tests-are
/// [answers]: #where-the-tests-are
/// [bounds]: #where-the-tests-are
/// [end]: #where-the-tests-are
/// [evolution]: #where-the-tests-are
/// [failures]: #where-the-tests-are
/// [kit]: #where-the-tests-are
/// [lag]: #where-the-tests-are
/// [observed]: #where-the-tests-are
/// [order]: #where-the-tests-are
/// [producer]: #where-the-tests-are
/// [replay]: #where-the-tests-are
/// [replies]: #where-the-tests-are
/// [reset]: #where-the-tests-are
/// [routing]: #where-the-tests-are
/// [schemas]: #where-the-tests-are
#[doc = include_str!("from_kaufmann_ex.md")]
pub mod from_kaufmann_ex {}
