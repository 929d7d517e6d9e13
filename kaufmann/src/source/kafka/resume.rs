//! Asks what is kept with the committed offsets of new partitions: librdkafka reads the offsets itself, but nobody sees
//! their metadata. A partition is announced when the answer is here; until then its records wait in its queue.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::context::{Happened, Shared, SourceContext};
use super::partitions::list;
use crate::source::{Assignment, SourceError};

/// How long one question may take, and how often it is asked. Without an answer records are handled again, no more.
const QUESTION: Duration = Duration::from_secs(1);
const QUESTIONS: usize = 3;

/// A partition, its committed offset, and the metadata of that.
pub(super) type Committed = (String, i32, i64, String);

/// Assignments to ask for.
type Question = Vec<Arc<Assignment>>;

/// The thread that asks.
type Asking = (Sender<Question>, JoinHandle<()>);

/// The thread that asks, and the assignments that are not announced yet.
#[derive(Default)]
pub(super) struct Resumer {
    waiting: Vec<Arc<Assignment>>,
    thread: Option<Asking>,
}

impl Resumer {
    /// Asks for the metadata of assignments, which are announced later; if `must_know`, not before there is an answer.
    pub(super) fn ask(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        assignments: Vec<Arc<Assignment>>,
        must_know: bool,
    ) -> Result<(), SourceError> {
        let (asks, _) = match &mut self.thread {
            Some(thread) => thread,
            none => none.insert(start(Arc::clone(consumer), Arc::clone(shared), must_know)?),
        };
        self.waiting.extend(assignments.iter().cloned());
        asks.send(assignments)
            .map_err(|_| SourceError::new("the thread that reads the metadata of commits has ended"))
    }

    /// Takes an answer, and says which assignments it lets be announced: those that it was asked for, not one that the partition has
    /// had since.
    pub(super) fn answered(
        &mut self,
        asked: &[Arc<Assignment>],
        committed: Vec<Committed>,
    ) -> Vec<Arc<Assignment>> {
        let announced = self.announce(|assignment| asked.iter().any(|asked| asked.id() == assignment.id()));
        for (topic, partition, offset, metadata) in committed {
            let own = announced
                .iter()
                .find(|assignment| assignment.partition() == partition && assignment.topic() == topic);
            if let Some(assignment) = own {
                assignment.resume(offset, metadata);
            }
        }
        announced
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
            // A panic there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

fn start(
    consumer: Arc<BaseConsumer<SourceContext>>,
    shared: Arc<Shared>,
    must_know: bool,
) -> Result<Asking, SourceError> {
    let (asks, asked) = mpsc::channel::<Question>();
    let thread = thread::Builder::new()
        .name("kaufmann-resume".into())
        .spawn(move || {
            for assignments in asked {
                let partitions: Vec<_> = assignments
                    .iter()
                    .map(|assignment| (assignment.topic().to_owned(), assignment.partition()))
                    .collect();
                let committed = committed(&consumer, &shared, &partitions, must_know);
                shared.push(Happened::Resumed {
                    assignments,
                    committed,
                });
                shared.wake();
            }
        })
        .map_err(|error| SourceError::new(format!("no thread to read the metadata of commits: {error}")))?;
    Ok((asks, thread))
}

/// The offsets, if all of them are known: that of a partition may wait for a transaction to end.
fn answer(
    consumer: &BaseConsumer<SourceContext>,
    partitions: &[(String, i32)],
) -> Result<TopicPartitionList, KafkaError> {
    let answer = consumer.committed_offsets(list(partitions), QUESTION)?;
    for element in answer.elements() {
        element.error()?;
    }
    Ok(answer)
}

fn committed(
    consumer: &BaseConsumer<SourceContext>,
    shared: &Shared,
    partitions: &[(String, i32)],
    must_know: bool,
) -> Vec<Committed> {
    let mut reason: Option<KafkaError> = None;
    for question in 1.. {
        if question > QUESTIONS && !must_know {
            break;
        }
        if shared.is_closing() {
            return Vec::new();
        }
        if question == QUESTIONS + 1 {
            let error = reason.as_ref().map(ToString::to_string);
            tracing::warn!(
                error,
                "the metadata of commits cannot be read; new partitions wait until it can"
            );
        }
        match answer(consumer, partitions) {
            Ok(offsets) => {
                return offsets
                    .elements()
                    .iter()
                    .filter_map(|element| match element.offset() {
                        Offset::Offset(offset) => Some((
                            element.topic().to_owned(),
                            element.partition(),
                            offset,
                            element.metadata().to_owned(),
                        )),
                        _ => None,
                    })
                    .collect();
            }
            Err(error) => reason = Some(error),
        }
    }
    if let Some(error) = reason {
        tracing::warn!(%error, "the metadata of commits cannot be read; what is settled above the offsets is handled again");
    }
    Vec::new()
}
