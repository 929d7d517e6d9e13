//! Raw batches: the most that librdkafka delivers to one thread, with the same codec. It is a bound to compare with, not a way to
//! write a service: it has no group and no rebalance.
#![allow(unsafe_code)]

use std::ptr;

use anyhow::{Result, ensure};
use bench_checks::{Checks, Contend};
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
use rdkafka::{Offset, TopicPartitionList};

use super::by_hand::{config, decode};

const BATCH: usize = 1000;

pub(crate) fn run(contend: &Contend, checks: &Checks) -> Result<()> {
    let consumer: BaseConsumer = config(contend, &[("fetch.queue.backoff.ms", "5")]).create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..contend.partitions {
        all.add_partition_offset(&contend.topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    // SAFETY: the client is alive; the queue is destroyed below, before the client.
    let queue = unsafe { c::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
    ensure!(!queue.is_null(), "the consumer has no queue");
    let result = drain(queue, checks);
    // SAFETY: nothing uses the queue after this.
    unsafe { c::rd_kafka_queue_destroy(queue) };
    result
}

fn drain(queue: *mut c::rd_kafka_queue_t, checks: &Checks) -> Result<()> {
    let mut messages = [ptr::null_mut(); BATCH];
    while !checks.is_done() {
        // With a longer timeout librdkafka would wait until the array is full.
        // SAFETY: the array has space for that many messages.
        let count = unsafe { c::rd_kafka_consume_batch_queue(queue, 1, messages.as_mut_ptr(), BATCH) };
        for message in &messages[..usize::try_from(count).unwrap_or(0)] {
            // SAFETY: librdkafka wrote the message; it and its payload are valid until it is destroyed below.
            let event = unsafe {
                let raw = &**message;
                ensure!(
                    raw.err == RD_KAFKA_RESP_ERR_NO_ERROR,
                    "a message is an error: {:?}",
                    raw.err
                );
                decode(Some(std::slice::from_raw_parts(
                    raw.payload.cast::<u8>(),
                    raw.len,
                )))?
            };
            checks.handle(event.sequence, event.amount_cents);
            // SAFETY: see above.
            unsafe { c::rd_kafka_message_destroy(*message) };
        }
    }
    Ok(())
}
