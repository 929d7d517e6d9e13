//! Transaction markers and aborted records, in the topics that a group reads.

use anyhow::{Context, Result};
use kaufmann_tests::rig::{Record, Rig, Service, wait_until};
use serde_json::json;

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    markers_and_aborted_records_leave_no_lag_and_no_loss_at_least_once,
    markers_and_aborted_records_leave_no_lag_and_no_loss_at_most_once,
    markers_and_aborted_records_leave_no_lag_and_no_loss_exactly_once,
    markers_and_aborted_records_leave_no_lag_and_no_loss_ahead,
    topics_that_exactly_once_services_write_are_read_to_their_end,
    offsets_below_a_marker_are_reported_neither_as_loss_nor_as_lag,
];

fn markers_and_aborted_records_leave_no_lag_and_no_loss_at_least_once(rig: &Rig) -> Result<()> {
    no_lag_and_no_loss(rig, "marks-least", ("KAUFMANN_DELIVERY", "at_least_once"))
}

fn markers_and_aborted_records_leave_no_lag_and_no_loss_at_most_once(rig: &Rig) -> Result<()> {
    no_lag_and_no_loss(rig, "marks-most", ("KAUFMANN_DELIVERY", "at_most_once"))
}

fn markers_and_aborted_records_leave_no_lag_and_no_loss_exactly_once(rig: &Rig) -> Result<()> {
    no_lag_and_no_loss(rig, "marks-exactly", ("KAUFMANN_DELIVERY", "exactly_once"))
}

fn markers_and_aborted_records_leave_no_lag_and_no_loss_ahead(rig: &Rig) -> Result<()> {
    no_lag_and_no_loss(rig, "marks-ahead", ("KAUFMANN_COMMIT_AHEAD", "true"))
}

/// Partition 0 ends with aborted records, partition 1 has nothing else, partition 2 ends with a record.
fn no_lag_and_no_loss(rig: &Rig, name: &str, (variable, value): (&str, &str)) -> Result<()> {
    let shop = Shop::open(rig, name, 3)?;
    write(&shop, &[(0, 0), (0, 1)], true)?;
    write(&shop, &[(0, 2)], false)?;
    write(&shop, &[(0, 3)], true)?;
    write(&shop, &[(0, 4), (0, 5), (1, 6), (1, 7)], false)?;
    shop.produce(&[order(&shop, 2, 8)?])?;
    let with = |service: Service| service.with_env(variable, value);

    let mut service = with(shop.service()).start()?;
    let committed = shop.wait_committed().with_context(|| service.tail())?;
    assert_eq!((committed[&0], committed[&1], committed[&2]), (10, 3, 1));
    let lag = shop.json(0, "lag", &["--fail-above", "0"])?;
    assert_eq!(lag["lag"], json!(0), "{lag}");
    // A marker that comes when all is already committed.
    write(&shop, &[(0, 9)], false)?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    // A replay ends at the last record of its range, whatever follows it.
    let replay = shop
        .command("replay", &["--from", "beginning", "--no-group"])
        .output()?;
    assert_eq!(replay.code, 0, "{replay:?}");

    // Retention removes all of it; none of it was to be handled.
    for (partition, end) in shop.client.end_offsets(&shop.topic)? {
        shop.client.delete_records(&shop.topic, partition, end)?;
    }
    let mut service = with(shop.service())
        .with_arguments(&["--kafka", "auto.offset.reset=error"])
        .start()?;
    write(&shop, &[(0, 10), (1, 11), (2, 12)], true)?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let mut confirmed = shop.confirmed()?;
    confirmed.sort();
    let mut expected: Vec<_> = [0, 1, 3, 8, 10, 11, 12]
        .map(|number| order_id("ada", number))
        .to_vec();
    expected.sort();
    assert_eq!(confirmed, expected);
    Ok(())
}

fn topics_that_exactly_once_services_write_are_read_to_their_end(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "marks-own", 2)?;
    // The first reads what it writes itself, too; the second reads only that.
    let both = format!("{},{}", shop.topic, shop.replies);
    let mut first = shop
        .service()
        .with_env("KAUFMANN_DELIVERY", "exactly_once")
        .with_arguments(&["--topics", &both])
        .start()?;
    let mut second = shop
        .service()
        .with_arguments(&["--topics", &shop.replies, "--group", "marks-own-second"])
        .start()?;
    shop.produce(&[order(&shop, 0, 0)?, order(&shop, 1, 1)?])?;
    wait_until("both replies should be there", DEADLINE, || {
        first.assert_running()?;
        Ok((shop.confirmed()?.len() == 2).then_some(()))
    })
    .with_context(|| first.tail())?;
    shop.wait_committed().with_context(|| first.tail())?;
    for (group, service) in [
        (shop.group.as_str(), &mut first),
        ("marks-own-second", &mut second),
    ] {
        shop.client
            .wait_committed(group, &shop.replies, DEADLINE)
            .with_context(|| service.tail())?;
    }
    let ends = shop.client.end_offsets(&shop.replies)?;
    assert!(
        ends.values().sum::<i64>() > 2,
        "a mark follows the replies: {ends:?}"
    );
    first.stop_cleanly()?;
    second.stop_cleanly()?;
    assert_eq!(
        shop.client.end_offsets(&shop.replies)?,
        ends,
        "no mark led to another"
    );
    Ok(())
}

/// A group that other clients, or earlier versions, have left below the marker.
fn offsets_below_a_marker_are_reported_neither_as_loss_nor_as_lag(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "marks-below", 1)?;
    write(&shop, &[(0, 0)], true)?;
    wait_until("the offset should be committed", DEADLINE, || {
        // While the broker creates the topic of the groups' offsets, there is no coordinator.
        Ok(shop.client.commit(&shop.group, &shop.topic, 0, 1).ok())
    })?;
    let lag = shop.json(0, "lag", &["--fail-above", "0"])?;
    assert_eq!(
        (&lag["lag"], &lag["partitions"][0]["end"]),
        (&json!(0), &json!(2)),
        "{lag}"
    );

    shop.client.delete_records(&shop.topic, 0, 2)?;
    let mut service = shop.service().start()?;
    service.wait_log("at most 1 record was deleted before being handled", DEADLINE)?;
    shop.produce(&[order(&shop, 0, 1)?])?;
    wait_until("the next order should be confirmed", DEADLINE, || {
        service.assert_running()?;
        Ok((shop.confirmed()? == [order_id("ada", 1)]).then_some(()))
    })?;
    service.stop_cleanly()
}

/// Writes orders in a transaction, by their partitions and numbers.
fn write(shop: &Shop, orders: &[(i32, i64)], commits: bool) -> Result<()> {
    let records: Result<Vec<_>> = orders
        .iter()
        .map(|(partition, number)| order(shop, *partition, *number))
        .collect();
    let open = shop.client.produce_in_transaction(&shop.topic, &records?)?;
    if commits { open.commit() } else { open.abort() }
}

fn order(shop: &Shop, partition: i32, number: i64) -> Result<Record> {
    let mut order = shop.placed("ada", number)?;
    order.partition = partition;
    Ok(order)
}
