//! The shared state of a run: the clock, the journal, randomness, and the current faults.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::double::Double;
use crate::journal::{Entry, What};
use crate::plan::{Act, End, Plan};

/// Shared by everything in one run. Clones share state.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

/// How many steps tasks may make at one instant of the clock; a run makes some hundred.
const MOST_STEPS: u64 = 1_000_000;

struct Inner {
    plan: Plan,
    double: Double,
    start: Instant,
    journal: Mutex<Vec<Entry>>,
    rng: Mutex<Rng>,
    /// The number of attempts at each record.
    tried: Mutex<HashMap<(i32, i64), usize>>,
    tokens: Mutex<u64>,
    /// The instant of the clock, and how many steps the runtime's tasks have made since it came.
    steps: Mutex<(Instant, u64)>,
    weather: Mutex<Weather>,
}

/// The current faults, with their ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) commits_fail: Instant,
    pub(crate) letters_refused: (Instant, u8),
    pub(crate) replies_refused: (Instant, u8),
    /// One message in this many is too large.
    pub(crate) too_large: (Instant, u64),
    /// Whether the transaction fails for it instead of a message.
    pub(crate) letters_closed: (Instant, bool),
    pub(crate) replies_closed: (Instant, bool),
    pub(crate) transactions_fail: Instant,
    pub(crate) held: Instant,
    pub(crate) full: Instant,
    pub(crate) registry_down: Instant,
}

impl World {
    /// Must be called within the runtime whose clock it uses.
    pub(crate) fn new(plan: Plan, double: Double) -> Self {
        let start = Instant::now();
        let rng = Rng::with_seed(plan.seed ^ 0x5eed);
        Self(Arc::new(Inner {
            plan,
            double,
            start,
            journal: Mutex::default(),
            rng: Mutex::new(rng),
            tried: Mutex::default(),
            tokens: Mutex::default(),
            steps: Mutex::new((start, 0)),
            weather: Mutex::new(Weather {
                commits_fail: start,
                letters_refused: (start, 0),
                replies_refused: (start, 0),
                too_large: (start, 1),
                letters_closed: (start, false),
                replies_closed: (start, false),
                transactions_fail: start,
                held: start,
                full: start,
                registry_down: start,
            }),
        }))
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    pub(crate) fn double(&self) -> Double {
        self.0.double
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// When a time of the plan is due.
    pub(crate) fn when(&self, at: Duration) -> Instant {
        self.0.start + at
    }

    pub(crate) fn note(&self, member: usize, what: What) {
        let at = self.elapsed().as_micros() as u64;
        lock(&self.0.journal).push(Entry { at, member, what });
    }

    /// Counts a step of a task. While tasks wake each other without end the clock stands still, and no bound on it is ever reached; so
    /// there is one on the steps.
    pub(crate) fn step(&self) {
        let mut steps = lock(&self.0.steps);
        let now = Instant::now();
        if steps.0 != now && steps.1 <= MOST_STEPS {
            *steps = (now, 0);
        }
        steps.1 += 1;
    }

    /// That the tasks come to rest.
    pub(crate) fn assert_alive(&self) {
        let (seed, steps) = (self.plan().seed, lock(&self.0.steps).1);
        assert!(
            steps <= MOST_STEPS,
            "seed {seed}: tasks wake each other without end"
        );
    }

    pub(crate) fn journal(&self) -> Vec<Entry> {
        lock(&self.0.journal).clone()
    }

    pub(crate) fn weather(&self) -> MutexGuard<'_, Weather> {
        lock(&self.0.weather)
    }

    /// True in `one` of `of` cases.
    pub(crate) fn chance(&self, one: u32, of: u32) -> bool {
        lock(&self.0.rng).u32(0..of) < one
    }

    pub(crate) fn number(&self, below: usize) -> usize {
        lock(&self.0.rng).usize(..below.max(1))
    }

    /// A delay: mostly none or short, seldom up to `longest`.
    pub(crate) fn delay(&self, longest: Duration) -> Duration {
        let mut rng = lock(&self.0.rng);
        match rng.u8(0..10) {
            0..4 => Duration::ZERO,
            4..9 => Duration::from_millis(rng.u64(0..5)),
            _ => Duration::from_millis(rng.u64(0..=longest.as_millis() as u64)),
        }
    }

    /// Runs something later.
    pub(crate) fn after(&self, delay: Duration, what: impl FnOnce() + Send + 'static) {
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            what();
        });
    }

    /// The next attempt at a record, and a number for it.
    pub(crate) fn next_act(&self, partition: i32, offset: i64) -> (u64, Act) {
        let mut tried = lock(&self.0.tried);
        let tried = tried.entry((partition, offset)).or_default();
        let log = &self.0.plan.partitions[partition as usize];
        let item = log.binary_search_by_key(&offset, |item| item.offset).ok();
        let act = item.and_then(|index| log[index].acts.get(*tried).copied());
        *tried += 1;
        let mut tokens = lock(&self.0.tokens);
        *tokens += 1;
        let succeeds = Act {
            burn: Duration::ZERO,
            wait: None,
            publish: false,
            end: End::Done(0),
        };
        (*tokens, act.unwrap_or(succeeds))
    }

    /// Lets time pass for all tasks while the caller blocks the thread.
    pub(crate) fn burn(&self, time: Duration) {
        if !time.is_zero() {
            // The first poll moves the clock; the rest would only yield.
            _ = pin!(tokio::time::advance(time)).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
