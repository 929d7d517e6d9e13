//! `dlq`: dead letters are listed, shown, sent back and discarded, and none is lost.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Record, Rig, Service, free_port, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::{DEADLINE, SLOW_PRODUCER, Shop};

crate::tests![
    dead_letters_are_listed_shown_sent_back_recognised_and_discarded,
    positions_without_an_open_dead_letter_are_refused_and_nothing_is_done,
    a_killed_replay_of_dead_letters_continues_without_loss_and_keeps_the_order_of_keys,
    dlq_without_a_topic_a_broker_or_valid_arguments_gives_a_remedy,
];

/// No limits on failures.
const LENIENT: &str = "[dead_letter]\nmax_share = 1\nmax_consecutive = 0\n";

/// The JSON output of `dlq …`, with its exit code.
fn dlq(shop: &Shop, arguments: &[&str]) -> Result<(i32, Value)> {
    let output = shop
        .command("dlq", &[])
        .with_arguments_first(arguments)
        .with_arguments(&["--format", "json"])
        .output()?;
    let printed = serde_json::from_str(&output.stdout);
    Ok((
        output.code,
        printed.with_context(|| format!("{arguments:?}: {output:?}"))?,
    ))
}

/// Lets the service handle the records that are there.
fn handle(shop: &Shop) -> Result<()> {
    let mut service = shop.service().with_file(LENIENT).start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()
}

fn dead_letters_are_listed_shown_sent_back_recognised_and_discarded(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "dlq", 2)?;
    // An order with a negative amount is not retried.
    shop.produce(&[
        shop.placed("ada", -2_000)?,
        shop.placed("bob", 1)?,
        shop.placed("ada", -3_000)?,
        Record::new(Some("ada"), Some(vec![9, 9])).with_header("shop", "north"),
    ])?;
    handle(&shop)?;

    let (code, list) = dlq(&shop, &["list"])?;
    assert_eq!((code, &list["open"]), (0, &json!(3)), "{list}");
    let first = &list["groups"][0];
    assert_eq!(
        (&first["handler"], &first["letters"]),
        (&json!("orders::placed"), &json!(2)),
        "{list}"
    );
    assert_eq!(first["error"], "an order cannot cost less than nothing", "{list}");

    let output = shop
        .command("dlq", &[])
        .with_arguments_first(&["show", "--handler", "orders::placed"])
        .output()?;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.contains("\"amount_cents\":-1000") && output.stdout.contains("cannot cost"),
        "{output:?}"
    );
    let (_, shown) = dlq(&shop, &["show", "--error", "begins with the byte"])?;
    assert_eq!(
        (&shown["raw"], &shown["headers"]["shop"]),
        (&json!("0x0909"), &json!("north")),
        "{shown}"
    );

    let (code, tried) = dlq(&shop, &["replay", "--all", "--dry-run"])?;
    assert_eq!(
        (code, &tried["done"], &tried["topics"][&shop.topic]),
        (0, &json!(3), &json!(3)),
        "{tried}"
    );
    let (code, replayed) = dlq(&shop, &["replay", "--handler", "orders::placed"])?;
    assert_eq!(
        (code, &replayed["done"], &replayed["remaining"]),
        (0, &json!(2), &json!(1)),
        "{replayed}"
    );
    let records = shop.client.read(&shop.topic)?;
    let again: Vec<_> = records
        .iter()
        .filter(|record| record.header("kaufmann-replayed-from").is_some())
        .collect();
    assert_eq!(again.len(), 2);
    assert!(
        again
            .iter()
            .all(|record| record.key_text().as_deref() == Some("ada") && record.partition == 0)
    );
    assert_eq!(
        [&again[0].value, &again[1].value],
        [&records[0].value, &records[2].value],
        "in their order, as they were"
    );

    // They fail again, and are recognised.
    handle(&shop)?;
    let (_, list) = dlq(&shop, &["list"])?;
    let first = &list["groups"][0];
    assert_eq!((&list["open"], &first["again"]), (&json!(3), &json!(2)), "{list}");
    let (_, shown) = dlq(&shop, &["show", "--handler", "orders::placed", "--max", "1"])?;
    assert_eq!(
        shown["history"][0]["error"], "an order cannot cost less than nothing",
        "{shown}"
    );

    let (code, discarded) = dlq(&shop, &["discard", "--all"])?;
    assert_eq!(
        (code, &discarded["done"], &discarded["remaining"]),
        (0, &json!(3), &json!(0)),
        "{discarded}"
    );
    assert_eq!(dlq(&shop, &["list"])?.1["open"], 0);
    assert_eq!(shop.letters()?.len(), 5, "the topic keeps them");
    Ok(())
}

fn positions_without_an_open_dead_letter_are_refused_and_nothing_is_done(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "dlq-named", 1)?;
    let foreign = Record::new(Some("ada"), Some(vec![1]));
    let letters = [shop.letter(), shop.letter(), foreign];
    shop.client.produce(&shop.dead_letters, &letters)?;
    let refused = |arguments: &[&str], reasons: &[&str]| -> Result<()> {
        let output = shop
            .command("dlq", &[])
            .with_arguments_first(arguments)
            .output()?;
        ensure!(
            output.code == 2 && output.stdout.is_empty() && output.stderr.contains("nothing was done"),
            "{arguments:?}: {output:?}"
        );
        for reason in reasons {
            ensure!(output.stderr.contains(reason), "{reason}: {output:?}");
        }
        Ok(())
    };
    refused(
        &["discard", "0@0", "0@9", "7@0", "0@2"],
        &[
            "no open dead letter in dlq-named.dead-letter at:",
            "0@9: the partition ends before it, at 3",
            "7@0: there is no partition 7; there are 1, from 0",
            "0@2: the record there is not a dead letter",
        ],
    )?;
    refused(&["replay", "0@0", "1@0"], &["1@0: there is no partition 1"])?;
    refused(&["show", "0@3"], &["0@3: the partition ends before it, at 3"])?;
    assert_eq!(dlq(&shop, &["list"])?.1["open"], 2);
    assert_eq!(
        shop.client.end_offsets(&shop.topic)?[&0],
        0,
        "nothing was sent back"
    );

    let (code, discarded) = dlq(&shop, &["discard", "0@1"])?;
    assert_eq!((code, &discarded["done"]), (0, &json!(1)), "{discarded}");
    refused(
        &["show", "0@0", "0@1"],
        &["0@1: it has been sent back or discarded"],
    )?;
    let (code, shown) = dlq(&shop, &["show", "0@0"])?;
    assert_eq!(
        (code, &shown["failure"]["letter"]),
        (0, &json!("dlq-named.dead-letter/0@0")),
        "{shown}"
    );
    shop.client.delete_records(&shop.dead_letters, 0, 1)?;
    refused(
        &["discard", "0@0"],
        &["0@0: it is deleted; the partition begins at 1"],
    )
}

fn a_killed_replay_of_dead_letters_continues_without_loss_and_keeps_the_order_of_keys(
    rig: &Rig,
) -> Result<()> {
    let shop = Shop::open(rig, "dlq-killed", 1)?;
    let poison = |number: i32| {
        Record::new(
            Some(&format!("k{}", number % 7)),
            Some(format!("x{number}").into_bytes()),
        )
    };
    let records: Vec<_> = (0..2_000).map(poison).collect();
    shop.produce(&records)?;
    handle(&shop)?;
    let before = shop.client.end_offsets(&shop.topic)?[&0];

    // Slow enough to be killed on the way.
    let mut replay = shop
        .command("dlq", &SLOW_PRODUCER)
        .with_arguments_first(&["replay", "--all"])
        .start()?;
    wait_until("some should be back", DEADLINE, || {
        Ok((shop.client.end_offsets(&shop.topic)?[&0] > before + 300).then_some(()))
    })
    .with_context(|| replay.tail())?;
    replay.stop(Signal::KILL)?;

    let (code, rest) = dlq(&shop, &["replay", "--all"])?;
    assert_eq!((code, &rest["remaining"]), (0, &json!(0)), "{rest}");
    let done = rest["done"].as_u64().context("no number")?;
    assert!(
        (1..=1_999).contains(&done),
        "it went on, and did not begin anew: {done}"
    );
    let mut by_key: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for record in shop
        .client
        .read(&shop.topic)?
        .iter()
        .filter(|record| record.offset >= before)
    {
        let values = by_key.entry(record.key_text().context("no key")?).or_default();
        let value = record.value.clone().context("no value")?;
        // The last ones may have been sent twice.
        if !values.contains(&value) {
            values.push(value);
        }
    }
    for (key, values) in by_key {
        let original: Vec<_> = records
            .iter()
            .filter(|record| record.key_text().as_ref() == Some(&key))
            .collect();
        let original: Vec<_> = original
            .into_iter()
            .filter_map(|record| record.value.clone())
            .collect();
        assert_eq!(values, original, "{key}");
    }
    assert_eq!(dlq(&shop, &["list"])?.1["open"], 0);
    Ok(())
}

fn dlq_without_a_topic_a_broker_or_valid_arguments_gives_a_remedy(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "no-dlq")?;
    let says = |arguments: &[&str], code: i32, text: &str| -> Result<()> {
        let output = shop
            .command("dlq", &[])
            .with_arguments_first(arguments)
            .output()?;
        ensure!(
            output.code == code && output.stderr.contains(text),
            "{arguments:?}: {output:?}"
        );
        Ok(())
    };
    says(&["list"], 69, "topic `no-dlq.dead-letter` does not exist")?;
    says(&["replay"], 2, "select dead letters")?;
    says(&["show", "17"], 2, "expected PARTITION@OFFSET")?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let output = Service::bare("dlq")
        .with_arguments(&["list", "--brokers", &nobody])
        .output()?;
    ensure!(
        output.code == 69 && output.stderr.contains("can be reached"),
        "{output:?}"
    );
    Ok(())
}
