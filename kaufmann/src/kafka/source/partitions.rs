//! The partitions that are ours, those among them that the group wants back, and their queues.

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
    /// What the group wants back and does not have yet.
    revocation: Option<Revocation>,
    /// What the group has given us meanwhile.
    held_back: Option<TopicPartitions>,
}

struct Held {
    assignment: Arc<Assignment>,
    /// None once it is revoked: nothing is read any more.
    queue: Option<PartitionQueue>,
    /// Behind all that was read: the newest record, and what follows it and is none.
    next: i64,
    /// Whether something could not be read. What librdkafka gives behind it must not be handled: a commit would pass what is between.
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
    /// Behind all that was read: the newest record, and what follows it and is none.
    pub(super) next: &'a mut i64,
}

/// A partition that went back.
pub(super) struct Renewed {
    pub(super) ended: Arc<Assignment>,
    pub(super) begun: Arc<Assignment>,
}

/// Partitions that were accepted.
pub(super) struct Accepted {
    /// What ended instead of being released.
    pub(super) lost: Vec<Arc<Assignment>>,
    pub(super) begun: Result<Vec<Arc<Assignment>>, SourceError>,
}

/// Partitions that are not read any more.
pub(super) struct Revoked {
    /// What had been revoked before, and ended instead of being released.
    pub(super) lost: Vec<Arc<Assignment>>,
    pub(super) assignments: Vec<Arc<Assignment>>,
    pub(super) given_back: Result<(), SourceError>,
}

/// What the group wants back. It gets all at once, so it waits until all is released.
struct Revocation {
    /// What librdkafka is to have back then, if it does not have it yet.
    unanswered: Option<TopicPartitions>,
    unreleased: HashSet<u64>,
    /// As whom the group knew this member then.
    member: Option<Member>,
}

impl Partitions {
    /// How many partitions are ours, revoked or not.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// Whether the assignment is ours, revoked or not.
    pub(super) fn holds(&self, assignment: &Assignment) -> bool {
        self.held.contains_key(&assignment.id())
    }

    /// What there is to read of an assignment that is not revoked.
    pub(super) fn reading(&mut self, assignment: &Assignment) -> Option<Reading<'_>> {
        let held = self.held.get_mut(&assignment.id())?;
        let Held { queue, next, .. } = held;
        let queue = queue.as_mut().filter(|_| !held.unreadable)?;
        Some(Reading { queue, next })
    }

    /// Reads nothing more of an assignment.
    pub(super) fn stop_reading(&mut self, assignment: &Assignment) {
        if let Some(held) = self.held.get_mut(&assignment.id()) {
            held.unreadable = true;
        }
    }

    /// Ends an assignment that is not revoked and begins another one of its partition, with the same queue.
    pub(super) fn begin_again(&mut self, assignment: &Assignment) -> Option<Renewed> {
        let held = self.held.remove(&assignment.id())?;
        let ended = held.assignment;
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let begun = Arc::new(Assignment::new(id, ended.topic().into(), ended.partition()));
        let mut queue = held.queue;
        if let Some(queue) = &mut queue {
            queue.begin_again();
        }
        self.held.insert(id, Held::new(Arc::clone(&begun), queue));
        Some(Renewed { ended, begun })
    }

    /// As whom the group knew this member when it asked for what is not given back yet. It is to be committed in that name only:
    /// if librdkafka joins again without an answer, somebody else may have those partitions, and the brokers must refuse.
    pub(super) fn member(&self) -> Option<Member> {
        self.revocation.as_ref()?.member.clone()
    }

    /// Puts off partitions that come while others are revoked; `false` if they are to be accepted now. A cooperative member joins
    /// again when it has accepted what follows a revocation, and only then the group gives away what was revoked.
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

    /// What was held back and is to be accepted now: nothing is revoked any more, or librdkafka has `gone_on` without it.
    pub(super) fn due(&mut self, gone_on: bool) -> Option<TopicPartitions> {
        let due = gone_on || self.revocation.is_none();
        self.held_back.take_if(|_| due)
    }

    /// Accepts partitions. Their queues are split off first, so that no record can go to another queue.
    ///
    /// librdkafka does not always wait until a rebalance is over: when its topics change it joins again at once, as a member
    /// without the revoked partitions. So what is still revoked may be another's now, or ours anew: it is lost.
    pub(super) fn assign(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        waker: &Waker,
        partitions: &[(String, i32)],
    ) -> Accepted {
        let (mut lost, unanswered) = self.overtaken();
        let given_back = answer(consumer, unanswered);
        if !is_cooperative(consumer) {
            // The whole assignment is another one.
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
                    "librdkafka does not take its assignment: {error}"
                )))
            }
        }
    }

    /// Stops reading partitions. They are ours until they are released, unless they are lost. What had been revoked before is
    /// lost: librdkafka has gone on without it.
    ///
    /// Cooperatively librdkafka has them back at once, and what it gives us next is held back instead: if its topics changed while
    /// it waits for a revocation's answer, it would join again and then take no notice of any further rebalance.
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
        // librdkafka takes no partition back twice.
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

    /// Ends what is revoked and not released, and says what librdkafka does not have back.
    fn overtaken(&mut self) -> (Vec<Arc<Assignment>>, Option<TopicPartitions>) {
        let Some(revocation) = self.revocation.take() else {
            return (Vec::new(), None);
        };
        let ended = revocation.unreleased.iter().filter_map(|id| self.held.remove(id));
        let mut lost: Vec<_> = ended.map(|held| held.assignment).collect();
        lost.sort_by_key(|assignment| assignment.id());
        (lost, revocation.unanswered)
    }

    /// Notes that assignments are released. When all are, librdkafka has them back, and [`Partitions::due`] what came meanwhile.
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

    /// Gives up what is revoked and not released: the broker says that it is no longer ours. librdkafka itself says so
    /// only of partitions that it has not asked us to give back already.
    pub(super) fn lose_revoked(
        &mut self,
        consumer: &BaseConsumer<SourceContext>,
    ) -> (Vec<Arc<Assignment>>, Result<(), SourceError>) {
        let (lost, unanswered) = self.overtaken();
        (lost, answer(consumer, unanswered))
    }

    /// Drops everything before the consumer is closed: what is not yet answered is declined. Returns what ends by that.
    pub(super) fn abandon(&mut self, consumer: &BaseConsumer<SourceContext>) -> Vec<Arc<Assignment>> {
        let mut ended: Vec<_> = self.held.drain().map(|(_, held)| held.assignment).collect();
        ended.sort_by_key(|assignment| assignment.id());
        if let Some(unanswered) = self.revocation.take().and_then(|own| own.unanswered) {
            decline(consumer, false, &list(&unanswered));
        }
        if self.held_back.take().is_some() {
            decline(consumer, true, &TopicPartitionList::new());
        }
        while let Some(happened) = consumer.context().next() {
            match happened {
                ClientEvent::Assign(_) => decline(consumer, true, &TopicPartitionList::new()),
                ClientEvent::Revoke { partitions, .. } => decline(consumer, false, &list(&partitions)),
                ClientEvent::Committed(_)
                | ClientEvent::CommittedInTransaction(_)
                | ClientEvent::Error { .. }
                | ClientEvent::Well(_)
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
