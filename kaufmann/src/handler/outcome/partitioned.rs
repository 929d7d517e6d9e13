//! Events that choose their partition themselves.

use std::fmt;
use std::sync::Arc;

use super::{Outgoing, Publishable};
use crate::handler::event::{Event, EventInfo};

/// An event together with what chooses its partition: a handler returns it, and [`Context::publish`](crate::Context::publish) and
/// [`Producer::publish`](crate::Producer::publish) take it, like the event itself. It overrides `publish.partitioning`.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::{Failure, Partitioned, handler};
///
/// /// The addresses of one host go to one partition, whatever their keys are.
/// fn by_host(event: &user::Created, partitions: u32) -> u32 {
///     let host = event.email.rsplit('@').next().unwrap_or_default();
///     host.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % partitions
/// }
///
/// #[handler(event = "user.create")]
/// async fn create(event: user::Create) -> Result<Partitioned<user::Created>, Failure> {
///     Ok(Partitioned::by(user::Created { email: event.email }, by_host))
/// }
/// # fn main() {}
/// ```
///
/// In the topic that a cause names (`publish.reply_to`) the partition is chosen again, among those of that topic.
///
/// A partition that the topic does not have is an error of [`Context::publish`](crate::Context::publish); an event that a handler has
/// returned waits until the topic has it, which is logged.
pub struct Partitioned<E> {
    event: Arc<E>,
    choice: Arc<Choosing<E>>,
}

type Choosing<E> = dyn Fn(&E, u32) -> u32 + Send + Sync;

/// A function that chooses an event's partition.
#[derive(Clone)]
pub struct Choice(Arc<dyn Fn(u32) -> u32 + Send + Sync>);

impl<E: Event + Sync> Partitioned<E> {
    /// An event for this partition.
    #[must_use]
    pub fn to(event: E, partition: u32) -> Self {
        Self::by(event, move |_, _| partition)
    }

    /// An event for the partition that `choice` returns. It is given the number of the topic's partitions, `n`, and returns one of
    /// `0..n`.
    #[must_use]
    pub fn by(event: E, choice: impl Fn(&E, u32) -> u32 + Send + Sync + 'static) -> Self {
        Self {
            event: Arc::new(event),
            choice: Arc::new(choice),
        }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &E {
        &self.event
    }
}

impl Choice {
    /// A choice by the number of partitions.
    #[must_use]
    pub fn new(choice: impl Fn(u32) -> u32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(choice))
    }

    /// The chosen partition, of `partitions`.
    #[must_use]
    pub fn of(&self, partitions: u32) -> u32 {
        (self.0)(partitions)
    }
}

impl<E: Event + Sync> Publishable for Partitioned<E> {
    const INFO: &'static EventInfo = E::INFO;

    fn outgoing(&self) -> Outgoing {
        let (event, choice) = (Arc::clone(&self.event), Arc::clone(&self.choice));
        Outgoing {
            partition: Some(Choice::new(move |partitions| choice(&event, partitions))),
            ..Outgoing::new(&*self.event)
        }
    }
}

impl<E> Clone for Partitioned<E> {
    fn clone(&self) -> Self {
        Self {
            event: Arc::clone(&self.event),
            choice: Arc::clone(&self.choice),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Partitioned<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Partitioned").field(&self.event).finish()
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choice").finish_non_exhaustive()
    }
}
