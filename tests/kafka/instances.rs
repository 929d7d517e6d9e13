//! Two instances of the quickstart share the partitions.

use std::time::Duration;

use anyhow::{Context, Result};
use kaufmann_tests::rig::foreign::Produce;
use kaufmann_tests::rig::{Fault, FaultProxy, Rig, wait_until};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    an_instance_that_is_told_to_stop_in_mid_flow_hands_over_without_loss_or_disorder,
    what_was_finished_above_a_stuck_record_is_not_repeated_after_a_kill_if_commits_say_so,
];

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

fn what_was_finished_above_a_stuck_record_is_not_repeated_after_a_kill_if_commits_say_so(
    rig: &Rig,
) -> Result<()> {
    let shop = Shop::open(rig, "ahead", 1)?;
    let proxy = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let service = shop
        .service_with_registry(&proxy.url())
        .with_env("KAUFMANN_COMMIT_AHEAD", "true");
    let mut first = service.start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| first.tail())?;

    // The schema of a cancellation has not been asked for yet, so this one is stuck; what comes behind it is not.
    proxy.set(Fault::Status(500));
    shop.produce(&[shop.cancelled("bob", "too late", 0)?])?;
    let orders = (1..50).map(|sequence| shop.placed("ada", sequence));
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
    wait_until(
        "all orders should be confirmed and committed ahead",
        DEADLINE,
        || {
            first.assert_running()?;
            let committed = shop.client.committed_metadata(&shop.group, &shop.topic)?;
            let replies: i64 = shop.client.end_offsets(&shop.replies)?.values().sum();
            // One range of 49 records: the offset 1, the distance 1, the length 48, as Avro writes them.
            Ok((replies == 50 && committed == ["kaufmann/1:AgJg"]).then_some(()))
        },
    )
    .with_context(|| first.tail())?;
    // Its drop is a SIGKILL.
    drop(first);

    proxy.set(Fault::Forward);
    let mut second = service.start()?;
    shop.produce(&[shop.placed("ada", 50)?])?;
    let committed = shop.wait_committed().with_context(|| second.tail())?;
    assert_eq!(committed.values().sum::<i64>(), 52);
    second.stop_cleanly()?;
    let expected: Vec<String> = (0..=50).map(|sequence| order_id("ada", sequence)).collect();
    assert_eq!(shop.confirmed()?, expected, "handled again, or out of order");
    assert_eq!(shop.client.committed_metadata(&shop.group, &shop.topic)?, [""; 0]);
    Ok(())
}
