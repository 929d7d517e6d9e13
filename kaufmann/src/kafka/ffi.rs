//! Functions of librdkafka that rdkafka does not offer: reading a partition's queue in batches, a commit that is answered, the mock
//! cluster's group delay, and, in `ffi/`, a transaction's commit, the description of a group, and topics' ids and rights.
//! The only files with `unsafe`; their API is safe to use in any order.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem;
use std::ops::ControlFlow;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::TopicPartitionList;
use rdkafka::bindings as c;
use rdkafka::bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
#[cfg(any(test, feature = "dev"))]
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaErrorCode;

use crate::base::panics::catch;
use crate::record::RawRecord;
use crate::source::Waker;

#[cfg(all(feature = "cli", feature = "registry"))]
mod group;
mod request;
mod topics;
mod transaction;

#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) use group::{GroupDescription, MemberDescription, describe_group};
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) use request::Operation;
pub(crate) use topics::topic_ids;
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) use topics::topic_rights;
pub(crate) use transaction::{CallError, commit_transaction};

/// The version of librdkafka, 2.12.1, in which a record's payload is known to point into the batch as it came from the broker.
/// With other versions nothing is assumed, which is slower.
const KNOWN_LAYOUT: i32 = 0x020c_01ff;

/// The queue of one partition, separate from the consumer's queue of events.
///
/// It is split off before the partition is assigned, which keeps every record out of the consumer's queue: librdkafka marks a
/// queue that the application has forwarded (here: to nowhere), and the fetcher does not change a marked queue.
pub(crate) struct PartitionQueue {
    queue: NonNull<c::rd_kafka_queue_t>,
    /// Messages that were taken from the queue and not read yet.
    left: VecDeque<Message>,
    /// Whether it is the librdkafka of [`KNOWN_LAYOUT`].
    layout_known: bool,
    position: Position,
    /// Boxed for a stable address: librdkafka has a pointer to it until `drop` takes it back.
    arrivals: Box<Arrivals>,
    /// The queue must not outlive the client.
    _client: Arc<dyn Send + Sync>,
}

// SAFETY: librdkafka's queues, messages and clients may be used from any thread; the waker and the client are `Send` themselves.
unsafe impl Send for PartitionQueue {}

/// The target of librdkafka's callback for a queue that is no longer empty.
struct Arrivals {
    /// Whether something has arrived since the last fetch.
    any: AtomicBool,
    waker: Waker,
}

/// How far a queue has been read, by librdkafka's position and by the messages that were read.
struct Position {
    client: NonNull<c::rd_kafka_t>,
    /// The partition, as the argument of librdkafka's call.
    partition: TopicPartitionList,
    /// The offset after everything that was read or passed.
    next: i64,
    /// Whether librdkafka's position may have changed since the last call.
    moved: bool,
    /// Whether an error was read and no record since: librdkafka counts an error as if it were the record at its offset.
    doubtful: bool,
}

/// An entry of a queue.
pub(crate) enum Fetched<'a> {
    /// A record.
    Record(RawRecord<'a>),
    /// An error of the partition.
    Error {
        /// The code.
        code: RDKafkaErrorCode,
        /// Its offset; negative if it has none.
        offset: i64,
        /// The text for people.
        text: &'a str,
    },
}

/// What a reader that breaks off did with the last message.
pub(crate) enum Last {
    /// The reader took it.
    Taken,
    /// The reader left it; the next read returns it again.
    Left,
}

/// Buffers for messages and their headers, reused by each read.
#[derive(Default)]
pub(crate) struct Inbox {
    messages: Vec<*mut c::rd_kafka_message_t>,
    headers: Vec<(&'static str, Option<&'static [u8]>)>,
}

// SAFETY: pointers are in it only during a call of `PartitionQueue::fetch`, which has it borrowed.
unsafe impl Send for Inbox {}

impl PartitionQueue {
    /// Splits a partition's queue off; `waker` is called when the queue was empty and is no longer.
    pub(crate) fn split<C>(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
        waker: Waker,
    ) -> Option<Self>
    where
        C: ConsumerContext + 'static,
    {
        let position = Position::new(consumer, topic, partition)?;
        let topic = CString::new(topic).ok()?;
        let arrivals = Box::new(Arrivals {
            any: AtomicBool::new(false),
            waker,
        });
        // SAFETY: the client is alive and the name is a C string, which librdkafka copies.
        let queue = unsafe {
            c::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition)
        };
        let queue = NonNull::new(queue)?;
        // SAFETY: the queue is ours until `drop` destroys it. The address of `arrivals` is stable and valid until then too, and
        // `drop` withdraws the callback before. The callback runs under the queue's lock, so that none runs after that.
        unsafe {
            c::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            let opaque = ptr::from_ref::<Arrivals>(&arrivals).cast_mut().cast::<c_void>();
            c::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(wake), opaque);
        }
        Some(Self {
            queue,
            left: VecDeque::new(),
            layout_known: is_layout_known(),
            position,
            arrivals,
            _client: Arc::clone(consumer) as Arc<dyn Send + Sync>,
        })
    }

    /// Reads up to `max` messages that have arrived, until `each` breaks off, and returns how many were taken. It never waits:
    /// with a timeout librdkafka would wait until `max` messages have arrived.
    ///
    /// Fetched messages that `each` was not called with are kept for the next read.
    pub(crate) fn read(
        &mut self,
        max: usize,
        inbox: &mut Inbox,
        each: &mut dyn FnMut(Fetched<'_>) -> ControlFlow<Last>,
    ) -> usize {
        if self.left.is_empty() {
            self.fetch(max, inbox);
        }
        let mut taken = 0;
        while taken < max
            && let Some(message) = self.left.pop_front()
        {
            let no_headers = self.layout_known && message.is_followed_by_no_headers();
            let position = message.position();
            let flow = message.hand_over(no_headers, &mut inbox.headers, each);
            if let ControlFlow::Break(Last::Left) = flow {
                self.left.push_front(message);
                break;
            }
            self.position.handed_over(position);
            taken += 1;
            if flow.is_break() {
                break;
            }
        }
        taken
    }

    /// The offset after entries that were passed and are not records: markers at the end of transactions, and the records of aborted
    /// transactions before them. `None` if there were none since the last record, or if fetched messages are left to read.
    pub(crate) fn passed(&mut self) -> Option<i64> {
        if self.left.is_empty() {
            self.position.passed()
        } else {
            None
        }
    }

    /// Whether an error came last. librdkafka counts it as if it were the record at its offset, so it would continue after that record
    /// if a rebalance paused the partition before the record is read.
    pub(crate) fn ends_with_an_error(&self) -> bool {
        self.left.is_empty() && self.position.doubtful
    }

    /// Forgets the position, because the partition goes back to lower offsets. librdkafka keeps the highest offset that was read, which
    /// does not apply to the records that follow.
    pub(crate) fn forget_position(&mut self) {
        self.position.forget_position();
    }

    /// Takes up to `max` messages from librdkafka.
    fn fetch(&mut self, max: usize, inbox: &mut Inbox) {
        // Before the messages are taken: what arrives meanwhile is either among them or sets the flag again.
        self.position.moved |= self.arrivals.any.swap(false, Ordering::AcqRel);
        inbox.messages.clear();
        inbox.messages.reserve(max);
        // SAFETY: there is room for `max` pointers, and the queue is alive.
        let count = unsafe {
            c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, inbox.messages.as_mut_ptr(), max)
        };
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: librdkafka wrote `count` pointers, at most `max`.
        unsafe { inbox.messages.set_len(count) };
        let messages = inbox.messages.drain(..).filter_map(NonNull::new);
        self.left.extend(messages.map(Message));
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // Messages must not outlive the client.
        self.left.clear();
        // SAFETY: the queue is alive, and nothing uses it afterwards. Withdrawing the callback takes the queue's lock,
        // under which it is called: after this line nobody has the waker's address any more.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

impl Position {
    fn new<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, number: i32) -> Option<Self> {
        let mut partition = TopicPartitionList::with_capacity(1);
        partition.add_partition(topic, number);
        let mut position = Self {
            client: NonNull::new(consumer.client().native_ptr())?,
            partition,
            next: i64::MIN,
            moved: false,
            doubtful: false,
        };
        position.forget_position();
        Some(position)
    }

    /// Starts at librdkafka's position.
    fn forget_position(&mut self) {
        self.next = self.next.max(self.of_librdkafka());
    }

    /// Notes that a message at this offset was read, as a record or as an error.
    fn handed_over(&mut self, (offset, is_error): (i64, bool)) {
        self.next = self.next.max(offset + 1);
        self.doubtful = is_error;
        self.moved = true;
    }

    fn passed(&mut self) -> Option<i64> {
        if !mem::take(&mut self.moved) {
            return None;
        }
        let position = self.of_librdkafka();
        let has_passed = position > self.next;
        self.next = self.next.max(position);
        (has_passed && !self.doubtful).then_some(position)
    }

    /// librdkafka's position: the offset after everything that was taken from the queue; negative if nothing was.
    fn of_librdkafka(&mut self) -> i64 {
        // SAFETY: the client is alive as long as the queue, whose field this is; the list has one element, which librdkafka
        // writes to during the call and keeps no reference to.
        unsafe {
            let list = self.partition.ptr();
            c::rd_kafka_position(self.client.as_ptr(), list);
            (*(*list).elems).offset
        }
    }
}

/// Called by librdkafka's threads.
unsafe extern "C" fn wake(_client: *mut c::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: it is what `PartitionQueue::split` has made, which lives until the callback is withdrawn.
    let arrivals = unsafe { &*opaque.cast::<Arrivals>() };
    arrivals.any.store(true, Ordering::Release);
    // A panic must not unwind into C.
    _ = catch(|| arrivals.waker.wake());
}

/// An owned message; destroyed on drop.
struct Message(NonNull<c::rd_kafka_message_t>);

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message came from a batch, nobody else has it, and what borrowed from it borrowed `self`.
        unsafe { c::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

impl Message {
    /// Its offset, and whether it is an error.
    #[inline]
    fn position(&self) -> (i64, bool) {
        // SAFETY: the message is alive, and nobody writes to it.
        let raw = unsafe { self.0.as_ref() };
        (raw.offset, raw.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    fn hand_over(
        &self,
        no_headers: bool,
        buffer: &mut Vec<(&'static str, Option<&'static [u8]>)>,
        each: &mut dyn FnMut(Fetched<'_>) -> ControlFlow<Last>,
    ) -> ControlFlow<Last> {
        // SAFETY: the message is alive as long as `self`, and nobody writes to it.
        let raw = unsafe { self.0.as_ref() };
        // SAFETY: key and payload are NULL or point to that many bytes, which live as long as the message.
        let (key, payload) = unsafe { (bytes(raw.key, raw.key_len), bytes(raw.payload, raw.len)) };
        if raw.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            // The payload of an error is its text.
            let text = payload
                .and_then(|text| std::str::from_utf8(text).ok())
                .unwrap_or_default();
            return each(Fetched::Error {
                code: raw.err.into(),
                offset: raw.offset,
                text,
            });
        }
        let timestamp = self.timestamp();
        let list = if no_headers { None } else { self.headers() };
        match list {
            None => each(Fetched::Record(RawRecord {
                offset: raw.offset,
                timestamp,
                key,
                payload,
                headers: &[],
            })),
            Some(list) => {
                let mut headers = recycle(mem::take(buffer));
                self.collect(list, &mut headers);
                let flow = each(Fetched::Record(RawRecord {
                    offset: raw.offset,
                    timestamp,
                    key,
                    payload,
                    headers: &headers,
                }));
                *buffer = recycle(headers);
                flow
            }
        }
    }

    fn timestamp(&self) -> Option<i64> {
        let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and `kind` is written only during the call.
        let timestamp = unsafe { c::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) };
        (timestamp >= 0).then_some(timestamp)
    }

    /// The list of headers; `None` if there is none, or if it cannot be parsed.
    fn headers(&self) -> Option<*mut c::rd_kafka_headers_t> {
        let mut list = ptr::null_mut();
        // SAFETY: the message is alive; librdkafka parses its headers now and keeps them with it.
        let error = unsafe { c::rd_kafka_message_headers(self.0.as_ptr(), &raw mut list) };
        (error == RD_KAFKA_RESP_ERR_NO_ERROR && !list.is_null()).then_some(list)
    }

    /// Whether the number of headers after the payload in the batch is 0. librdkafka returns that too, but it sets up a
    /// parser for each message first, which costs as much as everything else that is done to read a message.
    ///
    /// Must only be called if the layout is known.
    #[inline]
    fn is_followed_by_no_headers(&self) -> bool {
        // SAFETY: the message is alive, and nobody writes to it.
        let raw = unsafe { self.0.as_ref() };
        // An empty payload has an address of its own, outside of the batch; so has the text of an error.
        if raw.err != RD_KAFKA_RESP_ERR_NO_ERROR || raw.payload.is_null() || raw.len == 0 {
            return false;
        }
        // Only batches of Kafka's record format 2 have a leader epoch. Brokers from 4.0 on have no other format (KIP-724); older
        // ones could mix them within one partition only if its topic's format was set back.
        // SAFETY: as above.
        if unsafe { c::rd_kafka_message_leader_epoch(self.0.as_ptr()) } < 0 {
            return false;
        }
        // SAFETY: the payload points into the batch, and in format 2 the number of headers, a variable-length integer of at
        // least one byte, follows the value within the record.
        unsafe { *raw.payload.cast::<u8>().add(raw.len) == 0 }
    }

    /// Adds the headers of `list`, which is this message's. A name that is not UTF-8 does not exist in Kafka's protocol;
    /// such a header is left out.
    fn collect<'a>(
        &'a self,
        list: *mut c::rd_kafka_headers_t,
        headers: &mut Vec<(&'a str, Option<&'a [u8]>)>,
    ) {
        for index in 0.. {
            let (mut name, mut value, mut len): (*const c_char, *const c_void, usize) =
                (ptr::null(), ptr::null(), 0);
            // SAFETY: the list belongs to the message, which is alive; an index past the end is answered by an error.
            let error = unsafe {
                c::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut len)
            };
            if error != RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: the name is a C string and the value NULL or that many bytes; both live as long as the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, len)) };
            if let Ok(name) = name.to_str() {
                headers.push((name, value));
            }
        }
    }
}

/// Empties a vector for elements of another lifetime. Collecting in place keeps the allocation.
fn recycle<'b>(mut headers: Vec<(&str, Option<&[u8]>)>) -> Vec<(&'b str, Option<&'b [u8]>)> {
    headers.clear();
    headers
        .into_iter()
        .map(|_| unreachable!("the vector is empty"))
        .collect()
}

/// # Safety
///
/// `start` must be NULL or point to `len` bytes that do not change for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as above.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}

fn is_layout_known() -> bool {
    rdkafka::util::get_rdkafka_version().0 == KNOWN_LAYOUT
}

/// Starts a commit. The answer comes as an event on the consumer's queue, for which polling the consumer calls
/// [`ConsumerContext::commit_callback`]; rdkafka's own asynchronous commit is never answered.
pub(crate) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    let client = consumer.client().native_ptr();
    // SAFETY: the client is alive. librdkafka copies the list and keeps the queue by itself until it has answered, so
    // that our reference to the queue may go at once.
    let error = unsafe {
        let queue = c::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return Err(RDKafkaErrorCode::UnknownGroup);
        }
        let error = c::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, ptr::null_mut());
        c::rd_kafka_queue_destroy(queue);
        error
    };
    if error == RD_KAFKA_RESP_ERR_NO_ERROR {
        Ok(())
    } else {
        Err(error.into())
    }
}

/// Whether events wait on the consumer's queue. Polling without a timeout does not show that: it returns `None` both after
/// handling an event and if there is none.
pub(crate) fn has_events<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> bool {
    // SAFETY: the client is alive. For a consumer this is the length of the queue to which its main queue is forwarded.
    unsafe { c::rd_kafka_outq_len(consumer.client().native_ptr()) > 0 }
}

/// Sets how long the mock cluster inside a client (`test.mock.num.brokers`) waits for more members before a new group's
/// first rebalance. Does nothing if there is no mock cluster.
#[cfg(any(test, feature = "dev"))]
pub(crate) fn mock_group_initial_delay<C: ClientContext>(client: &Client<C>, milliseconds: i32) {
    // SAFETY: the cluster lives as long as its client, which is borrowed here.
    unsafe {
        let cluster = c::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            c::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, milliseconds);
        }
    }
}

/// Lets the mock cluster inside a client answer the next requests of a type that rdkafka has no name for with these errors.
#[cfg(test)]
pub(crate) fn mock_request_errors<C: ClientContext>(
    client: &Client<C>,
    request: i16,
    errors: &[c::rd_kafka_resp_err_t],
) {
    // SAFETY: the cluster lives as long as its client, which is borrowed here, and copies the errors.
    unsafe {
        let cluster = c::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            c::rd_kafka_mock_push_request_errors_array(cluster, request, errors.len(), errors.as_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After an update: read `rd_kafka_msgset_reader_msg_v2` again, then move the number.
    #[test]
    fn the_layout_of_the_librdkafka_that_is_built_in_is_known() {
        assert!(is_layout_known());
    }
}
