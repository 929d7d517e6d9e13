//! What a new user does, with the real Cargo and the real compiler: from an empty folder to handled events.
//!
//! The packages have fixed paths in Cargo's folder for tests, and share this workspace's target folder, so that their dependencies
//! are not compiled again.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod made;
mod package;
mod way;
