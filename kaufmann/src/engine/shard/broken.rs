//! What a shard does after it panicked. Panics of handlers are caught one by one; this is for all others: a bug, or the program's
//! `tracing` subscriber.
//!
//! The service stops. Meanwhile the shard still answers commands and gives up its records, so that nothing waits for it.

use std::future::Future;
use std::task::{self, Poll};

use super::Shard;
use crate::base::panics::{Panic, catch};
use crate::engine::attempt::{Attempted, Start};
use crate::handler::context::Context;
use crate::record::Record;

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// Stops the service, and gives up all records of the shard.
    #[cold]
    pub(super) fn break_down(&mut self, panic: &Panic, cx: &mut task::Context<'_>) {
        self.broken = true;
        let part = format!("shard {} of {}", self.number + 1, self.link.shards);
        self.link.control.broken(&part, panic);
        // The same code may panic again.
        _ = catch(|| self.give_up_all());
        cx.waker().wake_by_ref();
    }

    /// Runs a round of a shard that panicked.
    pub(super) fn broken_round(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        self.inbox.register(cx.waker());
        self.read_commands();
        self.give_up_unread();
        self.reports.flush();
        if self.ended {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn give_up_all(&mut self) {
        let running = std::mem::take(&mut self.running);
        for running in running.iter() {
            running.records().for_each(|record| self.reports.abandon(record));
            self.give_back();
        }
        self.permits.rest(0);
        drop(running);
        let waiting = self
            .waiting
            .take(|_| true)
            .into_iter()
            .chain(self.held.take(|_| true));
        for work in waiting.chain(self.handler_permits.take(|_| true)) {
            let members = work.start.batch().map_or(&[][..], |batch| &batch.members);
            let others = members.iter().skip(1).map(|member| &member.record);
            for record in std::iter::once(&work.record).chain(others) {
                self.reports.abandon(record);
            }
        }
        for (member, _) in self.gathers.retain(|_| false) {
            self.reports.abandon(&member.record);
        }
        let reports = &mut self.reports;
        self.lanes.retain(|work| {
            reports.abandon(&work.record);
            false
        });
        self.give_up_unread();
    }

    /// Gives up the records that were not started.
    fn give_up_unread(&mut self) {
        self.unread = 0;
        let mut next = self.next.take();
        while let Some(record) = next.or_else(|| Record::first(self.batches.pop_front()?)) {
            self.reports.abandon(&record);
            next = record.successor();
        }
    }
}
