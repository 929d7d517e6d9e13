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
/// When the event was created, RFC 3339.
pub(crate) const TIME: &str = "ce_time";
/// The payload's media type.
pub(crate) const CONTENT_TYPE: &str = "content-type";
/// The id that all events of one exchange share.
pub(crate) const CORRELATION: &str = "ce_correlationid";
/// The id of the event that led to this one.
pub(crate) const CAUSATION: &str = "ce_causationid";

/// What the names of kaufmann's own headers begin with.
pub(crate) const OURS: &str = "kaufmann-";
/// The topic in which the record's producer expects the answer.
pub(crate) const CALLBACK: &str = "kaufmann-callback-topic";
/// When a record in a retry topic is due: it is not handled earlier, RFC 3339.
pub(crate) const DUE: &str = "kaufmann-retry-due";

/// What the names of the headers about a failure begin with, except [`ERROR`].
pub(crate) const ERROR_PREFIX: &str = "kaufmann-error-";
/// The error with its causes.
pub(crate) const ERROR: &str = "kaufmann-error";
/// The failure's class.
pub(crate) const CLASS: &str = "kaufmann-error-class";
/// How often the record was tried.
pub(crate) const ATTEMPTS: &str = "kaufmann-error-attempts";
/// `true` if the record would have been retried, but too many others were waiting.
pub(crate) const CUT_SHORT: &str = "kaufmann-error-cut-short";
/// The event's name.
pub(crate) const ERROR_EVENT: &str = "kaufmann-error-event";
/// The handler's path in the service's list.
pub(crate) const ERROR_HANDLER: &str = "kaufmann-error-handler";
/// When the last attempt failed, RFC 3339.
pub(crate) const ERROR_TIME: &str = "kaufmann-error-time";
/// The size in bytes of the payload that the dead letter does not have.
pub(crate) const PAYLOAD_CUT: &str = "kaufmann-payload-cut";
/// `true` if the dead letter does not have the headers of its record.
pub(crate) const HEADERS_CUT: &str = "kaufmann-headers-cut";

/// What the names of the headers about where a record was read begin with.
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

/// Where a record that was sent back to its topic was first read, and its time there: `orders/3@17 1769857200000`.
pub(crate) const ORIGIN: &str = "kaufmann-origin";
/// The dead letter from which a record was sent back: `orders.dead-letter/0@17`.
pub(crate) const REPLAYED_FROM: &str = "kaufmann-replayed-from";
/// The earlier failures of a record that was sent back: one header for each time that it was a dead letter, oldest first.
pub(crate) const HISTORY: &str = "kaufmann-history";

/// The schema's id, if the writer puts it into a header instead of before the payload (Confluent).
pub(crate) const VALUE_SCHEMA_ID: &str = "__value_schema_id";
/// The schema's global id, if Apicurio's serdes write ids to headers.
pub(crate) const APICURIO_GLOBAL_ID: &str = "apicurio.value.globalId";
/// The id of the schema's content, from the same.
pub(crate) const APICURIO_CONTENT_ID: &str = "apicurio.value.contentId";
/// The hash of the schema's content, from the same.
pub(crate) const APICURIO_CONTENT_HASH: &str = "apicurio.value.contentHash";

/// Whether kaufmann itself writes this header.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the constants above.
    fn all() -> Vec<&'static str> {
        let constants = include_str!("names.rs")
            .lines()
            .filter(|line| line.starts_with("pub(crate) const "));
        let value = |line: &'static str| line.split_once(": &str = \"")?.1.strip_suffix("\";");
        constants.filter_map(value).collect()
    }

    /// The headers that the tables of a guide name: `-offset` after `kaufmann-source-topic` is `kaufmann-source-offset`.
    fn in_tables(guide: &str) -> Vec<String> {
        let mut names = Vec::new();
        for row in guide.lines().filter(|line| line.starts_with('|')) {
            for code in row.split('`').skip(1).step_by(2) {
                if let Some(ending) = code.strip_prefix('-').filter(|_| row.contains(SOURCE_TOPIC)) {
                    names.push(format!("{SOURCE_PREFIX}{ending}"));
                } else if is_ours(code) || code.starts_with("ce_") || code.starts_with("__value") {
                    names.push(code.trim_end_matches('*').to_owned());
                }
            }
        }
        names
    }

    #[test]
    fn the_tables_of_the_guides_name_only_headers_of_this_file() {
        let guides = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/docs")).unwrap();
        let mut found = Vec::new();
        for path in guides.map(|guide| guide.unwrap().path()) {
            for name in in_tables(&std::fs::read_to_string(&path).unwrap()) {
                assert!(all().contains(&&*name), "{} names `{name}`", path.display());
                found.push(name);
            }
        }
        for name in all()
            .into_iter()
            .filter(|name| name.starts_with(ERROR) && !name.ends_with('-'))
        {
            assert!(
                found.iter().any(|found| found == name),
                "no guide has `{name}` in a table"
            );
        }
    }

    #[test]
    fn each_header_has_one_constant() {
        let mut names = all();
        assert!(
            names.contains(&HISTORY) && names.contains(&SOURCE_TOPIC),
            "{names:?}"
        );
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
