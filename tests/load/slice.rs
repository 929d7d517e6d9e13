//! A shard shares its thread with other tasks.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use kaufmann::Config;

use crate::service::{Load, Work};
use crate::source::Item;

const RECORDS: i64 = 200;

/// Yields to the tasks that are ready now; tokio's `yield_now` yields to later ones too.
async fn ready_again() {
    let mut is_first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[test]
fn a_shard_with_much_to_do_lets_others_run() {
    let one_key = |_| Item {
        key: "k".into(),
        padding: 0,
    };
    let handled = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&handled);
    let work = Work {
        burns: Duration::from_millis(1),
        takes: |_| Duration::ZERO,
        ended: Arc::new(move |_| _ = counter.fetch_add(1, Ordering::SeqCst)),
    };
    let mut config = Config::default();
    config.group = "load".into();
    config.registry.register = true;
    let load = Load::start(&config, work, one_key);
    load.log.write(RECORDS);
    // Another task of the same thread, which is always ready.
    let watched = Arc::clone(&handled);
    let other = load.runtime.spawn(async move {
        let mut seen = BTreeSet::new();
        while watched.load(Ordering::SeqCst) < RECORDS {
            seen.insert(watched.load(Ordering::SeqCst));
            ready_again().await;
        }
        seen.len() as i64
    });
    let seen = load.runtime.block_on(other).unwrap();
    // The shard reads the clock after every handler or every second one, once handlers have been slow.
    assert!(seen > RECORDS / 4, "it saw {seen} of {RECORDS}");
    load.until(|| load.log.is_done());
    load.stop();
}
