//! Retry topics, for records that wait too long to be held in memory. Pure.
//!
//! A record whose attempts are used up moves to the first topic, and after each further failure to the next one. All records of a topic
//! wait for the same time, so the first one is due first, and a reader only looks at the head of each partition.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Config;
use crate::record::Record;
use crate::record::names::{ATTEMPTS, DUE};

/// The retry topics, in order.
#[derive(Debug, Default)]
pub(crate) struct RetryTopics(Vec<RetryTopic>);

/// A retry topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RetryTopic {
    pub(crate) name: Arc<str>,
    /// How long a record waits in it.
    pub(crate) delay: Duration,
}

impl RetryTopics {
    pub(crate) fn new(config: &Config) -> Self {
        let topics = config.retry_topics().into_iter();
        Self(
            topics
                .map(|(name, delay)| RetryTopic {
                    name: name.into(),
                    delay,
                })
                .collect(),
        )
    }

    /// The retry topic with this name.
    pub(crate) fn find(&self, topic: &str) -> Option<&RetryTopic> {
        self.0.iter().find(|own| *own.name == *topic)
    }

    /// The next retry topic of a record whose attempts are used up; `None` after the last one.
    pub(crate) fn next(&self, record: &Record) -> Option<&RetryTopic> {
        let current = self.0.iter().position(|own| *own.name == *record.topic());
        self.0.get(current.map_or(0, |index| index + 1))
    }

    /// The number of the first attempt at a record: 1, or in a retry topic one more than the attempts before.
    #[inline]
    pub(crate) fn first_attempt(&self, record: &Record) -> u32 {
        // In other topics any producer may write such a header.
        if self.0.is_empty() || self.find(record.topic()).is_none() {
            return 1;
        }
        let attempts = record.header(ATTEMPTS).and_then(number);
        attempts.unwrap_or(0).saturating_add(1)
    }
}

/// How much longer a record with these headers must wait in a topic with this delay; never longer than the delay.
pub(crate) fn wait(headers: &[(&str, Option<&[u8]>)], delay: Duration, now: SystemTime) -> Duration {
    let due = headers
        .iter()
        .rev()
        .find_map(|(name, value)| (*name == DUE).then_some(*value)?);
    let due = due
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| humantime::parse_rfc3339(text).ok());
    let wait = due.and_then(|due| due.duration_since(now).ok());
    wait.unwrap_or_default().min(delay)
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::Assignment;
    use crate::record::RawRecord;

    const MINUTE: Duration = Duration::from_secs(60);

    fn topics() -> RetryTopics {
        let mut config = Config::default();
        config.group.push('g');
        config.retry.topics.delays = vec![MINUTE, MINUTE * 90];
        RetryTopics::new(&config)
    }

    fn record(topic: &str, attempts: &[u8]) -> Record {
        let assignment = Arc::new(Assignment::new(1, topic.into(), 0));
        let headers = [(ATTEMPTS, Some(attempts))];
        Record::at(
            &assignment,
            &RawRecord {
                offset: 0,
                timestamp: None,
                key: None,
                payload: None,
                headers: &headers,
            },
        )
    }

    #[test]
    fn a_record_goes_through_all_topics_in_order_and_its_attempts_add_up() {
        let topics = topics();
        let next = |topic| {
            topics
                .next(&record(topic, b""))
                .map(|next| (&*next.name, next.delay))
        };
        assert_eq!(next("orders"), Some(("g.retry.1m", MINUTE)));
        assert_eq!(next("g.retry.1m"), Some(("g.retry.1h30m", MINUTE * 90)));
        assert_eq!(next("g.retry.1h30m"), None);
        let first = |topic, attempts| topics.first_attempt(&record(topic, attempts));
        assert_eq!((first("g.retry.1m", b"10"), first("g.retry.1m", b"x")), (11, 1));
        assert_eq!(first("orders", b"10"), 1, "any producer may write such a header");
        assert_eq!(RetryTopics::default().next(&record("orders", b"")), None);
    }

    #[test]
    fn a_record_waits_until_it_is_due_and_no_longer_than_its_topics_delay() {
        let now = SystemTime::UNIX_EPOCH + MINUTE * 1000;
        let due = |wait: Duration| humantime::format_rfc3339_millis(now + wait).to_string();
        let wait = |text: &str| super::wait(&[(DUE, Some(text.as_bytes()))], MINUTE, now);
        assert_eq!(wait(&due(MINUTE / 2)), MINUTE / 2);
        assert_eq!(wait(&due(Duration::ZERO)), Duration::ZERO);
        assert_eq!(wait(&due(MINUTE * 600)), MINUTE);
        assert_eq!(wait("1970-01-01T00:00:00Z"), Duration::ZERO);
        assert_eq!(wait("soon"), Duration::ZERO);
        assert_eq!(super::wait(&[], MINUTE, now), Duration::ZERO);
        let last = [(DUE, Some(&b"soon"[..])), (DUE, None)];
        assert_eq!(super::wait(&last, MINUTE, now), Duration::ZERO);
    }
}
