//! What the handlers of every contender do: add one field to a checksum, and note what proves that the run was correct.
//!
//! The cost is the same for all contenders: a few plain loads and stores in a cache line that belongs to the record's key,
//! which only one handler at a time may touch.

use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Notify;

use crate::latency::Times;
use crate::window::Window;
use crate::{Contend, Kind, Report, Usage, amount};

/// Which records a contender promises to handle one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The records of a key.
    Key,
    /// The records of a partition.
    Partition,
    /// Nothing.
    None,
}

/// Shared by the handlers of one run.
pub struct Checks {
    keys: Vec<Key>,
    order: Order,
    kind: Kind,
    records: u64,
    work: Duration,
    start: Instant,
    /// Keys with records that are not handled yet.
    unfinished: AtomicU64,
    /// Replies: records that are not settled yet.
    unsettled: AtomicU64,
    ended: Mutex<Option<(u64, Usage)>>,
    all_done: Notify,
    /// For records that are written while they are handled.
    times: Option<Times>,
    window: Option<Window>,
}

/// The state of one key, in its own cache line.
#[derive(Default)]
#[repr(align(128))]
struct Key {
    count: AtomicU64,
    sum: AtomicU64,
    /// The last sequence number plus one.
    last: AtomicU64,
    disorder: AtomicU64,
    /// Nanoseconds since the start.
    first_entry: AtomicU64,
    last_end: AtomicU64,
    /// Nanoseconds that handlers of this key took.
    worked: AtomicU64,
}

impl Checks {
    /// For a run that begins now.
    #[must_use]
    pub fn new(contend: &Contend, order: Order) -> Self {
        Self {
            keys: (0..contend.keys).map(|_| Key::default()).collect(),
            order,
            kind: contend.kind,
            records: contend.records,
            work: Duration::from_micros(contend.work),
            start: Instant::now(),
            unfinished: AtomicU64::new(contend.keys.min(contend.records)),
            unsettled: AtomicU64::new(contend.records),
            ended: Mutex::new(None),
            all_done: Notify::new(),
            times: (contend.kind == Kind::Live).then(|| Times::new(contend)),
            window: (contend.kind == Kind::Window).then(|| Window::new(contend)),
        }
    }

    /// Handles a record without work.
    #[inline]
    pub fn handle(&self, sequence: i64, field: i64) {
        let sequence = sequence as u64;
        // Without order two handlers of a key may run at once.
        let add = if self.order == Order::None {
            add_among_others
        } else {
            add_alone
        };
        self.enter(sequence, field, add);
        self.leave(sequence, add);
    }

    /// Handles a record with the work of the workload.
    pub async fn work(&self, sequence: i64, field: i64) {
        let (sequence, key) = (sequence as u64, sequence as u64 % self.keys.len() as u64);
        self.enter(sequence, field, add_among_others);
        let before = Instant::now();
        match self.kind {
            Kind::Cpu => compute(self.work),
            Kind::Sleep | Kind::Window => tokio::time::sleep(self.work).await,
            Kind::Slow | Kind::Live if key == 0 && !self.work.is_zero() => {
                tokio::time::sleep(self.work).await
            }
            Kind::Slow | Kind::Live | Kind::Drain | Kind::Reply | Kind::Publish => {}
        }
        add_among_others(&self.key(sequence).worked, before.elapsed().as_nanos() as u64);
        self.leave(sequence, add_among_others);
        if let Some(window) = &self.window {
            window.handled();
        }
    }

    /// Notes that a record's reply is delivered, and the record settled.
    pub fn settled(&self) {
        if self.unsettled.fetch_sub(1, AcqRel) == 1 && self.kind == Kind::Reply {
            self.end();
        }
    }

    #[inline]
    fn key(&self, sequence: u64) -> &Key {
        &self.keys[(sequence % self.keys.len() as u64) as usize]
    }

    #[inline]
    fn enter(&self, sequence: u64, field: i64, add: fn(&AtomicU64, u64) -> u64) {
        if let Some(times) = &self.times {
            times.begun(sequence);
        }
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
        if self.window.is_none() && count == self.records_of(sequence % self.keys.len() as u64) {
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
        if self.unfinished.fetch_sub(1, AcqRel) == 1 && self.kind != Kind::Reply {
            self.end();
        }
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.now(), Usage::now()));
        self.all_done.notify_one();
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        if let Some(window) = &self.window {
            let is_over = window.left().is_zero();
            if is_over {
                self.end();
            }
            return is_over;
        }
        let open = match self.kind {
            Kind::Reply => &self.unsettled,
            _ => &self.unfinished,
        };
        open.load(Acquire) == 0
    }

    /// Waits for the end of the run: all records handled; with replies: all settled; with a window: its end.
    pub async fn done(&self) {
        match &self.window {
            Some(window) => {
                tokio::time::sleep(window.left()).await;
                self.end();
            }
            None => self.all_done.notified().await,
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Checks the run and prints what it took.
    ///
    /// # Errors
    ///
    /// If records are missing, were handled twice, or out of the promised order.
    pub fn print(&self, contend: &Contend) -> Result<()> {
        println!("{}", serde_json::to_string(&self.report(contend)?)?);
        Ok(())
    }

    fn report(&self, contend: &Contend) -> Result<Report> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (end, usage) = ended.ok_or_else(|| anyhow::anyhow!("the run did not end"))?;
        let ordered = self.prove()?;

        let load = |of: fn(&Key) -> &AtomicU64| self.keys.iter().map(move |key| of(key).load(Relaxed));
        let first = load(|key| &key.first_entry).min().unwrap_or_default();
        let last = load(|key| &key.last_end).max().unwrap_or_default();
        let others = load(|key| &key.last_end).skip(1).max().unwrap_or_default();
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let elapsed_s = match self.kind {
            Kind::Window => contend.seconds as f64,
            Kind::Reply => seconds(end.saturating_sub(first)),
            _ => seconds(last.saturating_sub(first)),
        };
        Ok(Report {
            elapsed_s,
            first_s: seconds(first),
            cpu_s: usage.cpu_s,
            rss_mb: Usage::peak_mb()?,
            switches: usage.switches,
            ideal_s: self.ideal(contend),
            others_s: (self.kind == Kind::Slow).then(|| seconds(others.saturating_sub(first))),
            latency: self.times.as_ref().and_then(|times| times.latency(contend.keys)),
            handled: self.window.as_ref().map(Window::count),
            ordered,
        })
    }

    /// Whether the order of all keys was kept, if each record was handled once.
    fn prove(&self) -> Result<bool> {
        let total =
            |of: fn(&Key) -> &AtomicU64| self.keys.iter().map(|key| of(key).load(Relaxed)).sum::<u64>();
        if self.window.is_none() {
            ensure!(
                total(|key| &key.count) == self.records,
                "some records were not handled exactly once"
            );
            let sum = total(|key| &key.sum);
            let expected = (0..self.records).map(amount).sum::<i64>() as u64;
            ensure!(sum == expected, "the checksum is {sum} instead of {expected}");
        }
        let disorder = total(|key| &key.disorder);
        // The sequence numbers of a key only rise and their count is right, so none was handled twice.
        let ordered = disorder == 0;
        ensure!(
            ordered || self.order == Order::None,
            "{disorder} records came out of order"
        );
        Ok(ordered)
    }

    /// The least time that the work could take: the work of the longest sequence, or all work divided by `in_flight`.
    fn ideal(&self, contend: &Contend) -> Option<f64> {
        let worked = |key: &Key| key.worked.load(Relaxed) as f64 / 1e9;
        let all: f64 = self.keys.iter().map(worked).sum();
        match self.kind {
            Kind::Sleep => {}
            Kind::Cpu => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let work = self.work.as_secs_f64() * self.records as f64;
                return Some(work / cores.min(contend.in_flight) as f64);
            }
            Kind::Drain | Kind::Slow | Kind::Live | Kind::Window | Kind::Reply | Kind::Publish => {
                return None;
            }
        }
        let serial = match self.order {
            Order::Key => self.keys.iter().map(worked).fold(0.0, f64::max),
            Order::Partition => (0..contend.partitions as usize)
                .map(|partition| {
                    let keys = self.keys.iter().skip(partition);
                    keys.step_by(contend.partitions as usize).map(worked).sum()
                })
                .fold(0.0, f64::max),
            Order::None => 0.0,
        };
        Some(serial.max(all / contend.in_flight as f64))
    }
}

/// Adds where only one handler runs at a time; returns the sum.
#[inline]
fn add_alone(to: &AtomicU64, what: u64) -> u64 {
    let sum = to.load(Relaxed).wrapping_add(what);
    to.store(sum, Relaxed);
    sum
}

/// Adds where several handlers may run at once; returns the sum.
fn add_among_others(to: &AtomicU64, what: u64) -> u64 {
    to.fetch_add(what, Relaxed).wrapping_add(what)
}

/// Computes for this long, measured in the thread's CPU time.
fn compute(time: Duration) {
    let until = Usage::of_thread() + time;
    while Usage::of_thread() < until {
        for _ in 0..50 {
            std::hint::spin_loop();
        }
    }
}
