//! A thread that requests the committed offsets of new partitions with their metadata, and the topics' ids. librdkafka reads the
//! offsets itself, but does not return their metadata, and while a transaction is open it may take a pending offset to be missing. A
//! partition is announced when the answer has arrived; until then its records wait in its queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::answer::{Answer, Found, Identity, Known};
use super::context::{ClientEvent, Shared, SourceContext};
use crate::engine::commit::Ahead;
use crate::kafka::ffi;
use crate::source::{Assignment, SourceError};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// After how many tries a failure is logged. Partitions that need no seek then begin without metadata: some records are handled again.
const TRIES: usize = 3;
/// The pause before a request is repeated.
const PAUSE: Duration = Duration::from_millis(100);
/// The first pause of requests for topic ids, which nothing waits for; it doubles.
const ID_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_ID_PAUSE: Duration = Duration::from_secs(60);

/// A request about assignments.
enum Request {
    /// Their committed offsets; how often they have been requested before.
    Committed(Vec<Arc<Assignment>>, usize),
    /// Their topics' ids.
    Identity(Vec<Arc<Assignment>>),
}

/// The thread, and the channel to it.
type Worker = (Sender<Request>, JoinHandle<()>);

/// The thread, and the assignments that are not announced yet.
#[derive(Default)]
pub(super) struct Resumer {
    /// Whether partitions are set to their committed offsets, instead of trusting librdkafka to begin there.
    seeks: bool,
    waiting: Vec<Arc<Assignment>>,
    thread: Option<Worker>,
    /// Announced assignments whose topic id is not known.
    unidentified: Vec<Arc<Assignment>>,
    /// When their ids are requested next, unless a request is in progress.
    identify_at: Option<Instant>,
    identifying: bool,
    pause: Duration,
    /// Whether it was logged that topics have no ids.
    logged_nameless: bool,
}

impl Resumer {
    /// A resumer without a thread yet. If it `seeks`, no partition is announced before it is set to its committed offset.
    pub(super) fn new(seeks: bool) -> Self {
        Self {
            seeks,
            ..Self::default()
        }
    }

    /// Requests the committed offsets of assignments, which are announced later.
    pub(super) fn request(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        assignments: Vec<Arc<Assignment>>,
    ) -> Result<(), SourceError> {
        if self.thread.is_none() {
            let thread = start(Arc::clone(consumer), Arc::clone(shared), self.seeks)?;
            self.thread = Some(thread);
        }
        self.waiting.extend(assignments.iter().cloned());
        self.send(Request::Committed(assignments, 0))
    }

    /// Requests the topic id of an announced assignment soon.
    pub(super) fn identify(&mut self, assignment: Arc<Assignment>) {
        self.unidentified.push(assignment);
        self.pause = ID_PAUSE;
        self.identify_at = None;
    }

    /// Requests topic ids when that is due.
    pub(super) fn request_identities(&mut self, now: Instant) -> Result<(), SourceError> {
        let due = self.identify_at.is_none_or(|at| at <= now);
        if self.unidentified.is_empty() || self.identifying || !due {
            return Ok(());
        }
        // Assignments that have ended have no other owner.
        self.unidentified
            .retain(|assignment| Arc::strong_count(assignment) > 1);
        self.identifying = !self.unidentified.is_empty();
        self.identify_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_ID_PAUSE);
        if self.identifying {
            self.send(Request::Identity(self.unidentified.clone()))?;
        }
        Ok(())
    }

    fn send(&self, request: Request) -> Result<(), SourceError> {
        let sent = self.thread.as_ref().map(|(requests, _)| requests.send(request));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(SourceError::new(
                "the thread that reads the metadata of commits has ended",
            )),
        }
    }

    /// Handles an answer, and returns the assignments to announce. Those without an answer are requested again.
    pub(super) fn handle(&mut self, answer: Answer) -> Result<Vec<Arc<Assignment>>, SourceError> {
        let (known, before) = match answer {
            Answer::Committed(known, before) => (known, before),
            Answer::Identity(known) => {
                self.identified(known);
                return Ok(Vec::new());
            }
        };
        let patient = self.seeks || before + 1 < TRIES;
        let mut again = Vec::new();
        let mut announced = Vec::new();
        for (assignment, known) in known {
            let Some(index) = self.waiting.iter().position(|own| own.id() == assignment.id()) else {
                continue; // It has ended.
            };
            let topic = match known {
                Err(reason) => {
                    if before + 1 == TRIES {
                        self.warn(&assignment, &reason);
                    }
                    if patient {
                        again.push(assignment);
                        continue;
                    }
                    Identity::Unknown
                }
                Ok(found) => {
                    if let Some((offset, metadata)) = found.committed {
                        assignment.resume(offset, metadata);
                    }
                    found.topic
                }
            };
            match topic {
                Identity::Unknown => self.identify(assignment),
                Identity::Nameless => self.log_nameless(),
                Identity::Is(topic) => assignment.identify(topic),
            }
            announced.push(self.waiting.remove(index));
        }
        if !again.is_empty() {
            self.send(Request::Committed(again, before + 1))?;
        }
        Ok(announced)
    }

    fn identified(&mut self, known: Vec<(Arc<Assignment>, Identity)>) {
        self.identifying = false;
        for (assignment, identity) in known {
            match identity {
                Identity::Unknown => continue,
                Identity::Nameless => self.log_nameless(),
                Identity::Is(topic) => assignment.identify(topic),
            }
            self.unidentified.retain(|own| own.id() != assignment.id());
        }
        if !self.unidentified.is_empty() && self.pause > ID_PAUSE * 2 {
            self.log_nameless();
        }
    }

    fn log_nameless(&mut self) {
        if !self.seeks && !std::mem::replace(&mut self.logged_nameless, true) {
            tracing::info!(
                "the brokers give topics no ids, so records settled ahead of a committed offset are not kept with it: they would be \
                 taken for records of a topic created again under the same name. A restart handles them again"
            );
        }
    }

    fn warn(&self, assignment: &Assignment, reason: &str) {
        let (topic, partition) = (assignment.topic(), assignment.partition());
        if self.seeks {
            tracing::warn!(
                topic,
                partition,
                reason,
                "the committed offset of the partition cannot be read yet; the partition waits until it can"
            );
        } else {
            tracing::warn!(
                topic,
                partition,
                reason,
                "the metadata of the commit cannot be read; records settled above the offset are handled again"
            );
        }
    }

    /// Removes and returns the waiting assignments for which `which` is true.
    pub(super) fn announce(&mut self, which: impl Fn(&Assignment) -> bool) -> Vec<Arc<Assignment>> {
        self.waiting
            .extract_if(.., |assignment| which(assignment))
            .collect()
    }

    /// Ends the thread, within the time of one request.
    pub(super) fn stop(self) {
        if let Some((requests, thread)) = self.thread {
            drop(requests);
            // A panic there was reported.
            let _ = thread.join();
        }
    }
}

fn start(
    consumer: Arc<BaseConsumer<SourceContext>>,
    shared: Arc<Shared>,
    seeks: bool,
) -> Result<Worker, SourceError> {
    let (requests, received) = mpsc::channel::<Request>();
    let thread = thread::Builder::new()
        .name("kaufmann-resume".into())
        .spawn(move || {
            shared.guard("kaufmann-resume", || {
                received
                    .iter()
                    .for_each(|request| answer(&consumer, &shared, seeks, request));
            });
        })
        .map_err(|error| {
            SourceError::new(format!("no thread for reading the metadata of commits: {error}"))
        })?;
    Ok((requests, thread))
}

fn answer(consumer: &BaseConsumer<SourceContext>, shared: &Shared, seeks: bool, request: Request) {
    if shared.is_closing() {
        return;
    }
    let answer = match request {
        Request::Committed(assignments, before) => {
            if before > 0 {
                thread::sleep(PAUSE);
            }
            let mut known = found(consumer, assignments);
            if seeks {
                seek_to_committed(consumer, &mut known);
            }
            Answer::Committed(known, before)
        }
        Request::Identity(assignments) => Answer::Identity(identities(consumer, assignments)),
    };
    shared.push(ClientEvent::Resumed(answer));
    shared.wake();
}

/// The topic ids of assignments.
fn identities(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Identity)> {
    let mut topics: Vec<&str> = assignments.iter().map(|assignment| assignment.topic()).collect();
    topics.sort_unstable();
    topics.dedup();
    let answer = ffi::topic_ids(consumer.client(), &topics, TIMEOUT).unwrap_or_default();
    let ids: HashMap<String, Identity> = answer
        .into_iter()
        .map(|(topic, id)| match id {
            Ok(Some(id)) => (topic, Identity::Is(id)),
            Ok(None) => (topic, Identity::Nameless),
            Err(_) => (topic, Identity::Unknown),
        })
        .collect();
    let identity = |assignment: Arc<Assignment>| {
        let known = ids.get(assignment.topic()).copied();
        (assignment, known.unwrap_or(Identity::Unknown))
    };
    assignments.into_iter().map(identity).collect()
}

/// The committed offsets of assignments, and the topic ids of those whose metadata is valid for one topic only.
fn found(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Known)> {
    let committed = committed(consumer, assignments);
    let is_tied =
        |committed: &Committed| matches!(committed, Ok(Some((_, metadata))) if Ahead::is_tied(metadata));
    let tied = committed.iter().filter(|(_, committed)| is_tied(committed));
    let tied: Vec<_> = tied.map(|(assignment, _)| Arc::clone(assignment)).collect();
    let ids: HashMap<u64, Identity> = match &tied[..] {
        [] => HashMap::new(),
        _ => identities(consumer, tied)
            .into_iter()
            .map(|(assignment, identity)| (assignment.id(), identity))
            .collect(),
    };
    let known = |(assignment, committed): (Arc<Assignment>, Committed)| {
        let known = match (ids.get(&assignment.id()).copied(), committed) {
            (_, Err(reason)) => Err(reason),
            (Some(Identity::Unknown), _) => Err("no broker returned its topic's id".to_owned()),
            (topic, Ok(committed)) => Ok(Found {
                committed,
                topic: topic.unwrap_or(Identity::Unknown),
            }),
        };
        (assignment, known)
    };
    committed.into_iter().map(known).collect()
}

/// A committed offset with its metadata, if there is one, or why it is not known.
type Committed = Result<Option<(i64, String)>, String>;

/// The committed offsets. The brokers may hold one back until a transaction ends.
fn committed(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Committed)> {
    let mut asked = TopicPartitionList::with_capacity(assignments.len());
    for assignment in &assignments {
        asked.add_partition(assignment.topic(), assignment.partition());
    }
    let answer = consumer.committed_offsets(asked, TIMEOUT);
    let known = |assignment: &Assignment| -> Result<Option<(i64, String)>, KafkaError> {
        let answer = answer.as_ref().map_err(Clone::clone)?;
        let Some(found) = answer.find_partition(assignment.topic(), assignment.partition()) else {
            return Ok(None);
        };
        found.error()?;
        Ok(match found.offset() {
            Offset::Offset(offset) => Some((offset, found.metadata().to_owned())),
            _ => None,
        })
    };
    let with_text = |assignment: Arc<Assignment>| {
        let known = known(&assignment).map_err(|error| error.to_string());
        (assignment, known)
    };
    assignments.into_iter().map(with_text).collect()
}

/// Sets partitions to their committed offsets, wherever librdkafka has begun. librdkafka drops what it has fetched.
fn seek_to_committed(consumer: &BaseConsumer<SourceContext>, known: &mut [(Arc<Assignment>, Known)]) {
    for (assignment, known) in known {
        let Ok(Found {
            committed: Some((offset, _)),
            ..
        }) = known
        else {
            continue;
        };
        if let Err(error) = seek(consumer, assignment, *offset, TIMEOUT) {
            *known = Err(error.to_string());
        }
    }
}

/// Lets librdkafka read a partition from an offset on, and drop what it has fetched. Waits for `patience` at most; if zero, it only begins.
pub(super) fn seek(
    consumer: &BaseConsumer<SourceContext>,
    assignment: &Assignment,
    offset: i64,
    patience: Duration,
) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(assignment.topic(), assignment.partition(), Offset::Offset(offset))?;
    let answer = consumer.seek_partitions(list, patience)?;
    // A seek that has only begun is `_IN_PROGRESS`.
    let mut ended = answer.elements().into_iter().filter(|_| !patience.is_zero());
    ended.try_for_each(|partition| partition.error())
}
