//! Which events were handled already, for handlers whose work cannot be repeated.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::record::Record;

/// The events that were handled within a time, by their ids, in memory.
///
/// Kafka delivers at least once, so a handler may be given an event that was handled already. Where its work cannot simply be done
/// again, it can ask first:
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
///     cx.state.welcomed.insert(cx.record()); // only now: an attempt that fails is to be repeated
///     Ok(())
/// }
/// # async fn send_mail(_: &str) -> Result<(), Failure> { Ok(()) }
/// # fn main() {}
/// ```
///
/// What it knows ends with the process, and other instances do not know it. So it spares most repetitions, and guarantees nothing. What
/// must be done once belongs into one transaction with a note that it was done, under [`Record::event_id`]: `examples/accounts`
/// shows that with SQLite.
///
/// Records of one key are handled one after another, so between `contains` and `insert` nothing comes. If the same event may come with
/// different keys, both may be handled.
///
/// An event takes its id and some 100 bytes, for as long as it is kept.
#[derive(Debug)]
pub struct Seen {
    keep: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    ids: HashSet<Arc<str>>,
    /// In the order in which they came, which is that in which they are forgotten.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Seen {
    /// Knows nothing yet, and forgets an event when it was here for `keep`. That should be longer than a record can come again: the time
    /// between two commits, and for a producer that sends twice its own time-out.
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self {
            keep,
            known: Mutex::default(),
        }
    }

    /// Whether the event of this record was handled within the time.
    #[must_use]
    pub fn contains(&self, record: &Record) -> bool {
        self.known().ids.contains(&*record.event_id())
    }

    /// Notes that the event of this record is handled.
    pub fn insert(&self, record: &Record) {
        let id: Arc<str> = record.event_id().into();
        let mut known = self.known();
        if known.ids.insert(Arc::clone(&id)) {
            known.order.push_back((Instant::now(), id));
        }
    }

    /// How many events it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known().ids.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known, without what is to be forgotten.
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
    async fn an_event_is_known_for_its_time() {
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
    fn an_event_is_known_wherever_it_comes_again_and_by_its_source_too() {
        let seen = Seen::new(Duration::from_secs(3_600));
        let id = |source| [("ce_id", Some(&b"1"[..])), ("ce_source", Some(source))];
        seen.insert(&record(0, &id(b"/a")));
        assert!(seen.contains(&record(9, &id(b"/a"))));
        assert!(!seen.contains(&record(0, &id(b"/b"))));
        assert_eq!(seen.len(), 1);
    }
}
