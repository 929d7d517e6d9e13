//! The source on Kafka: a member of a consumer group on librdkafka.

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

/// How often the consumer is polled when nothing calls for it; polling keeps `max.poll.interval.ms` from passing.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long leaving the group may take when the source is just dropped. With the coordinator away librdkafka would try for a
/// whole session.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// A [`Source`] of the records that Kafka assigns to this member of the group.
///
/// The properties in `[kafka]` go to librdkafka as they are; a prefix `consumer.` or `producer.` keeps one from the other
/// side. These differ from librdkafka's defaults:
///
/// | property | value | why |
/// |---|---|---|
/// | `auto.offset.reset` | `earliest` | a group without an offset handles what is there already; `none` is `error` |
/// | `partition.assignment.strategy` | `cooperative-sticky` | a rebalance leaves alone what stays; not with `group.protocol=consumer` |
/// | `queued.min.messages` | 10000 | holds for each partition, as does the next |
/// | `queued.max.messages.kbytes` | a 32nd of `max_bytes`, 512 to 8192 | bounds what is prefetched |
/// | `fetch.message.max.bytes` | a sixteenth of that, 32 to 512 KiB | bounds what is unpacked at once: an answer is unpacked as a whole |
/// | `fetch.queue.backoff.ms` | 1 | a queue with room is filled at once |
/// | `fetch.wait.max.ms` | 100 | a partition with room again waits no longer than this |
///
/// What decides about commits (`enable.auto.commit` and its like), `group.id` and `bootstrap.servers` cannot be set there.
///
/// How the group shares its partitions is set in `[kafka]` too, alike in all members:
///
/// | protocol | properties |
/// |---|---|
/// | cooperative (the default) | none: a rebalance takes away only what moves |
/// | eager | `partition.assignment.strategy` = `range` or `roundrobin`: a rebalance takes everything away, drains and commits it |
/// | the broker assigns (KIP-848, Kafka 4) | `group.protocol` = `consumer`, and if wanted `group.remote.assignor`; session and heartbeat are the broker's settings |
/// | static membership (KIP-345), with any of them | `group.instance.id`, another for each instance: one that is back within `session.timeout.ms` has its partitions again, without a rebalance |
///
/// What does not go together, such as a strategy with `group.protocol` = `consumer`, is refused at the start.
///
/// An offset that the log does not have any more, because its records were deleted before the group had handled them, is said
/// with the offset, the log's first one and how many are lost: as [`SourceEvent::OffsetOutOfRange`] if `auto.offset.reset` lets the
/// source read on elsewhere, else (`error`, or Java's name for it, `none`) as the error with which it fails.
///
/// A partition that is revoked may turn out to be lost while it drains; then it is revoked once more, as lost. That happens too
/// when partitions are added to a topic at that moment: librdkafka then joins the group again without what is revoked, and so it may be
/// another member's, or ours anew.
///
/// A partition may go back: its topic was made anew while nobody looked, or its log was cut off. Then its assignment is lost, and
/// another one begins where the log goes on.
///
/// [`Source::events`] must be called more often than every `max.poll.interval.ms` (default: 5 min), or the group gives the
/// partitions to others. While a revoked partition is not released, librdkafka fetches nothing for the others either.
pub struct KafkaSource {
    config: Config,
    consumer: Option<Arc<BaseConsumer<SourceContext>>>,
    shared: Arc<Shared>,
    rejoin: Rejoin,
    waker: Option<Waker>,
    partitions: Partitions,
    commits: Commits,
    /// Set when the service stops and its commits are not answered.
    apart: Option<TransactionalCommit>,
    troubles: Troubles,
    prober: Prober,
    resumer: Resumer,
    inbox: Inbox,
    /// What the next call of `events` tells.
    told: VecDeque<SourceEvent>,
    polled: Instant,
}

impl KafkaSource {
    /// A source of the topics of `config`, which has not joined the group yet. Nothing is connected before
    /// [`Source::start`].
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
            apart: None,
            troubles: Troubles::default(),
            prober: Prober::default(),
            resumer: Resumer::new(places(config)),
            inbox: Inbox::default(),
            told: VecDeque::new(),
            polled: Instant::now(),
        })
    }

    /// Lets librdkafka's events happen: they arrive at the context, which keeps them in `shared`.
    fn poll(&mut self, consumer: &BaseConsumer<SourceContext>) {
        if !ffi::has_events(consumer) && self.polled.elapsed() < POLL_INTERVAL {
            return;
        }
        self.polled = Instant::now();
        // Bounded, so that a flood of log lines cannot keep the poller from its partitions.
        for _ in 0..1000 {
            // Errors are told to the context, with their reason.
            if let Some(Ok(message)) = consumer.poll(Duration::ZERO) {
                let stray = stray(message.topic(), message.partition());
                self.told.push_back(SourceEvent::Failed(stray));
            }
            if !ffi::has_events(consumer) {
                return;
            }
        }
        self.shared.wake();
    }

    fn take(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, happened: ClientEvent) {
        match happened {
            ClientEvent::Assign(partitions) => self.assign(consumer, &partitions),
            ClientEvent::Revoke { partitions, lost } => self.revoke(consumer, &partitions, lost),
            ClientEvent::Committed(result) => self.committed(consumer, result),
            ClientEvent::CommittedInTransaction(result) => self.committed_in_transaction(consumer, result),
            ClientEvent::Error { code, reason } => {
                let verdict = match consumer.client().fatal_error() {
                    Some((code, text)) => return self.ended(consumer, code, &text),
                    None => self.troubles.classify(&self.config, code, &reason),
                };
                self.say(consumer, verdict);
            }
            ClientEvent::Well(remedy) => self.well(&remedy),
            ClientEvent::Resumed(answer) => match self.resumer.answered(answer) {
                Ok(known) => self.announce(known),
                Err(error) => self.told.push_back(SourceEvent::Failed(error)),
            },
            ClientEvent::OutOfRange(gone) => self.prober.bounds(consumer, &self.shared, &self.config, gone),
            ClientEvent::Bounds(gone, bounds) => self.gone(&gone, bounds),
            ClientEvent::Broken(text) => self.told.push_back(SourceEvent::Failed(SourceError::new(text))),
        }
    }

    fn assign(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, partitions: &[(String, i32)]) {
        if !self.partitions.hold_back(consumer, partitions) {
            self.accept_due(consumer, true);
            self.accept(consumer, partitions);
        }
    }

    fn accept_due(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, gone_on: bool) {
        if let Some(partitions) = self.partitions.due(gone_on) {
            self.accept(consumer, &partitions);
        }
    }

    fn accept(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, partitions: &[(String, i32)]) {
        let Some(waker) = &self.waker else { return };
        let Accepted { lost, begun } = self.partitions.assign(consumer, waker, partitions);
        self.take_away(lost, true);
        match begun {
            Ok(assignments) if assignments.is_empty() => {
                self.well(&Trouble::Group);
                self.told.push_back(SourceEvent::Assigned(assignments));
            }
            Ok(assignments) => {
                self.rejoin.joined();
                if !assignments.is_empty() {
                    self.tell_prefetch();
                }
                self.well(&Trouble::Group);
                if asks(&self.config) {
                    let asked = self.resumer.ask(consumer, &self.shared, assignments);
                    self.failed_if(asked);
                } else {
                    self.announce(assignments);
                }
            }
            Err(error) => self.told.push_back(SourceEvent::Failed(error)),
        }
    }

    /// Says what is fetched ahead for the partitions that there are now.
    fn tell_prefetch(&self) {
        let partitions = self.partitions.count();
        if partitions > 0 {
            let most = Prefetch::of(&self.config).tell(partitions);
            tracing::info!(partitions, "what is fetched ahead of the handlers takes {most}");
        }
    }

    fn announce(&mut self, assignments: Vec<Arc<Assignment>>) {
        if !assignments.is_empty() {
            self.told.push_back(SourceEvent::Assigned(assignments));
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
            let place = Trouble::Partition(assignment.topic().into(), assignment.partition());
            self.well(&place);
        }
        // What was not announced yet is, so that it can be taken back.
        let unannounced = self
            .resumer
            .announce(|waiting| assignments.iter().any(|ended| ended.id() == waiting.id()));
        self.announce(unannounced);
        self.told.push_back(SourceEvent::Revoked { assignments, lost });
    }

    fn committed(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        result: Result<(), RDKafkaErrorCode>,
    ) {
        let explained = result.map_err(|code| {
            let text = kafka::explain::not_committed(code, &self.config.group);
            match code {
                // Of one offset, or of all that are committed at once.
                RDKafkaErrorCode::OffsetMetadataTooLarge | RDKafkaErrorCode::InvalidCommitOffsetSize => {
                    SourceError::too_much_kept(text)
                }
                _ => SourceError::new(text),
            }
        });
        self.told.extend(self.commits.answer(explained));
        match result {
            Ok(()) => self.well(&Trouble::Group),
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

    /// Says what is known of an offset that is gone. Where no broker says how much is lost, at least that something is.
    fn gone(&mut self, gone: &OutOfRange, bounds: Option<(i64, i64)>) {
        if gone.stops {
            let text = gone.explain(&self.config, bounds);
            return self.told.push_back(SourceEvent::Failed(SourceError::new(text)));
        }
        match bounds.and_then(|bounds| gone.with_bounds(bounds)) {
            Some(gone) => self.told.push_back(SourceEvent::OffsetOutOfRange(gone)),
            None => tracing::warn!(
                topic = gone.topic,
                partition = gone.partition,
                offset = gone.offset,
                "the log does not have the offset that was to be read next; records may be lost, and no broker says how many"
            ),
        }
    }

    /// Says what is wrong, once.
    fn say(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, verdict: ErrorClass) {
        match verdict {
            ErrorClass::Ignored => {}
            ErrorClass::Trouble(remedy, text) => {
                if self.troubles.begin(remedy.clone()) {
                    self.prober.watch(consumer, &self.shared, &self.config, remedy);
                    self.told.push_back(SourceEvent::Trouble(SourceError::new(text)));
                }
            }
            ErrorClass::Fatal(text) => self.told.push_back(SourceEvent::Failed(SourceError::new(text))),
        }
    }

    /// Something works (again).
    fn well(&mut self, remedy: &Trouble) {
        if self.troubles.end(remedy) {
            self.told.push_back(SourceEvent::Recovered);
        }
    }

    fn failed_if(&mut self, result: Result<(), SourceError>) {
        if let Err(error) = result {
            self.told.push_back(SourceEvent::Failed(error));
        }
    }

    /// The commits that went apart are answered.
    fn committed_in_transaction(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        result: Result<(), String>,
    ) {
        if let Err(error) = &result {
            tracing::warn!(
                error,
                "the last commit was not taken in a transaction either; trying on until the shutdown's time is over"
            );
            self.apart = None;
        }
        self.told
            .extend(self.commits.answer_transaction(&result.map_err(SourceError::new)));
        self.commit_next(consumer);
    }

    /// Starts the next commit that can be started, and answers those that cannot.
    fn commit_next(&mut self, consumer: &BaseConsumer<SourceContext>) {
        let partitions = &self.partitions;
        if let Some(apart) = &self.apart {
            let offsets = self
                .commits
                .take_for_transaction(|assignment| partitions.holds(assignment));
            let begun = offsets.map(|offsets| apart.commit(offsets, self.member(), &self.shared));
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
            self.told.extend(answered);
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
            let asked = self.ask_again();
            self.failed_if(asked);
        }
        if let Some(consumer) = self.consumer.clone() {
            self.poll(&consumer);
            // A client that has ended is replaced on the way, with all it has told.
            while self.consumer.is_some()
                && let Some(happened) = self.shared.next()
            {
                self.take(&consumer, happened);
            }
            let asked = self.resumer.ask_identities(Instant::now());
            self.failed_if(asked);
        }
        events.extend(self.told.drain(..));
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let Some(Reading { queue, next }) = self.partitions.reading(assignment) else {
            return 0;
        };
        let mut records = 0;
        let mut went_back = None;
        let mut errors = Vec::new();
        let mut is_readable = true;
        // Errors take places in the queue but are no records: read on, or the caller would take the queue for empty.
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
            self.begin_again(assignment, offset);
        }
        if records > 0 && self.troubles.any() {
            self.well(&Trouble::Partition(
                assignment.topic().into(),
                assignment.partition(),
            ));
            self.well(&Trouble::Group);
            self.shared.wake();
        }
        if failed_last && is_readable {
            self.read_again(assignment, &errors);
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
            None => self.told.extend(self.commits.refuse_all("the source is closed")),
        }
    }

    fn hurry(&mut self) {
        let Some(consumer) = self.consumer.clone() else {
            return;
        };
        tracing::info!(
            "the group does not answer the last commit while it is rebalancing; it is made in a transaction of its own"
        );
        self.apart = Some(TransactionalCommit::new(&self.config));
        self.commit_next(&consumer);
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        if let Some(consumer) = self.consumer.clone() {
            let result = self.partitions.release(&consumer, assignments);
            self.failed_if(result);
            self.accept_due(&consumer, false);
            if !self.told.is_empty() {
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
    /// The client does nothing any more. Another one asks the group again, if that may help.
    #[cold]
    fn ended(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>, code: RDKafkaErrorCode, text: &str) {
        let bounded = match trouble::classify_fatal(code) {
            AfterFatal::Stop => {
                let text = trouble::fatal(&self.config, code, text);
                return self.told.push_back(SourceEvent::Failed(SourceError::new(text)));
            }
            AfterFatal::Retry => true,
            AfterFatal::RetryForever => false,
        };
        let refused = trouble::refused(&self.config, code, text);
        let deadline = humantime::format_duration(self.config.join_deadline);
        self.give_up_client(consumer);
        match self.rejoin.refused(Instant::now(), bounded) {
            Next::GiveUp => {
                let text = format!("{refused}; asked again for {deadline} (`join_deadline`) in vain");
                self.told.push_back(SourceEvent::Failed(SourceError::new(text)));
            }
            Next::Again { first } => {
                let limit = if bounded {
                    format!(" for at most {deadline} (`join_deadline`)")
                } else {
                    String::new()
                };
                // The next refusals are the same trouble.
                if self.troubles.begin(Trouble::Group) || first {
                    let text = format!("{refused}; asking again every second{limit}");
                    self.told.push_back(SourceEvent::Trouble(SourceError::new(text)));
                }
            }
        }
    }

    /// Lets go of a client that has ended, with all its partitions.
    fn give_up_client(&mut self, consumer: &Arc<BaseConsumer<SourceContext>>) {
        self.shared.close();
        let lost = self.partitions.abandon(consumer);
        self.take_away(lost, true);
        self.told
            .extend(self.commits.refuse_all("the group does not let this member in"));
        let prober = std::mem::take(&mut self.prober);
        let resumer = std::mem::replace(&mut self.resumer, Resumer::new(places(&self.config)));
        if let Some(consumer) = self.consumer.take() {
            drop(close::begin_to_leave(consumer, prober, resumer));
        }
    }

    /// Another client joins the group.
    fn ask_again(&mut self) -> Result<(), SourceError> {
        let (consumer, shared) = client(&self.config)?;
        if let Some(waker) = &self.waker {
            shared.set_waker(waker.clone());
        }
        subscribe(&self.config, &consumer)?;
        (self.consumer, self.shared) = (Some(consumer), shared);
        Ok(())
    }

    /// The partition's log was cut off or is another one, and librdkafka has looked up where to go on: below what was read.
    /// Those are other records. So the assignment ends, and what is settled of it counts no longer; another one begins.
    #[cold]
    fn begin_again(&mut self, assignment: &Assignment, offset: i64) {
        tracing::warn!(
            topic = assignment.topic(),
            partition = assignment.partition(),
            offset,
            "the partition goes back to this offset: its topic was made anew, or its log was cut off; reading on from there"
        );
        if let Some(Renewed { ended, begun }) = self.partitions.begin_again(assignment) {
            let (assignments, lost) = (vec![ended], true);
            self.told.push_back(SourceEvent::Revoked { assignments, lost });
            self.told
                .push_back(SourceEvent::Assigned(vec![Arc::clone(&begun)]));
            if asks(&self.config) {
                // It may be another topic.
                self.resumer.identify(begun);
            }
        }
        self.shared.wake();
    }

    /// Sets librdkafka's position back to the offset that could not be read: it is one past it after such an error, and a rebalance that
    /// pauses the partition now would leave the record out.
    #[cold]
    fn read_again(&self, assignment: &Assignment, errors: &[(RDKafkaErrorCode, i64, String)]) {
        let Some((consumer, (code, offset, _))) = self.consumer.as_ref().zip(errors.last()) else {
            return;
        };
        // Without an offset librdkafka has no position; after a reset it chooses one by itself.
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
                let gone = OutOfRange {
                    topic: assignment.topic().to_owned(),
                    partition: assignment.partition(),
                    offset: (offset >= 0).then_some(offset),
                    stops: true,
                };
                self.prober.bounds(&consumer, &self.shared, &self.config, gone);
                continue;
            }
            let verdict = trouble::classify_read(assignment.topic(), assignment.partition(), code, &text);
            self.say(&consumer, verdict);
        }
        self.shared.wake();
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.close(DROP_PATIENCE);
    }
}

/// A client, and what it tells.
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

/// Whether it is asked what was settled ahead of the committed offsets of partitions, and of which topics they are.
fn asks(config: &Config) -> bool {
    config.commit_ahead || places(config)
}

/// Whether partitions are read from where they were committed, even if librdkafka takes them to have no offset: as long as a transaction
/// is open that commits some, it does so if it was given or lost other partitions meanwhile. Only transactions of ours commit offsets.
fn places(config: &Config) -> bool {
    config.delivery == Delivery::ExactlyOnce
}

/// A record in the queue of events would be lost: its offset is passed over by those behind it.
#[cold]
fn stray(topic: &str, partition: i32) -> SourceError {
    SourceError::new(format!(
        "a record of partition {partition} of topic `{topic}` came outside of its queue; this is a bug in kaufmann"
    ))
}
