//! What a handler is, after the check.

use syn::{LitStr, Type};

use super::limits::Limits;

/// A handler that passed the check.
pub(super) struct Handler {
    pub(super) payload: Payload,
    pub(super) context: Context,
    pub(super) returns: Type,
    pub(super) emits: Vec<Type>,
    pub(super) limits: Limits,
}

/// The first argument; lifetimes in the types are `'static`.
pub(super) enum Payload {
    Event {
        declared: LitStr,
        ty: Type,
    },
    /// `Vec` or `Batch` of an event.
    Batch {
        declared: LitStr,
        ty: Type,
    },
    /// `Tombstone` of an event.
    Tombstone {
        declared: LitStr,
        ty: Type,
    },
    AnyRecord {
        ty: Type,
    },
}

/// The second argument; lifetimes in the types are `'static`.
pub(super) enum Context {
    /// No context: the handler runs with any state.
    None,
    /// `&Context<S>`, with its `S`.
    Of(Type),
    /// A reference to an alias; only rustc knows its state.
    Alias(Type),
}
