//! The watchdog's part of a round: logs what takes too long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::assigned::Assigned;
use super::partition::Partition;
use super::router::Router;
use crate::config::{Config, Delivery};
use crate::engine::shard::Command;
use crate::engine::watchdog::{Age, Answers, Event, Lasting, Sample, interval};
use crate::handler::HandlerEntry;

/// The state of the watchdog besides that of each partition.
#[derive(Debug)]
pub(super) struct Watch {
    after: Duration,
    due: Instant,
    delivery: Delivery,
    sample: Option<Arc<Sample>>,
    events: Lasting<Event>,
    /// Whether shards do not answer.
    silence: Lasting<()>,
}

/// Shards that do not answer.
struct Silent {
    silent: usize,
    all: usize,
    since: Instant,
}

/// What each shard is running at this moment, also while a handler blocks its thread.
pub(super) fn running(
    router: &Router,
    partitions: &[Partition],
    handlers: &[HandlerEntry],
    since: Instant,
) -> impl Iterator<Item = (usize, Event)> {
    router.seen().filter_map(move |(shard, seen)| {
        let own = |partition: &&Partition| partition.assignment.id() == seen.assignment;
        let assignment = &partitions.iter().find(own)?.assignment;
        let entry = seen.handler.and_then(|handler| handlers.get(handler as usize));
        let event = Event {
            id: (seen.assignment, seen.offset, seen.attempt),
            since,
            name: entry.and_then(|entry| entry.event).map(|event| event.name),
            handler: entry.map(|entry| entry.path),
            key: seen.key,
            record: format!(
                "{}/{}@{}",
                assignment.topic(),
                assignment.partition(),
                seen.offset
            ),
        };
        Some((shard, event))
    })
}

impl Watch {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let after = config.watchdog.after;
        Self {
            after,
            due: now + interval(after),
            delivery: config.delivery,
            sample: None,
            events: Lasting::new(after),
            silence: Lasting::new(after),
        }
    }

    /// After how long something is logged.
    pub(super) fn after(&self) -> Duration {
        self.after
    }

    /// Looks, if that is due, and logs what takes too long.
    pub(super) fn turn(
        &mut self,
        assigned: &mut Assigned,
        router: &Router,
        handlers: &[HandlerEntry],
        now: Instant,
    ) {
        let Assigned {
            partitions,
            settlements,
            ..
        } = assigned;
        if let Some(sample) = self.sample.take_if(|sample| sample.left() == 0) {
            self.silence(None, now, Vec::new);
            self.judge(partitions, Some(&sample), &sample.answers(), sample.at);
        }
        if now < self.due {
            return;
        }
        self.due = now + interval(self.after);
        if let Some(sample) = self.sample.clone() {
            // A shard that does not answer may never do; what the others answer is logged.
            let answered = sample.answers().answered;
            let silent = |(shard, event): (usize, Event)| (!answered.contains(&shard)).then_some(event);
            let shards = Silent {
                silent: sample.left(),
                all: router.shards(),
                since: sample.at,
            };
            self.silence(Some(&shards), now, || {
                running(router, partitions, handlers, sample.at)
                    .filter_map(silent)
                    .collect()
            });
            if now.saturating_duration_since(sample.at) >= self.after {
                self.stand_still(partitions, &sample.answers(), Some(&sample), now);
            }
            return;
        }
        let mut asked = Vec::new();
        let mut unsettled = false;
        for partition in partitions.iter_mut() {
            unsettled |= partition.unsettled() > 0;
            asked.extend(partition.held_up_to_tell(now));
        }
        if unsettled {
            let waker = settlements.waker();
            let sample = Sample::new(now, now.checked_sub(self.after), asked, router.shards(), waker);
            let sample = Arc::new(sample);
            router.tell(|| Command::Sample(Arc::clone(&sample)));
            self.sample = Some(sample);
        } else {
            self.judge(partitions, None, &Answers::default(), now);
        }
    }

    fn judge(
        &mut self,
        partitions: &mut [Partition],
        sample: Option<&Sample>,
        answers: &Answers,
        now: Instant,
    ) {
        let oldest = answers.oldest.clone().map(|event| (event.since, event));
        let said = self
            .events
            .look(oldest.clone().map(|(since, event)| (event, since)), now);
        if let Some((event, age)) = said.over {
            warn!(
                event = event.name,
                handler = event.handler,
                record = event.record,
                age = %Age(age),
                "the long-running handler has ended"
            );
        }
        if let (Some(age), Some((_, event))) = (said.lasts, oldest) {
            warn!(
                event = event.name,
                handler = event.handler,
                record = event.record,
                key = event.key,
                attempt = event.id.2,
                age = %Age(age),
                others = answers.older.saturating_sub(1),
                "a handler has been running for a long time"
            );
        }
        self.stand_still(partitions, answers, sample, now);
    }

    /// Logs which shards do not answer, and what runs in them.
    fn silence(&mut self, shards: Option<&Silent>, now: Instant, running: impl FnOnce() -> Vec<Event>) {
        let said = self.silence.look(shards.map(|shards| ((), shards.since)), now);
        if let (Some(age), Some(Silent { silent, all, .. })) = (said.lasts, shards) {
            let running = running();
            if running.is_empty() {
                warn!(
                    age = %Age(age),
                    "{silent} of {all} shards do not answer, and no handler runs in them: something else blocks the threads of the \
                     runtime, such as a task that never awaits"
                );
            }
            for event in running {
                let blocker = event
                    .handler
                    .unwrap_or("code around a handler (decoding, encoding, an observer)");
                warn!(
                    event = event.name,
                    handler = event.handler,
                    record = event.record,
                    key = event.key,
                    attempt = event.id.2,
                    age = %Age(age),
                    "{silent} of {all} shards do not answer: {blocker} blocks its thread; let it await, or use spawn_blocking"
                );
            }
        }
        if let Some(((), age)) = said.over {
            warn!(age = %Age(age), "all shards answer again");
        }
    }

    /// Logs which partitions make no progress, at which record, and why.
    fn stand_still(
        &self,
        partitions: &mut [Partition],
        answers: &Answers,
        sample: Option<&Sample>,
        now: Instant,
    ) {
        let what = match self.delivery {
            Delivery::AtLeastOnce | Delivery::ExactlyOnce => {
                "a partition is stalled: the committed offset cannot move past this record"
            }
            Delivery::AtMostOnce => {
                "a record has been unsettled for a long time, and takes a permit of `max_in_flight`"
            }
        };
        for partition in partitions {
            let said = partition.look(now);
            let name = format!(
                "{}/{}",
                partition.assignment.topic(),
                partition.assignment.partition()
            );
            if let Some((_, age)) = said.over {
                warn!(partition = name, age = %Age(age), "the partition is no longer stalled");
            }
            if let (Some(age), Some(offset)) = (said.lasts, partition.held_up_at()) {
                let record = (partition.assignment.id(), offset);
                let found = answers.found.iter().find(|(asked, _)| *asked == record);
                let silent = sample.map_or(0, Sample::left);
                let why = match found {
                    Some((_, why)) => why.as_str(),
                    None if silent > 0 => "it may be in a shard that does not answer",
                    None => partition.why_elsewhere(offset),
                };
                warn!(
                    partition = name,
                    offset,
                    why,
                    age = %Age(age),
                    unsettled = partition.unsettled(),
                    "{what}"
                );
            }
        }
    }
}
