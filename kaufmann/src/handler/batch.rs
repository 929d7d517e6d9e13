//! Handlers that take several events at once: their payloads and return types.

use kaufmann_avro::DecodeError;

use crate::handler::context::Context;
use crate::handler::event::{Event, EventInfo, Payload};
use crate::handler::failure::{Failure, HandlerError};
use crate::handler::outcome::{Outcome, OutcomeKind};
use crate::record::Record;

/// Several events for one call of a handler, each with its record.
///
/// A handler that needs only the events takes a `Vec` of them. See [`macro@crate::handler`].
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::{Batch, Failure, Outcome, handler};
///
/// #[handler(event = "user.create", batch = 100, linger = "50ms")]
/// pub async fn store(batch: Batch<user::Create>) -> Result<Vec<Outcome>, Failure> {
///     let each = batch.into_iter().map(|item| match item.event.email.find('@') {
///         Some(_) => Outcome::done().and_publish(user::Created { email: item.event.email }),
///         None => Outcome::failed(Failure::new("not an address").dead_letter()),
///     });
///     Ok(each.collect())
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct Batch<P> {
    items: Vec<Item<P>>,
}

/// An event of a [`Batch`].
#[derive(Clone, Debug)]
pub struct Item<P> {
    /// The event, owned or borrowed from its record.
    pub event: P,
    record: Record,
    attempt: u32,
}

impl<P> Item<P> {
    /// The record that carries the event.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The number of this attempt at the record under this assignment, from 1. A record that is tried again is a batch of one.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

impl<P> Batch<P> {
    /// The number of events: at least one, unless a test has made the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The events in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Item<P>> {
        self.items.iter()
    }
}

impl<P> IntoIterator for Batch<P> {
    type Item = Item<P>;
    type IntoIter = std::vec::IntoIter<Item<P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'b, P> IntoIterator for &'b Batch<P> {
    type Item = &'b Item<P>;
    type IntoIter = std::slice::Iter<'b, Item<P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A batch for a test of a handler: its records are empty.
///
/// ```
/// let batch: kaufmann::Batch<u32> = [1, 2].into_iter().collect();
/// assert_eq!(batch.len(), 2);
/// ```
impl<P> FromIterator<P> for Batch<P> {
    fn from_iter<I: IntoIterator<Item = P>>(events: I) -> Self {
        let item = |event| Item {
            event,
            record: Record::empty(),
            attempt: 1,
        };
        Self {
            items: events.into_iter().map(item).collect(),
        }
    }
}

/// A form in which a handler takes its batch: `Vec<Event>` or `Batch<Event>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of a batch handler",
    label = "expected `Vec<Event>` or `Batch<Event>`",
    note = "with `batch = …` a handler takes several events at once; without it, one"
)]
pub trait BatchPayload {
    /// The event whose payloads these are.
    type Event: Event;
    /// One of them.
    type Payload: Payload;
    /// The batch that lives as long as its records.
    type At<'r>: Send;

    /// Makes the batch from decoded events.
    fn of<'r>(items: Vec<Item<<Self::Payload as Payload>::At<'r>>>) -> Self::At<'r>;

    /// Decodes the records of a context, but for those that cannot be decoded.
    fn decode<S>(cx: &Context<S>) -> Decoded<Self::At<'_>> {
        let members = cx.batch().map_or(&[][..], |batch| &batch.members);
        let mut items = Vec::with_capacity(members.len());
        let mut refused = Vec::new();
        for (place, member) in members.iter().enumerate() {
            match Self::Payload::decode(member.record.body()) {
                Ok(event) => items.push(Item {
                    event,
                    record: member.record.clone(),
                    attempt: member.attempt,
                }),
                Err(error) => refused.push((place, error)),
            }
        }
        let count = items.len();
        Decoded {
            payload: (count > 0).then(|| Self::of(items)),
            rest: Rest { count, refused },
        }
    }
}

impl<P: Payload> BatchPayload for Vec<P> {
    type Event = P::Event;
    type Payload = P;
    type At<'r> = Vec<P::At<'r>>;

    fn of<'r>(items: Vec<Item<P::At<'r>>>) -> Vec<P::At<'r>> {
        items.into_iter().map(|item| item.event).collect()
    }
}

impl<P: Payload> BatchPayload for Batch<P> {
    type Event = P::Event;
    type Payload = P;
    type At<'r> = Batch<P::At<'r>>;

    fn of<'r>(items: Vec<Item<P::At<'r>>>) -> Batch<P::At<'r>> {
        Batch { items }
    }
}

/// A decoded batch.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The handler's payload; `None` if no record could be decoded.
    pub payload: Option<T>,
    /// The records that could not be decoded.
    pub rest: Rest,
}

/// The records of a batch that could not be decoded, and how many could be.
#[derive(Debug)]
pub struct Rest {
    count: usize,
    refused: Vec<(usize, DecodeError)>,
}

impl Rest {
    /// The outcome of the whole batch, from the handler's result for the decoded records.
    #[must_use]
    pub fn conclude(self, outcomes: Option<Outcomes>) -> Outcome {
        let mut each = match outcomes.map(|outcomes| outcomes.0) {
            None => Vec::new(),
            Some(Ok(None)) => std::iter::repeat_with(Outcome::done).take(self.count).collect(),
            Some(Ok(Some(each))) if each.len() == self.count => each,
            Some(Ok(Some(each))) => {
                let error = format!(
                    "the handler returned {} outcomes for {} events",
                    each.len(),
                    self.count
                );
                repeated(&Failure::new(error), self.count)
            }
            Some(Err(failure)) => repeated(&failure, self.count),
        };
        for (place, error) in self.refused {
            each.insert(place, Outcome::undecodable(error));
        }
        Outcome(OutcomeKind::Batch(each))
    }
}

/// The same failure for each event.
pub(crate) fn repeated(failure: &Failure, count: usize) -> Vec<Outcome> {
    let again = || Outcome(OutcomeKind::Failed(failure.again()));
    std::iter::repeat_with(again).take(count).collect()
}

/// The result of a batch: one for all its events, or one for each.
#[derive(Debug)]
pub struct Outcomes(Result<Option<Vec<Outcome>>, Failure>);

/// The whole return type of a batch handler: `Result<(), E>` or `Result<Vec<Outcome>, E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a batch handler",
    label = "expected `Result<(), E>` or `Result<Vec<Outcome>, E>`",
    note = "`Ok(())` settles all events of the batch, `Ok` of one `Outcome` for each, in their order, settles each on its own; `Err` \
            is the failure of all"
)]
pub trait BatchReturned {
    /// The events that may be published: those in outcomes are named by `emits`.
    const EMITS: &'static [&'static EventInfo] = &[];
    /// The result of the batch.
    fn into_outcome(self) -> Outcomes;
}

impl<E: HandlerError> BatchReturned for Result<(), E> {
    fn into_outcome(self) -> Outcomes {
        Outcomes(self.map(|()| None).map_err(E::into_failure))
    }
}

impl<E: HandlerError> BatchReturned for Result<Vec<Outcome>, E> {
    fn into_outcome(self) -> Outcomes {
        Outcomes(self.map(Some).map_err(E::into_failure))
    }
}
