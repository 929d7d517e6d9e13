//! The last commit of a member while its group rebalances, made in a transaction.
//!
//! While a broker holds a member's JoinGroup request, until the others have joined too or their sessions have expired, it handles nothing
//! else on that connection. And while partitions are being assigned it refuses commits. Both may last longer than a shutdown. The offsets
//! of a transaction go to the coordinator on another connection, and are accepted as long as the member belongs to the group.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::context::{ClientEvent, Shared};
use crate::config::Config;
use crate::kafka;
use crate::source::{CommitOffset, Member, SourceError};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(5);

/// Commits in transactions.
pub(super) struct TransactionalCommit {
    config: Config,
}

impl TransactionalCommit {
    pub(super) fn new(config: &Config) -> Self {
        let config = config.clone();
        Self { config }
    }

    /// Commits offsets for a member on a thread of its own, which answers with [`ClientEvent::CommittedInTransaction`].
    pub(super) fn commit(
        &self,
        offsets: Vec<CommitOffset>,
        member: Option<Member>,
        shared: &Arc<Shared>,
    ) -> Result<(), SourceError> {
        let (config, shared) = (self.config.clone(), Arc::clone(shared));
        let commit = move || {
            shared.guard("kaufmann-last-commit", || {
                let result = commit(&config, &offsets, member.as_ref());
                shared.push(ClientEvent::CommittedInTransaction(result));
                shared.wake();
            });
        };
        thread::Builder::new()
            .name("kaufmann-last-commit".into())
            .spawn(commit)
            .map_err(|error| SourceError::new(format!("no thread for the last commit: {error}")))?;
        Ok(())
    }
}

fn commit(config: &Config, offsets: &[CommitOffset], member: Option<&Member>) -> Result<(), String> {
    let member = member
        .and_then(Member::known_by::<ConsumerGroupMetadata>)
        .ok_or("this instance is no longer a member of the group")?;
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for offset in offsets {
        kafka::add_offset(&mut list, offset)?;
    }
    let producer: BaseProducer = kafka::producer(config)?
        .set("transactional.id", id(config))
        .set("transaction.timeout.ms", STEP.as_millis().to_string())
        .create()
        .map_err(|error| kafka::explain::creation(&error))?;
    let explain = |error: KafkaError| match error {
        KafkaError::Transaction(error) => {
            kafka::explain::not_committed_in_transaction(error.code(), &error.string())
        }
        error => error.to_string(),
    };
    producer.init_transactions(STEP).map_err(explain)?;
    producer.begin_transaction().map_err(explain)?;
    producer
        .send_offsets_to_transaction(&list, member, STEP)
        .map_err(explain)?;
    producer.commit_transaction(STEP).map_err(explain)
}

/// A unique transactional id: a second producer with the same id would abort this transaction.
fn id(config: &Config) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "{}.last-commit.{}-{}",
        config.group,
        std::process::id(),
        now.as_nanos()
    )
}
