//! `lag`: the remaining records, their members, and the errors without a result.

use anyhow::{Context, Result};
use kaufmann_tests::rig::{Rig, Service, free_port, wait_until};
use rustix::process::Signal;
use serde_json::json;

use crate::shop::{DEADLINE, Shop};

crate::tests![
    lag_shows_the_remaining_records_their_age_and_their_member,
    lag_without_a_topic_a_broker_or_valid_arguments_gives_a_remedy,
    lag_with_watch_runs_until_ctrl_c,
];

/// The exit code if the cluster is unavailable.
const UNAVAILABLE: i32 = 69;

fn lag_shows_the_remaining_records_their_age_and_their_member(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "lag", 2)?;
    let placed: Vec<_> = (0..3)
        .map(|number| shop.placed("ada", number))
        .collect::<Result<_>>()?;
    shop.produce(&placed)?;

    let before = shop.json(0, "lag", &[])?;
    assert_eq!(
        (&before["lag"], &before["members"]),
        (&json!(3), &json!([])),
        "{before}"
    );
    assert_eq!(before["partitions"][0]["committed"], json!(null), "{before}");
    assert!(before["partitions"][0]["behind_ms"].is_u64(), "{before}");
    let output = shop.command("lag", &["--fail-above", "2"]).output()?;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output
            .stdout
            .starts_with("group lag: nothing committed yet, no members\ntopic "),
        "{output:?}"
    );

    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    let after = shop.json(0, "lag", &["--fail-above", "0"])?;
    assert_eq!(
        (&after["lag"], &after["behind_ms"]),
        (&json!(0), &json!(null)),
        "{after}"
    );
    assert_eq!(
        (&after["state"], &after["members"][0]["partitions"]),
        (&json!("Stable"), &json!(2)),
        "{after}"
    );
    assert_eq!(
        after["partitions"][0]["member"], after["members"][0]["id"],
        "{after}"
    );
    service.stop_cleanly()?;

    // The other protocol, in which the broker assigns, has members too.
    let mut service = shop
        .service()
        .with_arguments(&["--kafka", "group.protocol=consumer"])
        .start()?;
    wait_until("the member should be told", DEADLINE, || {
        let told = shop.json(0, "lag", &["--kafka", "group.protocol=consumer"])?;
        Ok((told["members"][0]["partitions"] == json!(2)).then_some(()))
    })
    .with_context(|| service.tail())?;
    service.stop_cleanly()
}

fn lag_without_a_topic_a_broker_or_valid_arguments_gives_a_remedy(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "lag-wrong")?;
    let output = shop.command("lag", &[]).output()?;
    assert_eq!(output.code, UNAVAILABLE, "{output:?}");
    assert!(
        output
            .stderr
            .contains("topic `lag-wrong.shop` does not exist; create it"),
        "{output:?}"
    );

    let nobody = format!("127.0.0.1:{}", free_port()?);
    let output = Service::command("lag", &nobody, "g", "t", "http://127.0.0.1:1").output()?;
    assert_eq!(output.code, UNAVAILABLE, "{output:?}");
    assert!(
        output
            .stderr
            .contains(&format!("no broker of `{nobody}` can be reached")),
        "{output:?}"
    );

    let output = shop.command("lag", &["--fail-above", "many"]).output()?;
    assert_eq!(output.code, 2, "{output:?}");
    let output = shop.command("lag", &["--watch=soon"]).output()?;
    assert_eq!(output.code, 2, "{output:?}");
    Ok(())
}

fn lag_with_watch_runs_until_ctrl_c(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "lag-watch", 1)?;
    let mut watch = shop
        .command("lag", &["--watch=100ms", "--format", "json"])
        .start()?;
    wait_until("it should look twice", DEADLINE, || {
        watch.assert_running()?;
        Ok((watch.printed().lines().count() > 1).then_some(()))
    })?;
    let status = watch.stop(Signal::INT)?;
    assert_eq!(status.code(), Some(0), "{}", watch.tail());
    let printed = watch.printed();
    let first = printed.lines().next().context("nothing printed")?;
    let report: serde_json::Value = serde_json::from_str(first)?;
    assert_eq!(
        (&report["lag"], &report["group"]),
        (&json!(0), &json!("lag-watch")),
        "{report}"
    );
    Ok(())
}
