//! The brokers' descriptions of topics: their ids, and the principal's rights on them; rdkafka does not offer that request.

use std::ffi::CString;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

#[cfg(all(feature = "cli", feature = "registry"))]
use super::request::{Operation, operations};
use super::request::{Refused, ask, refused, text};
use crate::assignment::TopicId;

/// A topic's name, and its id or an error.
pub(crate) type TopicAnswer = (String, Result<Option<TopicId>, Refused>);

/// Requests the ids of topics (KIP-516); `None` with brokers that do not support ids. Blocks for `timeout` at most.
pub(crate) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<TopicAnswer>, Refused> {
    // SAFETY: `id` is given topics of a description that is alive.
    describe(client, topics, timeout, false, |topic| unsafe { id(topic) })
}

/// # Safety
///
/// `topic` must be one of a description that is alive.
unsafe fn id(topic: *const c::rd_kafka_TopicDescription_t) -> TopicAnswer {
    // SAFETY: what is asked of the topic lives as long as it, and is copied.
    unsafe {
        let name = text(c::rd_kafka_TopicDescription_name(topic));
        if let Some(refused) = refused(c::rd_kafka_TopicDescription_error(topic)) {
            return (name, Err(refused));
        }
        let uuid = c::rd_kafka_TopicDescription_topic_id(topic);
        if uuid.is_null() {
            return (name, Ok(None));
        }
        let (most, least) = (
            c::rd_kafka_Uuid_most_significant_bits(uuid),
            c::rd_kafka_Uuid_least_significant_bits(uuid),
        );
        let mut id = TopicId::default();
        id[..8].copy_from_slice(&most.to_be_bytes());
        id[8..].copy_from_slice(&least.to_be_bytes());
        (name, Ok((id != TopicId::default()).then_some(id)))
    }
}

/// The principal's rights on a topic.
#[cfg(all(feature = "cli", feature = "registry"))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TopicRights {
    pub(crate) topic: String,
    /// The allowed operations; `None` if the broker does not report them. The error is that of this topic.
    pub(crate) operations: Result<Option<Vec<Operation>>, RDKafkaErrorCode>,
}

/// Requests the principal's rights on topics. Blocks for `timeout` at most.
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) fn topic_rights<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<TopicRights>, Refused> {
    // SAFETY: `one` is given topics of a description that is alive.
    describe(client, topics, timeout, true, |topic| unsafe { one(topic) })
}

/// Requests the descriptions of topics, and calls `read` with each while the answer is alive; `rights`: whether to include the rights.
fn describe<C: ClientContext, T>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
    rights: bool,
    read: impl Fn(*const c::rd_kafka_TopicDescription_t) -> T,
) -> Result<Vec<T>, Refused> {
    let invalid = |_| {
        (
            RDKafkaErrorCode::InvalidArgument,
            "a topic's name must not contain a NUL byte".to_owned(),
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
    // SAFETY: `send` gives options and queue to the request alone, and `read` copies.
    unsafe {
        ask(
            client,
            RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            timeout,
            rights,
            send,
            |event| described(event, read),
        )
    }
}

/// # Safety
///
/// `event` must be alive.
unsafe fn described<T>(
    event: *mut c::rd_kafka_event_t,
    read: impl Fn(*const c::rd_kafka_TopicDescription_t) -> T,
) -> Result<Vec<T>, Refused> {
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
            .map(|topic| read(*topic))
            .collect())
    }
}

/// # Safety
///
/// `topic` must be one of a description that is alive.
#[cfg(all(feature = "cli", feature = "registry"))]
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
