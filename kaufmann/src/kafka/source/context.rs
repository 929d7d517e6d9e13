//! What librdkafka calls while the consumer is polled. It only notes what happened; the source decides.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Statistics, TopicPartitionList};

use super::answer::Answer;
use super::out_of_range::OutOfRange;
use super::trouble::Trouble;
use crate::base::panics::catch;
use crate::kafka;
use crate::source::Waker;

/// What happened.
pub(super) enum ClientEvent {
    /// The group gives us partitions. They are ours only after an assign call.
    Assign(Vec<(String, i32)>),
    /// The group takes partitions away. They remain ours until an unassign call, unless they are lost.
    Revoke {
        /// Which.
        partitions: Vec<(String, i32)>,
        /// Whether another member may have them already.
        lost: bool,
    },
    /// The answer to the commit that is under way.
    Committed(Result<(), RDKafkaErrorCode>),
    /// The answer to the commits that went apart.
    CommittedInTransaction(Result<(), String>),
    /// An error of the client.
    Error {
        /// What, for programs.
        code: RDKafkaErrorCode,
        /// What, for people.
        reason: String,
    },
    /// What was wrong works.
    Well(Trouble),
    /// Where partitions begin.
    Resumed(Answer),
    /// The log does not have the offset that is to be read.
    OutOfRange(OutOfRange),
    /// Where that log begins and ends, if a broker said so.
    Bounds(OutOfRange, Option<(i64, i64)>),
    /// A thread of the source panicked: what it should answer is never answered.
    Broken(String),
}

/// What the source, librdkafka's callbacks and the prober have in common.
#[derive(Default)]
pub(super) struct Shared {
    happened: Mutex<VecDeque<ClientEvent>>,
    waker: OnceLock<Waker>,
    closing: AtomicBool,
}

impl Shared {
    pub(super) fn set_waker(&self, waker: Waker) {
        // Starting twice keeps the first waker; it is the same thread.
        let _ = self.waker.set(waker);
    }

    pub(super) fn wake(&self) {
        if self.closing.load(Ordering::Acquire) {
            return;
        }
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    pub(super) fn push(&self, happened: ClientEvent) {
        self.happened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(happened);
    }

    /// Does the work of a thread of the source, and says so if it panics.
    pub(super) fn guard(&self, thread: &str, work: impl FnOnce()) {
        if let Err(panic) = catch(work) {
            self.push(ClientEvent::Broken(format!(
                "the thread `{thread}` panicked: {panic}"
            )));
            self.wake();
        }
    }

    pub(super) fn next(&self) -> Option<ClientEvent> {
        self.happened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Whether the source is being closed.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// From now on partitions are given back as soon as the group asks, and nobody is woken.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

/// The consumer's context.
pub(super) struct SourceContext {
    shared: Arc<Shared>,
}

impl SourceContext {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What happened and was not taken yet.
    pub(super) fn next(&self) -> Option<ClientEvent> {
        self.shared.next()
    }
}

impl ClientContext for SourceContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == "OFFSET"
            && let Some(gone) = OutOfRange::read(line)
        {
            // The source says it with what is lost.
            self.shared.push(ClientEvent::OutOfRange(gone));
            self.shared.wake();
            return kafka::log(RDKafkaLogLevel::Debug, facility, line);
        }
        kafka::log(level, facility, line);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        // Only there if the user has set `statistics.interval.ms`, and then to see it.
        kafka::shielded(|| tracing::debug!(target: "librdkafka", "{}", String::from_utf8_lossy(statistics)));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        self.shared.push(ClientEvent::Error {
            code,
            reason: kafka::explain::discreet(reason),
        });
    }
}

impl ConsumerContext for SourceContext {
    /// Instead of assigning at once: the queues must be split off before the records come, and what is revoked stays ours
    /// until the records in flight are settled and committed.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assign = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.shared.closing.load(Ordering::Acquire) {
            return decline(consumer, assign, partitions);
        }
        let lost = !assign && consumer.assignment_lost();
        let partitions = partitions
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        self.shared.push(if assign {
            ClientEvent::Assign(partitions)
        } else {
            ClientEvent::Revoke { partitions, lost }
        });
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let whole = result.map_err(|error| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail));
        // One partition may be refused where the others are not.
        let each = || {
            offsets
                .elements()
                .iter()
                .find_map(|element| match element.error() {
                    Ok(()) => None,
                    Err(error) => Some(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
                })
        };
        let result = whole.and_then(|()| each().map_or(Ok(()), Err));
        self.shared.push(ClientEvent::Committed(result));
    }
}

/// Gives back at once what the group wants to give or take.
pub(super) fn decline(consumer: &BaseConsumer<SourceContext>, assign: bool, partitions: &TopicPartitionList) {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative if assign => consumer.incremental_assign(&TopicPartitionList::new()),
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = result {
        // While the consumer is closing, librdkafka takes any such call for the unassign it waits for.
        tracing::debug!(%error, "partitions were not given back by themselves");
    }
}
