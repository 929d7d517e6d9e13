//! Reading a dead letter, and restoring its record for a replay.

use crate::record::names::{
    ATTEMPTS, CLASS, DUE, ERROR, ERROR_EVENT, ERROR_HANDLER, ERROR_PREFIX, ERROR_TIME, HEADERS_CUT, HISTORY,
    ORIGIN, PAYLOAD_CUT, REPLAYED_FROM, SOURCE_PREFIX,
};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{collected, message};
use crate::publish::Message;
pub(crate) use crate::record::SourcePlace;
use crate::record::{Origin, Record};

/// How a record failed, as its dead letter has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FailureDetails {
    /// Where the dead letter is: `orders.dead-letter/0@17`.
    #[serde(rename = "letter")]
    pub(crate) position: String,
    pub(crate) class: String,
    pub(crate) error: String,
    pub(crate) attempts: Option<u32>,
    pub(crate) event: Option<String>,
    pub(crate) handler: Option<String>,
    /// When the dead letter was written, in RFC 3339.
    pub(crate) time: Option<String>,
    pub(crate) source: Option<SourcePlace>,
}

/// A dead letter.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct DeadLetter {
    pub(crate) failure: FailureDetails,
    /// The failures of earlier dead letters, the first one first.
    pub(crate) history: Vec<FailureDetails>,
    /// The length in bytes of the payload that was cut.
    pub(crate) payload_cut: Option<u64>,
    pub(crate) headers_cut: bool,
}

impl FailureDetails {
    /// The value of the header with the history.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl DeadLetter {
    /// Reads a record of a dead-letter topic; `None` if it is not a dead letter of this framework.
    pub(crate) fn open(record: &Record) -> Option<Self> {
        let text = |name: &str| {
            let value = record.header(name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let history = record.headers().filter(|(name, _)| *name == HISTORY);
        Some(Self {
            failure: FailureDetails {
                position: record.to_string(),
                class: text(CLASS)?,
                error: text(ERROR).unwrap_or_default(),
                attempts: text(ATTEMPTS).and_then(|count| count.parse().ok()),
                event: text(ERROR_EVENT),
                handler: text(ERROR_HANDLER),
                time: text(ERROR_TIME),
                source: Origin::from_headers(record).map(|origin| origin.place),
            },
            history: history
                .filter_map(|(_, value)| serde_json::from_slice(value?).ok())
                .collect(),
            payload_cut: text(PAYLOAD_CUT).and_then(|size| size.parse().ok()),
            headers_cut: text(HEADERS_CUT).is_some(),
        })
    }

    /// The message that restores the record, and the partition of its source topic. Its headers have the dead letter's position and the
    /// failure, so that a second failure is recognised; and the record's first origin, so that it is still the same event.
    ///
    /// It has no timestamp: with the old one, retention could delete it at once.
    ///
    /// # Errors
    ///
    /// If a part of the record is missing.
    pub(crate) fn restore(&self, record: &Record) -> Result<(Message, i32), String> {
        let Some(source) = &self.failure.source else {
            return Err("the dead letter has no source position".to_owned());
        };
        if let Some(size) = self.payload_cut {
            return Err(format!(
                "the dead letter was too large for its topic and has lost its payload of {size} bytes; read the record again with \
                 `replay` from offset {} of partition {} of `{}`, if it still exists",
                source.offset, source.partition, source.topic
            ));
        }
        if self.headers_cut {
            return Err("the dead letter was too large for its topic and has lost its headers".to_owned());
        }
        let mut headers = collected(record.headers().filter(|(name, _)| !is_of_dead_letter(name)));
        headers.push(HISTORY, Some(&self.failure.to_json()));
        headers.push(REPLAYED_FROM, Some(self.failure.position.as_bytes()));
        let first = Origin::before(record, source).or_else(|| Origin::from_headers(record));
        if let Some(first) = first {
            headers.push(ORIGIN, Some(first.to_string().as_bytes()));
        }
        let message = message(Arc::from(source.topic.as_str()), record, headers);
        Ok((message, source.partition))
    }
}

/// The unchanged message of a record of a retry topic, for another one: with the same due time, and still the same event.
pub(crate) fn moved(record: &Record, topic: &Arc<str>) -> Message {
    message(Arc::clone(topic), record, collected(record.headers()))
}

/// Whether a header belongs to the dead letter, and not to its record.
fn is_of_dead_letter(name: &str) -> bool {
    is_of_failure(name) || name == REPLAYED_FROM
}

/// Whether a header describes the record's last failure: how it failed, and where it was read. Each failure sets them again.
pub(super) fn is_of_failure(name: &str) -> bool {
    let names = [ERROR, DUE, ORIGIN, PAYLOAD_CUT, HEADERS_CUT];
    names.contains(&name) || name.starts_with(ERROR_PREFIX) || name.starts_with(SOURCE_PREFIX)
}

#[cfg(test)]
mod tests {
    use crate::handler::failure_kind::FailureKind;
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::super::{Reason, dead_letter, retry_message};
    use super::*;
    use crate::assignment::Assignment;
    use crate::publish::MessageHeaders;
    use crate::publish::envelope::reply_id;
    use crate::record::RawRecord;

    fn record(
        topic: &str,
        offset: i64,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: &MessageHeaders,
    ) -> Record {
        let headers: Vec<_> = headers.iter().collect();
        let assignment = Arc::new(Assignment::new(0, topic.into(), 2));
        if topic.starts_with("retry.") {
            assignment.set_retry_topic();
        }
        Record::at(
            &assignment,
            &RawRecord {
                offset,
                timestamp: Some(5),
                key,
                payload,
                headers: &headers,
            },
        )
    }

    fn fail(record: &Record, error: &str, offset: i64) -> Record {
        let reason = Reason {
            class: FailureKind::Failed,
            error: error.to_owned(),
            event: Some("shop.order_placed"),
            handler: Some("orders::placed"),
            attempts: 3,
            cut_short: false,
        };
        let letter = dead_letter(&"dead".into(), record, &reason, SystemTime::UNIX_EPOCH);
        self::record(
            "dead",
            offset,
            letter.key.as_deref(),
            letter.payload.as_deref(),
            &letter.headers,
        )
    }

    fn original() -> Record {
        let mut headers = MessageHeaders::default();
        headers.push("kaufmann-callback-topic", Some(b"answers"));
        headers.push("null", None);
        record("shop", 7, Some(b"ada"), Some(b"payload"), &headers)
    }

    #[test]
    fn a_restored_record_has_its_key_its_partition_and_its_failure() {
        let letter = fail(&original(), "no ledger", 17);
        let opened = DeadLetter::open(&letter).unwrap();
        assert_eq!(
            (opened.failure.position.as_str(), opened.failure.attempts),
            ("dead/2@17", Some(3))
        );
        let (message, partition) = opened.restore(&letter).unwrap();
        assert_eq!((&*message.topic, partition), ("shop", 2));
        assert_eq!(
            (message.key.as_deref(), message.payload.as_deref()),
            (Some(&b"ada"[..]), Some(&b"payload"[..]))
        );
        let names: Vec<_> = message.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["kaufmann-callback-topic", "null", HISTORY, REPLAYED_FROM, ORIGIN]
        );
        assert_eq!(message.headers.get(ORIGIN), Some(&b"shop/2@7 5"[..]));
        assert_eq!(message.headers.get(REPLAYED_FROM), Some(&b"dead/2@17"[..]));
    }

    #[test]
    fn a_second_failure_has_the_first_one_in_its_history() {
        let first = fail(&original(), "no ledger", 17);
        let (again, _) = DeadLetter::open(&first).unwrap().restore(&first).unwrap();
        let again = record(
            "shop",
            40,
            again.key.as_deref(),
            again.payload.as_deref(),
            &again.headers,
        );
        let second = fail(&again, "still none", 18);
        let opened = DeadLetter::open(&second).unwrap();
        assert_eq!(opened.failure.error, "still none");
        assert_eq!(opened.failure.source.as_ref().unwrap().offset, 40);
        assert_eq!(opened.history, [DeadLetter::open(&first).unwrap().failure]);
        let (third, _) = opened.restore(&second).unwrap();
        let count = third.headers.iter().filter(|(name, _)| *name == HISTORY).count();
        assert_eq!(count, 2);
    }

    #[test]
    fn a_record_that_came_through_retry_topics_goes_back_to_its_first_origin() {
        let moved = |record: &Record, topic: &str, offset| {
            let reason = Reason {
                class: FailureKind::Failed,
                error: "no ledger".to_owned(),
                event: None,
                handler: Some("orders::placed"),
                attempts: 3,
                cut_short: false,
            };
            let times = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
            let message = retry_message(&topic.into(), record, &reason, times);
            self::record(
                topic,
                offset,
                message.key.as_deref(),
                message.payload.as_deref(),
                &message.headers,
            )
        };
        let first = moved(&original(), "retry.1", 3);
        let second = moved(&first, "retry.2", 4);
        assert_eq!(second.source().unwrap().timestamp, Some(5));
        let reason = Reason {
            class: FailureKind::TimedOut,
            error: "too slow".to_owned(),
            event: None,
            handler: None,
            attempts: 5,
            cut_short: false,
        };
        let letter = dead_letter(&"dead".into(), &second, &reason, SystemTime::UNIX_EPOCH);
        let letter = record(
            "dead",
            17,
            letter.key.as_deref(),
            letter.payload.as_deref(),
            &letter.headers,
        );
        let opened = DeadLetter::open(&letter).unwrap();
        assert_eq!(opened.failure.source, Some(SourcePlace::of(&original())));
        assert_eq!(
            (&*opened.failure.class, opened.failure.handler.as_deref()),
            ("timed-out", None)
        );
        let positions: Vec<_> = opened.history.iter().map(|failure| &*failure.position).collect();
        assert_eq!(positions, ["retry.1/2@3", "retry.2/2@4"]);
        let (message, partition) = opened.restore(&letter).unwrap();
        assert_eq!((&*message.topic, partition), ("shop", 2));
        let names: Vec<_> = message.headers.iter().map(|(name, _)| name).collect();
        let history = [HISTORY; 3];
        assert_eq!(names[..2], ["kaufmann-callback-topic", "null"]);
        assert_eq!(
            (&names[2..5], &names[5..]),
            (&history[..], &[REPLAYED_FROM, ORIGIN][..])
        );
    }

    /// A step on a record's way: it fails and waits in a retry topic, or becomes a dead letter that is replayed.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Retry,
        SendBack,
    }

    /// The record after a step. Each copy has its own timestamp and offset.
    fn after(record: &Record, step: Step, offset: i64) -> Record {
        let reason = Reason {
            class: FailureKind::Failed,
            error: "no ledger".to_owned(),
            event: None,
            handler: None,
            attempts: 3,
            cut_short: false,
        };
        let times = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        let written = |message: &Message, offset: i64| {
            let headers: Vec<_> = message.headers.iter().collect();
            let assignment = Arc::new(Assignment::new(0, Arc::clone(&message.topic), 2));
            if message.topic.starts_with("retry.") {
                assignment.set_retry_topic();
            }
            let raw = RawRecord {
                offset,
                timestamp: Some(1_000 + offset),
                key: message.key.as_deref(),
                payload: message.payload.as_deref(),
                headers: &headers,
            };
            Record::at(&assignment, &raw)
        };
        match step {
            Step::Retry => written(&retry_message(&"retry.1".into(), record, &reason, times), offset),
            Step::SendBack => {
                let dead = written(&dead_letter(&"dead".into(), record, &reason, times.0), offset);
                let (message, _) = DeadLetter::open(&dead).unwrap().restore(&dead).unwrap();
                written(&message, offset)
            }
        }
    }

    proptest! {
        #[test]
        fn a_record_is_the_same_event_with_the_same_reply_ids_after_any_steps(
            steps in prop::collection::vec(prop_oneof![Just(Step::Retry), Just(Step::SendBack)], 0..8),
        ) {
            let original = original();
            let mut record = original.clone();
            let mut errors = vec![reply_id(&record, None, "event.error.x", 0)];
            for (number, step) in steps.into_iter().enumerate() {
                record = after(&record, step, 10 + number as i64);
                prop_assert_eq!(record.event_id(), original.event_id());
                let origin = record.origin().unwrap();
                prop_assert_eq!(
                    reply_id(&record, Some(&origin), "shop.order_confirmed", 1),
                    reply_id(&original, None, "shop.order_confirmed", 1)
                );
                // There is one error event for each time that it is read from its topic, with an id of its own.
                let error = reply_id(&record, record.source().as_ref(), "event.error.x", 0);
                match step {
                    Step::Retry => prop_assert_eq!(Some(&error), errors.last()),
                    Step::SendBack => {
                        prop_assert!(!errors.contains(&error));
                        errors.push(error);
                    }
                }
            }
        }
    }

    #[test]
    fn kaufmanns_headers_that_a_producer_has_written_do_not_travel_with_its_record() {
        let mut headers = MessageHeaders::default();
        for (name, value) in [
            ("kaufmann-source-topic", "payments"),
            ("kaufmann-source-timestamp", "77"),
            (ORIGIN, "shop/2@900 77"),
            (PAYLOAD_CUT, "5"),
            (DUE, "2999-01-01T00:00:00Z"),
        ] {
            headers.push(name, Some(value.as_bytes()));
        }
        let forged = record("shop", 7, None, None, &headers);
        let dead = fail(&forged, "no", 17);
        assert_eq!(dead.header("kaufmann-source-timestamp"), Some(&b"5"[..]));
        assert_eq!((dead.header(ORIGIN), dead.header(DUE)), (None, None));
        let (message, _) = DeadLetter::open(&dead).unwrap().restore(&dead).unwrap();
        assert_eq!(message.headers.get(ORIGIN), Some(&b"shop/2@7 5"[..]));
    }

    #[test]
    fn a_shortened_dead_letter_is_not_restored() {
        let mut headers = MessageHeaders::default();
        for (name, value) in fail(&original(), "no", 17).headers() {
            headers.push(name, value);
        }
        headers.push(PAYLOAD_CUT, Some(b"50000"));
        let short = record("dead", 17, Some(b"ada"), None, &headers);
        let error = DeadLetter::open(&short).unwrap().restore(&short).unwrap_err();
        assert!(
            error.contains("has lost its payload of 50000 bytes")
                && error.contains("offset 7 of partition 2 of `shop`"),
            "{error}"
        );
    }

    #[test]
    fn a_record_without_kaufmanns_headers_is_not_a_dead_letter() {
        assert_eq!(DeadLetter::open(&original()), None);
    }
}
