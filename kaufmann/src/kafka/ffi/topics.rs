//! What we may do with topics, as the brokers see it; rdkafka does not ask for that.

use std::ffi::CString;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

use super::request::{Operation, Refused, ask, operations, refused, text};

/// What we may do with a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TopicRights {
    pub(crate) topic: String,
    /// The operations; nothing if the broker does not tell. The error is that of this topic.
    pub(crate) operations: Result<Option<Vec<Operation>>, RDKafkaErrorCode>,
}

/// Asks a broker. Blocks for `timeout` at most.
pub(crate) fn topic_rights<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<TopicRights>, Refused> {
    let invalid = |_| {
        (
            RDKafkaErrorCode::InvalidArgument,
            "a topic's name has no zero byte".to_owned(),
        )
    };
    let names: Vec<CString> = topics
        .iter()
        .map(|topic| CString::new(*topic))
        .collect::<Result<_, _>>()
        .map_err(invalid)?;
    let mut names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let send = |options, queue| {
        // SAFETY: the client is alive; the collection copies the names and the request the collection, which is ours and
        // destroyed once.
        unsafe {
            let collection = c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            c::rd_kafka_DescribeTopics(client.native_ptr(), collection, options, queue);
            c::rd_kafka_TopicCollection_destroy(collection);
        }
    };
    // SAFETY: `send` gives options and queue to the request alone, `described` copies.
    unsafe {
        ask(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout, send, |event| {
            described(event)
        })
    }
}

/// # Safety
///
/// `event` must be alive.
unsafe fn described(event: *mut c::rd_kafka_event_t) -> Result<Vec<TopicRights>, Refused> {
    // SAFETY: what is asked of the event lives as long as it, and is copied; there are as many topics as it says.
    unsafe {
        let result = c::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err((RDKafkaErrorCode::BadMessage, "no topics in the answer".to_owned()));
        }
        let mut count = 0;
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if topics.is_null() {
            return Ok(Vec::new());
        }
        Ok(std::slice::from_raw_parts(topics, count)
            .iter()
            .map(|topic| one(*topic))
            .collect())
    }
}

/// # Safety
///
/// `topic` must be one of a description that is alive.
unsafe fn one(topic: *const c::rd_kafka_TopicDescription_t) -> TopicRights {
    // SAFETY: what is asked of the topic lives as long as it, and is copied.
    unsafe {
        let mut count = 0;
        let allowed = c::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut count);
        let operations = match refused(c::rd_kafka_TopicDescription_error(topic)) {
            Some((code, _)) => Err(code),
            None => Ok(operations(allowed, count)),
        };
        TopicRights {
            topic: text(c::rd_kafka_TopicDescription_name(topic)),
            operations,
        }
    }
}
