//! The macros of kaufmann.
