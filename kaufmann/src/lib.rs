//! kaufmann
