//! An instance stops while its group is in the middle of a rebalance, whatever became of the member that began it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use kaufmann_tests::rig::{Record, Rig, Running, Service, wait_until};

use crate::instances::{ASSIGNED, REVOKED, held, with};
use crate::shop::{DEADLINE, Shop};

crate::tests![
    a_stop_commits_what_was_handled_though_the_group_waits_for_a_dead_member,
    a_stop_commits_what_was_handled_though_an_eager_group_waits_for_a_dead_member,
    a_stop_commits_what_was_handled_though_a_member_died_that_the_broker_had_given_partitions,
    a_stop_right_after_a_revocation_commits_what_was_handled,
];

const PARTITIONS: i32 = 4;
/// In each partition.
const CUSTOMERS: i32 = 15;
/// How often the newcomer may have joined again before it was killed: then nobody waits for it, and the usual commit succeeds.
const ROUNDS: usize = 5;

fn a_stop_commits_what_was_handled_though_the_group_waits_for_a_dead_member(rig: &Rig) -> Result<()> {
    let mut logs = String::new();
    for round in 0..ROUNDS {
        logs = stop_beside_the_dead(rig, &format!("dead-member-{round}"), &[])?;
        if logs.contains("committing in a transaction instead") {
            return Ok(());
        }
    }
    bail!("no commit was made in a transaction\n{logs}")
}

fn a_stop_commits_what_was_handled_though_an_eager_group_waits_for_a_dead_member(rig: &Rig) -> Result<()> {
    let eager = ["partition.assignment.strategy=range"];
    stop_beside_the_dead(rig, "dead-member-eager", &eager).map(drop)
}

fn a_stop_commits_what_was_handled_though_a_member_died_that_the_broker_had_given_partitions(
    rig: &Rig,
) -> Result<()> {
    let by_broker = ["group.protocol=consumer"];
    stop_beside_the_dead(rig, "dead-member-by-broker", &by_broker).map(drop)
}

/// The member that came dies when it has made the other one give partitions back. That one then joins again, and the group waits for the
/// dead until its session is over, which is longer than a shutdown may take.
fn stop_beside_the_dead(rig: &Rig, name: &str, properties: &[&str]) -> Result<String> {
    let shop = Shop::open(rig, name, PARTITIONS)?;
    let service = with(shop.service(), properties);
    let mut survivor = service.start()?;
    order(&shop, 0)?;
    let before = shop.wait_committed().with_context(|| survivor.tail())?;
    die_in_mid_rebalance(&service, &mut survivor)?;
    order(&shop, 1)?;

    // What it has is handled; the others' records wait for whoever comes after the dead.
    let ends = shop.client.end_offsets(&shop.topic)?;
    let held = held(&survivor)?;
    let is_held = |partition: &i32| held.contains(&format!("{}/{partition}", shop.topic));
    let expected = ends.iter().map(|(partition, end)| match is_held(partition) {
        true => (*partition, *end),
        false => (*partition, before.get(partition).copied().unwrap_or(0)),
    });
    let expected: BTreeMap<i32, i64> = expected.collect();
    wait_until("all that it has should be handled", DEADLINE, || {
        survivor.assert_running()?;
        let replies: i64 = shop.client.end_offsets(&shop.replies)?.values().sum();
        Ok((replies == expected.values().sum::<i64>()).then_some(()))
    })
    .with_context(|| survivor.tail())?;
    survivor.stop_cleanly()?;
    let committed = shop.client.committed(&shop.group, &shop.topic)?;
    ensure!(
        committed == expected,
        "committed {committed:?} instead of {expected:?}\n{}",
        survivor.tail()
    );
    Ok(survivor.logs())
}

fn a_stop_right_after_a_revocation_commits_what_was_handled(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "stop-after-revocation", PARTITIONS)?;
    let service = shop.service();
    let mut survivor = service.start()?;
    order(&shop, 0)?;
    let expected = shop.wait_committed().with_context(|| survivor.tail())?;
    die_in_mid_rebalance(&service, &mut survivor)?;
    survivor.stop_cleanly()?;
    ensure!(
        shop.client.committed(&shop.group, &shop.topic)? == expected,
        "{}",
        survivor.tail()
    );
    Ok(())
}

/// An order of each customer; the customers are spread over the partitions.
fn order(shop: &Shop, sequence: i64) -> Result<()> {
    let orders = (0..PARTITIONS * CUSTOMERS).map(|customer| {
        let placed = shop.placed(&format!("customer-{customer}"), sequence)?;
        Ok(Record {
            partition: customer % PARTITIONS,
            ..placed
        })
    });
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)
}

/// A second instance joins, and is killed as soon as it has made the first one give partitions back.
fn die_in_mid_rebalance(service: &Service, survivor: &mut Running) -> Result<()> {
    survivor.wait_log(ASSIGNED, DEADLINE)?;
    let mut newcomer = service.start()?;
    survivor.wait_log(REVOKED, DEADLINE)?;
    newcomer.kill();
    Ok(())
}
