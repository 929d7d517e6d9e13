//! Events that say themselves which partition they go to.

use std::fmt;
use std::sync::Arc;

use super::{Outgoing, Publishable};
use crate::handler::event::{Event, EventInfo};

/// An event together with what chooses its partition: a handler returns it, and [`Context::publish`](crate::Context::publish) and
/// [`Producer::publish`](crate::Producer::publish) take it, like the event itself. It goes before `publish.partitioning`.
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
/// In the topic that a cause names (`publish.reply_to`) the partition is chosen anew, among those of that topic.
///
/// A partition that the topic does not have is an error of [`Context::publish`](crate::Context::publish); an event that a handler has
/// returned waits until the topic has it, and the log says so.
pub struct Partitioned<E> {
    event: Arc<E>,
    choice: Arc<Choosing<E>>,
}

type Choosing<E> = dyn Fn(&E, u32) -> u32 + Send + Sync;

/// What chooses the partition of an event on its way out.
#[derive(Clone)]
pub struct Choice(Arc<dyn Fn(u32) -> u32 + Send + Sync>);

impl<E: Event + Sync> Partitioned<E> {
    /// To this partition.
    #[must_use]
    pub fn to(event: E, partition: u32) -> Self {
        Self::by(event, move |_, _| partition)
    }

    /// To the partition that `choice` names, of as many as it is told that the topic has: from 0 to one less.
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
    /// One that is told how many partitions there are.
    #[must_use]
    pub fn new(choice: impl Fn(u32) -> u32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(choice))
    }

    /// The partition, of so many.
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
