//! Guides: what is best told in one go.

#[doc = include_str!("docs/schemas.md")]
pub mod schemas {}
