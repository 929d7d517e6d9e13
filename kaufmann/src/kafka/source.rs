//! The source on Kafka: a consumer group member, on librdkafka.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;

use self::commits::Commits;
use self::context::{ClientEvent, Shared, SourceContext};
use self::out_of_range::OutOfRange;
use self::partitions::{Accepted, Partitions, Reading, Renewed};
use self::probe::Prober;
use self::rejoin::{Next, Rejoin};
use self::resume::Resumer;
use self::transactional_commit::TransactionalCommit;
use self::trouble::{AfterFatal, ErrorClass, Trouble, Troubles};
use crate::config::{Config, Delivery};
use crate::kafka;
use crate::kafka::ffi::{self, Fetched, Inbox, Last};
use crate::kafka::prefetch::Prefetch;
use crate::source::{Assignment, CommitOffset, Member, Sink, Source, SourceError, SourceEvent, Waker};

mod answer;
mod close;
mod commits;
mod context;
mod out_of_range;
mod partitions;
mod probe;
mod rejoin;
mod resume;
mod transactional_commit;
mod trouble;

#[cfg(test)]
mod tests;

/// How often the consumer is polled when nothing happens, so that `max.poll.interval.ms` does not expire.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long leaving the group may take when the source is dropped. Without a coordinator librdkafka would try for a whole session.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// A [`Source`] of the records that Kafka assigns to this member of the group.
///
/// The properties in `[kafka]` go to librdkafka unchanged; with a prefix `consumer.` or `producer.` a property goes to that side only.
/// These differ from librdkafka's defaults:
///
/// | property | value | why |
/// |---|---|---|
/// | `auto.offset.reset` | `earliest` | a group without an offset handles the existing records; `none` is `error` |
/// | `partition.assignment.strategy` | `cooperative-sticky` | a rebalance interrupts only partitions that move; not with `group.protocol=consumer` |
/// | `queued.min.messages` | 10000 | for each partition, like the next one |
/// | `queued.max.messages.kbytes` | a 32nd of `max_bytes`, 512 to 8192 | bounds what is prefetched |
/// | `fetch.message.max.bytes` | a sixteenth of that, 32 to 512 KiB | bounds what is decompressed at once: a response is decompressed as a whole |
/// | `fetch.queue.backoff.ms` | 1 | a queue with free space is filled at once |
/// | `fetch.wait.max.ms` | 100 | a partition with free space again waits no longer than this |
///
/// Properties of commits (such as `enable.auto.commit`), `group.id` and `bootstrap.servers` cannot be set there.
///
/// How the group assigns its partitions is set in `[kafka]` too, with the same values in all members:
///
/// | protocol | properties |
/// |---|---|
/// | cooperative (the default) | none: a rebalance revokes only partitions that move |
/// | eager | `partition.assignment.strategy` = `range` or `roundrobin`: a rebalance revokes all partitions; they are drained and committed first |
/// | the broker assigns (KIP-848, Kafka 4) | `group.protocol` = `consumer`, optionally `group.remote.assignor`; session and heartbeat are the broker's settings |
/// | static membership (KIP-345), with any of them | `group.instance.id`, different for each instance: an instance that is back within `session.timeout.ms` gets its partitions again, without a rebalance |
///
/// Combinations that exclude each other, such as a strategy with `group.protocol` = `consumer`, are refused at the start.
///
/// If the log no longer has an offset, because its records were deleted before the group handled them, the source reports
/// the offset, the log's first one and how many records are lost: as [`SourceEvent::OffsetOutOfRange`] if `auto.offset.reset` lets the
/// source continue elsewhere, else (`error`, or Java's name for it, `none`) as the error with which it fails.
///
/// A revoked partition may be lost while it drains; then it is revoked once more, as lost. That also happens when partitions are
/// added to a topic at that moment: librdkafka then joins the group again without the revoked partitions, which may then belong to
/// another member, or to this one again.
///
/// A partition may go back to lower offsets, if its topic was deleted and created again or its log was truncated. Then its assignment
/// is lost, and another one begins where the log continues.
///
/// [`Source::events`] must be called more often than every `max.poll.interval.ms` (default: 5 min), or the group assigns the
/// partitions to others. Until a revoked partition is released, librdkafka does not fetch for the others either.
pub struct KafkaSource {
    config: Config,
    consumer: Option<Arc<BaseConsumer<SourceContext>>>,
    shared: Arc<Shared>,
    rejoin: Rejoin,
    waker: Option<Waker>,
    partitions: Partitions,
    commits: Commits,
    /// Set when the service stops and its commits are not answered.
    transactional: Option<TransactionalCommit>,
    troubles: Troubles,
    prober: Prober,
    resumer: Resumer,
    inbox: Inbox,
    /// The events that the next call of `events` returns.
    pending: VecDeque<SourceEvent>,
    polled: Instant,
}

impl KafkaSource {
    /// A source of the topics of `config`, which joins the group in [`Source::start`]. Nothing is connected before that.
    ///
    /// # Errors
    ///
    /// If brokers, group or topics are missing, or librdkafka refuses a property.
    pub fn new(config: &Config) -> Result<Self, SourceError> {
        let (consumer, shared) = client(config)?;
        Ok(Self {
            config: config.clone(),
            consumer: Some(consumer),
            shared,
            rejoin: Rejoin::new(config.join_deadline),
            waker: None,
            partitions: Partitions::default(),
            commits: Commits::default(),
            transactional: None,
            troubles: Troubles::default(),
            prober: Prober::default(),
            resumer: Resumer::new(seeks_to_committed(config)),
            inbox: Inbox::default(),
            pending: VecDeque::new(),
            polled: Instant::now(),
        })
    }

    /// Serves librdkafka's events; the context puts them into `shared`.
    fn poll(&mut self, consumer: &BaseConsumer<SourceContext>) {
        if !ffi::has_events(consumer) && self.polled.elapsed() < POLL_INTERVAL {
            return;
        }
        self.polled = Instant::now();
        // Bounded, so that a flood of log lines cannot keep the poller from its partitions.
        for _ in 0..1000 {
            // Errors go to the context, with their reason.
            if let Some(Ok(message)) = consumer.poll(Duration::ZERO) {
                let stray = stray(message.topic(), message.partition());
                self.pending.push_back(SourceEvent::Failed(stray));
            }
            if !ffi::has_events(consumer) {
                return;
            }
        }
        self.shared.wake();
    }

    fn handle(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, event: ClientEvent) {
        match event {
            ClientEvent::Assign(partitions) => self.assign(consumer, &partitions),
            ClientEvent::Revoke { partitions, lost } => self.revoke(consumer, &partitions, lost),
            ClientEvent::Committed(result) => self.committed(consumer, result),
            ClientEvent::CommittedInTransaction(result) => self.committed_in_transaction(consumer, result),
            ClientEvent::Error { code, reason } => {
                let class = match consumer.client().fatal_error() {
                    Some((code, text)) => return self.client_ended(consumer, code, &text),
                    None => self.troubles.classify(&self.config, code, &reason),
                };
                self.report(consumer, class);
            }
            ClientEvent::Recovered(trouble) => self.recovered(&trouble),
            ClientEvent::Resumed(answer) => match self.resumer.handle(answer) {
                Ok(known) => self.announce(known),
                Err(error) => self.pending.push_back(SourceEvent::Failed(error)),
            },
            ClientEvent::OutOfRange(missing) => {
                self.prober.bounds(consumer, &self.shared, &self.config, missing);
            }
            ClientEvent::Bounds(missing, bounds) => self.out_of_range(&missing, bounds),
            ClientEvent::Broken(text) => self
                .pending
                .push_back(SourceEvent::Failed(SourceError::new(text))),
        }
    }

    fn assign(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, partitions: &[(String, i32)]) {
        if !self.partitions.hold_back(consumer, partitions) {
            self.accept_due(consumer, true);
            self.accept(consumer, partitions);
        }
    }

    fn accept_due(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, overtaken: bool) {
        if let Some(partitions) = self.partitions.due(overtaken) {
            self.accept(consumer, &partitions);
        }
    }

    fn accept(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, partitions: &[(String, i32)]) {
        let Some(waker) = &self.waker else { return };
        let Accepted { lost, begun } = self.partitions.assign(consumer, waker, partitions);
        self.take_away(lost, true);
        match begun {
            Ok(assignments) if assignments.is_empty() => {
                self.recovered(&Trouble::Group);
                self.pending.push_back(SourceEvent::Assigned(assignments));
            }
            Ok(assignments) => {
                self.rejoin.joined();
                if !assignments.is_empty() {
                    self.log_prefetch();
                }
                self.recovered(&Trouble::Group);
                if reads_metadata(&self.config) {
                    let asked = self.resumer.request(consumer, &self.shared, assignments);
                    self.failed_if(asked);
                } else {
                    self.announce(assignments);
                }
            }
            Err(error) => self.pending.push_back(SourceEvent::Failed(error)),
        }
    }

    /// Logs how much is prefetched for the partitions that are assigned now.
    fn log_prefetch(&self) {
        let partitions = self.partitions.count();
        if partitions > 0 {
            let most = Prefetch::of(&self.config).describe(partitions);
            tracing::info!(partitions, "the prefetch takes {most}");
        }
    }

    fn announce(&mut self, assignments: Vec<Arc<Assignment>>) {
        if !assignments.is_empty() {
            self.pending.push_back(SourceEvent::Assigned(assignments));
        }
    }

    fn revoke(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        partitions: &[(String, i32)],
        lost: bool,
    ) {
        self.accept_due(consumer, true);
        let revoked = self.partitions.revoke(consumer, partitions, lost);
        self.take_away(revoked.lost, true);
        self.take_away(revoked.assignments, lost);
        self.failed_if(revoked.given_back);
    }

    fn take_away(&mut self, assignments: Vec<Arc<Assignment>>, lost: bool) {
        if assignments.is_empty() {
            return;
        }
        for assignment in &assignments {
            let trouble = Trouble::Partition(assignment.topic().into(), assignment.partition());
            self.recovered(&trouble);
        }
        // An assignment must be announced before it can be revoked.
        let unannounced = self
            .resumer
            .announce(|waiting| assignments.iter().any(|ended| ended.id() == waiting.id()));
        self.announce(unannounced);
        self.pending.push_back(SourceEvent::Revoked { assignments, lost });
    }

    fn committed(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        result: Result<(), RDKafkaErrorCode>,
    ) {
        let explained = result.map_err(|code| {
            let text = kafka::explain::not_committed(code, &self.config.group);
            match code {
                // The metadata of one offset, or of all offsets in the commit.
                RDKafkaErrorCode::OffsetMetadataTooLarge | RDKafkaErrorCode::InvalidCommitOffsetSize => {
                    SourceError::too_much_kept(text)
                }
                _ => SourceError::new(text),
            }
        });
        self.pending.extend(self.commits.answer(explained));
        match result {
            Ok(()) => self.recovered(&Trouble::Group),
            Err(code) if trouble::means_expelled(code) => {
                let (assignments, given_back) = self.partitions.lose_revoked(consumer);
                self.take_away(assignments, true);
                self.failed_if(given_back);
                self.accept_due(consumer, false);
            }
            Err(_) => {}
        }
        self.commit_next(consumer);
    }

    /// Reports an offset that is out of range. If no broker returns the log's bounds, only a warning is logged.
    fn out_of_range(&mut self, missing: &OutOfRange, bounds: Option<(i64, i64)>) {
        if missing.stops {
            let text = missing.explain(&self.config, bounds);
            return self
                .pending
                .push_back(SourceEvent::Failed(SourceError::new(text)));
        }
        match bounds.and_then(|bounds| missing.with_bounds(bounds)) {
            Some(missing) => self.pending.push_back(SourceEvent::OffsetOutOfRange(missing)),
            None => tracing::warn!(
                topic = missing.topic,
                partition = missing.partition,
                offset = missing.offset,
                "the log no longer has the offset that was to be read next; records may be lost, and no broker reports how many"
            ),
        }
    }

    /// Reports an error, a trouble only once.
    fn report(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, class: ErrorClass) {
        match class {
            ErrorClass::Ignored => {}
            ErrorClass::Trouble(trouble, text) => {
                if self.troubles.begin(trouble.clone()) {
                    self.prober.watch(consumer, &self.shared, &self.config, trouble);
                    self.pending
                        .push_back(SourceEvent::Trouble(SourceError::new(text)));
                }
            }
            ErrorClass::Fatal(text) => self
                .pending
                .push_back(SourceEvent::Failed(SourceError::new(text))),
        }
    }

    /// Ends a trouble.
    fn recovered(&mut self, trouble: &Trouble) {
        if self.troubles.end(trouble) {
            self.pending.push_back(SourceEvent::Recovered);
        }
    }

    fn failed_if(&mut self, result: Result<(), SourceError>) {
        if let Err(error) = result {
            self.pending.push_back(SourceEvent::Failed(error));
        }
    }

    /// Handles the answer to the commits that were made in a transaction.
    fn committed_in_transaction(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        result: Result<(), String>,
    ) {
        if let Err(error) = &result {
            tracing::warn!(
                error,
                "the last commit failed in a transaction, too; trying again until the shutdown's deadline"
            );
            self.transactional = None;
        }
        self.pending
            .extend(self.commits.answer_transaction(&result.map_err(SourceError::new)));
        self.commit_next(consumer);
    }

    /// Starts the next commit that can be started, and answers those that cannot.
    fn commit_next(&mut self, consumer: &BaseConsumer<SourceContext>) {
        let partitions = &self.partitions;
        if let Some(transactional) = &self.transactional {
            let offsets = self
                .commits
                .take_for_transaction(|assignment| partitions.holds(assignment));
            let begun = offsets.map(|offsets| transactional.commit(offsets, self.member(), &self.shared));
            return self.failed_if(begun.unwrap_or(Ok(())));
        }
        let answered = self.commits.start(
            |assignment| partitions.holds(assignment),
            |offsets| {
                ffi::commit(consumer, offsets)
                    .map_err(|code| kafka::explain::not_committed(code, &self.config.group))
            },
        );
        if !answered.is_empty() {
            self.pending.extend(answered);
            self.shared.wake();
        }
    }
}

impl Source for KafkaSource {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        let Some(consumer) = &self.consumer else {
            return Err(SourceError::new("the source is closed"));
        };
        self.shared.set_waker(waker.clone());
        self.waker = Some(waker);
        subscribe(&self.config, consumer)
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        if self.consumer.is_none() && self.rejoin.is_due(Instant::now()) {
            let joined = self.join_again();
            self.failed_if(joined);
        }
        if let Some(consumer) = self.consumer.clone() {
            self.poll(&consumer);
            // Handling an event may drop a client that has ended; its other events are dropped with it.
            while self.consumer.is_some()
                && let Some(event) = self.shared.next()
            {
                self.handle(&consumer, event);
            }
            let asked = self.resumer.request_identities(Instant::now());
            self.failed_if(asked);
        }
        events.extend(self.pending.drain(..));
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let Some(Reading { queue, next }) = self.partitions.reading(assignment) else {
            return 0;
        };
        let mut records = 0;
        let mut went_back = None;
        let mut errors = Vec::new();
        let mut is_readable = true;
        // Errors occupy entries in the queue but are not records: read on, or the caller would take the queue to be empty.
        while records == 0 && max > 0 && went_back.is_none() && is_readable {
            let taken = queue.read(max, &mut self.inbox, &mut |fetched| match fetched {
                Fetched::Record(record) if record.offset < *next => {
                    went_back = Some(record.offset);
                    ControlFlow::Break(Last::Left)
                }
                Fetched::Record(record) => {
                    *next = record.offset + 1;
                    records += 1;
                    sink(&record).map_break(|()| Last::Taken)
                }
                Fetched::Error { code, offset, text } => {
                    errors.push((code, offset, text.to_owned()));
                    is_readable = !trouble::is_unreadable(code);
                    if is_readable {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(Last::Taken)
                    }
                }
            });
            if taken == 0 || queue.ends_with_an_error() {
                break;
            }
        }
        let failed_last = queue.ends_with_an_error();
        if let Some(passed) = queue.passed() {
            *next = passed.max(*next);
        }
        if !is_readable {
            self.partitions.stop_reading(assignment);
        }
        if let Some(offset) = went_back {
            self.reassign(assignment, offset);
        }
        if records > 0 && self.troubles.any() {
            self.recovered(&Trouble::Partition(
                assignment.topic().into(),
                assignment.partition(),
            ));
            self.recovered(&Trouble::Group);
            self.shared.wake();
        }
        if failed_last && is_readable {
            self.reset_position(assignment, &errors);
        }
        if !errors.is_empty() {
            self.read_failed(assignment, errors);
        }
        records
    }

    fn position(&mut self, assignment: &Assignment) -> Option<i64> {
        let next = *self.partitions.reading(assignment)?.next;
        (next >= 0).then_some(next)
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        self.commits.push(offsets);
        match self.consumer.clone() {
            Some(consumer) => self.commit_next(&consumer),
            None => self
                .pending
                .extend(self.commits.refuse_all("the source is closed")),
        }
    }

    fn hurry(&mut self) {
        let Some(consumer) = self.consumer.clone() else {
            return;
        };
        tracing::info!(
            "the group is rebalancing and does not answer the last commit; committing in a transaction instead"
        );
        self.transactional = Some(TransactionalCommit::new(&self.config));
        self.commit_next(&consumer);
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        if let Some(consumer) = self.consumer.clone() {
            let result = self.partitions.release(&consumer, assignments);
            self.failed_if(result);
            self.accept_due(&consumer, false);
            if !self.pending.is_empty() {
                self.shared.wake();
            }
        }
    }

    fn member(&self) -> Option<Member> {
        let consumer = self.consumer.as_ref()?;
        let then = self.partitions.member();
        then.or_else(|| consumer.group_metadata().map(Member::new))
    }

    fn close(&mut self, patience: Duration) {
        let Some(consumer) = self.consumer.take() else {
            return;
        };
        self.shared.close();
        let deadline = Instant::now() + patience;
        close::finish_commits(self, &consumer, deadline);
        drop(self.partitions.abandon(&consumer));
        let (prober, resumer) = (
            std::mem::take(&mut self.prober),
            std::mem::take(&mut self.resumer),
        );
        close::leave(consumer, prober, resumer, deadline);
    }
}

impl KafkaSource {
    /// Handles a fatal error of the client. A new client joins the group if that may help.
    #[cold]
    fn client_ended(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        code: RDKafkaErrorCode,
        text: &str,
    ) {
        let bounded = match trouble::classify_fatal(code) {
            AfterFatal::Stop => {
                let text = trouble::fatal(&self.config, code, text);
                return self
                    .pending
                    .push_back(SourceEvent::Failed(SourceError::new(text)));
            }
            AfterFatal::Retry => true,
            AfterFatal::RetryForever => false,
        };
        let refused = trouble::refused(&self.config, code, text);
        let deadline = humantime::format_duration(self.config.join_deadline);
        self.drop_client(consumer);
        match self.rejoin.refused(Instant::now(), bounded) {
            Next::GiveUp => {
                let text = format!("{refused}; gave up after {deadline} (`join_deadline`)");
                self.pending
                    .push_back(SourceEvent::Failed(SourceError::new(text)));
            }
            Next::Again { first } => {
                let limit = if bounded {
                    format!(" for at most {deadline} (`join_deadline`)")
                } else {
                    String::new()
                };
                // Later refusals are the same trouble.
                if self.troubles.begin(Trouble::Group) || first {
                    let text = format!("{refused}; trying again every second{limit}");
                    self.pending
                        .push_back(SourceEvent::Trouble(SourceError::new(text)));
                }
            }
        }
    }

    /// Drops a client that has ended, with all its partitions.
    fn drop_client(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>) {
        self.shared.close();
        let lost = self.partitions.abandon(consumer);
        self.take_away(lost, true);
        self.pending
            .extend(self.commits.refuse_all("the group refuses this member"));
        let prober = std::mem::take(&mut self.prober);
        let resumer = std::mem::replace(&mut self.resumer, Resumer::new(seeks_to_committed(&self.config)));
        if let Some(consumer) = self.consumer.take() {
            drop(close::begin_to_leave(consumer, prober, resumer));
        }
    }

    /// Joins the group with a new client.
    fn join_again(&mut self) -> Result<(), SourceError> {
        let (consumer, shared) = client(&self.config)?;
        if let Some(waker) = &self.waker {
            shared.set_waker(waker.clone());
        }
        subscribe(&self.config, &consumer)?;
        (self.consumer, self.shared) = (Some(consumer), shared);
        Ok(())
    }

    /// Replaces an assignment. The partition's log was truncated or created again, and librdkafka continues at a lower offset than
    /// what was read. Those are other records, so what was settled of the old assignment must not count for them.
    #[cold]
    fn reassign(&mut self, assignment: &Assignment, offset: i64) {
        tracing::warn!(
            topic = assignment.topic(),
            partition = assignment.partition(),
            offset,
            "the partition goes back to this offset, because its topic was created again or its log was truncated; reading on from there"
        );
        if let Some(Renewed { ended, begun }) = self.partitions.reassign(assignment) {
            let (assignments, lost) = (vec![ended], true);
            self.pending.push_back(SourceEvent::Revoked { assignments, lost });
            self.pending
                .push_back(SourceEvent::Assigned(vec![Arc::clone(&begun)]));
            if reads_metadata(&self.config) {
                // It may be another topic.
                self.resumer.identify(begun);
            }
        }
        self.shared.wake();
    }

    /// Sets librdkafka's position back to the offset that could not be read. After such an error it is one past that offset, and a
    /// rebalance that pauses the partition now would skip the record.
    #[cold]
    fn reset_position(&self, assignment: &Assignment, errors: &[(RDKafkaErrorCode, i64, String)]) {
        let Some((consumer, (code, offset, _))) = self.consumer.as_ref().zip(errors.last()) else {
            return;
        };
        // Without an offset librdkafka has no position; after a reset it chooses one itself.
        if *offset < 0 || *code == RDKafkaErrorCode::AutoOffsetReset {
            return;
        }
        let begun = resume::seek(consumer, assignment, *offset, Duration::ZERO);
        if let Err(error) = begun {
            tracing::debug!(
                topic = assignment.topic(),
                partition = assignment.partition(),
                offset,
                %error,
                "the position after an error was not set back"
            );
        }
    }

    #[cold]
    fn read_failed(&mut self, assignment: &Assignment, errors: Vec<(RDKafkaErrorCode, i64, String)>) {
        let Some(consumer) = self.consumer.clone() else {
            return;
        };
        for (code, offset, text) in errors {
            if code == RDKafkaErrorCode::AutoOffsetReset {
                let missing = OutOfRange {
                    topic: assignment.topic().to_owned(),
                    partition: assignment.partition(),
                    offset: (offset >= 0).then_some(offset),
                    stops: true,
                };
                self.prober.bounds(&consumer, &self.shared, &self.config, missing);
                continue;
            }
            let class = trouble::classify_read(assignment.topic(), assignment.partition(), code, &text);
            self.report(&consumer, class);
        }
        self.shared.wake();
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.close(DROP_PATIENCE);
    }
}

/// A client, and where its events arrive.
fn client(config: &Config) -> Result<(Arc<BaseConsumer<SourceContext>>, Arc<Shared>), SourceError> {
    let shared = Arc::new(Shared::default());
    let context = SourceContext::new(Arc::clone(&shared));
    let mut consumer: BaseConsumer<SourceContext> = kafka::consumer(config)
        .map_err(SourceError::new)?
        .create_with_context(context)
        .map_err(|error| SourceError::new(kafka::explain::creation(&error)))?;
    let woken = Arc::clone(&shared);
    consumer.set_nonempty_callback(move || kafka::shielded(|| woken.wake()));
    Ok((Arc::new(consumer), shared))
}

fn subscribe(config: &Config, consumer: &BaseConsumer<SourceContext>) -> Result<(), SourceError> {
    let topics = config.subscription();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer
        .subscribe(&topics)
        .map_err(|error| SourceError::new(format!("cannot subscribe to `{}`: {error}", topics.join("`, `"))))
}

/// Whether the metadata of committed offsets (what is settled ahead of them) and the topics' ids are read.
fn reads_metadata(config: &Config) -> bool {
    config.commit_ahead || seeks_to_committed(config)
}

/// Whether partitions are set to their committed offsets, even if librdkafka believes that they have none: it does so while a transaction
/// that commits some is open, if partitions were assigned or revoked meanwhile. Only our own transactions commit offsets.
fn seeks_to_committed(config: &Config) -> bool {
    config.delivery == Delivery::ExactlyOnce
}

/// The error of a record in the queue of events. It would be lost: commits of later records would skip it.
#[cold]
fn stray(topic: &str, partition: i32) -> SourceError {
    SourceError::new(format!(
        "a record of partition {partition} of topic `{topic}` arrived outside of its queue; this is a bug in kaufmann"
    ))
}
