//! The seam between the macros and the runtime: what `#[handler]` and `service!` implement.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod context;
pub mod event;
pub(crate) mod failure;
pub(crate) mod failure_kind;
pub(crate) mod gathered;
pub(crate) mod input;
pub(crate) mod limits;
pub(crate) mod macros;
pub(crate) mod maybe_boxed;
#[cfg(feature = "cli")]
pub(crate) mod named;
pub(crate) mod observer;
pub(crate) mod outcome;
pub(crate) mod publish_error;
#[cfg(any(feature = "dev", feature = "testing"))]
pub(crate) mod record_event;
pub(crate) mod seen;
pub(crate) mod start;
pub(crate) mod tombstone;

use std::future::Future;

use crate::handler::context::Context;
use crate::handler::event::EventInfo;
use crate::handler::limits::Limits;
use crate::handler::outcome::Outcome;

/// What is known about a handler when the program is built. Implemented by [`macro@crate::handler`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kaufmann handler",
    label = "not a function with `#[handler]`",
    note = "`service!` lists functions that have the attribute `#[kaufmann::handler(event = \"…\")]`"
)]
pub trait HandlerInfo {
    /// The event it handles; `None` for a catch-all.
    const EVENT: Option<&'static EventInfo>;
    /// Whether it takes the event's tombstones instead of the event.
    const TOMBSTONE: bool = false;
    /// The event's place in the generated `events::ALL`; `usize::MAX` for a catch-all.
    const INDEX: usize;
    /// The events its return type can publish.
    const RETURNS: &'static [&'static EventInfo];
    /// The events that `emits = […]` adds.
    const EMITS: &'static [&'static EventInfo];
    /// The attribute's limits: `timeout`, `retries`, `max_in_flight` and the others.
    const LIMITS: Limits = Limits::OPEN;
}

/// A handler that runs with the state `S`. Implemented by [`macro@crate::handler`].
#[diagnostic::on_unimplemented(
    message = "handler `{Self}` cannot run with the state `{S}`",
    label = "its `Context` has another state, or it has no `#[handler]`",
    note = "a service lists functions with `#[handler]`, each with `&Context<{S}>` or without a context"
)]
pub trait Handler<S>: HandlerInfo {
    /// What `service!` puts into its table. It is here, not in [`HandlerInfo`], so that the list requires one trait only and a wrong
    /// entry is one error.
    #[doc(hidden)]
    const LISTED: check::Listed = check::Listed {
        event: Self::EVENT,
        tombstone: Self::TOMBSTONE,
        index: Self::INDEX,
        returns: Self::RETURNS,
        emits: Self::EMITS,
        limits: Self::LIMITS,
    };

    /// Decodes the record in `cx`, runs the function and returns the outcome.
    ///
    /// The bound on the state is the caller's to fulfil, not the implementation's, where each future that holds the state would
    /// have an error of its own.
    fn handle(cx: &Context<S>) -> impl Future<Output = Outcome> + Send + '_
    where
        S: SharedState;
}

/// State that handlers can share: any type that is `Send` and `Sync` and borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a service: handlers run on several threads at once",
    label = "not `Send` and `Sync`, or it borrows something",
    note = "instead of `Rc` use `std::sync::Arc`; instead of `RefCell` a `Mutex` or `RwLock`; instead of `Cell` an atomic",
    note = "to see which part of it is the cause, compile `const fn check<S: Send + Sync>() {{}} const _: () = check::<{Self}>();`"
)]
pub trait SharedState: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<S: Send + Sync + 'static> SharedState for S {}

/// A list of handlers with their state. Implemented by [`crate::service!`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kaufmann service",
    label = "not declared with `kaufmann::service!`",
    note = "declare it: `kaufmann::service! {{ pub struct {Self} {{ state: …, handlers: […] }} }}`"
)]
pub trait Service: Send + Sync + 'static {
    /// What the handlers share.
    type State: SharedState;
    /// The service's name.
    const NAME: &'static str;
    /// Its description, from its doc comment; the first line is the short form.
    const ABOUT: &'static str = "";
    /// The version of its package.
    const VERSION: &'static str = "";
    /// The handlers in the order of the list.
    const HANDLERS: &'static [HandlerEntry];
    /// The handlers as the checks of `service!` see them.
    #[doc(hidden)]
    const LIST: &'static [check::Placed] = &[];

    /// Runs the handler with this index in [`Service::HANDLERS`].
    ///
    /// # Panics
    ///
    /// If the index is out of bounds.
    fn dispatch(handler: u32, cx: &Context<Self::State>) -> impl Future<Output = Outcome> + Send + '_;
}

/// A handler in a service's list.
#[derive(Debug)]
pub struct HandlerEntry {
    /// The path as written in the list: `users::create`.
    pub path: &'static str,
    /// The event it handles; `None` for a catch-all.
    pub event: Option<&'static EventInfo>,
    /// Whether it takes the event's tombstones instead of the event.
    pub tombstone: bool,
    /// The events its return type can publish.
    pub returns: &'static [&'static EventInfo],
    /// The events that `emits = […]` adds.
    pub emits: &'static [&'static EventInfo],
    /// The attribute's limits: `timeout`, `retries`, `max_in_flight` and the others.
    pub limits: Limits,
}

/// All events that a service's handlers may publish, each once, in the order of the list.
#[must_use]
pub fn emitted<V: Service>() -> Vec<&'static EventInfo> {
    let mut all: Vec<&'static EventInfo> = Vec::new();
    for info in V::HANDLERS
        .iter()
        .flat_map(|entry| entry.returns.iter().chain(entry.emits))
    {
        if !all.iter().any(|known| known.name == info.name) {
            all.push(info);
        }
    }
    all
}
