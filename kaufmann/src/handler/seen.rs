//! Remembers which events were handled, for handlers whose work cannot be repeated.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::record::Record;

/// The ids of the events that were handled within a period, in memory.
///
/// Kafka delivers at least once, so a handler may be given an event that was handled already. If its work cannot be repeated, it
/// can check first:
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::{Context, Failure, Seen, handler};
///
/// struct App {
///     welcomed: Seen, // Seen::new(Duration::from_secs(3_600))
/// }
///
/// #[handler(event = "user.created")]
/// async fn welcome(event: user::Created, cx: &Context<App>) -> Result<(), Failure> {
///     if cx.state.welcomed.contains(cx.record()) {
///         return Ok(());
///     }
///     send_mail(&event.email).await?;
///     cx.state.welcomed.insert(cx.record()); // only now: an attempt that fails must be repeated
///     Ok(())
/// }
/// # async fn send_mail(_: &str) -> Result<(), Failure> { Ok(()) }
/// # fn main() {}
/// ```
///
/// The ids are lost when the process ends, and other instances do not have them. So this avoids most repetitions, but guarantees
/// nothing. Work that must be done once belongs into one transaction with a note that it was done, under [`Record::event_id`]:
/// `examples/accounts` shows that with SQLite.
///
/// Records of one key are handled one after another, so nothing happens between `contains` and `insert`. If the same event may come
/// with different keys, both may be handled.
///
/// An event takes its id and some 100 bytes of memory, for as long as it is kept.
#[derive(Debug)]
pub struct Seen {
    keep: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    ids: HashSet<Arc<str>>,
    /// In the order in which they were inserted, in which they also expire.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Seen {
    /// Empty at first; keeps each event for `keep`. That should be longer than the time after which a record can come again: the
    /// interval between two commits, and the time-out of a producer that sends again.
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self {
            keep,
            known: Mutex::default(),
        }
    }

    /// Whether the event of this record was handled within that time.
    #[must_use]
    pub fn contains(&self, record: &Record) -> bool {
        self.known().ids.contains(&*record.event_id())
    }

    /// Remembers that the event of this record was handled.
    pub fn insert(&self, record: &Record) {
        let id: Arc<str> = record.event_id().into();
        let mut known = self.known();
        if known.ids.insert(Arc::clone(&id)) {
            known.order.push_back((Instant::now(), id));
        }
    }

    /// The number of events that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known().ids.len()
    }

    /// Whether no event is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events that are kept, without those that have expired.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Known { ids, order } = &mut *known;
        while let Some((_, id)) = order.pop_front_if(|(since, _)| now.duration_since(*since) >= self.keep) {
            ids.remove(&id);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RawRecord;

    fn record(offset: i64, headers: &[(&str, Option<&[u8]>)]) -> Record {
        Record::of(&RawRecord {
            offset,
            timestamp: None,
            key: None,
            payload: None,
            headers,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_kept_for_its_time() {
        let seen = Seen::new(Duration::from_secs(10));
        seen.insert(&record(0, &[]));
        tokio::time::advance(Duration::from_secs(6)).await;
        seen.insert(&record(1, &[]));
        assert!(seen.contains(&record(0, &[])) && seen.contains(&record(1, &[])));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!seen.contains(&record(0, &[])) && seen.contains(&record(1, &[])));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(seen.is_empty());
    }

    #[test]
    fn an_event_is_recognised_at_any_offset_and_by_its_source_too() {
        let seen = Seen::new(Duration::from_secs(3_600));
        let id = |source| [("ce_id", Some(&b"1"[..])), ("ce_source", Some(source))];
        seen.insert(&record(0, &id(b"/a")));
        assert!(seen.contains(&record(9, &id(b"/a"))));
        assert!(!seen.contains(&record(0, &id(b"/b"))));
        assert_eq!(seen.len(), 1);
    }
}
