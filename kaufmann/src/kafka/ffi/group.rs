//! The description of a consumer group, for members of any protocol; rdkafka's own list of groups supports only the classic one.

use std::ffi::CString;
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

use super::request::{Operation, Refused, ask, operations, refused, text};

/// A coordinator's description of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupDescription {
    /// `Stable`, `Empty`, `Dead` and so on.
    pub(crate) state: String,
    pub(crate) members: Vec<MemberDescription>,
    /// The principal's rights on it; `None` if the coordinator does not report them.
    pub(crate) operations: Option<Vec<Operation>>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberDescription {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) host: String,
    /// Its topics and partitions.
    pub(crate) partitions: Vec<(String, i32)>,
}

/// Requests the description from the group's coordinator. Blocks for `timeout` at most.
pub(crate) fn describe_group<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    timeout: Duration,
) -> Result<GroupDescription, Refused> {
    let invalid = |text: &str| (RDKafkaErrorCode::InvalidArgument, text.to_owned());
    let name = CString::new(group).map_err(|_| invalid("a group's name must not contain a NUL byte"))?;
    let mut names = [name.as_ptr()];
    let send = |options, queue| {
        // SAFETY: the client is alive, and the request copies the names.
        unsafe {
            c::rd_kafka_DescribeConsumerGroups(client.native_ptr(), names.as_mut_ptr(), 1, options, queue);
        }
    };
    // SAFETY: `send` gives options and queue to the request alone, `described` copies.
    unsafe {
        ask(
            client,
            RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
            timeout,
            true,
            send,
            |event| described(event),
        )
    }
}

/// # Safety
///
/// `event` must be alive.
unsafe fn described(event: *mut c::rd_kafka_event_t) -> Result<GroupDescription, Refused> {
    // SAFETY: what is asked of the event lives as long as it, and is copied.
    unsafe {
        let result = c::rd_kafka_event_DescribeConsumerGroups_result(event);
        let mut count = 0;
        let none = || (RDKafkaErrorCode::BadMessage, "no group in the answer".to_owned());
        if result.is_null() {
            return Err(none());
        }
        let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if groups.is_null() || count == 0 {
            return Err(none());
        }
        let group = *groups;
        if let Some(refused) = refused(c::rd_kafka_ConsumerGroupDescription_error(group)) {
            return Err(refused);
        }
        let mut count = 0;
        let allowed = c::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &raw mut count);
        let state = c::rd_kafka_ConsumerGroupDescription_state(group);
        let members = c::rd_kafka_ConsumerGroupDescription_member_count(group);
        Ok(GroupDescription {
            state: text(c::rd_kafka_consumer_group_state_name(state)),
            members: (0..members)
                .map(|index| member(c::rd_kafka_ConsumerGroupDescription_member(group, index)))
                .collect(),
            operations: operations(allowed, count),
        })
    }
}

/// # Safety
///
/// `member` must be one of a description that is alive.
unsafe fn member(member: *const c::rd_kafka_MemberDescription_t) -> MemberDescription {
    // SAFETY: what is asked of the member lives as long as it, and is copied.
    unsafe {
        let assignment = c::rd_kafka_MemberDescription_assignment(member);
        let list = if assignment.is_null() {
            ptr::null()
        } else {
            c::rd_kafka_MemberAssignment_partitions(assignment)
        };
        MemberDescription {
            id: text(c::rd_kafka_MemberDescription_consumer_id(member)),
            client: text(c::rd_kafka_MemberDescription_client_id(member)),
            host: text(c::rd_kafka_MemberDescription_host(member)),
            partitions: partitions(list),
        }
    }
}

/// # Safety
///
/// `list` must be NULL or alive.
unsafe fn partitions(list: *const c::rd_kafka_topic_partition_list_t) -> Vec<(String, i32)> {
    // SAFETY: the list has as many elements as it says, each with a topic that lives as long as the list.
    unsafe {
        let Some(list) = list.as_ref() else {
            return Vec::new();
        };
        let count = usize::try_from(list.cnt).unwrap_or(0);
        if list.elems.is_null() || count == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(list.elems, count)
            .iter()
            .map(|element| (text(element.topic), element.partition))
            .collect()
    }
}
