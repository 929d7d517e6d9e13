//! The partitions of this member, those of them that are revoked but not released, and their queues.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};

use super::context::{ClientEvent, SourceContext, decline};
use crate::kafka::ffi::PartitionQueue;
use crate::source::{Assignment, Member, SourceError, Waker};

/// The id of the next assignment, over all sources of the process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Partitions by topic and number.
pub(super) type TopicPartitions = Vec<(String, i32)>;

/// The partitions of this member.
#[derive(Default)]
pub(super) struct Partitions {
    held: HashMap<u64, Held>,
    /// What the group has revoked and is not released yet.
    revocation: Option<Revocation>,
    /// What the group has assigned meanwhile.
    held_back: Option<TopicPartitions>,
}

struct Held {
    assignment: Arc<Assignment>,
    /// `None` once it is revoked: nothing more is read.
    queue: Option<PartitionQueue>,
    /// The offset after all that was read: after the newest record, and after entries that follow it and are not records.
    next: i64,
    /// Whether something could not be read. Later records must not be handled: a commit would skip the unread ones.
    unreadable: bool,
}

impl Held {
    fn new(assignment: Arc<Assignment>, queue: Option<PartitionQueue>) -> Self {
        Self {
            assignment,
            queue,
            next: i64::MIN,
            unreadable: false,
        }
    }
}

/// An assignment that is being read.
pub(super) struct Reading<'a> {
    pub(super) queue: &'a mut PartitionQueue,
    /// The offset after all that was read: after the newest record, and after entries that follow it and are not records.
    pub(super) next: &'a mut i64,
}

/// The old and the new assignment of a partition that went back to lower offsets.
pub(super) struct Renewed {
    pub(super) ended: Arc<Assignment>,
    pub(super) begun: Arc<Assignment>,
}

/// Partitions that were accepted.
pub(super) struct Accepted {
    /// Assignments that ended instead of being released.
    pub(super) lost: Vec<Arc<Assignment>>,
    pub(super) begun: Result<Vec<Arc<Assignment>>, SourceError>,
}

/// Partitions that are no longer read.
pub(super) struct Revoked {
    /// Assignments that had been revoked before, and ended instead of being released.
    pub(super) lost: Vec<Arc<Assignment>>,
    pub(super) assignments: Vec<Arc<Assignment>>,
    pub(super) given_back: Result<(), SourceError>,
}

/// What the group has revoked. librdkafka takes all of it back at once, so it waits until all is released.
struct Revocation {
    /// What librdkafka must get back then, if it does not have it yet.
    unanswered: Option<TopicPartitions>,
    unreleased: HashSet<u64>,
    /// The group's metadata of this member at that time.
    member: Option<Member>,
}

impl Partitions {
    /// How many partitions this member holds, including revoked ones.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// Whether this member holds the assignment, even if it is revoked.
    pub(super) fn holds(&self, assignment: &Assignment) -> bool {
        self.held.contains_key(&assignment.id())
    }

    /// The queue of an assignment, unless it is revoked or unreadable.
    pub(super) fn reading(&mut self, assignment: &Assignment) -> Option<Reading<'_>> {
        let held = self.held.get_mut(&assignment.id())?;
        let Held { queue, next, .. } = held;
        let queue = queue.as_mut().filter(|_| !held.unreadable)?;
        Some(Reading { queue, next })
    }

    /// Stops reading an assignment.
    pub(super) fn stop_reading(&mut self, assignment: &Assignment) {
        if let Some(held) = self.held.get_mut(&assignment.id()) {
            held.unreadable = true;
        }
    }

    /// Ends an assignment that is not revoked and begins another one of its partition, with the same queue.
    pub(super) fn reassign(&mut self, assignment: &Assignment) -> Option<Renewed> {
        let held = self.held.remove(&assignment.id())?;
        let ended = held.assignment;
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let begun = Arc::new(Assignment::new(id, ended.topic().into(), ended.partition()));
        let mut queue = held.queue;
        if let Some(queue) = &mut queue {
            queue.forget_position();
        }
        self.held.insert(id, Held::new(Arc::clone(&begun), queue));
        Some(Renewed { ended, begun })
    }

    /// The group's metadata of this member at the time of the open revocation. Only with that may its offsets be committed:
    /// if librdkafka joins again without an answer, another member may have those partitions, and the brokers must refuse the commit.
    pub(super) fn member(&self) -> Option<Member> {
        self.revocation.as_ref()?.member.clone()
    }

    /// Holds back partitions that are assigned while others are being revoked; returns `false` if they must be accepted now. A
    /// cooperative member joins again when it has accepted them, and only then the group assigns the revoked partitions to others.
    pub(super) fn hold_back(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        partitions: &[(String, i32)],
    ) -> bool {
        let waits = self.revocation.is_some() && self.held_back.is_none() && is_cooperative(consumer);
        if waits {
            self.held_back = Some(partitions.to_vec());
        }
        waits
    }

    /// The partitions that were held back and must be accepted now: nothing is being revoked any more, or librdkafka has
    /// `overtaken` the revocation.
    pub(super) fn due(&mut self, overtaken: bool) -> Option<TopicPartitions> {
        let due = overtaken || self.revocation.is_none();
        self.held_back.take_if(|_| due)
    }

    /// Accepts partitions. Their queues are split off first, so that no record can reach another queue.
    ///
    /// librdkafka does not always wait until a rebalance is over: when its topics change it joins again at once, as a member
    /// without the revoked partitions. They may belong to another member now, or again to this one, so they are lost.
    pub(super) fn assign(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        waker: &Waker,
        partitions: &[(String, i32)],
    ) -> Accepted {
        let (mut lost, unanswered) = self.overtaken();
        let given_back = answer(consumer, unanswered);
        if !is_cooperative(consumer) {
            // An eager rebalance replaces the whole assignment.
            lost.extend(self.held.drain().map(|(_, held)| held.assignment));
            lost.sort_by_key(|assignment| assignment.id());
        }
        let begun = given_back.and_then(|()| self.begin(consumer, waker, partitions));
        Accepted { lost, begun }
    }

    fn begin(
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
                    "librdkafka refuses the assignment: {error}"
                )))
            }
        }
    }

    /// Stops reading partitions. This member holds them until they are released, unless they are lost. What had been revoked before
    /// is lost: librdkafka no longer waits for it.
    ///
    /// With the cooperative protocol librdkafka gets them back at once, and what it assigns next is held back instead: if its topics
    /// changed while it waits for a revocation's answer, it would join again and then ignore every further rebalance.
    pub(super) fn revoke(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        partitions: &[(String, i32)],
        lost: bool,
    ) -> Revoked {
        let member = consumer.group_metadata().map(Member::new);
        let (overtaken, unanswered) = self.overtaken();
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
        // librdkafka refuses a partition that is given back twice.
        let mut all = unanswered.unwrap_or_default();
        all.extend(partitions.iter().cloned());
        all.sort();
        all.dedup();
        let mut unanswered = Some(all);
        let given_back = if is_cooperative(consumer) {
            answer(consumer, unanswered.take())
        } else {
            Ok(())
        };
        self.revocation = Some(Revocation {
            unanswered,
            unreleased: assignments.iter().map(|assignment| assignment.id()).collect(),
            member,
        });
        let released = if lost || assignments.is_empty() {
            self.release(consumer, &assignments)
        } else {
            Ok(())
        };
        Revoked {
            lost: overtaken,
            assignments,
            given_back: given_back.and(released),
        }
    }

    /// Ends the assignments that are revoked and not released; returns them, and the partitions that librdkafka does not have back.
    fn overtaken(&mut self) -> (Vec<Arc<Assignment>>, Option<TopicPartitions>) {
        let Some(revocation) = self.revocation.take() else {
            return (Vec::new(), None);
        };
        let ended = revocation.unreleased.iter().filter_map(|id| self.held.remove(id));
        let mut lost: Vec<_> = ended.map(|held| held.assignment).collect();
        lost.sort_by_key(|assignment| assignment.id());
        (lost, revocation.unanswered)
    }

    /// Notes that assignments are released. When all are, librdkafka gets them back, and [`Partitions::due`] returns what was held back.
    pub(super) fn release(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
        assignments: &[Arc<Assignment>],
    ) -> Result<(), SourceError> {
        let Some(revocation) = &mut self.revocation else {
            return Ok(());
        };
        for assignment in assignments {
            let id = assignment.id();
            if revocation.unreleased.remove(&id) {
                self.held.remove(&id);
            }
        }
        let over = self
            .revocation
            .take_if(|revocation| revocation.unreleased.is_empty());
        answer(consumer, over.and_then(|over| over.unanswered))
    }

    /// Ends what is revoked and not released, because the broker reports that it is lost. librdkafka itself reports that only
    /// for partitions that it has not revoked already.
    pub(super) fn lose_revoked(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
    ) -> (Vec<Arc<Assignment>>, Result<(), SourceError>) {
        let (lost, unanswered) = self.overtaken();
        (lost, answer(consumer, unanswered))
    }

    /// Drops everything before the consumer is closed, and declines open rebalances. Returns the assignments that end.
    pub(super) fn abandon(&mut self, consumer: &BaseConsumer<SourceContext>) -> Vec<Arc<Assignment>> {
        let mut ended: Vec<_> = self.held.drain().map(|(_, held)| held.assignment).collect();
        ended.sort_by_key(|assignment| assignment.id());
        if let Some(unanswered) = self.revocation.take().and_then(|own| own.unanswered) {
            decline(consumer, false, &list(&unanswered));
        }
        if self.held_back.take().is_some() {
            decline(consumer, true, &TopicPartitionList::new());
        }
        while let Some(event) = consumer.context().next() {
            match event {
                ClientEvent::Assign(_) => decline(consumer, true, &TopicPartitionList::new()),
                ClientEvent::Revoke { partitions, .. } => decline(consumer, false, &list(&partitions)),
                ClientEvent::Committed(_)
                | ClientEvent::CommittedInTransaction(_)
                | ClientEvent::Error { .. }
                | ClientEvent::Recovered(_)
                | ClientEvent::Resumed(_)
                | ClientEvent::OutOfRange(_)
                | ClientEvent::Bounds(..)
                | ClientEvent::Broken(_) => {}
            }
        }
        ended
    }
}

fn is_cooperative(consumer: &BaseConsumer<SourceContext>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

/// Gives partitions back to librdkafka, if it waits for them.
fn answer(
    consumer: &BaseConsumer<SourceContext>,
    unanswered: Option<TopicPartitions>,
) -> Result<(), SourceError> {
    let Some(partitions) = unanswered else {
        return Ok(());
    };
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(&list(&partitions)),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    result.map_err(|error| {
        SourceError::new(format!(
            "librdkafka refuses to take revoked partitions back: {error}"
        ))
    })
}

/// A list for one call. It must not be kept: a consumer is never destroyed while a list is alive.
pub(super) fn list(partitions: &[(String, i32)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}
