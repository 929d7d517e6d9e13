//! Asks where new partitions begin, and what is kept with their committed offsets: librdkafka reads the offsets itself, but nobody sees
//! their metadata, and while a transaction is open it may take an offset that it cannot have yet for none. A partition is announced
//! when the answer is here; until then its records wait in its queue.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::context::{Happened, Shared, SourceContext};
use crate::source::{Assignment, SourceError};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(1);
/// How often it is asked before somebody is told. If partitions need not be placed, they begin then: records are handled again, no more.
const QUESTIONS: usize = 3;
/// The pause before a question is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of a partition: its committed offset with the metadata, or that it has none, or why neither is known yet.
pub(super) type Known = Result<Option<(i64, String)>, String>;

/// Assignments to ask for, and how often it was done before.
struct Question {
    assignments: Vec<Arc<Assignment>>,
    before: usize,
}

/// Answers to a question.
pub(super) struct Answer {
    known: Vec<(Arc<Assignment>, Known)>,
    before: usize,
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
        self.send(Question {
            assignments,
            before: 0,
        })
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
        let Answer { known, before } = answer;
        let patient = self.places || before + 1 < QUESTIONS;
        let mut again = Vec::new();
        let mut announced = Vec::new();
        for (assignment, known) in known {
            let Some(place) = self.waiting.iter().position(|own| own.id() == assignment.id()) else {
                continue; // It has ended.
            };
            match known {
                Err(reason) => {
                    if before + 1 == QUESTIONS {
                        self.warn(&assignment, &reason);
                    }
                    if patient {
                        again.push(assignment);
                        continue;
                    }
                }
                Ok(Some((offset, metadata))) => assignment.resume(offset, metadata),
                Ok(None) => {}
            }
            announced.push(self.waiting.remove(place));
        }
        if !again.is_empty() {
            self.send(Question {
                assignments: again,
                before: before + 1,
            })?;
        }
        Ok(announced)
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

fn answer(
    consumer: &BaseConsumer<SourceContext>,
    shared: &Shared,
    places: bool,
    Question { assignments, before }: Question,
) {
    if shared.is_closing() {
        return;
    }
    if before > 0 {
        thread::sleep(PAUSE);
    }
    let mut known = committed(consumer, assignments);
    if places {
        place(consumer, &mut known);
    }
    shared.push(Happened::Resumed(Answer { known, before }));
    shared.wake();
}

/// The committed offsets. That of a partition may wait for a transaction to end.
fn committed(
    consumer: &BaseConsumer<SourceContext>,
    assignments: Vec<Arc<Assignment>>,
) -> Vec<(Arc<Assignment>, Known)> {
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
        let Ok(Some((offset, _))) = known else { continue };
        if let Err(error) = seek(consumer, assignment, *offset) {
            *known = Err(error.to_string());
        }
    }
}

fn seek(
    consumer: &BaseConsumer<SourceContext>,
    assignment: &Assignment,
    offset: i64,
) -> Result<(), KafkaError> {
    let mut place = TopicPartitionList::with_capacity(1);
    place.add_partition_offset(assignment.topic(), assignment.partition(), Offset::Offset(offset))?;
    let answer = consumer.seek_partitions(place, QUESTION)?;
    for placed in answer.elements() {
        placed.error()?;
    }
    Ok(())
}
