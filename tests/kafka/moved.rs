//! A record without an id that moves through a retry topic, into the dead letters, back to its topic and through the retry topic again,
//! while the original is read again after a crash. All copies are one event, so the money is booked once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use accounts::ledger::Ledger;
use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::service::program;
use kaufmann_tests::rig::{Client, Datum, Record, Rig, Servers, Service, wait_until};
use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::shop::DEADLINE;

crate::tests![a_deposit_without_an_id_is_booked_once_whatever_topics_its_record_passes];

const GROUP: &str = "moved";
const COMMANDS: &str = "moved.commands";
const EVENTS: &str = "moved.accounts";
const RETRIES: &str = "moved.retry.1s";
const LETTERS: &str = "moved.dead-letter";

fn a_deposit_without_an_id_is_booked_once_whatever_topics_its_record_passes(rig: &Rig) -> Result<()> {
    let bank = Bank::open(rig)?;
    // A foreign producer: a key, a payload, no headers.
    let open = Datum::default().text("a-1").text("Ada").text("ada@example.org");
    let deposit = Datum::default().text("a-1").long(500);
    bank.produce("open", &open)?;
    let mut service = bank.command("run", &["--commit-interval", "100ms"])?.start()?;
    bank.wait_committed(COMMANDS).with_context(|| service.tail())?;
    service.stop_cleanly()?;

    // It fails, waits in the retry topic, fails again and becomes a dead letter; none of that is committed.
    let lock = bank.lock()?;
    bank.produce("deposit", &deposit)?;
    let mut service = bank.command("run", &["--commit-interval", "10m"])?.start()?;
    bank.wait_records(LETTERS, 1).with_context(|| service.tail())?;
    service.stop(Signal::KILL)?;
    // The dead letter is sent back. Both it and the original fail, and wait in the retry topic beside the first copy.
    let output = bank.command("dlq", &["replay", "--all"])?.output()?;
    ensure!(output.code == 0, "{output:?}");
    let mut service = bank.command("run", &["--commit-interval", "100ms"])?.start()?;
    bank.wait_records(RETRIES, 3).with_context(|| service.tail())?;
    drop(lock);
    for topic in [COMMANDS, RETRIES] {
        bank.wait_committed(topic).with_context(|| service.tail())?;
    }
    // And those that have failed meanwhile are sent back too.
    let output = bank.command("dlq", &["replay", "--all"])?.output()?;
    ensure!(output.code == 0, "{output:?}");
    bank.wait_committed(COMMANDS).with_context(|| service.tail())?;
    service.stop_cleanly()?;

    let accounts = Ledger::open(bank.file())?.dump()?;
    ensure!(accounts == ["a-1 Ada ada@example.org 500 2"], "{accounts:?}");
    // Each answer to the deposit is the same event, whichever copy of the record led to it.
    let answers = bank.client.read(EVENTS)?;
    let cause = format!("{COMMANDS}/0@1");
    let to_deposit: Vec<_> = answers
        .iter()
        .filter(|answer| answer.header("ce_causationid").as_deref() == Some(&*cause))
        .collect();
    let ids: BTreeSet<_> = to_deposit.iter().map(|answer| answer.header("ce_id")).collect();
    ensure!(to_deposit.len() >= 3 && ids.len() == 1, "{answers:?}");
    let correlations: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.header("ce_correlationid"))
        .collect();
    ensure!(correlations.len() == 2, "{correlations:?}");
    Ok(())
}

struct Bank {
    servers: Arc<Servers>,
    client: Client,
    folder: TempDir,
}

impl Bank {
    fn open(rig: &Rig) -> Result<Self> {
        let servers = rig.servers()?;
        let client = servers.client()?;
        for topic in [COMMANDS, EVENTS, RETRIES, LETTERS] {
            client.create_topic(topic, 1, &[])?;
        }
        let folder = tempfile::tempdir()?;
        Ok(Self {
            servers,
            client,
            folder,
        })
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("ledger.db")
    }

    /// As long as it is held, nothing can be booked.
    fn lock(&self) -> Result<Connection> {
        let connection = Connection::open(self.file())?;
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(connection)
    }

    fn produce(&self, event: &str, datum: &Datum) -> Result<()> {
        let schemas = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../examples/accounts/schemas/account"
        );
        let schema = std::fs::read_to_string(format!("{schemas}/{event}.avsc"))?;
        let id = self
            .servers
            .registry
            .register(&format!("account.{event}"), &schema)?;
        let record = Record::new(Some("a-1"), Some(datum.framed(id)));
        self.client.produce(COMMANDS, &[record])
    }

    fn wait_records(&self, topic: &str, count: i64) -> Result<()> {
        wait_until(&format!("{topic} should have {count} records"), DEADLINE, || {
            Ok((self.client.end_offsets(topic)?[&0] >= count).then_some(()))
        })
    }

    fn wait_committed(&self, topic: &str) -> Result<()> {
        self.client.wait_committed(GROUP, topic, DEADLINE)?;
        Ok(())
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Result<Service> {
        let servers = &self.servers;
        let service = Service::command(
            name,
            &servers.kafka.brokers(),
            GROUP,
            COMMANDS,
            &servers.registry.url(),
        );
        Ok(service
            .with_program(program("accounts", "accounts")?)
            .with_env("ACCOUNTS_DB", &self.file().display().to_string())
            .with_file(&format!(
                "[registry]\nregister = true\n\n[retry]\nmax_attempts = 1\ntopics.delays = [\"1s\"]\n\n[dead_letter]\nmax_share = 1\n\n\
                 [kafka]\n\"consumer.session.timeout.ms\" = \"6000\"\n\n\
                 [publish.topics]\n\"account.changed\" = \"{EVENTS}\"\n\"account.declined\" = \"{EVENTS}\"\n"
            ))
            .with_arguments_first(arguments))
    }
}
