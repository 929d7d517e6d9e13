//! The producer's transactions: messages of one appear together with its offsets, or never.

use kaufmann::publish::{
    Answer, Completion, Message, PublishError, PublishErrorKind, TransactionError, TransactionErrorKind,
    Transactions, Undelivered,
};
use kaufmann::source::{CommitOffset, Member};
use std::time::Duration;

use tokio::time::Instant;

use super::{LETTERS, Lane, Producer, identity};
use crate::double::Double;
use crate::group::{COMMIT_DELAY, commit_together};
use crate::journal::{Sent, What};
use crate::world::lock;

/// What the open transaction holds.
#[derive(Default)]
pub(super) struct Transaction {
    arrived: Vec<Message>,
    /// Whether a message of it was refused.
    torn: bool,
    /// Whether messages still on their way never arrive: the transaction must be aborted.
    stuck: bool,
    /// Whether a topic is the reason, without a refused message.
    blames_a_topic: bool,
}

impl Producer {
    /// Whether the next message of a lane stays where it is, because its transaction must be aborted.
    pub(super) fn holds_back(&self, lane: &Lane) -> bool {
        if !self.is_transactional() {
            return false;
        }
        let closed = {
            let weather = self.world.weather();
            if *lane.0 == *LETTERS {
                weather.letters_closed
            } else {
                weather.replies_closed
            }
        };
        let mut state = lock(&self.state);
        if state.alive
            && !state.ended
            && Instant::now() < closed.0
            && closed.1
            && state.lanes.get(lane).is_some_and(|lane| !lane.is_empty())
        {
            state.transaction.stuck = true;
            state.transaction.blames_a_topic = true;
        }
        state.alive && !state.ended && state.transaction.stuck
    }

    /// Why the broker refuses a message as long as its topic does not change.
    pub(super) fn refuses_in_transactions(&self, message: &Message) -> Option<PublishErrorKind> {
        let (weather, now) = (*self.world.weather(), Instant::now());
        let closed = if *message.topic == *LETTERS {
            weather.letters_closed
        } else {
            weather.replies_closed
        };
        if now < closed.0 && !closed.1 {
            return Some(PublishErrorKind::Topic);
        }
        let number = match identity(message) {
            Sent::Reply { token, .. } | Sent::Aside { token } => token,
            Sent::Letter { offset, .. } => offset.unsigned_abs(),
        };
        // A dead letter without its payload is small enough.
        let too_large = message.payload.is_some() && number.is_multiple_of(weather.too_large.1);
        (now < weather.too_large.0 && too_large).then_some(PublishErrorKind::TooLarge)
    }

    /// A message reaches the broker, or is refused.
    pub(super) fn take_in(&self, message: Message, done: Completion, refused: Option<PublishErrorKind>) {
        let holds_back = refused.is_some() && self.world.chance(1, 2);
        let transaction = &mut lock(&self.state).transaction;
        if let Some(kind) = refused {
            transaction.torn = true;
            transaction.stuck |= holds_back;
            let error = PublishError::new(kind, "this message was set to be refused");
            return done(Err(Undelivered { message, error }));
        }
        transaction.arrived.push(message);
        done(Ok(()));
    }

    /// The open transaction lacks a message.
    pub(super) fn tear(&self) {
        lock(&self.state).transaction.torn = true;
    }

    /// Records a delivery; once, unless the double wants it twice.
    fn deliver_all(&self, messages: &[Message]) {
        for message in messages {
            if self.world.double() != Double::LosesMessages {
                self.deliver(message);
            }
        }
    }

    /// Commits when everything has arrived.
    fn finish(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        let (alive, ended, on_the_way, stuck) = {
            let state = lock(&self.state);
            (
                state.alive,
                state.ended,
                state.on_the_way,
                state.transaction.stuck,
            )
        };
        if stuck && self.world.double() == Double::WaitsForWhatIsHeldBack {
            // A dropped answer would end the service; this one never comes.
            std::mem::forget(done);
            return;
        }
        if alive && !ended && on_the_way > 0 && !stuck {
            let producer = self.clone();
            let again = move || producer.finish(offsets, member, done);
            return self.world.after(Duration::from_millis(1), again);
        }
        let Transaction {
            arrived,
            torn,
            blames_a_topic,
            ..
        } = std::mem::take(&mut lock(&self.state).transaction);
        let failing = Instant::now() < self.world.weather().commits_fail;
        let fails = alive && Instant::now() < self.world.weather().transactions_fail;
        let (fails, blames) = (fails && self.world.chance(1, 2), fails && self.world.chance(1, 4));
        // The last request of a killed process may have reached the broker.
        let refused = torn
            || stuck
            || fails
            || on_the_way > 0
            || (failing && alive)
            || (!alive && self.world.chance(1, 2));
        let unknown = alive && !ended && failing && self.world.chance(1, 8);
        let made = |made: bool| made && commit_together(&member, &offsets, || self.deliver_all(&arrived));
        if !alive {
            made(!refused);
        } else if ended || unknown {
            made(unknown && !torn && !stuck && self.world.chance(1, 2));
            self.world.note(self.member, What::Stopping);
            done(Err(error(TransactionErrorKind::Ended)));
        } else if made(!refused) {
            done(Ok(()));
        } else {
            if self.world.double() == Double::KeepsWhatIsAborted {
                self.deliver_all(&arrived);
            }
            // Held messages stay held until the transaction is aborted.
            lock(&self.state).transaction.stuck = true;
            let kind = if blames_a_topic || blames {
                TransactionErrorKind::Refused
            } else {
                TransactionErrorKind::Abort
            };
            done(Err(error(kind)));
        }
    }

    /// Answers a request that needs only a producer.
    fn answer_later(&self, longest: Duration, done: Answer) {
        let producer = self.clone();
        self.world.after(self.world.delay(longest), move || {
            let (alive, ended) = {
                let state = lock(&producer.state);
                (state.alive, state.ended)
            };
            if alive && ended {
                producer.world.note(producer.member, What::Stopping);
                done(Err(error(TransactionErrorKind::Ended)));
            } else if alive {
                done(Ok(()));
            }
        });
    }
}

impl Transactions for Producer {
    fn prepare(&self, done: Answer) {
        self.answer_later(Duration::from_millis(500), done);
    }

    fn begin(&self) -> Result<(), TransactionError> {
        let mut state = lock(&self.state);
        if state.ended {
            self.world.note(self.member, What::Stopping);
            return Err(error(TransactionErrorKind::Ended));
        }
        state.transaction = Transaction::default();
        Ok(())
    }

    fn check(&self) -> Result<(), TransactionError> {
        let transaction = &lock(&self.state).transaction;
        match (transaction.stuck, transaction.blames_a_topic) {
            (false, _) => Ok(()),
            (true, false) => Err(error(TransactionErrorKind::Abort)),
            (true, true) => Err(error(TransactionErrorKind::Refused)),
        }
    }

    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        if !lock(&self.state).alive {
            // Its process was killed, and its later messages are lost.
            return;
        }
        let producer = self.clone();
        let finish = move || producer.finish(offsets, member, done);
        self.world.after(self.world.delay(COMMIT_DELAY), finish);
    }

    fn abort(&self, done: Answer) {
        let purged = {
            let mut state = lock(&self.state);
            state.transaction = Transaction::default();
            // Messages that were not sent yet are purged.
            state.on_the_way = 0;
            std::mem::take(&mut state.lanes)
        };
        for (message, done) in purged.into_values().flatten() {
            let error = PublishError::new(PublishErrorKind::Aborted, "its transaction was aborted");
            done(Err(Undelivered { message, error }));
        }
        self.answer_later(Duration::from_millis(50), done);
    }
}

fn error(kind: TransactionErrorKind) -> TransactionError {
    TransactionError::new(kind, "this transaction was set to fail")
}
