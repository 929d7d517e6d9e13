//! Shards take permits, give them back, and go idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use shuttle::future;
use shuttle::sync::atomic::{AtomicUsize, Ordering};

use super::{SCHEDULES, sync, yield_perhaps};

#[path = "../pool.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

use product::Pool;

/// How many shards there are, and how many records each of them has.
const SHARDS: usize = 3;
const RECORDS: usize = 3;

/// Runs a shard's records one after another; it leaves the last one out if no permit is free.
async fn shard(pool: Arc<Pool>, number: usize, running: Arc<AtomicUsize>, permits: usize) {
    for record in 0..RECORDS {
        let left = RECORDS - record;
        let granted = poll_fn(|cx| {
            yield_perhaps();
            match pool.take(number, left, cx.waker()) {
                true => Poll::Ready(true),
                false if left == 1 => Poll::Ready(false),
                false => Poll::Pending,
            }
        });
        if !granted.await {
            break;
        }
        assert!(running.fetch_add(1, Ordering::SeqCst) < permits);
        future::yield_now().await;
        running.fetch_sub(1, Ordering::SeqCst);
        pool.give_back(number, Some(left - 1));
    }
    yield_perhaps();
    pool.leave(number);
}

#[test]
fn a_shard_that_waits_for_a_permit_gets_one_and_none_is_lost_to_a_shard_that_went_idle() {
    for permits in 1..3 {
        let model = move || {
            let pool = Arc::new(Pool::new(permits, SHARDS));
            let running = Arc::new(AtomicUsize::new(0));
            let shards: Vec<_> = (0..SHARDS)
                .map(|number| future::spawn(shard(Arc::clone(&pool), number, Arc::clone(&running), permits)))
                .collect();
            future::block_on(async {
                for shard in shards {
                    shard.await.unwrap();
                }
            });
            assert!((0..permits).all(|_| pool.try_take(0)) && !pool.try_take(0));
        };
        shuttle::check_random(model, SCHEDULES);
        shuttle::check_pct(model, SCHEDULES, 3);
    }
}
