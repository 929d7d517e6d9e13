//! A transaction's commit, without rdkafka's flush before it. That flush never ends once a transaction must be aborted, because
//! librdkafka then holds its messages back. librdkafka's own commit flushes too, and returns at each call whether it must be aborted.

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

/// Why a transaction's call failed.
#[derive(Clone, Debug)]
pub(crate) struct CallError {
    /// The code.
    pub(crate) code: RDKafkaErrorCode,
    /// The text for people.
    pub(crate) text: String,
    /// Whether the producer cannot be used any more.
    pub(crate) is_fatal: bool,
    /// Whether the same call may succeed later.
    pub(crate) is_retriable: bool,
    /// Whether the transaction must be aborted.
    pub(crate) requires_abort: bool,
}

/// Commits the open transaction. After a timeout another call continues the commit. The client's events must be served by another
/// thread.
pub(crate) fn commit_transaction<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<(), CallError> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client is a producer that lives for the whole call.
    let error = unsafe { c::rd_kafka_commit_transaction(client.native_ptr(), millis) };
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is ours until it is destroyed; its text ends in a zero, and is copied before that.
    unsafe {
        let failure = CallError {
            code: c::rd_kafka_error_code(error).into(),
            text: CStr::from_ptr(c::rd_kafka_error_string(error))
                .to_string_lossy()
                .into_owned(),
            is_fatal: c::rd_kafka_error_is_fatal(error) != 0,
            is_retriable: c::rd_kafka_error_is_retriable(error) != 0,
            requires_abort: c::rd_kafka_error_txn_requires_abort(error) != 0,
        };
        c::rd_kafka_error_destroy(error);
        Err(failure)
    }
}
