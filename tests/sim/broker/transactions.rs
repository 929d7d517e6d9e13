//! The producer's transactions: what was sent in one is there when its offsets are committed, or never.

use kaufmann::publish::{
    Answer, Completion, Message, PublishError, PublishErrorKind, TransactionError, TransactionErrorKind,
    Transactions, Undelivered,
};
use kaufmann::source::{CommitOffset, Member};
use std::time::Duration;

use tokio::time::Instant;

use super::Producer;
use crate::double::Double;
use crate::group::{COMMIT_DELAY, commit_together};
use crate::journal::What;
use crate::world::lock;

/// What the open transaction holds.
#[derive(Default)]
pub(super) struct Transaction {
    arrived: Vec<Message>,
    /// Whether a message of it was refused.
    torn: bool,
}

impl Producer {
    /// A message reaches the broker, or is refused.
    pub(super) fn take_in(&self, message: Message, done: Completion, refused: Option<PublishErrorKind>) {
        let transaction = &mut lock(&self.state).transaction;
        if let Some(kind) = refused {
            transaction.torn = true;
            let error = PublishError::new(kind, "this message was told to be refused");
            return done(Err(Undelivered { message, error }));
        }
        transaction.arrived.push(message);
        done(Ok(()));
    }

    /// The open transaction lacks a message.
    pub(super) fn tear(&self) {
        lock(&self.state).transaction.torn = true;
    }

    /// Notes what is delivered; once, unless it is to be otherwise.
    fn deliver_all(&self, messages: &[Message]) {
        for message in messages {
            if self.world.double() != Double::LosesMessages {
                self.deliver(message);
            }
        }
    }

    /// Commits when everything has arrived.
    fn finish(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        let (alive, ended, on_the_way) = {
            let state = lock(&self.state);
            (state.alive, state.ended, state.on_the_way)
        };
        if alive && !ended && on_the_way > 0 {
            let producer = self.clone();
            let again = move || producer.finish(offsets, member, done);
            return self.world.after(Duration::from_millis(1), again);
        }
        let Transaction { arrived, torn } = std::mem::take(&mut lock(&self.state).transaction);
        let failing = Instant::now() < self.world.weather().commits_fail;
        // The last order of a process that is gone may have reached the broker.
        let refused = torn || on_the_way > 0 || (failing && alive) || (!alive && self.world.chance(1, 2));
        let unknown = alive && !ended && failing && self.world.chance(1, 8);
        let made = |made: bool| made && commit_together(&member, &offsets, || self.deliver_all(&arrived));
        if !alive {
            made(!refused);
        } else if ended || unknown {
            made(unknown && !torn && self.world.chance(1, 2));
            self.world.note(self.member, What::Stopping);
            done(Err(error(TransactionErrorKind::Ended)));
        } else if made(!refused) {
            done(Ok(()));
        } else {
            if self.world.double() == Double::KeepsWhatIsAborted {
                self.deliver_all(&arrived);
            }
            done(Err(error(TransactionErrorKind::Abort)));
        }
    }

    /// Answers an order that needs nothing but a producer.
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

    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        if !lock(&self.state).alive {
            // Its process is gone, and what it sent since.
            return;
        }
        let producer = self.clone();
        let finish = move || producer.finish(offsets, member, done);
        self.world.after(self.world.delay(COMMIT_DELAY), finish);
    }

    fn abort(&self, done: Answer) {
        {
            let mut state = lock(&self.state);
            state.transaction = Transaction::default();
            // What has not left yet is purged.
            state.lanes.clear();
            state.on_the_way = 0;
        }
        self.answer_later(Duration::from_millis(50), done);
    }
}

fn error(kind: TransactionErrorKind) -> TransactionError {
    TransactionError::new(kind, "this transaction was told to fail")
}
