//! Which partition a message goes to where its key does not decide: whose turn it is, or what the event's own choice says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Partitioning;
use crate::handler::outcome::Choice;
use crate::publish::{Message, Placement, PublishError, PublishErrorKind, Publisher};

/// How long the cluster may take to say how many partitions a topic has.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how long it is asked again. Partitions that are added get messages after that.
const FRESH: Duration = Duration::from_secs(300);
/// After how long it is asked again if a partition was chosen that was not there.
const FRESH_ENOUGH: Duration = Duration::from_secs(1);

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
    /// What an event says goes before what the configuration says of it.
    pub(crate) fn of(choice: Option<&'a Choice>, configured: Partitioning) -> Self {
        match (choice, configured) {
            (Some(choice), _) => Self::Choice(choice),
            (None, Partitioning::Key) => Self::Key,
            (None, Partitioning::RoundRobin) => Self::Turn,
        }
    }
}

/// The topics whose partitions were asked for.
pub(crate) struct Partitions {
    publisher: Arc<dyn Publisher>,
    known: Mutex<HashMap<Arc<str>, Known>>,
    /// Who asks.
    asking: tokio::sync::Mutex<()>,
}

/// The partitions of a topic.
struct Known {
    count: u32,
    /// Whose turn is next.
    next: u32,
    asked: Instant,
}

impl Partitions {
    pub(crate) fn new(publisher: Arc<dyn Publisher>) -> Self {
        Self {
            publisher,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Says where a message goes.
    ///
    /// # Errors
    ///
    /// If its topic does not have the partition that is chosen, or does not say how many it has.
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
    /// If it does not say how many it has.
    pub(crate) async fn has(&self, topic: &Arc<str>, partition: i32) -> Result<bool, PublishError> {
        let Ok(partition) = u32::try_from(partition) else {
            return Ok(false);
        };
        Ok(
            partition < self.count(topic, FRESH).await?
                || partition < self.count(topic, FRESH_ENOUGH).await?,
        )
    }

    async fn turn(&self, topic: &Arc<str>) -> Result<i32, PublishError> {
        self.count(topic, FRESH).await?;
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
        let mut count = self.count(topic, FRESH).await?;
        let mut partition = choice.of(count);
        if partition >= count {
            count = self.count(topic, FRESH_ENOUGH).await?;
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

    /// How many partitions a topic has, asked for at most so long ago.
    async fn count(&self, topic: &Arc<str>, fresh: Duration) -> Result<u32, PublishError> {
        if let Some(count) = self.fresh(topic, fresh) {
            return Ok(count);
        }
        let _turn = self.asking.lock().await;
        if let Some(count) = self.fresh(topic, fresh) {
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
                known.asked = Instant::now();
                Ok(count)
            }
            (Ok(count), None) => {
                // Programs that publish little begin elsewhere each.
                let next = (crate::base::jitter::fraction() * f64::from(count)) as u32;
                let asked = Instant::now();
                known.insert(Arc::clone(topic), Known { count, next, asked });
                Ok(count)
            }
            // What was known will do while the brokers are away.
            (Err(_), Some(known)) => {
                known.asked = Instant::now();
                Ok(known.count)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn fresh(&self, topic: &Arc<str>, fresh: Duration) -> Option<u32> {
        let known = self.known();
        let known = known.get(topic)?;
        (known.asked.elapsed() < fresh).then_some(known.count)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number as Kafka has it.
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
    async fn turns_go_round_all_partitions_those_that_are_added_included() {
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
        tokio::time::advance(FRESH).await;
        let mut seen = BTreeSet::new();
        for _ in 0..5 {
            seen.insert(placed(&partitions, Way::Turn).await.unwrap().partition().unwrap());
        }
        assert_eq!(seen, BTreeSet::from_iter(0..5));
    }

    #[tokio::test]
    async fn a_choice_is_told_how_many_there_are_and_one_that_does_not_exist_is_an_error_until_it_does() {
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
        tokio::time::advance(FRESH_ENOUGH).await;
        let chosen = placed(&partitions, Way::Choice(&fourth)).await.unwrap();
        assert_eq!(chosen, Placement::Chosen(3));
    }

    #[tokio::test]
    async fn nothing_is_asked_for_what_its_key_places() {
        // A publisher that cannot tell would be an error.
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
