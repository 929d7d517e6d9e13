//! The expectations of a test.

use std::fmt::Debug;
use std::time::Duration;

use super::act::Given;
use super::{Kit, bench};
use crate::handler::event::{Body, Event};
use crate::handler::record_event::RecordEventKind;
use crate::handler::tombstone::Keyed;
use crate::handler::{Service, emitted};
use crate::publish::Message;
use crate::record::names::{ERROR, SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC, TYPE};
use crate::record::wire::prefixed;

impl<V: Service> Kit<V> {
    /// Expects that an event of this type is published, and passes the first that no `then` has checked to `check`.
    ///
    /// # Panics
    ///
    /// If none is published, the given records are not settled in time, or the service has stopped.
    #[track_caller]
    pub fn then<E: Event>(&mut self, check: impl FnOnce(E)) -> &mut Self {
        self.deliver();
        let Some(message) = self.take(|message| is::<E>(message)) else {
            let possible = emitted::<V>().iter().any(|info| info.name == E::NAME);
            let hint = if possible {
                ""
            } else {
                "; no handler returns it or lists it in `emits`"
            };
            self.fail(&format!("expected that a `{}` is published{hint}", E::NAME));
        };
        let datum = message.payload.as_deref().and_then(prefixed);
        match datum.map(|(_, datum)| Body::new(datum).decode::<E>()) {
            Some(Ok(event)) => check(event),
            Some(Err(error)) => self.fail(&format!("a published `{}` cannot be decoded: {error}", E::NAME)),
            None => self.fail(&format!("a published `{}` is not framed", E::NAME)),
        }
        self
    }

    /// Expects that a tombstone of this event is published, and passes the key of the first that no `then` has checked to `check`.
    ///
    /// # Panics
    ///
    /// If none is published, its key is not one of the event, or as [`Kit::then`].
    #[track_caller]
    pub fn then_tombstone<E: Keyed>(&mut self, check: impl FnOnce(E::Key)) -> &mut Self {
        self.deliver();
        let is_tombstone = |message: &Message| {
            is_named(message, E::NAME) && message.payload.is_none() && !is_dead_letter(message)
        };
        let Some(message) = self.take(is_tombstone) else {
            self.fail(&format!(
                "expected that a tombstone of `{}` is published",
                E::NAME
            ));
        };
        match message.key.as_deref().and_then(E::read_key) {
            Some(key) => check(key),
            None => self.fail(&format!(
                "a published tombstone of `{}` does not have a key of that event",
                E::NAME
            )),
        }
        self
    }

    /// Passes the message that `then` or `then_dead_letter` has checked last to `check`, with its topic, key and headers.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn and_message(&mut self, check: impl FnOnce(&Message)) -> &mut Self {
        match &self.last {
            Some(message) => check(message),
            None => self.fail("call `and_message` after the `then` whose message it checks"),
        }
        self
    }

    /// Expects that no other event of this type is published than those that a `then` has checked.
    ///
    /// # Panics
    ///
    /// If there is one, or as [`Kit::then`].
    #[track_caller]
    pub fn then_none<E: Event>(&mut self) -> &mut Self {
        self.deliver();
        if self.take(|message| is::<E>(message)).is_some() {
            self.fail(&format!("expected that no `{}` is published", E::NAME));
        }
        self
    }

    /// Expects that nothing else is published than what the test has checked.
    ///
    /// # Panics
    ///
    /// If there is something, or as [`Kit::then`].
    #[track_caller]
    pub fn then_nothing_else(&mut self) -> &mut Self {
        self.deliver();
        if self.take(|_| true).is_some() {
            self.fail("expected that nothing else is published");
        }
        self
    }

    /// Expects that every given record is handled: none is skipped, without a handler, or a dead letter.
    ///
    /// # Panics
    ///
    /// If it is not, or as [`Kit::then`].
    #[track_caller]
    pub fn then_handled(&mut self) -> &mut Self {
        self.deliver();
        let handled = |given: &Given| matches!(self.act.end_of(given), Some(RecordEventKind::Handled { .. }));
        if let Some(given) = self.act.given.iter().find(|given| !handled(given)) {
            let what = format!(
                "expected that the `{}` given at {} is handled",
                given.name, given.at
            );
            self.fail(&what);
        }
        self
    }

    /// Expects this number of retries.
    ///
    /// # Panics
    ///
    /// If the number is different, or as [`Kit::then`].
    #[track_caller]
    pub fn then_retried(&mut self, times: usize) -> &mut Self {
        self.deliver();
        let retried = |what: &RecordEventKind| matches!(what, RecordEventKind::Retrying { .. });
        let count = self
            .act
            .record_events
            .iter()
            .filter(|record_event| retried(&record_event.kind))
            .count();
        if count != times {
            self.fail(&format!(
                "expected the number of retries to be {times}, not {count}"
            ));
        }
        self
    }

    /// Expects that a record becomes a dead letter. The error of the first that the test has not checked must contain this text.
    ///
    /// # Panics
    ///
    /// If there is none, its error does not contain the text, or as [`Kit::then`].
    #[track_caller]
    pub fn then_dead_letter(&mut self, error: &str) -> &mut Self {
        self.deliver();
        let error_of = |message: &Message| message.headers.get(ERROR).map(<[u8]>::to_vec);
        let Some(dead_letter) = self.take(|message| error_of(message).is_some()) else {
            self.fail(&format!("expected a dead letter with `{error}` in its error"));
        };
        let found = String::from_utf8_lossy(&error_of(&dead_letter).unwrap_or_default()).into_owned();
        if !found.contains(error) {
            self.fail(&format!(
                "expected a dead letter with `{error}` in its error, which is: {found}"
            ));
        }
        let header = |name| String::from_utf8_lossy(dead_letter.headers.get(name).unwrap_or_default());
        let position = format!(
            "{}/{}@{}",
            header(SOURCE_TOPIC),
            header(SOURCE_PARTITION),
            header(SOURCE_OFFSET)
        );
        self.act.expected_failures.insert(position);
        self
    }

    /// Expects that a handler fails with an error that contains this text, whatever follows: a retry, a skipped record, a dead letter, an
    /// error event, the end of the service.
    ///
    /// # Panics
    ///
    /// If none does, or the given records are not settled in time.
    #[track_caller]
    pub fn then_error(&mut self, error: &str) -> &mut Self {
        self.act.end_expected = true;
        self.deliver();
        let mut found = self.act.ended.as_ref().is_some_and(|why| why.contains(error));
        for record_event in &self.act.record_events {
            let (RecordEventKind::DeadLettered { reason }
            | RecordEventKind::Skipped { reason }
            | RecordEventKind::Postponed { reason, .. }
            | RecordEventKind::Retrying { error: reason, .. }) = &record_event.kind
            else {
                continue;
            };
            if reason.contains(error) {
                found = true;
                self.act.expected_failures.insert(record_event.position.clone());
            }
        }
        if !found {
            self.fail(&format!(
                "expected that a handler fails with `{error}` in its error"
            ));
        }
        self
    }

    /// Passes the state to `check` once all given records are settled; `check` may await.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn then_state(&mut self, check: impl AsyncFnOnce(&V::State)) -> &mut Self {
        self.deliver();
        self.bench.block_on(check(&self.bench.state));
        self
    }

    /// Expects that the given records may be delivered twice: when they are delivered [again](Kit::redelivered), the result of `look` does
    /// not change, and only messages of the first delivery are published again.
    ///
    /// # Panics
    ///
    /// If not, or as [`Kit::then`].
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "closures are written where they are given"
    )]
    pub fn then_idempotent<T: PartialEq + Debug>(&mut self, look: impl AsyncFn(&V::State) -> T) -> &mut Self {
        self.deliver();
        let content = |message: &Message| {
            (
                message.topic.clone(),
                message.key.clone(),
                message.payload.clone(),
            )
        };
        let first: Vec<_> = bench::published(&self.bench.recorder, &self.act)
            .iter()
            .map(content)
            .collect();
        let once = self.bench.block_on(look(&self.bench.state));
        self.redelivered();
        let twice = self.bench.block_on(look(&self.bench.state));
        if once != twice {
            self.fail(&format!(
                "expected that a second delivery changes nothing, but the state is different:\n   once: {once:?}\n  twice: {twice:?}"
            ));
        }
        let all = bench::published(&self.bench.recorder, &self.act);
        if all[first.len()..]
            .iter()
            .any(|message| !first.contains(&content(message)))
        {
            self.fail("expected that a second delivery changes nothing, but something else is published");
        }
        self
    }

    /// The state once all given records are settled.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn state(&mut self) -> &V::State {
        self.deliver();
        &self.bench.state
    }

    /// Everything that the service has published since the kit was created, including dead letters, in the order of delivery.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn published(&mut self) -> Vec<Message> {
        self.deliver();
        self.bench.recorder.delivered().clone()
    }

    /// How long the last delivery took on the service's clock: back-offs, timeouts, and waits in handlers.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn elapsed(&mut self) -> Duration {
        self.deliver();
        self.took
    }
}

fn is<E: Event>(message: &Message) -> bool {
    is_named(message, E::NAME) && (message.payload.is_some() || is_dead_letter(message))
}

fn is_named(message: &Message, event: &str) -> bool {
    message.headers.get(TYPE) == Some(event.as_bytes())
}

fn is_dead_letter(message: &Message) -> bool {
    message.headers.get(ERROR).is_some()
}
