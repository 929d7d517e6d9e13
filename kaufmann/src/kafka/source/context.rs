//! The callbacks that librdkafka calls while the consumer is polled. They only note events; the source decides.

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

/// An event of the consumer or of the source's threads.
pub(super) enum ClientEvent {
    /// The group assigns partitions. This member has them only after an assign call.
    Assign(Vec<(String, i32)>),
    /// The group revokes partitions. This member keeps them until an unassign call, unless they are lost.
    Revoke {
        /// The partitions.
        partitions: Vec<(String, i32)>,
        /// Whether another member may have them already.
        lost: bool,
    },
    /// The answer to the commit in progress.
    Committed(Result<(), RDKafkaErrorCode>),
    /// The answer to the commits in a transaction.
    CommittedInTransaction(Result<(), String>),
    /// An error of the client.
    Error {
        /// The code.
        code: RDKafkaErrorCode,
        /// The text for people.
        reason: String,
    },
    /// A trouble is over.
    Recovered(Trouble),
    /// An answer about new assignments.
    Resumed(Answer),
    /// The log does not have the offset to be read next.
    OutOfRange(OutOfRange),
    /// The first and the end offset of that log, if a broker returned them.
    Bounds(OutOfRange, Option<(i64, i64)>),
    /// A thread of the source panicked, so its answers never come.
    Broken(String),
}

/// The state that the source shares with librdkafka's callbacks and its own threads.
#[derive(Default)]
pub(super) struct Shared {
    events: Mutex<VecDeque<ClientEvent>>,
    waker: OnceLock<Waker>,
    closing: AtomicBool,
}

impl Shared {
    pub(super) fn set_waker(&self, waker: Waker) {
        // A second start keeps the first waker; it wakes the same thread.
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

    pub(super) fn push(&self, event: ClientEvent) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(event);
    }

    /// Runs the work of a thread of the source, and reports a panic.
    pub(super) fn guard(&self, thread: &str, work: impl FnOnce()) {
        if let Err(panic) = catch(work) {
            self.push(ClientEvent::Broken(format!(
                "the thread `{thread}` panicked: {panic}"
            )));
            self.wake();
        }
    }

    pub(super) fn next(&self) -> Option<ClientEvent> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// Whether the source is being closed.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// From now on partitions are given back as soon as they are revoked, and the waker is not called.
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

    /// The next event that was not handled yet.
    pub(super) fn next(&self) -> Option<ClientEvent> {
        self.shared.next()
    }
}

impl ClientContext for SourceContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == "OFFSET"
            && let Some(missing) = OutOfRange::read(line)
        {
            // The source reports it together with what is lost.
            self.shared.push(ClientEvent::OutOfRange(missing));
            self.shared.wake();
            return kafka::log(RDKafkaLogLevel::Debug, facility, line);
        }
        kafka::log(level, facility, line);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        // Only called if the user has set `statistics.interval.ms`.
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
    /// Notes the rebalance instead of assigning at once: the queues must be split off before records arrive, and revoked partitions
    /// are kept until the records in flight are settled and committed.
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
        // The commit of a single partition may be refused.
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

/// Gives back at once what the group assigns or revokes.
pub(super) fn decline(consumer: &BaseConsumer<SourceContext>, assign: bool, partitions: &TopicPartitionList) {
    let result = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative if assign => consumer.incremental_assign(&TopicPartitionList::new()),
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = result {
        // While the consumer is closing, librdkafka takes any such call as the unassign that it waits for.
        tracing::debug!(%error, "partitions could not be given back before the close");
    }
}
