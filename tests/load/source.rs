//! A partition whose records are created when they are read: a backlog that takes no memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaufmann::Outgoing;
use kaufmann::source::{Assignment, CommitOffset, RawRecord, Sink, Source, SourceError, SourceEvent, Waker};

use crate::events::test::Numbered;

/// A record of the partition.
pub(crate) struct Item {
    pub(crate) key: String,
    /// Padding.
    pub(crate) padding: usize,
}

/// The partition. Clones share it.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<State>>);

struct State {
    make: fn(i64) -> Item,
    frame: [u8; 5],
    written: i64,
    read: i64,
    committed: i64,
    events: VecDeque<SourceEvent>,
    waker: Option<Waker>,
}

impl Log {
    /// An empty partition; `make` creates the record at an offset.
    pub(crate) fn new(schema: u32, make: fn(i64) -> Item) -> Self {
        let [a, b, c, d] = schema.to_be_bytes();
        let assignment = Arc::new(Assignment::new(1, "in".into(), 0));
        Self(Arc::new(Mutex::new(State {
            make,
            frame: [0, a, b, c, d],
            written: 0,
            read: 0,
            committed: 0,
            events: VecDeque::from([SourceEvent::Assigned(vec![assignment])]),
            waker: None,
        })))
    }

    /// Appends this many records.
    pub(crate) fn write(&self, records: i64) {
        let waker = {
            let mut state = self.lock();
            state.written += records;
            state.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether all records are committed.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.lock();
        state.committed == state.written
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Log {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        self.lock().waker = Some(waker);
        Ok(())
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        events.extend(self.lock().events.drain(..));
    }

    fn read(&mut self, _: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let mut state = self.lock();
        let mut records = 0;
        while records < max && state.read < state.written {
            let offset = state.read;
            let Item { key, padding } = (state.make)(offset);
            let event = Numbered {
                key: key.clone(),
                number: offset,
            };
            let payload = [&state.frame[..], &Outgoing::new(&event).datum].concat();
            let padding = vec![0; padding];
            state.read += 1;
            records += 1;
            let raw = RawRecord {
                offset,
                timestamp: None,
                key: Some(key.as_bytes()),
                payload: Some(&payload),
                headers: &[("padding", Some(&padding))],
            };
            if sink(&raw).is_break() {
                break;
            }
        }
        records
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        let mut state = self.lock();
        state.committed = offsets.last().map_or(state.committed, |commit| commit.offset);
        state.events.push_back(SourceEvent::Committed {
            offsets,
            result: Ok(()),
        });
    }

    fn release(&mut self, _: &[Arc<Assignment>]) {}

    fn close(&mut self, _: Duration) {}
}
