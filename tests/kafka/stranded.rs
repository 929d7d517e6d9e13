//! Retry topics of an earlier configuration: their records are found, and moved without loss.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Record, Rig, Service, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::{DEADLINE, SLOW_PRODUCER, Shop, order_id};

crate::tests![
    records_of_an_earlier_retry_topic_are_found_by_run_doctor_and_lag_and_moved_as_they_are,
    a_killed_drain_continues_without_loss,
    without_retry_topics_they_go_back_to_where_they_were_read_and_are_handled,
    topics_and_dead_letters_of_an_earlier_configuration_are_named,
];

/// An order as it waits in a retry topic; it was read at this offset.
fn waiting(shop: &Shop, customer: &str, offset: i64) -> Result<Record> {
    let offset_text = offset.to_string();
    let record = shop.placed(customer, offset)?;
    Ok([
        ("kaufmann-error-class", "failed"),
        ("kaufmann-error", "no ledger"),
        ("kaufmann-error-attempts", "10"),
        ("kaufmann-source-topic", &*shop.topic),
        ("kaufmann-source-partition", "0"),
        ("kaufmann-source-offset", &*offset_text),
        ("kaufmann-retry-due", "2026-01-31T03:14:07Z"),
    ]
    .into_iter()
    .fold(record, |record, (name, value)| record.with_header(name, value)))
}

/// The JSON output of `drain …`, with its exit code.
fn drain(shop: &Shop, file: &str, arguments: &[&str]) -> Result<(i32, Value)> {
    let output = draining(shop, file, arguments)
        .with_arguments(&["--format", "json"])
        .output()?;
    let printed = serde_json::from_str(&output.stdout);
    Ok((
        output.code,
        printed.with_context(|| format!("{arguments:?}: {output:?}"))?,
    ))
}

fn draining(shop: &Shop, file: &str, arguments: &[&str]) -> Service {
    shop.command("drain", arguments).with_file(file)
}

const MINUTE: &str = "[retry.topics]\ndelays = [\"1m\"]\n";

fn records_of_an_earlier_retry_topic_are_found_by_run_doctor_and_lag_and_moved_as_they_are(
    rig: &Rig,
) -> Result<()> {
    let shop = Shop::open(rig, "stranded", 1)?;
    let (old, new) = ("stranded.retry.10m", "stranded.retry.1m");
    for topic in [old, new] {
        shop.client.create_topic(topic, 2, &[])?;
    }
    ensure!(drain(&shop, MINUTE, &["--yes"])?.0 == 0, "there is nothing yet");
    let records = [waiting(&shop, "ada", 0)?, waiting(&shop, "bob", 1)?];
    shop.client.produce(old, &records)?;

    let mut service = shop.service().with_file(MINUTE).start()?;
    service.wait_log("topic `stranded.retry.10m` has up to 2 records", DEADLINE)?;
    let output = shop.command("doctor", &[]).with_file(MINUTE).output()?;
    ensure!(
        output.stdout.contains("stranded.retry.10m") && output.stdout.contains("drain --yes"),
        "{output:?}"
    );
    let lag = |shop: &Shop| -> Result<Value> {
        let output = shop
            .command("lag", &["--format", "json"])
            .with_file(MINUTE)
            .output()?;
        Ok(serde_json::from_str(&output.stdout)?)
    };
    let report = lag(&shop)?;
    ensure!(
        report["stranded"][0]["topic"] == old && report["stranded"][0]["records"] == 2,
        "{report}"
    );

    let (code, plan) = drain(&shop, MINUTE, &[])?;
    let topic = &plan["topics"][0];
    ensure!((code, &topic["to"]) == (1, &json!(new)), "{plan}");
    ensure!(
        shop.client.read(new)?.is_empty(),
        "nothing is moved without --yes"
    );
    let (code, moved) = drain(&shop, MINUTE, &["--yes"])?;
    ensure!(
        (code, &moved["topics"][0]["summary"]["done"]) == (0, &json!(2)),
        "{moved}"
    );
    let arrived = shop.client.read(new)?;
    for record in &records {
        let same = |moved: &&Record| {
            (&moved.key, &moved.value, &moved.headers) == (&record.key, &record.value, &record.headers)
        };
        ensure!(arrived.iter().filter(same).count() == 1, "{arrived:?}");
    }
    ensure!(drain(&shop, MINUTE, &["--yes"])?.0 == 0);
    ensure!(lag(&shop)?["stranded"].is_null(), "nothing is left");
    // They were due long ago.
    wait_until("both should be confirmed", DEADLINE, || {
        Ok((shop.confirmed()?.len() == 2).then_some(()))
    })
    .with_context(|| service.tail())?;
    service.stop_cleanly()
}

fn a_killed_drain_continues_without_loss(rig: &Rig) -> Result<()> {
    const RECORDS: i64 = 400;
    let shop = Shop::open(rig, "drained", 1)?;
    let (old, new) = ("drained.retry.10m", "drained.retry.1m");
    for topic in [old, new] {
        shop.client.create_topic(topic, 1, &[])?;
    }
    let records: Vec<_> = (0..RECORDS)
        .map(|number| waiting(&shop, "ada", number))
        .collect::<Result<_>>()?;
    shop.client.produce(old, &records)?;
    let arrived = |shop: &Shop| -> Result<Vec<Record>> { shop.client.read(new) };
    let mut killed = draining(&shop, MINUTE, &["--yes"])
        .with_arguments(&SLOW_PRODUCER)
        .start()?;
    wait_until("some should be moved", DEADLINE, || {
        Ok((!arrived(&shop)?.is_empty()).then_some(()))
    })
    .with_context(|| killed.tail())?;
    killed.stop(Signal::KILL)?;
    let before = i64::try_from(arrived(&shop)?.len())?;
    ensure!(before < RECORDS, "it was killed too late: {before}");
    let (code, report) = drain(&shop, MINUTE, &["--yes"])?;
    ensure!(code == 0, "{report}");
    let arrived = arrived(&shop)?;
    let offsets: BTreeSet<_> = arrived
        .iter()
        .filter_map(|record| record.header("kaufmann-source-offset"))
        .collect();
    ensure!(offsets.len() == usize::try_from(RECORDS)?, "{}", offsets.len());
    ensure!(drain(&shop, MINUTE, &[])?.0 == 0, "nothing is left");
    Ok(())
}

fn without_retry_topics_they_go_back_to_where_they_were_read_and_are_handled(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "unretried", 1)?;
    let old = "unretried.retry.10m";
    shop.client.create_topic(old, 1, &[])?;
    // The records at these offsets are deleted, but the offsets exist: records are appended after them.
    let filler: Vec<_> = (0..3)
        .map(|number| shop.cancelled("eve", "no", number))
        .collect::<Result<_>>()?;
    shop.produce(&filler)?;
    let foreign = Record::new(Some("ada"), Some(vec![1]));
    shop.client.produce(
        old,
        &[waiting(&shop, "ada", 1)?, foreign, waiting(&shop, "ada", 2)?],
    )?;
    let (code, report) = drain(&shop, "", &["--yes"])?;
    let summary = &report["topics"][0]["summary"];
    ensure!((code, &summary["done"]) == (1, &json!(2)), "{report}");
    ensure!(
        summary["left"][0]["letter"] == "unretried.retry.10m/0@1",
        "{report}"
    );
    let back = shop.client.read(&shop.topic)?.split_off(3);
    let origins: Vec<_> = back
        .iter()
        .map(|record| record.header("kaufmann-origin"))
        .collect();
    let origin = |offset: i64| Some(format!("{}/0@{offset}", shop.topic));
    ensure!(origins == [origin(1), origin(2)], "{back:?}");
    ensure!(
        back.iter()
            .all(|record| record.header("kaufmann-retry-due").is_none())
    );
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let confirmed: BTreeSet<_> = shop.confirmed()?.into_iter().collect();
    ensure!(confirmed.contains(&order_id("ada", 1)) && confirmed.contains(&order_id("ada", 2)));
    Ok(())
}

fn topics_and_dead_letters_of_an_earlier_configuration_are_named(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "earlier", 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    shop.produce(&[shop.placed("ada", 1)?])?;
    shop.client.produce(&shop.dead_letters, &[shop.letter()])?;
    for topic in ["earlier.other", "earlier.letters"] {
        shop.client.create_topic(topic, 1, &[])?;
    }
    let servers = &shop.servers;
    let (brokers, registry) = (servers.kafka.brokers(), servers.registry.url());
    let output = Service::command("lag", &brokers, &shop.group, "earlier.other", &registry)
        .with_file(&shop.file())
        .with_arguments(&["--format", "json", "--dead-letter-topic", "earlier.letters"])
        .output()?;
    let report: Value = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    let mut found: Vec<_> = report["stranded"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|stranded| (stranded["topic"].to_string(), stranded["kind"].to_string()))
        .collect();
    found.sort();
    let text = |text: &str| format!("\"{text}\"");
    ensure!(
        found
            == [
                (text(&shop.dead_letters), text("dead_letters")),
                (text(&shop.topic), text("not_consumed")),
            ],
        "{report}"
    );
    let refused = shop.command("drain", &["--topic", &shop.topic]).output()?;
    ensure!(
        refused.code == 2 && refused.stderr.contains("the service itself reads it"),
        "{refused:?}"
    );
    Ok(())
}
