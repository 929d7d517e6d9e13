//! The two services of `examples/accounts` are killed while they work; then the projection is rebuilt from the topics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accounts::directory::Projection;
use accounts::ledger::Ledger;
use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::service::program;
use kaufmann_tests::rig::{Client, Offsets, Rig, Running, Servers, Service, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::shop::DEADLINE;

crate::tests![a_projection_is_rebuilt_to_the_same_bytes_after_both_services_were_killed];

const ACCOUNTS: usize = 40;
/// The number of deposits to each account in a round.
const DEPOSITS: i64 = 10;
/// How often both are killed at most, until some work is left, and some is repeated.
const ROUNDS: i64 = 5;

fn a_projection_is_rebuilt_to_the_same_bytes_after_both_services_were_killed(rig: &Rig) -> Result<()> {
    let bank = Bank::open(rig)?;
    let mut expected = BTreeMap::new();
    bank.publish_openings(&mut expected)?;
    let (mut is_mid_flow, mut before) = (false, Progress::default());
    for round in 0..ROUNDS {
        bank.publish_orders(round, &mut expected)?;
        let mut ledger = bank.ledger(&bank.file("ledger.db")).start()?;
        let mut directory = bank.directory(&bank.file("directory.db")).start()?;
        wait_until("some money should move", DEADLINE, || {
            Ok((bank.answered()? > before.answered + 2 * ACCOUNTS as i64).then_some(()))
        })
        .with_context(|| ledger.tail())?;
        kill(&mut ledger)?;
        kill(&mut directory)?;
        let after = bank.progress()?;
        let is_left = after.committed < total(&bank.client.end_offsets(COMMANDS)?);
        is_mid_flow = is_left && after.answered - before.answered > after.committed - before.committed;
        if is_mid_flow {
            break;
        }
        before = after;
    }
    ensure!(
        is_mid_flow,
        "each time they were killed, nothing was left to do, or nothing done was to come again"
    );

    let mut ledger = bank.ledger(&bank.file("ledger.db")).start()?;
    let mut directory = bank.directory(&bank.file("directory.db")).start()?;
    bank.client
        .wait_committed(LEDGER, COMMANDS, DEADLINE)
        .with_context(|| ledger.tail())?;
    ledger.stop_cleanly()?;
    bank.client
        .wait_committed(DIRECTORY, ACCOUNT_EVENTS, DEADLINE)
        .with_context(|| directory.tail())?;
    directory.stop_cleanly()?;

    // Each command was carried out once, and the other service has all accounts.
    let lived = Projection::open(bank.file("directory.db"))?.bytes()?;
    assert_eq!(String::from_utf8_lossy(&lived), shown(&expected));
    let refusals = bank.client.read(REFUSALS)?;
    let refused: std::collections::BTreeSet<_> = refusals.iter().map(|record| record.key.clone()).collect();
    assert_eq!(refused.len(), ACCOUNTS, "each account was asked for too much");
    for group in [LEDGER, DIRECTORY] {
        assert_eq!(bank.client.read(&format!("{group}.dead-letter"))?, []);
    }

    // The same bytes from the topic alone, and again into the existing projection.
    let events = bank.client.end_offsets(ACCOUNT_EVENTS)?;
    for (file, times) in [("rebuilt.db", 1), ("directory.db", 1), ("rebuilt.db", 2)] {
        let replay = bank
            .directory(&bank.file(file))
            .becoming("replay", &["--from", "beginning"])?;
        let output = replay.output()?;
        ensure!(output.code == 0, "{output:?}");
        let rebuilt = Projection::open(bank.file(file))?.bytes()?;
        assert!(
            rebuilt == lived,
            "{file} is another after replay {times}:\n{}",
            String::from_utf8_lossy(&rebuilt)
        );
    }
    // The same for the accounts, and nothing is published.
    let replay = bank
        .ledger(&bank.file("anew.db"))
        .becoming("replay", &["--from", "beginning"])?;
    let output = replay.output()?;
    ensure!(output.code == 0, "{output:?}");
    assert_eq!(
        Ledger::open(bank.file("anew.db"))?.dump()?,
        Ledger::open(bank.file("ledger.db"))?.dump()?
    );
    assert_eq!(bank.client.end_offsets(ACCOUNT_EVENTS)?, events);
    Ok(())
}

const COMMANDS: &str = "bank.commands";
const ACCOUNT_EVENTS: &str = "bank.accounts";
const REFUSALS: &str = "bank.refusals";
const LEDGER: &str = "bank.ledger";
const DIRECTORY: &str = "bank.directory";

/// The progress of the service with the accounts.
#[derive(Default)]
struct Progress {
    answered: i64,
    committed: i64,
}

/// The expected final account: its version and its balance.
type Expected = BTreeMap<String, (i64, i64)>;

/// The topics and the files of both services.
struct Bank {
    servers: Arc<Servers>,
    client: Client,
    folder: TempDir,
}

impl Bank {
    fn open(rig: &Rig) -> Result<Self> {
        let servers = rig.servers()?;
        let client = servers.client()?;
        for topic in [COMMANDS, ACCOUNT_EVENTS, REFUSALS] {
            client.create_topic(topic, 3, &[])?;
        }
        for group in [LEDGER, DIRECTORY] {
            client.create_topic(&format!("{group}.dead-letter"), 1, &[])?;
        }
        let folder = tempfile::tempdir()?;
        Ok(Self {
            servers,
            client,
            folder,
        })
    }

    /// The number of answers that the service with the accounts has published.
    fn answered(&self) -> Result<i64> {
        let changes = total(&self.client.end_offsets(ACCOUNT_EVENTS)?);
        Ok(changes + total(&self.client.end_offsets(REFUSALS)?))
    }

    fn progress(&self) -> Result<Progress> {
        Ok(Progress {
            answered: self.answered()?,
            committed: total(&self.client.committed(LEDGER, COMMANDS)?),
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ledger(&self, file: &Path) -> Bound<'_> {
        self.bound("accounts", LEDGER, COMMANDS, ("ACCOUNTS_DB", file))
    }

    fn directory(&self, file: &Path) -> Bound<'_> {
        self.bound("directory", DIRECTORY, ACCOUNT_EVENTS, ("DIRECTORY_DB", file))
    }

    fn bound(
        &self,
        program: &'static str,
        group: &'static str,
        topic: &'static str,
        state: (&'static str, &Path),
    ) -> Bound<'_> {
        Bound {
            bank: self,
            program,
            group,
            topic,
            state: (state.0, state.1.to_owned()),
        }
    }

    /// Opens all accounts.
    fn publish_openings(&self, expected: &mut Expected) -> Result<()> {
        let mut lines = String::new();
        for number in 0..ACCOUNTS {
            let id = format!("a-{number:02}");
            writeln!(
                lines,
                r#"{{"account_id": "{id}", "owner": "Owner {number}", "email": "{id}@example.org"}}"#
            )?;
            expected.insert(id, (1, 0));
        }
        self.publish("account.open", &lines)
    }

    /// Moves money, and tries to withdraw more than each account has.
    fn publish_orders(&self, round: i64, expected: &mut Expected) -> Result<()> {
        let (mut deposits, mut withdrawals) = (String::new(), String::new());
        for cents in 1..=DEPOSITS {
            for (id, (version, balance)) in &mut *expected {
                writeln!(deposits, r#"{{"account_id": "{id}", "cents": {cents}}}"#)?;
                *version += 1;
                *balance += cents;
            }
        }
        for (id, (version, balance)) in expected {
            writeln!(
                withdrawals,
                r#"{{"account_id": "{id}", "cents": {}}}"#,
                1_000_000 + round
            )?;
            writeln!(withdrawals, r#"{{"account_id": "{id}", "cents": 7}}"#)?;
            *version += 1;
            *balance -= 7;
        }
        self.publish("account.deposit", &deposits)?;
        self.publish("account.withdraw", &withdrawals)
    }

    fn publish(&self, event: &str, lines: &str) -> Result<()> {
        let file = self.file("payloads.ndjson");
        std::fs::write(&file, lines)?;
        let payloads = format!("@{}", file.display());
        let unused = self.file("unused.db");
        let publish = self
            .ledger(&unused)
            .becoming("publish", &["--topic", COMMANDS, event, &payloads])?;
        let output = publish.output()?;
        ensure!(output.code == 0, "{output:?}");
        Ok(())
    }
}

/// A service with its group, its topic and its state.
struct Bound<'b> {
    bank: &'b Bank,
    program: &'static str,
    group: &'static str,
    topic: &'static str,
    state: (&'static str, PathBuf),
}

impl Bound<'_> {
    fn start(&self) -> Result<Running> {
        // A killed instance must not keep its partitions for long, and must leave work to repeat.
        self.becoming(
            "run",
            &[
                "--kafka",
                "consumer.session.timeout.ms=6000",
                "--commit-interval",
                "2s",
            ],
        )?
        .start()
    }

    /// Another command of the same binary.
    fn becoming(&self, command: &str, arguments: &[&str]) -> Result<Service> {
        let servers = &self.bank.servers;
        let (name, file) = &self.state;
        let service = Service::command(
            command,
            &servers.kafka.brokers(),
            self.group,
            self.topic,
            &servers.registry.url(),
        );
        Ok(service
            .with_program(program("accounts", self.program)?)
            .with_env(name, &file.display().to_string())
            .with_file(&format!(
                "[registry]\nregister = true\n\n[publish.topics]\n\"account.changed\" = \"{ACCOUNT_EVENTS}\"\n\"account.declined\" = \
                 \"{REFUSALS}\"\n"
            ))
            .with_arguments(arguments))
    }
}

fn kill(service: &mut Running) -> Result<()> {
    service.assert_running()?;
    service.stop(Signal::KILL)?;
    Ok(())
}

fn total(offsets: &Offsets) -> i64 {
    offsets.values().sum()
}

/// The projection, byte for byte.
fn shown(expected: &Expected) -> String {
    let line = |(id, (version, balance)): (&String, &(i64, i64))| {
        let number: usize = id.trim_start_matches("a-").parse().unwrap_or_default();
        format!("[\"{id}\",{version},\"Owner {number}\",{balance},\"{id}@example.org\"]\n")
    };
    expected.iter().map(line).collect()
}
