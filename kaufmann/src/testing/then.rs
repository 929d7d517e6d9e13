//! What is to come of it.

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
    /// An event of this type is published: the first that no `then` has looked at. `check` looks at it.
    ///
    /// # Panics
    ///
    /// If none is published, what was given is not settled in time, or the service has stopped.
    #[track_caller]
    pub fn then<E: Event>(&mut self, check: impl FnOnce(E)) -> &mut Self {
        self.deliver();
        let Some(message) = self.take(|message| is::<E>(message)) else {
            let possible = emitted::<V>().iter().any(|info| info.name == E::NAME);
            let hint = if possible {
                ""
            } else {
                "; no handler returns it or has it in `emits`"
            };
            self.fail(&format!("expected a `{}` that is published{hint}", E::NAME));
        };
        let datum = message.payload.as_deref().and_then(prefixed);
        match datum.map(|(_, datum)| Body::new(datum).decode::<E>()) {
            Some(Ok(event)) => check(event),
            Some(Err(error)) => self.fail(&format!("a published `{}` cannot be decoded: {error}", E::NAME)),
            None => self.fail(&format!("a published `{}` is not framed", E::NAME)),
        }
        self
    }

    /// A tombstone of this event is published: the first that no `then` has looked at. `check` looks at its key.
    ///
    /// # Panics
    ///
    /// If none is published, its key is none of the event, or as [`Kit::then`].
    #[track_caller]
    pub fn then_tombstone<E: Keyed>(&mut self, check: impl FnOnce(E::Key)) -> &mut Self {
        self.deliver();
        let gone = |message: &Message| {
            is_called(message, E::NAME) && message.payload.is_none() && !is_letter(message)
        };
        let Some(message) = self.take(gone) else {
            self.fail(&format!(
                "expected a tombstone of `{}` that is published",
                E::NAME
            ));
        };
        match message.key.as_deref().and_then(E::read_key) {
            Some(key) => check(key),
            None => self.fail(&format!(
                "a published tombstone of `{}` has no key of it",
                E::NAME
            )),
        }
        self
    }

    /// What `then` or `then_dead_letter` has looked at last, as a message: topic, key, headers.
    ///
    /// # Panics
    ///
    /// If there was none.
    #[track_caller]
    pub fn and_message(&mut self, check: impl FnOnce(&Message)) -> &mut Self {
        match &self.last {
            Some(message) => check(message),
            None => self.fail("`and_message` comes after the `then` whose message it looks at"),
        }
        self
    }

    /// No event of this type is published that no `then` has looked at.
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

    /// Nothing at all is published that the test has not looked at.
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

    /// Everything that was given is handled: nothing is skipped, unwanted or a dead letter.
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

    /// Handlers fail this often and are tried again.
    ///
    /// # Panics
    ///
    /// If it is another number, or as [`Kit::then`].
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
                "expected that handlers are tried again {times} times, not {count}"
            ));
        }
        self
    }

    /// A record becomes a dead letter whose error contains this text: the first that the test has not looked at.
    ///
    /// # Panics
    ///
    /// If there is none, its error says something else, or as [`Kit::then`].
    #[track_caller]
    pub fn then_dead_letter(&mut self, error: &str) -> &mut Self {
        self.deliver();
        let said = |message: &Message| message.headers.get(ERROR).map(<[u8]>::to_vec);
        let Some(letter) = self.take(|message| said(message).is_some()) else {
            self.fail(&format!("expected a dead letter with `{error}` in its error"));
        };
        let says = String::from_utf8_lossy(&said(&letter).unwrap_or_default()).into_owned();
        if !says.contains(error) {
            self.fail(&format!(
                "expected a dead letter with `{error}` in its error, which is: {says}"
            ));
        }
        let header = |name| String::from_utf8_lossy(letter.headers.get(name).unwrap_or_default());
        let place = format!(
            "{}/{}@{}",
            header(SOURCE_TOPIC),
            header(SOURCE_PARTITION),
            header(SOURCE_OFFSET)
        );
        self.act.expected_letters.insert(place);
        self
    }

    /// A handler fails with an error that contains this text, whatever comes of it: another attempt, a record that is skipped, a
    /// dead letter, an error event, a service that stops.
    ///
    /// # Panics
    ///
    /// If none does, or what was given is not settled in time.
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
                self.act.expected_letters.insert(record_event.place.clone());
            }
        }
        if !found {
            self.fail(&format!(
                "expected that a handler fails with `{error}` in its error"
            ));
        }
        self
    }

    /// Looks at the state when everything given is settled; `check` may wait.
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

    /// What was given may come twice: delivered [again](Kit::redelivered), it leaves the state as `look` sees it, and publishes
    /// nothing but what it published at first.
    ///
    /// # Panics
    ///
    /// If it does not, or as [`Kit::then`].
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
                "expected that what was given may come twice, but the state is another then:\n   once: {once:?}\n  twice: {twice:?}"
            ));
        }
        let all = bench::published(&self.bench.recorder, &self.act);
        if all[first.len()..]
            .iter()
            .any(|message| !first.contains(&content(message)))
        {
            self.fail("expected that what was given may come twice, but something else is published then");
        }
        self
    }

    /// The state, when everything given is settled.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn state(&mut self) -> &V::State {
        self.deliver();
        &self.bench.state
    }

    /// All that the service has published since the kit was made, dead letters included, in the order in which it was delivered.
    ///
    /// # Panics
    ///
    /// As [`Kit::then`].
    #[track_caller]
    pub fn published(&mut self) -> Vec<Message> {
        self.deliver();
        self.bench.recorder.delivered().clone()
    }

    /// How long the last delivery took in the service's time: back-offs, time-outs and what handlers waited for.
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
    is_called(message, E::NAME) && (message.payload.is_some() || is_letter(message))
}

fn is_called(message: &Message, event: &str) -> bool {
    message.headers.get(TYPE) == Some(event.as_bytes())
}

fn is_letter(message: &Message) -> bool {
    message.headers.get(ERROR).is_some()
}
