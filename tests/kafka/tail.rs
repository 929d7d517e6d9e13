//! `tail`: which records it shows, from where, and when it ends.

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Record, Rig, Service, free_port, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::{DEADLINE, Shop};

crate::tests![
    tail_shows_decoded_records_and_only_the_selected_ones,
    tail_shows_new_records_until_ctrl_c,
    tail_without_a_topic_broker_registry_or_valid_arguments_gives_a_remedy,
];

/// The output of `tail --until-end`, one object for each record.
fn tail(shop: &Shop, arguments: &[&str]) -> Result<Vec<Value>> {
    let output = shop
        .command("tail", arguments)
        .with_arguments(&["--until-end", "--format", "json"])
        .output()?;
    ensure!(output.code == 0, "{arguments:?}: {output:?}");
    let lines = output.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).context("no JSON"))
        .collect()
}

fn tail_shows_decoded_records_and_only_the_selected_ones(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "tail", 2)?;
    let broken = Record::new(Some("ada"), Some(vec![9, 9])).with_header("shop", "north");
    shop.produce(&[
        shop.placed("ada", 0)?,
        shop.cancelled("ada", "too late", 1)?,
        shop.placed("bob", 2)?,
        broken,
        Record::new(Some("bob"), None),
    ])?;

    let all = tail(&shop, &["--from", "beginning"])?;
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(all[0]["event"], "shop.order_placed", "{all:?}");
    assert_eq!(
        all[0]["payload"],
        json!({"order_id": "ada-0", "customer": "ada", "amount_cents": 1000, "sequence": 0})
    );
    let of_broken = &all[3];
    assert_eq!(
        (&of_broken["raw"], &of_broken["headers"]["shop"]),
        (&json!("0x0909"), &json!("north"))
    );
    assert!(
        of_broken["error"]
            .as_str()
            .is_some_and(|error| error.contains("begins with the byte 0x09"))
    );
    assert_eq!((&all[4]["payload"], &all[4]["raw"]), (&json!(null), &json!(null)));

    let offsets = |arguments: &[&str]| -> Result<Vec<i64>> {
        Ok(tail(&shop, arguments)?
            .iter()
            .filter_map(|line| line["offset"].as_i64())
            .collect())
    };
    // An event by its name, in the only consumed topic; a topic by its name.
    assert_eq!(offsets(&["shop.order_placed", "--from", "beginning"])?, [0, 2]);
    assert_eq!(offsets(&[&shop.topic, "--from", "3"])?, [3, 4]);
    assert_eq!(offsets(&["--from", "-1"])?, [4]);
    assert_eq!(offsets(&["--from", "1h", "--key", "bob", "--raw"])?, [2, 4]);
    assert_eq!(offsets(&["--from", "0", "--where", "reason=too late"])?, [1]);
    assert_eq!(offsets(&["--from", "0", "--max", "2"])?, [0, 1]);
    assert_eq!(offsets(&["--from", "0", "--partition", "1"])?, [0_i64; 0]);
    assert_eq!(offsets(&["--from", "2999-01-01"])?, [0_i64; 0]);
    Ok(())
}

fn tail_shows_new_records_until_ctrl_c(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "tail-live", 1)?;
    let mut running = shop.command("tail", &["--from", "beginning"]).start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    wait_until("it should show the first record", DEADLINE, || {
        running.assert_running()?;
        Ok(running.printed().contains("ada-0").then_some(()))
    })?;
    shop.produce(&[shop.placed("ada", 1)?])?;
    wait_until("it should show the second record", DEADLINE, || {
        Ok(running.printed().contains("ada-1").then_some(()))
    })?;
    let status = running.stop(Signal::INT)?;
    assert_eq!(status.code(), Some(0), "{}", running.tail());
    assert!(
        shop.client.committed(&shop.group, &shop.topic)?.is_empty(),
        "it commits nothing"
    );
    Ok(())
}

fn tail_without_a_topic_broker_registry_or_valid_arguments_gives_a_remedy(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "tail-wrong", 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    let says = |service: Service, code: i32, text: &str| -> Result<()> {
        let output = service.output()?;
        ensure!(
            output.code == code && output.stderr.contains(text),
            "{text}: {output:?}"
        );
        Ok(())
    };
    says(
        shop.command("tail", &["shop.order_plaecd"]),
        2,
        "did you mean `shop.order_placed`?",
    )?;
    says(
        shop.command("tail", &["--partition", "7"]),
        2,
        "has no partition 7; it has 1, from 0",
    )?;
    says(
        shop.command("tail", &["--from", "soon"]),
        2,
        "expected `beginning`, `end`, an offset",
    )?;
    says(
        shop.command("tail", &["--where", "customer"]),
        2,
        "expected FIELD=VALUE",
    )?;

    let nobody = format!("127.0.0.1:{}", free_port()?);
    let registry = format!("http://{nobody}");
    says(
        Service::command("tail", &nobody, "g", "t", &registry),
        69,
        &format!("no broker of `{nobody}` can be reached"),
    )?;
    let blind = [
        "--from",
        "beginning",
        "--until-end",
        "--registry-url",
        &registry,
        "--registry-retries",
        "0",
    ];
    says(
        shop.command("tail", &blind),
        70,
        "check `registry.url`, or use --raw",
    )?;
    says(shop.command("tail", &blind).with_arguments(&["--raw"]), 0, "")
}
