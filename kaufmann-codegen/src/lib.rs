//! Code generation for kaufmann.
