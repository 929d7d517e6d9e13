//! Memory follows the budget, not the number of keys or of records.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use kaufmann::Config;

use crate::service::{Load, Work};
use crate::source::Item;

fn start(max_bytes: usize, takes: fn(i64) -> Duration, make: fn(i64) -> Item) -> Load {
    let mut config = Config::default();
    config.group = "load".into();
    config.max_bytes = max_bytes;
    // So that the byte budget is the limit that is reached first.
    config.max_unsettled = 1 << 20;
    config.registry.register = true;
    let work = Work {
        burns: Duration::ZERO,
        takes,
        ended: Arc::new(|_| {}),
    };
    Load::start(&config, work, make)
}

#[test]
fn a_hundred_thousand_keys_cost_nothing_once_they_are_settled() {
    let own_key = |offset| Item {
        key: format!("k{offset}"),
        padding: 0,
    };
    let every_tenth_waits = |offset| Duration::from_millis(u64::from(offset % 10 == 0));
    let load = start(1 << 20, every_tenth_waits, own_key);
    load.handle(20_000);
    let kept = measure(|| load.handle(100_000));
    // Lists may have grown once more; memory kept for each key would be more than a byte a key.
    assert!(
        kept.bytes_current < 100_000,
        "{} bytes are kept",
        kept.bytes_current
    );
    load.stop();
}

/// The peak of allocated bytes while this many records of a kilobyte each are handled.
fn peak(max_bytes: usize, records: i64) -> usize {
    let kilobyte = |offset| Item {
        key: format!("k{}", offset % 1_000),
        padding: 900,
    };
    let load = start(max_bytes, |_| Duration::from_millis(10), kilobyte);
    let used = measure(|| load.handle(records));
    load.stop();
    used.bytes_max as usize
}

#[test]
fn a_backlog_takes_the_budget_and_a_constant_however_long_it_is() {
    // The batches being read, one for each shard, and those that running handlers keep.
    let constant = 6 << 20;
    let (short, long) = (peak(1 << 20, 3_000), peak(1 << 20, 12_000));
    let large = peak(8 << 20, 12_000);
    assert!(
        long < short + (64 << 10),
        "3,000 records take {short} bytes, 12,000 take {long}"
    );
    assert!(long < (1 << 20) + constant, "{long} bytes with a budget of 1 MiB");
    assert!(
        large < (8 << 20) + constant,
        "{large} bytes with a budget of 8 MiB"
    );
}
