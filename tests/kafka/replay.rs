//! `replay` runs the handlers on past records again, with a separate group; and `publish` of many payloads.

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Rig, Service, free_port};
use rustix::process::Signal;
use serde_json::json;

use crate::shop::Shop;

crate::tests![
    past_records_are_handled_again_and_nothing_is_published_unless_requested,
    a_killed_replay_resumes_at_its_position,
    a_group_is_moved_only_while_it_has_no_members,
    replay_without_a_broker_or_valid_arguments_gives_a_remedy,
    many_payloads_are_published_in_order_up_to_the_first_invalid_one,
];

fn past_records_are_handled_again_and_nothing_is_published_unless_requested(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "replay", 2)?;
    let mut records = (0..4)
        .map(|number| shop.placed("ada", number))
        .collect::<Result<Vec<_>>>()?;
    records.push(shop.cancelled("ada", "too late", 4)?);
    records.push(shop.placed("ada", -2_000)?);
    shop.produce(&records)?;
    let mut service = shop.service().start()?;
    let committed = shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let replies = shop.confirmed()?.len();
    let letters = shop.letters()?.len();

    let report = shop.json(1, "replay", &["--from", "beginning"])?;
    let counts = &report["counts"];
    assert_eq!(
        (&counts["handled"], &counts["failed"], &counts["muted"]),
        (&json!(5), &json!(1), &json!(5)),
        "{report}"
    );
    assert_eq!(
        counts["failures"][0]["reason"], "an order cannot cost less than nothing",
        "{report}"
    );
    assert_eq!(
        (shop.confirmed()?.len(), shop.letters()?.len()),
        (replies, letters),
        "nothing was published"
    );
    assert_eq!(
        shop.client.committed(&shop.group, &shop.topic)?,
        committed,
        "the group is where it was"
    );

    let report = shop.json(
        0,
        "replay",
        &["--from", "1", "--to", "-1", "--events", "shop.order_placed"],
    )?;
    assert_eq!(
        (&report["settled"], &report["partitions"][0]["from"]),
        (&json!(3), &json!(1)),
        "{report}"
    );
    let report = shop.json(0, "replay", &["--from", "0", "--to", "2", "--publish"])?;
    assert_eq!(
        (&report["counts"]["handled"], &report["counts"]["muted"]),
        (&json!(2), &json!(0)),
        "{report}"
    );
    assert_eq!(shop.confirmed()?.len(), replies + 2);
    Ok(())
}

fn a_killed_replay_resumes_at_its_position(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "replay-killed", 1)?;
    let records = (0..3_000)
        .map(|number| shop.placed("ada", number))
        .collect::<Result<Vec<_>>>()?;
    shop.produce(&records)?;
    shop.begin_replay(&[])?.stop(Signal::KILL)?;

    let done = shop.replayed()?;
    let report = shop.json(0, "replay", &["--resume"])?;
    assert_eq!(report["partitions"][0]["from"], done, "{report}");
    assert_eq!(
        report["settled"],
        3_000 - done,
        "all the rest, and no more: {report}"
    );
    assert_eq!(shop.replayed()?, 3_000);
    let report = shop.json(0, "replay", &["--resume"])?;
    assert_eq!(report["settled"], 0, "{report}");
    Ok(())
}

fn a_group_is_moved_only_while_it_has_no_members(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "replay-reset", 1)?;
    shop.produce(&[shop.placed("ada", 0)?, shop.placed("ada", 1)?])?;
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    let back = ["--from", "1", "--reset-group"];
    let output = shop.command("replay", &back).output()?;
    ensure!(
        output.code == 69 && output.stderr.contains("has 1 live members"),
        "{output:?}"
    );
    service.stop_cleanly()?;
    let moved = shop.json(0, "replay", &back)?;
    assert_eq!(
        (&moved["partitions"][0]["from"], &moved["partitions"][0]["to"]),
        (&json!(2), &json!(1)),
        "{moved}"
    );
    assert_eq!(shop.json(0, "lag", &[])?["lag"], 1);
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?.len(), 3, "one was handled again");
    Ok(())
}

fn replay_without_a_broker_or_valid_arguments_gives_a_remedy(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "replay-wrong", 1)?;
    let says = |arguments: &[&str], code: i32, text: &str| -> Result<()> {
        let output = shop.command("replay", arguments).output()?;
        ensure!(
            output.code == code && output.stderr.contains(text),
            "{arguments:?}: {output:?}"
        );
        Ok(())
    };
    says(&[], 2, "--from")?;
    says(&["--from", "soon"], 2, "expected `beginning`")?;
    says(
        &["--resume"],
        2,
        "there is no replay of group `replay-wrong` to resume",
    )?;
    says(&["--from", "0", "--partitions", "7"], 2, "has a partition 7")?;
    says(
        &["--from", "0", "--events", "shop.order_plaecd"],
        2,
        "did you mean `shop.order_placed`?",
    )?;
    says(&["--from", "10", "--to", "5"], 2, "--from 10 is after --to 5")?;
    shop.produce(&[shop.placed("ada", 0)?, shop.placed("ada", 1)?])?;
    says(
        &["--from", "2", "--to", "-1"],
        2,
        "--from 2 is after --to -1 in every partition",
    )?;
    says(&["--from", "0", "--dev"], 2, "needs the service's state")?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let output = Service::command("replay", &nobody, "g", "t", "http://127.0.0.1:1")
        .with_arguments(&["--from", "beginning"])
        .output()?;
    ensure!(
        output.code == 69 && output.stderr.contains("can be reached"),
        "{output:?}"
    );
    Ok(())
}

fn many_payloads_are_published_in_order_up_to_the_first_invalid_one(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "publish-many", 1)?;
    let folder = tempfile::tempdir()?;
    let write = |name: &str, lines: &[String]| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, lines.join("\n"))?;
        Ok(format!("@{}", path.display()))
    };
    let order = |number: i32| {
        json!({"order_id": format!("o-{number}"), "customer": "ada", "amount_cents": number, "sequence": number}).to_string()
    };
    let mut lines: Vec<_> = (0..500).map(order).collect();
    let good = write("good.ndjson", &lines)?;
    let publish = |file: &str| {
        let arguments = ["--topic", &shop.topic, "shop.order_placed", file];
        shop.command("publish", &arguments).output()
    };
    let output = publish(&good)?;
    ensure!(
        output.code == 0
            && output
                .stdout
                .starts_with("published 500 of shop.order_placed to "),
        "{output:?}"
    );
    lines[3] = r#"{"order_id": 7}"#.to_owned();
    let output = publish(&write("bad.ndjson", &lines)?)?;
    ensure!(
        output.code == 2
            && output
                .stderr
                .contains("payload 4 of `shop.order_placed` was not published; the 3 before it were"),
        "{output:?}"
    );
    ensure!(output.stderr.contains("the field `customer`"), "{output:?}");
    let records = shop.client.read(&shop.topic)?;
    assert_eq!(records.len(), 503);
    let firsts: Vec<_> = records
        .iter()
        .take(500)
        .filter_map(|record| record.value.as_ref()?.get(6..9).map(<[u8]>::to_vec))
        .collect();
    assert_eq!((&firsts[0][..], &firsts[10][..]), (&b"o-0"[..], &b"o-1"[..]));
    let last = records[499].value.clone().context("no value")?;
    assert!(last.windows(5).any(|part| part == b"o-499"), "in their order");
    Ok(())
}
