//! Other arguments of a handler than the [`Payload`](crate::Payload) of an event: the record of a catch-all, and a context behind
//! an alias.

use crate::handler::context::Context;
use crate::record::Record;

/// A form in which a catch-all takes its record.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of a catch-all handler",
    label = "expected `Record` or `&Record`",
    note = "a catch-all takes records of any event; to handle one event write `#[handler(event = \"…\")]`"
)]
pub trait AnyRecord {
    /// The record, for as long as its context lives.
    type At<'r>: Send;

    /// Takes the record.
    fn take(record: &Record) -> Self::At<'_>;
}

impl AnyRecord for Record {
    type At<'r> = Self;

    fn take(record: &Record) -> Self {
        record.clone()
    }
}

impl AnyRecord for &Record {
    type At<'r> = &'r Record;

    fn take(record: &Record) -> &Record {
        record
    }
}

/// `Self` is `T`. Lets `#[handler]` see through an alias of `Context<S>` whose state it cannot read.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not the context of this service",
    label = "expected `Context` with the service's state"
)]
pub trait Same<T> {
    /// Itself.
    fn same(&self) -> &T;
}

impl<S> Same<Self> for Context<S> {
    fn same(&self) -> &Self {
        self
    }
}
