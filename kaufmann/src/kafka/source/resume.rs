//! Asks where new partitions begin, what is kept with their committed offsets, and which topics they are of: librdkafka reads the offsets itself, but nobody sees
//! their metadata, and while a transaction is open it may take an offset that it cannot have yet for none. A partition is announced
//! when the answer is here; until then its records wait in its queue.

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

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(1);
/// How often it is asked before somebody is told. If partitions need not be placed, they begin then: records are handled again, no more.
const QUESTIONS: usize = 3;
/// The pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// The same for the ids of topics, for which nothing waits; it doubles.
const ID_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_ID_PAUSE: Duration = Duration::from_secs(60);

/// Assignments to ask for.
enum Question {
    /// Where they begin; how often that was asked before.
    Place(Vec<Arc<Assignment>>, usize),
    /// Which topics they are of.
    Identity(Vec<Arc<Assignment>>),
}

/// The thread that asks.
type Asking = (Sender<Question>, JoinHandle<()>);

/// The thread that asks, and the assignments that are not announced yet.
#[derive(Default)]
pub(super) struct Resumer {
    /// Whether librdkafka is told where to begin, instead of trusting that it knows.
    places: bool,
    waiting: Vec<Arc<Assignment>>,
    thread: Option<Asking>,
    /// Those that have begun, and of which it is not known which topic they are of.
    unidentified: Vec<Arc<Assignment>>,
    /// When that is asked, unless it is being asked.
    identify_at: Option<Instant>,
    identifying: bool,
    pause: Duration,
    /// Whether it was said that topics have no ids.
    said_nameless: bool,
}

impl Resumer {
    /// A resumer that asks nothing yet. If it `places` partitions, none is announced before it is read from where it was committed.
    pub(super) fn new(places: bool) -> Self {
        Self {
            places,
            ..Self::default()
        }
    }

    /// Asks for assignments, which are announced later.
    pub(super) fn ask(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        assignments: Vec<Arc<Assignment>>,
    ) -> Result<(), SourceError> {
        if self.thread.is_none() {
            let thread = start(Arc::clone(consumer), Arc::clone(shared), self.places)?;
            self.thread = Some(thread);
        }
        self.waiting.extend(assignments.iter().cloned());
        self.send(Question::Place(assignments, 0))
    }

    /// Asks soon which topic an assignment is of that begins already.
    pub(super) fn identify(&mut self, assignment: Arc<Assignment>) {
        self.unidentified.push(assignment);
        self.pause = ID_PAUSE;
        self.identify_at = None;
    }

    /// Asks which topics assignments are of, when that is due.
    pub(super) fn ask_identities(&mut self, now: Instant) -> Result<(), SourceError> {
        let due = self.identify_at.is_none_or(|at| at <= now);
        if self.unidentified.is_empty() || self.identifying || !due {
            return Ok(());
        }
        // Those that have ended are nobody else's.
        self.unidentified
            .retain(|assignment| Arc::strong_count(assignment) > 1);
        self.identifying = !self.unidentified.is_empty();
        self.identify_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_ID_PAUSE);
        if self.identifying {
            self.send(Question::Identity(self.unidentified.clone()))?;
        }
        Ok(())
    }

    fn send(&self, question: Question) -> Result<(), SourceError> {
        let sent = self.thread.as_ref().map(|(asks, _)| asks.send(question));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(SourceError::new(
                "the thread that reads the metadata of commits has ended",
            )),
        }
    }

    /// Takes an answer, and says which assignments it lets be announced. Those that it says nothing of are asked for again.
    pub(super) fn answered(&mut self, answer: Answer) -> Result<Vec<Arc<Assignment>>, SourceError> {
        let (known, before) = match answer {
            Answer::Place(known, before) => (known, before),
            Answer::Identity(known) => {
                self.identified(known);
                return Ok(Vec::new());
            }
        };
        let patient = self.places || before + 1 < QUESTIONS;
        let mut again = Vec::new();
        let mut announced = Vec::new();
        for (assignment, known) in known {
            let Some(place) = self.waiting.iter().position(|own| own.id() == assignment.id()) else {
                continue; // It has ended.
            };
            let topic = match known {
                Err(reason) => {
                    if before + 1 == QUESTIONS {
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
                Identity::Nameless => self.say_nameless(),
                Identity::Is(topic) => assignment.identify(topic),
            }
            announced.push(self.waiting.remove(place));
        }
        if !again.is_empty() {
            self.send(Question::Place(again, before + 1))?;
        }
        Ok(announced)
    }

    fn identified(&mut self, known: Vec<(Arc<Assignment>, Identity)>) {
        self.identifying = false;
        for (assignment, identity) in known {
            match identity {
                Identity::Unknown => continue,
                Identity::Nameless => self.say_nameless(),
                Identity::Is(topic) => assignment.identify(topic),
            }
            self.unidentified.retain(|own| own.id() != assignment.id());
        }
        if !self.unidentified.is_empty() && self.pause > ID_PAUSE * 2 {
            self.say_nameless();
        }
    }

    fn say_nameless(&mut self) {
        if !self.places && !std::mem::replace(&mut self.said_nameless, true) {
            tracing::info!(
                "no broker tells the ids of the topics, so what is settled ahead of a committed offset is not kept with it: it would be \
                 believed of a topic that is made anew. A restart repeats it"
            );
        }
    }

    fn warn(&self, assignment: &Assignment, reason: &str) {
        let (topic, partition) = (assignment.topic(), assignment.partition());
        if self.places {
            tracing::warn!(
                topic,
                partition,
                reason,
                "the partition cannot be read from its committed offset yet, and waits until it can"
            );
        } else {
            tracing::warn!(
                topic,
                partition,
                reason,
                "the metadata of the commit cannot be read; what is settled above the offset is handled again"
            );
        }
    }

    /// Takes out those that wait no longer.
    pub(super) fn announce(&mut self, which: impl Fn(&Assignment) -> bool) -> Vec<Arc<Assignment>> {
        self.waiting
            .extract_if(.., |assignment| which(assignment))
            .collect()
    }

    /// Ends the thread; takes a question's time at most.
    pub(super) fn stop(self) {
        if let Some((asks, thread)) = self.thread {
            drop(asks);
            // A panic there was reported.
            let _ = thread.join();
        }
    }
}

fn start(
    consumer: Arc<BaseConsumer<SourceContext>>,
    shared: Arc<Shared>,
    places: bool,
) -> Result<Asking, SourceError> {
    let (asks, asked) = mpsc::channel::<Question>();
    let thread = thread::Builder::new()
        .name("kaufmann-resume".into())
        .spawn(move || {
            shared.guard("kaufmann-resume", || {
                asked
                    .iter()
                    .for_each(|question| answer(&consumer, &shared, places, question));
            });
        })
        .map_err(|error| SourceError::new(format!("no thread to read the metadata of commits: {error}")))?;
    Ok((asks, thread))
}

fn answer(consumer: &BaseConsumer<SourceContext>, shared: &Shared, places: bool, question: Question) {
    if shared.is_closing() {
        return;
    }
    let answer = match question {
        Question::Place(assignments, before) => {
            if before > 0 {
                thread::sleep(PAUSE);
            }
            let mut known = found(consumer, assignments);
            if places {
                place(consumer, &mut known);
            }
            Answer::Place(known, before)
        }
        Question::Identity(assignments) => Answer::Identity(identities(consumer, assignments)),
    };
    shared.push(ClientEvent::Resumed(answer));
    shared.wake();
}

/// Which topics they are of.
fn identities(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Identity)> {
    let mut topics: Vec<&str> = assignments.iter().map(|assignment| assignment.topic()).collect();
    topics.sort_unstable();
    topics.dedup();
    let answer = ffi::topic_ids(consumer.client(), &topics, QUESTION).unwrap_or_default();
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

/// Where they begin, and which topics they are of if what is kept with an offset cannot be read without.
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
            (Some(Identity::Unknown), _) => Err("no broker tells the id of its topic".to_owned()),
            (topic, Ok(committed)) => Ok(Found {
                committed,
                topic: topic.unwrap_or(Identity::Unknown),
            }),
        };
        (assignment, known)
    };
    committed.into_iter().map(known).collect()
}

/// A committed offset with what is kept with it, if there is one, or why that is not known.
type Committed = Result<Option<(i64, String)>, String>;

/// The committed offsets. That of a partition may wait for a transaction to end.
fn committed(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Committed)> {
    let mut asked = TopicPartitionList::with_capacity(assignments.len());
    for assignment in &assignments {
        asked.add_partition(assignment.topic(), assignment.partition());
    }
    let answer = consumer.committed_offsets(asked, QUESTION);
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
    let tell = |assignment: Arc<Assignment>| {
        let known = known(&assignment).map_err(|error| error.to_string());
        (assignment, known)
    };
    assignments.into_iter().map(tell).collect()
}

/// Lets partitions be read from their committed offsets, wherever librdkafka has begun. What it has fetched already, it drops.
fn place(consumer: &BaseConsumer<SourceContext>, known: &mut [(Arc<Assignment>, Known)]) {
    for (assignment, known) in known {
        let Ok(Found {
            committed: Some((offset, _)),
            ..
        }) = known
        else {
            continue;
        };
        if let Err(error) = seek(consumer, assignment, *offset, QUESTION) {
            *known = Err(error.to_string());
        }
    }
}

/// Lets librdkafka read a partition from an offset on, and drop what it has fetched. Waits for `patience` at most; with none it only begins.
pub(super) fn seek(
    consumer: &BaseConsumer<SourceContext>,
    assignment: &Assignment,
    offset: i64,
    patience: Duration,
) -> Result<(), KafkaError> {
    let mut place = TopicPartitionList::with_capacity(1);
    place.add_partition_offset(assignment.topic(), assignment.partition(), Offset::Offset(offset))?;
    let answer = consumer.seek_partitions(place, patience)?;
    // What has only begun is `_IN_PROGRESS`.
    let mut ended = answer.elements().into_iter().filter(|_| !patience.is_zero());
    ended.try_for_each(|placed| placed.error())
}
