//! What the parts of a running service share.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::assignment::Settlements;
use crate::assignment::limit::Rules;
use crate::base::control::Control;
use crate::base::wall_clock::WallClock;
use crate::config::{Delivery, OnFailure, RetryConfig};
use crate::engine::policy::Policy;
use crate::engine::pool::Pool;
use crate::handler::HandlerEntry;
use crate::handler::context::{Host, Publishing, State};
use crate::handler::event::EventInfo;
use crate::handler::observer::{Observer, Settled};
use crate::handler::outcome::Outgoing;
use crate::publish::Outbound;
use crate::record::Record;
use crate::schema::tombstones::Tombstones;
use crate::schema::writers::Schemas;

/// What the parts of a running service share.
pub(crate) struct Link {
    pub(crate) handlers: &'static [HandlerEntry],
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) tombstones: Tombstones,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) settlements: Arc<Settlements>,
    pub(crate) control: Arc<Control>,
    /// One permit for each event that may run at once.
    pub(crate) permits: Arc<Pool>,
    pub(crate) delivery: Delivery,
    /// Whether this is a replay: history is handled again.
    pub(crate) is_replay: bool,
    /// Whether commits carry which offsets are settled above the committed one.
    pub(crate) commits_ahead: bool,
    pub(crate) retry: RetryConfig,
    /// By the handler's index in the service's list.
    pub(crate) policies: Box<[Policy]>,
    pub(crate) on_failure: OnFailure,
    pub(crate) rules: Rules,
    /// The clock for the times until which records wait in retry topics.
    pub(crate) wall_clock: WallClock,
    /// How many shards there are.
    pub(crate) shards: usize,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Link {
    /// Returns the link of the service whose handlers have this state.
    pub(crate) fn of<S>(state: &State<S>) -> &Arc<Self> {
        let host: Option<&dyn Any> = state.host().map(|host| host as _);
        host.and_then(|host| host.downcast_ref())
            .expect("only the engine runs handlers, and its contexts have a link")
    }

    /// The policy of a handler.
    pub(crate) fn policy(&self, handler: u32) -> Option<&Policy> {
        self.policies.get(handler as usize)
    }

    /// The event that a handler takes.
    #[inline]
    pub(crate) fn event(&self, handler: u32) -> Option<&'static EventInfo> {
        self.handlers.get(handler as usize).and_then(|entry| entry.event)
    }

    /// Calls the observer, if there is one, with the result of a record. `handler` is the one that ran.
    #[inline]
    pub(crate) fn observe(&self, record: &Record, handler: Option<u32>, how: Settled<'_>) {
        if let Some(observer) = &self.observer {
            let event = handler.and_then(|handler| self.event(handler));
            observer.settled(record, event.map(|event| event.name), how);
        }
    }

    /// A shard's share of a bound, at least 1.
    pub(crate) fn share_of(&self, bound: usize) -> usize {
        bound.div_ceil(self.shards.max(1)).max(1)
    }
}

impl Host for Arc<Link> {
    fn is_replay(&self) -> bool {
        self.is_replay
    }

    fn publish<'h>(&'h self, event: Outgoing, cause: &'h Record) -> Publishing<'h> {
        Box::pin(self.outbound.publish(event, cause))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
