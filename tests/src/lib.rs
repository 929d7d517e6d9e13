//! The tests of the workspace that belong to no single crate, and what they share.

#[cfg(feature = "kafka")]
pub mod chaos;
#[cfg(feature = "kafka")]
pub mod rig;
