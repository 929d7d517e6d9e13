//! What a new user does, with the real Cargo and the real compiler: from nothing to events that are handled.
//!
//! The packages stand at fixed places in Cargo's folder for tests, and share the target folder with this one, so that their
//! dependencies are not compiled again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod made;
mod package;
mod way;
