//! Reads partitions of a topic from given offsets, without joining a group.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::{Client, client, failed_with};
use super::cluster::{TopicPartition, list};
use super::explain;
use crate::assignment::Assignment;
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::record::{RawRecord, Record};

/// Reads partitions of one topic. Only one, because librdkafka reports which partition is at its end, but not its topic.
pub(crate) struct Reader {
    client: Client,
    config: Config,
    topic: String,
    /// Records refer to these for their topic and partition.
    assignments: HashMap<i32, Arc<Assignment>>,
}

/// A result of [`Reader::next`].
pub(crate) enum Read {
    Record(Record),
    /// The partition has been read to its current end.
    End(i32),
    /// Nothing arrived in time.
    Nothing,
}

impl Reader {
    /// Reads each partition from its offset on.
    pub(crate) fn new(config: &Config, topic: &str, from: &BTreeMap<i32, i64>) -> Result<Self, Error> {
        let client = client(config, &config.group)?;
        let partitions: Vec<_> = from
            .keys()
            .map(|partition| TopicPartition::new(topic, *partition))
            .collect();
        let list = list(&partitions, |partition| {
            Offset::Offset(from[&partition.partition])
        })?;
        client.assign(&list).map_err(|error| {
            Error::new(
                ErrorKind::Internal,
                format!("librdkafka refuses the assignment: {error}"),
            )
        })?;
        Ok(Self {
            client,
            config: config.clone(),
            topic: topic.to_owned(),
            assignments: HashMap::new(),
        })
    }

    /// Like [`Reader::new`], for reading few records of each partition: prefetches little.
    pub(crate) fn peek(config: &Config, topic: &str, from: &BTreeMap<i32, i64>) -> Result<Self, Error> {
        let mut config = config.clone();
        config
            .kafka
            .insert("consumer.queued.min.messages".to_owned(), "1".to_owned());
        Self::new(&config, topic, from)
    }

    /// The next result, waiting for `patience` at most.
    ///
    /// # Errors
    ///
    /// If a partition cannot be read, or no broker can be reached.
    pub(crate) fn next(&mut self, patience: Duration) -> Result<Read, Error> {
        match self.client.poll(patience) {
            None => Ok(Read::Nothing),
            Some(Ok(message)) => {
                let fresh = || Arc::new(Assignment::new(0, message.topic().into(), message.partition()));
                let assignment = self.assignments.entry(message.partition()).or_insert_with(fresh);
                Ok(Read::Record(record(assignment, &message)))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Read::End(partition)),
            Some(Err(error)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                match code {
                    // librdkafka tries again itself.
                    Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut => {
                        Ok(Read::Nothing)
                    }
                    // This reader is not a member; the group's offsets are read elsewhere.
                    Code::GroupAuthorizationFailed => Ok(Read::Nothing),
                    Code::TopicAuthorizationFailed => {
                        let text = explain::topic_not_allowed(&self.topic, "Read");
                        Err(Error::new(ErrorKind::Start, text))
                    }
                    code => Err(failed_with(
                        None,
                        &self.config,
                        "reading failed",
                        code,
                        &error.to_string(),
                    )),
                }
            }
        }
    }
}

fn record(assignment: &Arc<Assignment>, message: &BorrowedMessage<'_>) -> Record {
    let headers: Vec<_> = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter())
        .map(|header| (header.key, header.value))
        .collect();
    Record::at(
        assignment,
        &RawRecord {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key(),
            payload: message.payload(),
            headers: &headers,
        },
    )
}
