//! A source for `replay`, which pushes the records into it: there is no group, and commits are only noted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Assignment, CommitOffset, Sink, Source, SourceError, SourceEvent, Waker};
use crate::record::Record;

/// The id of the next assignment. Ids must be unique among the sources of one service, and it has only this one.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A source, and the feed that fills it.
pub(crate) fn history(places: impl IntoIterator<Item = (String, i32)>) -> (HistorySource, HistoryFeed) {
    let lane = |(topic, partition): (String, i32)| {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let assignment = Arc::new(Assignment::new(id, topic.as_str().into(), partition));
        (
            (topic, partition),
            Queue {
                assignment,
                records: VecDeque::new(),
                committed: None,
            },
        )
    };
    let shared = Shared {
        queues: places.into_iter().map(lane).collect(),
        ..Shared::default()
    };
    let feed = HistoryFeed(Arc::new(Mutex::new(shared)));
    (HistorySource(feed.clone()), feed)
}

/// The source.
pub(crate) struct HistorySource(HistoryFeed);

/// Fills a [`HistorySource`].
#[derive(Clone)]
pub(crate) struct HistoryFeed(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    queues: BTreeMap<(String, i32), Queue>,
    waiting: usize,
    events: VecDeque<SourceEvent>,
    waker: Option<Waker>,
}

struct Queue {
    assignment: Arc<Assignment>,
    records: VecDeque<Record>,
    committed: Option<i64>,
}

impl HistoryFeed {
    /// Adds a record of a known partition.
    pub(crate) fn push(&self, record: Record) {
        let mut shared = self.shared();
        let place = (record.topic().to_owned(), record.partition());
        if let Some(queue) = shared.queues.get_mut(&place) {
            queue.records.push_back(record);
            shared.waiting += 1;
            shared.wake();
        }
    }

    /// The number of records that have not been read yet.
    pub(crate) fn waiting(&self) -> usize {
        self.shared().waiting
    }

    /// The committed offsets, by topic and partition.
    pub(crate) fn committed(&self) -> BTreeMap<(String, i32), i64> {
        let shared = self.shared();
        let known = shared
            .queues
            .iter()
            .filter_map(|(place, queue)| Some((place.clone(), queue.committed?)));
        known.collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

impl Source for HistorySource {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        let mut shared = self.0.shared();
        let all = shared
            .queues
            .values()
            .map(|queue| Arc::clone(&queue.assignment))
            .collect();
        shared.events.push_back(SourceEvent::Assigned(all));
        waker.wake();
        shared.waker = Some(waker);
        Ok(())
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        events.extend(self.0.shared().events.drain(..));
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let mut shared = self.0.shared();
        let place = (assignment.topic().to_owned(), assignment.partition());
        let Some(queue) = shared.queues.get_mut(&place) else {
            return 0;
        };
        let mut read = 0;
        while read < max
            && let Some(record) = queue.records.pop_front()
        {
            read += 1;
            let headers: Vec<_> = record.headers().collect();
            let raw = record.raw(&headers);
            if sink(&raw).is_break() {
                break;
            }
        }
        shared.waiting -= read;
        read
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        let mut shared = self.0.shared();
        for commit in &offsets {
            let place = (
                commit.assignment.topic().to_owned(),
                commit.assignment.partition(),
            );
            if let Some(queue) = shared.queues.get_mut(&place) {
                queue.committed = Some(commit.offset);
            }
        }
        shared.events.push_back(SourceEvent::Committed {
            offsets,
            result: Ok(()),
        });
        shared.wake();
    }

    fn release(&mut self, _: &[Arc<Assignment>]) {}

    fn close(&mut self, _: Duration) {
        self.0.shared().waker = None;
    }
}
