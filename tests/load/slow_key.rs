//! A slow key does not delay other keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kaufmann::Config;

use crate::service::{Load, Work};
use crate::source::Item;

/// Records of each key.
const RECORDS: i64 = 10;
const KEYS: i64 = 100;
/// How long a record of the slow key takes; others take a millisecond.
const SLOW: Duration = Duration::from_millis(200);

#[test]
fn ninety_nine_keys_are_done_before_the_hundredth_has_done_its_first_slow_record() {
    let of_all_keys_in_turn = |offset| Item {
        key: format!("k{}", offset % KEYS),
        padding: 0,
    };
    let takes = |offset| {
        if offset % KEYS == 0 {
            SLOW
        } else {
            Duration::from_millis(1)
        }
    };
    let (slow, others) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let ended = {
        let (slow, others) = (Arc::clone(&slow), Arc::clone(&others));
        move |offset| {
            let of = if offset % KEYS == 0 { &slow } else { &others };
            of.fetch_add(1, Ordering::SeqCst);
        }
    };
    let mut config = Config::default();
    config.group = "load".into();
    config.registry.register = true;
    let work = Work {
        burns: Duration::ZERO,
        takes,
        ended: Arc::new(ended),
    };
    let load = Load::start(&config, work, of_all_keys_in_turn);
    load.log.write(RECORDS * KEYS);
    let all_others = (RECORDS * (KEYS - 1)) as usize;
    load.until(|| others.load(Ordering::SeqCst) == all_others);
    assert_eq!(slow.load(Ordering::SeqCst), 0);
    load.until(|| load.log.is_done());
    assert_eq!(slow.load(Ordering::SeqCst), RECORDS as usize);
    load.stop();
}
