//! `overflow` while everything is delivered, beside a plain queue in memory that does as little as possible.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use kaufmann_spool::{Entry, Mode, Spool};

use crate::{entry, options};

const COUNT: u64 = 500_000;
/// So many entries are in flight at most.
const MOST: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// As fast as it goes: what an entry costs.
pub(crate) fn measure() -> anyhow::Result<()> {
    let (plain, spooled) = (plain(None)?, spooled(None)?);
    let of = |time: Duration| time.as_nanos() as f64 / COUNT as f64;
    println!(
        "overflow: {:.0} ns an entry, a queue in memory {:.0} ns: {:.0} ns more",
        of(spooled),
        of(plain),
        of(spooled) - of(plain)
    );
    Ok(())
}

/// At a fixed rate: what the producer's calls take, as a share of its time.
pub(crate) fn measure_at(rate: u64) -> anyhow::Result<()> {
    let all = COUNT as f64 / rate as f64;
    let share = |time: Duration| time.as_secs_f64() / all * 100.0;
    let (plain, spooled) = (share(plain(Some(rate))?), share(spooled(Some(rate))?));
    println!(
        "overflow: at {rate} entries a second, its calls take {spooled:.1} % of the producer's time, a queue in memory {plain:.1} %"
    );
    Ok(())
}

/// What a producer has without the spool: a bounded queue of entries, and a thread that takes them.
fn plain(rate: Option<u64>) -> anyhow::Result<Duration> {
    let queue = Mutex::new(VecDeque::<Entry>::new());
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let filled = Condvar::new();
    let taken = AtomicU64::new(0);
    run(
        rate,
        &taken,
        |entry| {
            lock().push_back(entry);
            filled.notify_one();
            Ok(())
        },
        || {
            let mut queue = lock();
            while queue.is_empty() {
                queue = filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            drop(queue.pop_front());
            Ok(())
        },
    )
}

/// All entries through the spool.
fn spooled(rate: Option<u64>) -> anyhow::Result<Duration> {
    let folder = std::env::temp_dir().join(format!("spool-{}", std::process::id()));
    let mut options = options();
    options.mode = Mode::Overflow;
    let spool = Spool::open(&folder, options)?;
    let mut reader = spool.reader().context("the first one")?;
    let taken = AtomicU64::new(0);
    let took = run(
        rate,
        &taken,
        |entry| {
            spool.offer(entry)?.detach();
            Ok(())
        },
        || {
            let (id, entry) = reader.read(PATIENCE)?.context("it is there")?;
            spool.delivered(id);
            drop(entry);
            Ok(())
        },
    )?;
    let stored = spool.snapshot().stored;
    anyhow::ensure!(stored == 0, "{stored} entries went to the disk");
    drop(spool);
    std::fs::remove_dir_all(&folder)?;
    Ok(took)
}

/// Runs a producer and a consumer. Returns how long that took; at a rate, how long the producer's calls took.
fn run(
    rate: Option<u64>,
    taken: &AtomicU64,
    put: impl Fn(Entry) -> anyhow::Result<()> + Sync,
    mut take: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let inside = std::thread::scope(|scope| -> anyhow::Result<Duration> {
        let producer = scope.spawn(|| -> anyhow::Result<Duration> {
            let mut inside = Duration::ZERO;
            for number in 0..COUNT {
                let due = rate.map(|rate| begun + Duration::from_nanos(number * 1_000_000_000 / rate));
                while due.is_some_and(|due| Instant::now() < due) {
                    std::thread::sleep(Duration::from_micros(50));
                }
                while number - taken.load(Ordering::Acquire) > MOST {
                    std::thread::yield_now();
                }
                let entry = entry(number);
                let at = rate.map(|_| Instant::now());
                put(entry)?;
                inside += at.map_or(Duration::ZERO, |at| at.elapsed());
            }
            Ok(inside)
        });
        for _ in 0..COUNT {
            take()?;
            taken.fetch_add(1, Ordering::AcqRel);
        }
        producer
            .join()
            .map_err(|_| anyhow::anyhow!("the producer failed"))?
    })?;
    Ok(if rate.is_some() { inside } else { begun.elapsed() })
}
