//! A group whose committed offset is no longer in the log, for every `auto.offset.reset`.

use anyhow::{Context, Result};
use kaufmann_tests::rig::{Rig, Running, Service, wait_until};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    records_deleted_before_they_were_handled_are_reported_and_the_rest_is_handled,
    a_group_that_continues_at_the_end_reports_what_is_lost_before_it,
    a_group_that_must_not_choose_stops_with_a_remedy,
    a_group_without_an_offset_that_must_have_one_stops_with_a_remedy,
];

/// The number of handled orders, of written ones, and the first one that is still there.
const HANDLED: i64 = 10;
const WRITTEN: i64 = 20;
const KEPT: i64 = 15;

/// The log line about it.
const LOST: &str = "offset 10 was to be read next, but the log begins at offset 15: at most 5 records were deleted before being \
                    handled";

/// The exit code of a source that fails.
const FAILED: i32 = 70;

fn records_deleted_before_they_were_handled_are_reported_and_the_rest_is_handled(rig: &Rig) -> Result<()> {
    let shop = cut_off(rig, "cut-earliest")?;
    let mut service = with(&shop, "earliest").start()?;
    service.wait_log(LOST, DEADLINE)?;
    let committed = shop.wait_committed().with_context(|| service.tail())?;
    assert_eq!(committed[&0], WRITTEN);
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?, orders((0..HANDLED).chain(KEPT..WRITTEN)));
    assert_eq!(warnings(&service), 1, "{}", service.logs());
    Ok(())
}

fn a_group_that_continues_at_the_end_reports_what_is_lost_before_it(rig: &Rig) -> Result<()> {
    let shop = cut_off(rig, "cut-latest")?;
    let mut service = with(&shop, "latest").start()?;
    service.wait_log(LOST, DEADLINE)?;
    // The end at the time of the request is unknown, so orders are written until one of them is confirmed.
    let mut next = WRITTEN;
    wait_until("an order after the end should be confirmed", DEADLINE, || {
        service.assert_running()?;
        shop.produce(&[shop.placed("ada", next)?])?;
        next += 1;
        Ok((shop.confirmed()?.len() > usize::try_from(HANDLED)?).then_some(()))
    })?;
    service.stop_cleanly()?;
    let confirmed = shop.confirmed()?;
    let passed_over = orders(HANDLED..WRITTEN);
    assert!(
        !confirmed.iter().any(|order| passed_over.contains(order)),
        "{confirmed:?}"
    );
    Ok(())
}

fn a_group_that_must_not_choose_stops_with_a_remedy(rig: &Rig) -> Result<()> {
    for reset in ["error", "none"] {
        let shop = cut_off(rig, &format!("cut-{reset}"))?;
        let mut service = with(&shop, reset).start()?;
        let status = service.wait(DEADLINE)?;
        assert_eq!(status.code(), Some(FAILED), "{}", service.tail());
        let logs = service.logs();
        let remedy = format!(
            "--reset-offsets --group {} --topic {}:0 --to-earliest",
            shop.group, shop.topic
        );
        assert!(logs.contains(LOST) && logs.contains(&remedy), "{logs}");
        assert_eq!(shop.confirmed()?, orders(0..HANDLED));
        assert_eq!(shop.client.committed(&shop.group, &shop.topic)?[&0], HANDLED);
    }
    Ok(())
}

fn a_group_without_an_offset_that_must_have_one_stops_with_a_remedy(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "no-offset", 1)?;
    let mut service = with(&shop, "error").start()?;
    let status = service.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(FAILED), "{}", service.tail());
    let logs = service.logs();
    let what = "group `no-offset` has committed no offset of partition 0 of topic `no-offset.shop`";
    assert!(logs.contains(what) && logs.contains("--reset-offsets"), "{logs}");
    Ok(())
}

/// The group has committed the first orders; more were written, and the first of those were deleted.
fn cut_off(rig: &Rig, name: &str) -> Result<Shop> {
    let shop = Shop::open(rig, name, 1)?;
    let place = |orders: std::ops::Range<i64>| -> Result<()> {
        let records: Result<Vec<_>> = orders.map(|order| shop.placed("ada", order)).collect();
        shop.produce(&records?)
    };
    place(0..HANDLED)?;
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    place(HANDLED..WRITTEN)?;
    shop.client.delete_records(&shop.topic, 0, KEPT)?;
    Ok(shop)
}

fn with(shop: &Shop, reset: &str) -> Service {
    let reset = format!("auto.offset.reset={reset}");
    shop.service().with_arguments(&["--kafka", &reset])
}

fn orders(numbers: impl Iterator<Item = i64>) -> Vec<String> {
    numbers.map(|number| order_id("ada", number)).collect()
}

fn warnings(service: &Running) -> usize {
    service.logs().lines().filter(|line| line.contains(LOST)).count()
}
