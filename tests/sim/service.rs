//! The service under test: its handler follows the plan and records what it sees.

use std::collections::HashSet;
use std::time::Duration;

use kaufmann::config::Ordering;
use kaufmann::registry::{Answer, EmbeddedRegistry, RegistryError, RegistryErrorKind, SchemaRegistry};
use kaufmann::{Batch, Class, Context, Event, Failure, Outcome, Record, handler, service};
use tokio::time::Instant;

use crate::events::test::{Doubled, Ignored, Numbered, NumberedRef};
use crate::group::{TOPIC, place_of};
use crate::journal::{How, What};
use crate::plan::End;
use crate::world::World;

/// The header with the assignment under which the simulated group delivered a record.
pub(crate) const ASSIGNMENT: &str = "sim-assignment";
/// How many messages an attempt may make; the last index is for the event that it publishes itself.
pub(crate) const PLACES: u64 = 8;

/// The handler's state.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) world: World,
    pub(crate) member: usize,
}

/// Records the end of an attempt, also if its future is dropped.
struct Attempt<'a> {
    member: &'a Member,
    token: u64,
    how: How,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let ended = What::Ended {
            token: self.token,
            how: self.how,
        };
        self.member.world.note(self.member.member, ended);
    }
}

#[handler(event = "test.numbered", emits = [Doubled])]
async fn numbered(event: NumberedRef<'_>, cx: &Context<Member>) -> Result<Vec<Doubled>, Failure> {
    act(event, cx.record(), cx.attempt(), cx).await
}

/// Follows the plan for one event after the other, up to the first retried one of each key.
#[handler(event = "test.numbered", emits = [Doubled], batch = 5, linger = "30ms")]
async fn several(batch: Batch<NumberedRef<'_>>, cx: &Context<Member>) -> Result<Vec<Outcome>, Failure> {
    let ordering = cx.state.world.plan().settings.ordering;
    let lane = |record: &Record| match (ordering, record.key()) {
        (Ordering::Key, Some(key)) => Some((record.partition(), key.to_vec())),
        (Ordering::Partition, _) => Some((record.partition(), Vec::new())),
        _ => None,
    };
    let (mut held, mut outcomes) = (HashSet::new(), Vec::new());
    for item in batch {
        let (record, attempt) = (item.record().clone(), item.attempt());
        let lane = lane(&record);
        if lane.as_ref().is_some_and(|lane| held.contains(lane)) {
            // It is handled again, whatever its outcome.
            outcomes.push(Outcome::done());
            continue;
        }
        outcomes.push(match act(item.event, &record, attempt, cx).await {
            Ok(replies) => replies.into_iter().fold(Outcome::done(), Outcome::and_publish),
            Err(failure) => {
                if matches!(failure.class(), Class::Retry { .. } | Class::Fatal) {
                    held.extend(lane);
                }
                Outcome::failed(failure)
            }
        });
    }
    Ok(outcomes)
}

/// An attempt at an event.
async fn act(
    event: NumberedRef<'_>,
    record: &Record,
    attempt: u32,
    cx: &Context<Member>,
) -> Result<Vec<Doubled>, Failure> {
    let world = &cx.state.world;
    let (partition, offset) = if record.topic() == TOPIC {
        (record.partition(), record.offset())
    } else {
        place_of(event.number)
    };
    let (token, act) = world.next_act(partition, offset);
    let begun = What::Begun {
        assignment: assignment(record.header(ASSIGNMENT)),
        offset: record.offset(),
        attempt,
        token,
        number: event.number,
    };
    world.note(cx.state.member, begun);
    let mut attempt = Attempt {
        member: &cx.state,
        token,
        how: How::Dropped,
    };
    world.burn(act.burn);
    if let Some(wait) = act.wait {
        tokio::time::sleep(wait).await;
    }
    if act.publish {
        // This handler continues even if that fails.
        if cx.publish(&doubled(event.key, token, PLACES - 1)).await.is_ok() {
            world.note(cx.state.member, What::Published { token });
        }
    }
    let replies = match act.end {
        End::Done(replies) => Ok(replies),
        End::Hang(longest) => {
            _ = tokio::time::timeout(longest, cx.cancelled()).await;
            Ok(0)
        }
        End::Fail => Err((How::Failed, Failure::new("told to fail"))),
        End::FailAfter(delay) => Err((How::Failed, Failure::new("told to wait").retry_after(delay))),
        End::DeadLetter => Err((How::DeadLetter, Failure::new("told to give up").dead_letter())),
        End::Skip => Err((How::Skipped, Failure::new("told to skip").skip())),
        End::Fatal => Err((How::Fatal, Failure::new("told to stop").fatal())),
        // It would fail a whole batch, of which some events have ended.
        End::Panic if world.plan().settings.batches => Err((How::Failed, Failure::new("told to panic"))),
        End::Panic => {
            attempt.how = How::Failed;
            // A panic without the hook that prints it.
            std::panic::resume_unwind(Box::new("told to panic"));
        }
    };
    match replies {
        Ok(replies) => {
            attempt.how = How::Done(replies);
            Ok((0..replies)
                .map(|place| doubled(event.key, token, place))
                .collect())
        }
        Err((how, failure)) => {
            attempt.how = how;
            Err(failure)
        }
    }
}

fn doubled(key: &str, token: u64, place: u64) -> Doubled {
    Doubled {
        key: key.to_owned(),
        number: (token * PLACES + place) as i64,
    }
}

/// The header's value.
pub(crate) fn assignment(header: Option<&[u8]>) -> u64 {
    header
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

service! {
    /// Follows the plan.
    pub(crate) struct Simulated {
        state: Member,
        handlers: [numbered],
    }
}

service! {
    /// The same for several events at once.
    pub(crate) struct SimulatedBatches {
        state: Member,
        handlers: [several],
    }
}

/// A registry that knows the events, and sometimes fails to answer. Clones share state.
#[derive(Clone)]
pub(crate) struct Registry {
    world: World,
    inner: EmbeddedRegistry,
}

impl Registry {
    pub(crate) fn new(world: &World) -> Self {
        let inner = EmbeddedRegistry::new();
        for info in [Numbered::INFO, Ignored::INFO, Doubled::INFO] {
            inner.add(info.full_name, info.schema).unwrap();
        }
        Self {
            world: world.clone(),
            inner,
        }
    }

    /// The frame of an event of this kind.
    pub(crate) fn frame<E: Event>(&self) -> [u8; 5] {
        let id = self.inner.add(E::INFO.full_name, E::INFO.schema).unwrap();
        let [a, b, c, d] = id.to_be_bytes();
        [0, a, b, c, d]
    }

    async fn answers(&self) -> Result<(), RegistryError> {
        let delay = self.world.delay(Duration::from_millis(50));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if Instant::now() < self.world.weather().registry_down {
            let error =
                RegistryError::new(RegistryErrorKind::Unavailable, "the registry was told to be down");
            return Err(error);
        }
        Ok(())
    }
}

impl SchemaRegistry for Registry {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        Box::pin(async move {
            self.answers().await?;
            self.inner.schema(id).await
        })
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        self.inner.schema_by_guid(guid)
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        self.inner.lookup(subject, schema)
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        Box::pin(async move {
            self.answers().await?;
            self.inner.register(subject, schema).await
        })
    }
}
