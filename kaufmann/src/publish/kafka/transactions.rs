//! The producer's transactions. librdkafka waits in most of their calls, so a thread of their own makes them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::delivery::PublisherContext;
use crate::kafka;
use crate::publish::{Answer, TransactionError, TransactionErrorKind, Transactions};
use crate::source::{CommitOffset, Member};

/// How long one call may take before it is looked whether it is still wanted; then it goes on where it was.
const CALL: Duration = Duration::from_secs(2);
/// The same where going on is not possible: the transaction would have to be aborted.
const OFFSETS: Duration = Duration::from_secs(30);
/// How often it is looked whether the brokers have all messages of a transaction.
const LOOK: Duration = Duration::from_millis(1);
/// How long an open transaction may take to be aborted at the end.
const LAST_ABORT: Duration = Duration::from_secs(2);
/// After how long it is said that the brokers do not answer.
const SILENCE: Duration = Duration::from_secs(5);

type Producer = ThreadedProducer<PublisherContext>;

/// Carries orders out one after another.
pub(super) struct Transactor {
    id: Arc<str>,
    shared: Arc<Shared>,
    /// `None` only while it is dropped.
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    done: Mutex<Receiver<()>>,
}

struct Shared {
    producer: Producer,
    id: Arc<str>,
    /// Whether a transaction is open.
    open: AtomicBool,
    /// Whether nobody waits for answers any more.
    stopping: AtomicBool,
}

enum Order {
    Prepare(Answer),
    Commit(Vec<CommitOffset>, Member, Answer),
    Abort(Answer),
}

impl Transactor {
    /// Starts the thread. `id` is the producer's `transactional.id`.
    pub(super) fn start(producer: Producer, id: &str) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            producer,
            id: id.into(),
            open: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let (orders, ordered) = mpsc::channel();
        let (ended, done) = mpsc::channel();
        let own = Arc::clone(&shared);
        let work = move || {
            for order in ordered {
                own.carry_out(order);
            }
            own.end();
            // Before the end is told: the last owner of the producer is the one that waits for its thread.
            drop(own);
            let _ = ended.send(());
        };
        let thread = thread::Builder::new()
            .name("kaufmann-transactions".into())
            .spawn(work)?;
        Ok(Self {
            id: id.into(),
            shared,
            orders: Some(orders),
            thread: Some(thread),
            done: Mutex::new(done),
        })
    }

    fn order(&self, order: Order) {
        let Some(orders) = &self.orders else { return };
        if let Err(mpsc::SendError(order)) = orders.send(order) {
            let ended = "the thread of the transactions has ended";
            order.answer()(Err(TransactionError::new(TransactionErrorKind::Ended, ended)));
        }
    }
}

impl Transactions for Transactor {
    fn prepare(&self, done: Answer) {
        self.order(Order::Prepare(done));
    }

    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        self.order(Order::Commit(offsets, member, done));
    }

    fn abort(&self, done: Answer) {
        self.order(Order::Abort(done));
    }

    /// Asks nobody, so it does not wait.
    fn begin(&self) -> Result<(), TransactionError> {
        self.shared
            .producer
            .begin_transaction()
            .map_err(|error| self.shared.explain(&error).0)?;
        self.shared.open.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for Transactor {
    /// Aborts what is open, so that readers need not wait for the brokers to do it.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.orders = None;
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        match done.recv_timeout(CALL + LAST_ABORT * 2) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    // A panic there was reported by its own thread.
                    let _ = thread.join();
                }
            }
            Err(RecvTimeoutError::Timeout) => tracing::warn!(
                transactional_id = &*self.id,
                "the open transaction could not be aborted in time; the brokers do it after `exactly_once.timeout`"
            ),
        }
    }
}

impl Order {
    fn answer(self) -> Answer {
        match self {
            Self::Prepare(done) | Self::Commit(.., done) | Self::Abort(done) => done,
        }
    }
}

impl Shared {
    fn carry_out(&self, order: Order) {
        match order {
            Order::Prepare(done) => {
                done(self.insist("init_transactions", |producer| producer.init_transactions(CALL)));
            }
            Order::Commit(offsets, member, done) => done(self.commit(&offsets, &member)),
            Order::Abort(done) => {
                let result = self.insist("abort_transaction", |producer| producer.abort_transaction(CALL));
                if result.is_ok() {
                    self.open.store(false, Ordering::Release);
                }
                done(result);
            }
        }
    }

    fn commit(&self, offsets: &[CommitOffset], member: &Member) -> Result<(), TransactionError> {
        let abort = |text: String| TransactionError::new(TransactionErrorKind::Abort, text);
        let known_by = member
            .known_by::<ConsumerGroupMetadata>()
            .ok_or_else(|| abort("this member is not of a source on Kafka".to_owned()))?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for offset in offsets {
            kafka::add_offset(&mut list, offset).map_err(abort)?;
        }
        self.insist("send_offsets_to_transaction", |producer| {
            producer.send_offsets_to_transaction(&list, known_by, OFFSETS)
        })?;
        self.wait_for_messages();
        self.insist("commit_transaction", |producer| producer.commit_transaction(CALL))?;
        self.open.store(false, Ordering::Release);
        Ok(())
    }

    /// Waits until the brokers have answered for all messages, as long as a call may take. rdkafka's commit waits for them too, but
    /// looks only every 100 ms, which is what a commit would take.
    fn wait_for_messages(&self) {
        let begun = Instant::now();
        while self.producer.in_flight_count() > 0
            && begun.elapsed() < CALL
            && !self.stopping.load(Ordering::Acquire)
        {
            thread::sleep(LOOK);
        }
    }

    /// Repeats a call as long as it can succeed.
    fn insist(
        &self,
        name: &str,
        call: impl Fn(&Producer) -> KafkaResult<()>,
    ) -> Result<(), TransactionError> {
        let begun = Instant::now();
        let mut silent = false;
        loop {
            let error = match call(&self.producer) {
                Ok(()) => {
                    if silent {
                        tracing::info!(call = name, "the brokers answer again");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            let (explained, again) = self.explain(&error);
            if !again || self.stopping.load(Ordering::Acquire) {
                return Err(explained);
            }
            if !silent && begun.elapsed() >= SILENCE {
                silent = true;
                tracing::warn!(call = name, error = %explained, "the brokers do not answer; going on trying");
            }
        }
    }

    /// What an error says, and whether the call that it comes from can be repeated.
    fn explain(&self, error: &KafkaError) -> (TransactionError, bool) {
        let fatal = self.producer.client().fatal_error();
        let inner = match error {
            KafkaError::Transaction(inner) => inner,
            // A commit flushes first, and with no broker there to take the messages that takes longer than a call.
            KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) if fatal.is_none() => {
                let text = "the messages of the transaction did not reach the brokers in time".to_owned();
                return (TransactionError::new(TransactionErrorKind::Abort, text), true);
            }
            other => {
                let text = other.to_string();
                return (TransactionError::new(TransactionErrorKind::Ended, text), false);
            }
        };
        if inner.is_fatal() || fatal.is_some() {
            let (code, text) = fatal.unwrap_or_else(|| (inner.code(), inner.string()));
            let text = kafka::explain::no_more_transactions(code, &self.id, &text);
            return (TransactionError::new(TransactionErrorKind::Ended, text), false);
        }
        let text = kafka::explain::not_committed_in_transaction(inner.code(), &inner.string());
        let kind = if inner.txn_requires_abort() || inner.is_retriable() {
            TransactionErrorKind::Abort
        } else {
            TransactionErrorKind::Ended
        };
        let again = inner.is_retriable() && !inner.txn_requires_abort();
        (TransactionError::new(kind, text), again)
    }

    fn end(&self) {
        if self.open.swap(false, Ordering::AcqRel)
            && let Err(error) = self.producer.abort_transaction(LAST_ABORT)
        {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            tracing::debug!(%error, ?code, "the open transaction was not aborted");
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::config::{Config, Delivery};
    use crate::kafka::mock::MockBroker;
    use crate::publish::{KafkaPublisher, Message, MessageHeaders, Placement, Publisher as _};

    #[test]
    fn a_commit_goes_on_whose_messages_take_longer_to_the_broker_than_a_call() {
        let broker = MockBroker::start(1).unwrap();
        broker.create_topic("t", 1).unwrap();
        let mut config = Config::default();
        config.brokers = vec![broker.bootstrap_servers()];
        config.group = "g".into();
        config.delivery = Delivery::ExactlyOnce;
        let publisher = KafkaPublisher::new(&config).unwrap();
        let transactor = publisher.transactor.as_ref().unwrap();
        let own = &transactor.shared;
        own.insist("init_transactions", |producer| producer.init_transactions(CALL))
            .unwrap();
        transactor.begin().unwrap();
        // Each is followed by a wait, and each wait is longer than the one before.
        let not_yet = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 4];
        broker.cluster().request_errors(RDKafkaApiKey::Produce, &not_yet);
        let message = Message {
            topic: "t".into(),
            placement: Placement::Key,
            key: None,
            payload: None,
            headers: MessageHeaders::default(),
        };
        assert!(publisher.send(message, Box::new(drop)).is_ok());
        own.insist("commit_transaction", |producer| {
            producer.commit_transaction(Duration::from_millis(20))
        })
        .unwrap();
    }
}
