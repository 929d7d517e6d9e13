//! The partition of a message whose key does not decide it: the next one in turn, or the event's own choice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Partitioning;
use crate::handler::outcome::Choice;
use crate::publish::{Message, Placement, PublishError, PublishErrorKind, Publisher};

/// How long the request for a topic's number of partitions may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how long the number is requested again. Added partitions get messages after that.
const MAX_AGE: Duration = Duration::from_secs(300);
/// After how long it is requested again if the chosen partition does not exist.
const MAX_AGE_OF_MISSING: Duration = Duration::from_secs(1);

/// How the partition of a message is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// By its key.
    Key,
    /// In turn.
    Turn,
    /// By the event's own choice.
    Choice(&'a Choice),
}

impl<'a> Way<'a> {
    /// The event's own choice takes precedence over the configuration.
    pub(crate) fn of(choice: Option<&'a Choice>, configured: Partitioning) -> Self {
        match (choice, configured) {
            (Some(choice), _) => Self::Choice(choice),
            (None, Partitioning::Key) => Self::Key,
            (None, Partitioning::RoundRobin) => Self::Turn,
        }
    }
}

/// The topics whose number of partitions is known.
pub(crate) struct Partitions {
    publisher: Arc<dyn Publisher>,
    known: Mutex<HashMap<Arc<str>, Known>>,
    /// Held during a request, so that there is one at a time.
    request: tokio::sync::Mutex<()>,
}

/// The partitions of a topic.
struct Known {
    count: u32,
    /// The partition whose turn is next.
    next: u32,
    requested: Instant,
}

impl Partitions {
    pub(crate) fn new(publisher: Arc<dyn Publisher>) -> Self {
        Self {
            publisher,
            known: Mutex::default(),
            request: tokio::sync::Mutex::default(),
        }
    }

    /// Sets the placement of a message.
    ///
    /// # Errors
    ///
    /// If its topic does not have the chosen partition, or the number of its partitions is unknown.
    pub(crate) async fn place(&self, message: &mut Message, way: Way<'_>) -> Result<(), PublishError> {
        message.placement = match way {
            Way::Key => Placement::Key,
            Way::Turn => Placement::Turn(self.turn(&message.topic).await?),
            Way::Choice(choice) => Placement::Chosen(self.chosen(&message.topic, choice).await?),
        };
        Ok(())
    }

    /// Whether a topic has this partition.
    ///
    /// # Errors
    ///
    /// If the number of its partitions is unknown.
    pub(crate) async fn has(&self, topic: &Arc<str>, partition: i32) -> Result<bool, PublishError> {
        let Ok(partition) = u32::try_from(partition) else {
            return Ok(false);
        };
        Ok(partition < self.count(topic, MAX_AGE).await?
            || partition < self.count(topic, MAX_AGE_OF_MISSING).await?)
    }

    async fn turn(&self, topic: &Arc<str>) -> Result<i32, PublishError> {
        self.count(topic, MAX_AGE).await?;
        let mut known = self.known();
        // A topic that is known stays known.
        let Some(known) = known.get_mut(topic) else {
            return Ok(0);
        };
        let turn = known.next % known.count;
        known.next = turn + 1;
        Ok(signed(turn))
    }

    async fn chosen(&self, topic: &Arc<str>, choice: &Choice) -> Result<i32, PublishError> {
        let mut count = self.count(topic, MAX_AGE).await?;
        let mut partition = choice.of(count);
        if partition >= count {
            count = self.count(topic, MAX_AGE_OF_MISSING).await?;
            partition = choice.of(count);
        }
        if partition < count {
            return Ok(signed(partition));
        }
        Err(PublishError::new(
            PublishErrorKind::NoPartition,
            format!(
                "partition {partition} was chosen for an event, but topic `{topic}` has {count}, counted from 0; choose another \
                 one, or add partitions"
            ),
        ))
    }

    /// The number of a topic's partitions, no older than `max_age`.
    async fn count(&self, topic: &Arc<str>, max_age: Duration) -> Result<u32, PublishError> {
        if let Some(count) = self.fresh(topic, max_age) {
            return Ok(count);
        }
        let _request = self.request.lock().await;
        if let Some(count) = self.fresh(topic, max_age) {
            return Ok(count);
        }
        let (publisher, asked) = (Arc::clone(&self.publisher), Arc::clone(topic));
        let answer = tokio::task::spawn_blocking(move || publisher.partitions(&asked, PATIENCE)).await;
        let unknown = |text: String| PublishError::new(PublishErrorKind::NoPartition, text);
        let answer = answer.unwrap_or_else(|error| Err(unknown(error.to_string())));
        let mut known = self.known();
        match (answer, known.get_mut(topic)) {
            (Ok(0), _) => Err(unknown(format!("topic `{topic}` has no partitions"))),
            (Ok(count), Some(known)) => {
                known.count = count;
                known.requested = Instant::now();
                Ok(count)
            }
            (Ok(count), None) => {
                // A random start, so that programs that publish few events do not all use the first partition.
                let next = (crate::base::jitter::fraction() * f64::from(count)) as u32;
                let requested = Instant::now();
                known.insert(
                    Arc::clone(topic),
                    Known {
                        count,
                        next,
                        requested,
                    },
                );
                Ok(count)
            }
            // While the brokers are unreachable, the old number is used.
            (Err(_), Some(known)) => {
                known.requested = Instant::now();
                Ok(known.count)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn fresh(&self, topic: &Arc<str>, max_age: Duration) -> Option<u32> {
        let known = self.known();
        let known = known.get(topic)?;
        (known.requested.elapsed() < max_age).then_some(known.count)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partition as Kafka's signed number.
fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::publish::{MemoryPublisher, MessageHeaders};

    fn message() -> Message {
        Message {
            topic: "t".into(),
            key: Some(b"k".to_vec()),
            placement: Placement::Key,
            payload: None,
            headers: MessageHeaders::default(),
        }
    }

    async fn placed(partitions: &Partitions, way: Way<'_>) -> Result<Placement, PublishError> {
        let mut message = message();
        partitions.place(&mut message, way).await?;
        Ok(message.placement)
    }

    #[tokio::test]
    async fn turns_go_round_all_partitions_including_added_ones() {
        tokio::time::pause();
        let publisher = MemoryPublisher::new();
        publisher.set_partitions(3);
        let partitions = Partitions::new(Arc::new(publisher.clone()));
        let mut turns = Vec::new();
        for _ in 0..7 {
            turns.push(placed(&partitions, Way::Turn).await.unwrap().partition().unwrap());
        }
        assert!(
            turns.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3),
            "{turns:?}"
        );
        publisher.set_partitions(5);
        assert!(placed(&partitions, Way::Turn).await.unwrap().partition().unwrap() < 3);
        tokio::time::advance(MAX_AGE).await;
        let mut seen = BTreeSet::new();
        for _ in 0..5 {
            seen.insert(placed(&partitions, Way::Turn).await.unwrap().partition().unwrap());
        }
        assert_eq!(seen, BTreeSet::from_iter(0..5));
    }

    #[tokio::test]
    async fn a_choice_gets_the_number_of_partitions_and_a_missing_one_is_an_error_until_it_exists() {
        tokio::time::pause();
        let publisher = MemoryPublisher::new();
        publisher.set_partitions(3);
        let partitions = Partitions::new(Arc::new(publisher.clone()));
        let last = Choice::new(|count| count - 1);
        let chosen = placed(&partitions, Way::Choice(&last)).await.unwrap();
        assert_eq!(chosen, Placement::Chosen(2));
        let fourth = Choice::new(|_| 3);
        let error = placed(&partitions, Way::Choice(&fourth)).await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::NoPartition);
        assert!(
            error.to_string().contains("partition 3") && error.to_string().contains("has 3"),
            "{error}"
        );
        publisher.set_partitions(4);
        tokio::time::advance(MAX_AGE_OF_MISSING).await;
        let chosen = placed(&partitions, Way::Choice(&fourth)).await.unwrap();
        assert_eq!(chosen, Placement::Chosen(3));
    }

    #[tokio::test]
    async fn a_message_placed_by_its_key_makes_no_request() {
        // This publisher does not know the number, so a request would be an error.
        struct Dumb;
        impl Publisher for Dumb {
            fn send(
                &self,
                message: Message,
                done: crate::publish::Completion,
            ) -> Result<(), crate::publish::Rejected> {
                Err(crate::publish::Rejected { message, done })
            }
            fn flush(&self, _: Duration) -> bool {
                true
            }
        }
        let partitions = Partitions::new(Arc::new(Dumb));
        assert_eq!(placed(&partitions, Way::Key).await.unwrap(), Placement::Key);
        assert_eq!(
            placed(&partitions, Way::Turn).await.unwrap_err().kind(),
            PublishErrorKind::NoPartition
        );
    }
}
