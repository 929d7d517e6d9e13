//! The partitions that are ours, those among them that the group wants back, and their queues.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};

use super::context::{Happened, SourceContext, decline};
use crate::ffi::PartitionQueue;
use crate::source::{Assignment, SourceError, Waker};

/// The id of the next assignment, over all sources of the process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The partitions of this member.
#[derive(Default)]
pub(super) struct Partitions {
    held: HashMap<u64, Held>,
    revocations: Vec<Revocation>,
}

struct Held {
    assignment: Arc<Assignment>,
    /// None once it is revoked: nothing is read any more.
    queue: Option<PartitionQueue>,
    /// Behind the newest record that was read.
    next: i64,
}

impl Held {
    fn new(assignment: Arc<Assignment>, queue: Option<PartitionQueue>) -> Self {
        Self {
            assignment,
            queue,
            next: i64::MIN,
        }
    }
}

/// An assignment that is being read.
pub(super) struct Reading<'a> {
    pub(super) queue: &'a mut PartitionQueue,
    /// Behind the newest record that was read.
    pub(super) next: &'a mut i64,
}

/// A partition that went back.
pub(super) struct Renewed {
    pub(super) ended: Arc<Assignment>,
    pub(super) begun: Arc<Assignment>,
}

/// What the group wants back in one rebalance. It waits for one answer, so that is given when all is released.
struct Revocation {
    partitions: Vec<(String, i32)>,
    unreleased: HashSet<u64>,
}

impl Partitions {
    /// Whether the assignment is ours, revoked or not.
    pub(super) fn holds(&self, assignment: &Assignment) -> bool {
        self.held.contains_key(&assignment.id())
    }

    /// What there is to read of an assignment that is not revoked.
    pub(super) fn reading(&mut self, assignment: &Assignment) -> Option<Reading<'_>> {
        let Held { queue, next, .. } = self.held.get_mut(&assignment.id())?;
        let queue = queue.as_mut()?;
        Some(Reading { queue, next })
    }

    /// Ends an assignment that is not revoked and begins another one of its partition, with the same queue.
    pub(super) fn begin_again(&mut self, assignment: &Assignment) -> Option<Renewed> {
        let held = self.held.remove(&assignment.id())?;
        let ended = held.assignment;
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let begun = Arc::new(Assignment::new(id, ended.topic().into(), ended.partition()));
        let queue = held.queue;
        self.held.insert(id, Held::new(Arc::clone(&begun), queue));
        Some(Renewed { ended, begun })
    }

    /// Accepts partitions. Their queues are split off first, so that no record can go to another queue.
    pub(super) fn assign(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        waker: &Waker,
        partitions: &[(String, i32)],
    ) -> Result<Vec<Arc<Assignment>>, SourceError> {
        let mut assignments = Vec::with_capacity(partitions.len());
        let mut topic: Arc<str> = "".into();
        for (name, partition) in partitions {
            if *topic != **name {
                topic = name.as_str().into();
            }
            let queue =
                PartitionQueue::split(consumer, name, *partition, waker.clone()).ok_or_else(|| {
                    SourceError::new(format!(
                        "librdkafka has no queue for partition {partition} of topic `{name}`"
                    ))
                })?;
            let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
            let assignment = Arc::new(Assignment::new(id, Arc::clone(&topic), *partition));
            self.held
                .insert(id, Held::new(Arc::clone(&assignment), Some(queue)));
            assignments.push(assignment);
        }
        let list = list(partitions);
        let result = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&list),
        };
        match result {
            Ok(()) => Ok(assignments),
            Err(error) => {
                for assignment in &assignments {
                    self.held.remove(&assignment.id());
                }
                Err(SourceError::new(format!(
                    "librdkafka does not take its assignment: {error}"
                )))
            }
        }
    }

    /// Stops reading partitions. They are given back when they are released; at once if they are lost, or were not ours.
    pub(super) fn revoke(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        partitions: &[(String, i32)],
        lost: bool,
    ) -> (Vec<Arc<Assignment>>, Result<(), SourceError>) {
        let mut assignments = Vec::with_capacity(partitions.len());
        for held in self.held.values_mut() {
            let Held {
                assignment, queue, ..
            } = held;
            let revoked = partitions.iter().any(|(topic, partition)| {
                *partition == assignment.partition() && topic == assignment.topic()
            });
            if revoked && queue.take().is_some() {
                assignments.push(Arc::clone(assignment));
            }
        }
        assignments.sort_by_key(|assignment| assignment.id());
        let unreleased = assignments.iter().map(|assignment| assignment.id()).collect();
        self.revocations.push(Revocation {
            partitions: partitions.to_vec(),
            unreleased,
        });
        let given_back = if lost || assignments.is_empty() {
            self.release(consumer, &assignments)
        } else {
            Ok(())
        };
        (assignments, given_back)
    }

    /// Notes that assignments are released, and answers the rebalances that waited for no other.
    pub(super) fn release(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        assignments: &[Arc<Assignment>],
    ) -> Result<(), SourceError> {
        for assignment in assignments {
            let id = assignment.id();
            let mut waited = self
                .revocations
                .iter_mut()
                .map(|revocation| revocation.unreleased.remove(&id));
            if waited.any(|removed| removed) {
                self.held.remove(&id);
            }
        }
        let mut result = Ok(());
        self.revocations.retain(|revocation| {
            let waits = !revocation.unreleased.is_empty();
            if !waits {
                result =
                    give_back(consumer, &revocation.partitions).and(std::mem::replace(&mut result, Ok(())));
            }
            waits
        });
        result
    }

    /// Gives up what is revoked and not released: the broker says that it is no longer ours. librdkafka itself says so
    /// only of partitions that it has not asked us to give back already.
    pub(super) fn lose_revoked(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
    ) -> (Vec<Arc<Assignment>>, Result<(), SourceError>) {
        let unreleased = self
            .revocations
            .iter()
            .flat_map(|revocation| &revocation.unreleased);
        let mut lost: Vec<_> = unreleased
            .filter_map(|id| self.held.get(id))
            .map(|held| Arc::clone(&held.assignment))
            .collect();
        lost.sort_by_key(|assignment| assignment.id());
        let given_back = self.release(consumer, &lost);
        (lost, given_back)
    }

    /// Drops everything before the consumer is closed: what is not yet answered is declined.
    pub(super) fn abandon(&mut self, consumer: &BaseConsumer<SourceContext>) {
        self.held.clear();
        for revocation in self.revocations.drain(..) {
            decline(consumer, false, &list(&revocation.partitions));
        }
        while let Some(happened) = consumer.context().next() {
            match happened {
                Happened::Assign(_) => decline(consumer, true, &TopicPartitionList::new()),
                Happened::Revoke { partitions, .. } => decline(consumer, false, &list(&partitions)),
                Happened::Committed(_)
                | Happened::Error { .. }
                | Happened::Well(_)
                | Happened::Resumed { .. }
                | Happened::Gone(_)
                | Happened::Bounds(..) => {}
            }
        }
    }
}

fn give_back(
    consumer: &BaseConsumer<SourceContext>,
    partitions: &[(String, i32)],
) -> Result<(), SourceError> {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(&list(partitions)),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    result.map_err(|error| {
        SourceError::new(format!(
            "librdkafka does not take back revoked partitions: {error}"
        ))
    })
}

/// A list for one call. It must not be kept: a consumer with a list alive somewhere is never destroyed.
pub(super) fn list(partitions: &[(String, i32)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
