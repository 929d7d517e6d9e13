//! The poller: drives the source, hands records to the shards, and commits what they settled.
//!
//! It runs on a thread of its own and never waits for a handler, so that the member stays alive in its group however long
//! handlers take. [`Poller::turn`] is one round, given the time; only [`Poller::run`] knows the thread and its clock.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use crate::assignment::Assignment;
use crate::assignment::{Report, Settlements};
use crate::base::control::Control;
use crate::base::error::ErrorKind;
use crate::base::wall_clock::WallClock;
use crate::config::{Config, Delivery};
use crate::engine::fence::Barrier;
use crate::engine::shard::{Command, Inbox};
use crate::handler::HandlerEntry;
use crate::publish::retry_topics::RetryTopics;
use crate::source::{CommitOffset, Source, SourceError, SourceEvent};

mod delayed;
mod head;
mod holds;
mod partition;
mod precommit;
mod repeats;
mod revocation;
mod router;
mod transacting;
mod watch;

use holds::{Holds, is_held};
use partition::Partition;
use precommit::Precommit;
pub(crate) use repeats::Repeats;
use revocation::{Phase, Revocation, Why};
pub(crate) use router::LaneHasher;
use router::{BATCH_RECORDS, Router};
pub(crate) use transacting::Transacting;
use watch::Watch;

/// How long the thread rests at most while something is under way: a wake-up that was missed costs this.
const REST: Duration = Duration::from_millis(20);
/// How long it rests when nothing is.
const IDLE_REST: Duration = Duration::from_millis(100);

/// How often it is logged that commits fail.
const WARN_INTERVAL: Duration = Duration::from_secs(30);
/// After how long without partitions it is said that they are waited for.
const ALONE: Duration = Duration::from_secs(5);

/// How long a shutdown takes at most if a part of the service panicked: a record that was lost with it never ends.
const BROKEN_PATIENCE: Duration = Duration::from_secs(5);

/// How long leaving the group may take at least, if the shutdown's time is over.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Drives a source.
pub(crate) struct Poller<S> {
    source: S,
    router: Router,
    settlements: Arc<Settlements>,
    control: Arc<Control>,
    limits: Limits,
    partitions: Vec<Partition>,
    revocations: Vec<Revocation>,
    /// Commits in transactions, if that is how.
    transacting: Option<Transacting>,
    /// Bytes of the records that are unsettled.
    bytes: usize,
    settled: u64,
    /// Commits that were sent, and answered, so far.
    sent: u64,
    answered: u64,
    commit_due: Instant,
    /// When it was logged last that commits fail, as long as they do.
    commit_failing: Option<Instant>,
    /// If records are committed before they begin.
    precommit: Option<Precommit>,
    watch: Watch,
    retries: RetryTopics,
    holds: Holds,
    /// Since when nothing was heard of partitions; `None` once something was, or was said.
    alone_since: Option<Instant>,
    wall_clock: WallClock,
    /// The service's list, for the names.
    handlers: &'static [HandlerEntry],
    /// Which partition is read first, so that each is in turn.
    first: usize,
    /// Whether no more records are taken.
    quiet: bool,
    stopping: bool,
    drained: bool,
    /// When the shutdown's time is over.
    end: Instant,
    reports: Vec<Report>,
    events: Vec<SourceEvent>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_unsettled: usize,
    max_bytes: usize,
    commit_interval: Duration,
    commit_ahead: bool,
    revoke_deadline: Duration,
    shutdown_deadline: Duration,
}

/// What a round came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// There was something to do; go on at once.
    Busy,
    /// Nothing to do before this time, unless the waker says otherwise.
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
        let limits = Limits {
            max_unsettled: config.max_unsettled.max(1),
            max_bytes: config.max_bytes.max(1),
            commit_interval: config.commit_interval,
            commit_ahead: config.commit_ahead,
            revoke_deadline: config.revoke_deadline,
            shutdown_deadline: config.shutdown_deadline,
        };
        Self {
            source,
            router: Router::new(config, lane_hasher, shards),
            settlements,
            control,
            limits,
            partitions: Vec::new(),
            revocations: Vec::new(),
            transacting: None,
            bytes: 0,
            settled: 0,
            sent: 0,
            answered: 0,
            commit_due: now + limits.commit_interval,
            commit_failing: None,
            precommit: (config.delivery == Delivery::AtMostOnce)
                .then(|| Precommit::new(config.max_in_flight.max(1))),
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
            reports: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The time of day, by which records are due, is told by this.
    pub(crate) fn with_wall_clock(mut self, wall_clock: WallClock) -> Self {
        self.wall_clock = wall_clock;
        self
    }

    /// The service's list of handlers, by which they are named.
    pub(crate) fn naming(mut self, handlers: &'static [HandlerEntry]) -> Self {
        self.handlers = handlers;
        self
    }

    /// Commits in transactions from now on.
    pub(crate) fn in_transactions(mut self, transacting: Transacting) -> Self {
        self.limits.commit_ahead = true;
        self.transacting = Some(transacting);
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

    /// Leaves the group when [`Poller::turn`] has said that all is over.
    pub(crate) fn leave(mut self, now: Instant) -> Ending {
        let blocking = if self.drained {
            Vec::new()
        } else {
            let running = watch::running(&self.router, &self.partitions, self.handlers, now);
            running
                .map(|(shard, event)| (shard, event.describe_blocking()))
                .collect()
        };
        self.source
            .close(self.end.saturating_duration_since(now).max(LAST_PATIENCE));
        let at_most_once = self.precommit.is_some();
        let partitions = self.partitions.iter().filter(|_| !at_most_once);
        Ending {
            repeats: partitions
                .map(Partition::repeats)
                .fold(Repeats::default(), Repeats::and),
            settled: self.settled,
            drained: self.drained,
            end: self.end,
            blocking,
        }
    }

    /// One round.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        self.take_events(now);
        self.take_reports();
        self.hand_over_committed(now);
        self.holds.end(now);
        self.say_alone(now);
        if self.control.is_abandoned() {
            return self.abandon(now);
        }
        if self.control.is_stopping() && !self.stopping {
            self.stop(now);
        }
        if self.control.is_quiet() && !self.quiet {
            self.quiet = true;
            info!("quiet: no more records are taken, the partitions are kept");
        }
        let ready = self.transacting.as_ref().is_none_or(Transacting::is_ready);
        let (read, passed) = if self.stopping || self.quiet || !ready {
            (0, false)
        } else {
            self.read(now)
        };
        if self.precommit.is_some() {
            self.ask_precommit(read > 0 || passed, now);
        } else if read == 0 {
            self.router.flush();
        }
        self.advance_revocations(now);
        if !self.transact(now) {
            return self.abandon(now);
        }
        if self.stopping && self.revocations.is_empty() {
            return Turn::Ended;
        }
        if now >= self.commit_due && self.transacting.is_none() {
            self.commit_due = now + self.limits.commit_interval;
            self.commit(|_| true);
        }
        if !self.stopping {
            let (router, handlers) = (&self.router, self.handlers);
            self.watch
                .turn(&mut self.partitions, router, handlers, &self.settlements, now);
        }
        if read > 0 {
            return Turn::Busy;
        }
        if !self.settlements.arm(self.awaited()) {
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
                SourceEvent::Assigned(assignments) => self.assigned(assignments),
                SourceEvent::Revoked { assignments, lost } => self.revoked(assignments, lost, now),
                SourceEvent::Committed { offsets, result } => self.committed(&offsets, result, now),
                SourceEvent::Trouble(error) => warn!(%error, "trouble with Kafka; going on trying"),
                SourceEvent::Recovered => info!("the trouble with Kafka is over"),
                SourceEvent::OffsetOutOfRange(gone) => warn!(
                    topic = &*gone.topic,
                    partition = gone.partition,
                    offset = gone.offset,
                    log_start = gone.log_start,
                    lost = gone.lost(),
                    "{gone}; reading on as `auto.offset.reset` says"
                ),
                SourceEvent::Failed(error) => {
                    error!(%error, "the source failed");
                    self.control.fail(ErrorKind::Source, error.to_string());
                }
            }
        }
        self.events = events;
    }

    fn take_reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        self.settlements.take(&mut reports);
        for report in reports.drain(..) {
            // A report of an assignment that has ended is refused: its offsets are another member's now.
            let Some(partition) = find(&mut self.partitions, report.assignment) else {
                continue;
            };
            let before = partition.unsettled() as u64;
            partition.apply(&report);
            // What is taken back was counted when it was settled.
            self.settled = (self.settled + before).saturating_sub(partition.unsettled() as u64);
            self.bytes = self.bytes.saturating_sub(report.bytes);
        }
        self.reports = reports;
    }

    fn assigned(&mut self, assignments: Vec<Arc<Assignment>>) {
        if assignments.is_empty() {
            if self.partitions.is_empty() {
                info!("joined, waiting for partitions");
            }
            self.alone_since = None;
            return;
        }
        self.alone_since = None;
        info!(partitions = %Names(&assignments), "assigned");
        for assignment in assignments {
            let patience = self.watch.after();
            let mut partition = if self.transacting.is_some() {
                Partition::bounded(assignment, patience)
            } else {
                Partition::new(assignment, patience)
            };
            partition.ending = self.stopping;
            let retries = self.retries.find(partition.assignment.topic());
            if retries.is_none() {
                self.holds.attach(&partition.assignment);
            }
            partition.delay = retries.map(|topic| topic.delay);
            if partition.delay.is_some() {
                partition.assignment.set_retry_topic();
            }
            self.partitions.push(partition);
        }
    }

    /// Says that no partition has come for a while: a group that the broker assigns says nothing to a member that gets none.
    fn say_alone(&mut self, now: Instant) {
        let alone = |since: &mut Instant| now.saturating_duration_since(*since) >= ALONE;
        if self.alone_since.take_if(alone).is_some() {
            info!("waiting for partitions: the group has given none yet");
        }
    }

    fn revoked(&mut self, assignments: Vec<Arc<Assignment>>, lost: bool, now: Instant) {
        info!(partitions = %Names(&assignments), lost, "revoked");
        // What is committed before it begins is ours to finish, whoever has the partition.
        if lost && self.precommit.is_none() {
            self.give_back(Why::Lost, assignments, now, Duration::ZERO);
        } else {
            self.give_back(Why::Revoked, assignments, now, self.limits.revoke_deadline);
        }
    }

    /// Takes no more records, and lets those that run finish.
    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let patience = if self.control.is_broken() {
            BROKEN_PATIENCE
        } else {
            Duration::MAX
        };
        let time = self.limits.shutdown_deadline.min(patience);
        self.end = now + time;
        info!("stopping: no more records are taken, those that run are finished");
        let assignments = self
            .partitions
            .iter()
            .map(|partition| Arc::clone(&partition.assignment))
            .collect();
        self.give_back(Why::Shutdown, assignments, now, time);
    }

    /// Commits what is settled, and waits for nothing.
    fn abandon(&mut self, now: Instant) -> Turn {
        for partition in &self.partitions {
            partition.assignment.fence(i64::MIN);
        }
        if self.transacting.is_none() {
            self.commit(|_| true);
        }
        (self.end, self.drained) = (now, false);
        Turn::Ended
    }

    /// Begins to give partitions back: nothing more of them is read, and the shards say what they have started.
    fn give_back(&mut self, why: Why, assignments: Vec<Arc<Assignment>>, now: Instant, time: Duration) {
        for partition in &mut self.partitions {
            let ends = assignments
                .iter()
                .any(|ending| ending.id() == partition.assignment.id());
            partition.ending |= ends;
            partition.lost |= ends && why == Why::Lost;
        }
        let barrier = Barrier::new(&assignments, self.router.shards(), self.settlements.waker());
        let revocation = Revocation::new(why, Arc::clone(&barrier), assignments, now, time);
        if revocation.is_lost() {
            revocation.close();
        }
        self.revocations.push(revocation);
        if self.precommit.is_none() {
            // What was collected comes before the question, so that nothing of it is overlooked.
            self.router.flush();
        }
        self.router.tell(|| Command::Pause(Arc::clone(&barrier)));
    }

    /// Reads each partition in turn as far as its quota and the byte budget allow. Returns how many records came, and whether offsets
    /// without a record were passed.
    fn read(&mut self, now: Instant) -> (usize, bool) {
        let Self {
            source,
            router,
            partitions,
            bytes,
            limits,
            precommit,
            first,
            wall_clock,
            ..
        } = self;
        let (mut total, mut passed) = (0, false);
        let mut window = precommit.as_ref().map_or(usize::MAX, |precommit| {
            precommit.room(partitions.iter().map(Partition::unsettled).sum())
        });
        *first = (*first + 1) % partitions.len().max(1);
        let (behind, ahead) = partitions.split_at_mut(*first);
        for partition in ahead.iter_mut().chain(behind) {
            let free = limits.max_bytes.saturating_sub(*bytes);
            if free == 0 || window == 0 {
                break;
            }
            let room = partition.room(limits.max_unsettled, free).min(BATCH_RECORDS);
            let room = room.min(window);
            if room == 0 || partition.ending || is_held(&partition.assignment, now) {
                continue;
            }
            if let Some(delay) = partition.delay {
                let clocks = (now, wall_clock.at(now));
                let came = delayed::read(source, router, partition, delay, (room, free), clocks);
                partition.read(came.taken, came.bytes);
                total += came.records;
                passed |= came.passed;
                window -= came.taken;
                *bytes += came.bytes;
                continue;
            }
            let (mut taken, mut size) = (0, 0);
            let assignment = Arc::clone(&partition.assignment);
            total += source.read(&assignment, room, &mut |raw| {
                if partition.take(raw.offset) {
                    size += router.push(&assignment, raw);
                    taken += 1;
                }
                // How large a record is is known when it is here: the one that reaches the budget is the last.
                if size < free {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            passed |= source
                .position(&assignment)
                .is_some_and(|next| partition.pass(next));
            partition.read(taken, size);
            window -= taken;
            *bytes += size;
        }
        (total, passed)
    }

    /// Commits the watermarks of the partitions that `which` picks, where they are new.
    fn commit(&mut self, which: impl Fn(&Assignment) -> bool) {
        if self.precommit.is_some() {
            return;
        }
        let offsets = self.offsets(which);
        if !offsets.is_empty() {
            self.sent += 1;
            self.source.commit(offsets);
        }
    }

    /// What is to be committed of the partitions that `which` picks, where it is new.
    fn offsets(&mut self, which: impl Fn(&Assignment) -> bool) -> Vec<CommitOffset> {
        let mut offsets = Vec::new();
        for partition in self
            .partitions
            .iter_mut()
            .filter(|partition| which(&partition.assignment))
        {
            if let Some((offset, metadata)) = partition.next_commit(self.limits.commit_ahead) {
                offsets.push(CommitOffset {
                    assignment: Arc::clone(&partition.assignment),
                    offset,
                    metadata,
                });
            }
        }
        offsets
    }

    fn committed(&mut self, offsets: &[CommitOffset], result: Result<(), SourceError>, now: Instant) {
        self.answered += 1;
        let is_too_much = result.as_ref().is_err_and(SourceError::is_too_much_kept);
        for commit in offsets {
            if let Some(partition) = find(&mut self.partitions, commit.assignment.id()) {
                partition.committed(commit.offset, commit.metadata.as_deref(), result.is_ok());
                if let Some(metadata) = commit.metadata.as_ref().filter(|_| is_too_much) {
                    partition.keep_less(metadata.len());
                }
            }
        }
        match result {
            Ok(()) if self.commit_failing.take().is_some() => info!("offsets are committed again"),
            Ok(()) => debug!(partitions = offsets.len(), "committed"),
            Err(error) if self.commit_failing.is_none_or(|last| now >= last + WARN_INTERVAL) => {
                self.commit_failing = Some(now);
                warn!(%error, "offsets could not be committed; trying again");
            }
            Err(error) => debug!(%error, "offsets could still not be committed"),
        }
    }

    /// Barrier → fence → drain → commit → release, as far as each revocation can go now.
    fn advance_revocations(&mut self, now: Instant) {
        let mut revocations = std::mem::take(&mut self.revocations);
        revocations.retain_mut(|revocation| !self.advance(revocation, now));
        // Nothing adds a revocation meanwhile: they come with events only.
        self.revocations = revocations;
    }

    /// Takes a revocation as far as it goes; `true` if it is over.
    fn advance(&mut self, revocation: &mut Revocation, now: Instant) -> bool {
        if revocation.phase == Phase::Pausing && !self.fence(revocation, now) {
            return false;
        }
        if revocation.phase == Phase::Draining {
            if !self.drain(revocation, now) {
                return false;
            }
            self.final_commit(revocation);
        }
        if let Phase::Committing { until } = revocation.phase {
            if self.transacting.is_none() && revocation.must_hurry(now) {
                self.source.hurry();
            }
            if self.answered < until && now < revocation.end {
                return false;
            }
            let dirty = self.is_dirty(revocation);
            if dirty && !revocation.is_lost() && now < revocation.end {
                if self.transacting.is_none() && revocation.may_commit_again(now) {
                    self.final_commit(revocation);
                }
                return false;
            }
            self.drained &= !(dirty && self.stopping);
        }
        self.release(revocation);
        true
    }

    /// Whether something of these partitions is settled that is not known to be committed, and can be.
    fn is_dirty(&self, revocation: &Revocation) -> bool {
        let mut own = self
            .partitions
            .iter()
            .filter(|partition| revocation.contains(&partition.assignment));
        if let Some(transacting) = &self.transacting {
            return transacting.holds(&revocation.assignments) || own.any(|own| own.is_dirty(true));
        }
        self.precommit.is_none() && own.any(|own| own.is_dirty(self.limits.commit_ahead))
    }

    /// Sets the limits of the assignments once all shards have said what they have started; `false` if they have not. A
    /// shard that is busy in a handler that never yields is not waited for beyond the time for filling gaps.
    fn fence(&mut self, revocation: &mut Revocation, now: Instant) -> bool {
        let is_asked = self.precommit.as_ref().is_some_and(Precommit::is_asked);
        if revocation.barrier.is_complete() && !is_asked {
            // The shards have sent their reports before they answered.
            self.take_reports();
            for assignment in &revocation.assignments {
                let own = find(&mut self.partitions, assignment.id());
                let limit = if self.precommit.is_some() {
                    // All that is committed, as nobody else will begin it.
                    own.and_then(|own| own.committed_offset())
                        .map_or(i64::MIN, |offset| offset - 1)
                } else {
                    let settled = own.and_then(|own| own.highest_settled());
                    revocation.barrier.limit(assignment, settled)
                };
                assignment.fence(limit);
            }
        } else if now >= revocation.fill_until {
            revocation.close();
        } else {
            return false;
        }
        self.router.tell(|| Command::Resume);
        revocation.phase = Phase::Draining;
        true
    }

    /// Waits until what was started is finished, or the time is over; `false` if neither is so.
    fn drain(&mut self, revocation: &mut Revocation, now: Instant) -> bool {
        let ours =
            |partition: &&Partition| revocation.contains(&partition.assignment) && !partition.is_drained();
        if !self.partitions.iter().any(|partition| ours(&partition)) {
            return true;
        }
        if now >= revocation.fill_until && revocation.assignments.iter().any(|own| own.admits(0)) {
            revocation.close();
            self.router.tell(|| Command::Fenced);
        }
        if now < revocation.deadline {
            return false;
        }
        self.drained &= !self.stopping;
        let unfinished: Vec<_> = self
            .partitions
            .iter()
            .filter(ours)
            .map(Partition::describe_unsettled)
            .collect();
        if self.precommit.is_none() {
            warn!(
                partitions = unfinished.join(", "),
                "not finished in time; these records will be handled again"
            );
        }
        revocation
            .assignments
            .iter()
            .for_each(|assignment| assignment.cancel());
        true
    }

    fn final_commit(&mut self, revocation: &mut Revocation) {
        if revocation.is_lost() || self.precommit.is_some() || self.transacting.is_some() {
            revocation.phase = Phase::Committing { until: 0 };
        } else {
            self.commit(|assignment| revocation.contains(assignment));
            revocation.phase = Phase::Committing { until: self.sent };
        }
    }

    fn release(&mut self, revocation: &Revocation) {
        self.say_lost(revocation);
        if revocation.is_shutdown() {
            return;
        }
        self.partitions.retain(|partition| {
            let keep = !revocation.contains(&partition.assignment);
            if !keep {
                // Late reports of it will be refused, so what they would give back is given back here.
                self.bytes = self.bytes.saturating_sub(partition.held_bytes());
            }
            keep
        });
        if let Some(transacting) = &self.transacting {
            transacting.forget(&revocation.assignments);
        }
        self.source.release(&revocation.assignments);
    }

    /// How many reported records are worth a wake-up; 0: none are.
    fn awaited(&self) -> usize {
        let unsettled: usize = self.partitions.iter().map(Partition::unsettled).sum();
        let window_full = self
            .precommit
            .as_ref()
            .is_some_and(|precommit| precommit.is_full(unsettled));
        let at_bound = self.bytes >= self.limits.max_bytes
            || self.partitions.iter().any(|partition| {
                partition.unsettled() >= partition.most_unsettled(self.limits.max_unsettled)
            });
        if !self.revocations.is_empty() || window_full {
            1
        } else if at_bound {
            (unsettled / 2).clamp(1, self.limits.max_unsettled.div_ceil(2))
        } else {
            0
        }
    }

    fn rest(&self, now: Instant) -> Turn {
        let idle =
            self.revocations.is_empty() && self.partitions.iter().all(|partition| partition.unsettled() == 0);
        let rest = now + if idle { IDLE_REST } else { REST };
        let due = match &self.transacting {
            Some(transacting) => transacting.wake_at(now),
            None => Some(self.commit_due),
        };
        // One that is due and stays has no room just now.
        let heads = self
            .partitions
            .iter()
            .filter_map(|partition| partition.head.as_ref());
        let head = heads.map(head::Head::due).filter(|due| *due > now).min();
        let held = self.holds.next(now);
        Turn::Rest(due.into_iter().chain(head).chain(held).fold(rest, Instant::min))
    }
}

fn find(partitions: &mut [Partition], assignment: u64) -> Option<&mut Partition> {
    partitions
        .iter_mut()
        .find(|partition| partition.assignment.id() == assignment)
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
