//! The records that a test gives its service.

use std::panic::Location;
use std::time::Duration;

use super::act::{Act, Given};
use super::{Kit, envelope, order};
use crate::handler::Service;
use crate::handler::event::Event;
use crate::handler::outcome::{Outgoing, Publishable};
use crate::handler::tombstone::{Keyed, Tombstone};
use crate::publish::{Message, MessageHeaders, Placement};
use crate::record::names::TYPE;
use crate::record::wire::{framed, prefixed};

impl<V: Service> Kit<V> {
    /// Gives an event, as another service would publish it: with its schema's key, in its schema's topic (else the first that the
    /// configuration consumes), with the headers of CloudEvents.
    ///
    /// # Panics
    ///
    /// If it is not a value of its schema, or changes when it is encoded and decoded. If an earlier record could not be handled and
    /// the test has not checked for that.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`.given(Created { … })` reads as what happens"
    )]
    pub fn given<E: Event>(&mut self, event: E) -> &mut Self {
        let at = Location::caller();
        let outgoing = envelope::checked(&event).unwrap_or_else(|error| self.refuse(&error));
        let id = self.register(E::INFO.full_name, E::INFO.schema);
        self.add_event(&outgoing, id, E::NAME.to_owned(), at)
    }

    /// Gives a tombstone, as another service would publish it: with its key, in the topic of its event, with the event's name in
    /// the header `ce_type`. One without that header is a [message](Kit::given_message).
    ///
    /// # Panics
    ///
    /// If an earlier record could not be handled and the test has not checked for that.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`.given_tombstone(Tombstone::<User>::new(\"ada\"))` reads as what happens"
    )]
    pub fn given_tombstone<E: Keyed>(&mut self, tombstone: Tombstone<E>) -> &mut Self {
        let name = format!("tombstone of {}", E::NAME);
        self.add_event(&tombstone.outgoing(), 0, name, Location::caller())
    }

    #[track_caller]
    fn add_event(
        &mut self,
        outgoing: &Outgoing,
        id: u32,
        name: String,
        at: &'static Location<'static>,
    ) -> &mut Self {
        let occurrence = self.occurrences.entry(envelope::content(outgoing)).or_default();
        *occurrence += 1;
        let topic = outgoing
            .info
            .topic
            .or(self.bench.config.topics.first().map(String::as_str));
        let message = envelope::message(
            outgoing,
            topic.unwrap_or("given"),
            id,
            *occurrence,
            self.bench.timestamp(),
        );
        self.add(message, name, at)
    }

    /// Gives a payload written with a schema other than the service's own, such as an earlier version: the schema's text, and the
    /// payload as JSON. The record has neither key nor headers.
    ///
    /// # Panics
    ///
    /// As [`Kit::given`].
    #[track_caller]
    pub fn given_json(&mut self, schema: &str, payload: &str) -> &mut Self {
        let at = Location::caller();
        let (name, datum) = envelope::written(schema, payload).unwrap_or_else(|error| self.refuse(&error));
        let id = self.register(&name, schema);
        let message = Message {
            topic: self
                .bench
                .config
                .topics
                .first()
                .map_or("given", String::as_str)
                .into(),
            key: None,
            placement: Placement::Key,
            payload: Some(framed(id, datum)),
            headers: MessageHeaders::default(),
        };
        self.add(message, name, at)
    }

    /// Gives a raw record: bytes that are not an event, or a message that another kit's service has [published](Kit::published). Schema
    /// ids are not translated; [`Kit::given_published`] does that.
    ///
    /// # Panics
    ///
    /// If an earlier record could not be handled and the test has not checked for that.
    #[track_caller]
    pub fn given_message(&mut self, message: Message) -> &mut Self {
        self.add(message, "a message".to_owned(), Location::caller())
    }

    /// Gives everything that another service has published, in order.
    ///
    /// # Panics
    ///
    /// If an earlier record could not be handled and the test has not checked for that.
    #[track_caller]
    pub fn given_published<O: Service>(&mut self, other: &mut Kit<O>) -> &mut Self {
        let at = Location::caller();
        for mut message in other.published() {
            // The same schema may have a different id here.
            if let Some((id, datum)) = message.payload.as_deref().and_then(prefixed) {
                let schema = other.bench.block_on(other.bench.registry.schema(id));
                let schema = schema.unwrap_or_else(|error| self.refuse(&error.to_string()));
                let name = message.headers.get(TYPE).unwrap_or_default();
                let id = self.register(&String::from_utf8_lossy(name), &schema);
                message.payload = Some(framed(id, datum.to_vec()));
            }
            self.add(message, format!("from {}", O::NAME), at);
        }
        self
    }

    /// Sets the key of the last given record.
    ///
    /// # Panics
    ///
    /// If no record was given directly before.
    #[track_caller]
    pub fn with_key(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.last_given("with_key").key = Some(key.as_ref().to_vec());
        self
    }

    /// Sets headers of the last given record; each replaces those with the same name.
    ///
    /// # Panics
    ///
    /// If no record was given directly before.
    #[track_caller]
    pub fn with_headers<N: AsRef<str>, B: AsRef<[u8]>>(
        &mut self,
        headers: impl IntoIterator<Item = (N, B)>,
    ) -> &mut Self {
        let message = self.last_given("with_headers");
        for (name, value) in headers {
            message.headers = envelope::with_header(&message.headers, name.as_ref(), value.as_ref());
        }
        self
    }

    /// Shuffles the records that are not delivered yet, by the seed, into another order that Kafka allows: the records of each key stay
    /// in order.
    pub fn in_another_order(&mut self, seed: u64) -> &mut Self {
        let waiting = self.act.given.split_off(self.act.delivered);
        let keys: Vec<_> = waiting.iter().map(|given| given.message.key.clone()).collect();
        let mut waiting: Vec<_> = waiting.into_iter().map(Some).collect();
        let order = order::another(&keys, seed);
        self.act
            .given
            .extend(order.into_iter().filter_map(|index| waiting[index].take()));
        self
    }

    /// Delivers the given records, and then all of them again, as after a crash before the commit: the same records at the same
    /// offsets, to a new run of the service with the same state.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn redelivered(&mut self) -> &mut Self {
        self.deliver();
        let outcome = self.bench.redeliver(&mut self.act);
        self.check_settled(outcome);
        self
    }

    /// Lets time pass on the service's clock.
    pub fn after(&mut self, time: Duration) -> &mut Self {
        // Created within the runtime, because it uses its clock.
        self.bench.block_on(async { tokio::time::sleep(time).await });
        self
    }

    #[track_caller]
    fn add(&mut self, message: Message, name: String, at: &'static Location<'static>) -> &mut Self {
        if self.act.delivered > 0 {
            if let Some(unexpected) = self.act.unexpected() {
                self.fail(&unexpected);
            }
            self.act = Act::after(self.bench.recorder.delivered().len());
            self.last = None;
        }
        self.act.given.push(Given {
            message,
            name,
            at,
            position: String::new(),
        });
        self
    }

    #[track_caller]
    fn last_given(&mut self, method: &str) -> &mut Message {
        match self.act.given[self.act.delivered..].last_mut() {
            Some(given) => &mut given.message,
            None => panic!("call `{method}` directly after the `given` whose record it changes"),
        }
    }

    #[track_caller]
    fn register(&mut self, subject: &str, schema: &str) -> u32 {
        let registered = self.bench.block_on(self.bench.registry.register(subject, schema));
        registered.unwrap_or_else(|error| self.refuse(&error.to_string()))
    }
}
