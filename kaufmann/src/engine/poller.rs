//! The poller: drives the source, hands records to the shards, and commits what they settled.
//!
//! It runs on a thread of its own and never waits for a handler, so that the member stays alive in its group however long
//! handlers take. [`Poller::turn`] is one round, given the time; only [`Poller::run`] knows the thread and its clock.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::assignment::{Assignment, Settlements};
use crate::base::control::Control;
use crate::base::error::ErrorKind;
use crate::base::wall_clock::WallClock;
use crate::config::Config;
use crate::engine::shard::Inbox;
use crate::handler::HandlerEntry;
use crate::publish::retry_topics::RetryTopics;
use crate::source::{Source, SourceEvent};

mod assigned;
mod commits;
mod delayed;
mod head;
mod holds;
mod partition;
mod precommit;
mod repeats;
mod requests;
mod revocation;
mod router;
mod transacting;
mod watch;

use assigned::Assigned;
use commits::Commits;
use delayed::Came;
use holds::{Holds, is_held};
use partition::Partition;
pub(crate) use repeats::Repeats;
use revocation::{Revocation, Why};
pub(crate) use router::LaneHasher;
use router::{BATCH_RECORDS, Router};
pub(crate) use transacting::Transacting;
use watch::Watch;

/// How long the thread rests at most while something is under way: a wake-up that was missed costs this.
const REST: Duration = Duration::from_millis(20);
/// How long it rests when nothing is.
const IDLE_REST: Duration = Duration::from_millis(100);

/// After how long without partitions the poller logs that it waits for them.
const ALONE: Duration = Duration::from_secs(5);

/// How long a shutdown takes at most if a part of the service panicked: a record that was lost with it never ends.
const BROKEN_PATIENCE: Duration = Duration::from_secs(5);

/// How long leaving the group may take at least, even if the shutdown's time is over.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Drives a source.
pub(crate) struct Poller<S> {
    source: S,
    router: Router,
    control: Arc<Control>,
    limits: Limits,
    assigned: Assigned,
    commits: Commits,
    revocations: Vec<Revocation>,
    watch: Watch,
    retries: RetryTopics,
    holds: Holds,
    /// Since when the group has given no partitions; `None` once it has, or that was logged.
    alone_since: Option<Instant>,
    wall_clock: WallClock,
    /// The service's list, for the names.
    handlers: &'static [HandlerEntry],
    /// Which partition is read first: another one each round.
    first: usize,
    /// Whether reading is paused by [`Control::quiet`].
    quiet: bool,
    stopping: bool,
    drained: bool,
    /// When the shutdown must be over.
    end: Instant,
    events: Vec<SourceEvent>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_unsettled: usize,
    max_bytes: usize,
    revoke_deadline: Duration,
    shutdown_deadline: Duration,
}

/// The result of a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// There was something to do: the next round follows at once.
    Busy,
    /// Nothing to do before this time, unless the source's waker is called.
    Rest(Instant),
    /// The service is stopped, and everything is committed that can be.
    Ended,
}

/// How the service ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ending {
    /// Records that were settled.
    pub(crate) settled: u64,
    /// Whether everything that ran was finished in time, and committed.
    pub(crate) drained: bool,
    /// When the shutdown's time is over.
    pub(crate) end: Instant,
    /// If not everything was finished: what was just running in which shard. If the shard does not answer, that blocks its thread.
    pub(crate) blocking: Vec<(usize, String)>,
    /// What is left for the next owner to handle again.
    pub(crate) repeats: Repeats,
}

impl<S: Source> Poller<S> {
    pub(crate) fn new(
        source: S,
        config: &Config,
        shards: Vec<Arc<Inbox>>,
        settlements: Arc<Settlements>,
        control: Arc<Control>,
        lane_hasher: LaneHasher,
        now: Instant,
    ) -> Self {
        Self {
            source,
            router: Router::new(config, lane_hasher, shards),
            control,
            limits: Limits {
                max_unsettled: config.max_unsettled.max(1),
                max_bytes: config.max_bytes.max(1),
                revoke_deadline: config.revoke_deadline,
                shutdown_deadline: config.shutdown_deadline,
            },
            assigned: Assigned::new(settlements),
            commits: Commits::new(config, now),
            revocations: Vec::new(),
            watch: Watch::new(config, now),
            retries: RetryTopics::new(config),
            holds: Holds::new(config),
            alone_since: Some(now),
            wall_clock: WallClock::default(),
            handlers: &[],
            first: 0,
            quiet: false,
            stopping: false,
            drained: true,
            end: now,
            events: Vec::new(),
        }
    }

    /// Uses this clock for the time of day, by which records of retry topics are due.
    pub(crate) fn with_wall_clock(mut self, wall_clock: WallClock) -> Self {
        self.wall_clock = wall_clock;
        self
    }

    /// Uses the service's list for the names of handlers.
    pub(crate) fn with_handlers(mut self, handlers: &'static [HandlerEntry]) -> Self {
        self.handlers = handlers;
        self
    }

    /// Commits in transactions from now on.
    pub(crate) fn in_transactions(mut self, transacting: Transacting) -> Self {
        self.commits.in_transactions(transacting);
        self
    }

    /// Runs until the service is stopped. Parks this thread in between; the source's waker must unpark it.
    pub(crate) fn run(mut self) -> Ending {
        loop {
            match self.turn(Instant::now()) {
                Turn::Busy => {}
                Turn::Rest(until) => {
                    std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
                }
                Turn::Ended => break,
            }
        }
        self.leave(Instant::now())
    }

    /// Leaves the group, after [`Poller::turn`] has returned [`Turn::Ended`].
    pub(crate) fn leave(mut self, now: Instant) -> Ending {
        let blocking = if self.drained {
            Vec::new()
        } else {
            let running = watch::running(&self.router, &self.assigned.partitions, self.handlers, now);
            running
                .map(|(shard, event)| (shard, event.describe_blocking()))
                .collect()
        };
        self.source
            .close(self.end.saturating_duration_since(now).max(LAST_PATIENCE));
        let at_most_once = self.commits.is_before_handling();
        let partitions = self.assigned.partitions.iter().filter(|_| !at_most_once);
        Ending {
            repeats: partitions
                .map(Partition::repeats)
                .fold(Repeats::default(), Repeats::and),
            settled: self.assigned.settled,
            drained: self.drained,
            end: self.end,
            blocking,
        }
    }

    /// One round.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        self.take_events(now);
        self.assigned.take_reports();
        self.commits.hand_over(&self.assigned, &mut self.router, now);
        self.holds.end(now);
        self.log_alone(now);
        if self.control.is_abandoned() {
            return self.abandon(now);
        }
        if self.control.is_stopping() && !self.stopping {
            self.stop(now);
        }
        if self.control.is_quiet() && !self.quiet {
            self.quiet = true;
            info!("reading stopped (`quiet`), the partitions are kept");
        }
        let read = if self.stopping || self.quiet {
            (0, false)
        } else {
            self.read(now)
        };
        let parts = (&mut self.source, &self.assigned, &mut self.router);
        self.commits.after_read(read, parts, now);
        self.advance_revocations(now);
        if !self.transact(now) {
            return self.abandon(now);
        }
        if self.stopping && self.revocations.is_empty() {
            return Turn::Ended;
        }
        self.commits
            .commit_if_due(&mut self.source, &mut self.assigned, now);
        if !self.stopping {
            self.watch
                .turn(&mut self.assigned, &self.router, self.handlers, now);
        }
        if read.0 > 0 {
            return Turn::Busy;
        }
        if !self.assigned.settlements.arm(self.awaited()) {
            // Reports came before the wake-up was set.
            return Turn::Busy;
        }
        self.rest(now)
    }

    fn take_events(&mut self, now: Instant) {
        let mut events = std::mem::take(&mut self.events);
        self.source.events(&mut events);
        for event in events.drain(..) {
            match event {
                SourceEvent::Assigned(assignments) => self.assign(assignments),
                SourceEvent::Revoked { assignments, lost } => self.revoke(assignments, lost, now),
                SourceEvent::Committed { offsets, result } => {
                    self.commits
                        .take_answer(&mut self.assigned, &offsets, result, now);
                }
                SourceEvent::Trouble(error) => warn!(%error, "Kafka error; trying again"),
                SourceEvent::Recovered => info!("Kafka works again"),
                SourceEvent::OffsetOutOfRange(gone) => warn!(
                    topic = &*gone.topic,
                    partition = gone.partition,
                    offset = gone.offset,
                    log_start = gone.log_start,
                    lost = gone.lost(),
                    "{gone}; the offset is reset as `auto.offset.reset` sets it"
                ),
                SourceEvent::Failed(error) => {
                    error!(%error, "the source failed");
                    self.control.fail(ErrorKind::Source, error.to_string());
                }
            }
        }
        self.events = events;
    }

    fn assign(&mut self, assignments: Vec<Arc<Assignment>>) {
        if assignments.is_empty() {
            if self.assigned.partitions.is_empty() {
                info!("joined, waiting for partitions");
            }
            self.alone_since = None;
            return;
        }
        self.alone_since = None;
        info!(partitions = %Names(&assignments), "assigned");
        for assignment in assignments {
            let mut partition = self.commits.partition(assignment, self.watch.after());
            partition.ending = self.stopping;
            let retries = self.retries.find(partition.assignment.topic());
            if retries.is_none() {
                self.holds.attach(&partition.assignment);
            }
            partition.delay = retries.map(|topic| topic.delay);
            if partition.delay.is_some() {
                partition.assignment.set_retry_topic();
            }
            self.assigned.partitions.push(partition);
        }
    }

    /// Logs that the group has given no partition for a while: with KIP-848 the broker sends nothing to a member that gets none.
    fn log_alone(&mut self, now: Instant) {
        let alone = |since: &mut Instant| now.saturating_duration_since(*since) >= ALONE;
        if self.alone_since.take_if(alone).is_some() {
            info!("waiting for partitions: the group has given none yet");
        }
    }

    fn revoke(&mut self, assignments: Vec<Arc<Assignment>>, lost: bool, now: Instant) {
        info!(partitions = %Names(&assignments), lost, "revoked");
        // Records that are committed before they begin are ours to finish, also if another member has the partition.
        let (why, time) = if lost && !self.commits.is_before_handling() {
            (Why::Lost, Duration::ZERO)
        } else {
            (Why::Revoked, self.limits.revoke_deadline)
        };
        let revocation = Revocation::begin(self, why, assignments, now, time);
        self.revocations.push(revocation);
    }

    /// Reads no more records, and finishes those in flight.
    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let patience = if self.control.is_broken() {
            BROKEN_PATIENCE
        } else {
            Duration::MAX
        };
        let time = self.limits.shutdown_deadline.min(patience);
        self.end = now + time;
        info!("stopping: reading no more records, finishing those in flight");
        let assignments = self.assigned.assignments();
        let revocation = Revocation::begin(self, Why::Shutdown, assignments, now, time);
        self.revocations.push(revocation);
    }

    /// Commits what is settled, and waits for nothing.
    fn abandon(&mut self, now: Instant) -> Turn {
        for partition in &self.assigned.partitions {
            partition.assignment.fence(i64::MIN);
        }
        self.commits
            .commit(&mut self.source, &mut self.assigned, |_| true);
        (self.end, self.drained) = (now, false);
        Turn::Ended
    }

    /// Reads each partition in turn as far as its quota and the byte budget allow. Returns how many records came, and whether offsets
    /// without a record were passed.
    fn read(&mut self, now: Instant) -> (usize, bool) {
        let Self {
            source,
            router,
            assigned,
            commits,
            limits,
            first,
            wall_clock,
            ..
        } = self;
        let (mut total, mut passed) = (0, false);
        let mut window = commits.window(assigned.unsettled());
        let Assigned {
            partitions, bytes, ..
        } = assigned;
        *first = (*first + 1) % partitions.len().max(1);
        let (behind, ahead) = partitions.split_at_mut(*first);
        for partition in ahead.iter_mut().chain(behind) {
            let free = limits.max_bytes.saturating_sub(*bytes);
            if free == 0 || window == 0 {
                break;
            }
            let room = partition.room(limits.max_unsettled, free);
            let room = room.min(BATCH_RECORDS).min(window);
            if room == 0 || partition.ending || is_held(&partition.assignment, now) {
                continue;
            }
            let came = match partition.delay {
                Some(delay) => {
                    let clocks = (now, wall_clock.at(now));
                    delayed::read(source, router, partition, delay, (room, free), clocks)
                }
                None => read_now(source, router, partition, (room, free)),
            };
            partition.read(came.taken, came.bytes);
            total += came.records;
            passed |= came.passed;
            window -= came.taken;
            *bytes += came.bytes;
        }
        (total, passed)
    }

    /// Takes each revocation as far as it goes now.
    fn advance_revocations(&mut self, now: Instant) {
        let mut revocations = std::mem::take(&mut self.revocations);
        revocations.retain_mut(|revocation| !revocation.advance(self, now));
        // Nothing adds a revocation meanwhile: they come with events only.
        self.revocations = revocations;
    }

    /// Takes the transactions as far as they go now; `false` if no other can be begun.
    fn transact(&mut self, now: Instant) -> bool {
        let hurry = !self.revocations.is_empty();
        match self
            .commits
            .transact(&self.source, &mut self.assigned, hurry, now)
        {
            Ok(()) => true,
            Err((kind, error)) => {
                error!(%error, "no more transactions are possible; the service stops");
                self.control.fail(kind, error.to_string());
                false
            }
        }
    }

    /// How many reported records are worth a wake-up; 0: none are.
    fn awaited(&self) -> usize {
        let unsettled = self.assigned.unsettled();
        let at_bound = self.assigned.bytes >= self.limits.max_bytes
            || self.assigned.partitions.iter().any(|partition| {
                partition.unsettled() >= partition.most_unsettled(self.limits.max_unsettled)
            });
        if !self.revocations.is_empty() || self.commits.is_full(unsettled) {
            1
        } else if at_bound {
            (unsettled / 2).clamp(1, self.limits.max_unsettled.div_ceil(2))
        } else {
            0
        }
    }

    fn rest(&self, now: Instant) -> Turn {
        let idle = self.revocations.is_empty() && self.assigned.unsettled() == 0;
        let rest = now + if idle { IDLE_REST } else { REST };
        // A record that is due and stays has no room just now.
        let partitions = self.assigned.partitions.iter();
        let heads = partitions.filter_map(|partition| partition.head.as_ref());
        let head = heads.map(head::Head::due).filter(|due| *due > now).min();
        let times = [self.commits.due(now), head, self.holds.next(now)];
        Turn::Rest(times.into_iter().flatten().fold(rest, Instant::min))
    }
}

/// Reads records that are handled at once, within these bounds of records and bytes.
#[inline]
fn read_now<S: Source>(
    source: &mut S,
    router: &mut Router,
    partition: &mut Partition,
    (room, free): (usize, usize),
) -> Came {
    let mut came = Came::default();
    let assignment = Arc::clone(&partition.assignment);
    came.records = source.read(&assignment, room, &mut |raw| {
        if partition.take(raw.offset) {
            came.bytes += router.push(&assignment, raw);
            came.taken += 1;
        }
        // The size of a record is known when it is here: the one that reaches the budget is the last.
        if came.bytes < free {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    came.passed = source
        .position(&assignment)
        .is_some_and(|next| partition.pass(next));
    came
}

/// `orders/0, orders/3`
struct Names<'a>(&'a [Arc<Assignment>]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, assignment) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}/{}", assignment.topic(), assignment.partition())?;
        }
        Ok(())
    }
}
