//! Shards ask for places, give them back, and go idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use shuttle::future;
use shuttle::sync::atomic::{AtomicUsize, Ordering};

use super::{SCHEDULES, others_first, sync};

#[path = "../pool.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

use product::Pool;

/// How many shards there are, and how many records each of them has.
const SHARDS: usize = 3;
const RECORDS: usize = 3;

/// Runs a shard's records one after another; it gives up the last one if there is no place for it.
async fn shard(pool: Arc<Pool>, number: usize, running: Arc<AtomicUsize>, places: usize) {
    for record in 0..RECORDS {
        let left = RECORDS - record;
        let granted = poll_fn(|cx| {
            others_first();
            match pool.take(number, left, cx.waker()) {
                true => Poll::Ready(true),
                false if left == 1 => Poll::Ready(false),
                false => Poll::Pending,
            }
        });
        if !granted.await {
            break;
        }
        assert!(running.fetch_add(1, Ordering::SeqCst) < places);
        future::yield_now().await;
        running.fetch_sub(1, Ordering::SeqCst);
        pool.give_back(number, Some(left - 1));
    }
    others_first();
    pool.leave(number);
}

#[test]
fn a_shard_that_waits_for_a_place_gets_one_and_none_is_lost_to_one_that_has_gone_idle() {
    for places in 1..3 {
        let model = move || {
            let pool = Arc::new(Pool::new(places, SHARDS));
            let running = Arc::new(AtomicUsize::new(0));
            let shards: Vec<_> = (0..SHARDS)
                .map(|number| future::spawn(shard(Arc::clone(&pool), number, Arc::clone(&running), places)))
                .collect();
            future::block_on(async {
                for shard in shards {
                    shard.await.unwrap();
                }
            });
            assert!((0..places).all(|_| pool.try_take(0)) && !pool.try_take(0));
        };
        shuttle::check_random(model, SCHEDULES);
        shuttle::check_pct(model, SCHEDULES, 3);
    }
}
