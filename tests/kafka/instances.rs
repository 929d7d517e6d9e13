//! Two instances of the quickstart share the partitions, under each of the group's protocols.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kaufmann_tests::rig::foreign::Produce;
use kaufmann_tests::rig::{Fault, FaultProxy, Rig, Running, Service, wait_until};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    an_instance_that_is_stopped_while_it_works_hands_over_without_loss_or_disorder,
    records_finished_above_a_stuck_one_are_not_repeated_after_a_kill,
    records_settled_ahead_are_not_skipped_in_a_topic_that_is_created_again,
    an_instance_of_an_eager_group_hands_over_without_loss_or_disorder,
    an_instance_of_a_group_that_the_broker_assigns_hands_over_without_loss_or_disorder,
    a_static_member_that_restarts_keeps_its_partitions_without_a_rebalance,
    a_static_member_that_the_broker_refuses_waits_for_the_session_of_the_killed_one,
    an_instance_without_partitions_logs_that_it_waits_and_a_rolling_update_logs_no_warning,
];

const KEYS: u64 = 500;
const PARTITIONS: i32 = 4;

fn an_instance_that_is_stopped_while_it_works_hands_over_without_loss_or_disorder(rig: &Rig) -> Result<()> {
    hand_over(rig, "instances", 60_000, &[])
}

fn an_instance_of_an_eager_group_hands_over_without_loss_or_disorder(rig: &Rig) -> Result<()> {
    hand_over(rig, "eager", 30_000, &["partition.assignment.strategy=range"])
}

fn an_instance_of_a_group_that_the_broker_assigns_hands_over_without_loss_or_disorder(
    rig: &Rig,
) -> Result<()> {
    hand_over(rig, "by-broker", 30_000, &["group.protocol=consumer"])
}

fn hand_over(rig: &Rig, name: &str, events: u64, properties: &[&str]) -> Result<()> {
    let shop = Shop::open(rig, name, PARTITIONS)?;
    let start = || with(shop.service(), properties).start();
    let (mut leaving, mut staying) = (start()?, start()?);
    // Describing a group does not show one that the broker assigns, so the logs are read.
    for instance in [&mut leaving, &mut staying] {
        instance.wait_log(ASSIGNED, DEADLINE)?;
    }

    // The flow goes on until one instance has left: the second half is written after that.
    let order = flow(&shop, events);
    let mut producing = shop.servers.foreign.start_producing(&shop.servers, &order)?;
    wait_flow(&shop, &mut leaving)?;
    leaving.stop_cleanly()?;
    let left_at = shop.client.committed(&shop.group, &shop.topic)?;
    producing.wait_paused()?;
    producing.go_on()?;
    assert_eq!(producing.finish()?.types["shop.order_placed"], events / 5);

    let committed = shop.wait_committed().with_context(|| staying.tail())?;
    assert_eq!(u64::try_from(committed.values().sum::<i64>())?, events);
    staying.stop_cleanly()?;
    let story = || {
        format!(
            "committed when it left: {left_at:?}\n{}\n{}",
            leaving.tail(),
            staying.tail()
        )
    };
    all_in_order(&shop, events).with_context(story)
}

fn an_instance_without_partitions_logs_that_it_waits_and_a_rolling_update_logs_no_warning(
    rig: &Rig,
) -> Result<()> {
    // With one partition each new instance waits until the one before it has stopped.
    let shop = Shop::open(rig, "roll", 1)?;
    let start = || shop.service().start();
    let mut running = start()?;
    running.wait_log(ASSIGNED, DEADLINE)?;
    for sequence in 0..3 {
        shop.produce(&[shop.placed("ada", sequence)?])?;
        shop.wait_committed().with_context(|| running.tail())?;
        let mut next = start()?;
        next.wait_log(WAITING, DEADLINE)?;
        running.stop_cleanly()?;
        next.wait_log(ASSIGNED, DEADLINE)?;
        warns_of_nothing(&running)?;
        running = next;
    }
    running.stop_cleanly()?;
    warns_of_nothing(&running)
}

fn warns_of_nothing(instance: &Running) -> Result<()> {
    let logs = instance.logs();
    let warning = logs
        .lines()
        .find(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
    ensure!(warning.is_none(), "{}\n{logs}", warning.unwrap_or_default());
    Ok(())
}

fn a_static_member_that_restarts_keeps_its_partitions_without_a_rebalance(rig: &Rig) -> Result<()> {
    const EVENTS: u64 = 30_000;
    let shop = Shop::open(rig, "static", PARTITIONS)?;
    // A session timeout longer than a restart on any machine.
    let member = |id: &str| {
        let instance = format!("group.instance.id={id}");
        with(
            shop.service(),
            &[
                &instance,
                "session.timeout.ms=300000",
                "max.poll.interval.ms=300000",
            ],
        )
    };
    let (mut restarting, mut staying) = (member("a").start()?, member("b").start()?);
    let shared = shop.client.wait_members(&shop.group, 2, DEADLINE);
    shared.with_context(|| format!("{}{}", restarting.tail(), staying.tail()))?;

    let order = flow(&shop, EVENTS);
    let mut producing = shop.servers.foreign.start_producing(&shop.servers, &order)?;
    wait_flow(&shop, &mut restarting)?;
    let (before, others) = (rebalances(&staying), held(&staying)?);
    restarting.stop_cleanly()?;
    let mut restarted = member("a").start()?;
    restarted.wait_log(ASSIGNED, DEADLINE)?;
    producing.wait_paused()?;
    producing.go_on()?;
    producing.finish()?;
    shop.wait_committed().with_context(|| restarted.tail())?;

    assert_eq!(rebalances(&staying), before, "{}", staying.logs());
    let all = (0..PARTITIONS).map(|partition| format!("{}/{partition}", shop.topic));
    let rest: BTreeSet<_> = all.filter(|partition| !others.contains(partition)).collect();
    assert_eq!(held(&restarted)?, rest);
    restarted.stop_cleanly()?;
    staying.stop_cleanly()?;
    all_in_order(&shop, EVENTS).with_context(|| format!("{}\n{}", restarted.tail(), staying.tail()))
}

fn a_static_member_that_the_broker_refuses_waits_for_the_session_of_the_killed_one(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "static-by-broker", 2)?;
    let member = || {
        with(
            shop.service(),
            &["group.instance.id=a", "group.protocol=consumer"],
        )
    };
    let handles = |service: &mut Running, number: i64| -> Result<()> {
        shop.produce(&[shop.placed("ada", number)?])?;
        shop.wait_committed().with_context(|| service.tail())?;
        service.assert_running()
    };
    let mut first = member().start()?;
    first.wait_log(ASSIGNED, DEADLINE)?;
    handles(&mut first, 0)?;

    let mut second = member().with_env("KAUFMANN_JOIN_DEADLINE", "10m").start()?;
    second.wait_log("trying again every second for at most 10m", DEADLINE)?;
    handles(&mut first, 1)?;
    first.kill();
    second.wait_log(ASSIGNED, DEADLINE)?;
    handles(&mut second, 2)?;

    // While one is alive, another one with its id ends, and takes no partition from it.
    let mut third = member().with_env("KAUFMANN_JOIN_DEADLINE", "2s").start()?;
    let status = third.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(70), "{}", third.tail());
    let logs = third.logs();
    assert!(
        logs.contains("group.instance.id` = \\\"a\\\"")
            && logs.contains("give each instance an id of its own"),
        "{logs}"
    );
    handles(&mut second, 3)?;
    second.stop_cleanly()?;
    // After a normal stop it joins again at once.
    let mut fourth = member().start()?;
    fourth.wait_log(ASSIGNED, DEADLINE)?;
    handles(&mut fourth, 4)?;
    fourth.stop_cleanly()?;
    let mut confirmed = shop.confirmed()?;
    confirmed.sort();
    confirmed.dedup();
    let expected: Vec<String> = (0..5).map(|number| order_id("ada", number)).collect();
    assert_eq!(confirmed, expected);
    Ok(())
}

/// The log line of an instance that has been assigned partitions.
pub(crate) const ASSIGNED: &str = "\"message\":\"assigned\"";
/// The log line of one that gives partitions back.
pub(crate) const REVOKED: &str = "\"message\":\"revoked\"";
/// The log line of one without partitions.
const WAITING: &str = "waiting for partitions";

/// A service with properties of librdkafka.
pub(crate) fn with(service: Service, properties: &[&str]) -> Service {
    properties.iter().fold(service, |service, property| {
        service.with_arguments(&["--kafka", property])
    })
}

/// Events that are held back in the middle until the test continues.
fn flow(shop: &Shop, events: u64) -> Produce {
    Produce {
        topic: shop.topic.clone(),
        prefix: "customer-".to_owned(),
        events,
        keys: KEYS,
        per_second: 0,
        pause_at: Some(events / 2),
    }
}

fn wait_flow(shop: &Shop, instance: &mut Running) -> Result<()> {
    wait_until("replies should flow", DEADLINE, || {
        instance.assert_running()?;
        let replies: i64 = shop.client.end_offsets(&shop.replies)?.values().sum();
        Ok((replies > 0).then_some(()))
    })
}

/// Each order is confirmed once, in the order of its key. A draining instance commits all that it has handled, so that the next
/// owner begins after that: a record handled again after a later one of its key would be out of order.
fn all_in_order(shop: &Shop, events: u64) -> Result<()> {
    let orders = events / 5;
    let replies = shop.servers.foreign.consume(
        &shop.servers,
        &shop.replies,
        "customer-",
        orders,
        Duration::from_secs(60),
    )?;
    ensure!(
        (replies.distinct, replies.keys) == (orders, KEYS),
        "{} of {orders} orders of {} keys",
        replies.distinct,
        replies.keys
    );
    ensure!(replies.order_violations == 0, "{}", replies.first_violation);
    ensure!(replies.duplicates == 0, "{}", replies.first_duplicate);
    ensure!(shop.letters()?.is_empty(), "there are dead letters");
    Ok(())
}

fn records_finished_above_a_stuck_one_are_not_repeated_after_a_kill(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "ahead", 1)?;
    let proxy = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let service = shop.service_with_registry(&proxy.url());
    let mut first = service.start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| first.tail())?;

    // The schema of a cancellation has not been looked up yet, so this record is stuck; later ones are not.
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
            // The topic's id, and one range of 49 records: the offset 1, the distance 1, the length 48, as Avro writes them.
            let [metadata] = &committed[..] else {
                return Ok(None);
            };
            let kept = metadata
                .strip_prefix("kaufmann/2:")
                .context("no metadata of ours")?;
            let kept = STANDARD_NO_PAD.decode(kept)?;
            Ok((replies == 50 && kept.get(16..) == Some(&[2, 2, 96])).then_some(()))
        },
    )
    .with_context(|| first.tail())?;
    // Dropping it sends SIGKILL.
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

fn records_settled_ahead_are_not_skipped_in_a_topic_that_is_created_again(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "anew", 1)?;
    let proxy = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let service = shop.service_with_registry(&proxy.url());
    let mut first = service.start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| first.tail())?;
    // Stuck, while the records after it are handled and committed ahead.
    proxy.set(Fault::Status(500));
    shop.produce(&[shop.cancelled("bob", "too late", 0)?])?;
    let orders = (1..20).map(|sequence| shop.placed("ada", sequence));
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
    wait_until("all orders should be committed ahead", DEADLINE, || {
        first.assert_running()?;
        let committed = shop.client.committed_metadata(&shop.group, &shop.topic)?;
        let replies: i64 = shop.client.end_offsets(&shop.replies)?.values().sum();
        Ok((replies == 20 && !committed.is_empty()).then_some(()))
    })?;
    first.stop_cleanly()?;

    // Kafka forgets the offsets of a deleted topic, but a restore from a copy brings them back.
    let kept = shop.client.committed_metadata(&shop.group, &shop.topic)?;
    shop.client.delete_topic(&shop.topic)?;
    proxy.set(Fault::Forward);
    wait_until("the topic should be created again", DEADLINE, || {
        Ok(shop.create_topics(&[&shop.topic], 1).ok())
    })?;
    shop.client.commit_with(&shop.group, &shop.topic, 1, &kept[0])?;
    let orders = (100..120).map(|sequence| shop.placed("ada", sequence));
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
    let mut second = service.start()?;
    shop.wait_committed().with_context(|| second.tail())?;
    second.stop_cleanly()?;
    let confirmed = shop.confirmed()?;
    let expected: Vec<String> = (0..20)
        .chain(101..120)
        .map(|sequence| order_id("ada", sequence))
        .collect();
    assert_eq!(confirmed, expected, "{}", second.tail());
    Ok(())
}

/// How often an instance was assigned partitions, or gave them back.
fn rebalances(instance: &Running) -> usize {
    let logs = instance.logs();
    logs.matches(ASSIGNED).count() + logs.matches(REVOKED).count()
}

/// The partitions of an instance, by its log.
pub(crate) fn held(instance: &Running) -> Result<BTreeSet<String>> {
    let mut held = BTreeSet::new();
    for line in instance.logs().lines() {
        let assigned = line.contains(ASSIGNED);
        if !assigned && !line.contains(REVOKED) {
            continue;
        }
        let (_, rest) = line.split_once("\"partitions\":\"").context("no partitions")?;
        let (names, _) = rest.split_once('"').context("no end of the partitions")?;
        for name in names.split(", ") {
            if assigned {
                held.insert(name.to_owned());
            } else {
                held.remove(name);
            }
        }
    }
    Ok(held)
}
