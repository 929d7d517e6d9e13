//! The producer's transactions. Most of librdkafka's transaction calls block, so a separate thread makes them.

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

/// The timeout of a call that can be continued by another call; between calls it is checked whether to stop.
const CALL: Duration = Duration::from_secs(2);
/// The timeout of the call with the offsets, which cannot be continued: after it the transaction must be aborted.
const OFFSETS: Duration = Duration::from_secs(30);
/// The timeout of a commit call; each call returns whether the transaction must be aborted instead.
const COMMIT: Duration = Duration::from_millis(100);
/// The shortest interval between two tries of a call.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the abort of an open transaction may take at the end.
const LAST_ABORT: Duration = Duration::from_secs(2);
/// After how long it is logged that a call does not succeed; doubles after each line.
const FIRST_WARNING: Duration = Duration::from_secs(5);

type Producer = ThreadedProducer<PublisherContext>;

/// Runs requests one after another, on a thread.
pub(super) struct Transactor {
    id: Arc<str>,
    shared: Arc<Shared>,
    /// `None` only while it is dropped.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    done: Mutex<Receiver<()>>,
}

struct Shared {
    producer: Producer,
    id: Arc<str>,
    /// Whether a transaction is open.
    open: AtomicBool,
    /// Whether the publisher is being dropped, so that calls are no longer repeated.
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

enum Request {
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
        let (requests, received) = mpsc::channel();
        let (ended, done) = mpsc::channel();
        let own = Arc::clone(&shared);
        let work = move || {
            for request in received {
                own.handle(request);
            }
            own.end();
            // Before the end is signalled: the last owner of the producer waits for the producer's thread.
            drop(own);
            let _ = ended.send(());
        };
        let thread = thread::Builder::new()
            .name("kaufmann-transactions".into())
            .spawn(work)?;
        Ok(Self {
            id: id.into(),
            shared,
            requests: Some(requests),
            thread: Some(thread),
            done: Mutex::new(done),
        })
    }

    fn send(&self, request: Request) {
        let Some(requests) = &self.requests else { return };
        if let Err(mpsc::SendError(request)) = requests.send(request) {
            let ended = "the thread of the transactions has ended";
            request.answer()(Err(TransactionError::new(TransactionErrorKind::Ended, ended)));
        }
    }
}

impl Transactions for Transactor {
    fn prepare(&self, done: Answer) {
        self.send(Request::Prepare(done));
    }

    /// Beginning another transaction fails with the reason.
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
        self.send(Request::Commit(offsets, member, done));
    }

    fn abort(&self, done: Answer) {
        self.send(Request::Abort(done));
    }

    /// A local call, which does not block.
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
    /// Aborts an open transaction, so that readers need not wait until the brokers do it.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.requests = None;
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
                "aborting the open transaction timed out; the brokers abort it after `exactly_once.timeout`"
            ),
        }
    }
}

impl Request {
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

    /// What to check if the call does not succeed for long.
    fn remedy(self) -> &'static str {
        match self {
            Self::Prepare => {
                "check that the brokers run, and that `__transaction_state` can be created: on \
                 `transaction.state.log.replication.factor` brokers, with `transaction.state.log.min.isr` replicas in sync"
            }
            Self::Begin | Self::Offsets | Self::Commit | Self::Abort => {
                "check that the leaders of the published topics and the coordinator of `__transaction_state` run"
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

/// What follows from an error of a call, and whether to repeat the call. `fatal` is the error that has ended the producer, if any.
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
    // An abort that failed can only be repeated.
    let again = if call == Call::Abort {
        error.is_retriable || error.requires_abort
    } else {
        error.is_retriable && !error.requires_abort
    };
    (TransactionError::new(kind, text), again)
}

/// Whether an error is about the topics that were written in the transaction. Any call may return it; only its text distinguishes it
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
    fn handle(&self, request: Request) {
        match request {
            Request::Prepare(done) => {
                done(self.repeat(Call::Prepare, |producer| Ok(producer.init_transactions(CALL)?)));
            }
            Request::Commit(offsets, member, done) => done(self.commit(&offsets, &member)),
            Request::Abort(done) => {
                let result = self.repeat(Call::Abort, |producer| Ok(producer.abort_transaction(CALL)?));
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
            .ok_or_else(|| abort("this member does not belong to a source on Kafka".to_owned()))?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for offset in offsets {
            kafka::add_offset(&mut list, offset).map_err(abort)?;
        }
        self.repeat(Call::Offsets, |producer| {
            Ok(producer.send_offsets_to_transaction(&list, known_by, OFFSETS)?)
        })?;
        self.repeat(Call::Commit, |producer| {
            ffi::commit_transaction(producer.client(), COMMIT)
        })?;
        self.open.store(false, Ordering::Release);
        Ok(())
    }

    /// Repeats a call as long as it can succeed.
    fn repeat(
        &self,
        call: Call,
        make: impl Fn(&Producer) -> Result<(), CallError>,
    ) -> Result<(), TransactionError> {
        let begun = Instant::now();
        let mut warn_after = FIRST_WARNING;
        loop {
            let since = Instant::now();
            let error = match make(&self.producer) {
                Ok(()) => {
                    if warn_after > FIRST_WARNING {
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
            if begun.elapsed() >= warn_after {
                warn_after *= 2;
                let remedy = call.remedy();
                tracing::warn!(call = call.name(), error = %explained, remedy, "the brokers do not answer; trying again");
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
    fn a_commit_continues_if_its_messages_take_longer_than_a_call() {
        let broker = MockBroker::start(1).unwrap();
        broker.create_topic("t", 1).unwrap();
        let mut config = Config::default();
        config.brokers = vec![broker.bootstrap_servers()];
        config.group = "g".into();
        config.delivery = Delivery::ExactlyOnce;
        let publisher = KafkaPublisher::new(&config).unwrap();
        let transactor = publisher.transactor.as_ref().unwrap();
        let own = &transactor.shared;
        own.repeat(Call::Prepare, |producer| Ok(producer.init_transactions(CALL)?))
            .unwrap();
        transactor.begin().unwrap();
        // After each error librdkafka waits, each time longer.
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
        own.repeat(Call::Commit, |producer| {
            ffi::commit_transaction(producer.client(), Duration::from_millis(20))
        })
        .unwrap();
    }

    #[test]
    fn after_each_error_the_call_is_repeated_or_the_transaction_aborted_or_the_producer_ends() {
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
            // It took too long and cannot be continued.
            (
                Call::Offsets,
                aborted(retriable(of(Code::OperationTimedOut))),
                Abort,
                false,
            ),
            // A message was refused.
            (Call::Commit, aborted(of(Code::MessageSizeTooLarge)), Abort, false),
            (Call::Commit, aborted(of(Code::Inconsistent)), Abort, false),
            // A topic without the right to write cannot be part of a transaction.
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
            // An abort is repeated after any error.
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
