//! What the source and the publisher on Kafka share: librdkafka's settings, its log lines, texts for its errors.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::{Offset, TopicPartitionList};

use crate::base::panics::catch;
use crate::source::CommitOffset;

#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) mod admin;
#[cfg(all(feature = "cli", feature = "registry"))]
mod client;
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) mod cluster;
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) mod condition;
#[cfg(feature = "registry")]
mod connect;
pub(crate) mod explain;
pub(crate) mod ffi;
pub(crate) mod prefetch;
mod publisher;
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) mod reader;
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) mod sender;
mod settings;
mod source;

pub use publisher::KafkaPublisher;
pub use source::KafkaSource;

#[cfg(any(test, feature = "dev"))]
pub(crate) mod mock;

#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) use settings::reader as reader_settings;
#[cfg(feature = "dev")]
pub(crate) use settings::refusals::is_security;
#[cfg(feature = "cli")]
pub(crate) use settings::refusals::mistakes;
pub(crate) use settings::{consumer, producer};

/// librdkafka's log level. By default rdkafka takes it from the `log` crate, which does not know `tracing`'s filters.
pub(crate) fn log_level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Info
    }
}

/// Adds an offset to a list of offsets to commit.
pub(crate) fn add_offset(list: &mut TopicPartitionList, commit: &CommitOffset) -> Result<(), String> {
    let CommitOffset {
        assignment,
        offset,
        metadata,
    } = commit;
    let (topic, partition) = (assignment.topic(), assignment.partition());
    let mut element = list.add_partition(topic, partition);
    element
        .set_offset(Offset::Offset(*offset))
        .map_err(|error| format!("offset {offset} of partition {partition} of topic `{topic}`: {error}"))?;
    if let Some(metadata) = metadata {
        element.set_metadata(metadata);
    }
    Ok(())
}

/// The facilities of librdkafka's log whose errors the source and the publisher report themselves, less often.
const REPORTED_ELSEWHERE: [&str; 5] = ["FAIL", "GETPID", "TXNERR", "ADDPARTS", "ADDOFFSETS"];

/// Runs the work of a librdkafka callback. A panic in it must not unwind into C, nor end the thread that polls.
pub(crate) fn shielded(work: impl FnOnce()) {
    if let Err(panic) = catch(work) {
        // The program's subscriber may be what panics.
        _ = catch(|| {
            tracing::error!(
                error = panic.text(),
                place = panic.place(),
                "a callback of librdkafka panicked"
            );
        });
    }
}

/// Logs a log line of librdkafka.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    shielded(|| pass_on(level, facility, line));
}

fn pass_on(level: RDKafkaLogLevel, facility: &str, line: &str) {
    let line = explain::discreet(line);
    match level {
        // There is a line for every failed attempt to connect; the source reports unreachable brokers once. And for every transaction
        // that must be aborted, or finds no coordinator; the commit's caller gets the error.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning if REPORTED_ELSEWHERE.contains(&facility) => {
            tracing::debug!(target: "librdkafka", facility, "{line}");
        }
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{line}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{line}"),
    }
}
