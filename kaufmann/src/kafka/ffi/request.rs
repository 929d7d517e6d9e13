//! Requests of librdkafka's admin API that rdkafka does not offer: the options, the queue, and the event with the answer.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as c;
#[cfg(all(feature = "cli", feature = "registry"))]
use rdkafka::bindings::rd_kafka_AclOperation_t::{
    RD_KAFKA_ACL_OPERATION_DESCRIBE, RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS, RD_KAFKA_ACL_OPERATION_READ,
    RD_KAFKA_ACL_OPERATION_WRITE,
};
use rdkafka::bindings::rd_kafka_admin_op_t;
use rdkafka::bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

/// The error of a request.
pub(super) type Refused = (RDKafkaErrorCode, String);

#[cfg(all(feature = "cli", feature = "registry"))]
/// An operation that the broker's authorizer can allow, of those that matter here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Operation {
    Read,
    Write,
    Describe,
    DescribeConfigs,
}

/// Makes a request, and waits for `timeout` at most. With `rights` the answer includes the principal's rights on each resource.
///
/// # Safety
///
/// `send` must do nothing with options and queue but give them to the request, which copies the options; `read` must copy what
/// it takes out of the event, which is alive during the call.
pub(super) unsafe fn ask<C: ClientContext, T>(
    client: &Client<C>,
    operation: rd_kafka_admin_op_t,
    timeout: Duration,
    rights: bool,
    send: impl FnOnce(*const c::rd_kafka_AdminOptions_t, *mut c::rd_kafka_queue_t),
    read: impl FnOnce(*mut c::rd_kafka_event_t) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let millis = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client is alive; options, queue, error and event are ours, and each is destroyed once, the event after what
    // borrowed from it has been copied. To destroy no error at all is allowed.
    unsafe {
        let options = c::rd_kafka_AdminOptions_new(client.native_ptr(), operation);
        c::rd_kafka_AdminOptions_set_request_timeout(options, millis, ptr::null_mut(), 0);
        let error = c::rd_kafka_AdminOptions_set_include_authorized_operations(options, c_int::from(rights));
        if !error.is_null() {
            c::rd_kafka_error_destroy(error);
        }
        let queue = c::rd_kafka_queue_new(client.native_ptr());
        send(options, queue);
        c::rd_kafka_AdminOptions_destroy(options);
        // The request's own timeout gives an answer; waiting slightly longer makes sure of that.
        let event = c::rd_kafka_queue_poll(queue, millis.saturating_add(1_000));
        let answer = if event.is_null() {
            Err((RDKafkaErrorCode::OperationTimedOut, "no answer".to_owned()))
        } else {
            let error = c::rd_kafka_event_error(event);
            let answer = if error == RD_KAFKA_RESP_ERR_NO_ERROR {
                read(event)
            } else {
                Err((error.into(), text(c::rd_kafka_event_error_string(event))))
            };
            c::rd_kafka_event_destroy(event);
            answer
        };
        c::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// The code and text of an error; `None` without a code.
///
/// # Safety
///
/// `error` must be NULL or alive.
pub(super) unsafe fn refused(error: *const c::rd_kafka_error_t) -> Option<Refused> {
    // SAFETY: as above; NULL is an error without a code.
    unsafe {
        let code = c::rd_kafka_error_code(error);
        (code != RD_KAFKA_RESP_ERR_NO_ERROR).then(|| (code.into(), text(c::rd_kafka_error_string(error))))
    }
}

#[cfg(all(feature = "cli", feature = "registry"))]
/// The operations of an answer; `None` if the broker does not report them.
///
/// # Safety
///
/// `start` must be NULL or point to `count` operations.
pub(super) unsafe fn operations(
    start: *const c::rd_kafka_AclOperation_t,
    count: usize,
) -> Option<Vec<Operation>> {
    if start.is_null() || count == 0 {
        return None;
    }
    // SAFETY: as above.
    let operations = unsafe { std::slice::from_raw_parts(start, count) };
    let known = operations.iter().filter_map(|operation| match *operation {
        RD_KAFKA_ACL_OPERATION_READ => Some(Operation::Read),
        RD_KAFKA_ACL_OPERATION_WRITE => Some(Operation::Write),
        RD_KAFKA_ACL_OPERATION_DESCRIBE => Some(Operation::Describe),
        RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS => Some(Operation::DescribeConfigs),
        _ => None,
    });
    Some(known.collect())
}

/// # Safety
///
/// `start` must be NULL or a C string.
pub(super) unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned()
}
