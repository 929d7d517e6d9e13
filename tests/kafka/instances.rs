//! Two instances of the quickstart share the partitions.

use std::time::Duration;

use anyhow::{Context, Result};
use kaufmann_tests::rig::foreign::Produce;
use kaufmann_tests::rig::{Rig, wait_until};

use crate::shop::{DEADLINE, Shop};

crate::tests![an_instance_that_is_told_to_stop_in_mid_flow_hands_over_without_loss_or_disorder];

const EVENTS: u64 = 60_000;
const KEYS: u64 = 500;
const REPLIES: u64 = EVENTS / 5;

fn an_instance_that_is_told_to_stop_in_mid_flow_hands_over_without_loss_or_disorder(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "instances", 4)?;
    let (mut leaving, mut staying) = (shop.service().start()?, shop.service().start()?);
    let shared = shop.client.wait_members(&shop.group, 2, DEADLINE);
    shared.with_context(|| format!("{}{}", leaving.tail(), staying.tail()))?;

    // The flow goes on until one instance has left: the second half is written after that.
    let order = Produce {
        topic: shop.topic.clone(),
        prefix: "customer-".to_owned(),
        events: EVENTS,
        keys: KEYS,
        per_second: 0,
        pause_at: Some(EVENTS / 2),
    };
    let mut producing = shop.servers.foreign.start_producing(&shop.servers, &order)?;
    wait_until("replies should flow", DEADLINE, || {
        leaving.assert_running()?;
        let replies: i64 = shop.client.end_offsets(&shop.replies)?.values().sum();
        Ok((replies > 0).then_some(()))
    })?;
    leaving.stop_cleanly()?;
    let left_at = shop.client.committed(&shop.group, &shop.topic)?;
    producing.wait_paused()?;
    producing.go_on()?;
    assert_eq!(producing.finish()?.types["shop.order_placed"], REPLIES);

    let committed = shop.wait_committed().with_context(|| staying.tail())?;
    assert_eq!(u64::try_from(committed.values().sum::<i64>())?, EVENTS);
    shop.client.wait_members(&shop.group, 1, DEADLINE)?;
    staying.stop_cleanly()?;

    let replies = shop.servers.foreign.consume(
        &shop.servers,
        &shop.replies,
        "customer-",
        REPLIES,
        Duration::from_secs(60),
    )?;
    assert_eq!((replies.distinct, replies.keys), (REPLIES, KEYS));
    assert_eq!(replies.order_violations, 0, "{}", replies.first_violation);
    // Whoever drains commits all that it has handled, so that the next owner begins behind it: a record that is handled
    // again after a later one of its key would be out of order.
    let first = &replies.first_duplicate;
    let story = || {
        format!(
            "{first}; committed when it left: {left_at:?}\n{}\n{}",
            leaving.tail(),
            staying.tail()
        )
    };
    assert_eq!(replies.duplicates, 0, "{}", story());
    assert_eq!(shop.letters()?, []);
    Ok(())
}
