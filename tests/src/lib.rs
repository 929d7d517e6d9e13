//! The tests of the workspace that belong to no single crate.
