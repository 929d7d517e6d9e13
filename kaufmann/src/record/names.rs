//! The names of all headers that kaufmann writes or reads, each once.
//!
//! Events carry CloudEvents 1.0 in the Kafka binding's binary mode; dead letters and records in retry topics carry `kaufmann-*`.

/// The event's name.
pub(crate) const TYPE: &str = "ce_type";
/// The version of CloudEvents: `1.0`.
pub(crate) const SPEC_VERSION: &str = "ce_specversion";
/// The event's id.
pub(crate) const ID: &str = "ce_id";
/// Who published the event.
pub(crate) const SOURCE: &str = "ce_source";
/// When the event was made, RFC 3339.
pub(crate) const TIME: &str = "ce_time";
/// The payload's media type.
pub(crate) const CONTENT_TYPE: &str = "content-type";
/// The id that all events of one exchange share.
pub(crate) const CORRELATION: &str = "ce_correlationid";
/// The id of the event that led to this one.
pub(crate) const CAUSATION: &str = "ce_causationid";

/// What the names of kaufmann's own headers begin with.
pub(crate) const OURS: &str = "kaufmann-";
/// The topic in which the record's producer wants the answer.
pub(crate) const CALLBACK: &str = "kaufmann-callback-topic";
/// Not before when a record in a retry topic is handled, RFC 3339.
pub(crate) const DUE: &str = "kaufmann-retry-due";

/// What the names of the headers about a failure begin with; [`ERROR`] is one more.
pub(crate) const ERROR_PREFIX: &str = "kaufmann-error-";
/// The error with its causes.
pub(crate) const ERROR: &str = "kaufmann-error";
/// The failure's class.
pub(crate) const CLASS: &str = "kaufmann-error-class";
/// How often the record was tried.
pub(crate) const ATTEMPTS: &str = "kaufmann-error-attempts";
/// `true` if the record would have been tried again, had not too many others waited.
pub(crate) const CUT_SHORT: &str = "kaufmann-error-cut-short";
/// The event's name.
pub(crate) const ERROR_EVENT: &str = "kaufmann-error-event";
/// The handler's path in the service's list.
pub(crate) const ERROR_HANDLER: &str = "kaufmann-error-handler";
/// When the record was given up, RFC 3339.
pub(crate) const ERROR_TIME: &str = "kaufmann-error-time";
/// How many bytes the payload had that the dead letter has lost.
pub(crate) const PAYLOAD_CUT: &str = "kaufmann-payload-cut";
/// `true` if the dead letter has lost the headers of its record.
pub(crate) const HEADERS_CUT: &str = "kaufmann-headers-cut";

/// What the names of the headers begin with that say where a record was read.
pub(crate) const SOURCE_PREFIX: &str = "kaufmann-source-";
/// The topic in which the record was read.
pub(crate) const SOURCE_TOPIC: &str = "kaufmann-source-topic";
/// Its partition.
pub(crate) const SOURCE_PARTITION: &str = "kaufmann-source-partition";
/// Its offset.
pub(crate) const SOURCE_OFFSET: &str = "kaufmann-source-offset";
/// Its time there, in milliseconds since the Unix epoch.
pub(crate) const SOURCE_TIMESTAMP: &str = "kaufmann-source-timestamp";
/// The id of its writer's schema.
pub(crate) const SOURCE_SCHEMA_ID: &str = "kaufmann-source-schema-id";

/// Where a record was read first that was sent back to its topic, and its time there: `orders/3@17 1769857200000`.
pub(crate) const ORIGIN: &str = "kaufmann-origin";
/// The dead letter from which a record comes back: `orders.dead-letter/0@17`.
pub(crate) const REPLAYED_FROM: &str = "kaufmann-replayed-from";
/// The earlier failures of a record that comes back: one header for each time that it was a dead letter, the first one first.
pub(crate) const HISTORY: &str = "kaufmann-history";

/// The schema's id, where the writer puts it into a header instead of before the payload (Confluent).
pub(crate) const VALUE_SCHEMA_ID: &str = "__value_schema_id";

/// Whether a header is one that we write.
pub(crate) fn is_ours(name: &str) -> bool {
    const EVENT: [&str; 8] = [
        TYPE,
        SPEC_VERSION,
        ID,
        SOURCE,
        TIME,
        CONTENT_TYPE,
        CORRELATION,
        CAUSATION,
    ];
    EVENT.contains(&name) || name.starts_with(OURS)
}
