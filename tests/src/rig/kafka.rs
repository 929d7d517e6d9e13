//! Apache Kafka, one node, as a Java process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::{Client, fetch, free_port, jars, java, wait_until};

/// Any 16 bytes do: the cluster is alone in its folder.
const CLUSTER_ID: &str = "a2F1Zm1hbm4tdGVzdHMtMQ";
const START_DEADLINE: Duration = Duration::from_secs(120);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// A broker on loopback with a folder of its own. It is killed, and its data removed, on drop.
pub struct Kafka {
    // First, so that the process is gone before its folder is removed.
    process: Option<Process>,
    folder: TempDir,
    class_path: PathBuf,
    port: u16,
}

impl Kafka {
    /// Starts a broker with an empty log, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If Java or the jars are missing, or the broker does not come up.
    pub fn start() -> Result<Self> {
        Self::start_from(&fetch::fetch()?)
    }

    pub(super) fn start_from(cache: &Path) -> Result<Self> {
        // Between finding a free port and taking it, somebody else may take it.
        for _ in 0..3 {
            let mut kafka = Self::format(cache)?;
            match kafka.restart() {
                Err(error) if format!("{error:#}").contains("Address already in use") => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(kafka),
            }
        }
        bail!("found no port for Kafka in three attempts")
    }

    /// `host:port` of the broker; the same over restarts.
    #[must_use]
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client for topics, records and offsets.
    ///
    /// # Errors
    ///
    /// If librdkafka refuses its settings.
    pub fn client(&self) -> Result<Client> {
        Client::new(self.brokers())
    }

    /// Starts it again on the same port with the data it had, after [`Kafka::stop`] or [`Kafka::kill`].
    ///
    /// # Errors
    ///
    /// If it does not come up; the error holds the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        self.process = None;
        let mut command = java("512m");
        command
            .arg("-cp")
            .arg(&self.class_path)
            .arg("kafka.Kafka")
            .arg(self.properties())
            .current_dir(self.folder.path());
        let mut process = Process::spawn("kafka", &mut command, &self.folder)?;
        wait_until("Kafka should answer", START_DEADLINE, || {
            ensure!(process.exited()?.is_none(), "Kafka ended at its start");
            let listening = std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            Ok((listening && Client::new(self.brokers())?.answers()).then_some(()))
        })
        .with_context(|| process.tail())?;
        self.process = Some(process);
        Ok(())
    }

    /// Shuts it down in order; its data stays.
    ///
    /// # Errors
    ///
    /// If it is not running, or does not end.
    pub fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("Kafka is not running")?;
        process.signal(Signal::TERM)?;
        process.wait(STOP_DEADLINE)?;
        Ok(())
    }

    /// Ends it as a power cut does; its data stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The folder that is removed with the broker.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn properties(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    fn format(cache: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("kaufmann-kafka-").tempdir()?;
        let (port, controller) = (free_port()?, free_port()?);
        let kafka = Self {
            process: None,
            folder,
            class_path: jars(&cache.join("kafka")),
            port,
        };
        fs::write(
            kafka.properties(),
            properties(port, controller, &kafka.folder.path().join("log")),
        )?;
        let output = java("256m")
            .arg("-cp")
            .arg(&kafka.class_path)
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(kafka.properties())
            .output()
            .context("cannot run java: on Debian, apt-get install default-jdk-headless")?;
        ensure!(
            output.status.success(),
            "Kafka's storage tool failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(kafka)
    }
}

fn properties(port: u16, controller: u16, log: &Path) -> String {
    let settings = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
        (
            "listeners",
            format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
        ),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
        (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("log.dirs", log.display().to_string()),
        ("offsets.topic.replication.factor", "1".to_owned()),
        ("offsets.topic.num.partitions", "4".to_owned()),
        ("transaction.state.log.replication.factor", "1".to_owned()),
        ("transaction.state.log.min.isr", "1".to_owned()),
        ("transaction.state.log.num.partitions", "4".to_owned()),
        ("share.coordinator.state.topic.replication.factor", "1".to_owned()),
        ("share.coordinator.state.topic.min.isr", "1".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ("auto.create.topics.enable", "false".to_owned()),
    ];
    settings
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}
