//! What a handler's return value means: an [`Outcome`], and the events that are published with it.

use crate::handler::event::{Event, EventInfo};
use crate::handler::failure::{Failure, HandlerError};
use crate::record::MessageHeaders;
use kaufmann_avro::DecodeError;

mod headed;
mod partitioned;

pub use headed::WithHeaders;
pub use partitioned::{Choice, Partitioned};

/// The result of handling a record.
///
/// A handler usually returns `Result<T, E>`; with an `Outcome` it decides each case itself.
#[derive(Debug)]
pub struct Outcome(pub(crate) OutcomeKind);

/// The content of an [`Outcome`]; small, as every event moves one.
#[derive(Debug)]
pub(crate) enum OutcomeKind {
    /// Handled; nothing is published.
    Done,
    /// Handled; settled once the broker has these.
    Publish(Vec<Outgoing>),
    /// The handler failed.
    Failed(Failure),
    /// The payload is not a value of its schema.
    Undecodable(DecodeError),
    /// The outcome of each record of a batch, in their order.
    Batch(Vec<Outcome>),
}

impl Outcome {
    /// The record is handled.
    #[must_use]
    pub fn done() -> Self {
        Self(OutcomeKind::Done)
    }

    /// The handler failed; the failure's class decides what becomes of the record.
    pub fn failed(failure: impl Into<Failure>) -> Self {
        Self(OutcomeKind::Failed(failure.into()))
    }

    /// The record is handled once the broker has this event too.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`.and_publish(Created { … })` reads as what happens"
    )]
    pub fn and_publish(self, event: impl Publishable) -> Self {
        let mut outgoing = match self.0 {
            OutcomeKind::Done => Vec::with_capacity(1),
            OutcomeKind::Publish(outgoing) => outgoing,
            failed => return Self(failed),
        };
        outgoing.push(event.outgoing());
        Self(OutcomeKind::Publish(outgoing))
    }

    /// The events that are published with it.
    #[must_use]
    pub fn outgoing(&self) -> &[Outgoing] {
        match &self.0 {
            OutcomeKind::Publish(outgoing) => outgoing,
            _ => &[],
        }
    }

    /// The failure, if it is one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.0 {
            OutcomeKind::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    pub(crate) fn of_outgoing(outgoing: Vec<Outgoing>) -> Self {
        if outgoing.is_empty() {
            Self::done()
        } else {
            Self(OutcomeKind::Publish(outgoing))
        }
    }

    #[cold]
    pub(crate) fn undecodable(error: DecodeError) -> Self {
        Self(OutcomeKind::Undecodable(error))
    }
}

/// An event to publish: encoded, not yet framed.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Which event.
    pub info: &'static EventInfo,
    /// The Avro datum; empty for a tombstone.
    pub datum: Vec<u8>,
    /// Whether it is a tombstone: it has a key, and no payload.
    pub tombstone: bool,
    /// The ordering key, if the event's schema names one.
    pub key: Option<Vec<u8>>,
    /// Chooses its partition, if neither its key nor the configuration does.
    pub partition: Option<Choice>,
    /// The service's own headers.
    pub headers: MessageHeaders,
}

impl Outgoing {
    /// The payload of its message, in a frame with this schema's id.
    pub(crate) fn payload(tombstone: bool, schema: u32, datum: Vec<u8>) -> Option<Vec<u8>> {
        (!tombstone).then(|| crate::record::wire::framed(schema, datum))
    }

    /// Encodes an event.
    pub fn new<E: Event>(event: &E) -> Self {
        // With room for the frame, which is put before it.
        let mut datum = Vec::with_capacity(128);
        event.encode(&mut datum);
        let mut key = Vec::new();
        let key = event.key(&mut key).then_some(key);
        Self {
            info: E::INFO,
            datum,
            tombstone: false,
            key,
            partition: None,
            headers: MessageHeaders::default(),
        }
    }
}

/// What can be published: an event, a [`Partitioned`] one, a [`Tombstone`](crate::Tombstone), or one of them [`WithHeaders`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kaufmann event",
    label = "not generated from an Avro schema",
    note = "an event is a type that `kaufmann-codegen` generates from a `.avsc` file"
)]
pub trait Publishable {
    /// The event.
    const INFO: &'static EventInfo;
    /// Encodes it.
    fn outgoing(&self) -> Outgoing;

    /// Adds a header of the service's own: [`WithHeaders::with_header`].
    ///
    /// # Panics
    ///
    /// If the name is empty or one that kaufmann writes itself.
    #[must_use]
    #[track_caller]
    fn with_header(self, name: &str, value: impl AsRef<[u8]>) -> WithHeaders<Self>
    where
        Self: Sized,
    {
        WithHeaders::new(self).with_header(name, value)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Publishable for E {
    const INFO: &'static EventInfo = E::INFO;

    fn outgoing(&self) -> Outgoing {
        Outgoing::new(self)
    }
}

/// An event, or something that holds at most some events of one type: `E`, `Option<E>`, `Vec<E>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the success of a kaufmann handler",
    label = "neither an event nor made of events",
    note = "a handler returns `Result<T, E>`, where `T` is `()`, an event, an `Option` or `Vec` of one, or a tuple of these"
)]
pub trait EmitOne {
    /// The event.
    const INFO: &'static EventInfo;
    /// Encodes its events.
    fn emit(self, out: &mut Vec<Outgoing>);
}

#[diagnostic::do_not_recommend]
impl<P: Publishable> EmitOne for P {
    const INFO: &'static EventInfo = P::INFO;
    fn emit(self, out: &mut Vec<Outgoing>) {
        out.push(self.outgoing());
    }
}

impl<P: Publishable> EmitOne for Option<P> {
    const INFO: &'static EventInfo = P::INFO;
    fn emit(self, out: &mut Vec<Outgoing>) {
        out.extend(self.iter().map(P::outgoing));
    }
}

impl<P: Publishable> EmitOne for Vec<P> {
    const INFO: &'static EventInfo = P::INFO;
    fn emit(self, out: &mut Vec<Outgoing>) {
        out.extend(self.iter().map(P::outgoing));
    }
}

/// What a handler returns when it succeeds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the success of a kaufmann handler",
    label = "neither an event nor made of events",
    note = "a handler returns `Result<T, E>`, where `T` is `()`, an event, an `Option` or `Vec` of one, or a tuple of these"
)]
pub trait Success {
    /// The events that may leave.
    const EMITS: &'static [&'static EventInfo];
    /// What became of the record.
    fn into_outcome(self) -> Outcome;
}

impl Success for () {
    const EMITS: &'static [&'static EventInfo] = &[];
    #[inline]
    fn into_outcome(self) -> Outcome {
        Outcome::done()
    }
}

impl Success for Outcome {
    const EMITS: &'static [&'static EventInfo] = &[];
    fn into_outcome(self) -> Outcome {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: EmitOne> Success for T {
    const EMITS: &'static [&'static EventInfo] = &[T::INFO];
    fn into_outcome(self) -> Outcome {
        let mut outgoing = Vec::new();
        self.emit(&mut outgoing);
        Outcome::of_outgoing(outgoing)
    }
}

macro_rules! success_of_tuple {
    ($($name:ident),+) => {
        impl<$($name: EmitOne),+> Success for ($($name,)+) {
            const EMITS: &'static [&'static EventInfo] = &[$($name::INFO),+];
            fn into_outcome(self) -> Outcome {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                let mut outgoing = Vec::new();
                $($name.emit(&mut outgoing);)+
                Outcome::of_outgoing(outgoing)
            }
        }
    };
}
success_of_tuple!(A);
success_of_tuple!(A, B);
success_of_tuple!(A, B, C);
success_of_tuple!(A, B, C, D);

/// The whole return type of a handler: `Result<T, E>`, or an [`Outcome`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a kaufmann handler",
    label = "expected `Result<T, E>`",
    note = "`Ok(())` settles the record; `Ok(event)` publishes the event first; `Err` is retried, unless its class says otherwise"
)]
pub trait Returned {
    /// The events that may leave.
    const EMITS: &'static [&'static EventInfo];
    /// What became of the record.
    fn into_outcome(self) -> Outcome;
}

impl<T: Success, E: HandlerError> Returned for Result<T, E> {
    const EMITS: &'static [&'static EventInfo] = T::EMITS;
    #[inline]
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(success) => success.into_outcome(),
            Err(error) => Outcome(OutcomeKind::Failed(error.into_failure())),
        }
    }
}

impl Returned for Outcome {
    const EMITS: &'static [&'static EventInfo] = &[];
    fn into_outcome(self) -> Outcome {
        self
    }
}
