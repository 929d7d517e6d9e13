//! Ctrl-C during a command: it ends, reports it, and the same command continues without loss.

use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Fault, FaultProxy, Record, Rig, Running, Service, free_port, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::{DEADLINE, SLOW_PRODUCER, Shop};

crate::tests![
    an_interrupted_replay_of_dead_letters_reports_it_and_continues_without_loss,
    an_interrupted_replay_reports_it_and_resumes_at_its_position,
    an_interrupted_publish_has_published_the_first_events_and_reports_how_many,
    an_interrupted_apply_has_created_some_topics_and_the_next_one_creates_the_rest,
    every_reading_command_ends_at_once_by_a_signal_while_no_server_answers,
    an_interrupted_publish_to_brokers_that_do_not_answer_reports_unconfirmed_events,
    a_publish_that_reaches_no_broker_reports_it,
];

/// The exit code after Ctrl-C.
const INTERRUPTED: i32 = 130;

/// The same after SIGTERM.
const TERMINATED: i32 = 143;

/// The JSON output of a command that has ended.
fn report(printed: &str) -> Result<Value> {
    serde_json::from_str(printed).with_context(|| printed.to_owned())
}

fn an_interrupted_replay_of_dead_letters_reports_it_and_continues_without_loss(rig: &Rig) -> Result<()> {
    const LETTERS: usize = 2_000;
    let shop = Shop::open(rig, "dlq-interrupted", 1)?;
    let poison: Vec<_> = (0..LETTERS)
        .map(|number| Record::new(Some("ada"), Some(format!("x{number}").into_bytes())))
        .collect();
    shop.produce(&poison)?;
    let mut service = shop
        .service()
        .with_file("[dead_letter]\nmax_share = 1\nmax_consecutive = 0\n")
        .start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let before = shop.client.end_offsets(&shop.topic)?[&0];

    let mut replay = shop
        .command("dlq", &["--format", "json"])
        .with_arguments_first(&["replay", "--all"])
        .with_arguments(&SLOW_PRODUCER)
        .start()?;
    wait_until("some should be back", DEADLINE, || {
        Ok((shop.client.end_offsets(&shop.topic)?[&0] > before + 100).then_some(()))
    })
    .with_context(|| replay.tail())?;
    let status = replay.stop(Signal::INT)?;
    ensure!(status.code() == Some(INTERRUPTED), "{status}: {}", replay.tail());
    let first = report(&replay.printed())?;
    assert_eq!(first["interrupted"], true, "{first}");
    let done = first["done"].as_u64().context("no number")?;
    let back = shop.client.end_offsets(&shop.topic)?[&0] - before;
    assert_eq!(
        i64::try_from(done)?,
        back,
        "what is said to be back is back, and no more: {first}"
    );

    let output = shop
        .command("dlq", &["--format", "json"])
        .with_arguments_first(&["replay", "--all"])
        .output()?;
    let rest = report(&output.stdout)?;
    assert_eq!((output.code, &rest["remaining"]), (0, &json!(0)), "{rest}");
    let records = shop.client.read(&shop.topic)?;
    let back = records.into_iter().filter(|record| record.offset >= before);
    let back: Vec<_> = back.map(|record| record.value).collect();
    let sent: Vec<_> = poison.into_iter().map(|record| record.value).collect();
    assert_eq!(back.len(), sent.len(), "each once");
    assert!(back == sent, "in their order");
    Ok(())
}

fn an_interrupted_replay_reports_it_and_resumes_at_its_position(rig: &Rig) -> Result<()> {
    const RECORDS: i64 = 3_000;
    let shop = Shop::open(rig, "replay-interrupted", 1)?;
    let records = (0..RECORDS)
        .map(|number| shop.placed("ada", number))
        .collect::<Result<Vec<_>>>()?;
    shop.produce(&records)?;
    let mut replay = shop.begin_replay(&["--format", "json"])?;
    let status = replay.stop(Signal::INT)?;
    ensure!(status.code() == Some(INTERRUPTED), "{status}: {}", replay.tail());
    let first = report(&replay.printed())?;
    assert_eq!(first["interrupted"], true, "{first}");
    assert_eq!(
        first["settled"],
        shop.replayed()?,
        "what is settled is kept: {first}"
    );

    let rest = shop.json(0, "replay", &["--resume"])?;
    assert_eq!(rest["partitions"][0]["from"], first["settled"], "{rest}");
    let settled = |report: &Value| report["settled"].as_i64().context("no number");
    assert_eq!(settled(&first)? + settled(&rest)?, RECORDS, "each once");
    Ok(())
}

fn an_interrupted_publish_has_published_the_first_events_and_reports_how_many(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "publish-interrupted", 1)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("orders.ndjson");
    let order = |number: i32| {
        json!({"order_id": format!("o-{number:06}"), "customer": "ada", "amount_cents": 1, "sequence": number}).to_string()
    };
    let lines: Vec<_> = (0..50_000).map(order).collect();
    std::fs::write(&path, lines.join("\n"))?;
    let file = format!("@{}", path.display());
    let arguments = [
        "--topic",
        &shop.topic,
        "--format",
        "json",
        "shop.order_placed",
        &file,
    ];
    let mut publish = shop
        .command("publish", &arguments)
        .with_arguments(&SLOW_PRODUCER)
        .start()?;
    wait_until("some should be there", DEADLINE, || {
        Ok((shop.client.end_offsets(&shop.topic)?[&0] > 100).then_some(()))
    })
    .with_context(|| publish.tail())?;
    let status = publish.stop(Signal::INT)?;
    ensure!(status.code() == Some(INTERRUPTED), "{status}: {}", publish.tail());
    let told = report(&publish.printed())?;
    assert_eq!(told["interrupted"], true, "{told}");
    let records = shop.client.read(&shop.topic)?;
    assert_eq!(told["published"], records.len(), "{told}");
    ensure!(
        records.len() < lines.len(),
        "it was over before it was interrupted"
    );
    for (number, record) in records.iter().enumerate() {
        let id = format!("o-{number:06}");
        let value = record.value.as_deref().context("no value")?;
        ensure!(
            value.windows(id.len()).any(|part| part == id.as_bytes()),
            "{number} is not {id}"
        );
    }
    Ok(())
}

fn every_reading_command_ends_at_once_by_a_signal_while_no_server_answers(_: &Rig) -> Result<()> {
    let order = r#"{"order_id": "o-1", "customer": "ada", "amount_cents": 1, "sequence": 0}"#;
    let commands = [
        &["lag"][..],
        &["tail"],
        &["topics", "plan"],
        &["topics", "apply"],
        &["dlq", "list"],
        &["dlq", "show"],
        &["dlq", "show", "0@1"],
        &["dlq", "replay", "--all"],
        &["dlq", "discard", "--all"],
        &["replay", "--from", "beginning"],
        &["replay", "--resume"],
        &["replay", "--from", "beginning", "--reset-group"],
        &["publish", "--topic", "t", "shop.order_placed", order],
        &["schema", "pull"],
        &["schema", "register"],
    ];
    let by = |signal, code| move |command| (command, signal, code);
    let by_ctrl_c = commands.into_iter().map(by(Signal::INT, INTERRUPTED));
    let by_supervisor = [&["dlq", "list"][..], &["replay", "--from", "beginning"]];
    let by_supervisor = by_supervisor.into_iter().map(by(Signal::TERM, TERMINATED));
    for (command, signal, code) in by_ctrl_c.chain(by_supervisor) {
        let (mut running, _deaf) = waiting(command)?;
        let status = running.stop(signal).with_context(|| format!("{command:?}"))?;
        // The watchdog for commands that ignore signals did not end it.
        ensure!(
            status.code() == Some(code) && !running.logs().contains("no server answers"),
            "{command:?}: {status}: {}",
            running.tail()
        );
        let printed = running.printed();
        ensure!(
            printed.is_empty() || printed.starts_with("published 0 of"),
            "{command:?}: {printed}"
        );
    }
    Ok(())
}

/// A command that waits for servers that accept connections and never answer.
fn waiting(command: &[&str]) -> Result<(Running, (TcpListener, TcpStream))> {
    let deaf = TcpListener::bind("127.0.0.1:0")?;
    deaf.set_nonblocking(true)?;
    let address = deaf.local_addr()?.to_string();
    let (name, arguments) = command.split_first().context("no command")?;
    let mut running = Service::command(name, &address, "deaf", "deaf.shop", &format!("http://{address}"))
        .with_arguments_first(arguments)
        .start()?;
    let connected = wait_until("it should connect", DEADLINE, || {
        running.assert_running()?;
        Ok(deaf.accept().ok())
    });
    let (connection, _) = connected.with_context(|| format!("{command:?}"))?;
    Ok((running, (deaf, connection)))
}

fn an_interrupted_apply_has_created_some_topics_and_the_next_one_creates_the_rest(rig: &Rig) -> Result<()> {
    const TOPICS: usize = 200;
    let shop = Shop::open(rig, "apply-interrupted", 1)?;
    let declared: String = (0..TOPICS)
        .map(|number| format!("[declare.\"apply-interrupted.{number:03}\"]\npartitions = 1\n"))
        .collect();
    let made = || {
        let topics = shop.client.topics()?;
        let made = topics.iter().filter(|topic| {
            topic.starts_with("apply-interrupted.0") || topic.starts_with("apply-interrupted.1")
        });
        Ok::<_, anyhow::Error>(made.count())
    };
    let apply = shop
        .command("topics", &[])
        .with_arguments_first(&["apply"])
        .with_file(&declared);
    let mut first = apply.start()?;
    wait_until(
        "some should be made",
        DEADLINE,
        || Ok((made()? > 2).then_some(())),
    )
    .with_context(|| first.tail())?;
    let status = first.stop(Signal::INT)?;
    ensure!(
        status.code() == Some(INTERRUPTED) && first.printed().is_empty(),
        "{status}: {}",
        first.tail()
    );
    ensure!(made()? < TOPICS, "it was over before it was interrupted");
    let output = apply.output()?;
    ensure!(output.code == 0, "{output:?}");
    assert_eq!(made()?, TOPICS);
    Ok(())
}

fn an_interrupted_publish_to_brokers_that_do_not_answer_reports_unconfirmed_events(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "publish-unknown", 1)?;
    let deaf = TcpListener::bind("127.0.0.1:0")?;
    let address = deaf.local_addr()?.to_string();
    let registry = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let order = r#"{"order_id": "o-1", "customer": "ada", "amount_cents": 1, "sequence": 0}"#;
    let mut publish = Service::command("publish", &address, "g", &shop.topic, &registry.url())
        .with_file(&shop.file())
        .with_arguments(&[
            "--topic",
            &shop.topic,
            "--format",
            "json",
            "shop.order_placed",
            order,
        ])
        .start()?;
    // It contacts the registry only once it has something to finish.
    wait_until("it should ask the registry", DEADLINE, || {
        publish.assert_running()?;
        Ok((registry.forwarded() > 0).then_some(()))
    })?;
    let status = publish.stop(Signal::INT)?;
    ensure!(
        status.code() == Some(INTERRUPTED) && !publish.logs().contains("no server answers"),
        "{status}: {}",
        publish.tail()
    );
    let told = report(&publish.printed())?;
    assert_eq!(
        (&told["published"], &told["interrupted"]),
        (&json!(0), &json!(true)),
        "{told}"
    );
    let unknown = told["unconfirmed"].as_u64().context("no number")?;
    assert_eq!(
        publish.logs().contains("is unknown"),
        unknown > 0,
        "{told}: {}",
        publish.tail()
    );
    Ok(())
}

fn a_publish_that_reaches_no_broker_reports_it(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "publish-nowhere", 1)?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let order = r#"{"order_id": "o-1", "customer": "ada", "amount_cents": 1, "sequence": 0}"#;
    let output = Service::command("publish", &nobody, "g", &shop.topic, &shop.servers.registry.url())
        .with_file(&shop.file())
        .with_arguments(&["--topic", &shop.topic, "shop.order_placed", order])
        .output()?;
    ensure!(
        output.code == 70 && output.stderr.contains(&format!("is {nobody} up?")) && output.stdout.is_empty(),
        "{output:?}"
    );
    Ok(())
}
