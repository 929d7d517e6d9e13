//! Tests of the rig that the other tests use.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use kaufmann_tests::rig::foreign::Produce;
use kaufmann_tests::rig::process::Process;
use kaufmann_tests::rig::{Fault, FaultProxy, Kafka, Offsets, Record, Rig, wait_until};
use rustix::process::{Pid, test_kill_process};

crate::tests![
    the_foreign_producer_and_consumer_agree,
    the_foreign_producer_pauses_and_goes_on,
    a_killed_broker_keeps_its_data,
    the_proxy_refuses_and_forwards,
    a_child_dies_with_a_killed_test,
];

/// Set for the process that [`a_child_dies_with_a_killed_test`] kills.
const VICTIM: &str = "KAUFMANN_TEST_VICTIM";
const MINUTE: Duration = Duration::from_secs(60);

fn the_foreign_producer_and_consumer_agree(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic("self.events", 4, &[])?;

    let order = Produce {
        topic: "self.events".to_owned(),
        prefix: "self-".to_owned(),
        events: 10_000,
        keys: 100,
        per_second: 0,
        pause_at: None,
    };
    let produced = servers.foreign.produce(&servers, &order)?;
    assert_eq!((produced.events, produced.keys), (10_000, 100));
    assert_eq!(produced.types.len(), 5);
    assert!(
        produced.types.values().all(|count| *count == 2_000),
        "{produced:?}"
    );
    assert_eq!(client.end_offsets("self.events")?.values().sum::<i64>(), 10_000);

    let consumed = servers
        .foreign
        .consume(&servers, "self.events", "self-", 10_000, MINUTE)?;
    assert_eq!(
        (consumed.count, consumed.distinct, consumed.duplicates),
        (10_000, 10_000, 0)
    );
    assert_eq!((consumed.keys, consumed.foreign_keys), (100, 0));
    assert_eq!(consumed.order_violations, 0, "{}", consumed.first_violation);
    assert_eq!(consumed.types, produced.types);

    // A record out of order, and a duplicate, are recognised.
    let mut records = client.read("self.events")?;
    let of_partition_0 = |record: &&Record| record.partition == 0;
    let first = records.iter().find(of_partition_0).cloned();
    let last = records.iter().rfind(of_partition_0).cloned();
    records.clear();
    records.extend(last);
    records.extend(first.clone());
    records.extend(first);
    for record in &mut records {
        // The same key, so that the consumer checks their order.
        record.key = Some(b"self-twice".to_vec());
    }
    client.create_topic("self.twice", 1, &[])?;
    client.produce("self.twice", &records)?;
    let consumed = servers
        .foreign
        .consume(&servers, "self.twice", "self-", 2, MINUTE)?;
    assert_eq!(
        (consumed.count, consumed.distinct, consumed.duplicates),
        (3, 2, 1)
    );
    assert_eq!(consumed.foreign_keys, 3);
    Ok(())
}

fn the_foreign_producer_pauses_and_goes_on(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic("self.paused", 2, &[])?;
    let order = Produce {
        topic: "self.paused".to_owned(),
        prefix: "self-".to_owned(),
        events: 300,
        keys: 10,
        per_second: 2_000,
        pause_at: Some(100),
    };
    let mut producing = servers.foreign.start_producing(&servers, &order)?;
    producing.wait_paused()?;
    assert_eq!(client.end_offsets("self.paused")?.values().sum::<i64>(), 100);
    producing.go_on()?;
    assert_eq!(producing.finish()?.events, 300);
    assert_eq!(client.end_offsets("self.paused")?.values().sum::<i64>(), 300);
    Ok(())
}

fn a_killed_broker_keeps_its_data(rig: &Rig) -> Result<()> {
    // The shared servers first: both at once would fetch at once.
    rig.servers()?;
    let mut kafka = Kafka::start()?;
    let client = kafka.client()?;
    client.create_topic("kept", 1, &[])?;
    let record = Record::new(Some("key"), None).with_header("name", "value");
    client.produce("kept", std::slice::from_ref(&record))?;

    kafka.kill();
    kafka.restart()?;
    client.produce("kept", &[Record::new(None, Some(Vec::new()))])?;
    kafka.stop()?;
    kafka.restart()?;

    assert_eq!(client.end_offsets("kept")?, Offsets::from([(0, 2)]));
    let records = client.read("kept")?;
    assert_eq!(records[0], record);
    assert_eq!((&records[1].key, &records[1].value), (&None, &Some(Vec::new())));
    assert_eq!(client.committed("nobody", "kept")?, Offsets::new());
    Ok(())
}

fn the_proxy_refuses_and_forwards(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let schema = r#"{"type":"record","name":"Proxied","fields":[]}"#;
    let id = servers.registry.register("Proxied", schema)?;
    let proxy = FaultProxy::start(&servers.registry.origin(), Fault::Status(500))?;
    let by_id = format!("{}/schemas/ids/{id}", proxy.url());
    assert_eq!(proxy.get(&by_id)?.0, 500);
    assert_eq!((proxy.refused(), proxy.forwarded()), (1, 0));
    proxy.set(Fault::Forward);
    let (status, body) = proxy.get(&by_id)?;
    assert_eq!(status, 200);
    assert!(body.contains("Proxied"), "{body}");
    assert_eq!((proxy.refused(), proxy.forwarded()), (1, 1));
    Ok(())
}

fn a_child_dies_with_a_killed_test(_: &Rig) -> Result<()> {
    let mut victim = Command::new(std::env::current_exe()?)
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(victim.stdout.take().context("no pipe")?).lines();
    let child: i32 = lines.next().context("no process id")??.parse()?;
    let folder = lines.next().context("no folder")??;
    let child = Pid::from_raw(child).context("no process id")?;
    assert!(test_kill_process(child).is_ok());
    assert!(Path::new(&folder).exists());

    victim.kill()?;
    victim.wait()?;
    wait_until("the guard should kill the child", MINUTE, || {
        Ok(test_kill_process(child).is_err().then_some(()))
    })?;
    wait_until("the guard should remove the folder", MINUTE, || {
        Ok((!Path::new(&folder).exists()).then_some(()))
    })
}

/// Whether this process is the one to be killed.
pub(crate) fn is_victim() -> bool {
    std::env::var_os(VICTIM).is_some()
}

/// Starts a child as a test does, prints its address, and waits for the end.
pub(crate) fn victim() -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let process = Process::spawn("child", Command::new("sleep").arg("600"), &folder)?;
    writeln!(std::io::stdout(), "{}\n{}", process.id(), folder.path().display())?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(ExitCode::FAILURE)
}
