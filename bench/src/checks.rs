//! What every handler does, whoever calls it: adds one field to a checksum, and leaves behind what proves the run.
//!
//! The cost is the same for all contenders: a few plain loads and stores in a cache line that belongs to the record's key,
//! which only one handler at a time may touch.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::arguments::Contend;
use crate::usage::Usage;

/// Shared by the handlers of one run.
pub(crate) struct Checks {
    keys: Vec<Key>,
    records: u64,
    start: Instant,
    unfinished: AtomicU64,
    ended: Mutex<Option<Usage>>,
    all_done: Notify,
    pub(crate) sleep: Duration,
}

/// What is known of one key; alone in its cache line.
#[derive(Default)]
#[repr(align(128))]
struct Key {
    count: AtomicU64,
    sum: AtomicU64,
    /// One more than the sequence number that came last.
    last: AtomicU64,
    disorder: AtomicU64,
    /// Nanoseconds since the start.
    first_entry: AtomicU64,
    last_end: AtomicU64,
    /// Nanoseconds that handlers of this key took.
    worked: AtomicU64,
}

/// What a contender prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// From the first handler's entry to the last one's end.
    pub(crate) elapsed_s: f64,
    /// From the process' start to the first handler's entry.
    pub(crate) first_s: f64,
    /// Of the whole process, to the last handler's end.
    pub(crate) cpu_s: f64,
    /// The most that was resident.
    pub(crate) rss_mb: f64,
    /// Context switches, voluntary and not.
    pub(crate) switches: u64,
    /// Sleeping handlers: the least that the work as measured in the handlers could take.
    pub(crate) ideal_s: Option<f64>,
    /// Whether the order of each key was kept.
    pub(crate) ordered: bool,
}

impl Checks {
    pub(crate) fn new(contend: &Contend) -> Self {
        Self {
            keys: (0..contend.keys).map(|_| Key::default()).collect(),
            records: contend.records,
            start: Instant::now(),
            unfinished: AtomicU64::new(contend.keys.min(contend.records)),
            ended: Mutex::new(None),
            all_done: Notify::new(),
            sleep: Duration::from_millis(contend.sleep),
        }
    }

    /// A handler of an instant event.
    #[inline]
    pub(crate) fn handle(&self, sequence: i64, field: i64) {
        let sequence = sequence as u64;
        self.enter(sequence, field, add_alone);
        self.leave(sequence, add_alone);
    }

    /// A handler that sleeps.
    pub(crate) async fn handle_slowly(&self, sequence: i64, field: i64) {
        let sequence = sequence as u64;
        // Without order two handlers of a key may run at once.
        self.enter(sequence, field, add_among_others);
        let before = Instant::now();
        tokio::time::sleep(self.sleep).await;
        let worked = before.elapsed().as_nanos() as u64;
        add_among_others(&self.key(sequence).worked, worked);
        self.leave(sequence, add_among_others);
    }

    #[inline]
    fn key(&self, sequence: u64) -> &Key {
        &self.keys[(sequence % self.keys.len() as u64) as usize]
    }

    #[inline]
    fn enter(&self, sequence: u64, field: i64, add: fn(&AtomicU64, u64) -> u64) {
        let key = self.key(sequence);
        let last = key.last.load(Relaxed);
        if last == 0 {
            key.first_entry.store(self.now(), Relaxed);
        }
        if last > sequence {
            key.disorder.fetch_add(1, Relaxed);
        }
        key.last.store(sequence + 1, Relaxed);
        add(&key.sum, field as u64);
    }

    #[inline]
    fn leave(&self, sequence: u64, add: fn(&AtomicU64, u64) -> u64) {
        let key = self.key(sequence);
        let count = add(&key.count, 1);
        if count == self.records_of(sequence % self.keys.len() as u64) {
            self.key_done(key);
        }
    }

    fn records_of(&self, key: u64) -> u64 {
        let keys = self.keys.len() as u64;
        self.records / keys + u64::from(key < self.records % keys)
    }

    #[cold]
    fn key_done(&self, key: &Key) {
        key.last_end.store(self.now(), Relaxed);
        if self.unfinished.fetch_sub(1, std::sync::atomic::Ordering::AcqRel) == 1 {
            *self
                .ended
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Usage::now());
            self.all_done.notify_one();
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.unfinished.load(std::sync::atomic::Ordering::Acquire) == 0
    }

    /// Waits until each key has all its records.
    pub(crate) async fn done(&self) {
        self.all_done.notified().await;
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Checks the run and says what it took.
    pub(crate) fn report(&self, contend: &Contend) -> Result<Report> {
        let load = |value: &AtomicU64| value.load(Relaxed);
        let total = |of: fn(&Key) -> &AtomicU64| self.keys.iter().map(|key| load(of(key))).sum::<u64>();
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        let ended = ended.ok_or_else(|| anyhow::anyhow!("the run did not end"))?;

        ensure!(
            total(|key| &key.count) == self.records,
            "not each record was handled once"
        );
        let sum = total(|key| &key.sum);
        let expected = (0..self.records).map(crate::fill::amount).sum::<i64>() as u64;
        ensure!(sum == expected, "the checksum is {sum} instead of {expected}");
        let disorder = total(|key| &key.disorder);
        // In order, with none behind its predecessor and as many as there are, none can have come twice.
        let ordered = disorder == 0;
        ensure!(
            ordered || contend.name == "spawn",
            "{disorder} records came out of order"
        );

        let first = self
            .keys
            .iter()
            .map(|key| load(&key.first_entry))
            .min()
            .unwrap_or_default();
        let last = self
            .keys
            .iter()
            .map(|key| load(&key.last_end))
            .max()
            .unwrap_or_default();
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let longest = self
            .keys
            .iter()
            .map(|key| load(&key.worked))
            .max()
            .unwrap_or_default();
        let work = total(|key| &key.worked);
        Ok(Report {
            elapsed_s: seconds(last - first),
            first_s: seconds(first),
            cpu_s: ended.cpu_s,
            rss_mb: Usage::peak_mb()?,
            switches: ended.switches,
            ideal_s: (work > 0).then(|| match ordered {
                true => seconds(longest).max(seconds(work) / contend.in_flight as f64),
                false => seconds(work) / contend.in_flight as f64,
            }),
            ordered,
        })
    }
}

/// Adds where only one handler at a time can be; gives the sum.
#[inline]
fn add_alone(to: &AtomicU64, what: u64) -> u64 {
    let sum = to.load(Relaxed).wrapping_add(what);
    to.store(sum, Relaxed);
    sum
}

/// Adds where several handlers may be; gives the sum.
fn add_among_others(to: &AtomicU64, what: u64) -> u64 {
    to.fetch_add(what, Relaxed).wrapping_add(what)
}
