//! The producer's transactions. librdkafka waits in most of their calls, so a thread of their own makes them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::delivery::PublisherContext;
use crate::kafka;
use crate::kafka::ffi::{self, CallError};
use crate::publish::{Answer, TransactionError, TransactionErrorKind, Transactions};
use crate::source::{CommitOffset, Member};

/// How long one call may take before it is looked whether it is still wanted; then it goes on where it was.
const CALL: Duration = Duration::from_secs(2);
/// The same where going on is not possible: the transaction would have to be aborted.
const OFFSETS: Duration = Duration::from_secs(30);
/// The same of a commit, which is asked each time whether the transaction must be aborted instead.
const COMMIT: Duration = Duration::from_millis(100);
/// How long to wait before a call is repeated that has failed at once.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an open transaction may take to be aborted at the end.
const LAST_ABORT: Duration = Duration::from_secs(2);
/// After how long it is logged that a call does not succeed; after each further line twice as long.
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

/// A call of librdkafka's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Prepare,
    Begin,
    Offsets,
    Commit,
    Abort,
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

    /// To begin another one is refused with the reason.
    fn check(&self) -> Result<(), TransactionError> {
        let is_open = self.shared.open.load(Ordering::Acquire);
        let Some(Err(error)) = is_open.then(|| self.shared.producer.begin_transaction()) else {
            return Ok(());
        };
        let error = CallError::from(error);
        if error.requires_abort || error.is_fatal {
            return Err(self.shared.explain(Call::Begin, &error).0);
        }
        Ok(())
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
            .map_err(|error| self.shared.explain(Call::Begin, &error.into()).0)?;
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

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Prepare => "init_transactions",
            Self::Begin => "begin_transaction",
            Self::Offsets => "send_offsets_to_transaction",
            Self::Commit => "commit_transaction",
            Self::Abort => "abort_transaction",
        }
    }

    /// What to look at if it does not succeed for long.
    fn remedy(self) -> &'static str {
        match self {
            Self::Prepare => {
                "check that the brokers run, and that they can have `__transaction_state`: \
                 `transaction.state.log.replication.factor` of them, with `transaction.state.log.min.isr` in sync"
            }
            Self::Begin | Self::Offsets | Self::Commit | Self::Abort => {
                "check that the leaders of the topics that are written run, and the coordinator of `__transaction_state`"
            }
        }
    }
}

impl From<KafkaError> for CallError {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::Transaction(inner) => Self {
                code: inner.code(),
                text: inner.string(),
                is_fatal: inner.is_fatal(),
                is_retriable: inner.is_retriable(),
                requires_abort: inner.txn_requires_abort(),
            },
            other => Self {
                code: other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
                text: other.to_string(),
                is_fatal: false,
                is_retriable: false,
                requires_abort: false,
            },
        }
    }
}

/// What follows from an error of a call, and whether the call can be repeated. `fatal` is what has ended the producer.
fn explain(
    call: Call,
    error: &CallError,
    fatal: Option<(RDKafkaErrorCode, String)>,
    id: &str,
) -> (TransactionError, bool) {
    if error.is_fatal || fatal.is_some() {
        let (code, text) = fatal.unwrap_or_else(|| (error.code, error.text.clone()));
        let text = kafka::explain::no_more_transactions(code, id, &text);
        return (TransactionError::new(TransactionErrorKind::Ended, text), false);
    }
    let text = kafka::explain::not_committed_in_transaction(error.code, &error.text);
    let kind = if !error.requires_abort && !error.is_retriable {
        TransactionErrorKind::Ended
    } else if is_about_topics(error) {
        TransactionErrorKind::Refused
    } else {
        TransactionErrorKind::Abort
    };
    // To abort again is all there is to do about an abort that failed.
    let again = if call == Call::Abort {
        error.is_retriable || error.requires_abort
    } else {
        error.is_retriable && !error.requires_abort
    };
    (TransactionError::new(kind, text), again)
}

/// Whether an error is about the topics that were written in the transaction. Any call may be the one that says it; only its text tells it
/// from an error about the topics whose offsets are committed.
fn is_about_topics(error: &CallError) -> bool {
    let is_of_a_topic = matches!(
        error.code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::OperationNotAttempted
    );
    is_of_a_topic && error.text.starts_with("Failed to add partition")
}

impl Shared {
    fn carry_out(&self, order: Order) {
        match order {
            Order::Prepare(done) => {
                done(self.insist(Call::Prepare, |producer| Ok(producer.init_transactions(CALL)?)));
            }
            Order::Commit(offsets, member, done) => done(self.commit(&offsets, &member)),
            Order::Abort(done) => {
                let result = self.insist(Call::Abort, |producer| Ok(producer.abort_transaction(CALL)?));
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
        self.insist(Call::Offsets, |producer| {
            Ok(producer.send_offsets_to_transaction(&list, known_by, OFFSETS)?)
        })?;
        self.insist(Call::Commit, |producer| {
            ffi::commit_transaction(producer.client(), COMMIT)
        })?;
        self.open.store(false, Ordering::Release);
        Ok(())
    }

    /// Repeats a call as long as it can succeed.
    fn insist(
        &self,
        call: Call,
        make: impl Fn(&Producer) -> Result<(), CallError>,
    ) -> Result<(), TransactionError> {
        let begun = Instant::now();
        let mut silence = SILENCE;
        loop {
            let since = Instant::now();
            let error = match make(&self.producer) {
                Ok(()) => {
                    if silence > SILENCE {
                        tracing::info!(call = call.name(), "the brokers answer again");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            let (explained, again) = self.explain(call, &error);
            if !again || self.stopping.load(Ordering::Acquire) {
                return Err(explained);
            }
            if begun.elapsed() >= silence {
                silence *= 2;
                let remedy = call.remedy();
                tracing::warn!(call = call.name(), error = %explained, remedy, "the brokers do not answer; going on trying");
            }
            thread::sleep(PAUSE.saturating_sub(since.elapsed()));
        }
    }

    fn explain(&self, call: Call, error: &CallError) -> (TransactionError, bool) {
        let fatal = self.producer.client().fatal_error();
        explain(call, error, fatal, &self.id)
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
        own.insist(Call::Prepare, |producer| Ok(producer.init_transactions(CALL)?))
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
        own.insist(Call::Commit, |producer| {
            ffi::commit_transaction(producer.client(), Duration::from_millis(20))
        })
        .unwrap();
    }

    #[test]
    fn each_error_of_a_call_is_repeated_aborted_or_the_end() {
        use TransactionErrorKind::{Abort, Ended, Refused};
        let retriable = |error: CallError| CallError {
            is_retriable: true,
            ..error
        };
        let aborted = |error: CallError| CallError {
            requires_abort: true,
            ..error
        };
        let fatal = |error: CallError| CallError {
            is_fatal: true,
            ..error
        };
        let of = |code| CallError {
            code,
            text: "text".to_owned(),
            is_fatal: false,
            is_retriable: false,
            requires_abort: false,
        };
        use RDKafkaErrorCode as Code;
        let unwritable = CallError {
            text: "Failed to add partition(s) to transaction on broker b: Topic authorization failed"
                .to_owned(),
            ..aborted(of(Code::TopicAuthorizationFailed))
        };
        let table = [
            // No broker, no coordinator, messages that have not arrived: the same call again.
            (Call::Prepare, retriable(of(Code::OperationTimedOut)), Abort, true),
            (Call::Commit, retriable(of(Code::OperationTimedOut)), Abort, true),
            (Call::Abort, retriable(of(Code::OperationTimedOut)), Abort, true),
            // It took too long, so it cannot go on where it was.
            (
                Call::Offsets,
                aborted(retriable(of(Code::OperationTimedOut))),
                Abort,
                false,
            ),
            // A message was refused.
            (Call::Commit, aborted(of(Code::MessageSizeTooLarge)), Abort, false),
            (Call::Commit, aborted(of(Code::Inconsistent)), Abort, false),
            // A topic that may not be written cannot be part of a transaction.
            (Call::Offsets, unwritable, Refused, false),
            // The topic that is read, and the group.
            (
                Call::Offsets,
                aborted(of(Code::TopicAuthorizationFailed)),
                Abort,
                false,
            ),
            (
                Call::Offsets,
                aborted(of(Code::GroupAuthorizationFailed)),
                Abort,
                false,
            ),
            (Call::Offsets, aborted(of(Code::IllegalGeneration)), Abort, false),
            // An abort is repeated, whatever stopped it.
            (
                Call::Abort,
                aborted(of(Code::InvalidProducerIdMapping)),
                Abort,
                true,
            ),
            (
                Call::Commit,
                fatal(of(Code::InvalidTransactionalState)),
                Ended,
                false,
            ),
            (
                Call::Abort,
                fatal(of(Code::InvalidTransactionalState)),
                Ended,
                false,
            ),
            (
                Call::Commit,
                fatal(of(Code::TransactionalIdAuthorizationFailed)),
                Ended,
                false,
            ),
            (Call::Begin, of(Code::State), Ended, false),
        ];
        for (call, error, kind, again) in table {
            let (explained, repeated) = explain(call, &error, None, "shop-1");
            assert_eq!((explained.kind(), repeated), (kind, again), "{call:?} {error:?}");
        }
        let ended = Some((Code::Fenced, "fenced".to_owned()));
        let (explained, repeated) = explain(
            Call::Commit,
            &retriable(of(Code::OperationTimedOut)),
            ended,
            "shop-1",
        );
        assert_eq!(
            (explained.kind(), repeated),
            (Ended, false),
            "nothing is repeated of a producer that has ended"
        );
    }
}
