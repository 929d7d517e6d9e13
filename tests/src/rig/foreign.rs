//! A producer and a consumer with a Kafka client and an Avro library that are not ours: the Java programs in `foreign/`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use super::process::Process;
use super::{Servers, here, jars, java, wait_until};

const DEADLINE: Duration = Duration::from_secs(300);

/// The compiled programs.
pub struct Foreign {
    class_path: OsString,
    /// The folder that somebody else removes.
    classes: PathBuf,
}

/// What the producer shall write.
#[derive(Clone, Debug)]
pub struct Produce {
    /// The topic.
    pub topic: String,
    /// The first part of every key; the rest is a number.
    pub prefix: String,
    /// How many events.
    pub events: u64,
    /// How many keys.
    pub keys: u64,
    /// How many events a second; 0 is as fast as it goes.
    pub per_second: u64,
    /// After how many events to wait for [`Producing::go_on`].
    pub pause_at: Option<u64>,
}

/// What the producer has written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Produced {
    /// How many events.
    pub events: u64,
    /// How many keys.
    pub keys: u64,
    /// How many events of each type.
    pub types: BTreeMap<String, u64>,
}

/// What the consumer has seen of the records whose keys begin with the prefix.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Consumed {
    /// How many records.
    pub count: u64,
    /// How many different events: by key and sequence number.
    pub distinct: u64,
    /// How many records had been there before.
    pub duplicates: u64,
    /// The first of them, in words.
    pub first_duplicate: String,
    /// How many events came, for the first time, after a later one of their key.
    pub order_violations: u64,
    /// The first of them, in words.
    pub first_violation: String,
    /// How many keys.
    pub keys: u64,
    /// How many records whose key is not what the event says.
    pub foreign_keys: u64,
    /// How many different `ce_id`s.
    pub distinct_ce_ids: u64,
    /// How many events of each type.
    pub types: BTreeMap<String, u64>,
    /// How many records have each header.
    pub headers: BTreeMap<String, u64>,
    /// How many records of each `ce_type`.
    pub ce_types: BTreeMap<String, u64>,
}

/// What became of the data of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ReadAgain {
    /// The event.
    pub event: String,
    /// Which of them were not read, or not written again as they were, and why.
    pub wrong: Vec<String>,
}

/// A producer at work.
pub struct Producing {
    process: Process,
    stdin: Option<ChildStdin>,
    _folder: TempDir,
}

impl Foreign {
    /// Compiles into a folder that somebody else removes, for tests with servers of their own.
    ///
    /// # Errors
    ///
    /// If Java or the jars are missing.
    pub fn prepare(classes: &Path) -> Result<Self> {
        Self::compile(&super::fetch::fetch()?, classes)
    }

    /// Compiles into a folder that somebody else removes.
    pub(super) fn compile(cache: &Path, classes: &Path) -> Result<Self> {
        let libraries = jars(&cache.join("foreign"));
        let sources = here().join("foreign");
        let output = Command::new("javac")
            .arg("-J-XX:-UsePerfData")
            .args(["-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp"])
            .arg(&libraries)
            .arg("-d")
            .arg(classes)
            .arg("-sourcepath")
            .arg(&sources)
            .args(
                ["Producer", "Consumer", "Deny", "Allow", "Stress"]
                    .map(|name| sources.join(format!("{name}.java"))),
            )
            .output()
            .context("cannot run javac: on Debian, apt-get install default-jdk-headless")?;
        ensure!(
            output.status.success(),
            "javac failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );

        let mut class_path = OsString::from(classes);
        class_path.push(":");
        class_path.push(&libraries);
        Ok(Self {
            class_path,
            classes: classes.to_owned(),
        })
    }

    /// Starts the producer, and returns at once.
    ///
    /// # Errors
    ///
    /// If Java cannot be started.
    pub fn start_producing(&self, servers: &Servers, order: &Produce) -> Result<Producing> {
        let folder = tempfile::Builder::new().prefix("kaufmann-producer-").tempdir()?;
        let mut command = self.java("Producer", &servers.kafka.brokers(), &servers.registry.url());
        command
            .arg("--schemas")
            .arg(schemas())
            .args(["--topic", &order.topic, "--prefix", &order.prefix])
            .args([
                "--events",
                &order.events.to_string(),
                "--keys",
                &order.keys.to_string(),
            ])
            .args(["--per-second", &order.per_second.to_string()])
            .stdin(Stdio::piped());
        if let Some(pause_at) = order.pause_at {
            command.args(["--pause-at", &pause_at.to_string()]);
        }
        let mut process = Process::spawn("producer", &mut command, &folder)?;
        let stdin = process.take_stdin();
        Ok(Producing {
            process,
            stdin,
            _folder: folder,
        })
    }

    /// Writes events, and waits until the broker has them all.
    ///
    /// # Errors
    ///
    /// If the producer fails.
    pub fn produce(&self, servers: &Servers, order: &Produce) -> Result<Produced> {
        self.start_producing(servers, order)?.finish()
    }

    /// Reads a topic from its beginning until `expected` different events were seen and the ends are reached, but no longer
    /// than `deadline`; whether they were all there is for the caller to assert.
    ///
    /// # Errors
    ///
    /// If a record is not Confluent-framed Avro of a registered schema, or the consumer fails otherwise.
    pub fn consume(
        &self,
        servers: &Servers,
        topic: &str,
        prefix: &str,
        expected: u64,
        deadline: Duration,
    ) -> Result<Consumed> {
        let (brokers, registry) = (servers.kafka.brokers(), servers.registry.url());
        let command = self.java("Consumer", &brokers, &registry);
        read(command, topic, prefix, expected, deadline)
    }

    /// [`Foreign::consume`] from another cluster, of events that are told from others by these fields: a key and a number.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn consume_numbers(
        &self,
        brokers: &str,
        registry: &str,
        topic: &str,
        fields: (&str, &str),
        expected: u64,
        deadline: Duration,
    ) -> Result<Consumed> {
        let mut command = self.java("Consumer", brokers, registry);
        command.args(["--subject", fields.0, "--sequence", fields.1]);
        read(command, topic, "", expected, deadline)
    }

    /// Lets nobody do anything with a resource of a kind such as `TOPIC`, `GROUP`, `TRANSACTIONAL_ID`.
    ///
    /// # Errors
    ///
    /// If the broker has no authorizer, or does not answer.
    pub fn deny(&self, brokers: &str, kind: &str, name: &str) -> Result<()> {
        self.change_denial(brokers, kind, name, "add")
    }

    /// Takes [`Foreign::deny`] back.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn deny_no_longer(&self, brokers: &str, kind: &str, name: &str) -> Result<()> {
        self.change_denial(brokers, kind, name, "remove")
    }

    fn change_denial(&self, brokers: &str, kind: &str, name: &str, change: &str) -> Result<()> {
        let mut command = self.java("Deny", brokers, "");
        command.args(["--type", kind, "--name", name, "--change", change]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the denial of {kind} {name} could not be changed:\n{said}"
        );
        Ok(())
    }

    /// Allows a user operations such as `READ`, on a resource of a kind such as `TOPIC`; `*` are all of them.
    ///
    /// # Errors
    ///
    /// If the broker has no authorizer, or does not answer.
    pub fn allow(&self, brokers: &str, user: &str, operations: &str, kind: &str, name: &str) -> Result<()> {
        let mut command = self.java("Allow", brokers, "");
        command.args([
            "--user",
            user,
            "--operations",
            operations,
            "--type",
            kind,
            "--name",
            name,
        ]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{user} could not be allowed {operations}:\n{said}"
        );
        Ok(())
    }

    /// Reads data by their schemas, and writes them again; each line of the file is of an event, with its `schema` and its `data` in
    /// hexadecimal. A line has one answer.
    ///
    /// # Errors
    ///
    /// If the file is something else.
    pub fn read_again(&self, cases: &Path) -> Result<Vec<ReadAgain>> {
        let mut command = self.java("Stress", "", "");
        let output = command
            .arg("--cases")
            .arg(cases)
            .args(["--count", "0"])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the data could not be read:\n{said}");
        let lines = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        Ok(lines.collect::<Result<_, _>>()?)
    }

    fn java(&self, program: &str, brokers: &str, registry: &str) -> Command {
        let mut command = java("256m", &self.classes);
        command
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
            .arg("-cp")
            .arg(&self.class_path)
            .arg(program)
            .args(["--brokers", brokers, "--registry", registry]);
        command
    }
}

fn read(
    mut command: Command,
    topic: &str,
    prefix: &str,
    expected: u64,
    deadline: Duration,
) -> Result<Consumed> {
    let folder = tempfile::Builder::new().prefix("kaufmann-consumer-").tempdir()?;
    command
        .args(["--topic", topic, "--prefix", prefix])
        .args(["--expect", &expected.to_string()])
        .args(["--seconds", &deadline.as_secs().to_string()]);
    let mut process = Process::spawn("consumer", &mut command, &folder)?;
    let status = process.wait(deadline + DEADLINE)?;
    ensure!(
        status.success(),
        "the consumer ended with {status}\n{}",
        process.tail()
    );
    Ok(serde_json::from_str(&process.stdout())?)
}

impl Producing {
    /// Waits until it has written what it should before the pause.
    ///
    /// # Errors
    ///
    /// If it ends before that.
    pub fn wait_paused(&mut self) -> Result<()> {
        wait_until("the producer should pause", DEADLINE, || {
            let paused = self.process.stdout().contains("paused\n");
            ensure!(
                paused || self.process.exited()?.is_none(),
                "{}",
                self.process.tail()
            );
            Ok(paused.then_some(()))
        })
    }

    /// Ends the pause.
    ///
    /// # Errors
    ///
    /// If it does not run any more.
    pub fn go_on(&mut self) -> Result<()> {
        let stdin = self.stdin.as_mut().context("no pipe to the producer")?;
        stdin.write_all(b"\n")?;
        Ok(stdin.flush()?)
    }

    /// Waits until it has written everything.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn finish(mut self) -> Result<Produced> {
        let status = self.process.wait(DEADLINE)?;
        ensure!(
            status.success(),
            "the producer ended with {status}\n{}",
            self.process.tail()
        );
        let output = self.process.stdout();
        Ok(serde_json::from_str(output.lines().last().unwrap_or_default())?)
    }
}

/// The schemas as another team would have them: without our attributes.
#[must_use]
pub fn schemas() -> PathBuf {
    here().join("foreign/schemas")
}
