//! What the shards report: the event that has been running longest, and why certain records are unsettled.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::bounded_text::is_control;
use crate::source::Waker;

/// How much of a key is shown.
const KEY_SHOWN: usize = 64;

/// A request to all shards, each of which answers once.
#[derive(Debug)]
pub(crate) struct Sample {
    /// When it was sent.
    pub(crate) at: Instant,
    /// Events that began before this are counted.
    pub(crate) older_than: Option<Instant>,
    /// The requested records: the assignment's id and the offset.
    pub(crate) records: Vec<(u64, i64)>,
    /// Shards that have not answered.
    left: AtomicUsize,
    answers: Mutex<Answers>,
    waker: Waker,
}

/// What the shards answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// The event that has been running longest.
    pub(crate) oldest: Option<Event>,
    /// How many events began before `older_than`.
    pub(crate) older: usize,
    /// Why each requested record that a shard has is unsettled.
    pub(crate) found: Vec<((u64, i64), String)>,
    /// The numbers of the shards that have answered.
    pub(crate) answered: Vec<usize>,
}

/// An event that runs. Two are equal if they are the same attempt at the same record.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The assignment's id, the offset, and the attempt.
    pub(crate) id: (u64, i64, u32),
    pub(crate) since: Instant,
    /// Its name, if the handler is known.
    pub(crate) name: Option<&'static str>,
    /// The handler's path.
    pub(crate) handler: Option<&'static str>,
    /// The key, shortened.
    pub(crate) key: Option<String>,
    /// `orders/3@17`
    pub(crate) record: String,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Sample {
    pub(crate) fn new(
        at: Instant,
        older_than: Option<Instant>,
        records: Vec<(u64, i64)>,
        shards: usize,
        waker: Waker,
    ) -> Self {
        Self {
            at,
            older_than,
            records,
            left: AtomicUsize::new(shards),
            answers: Mutex::default(),
            waker,
        }
    }

    /// Adds the answer of a shard.
    pub(crate) fn answer(&self, shard: usize, of_shard: Answers) {
        {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.add(of_shard);
            answers.answered.push(shard);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }

    /// How many shards have not answered.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    /// Returns the answers so far.
    pub(crate) fn answers(&self) -> Answers {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Answers {
    /// Adds a running event, of which only the oldest is kept.
    pub(crate) fn runs(&mut self, event: impl FnOnce() -> Option<Event>, since: Instant) {
        if self.oldest.as_ref().is_none_or(|oldest| since < oldest.since)
            && let Some(event) = event()
        {
            self.oldest = Some(event);
        }
    }

    fn add(&mut self, other: Self) {
        if let Some(event) = other.oldest {
            let since = event.since;
            self.runs(|| Some(event), since);
        }
        self.older += other.older;
        self.found.extend(other.found);
    }
}

impl Event {
    /// `users::create` blocks its thread: user.create of orders/3@17 (key k1), attempt 2
    pub(crate) fn describe_blocking(&self) -> String {
        let handler = self
            .handler
            .map_or_else(|| "an attempt".to_owned(), |path| format!("`{path}`"));
        format!("{handler} blocks its thread: {}", self.describe_record())
    }

    /// `user.create of orders/3@17 (key k1), attempt 2, running for 12s`
    pub(crate) fn describe(&self, age: Duration) -> String {
        format!("{}, running for {}s", self.describe_record(), age.as_secs())
    }

    fn describe_record(&self) -> String {
        let name = self.name.unwrap_or("a record");
        let key = self
            .key
            .as_ref()
            .map_or_else(|| "no key".to_owned(), |key| format!("key {key}"));
        let (record, attempt) = (&self.record, self.id.2);
        format!("{name} of {record} ({key}), attempt {attempt}")
    }
}

/// Returns a key as text, shortened and without control characters.
pub(crate) fn shortened(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let mut chars = text.chars().map(|c| if is_control(c) { '·' } else { c });
    let mut shown: String = chars.by_ref().take(KEY_SHOWN).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A duration as a log line shows it.
pub(crate) struct Age(pub(crate) Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let shown = if self.0 < Duration::from_secs(10) {
            Duration::from_millis(milliseconds)
        } else {
            Duration::from_secs(milliseconds / 1000)
        };
        humantime::format_duration(shown).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_shortened_and_invalid_text_is_shown_too() {
        assert_eq!(shortened(b"k1"), "k1");
        assert_eq!(shortened(b"k\xff"), "k\u{fffd}");
        assert_eq!(shortened(b"\x1b[31mred"), "·[31mred");
        let long = shortened("é".repeat(100).as_bytes());
        assert_eq!((long.chars().count(), long.ends_with("é…")), (65, true));
    }

    #[test]
    fn an_age_is_shown_without_needless_digits() {
        assert_eq!(Age(Duration::from_micros(2_500_700)).to_string(), "2s 500ms");
        assert_eq!(Age(Duration::from_millis(75_250)).to_string(), "1m 15s");
    }
}
