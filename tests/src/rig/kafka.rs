//! Apache Kafka as Java processes: one node, or several that are one cluster.

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::{Client, fetch, free_port, jars, java, wait_until};

pub use cluster::{Cluster, Door};

/// Any 16 bytes do: the cluster is alone in its folder.
const CLUSTER_ID: &str = "a2F1Zm1hbm4tdGVzdHMtMQ";
const START_DEADLINE: Duration = Duration::from_secs(120);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// A node on loopback with a folder of its own. It is killed, and its data removed, on drop.
pub struct Kafka {
    // First, so that the process is gone before its folder is removed.
    process: Option<Process>,
    folder: TempDir,
    class_path: PathBuf,
    port: u16,
    /// Where users must say who they are, and the trap.
    ways: Option<(u16, u16)>,
    heap: &'static str,
}

/// The password of all users of [`Kafka::start_with_users`].
pub const PASSWORD: &str = "opensesame";

/// How soon the brokers miss a member of a group in which they assign the partitions themselves, if it is said.
const QUICK_GROUPS: [(&str, &str); 4] = [
    ("group.consumer.min.session.timeout.ms", "1000"),
    ("group.consumer.session.timeout.ms", "3000"),
    ("group.consumer.min.heartbeat.interval.ms", "100"),
    ("group.consumer.heartbeat.interval.ms", "300"),
];

/// What a node is told.
struct Plan {
    id: usize,
    /// Where clients of the tests connect.
    port: u16,
    /// The ports of the controllers of all nodes, by id, from 1.
    controllers: Vec<u16>,
    /// Further listeners: where the node listens, and where it says that it listens.
    doors: Vec<(u16, u16)>,
    heap: &'static str,
    /// Further settings.
    settings: &'static [(&'static str, &'static str)],
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

    /// [`Kafka::start`] with an authorizer that allows what nobody has denied.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_with_authorizer() -> Result<Self> {
        let settings = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                        allow.everyone.if.no.acl.found=true\n";
        Self::start_with(&fetch::fetch()?, settings)
    }

    /// [`Kafka::start`] with a second way in, [`Kafka::users`], where these users say who they are by [`PASSWORD`] (SASL/PLAIN)
    /// and may do only what [`super::Foreign::allow`] lets them. Whoever comes by [`Kafka::brokers`] may do everything.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_with_users(users: &[&str]) -> Result<Self> {
        with_free_ports(|| {
            let ways = (free_port()?, free_port()?);
            let plan = Plan::single()?;
            let settings = plan.with_users(users, ways);
            let mut kafka = Self::start_plan(&fetch::fetch()?, &plan, &settings)?;
            kafka.ways = Some(ways);
            Ok(kafka)
        })
    }

    /// `host:port` where users say who they are.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn users(&self) -> Result<String> {
        let (users, _) = self.ways.context("it was started without users")?;
        Ok(format!("127.0.0.1:{users}"))
    }

    /// `host:port` of a way in that tells clients to come by another, where nobody listens. A broker with users has it.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn trap(&self) -> Result<String> {
        let (_, trap) = self.ways.context("it was started without users")?;
        Ok(format!("127.0.0.1:{trap}"))
    }

    /// [`Kafka::start`] with no coordinator for transactions: their topic wants more brokers than there are.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_without_transactions() -> Result<Self> {
        Self::start_with(&fetch::fetch()?, "transaction.state.log.replication.factor=3\n")
    }

    pub(super) fn start_from(cache: &Path) -> Result<Self> {
        Self::start_with(cache, "")
    }

    fn start_with(cache: &Path, settings: &str) -> Result<Self> {
        with_free_ports(|| Self::start_plan(cache, &Plan::single()?, settings))
    }

    fn start_plan(cache: &Path, plan: &Plan, settings: &str) -> Result<Self> {
        let mut kafka = Self::format(cache, plan)?;
        let properties = fs::read_to_string(kafka.properties())? + settings;
        fs::write(kafka.properties(), properties)?;
        kafka.restart()?;
        Ok(kafka)
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
        self.launch()?;
        self.wait_ready()
    }

    /// Starts the process, and waits for nothing.
    fn launch(&mut self) -> Result<()> {
        self.process = None;
        let mut command = java(self.heap, self.folder.path());
        command
            .arg("-cp")
            .arg(&self.class_path)
            .arg("kafka.Kafka")
            .arg(self.properties())
            .current_dir(self.folder.path());
        self.process = Some(Process::spawn("kafka", &mut command, &self.folder)?);
        Ok(())
    }

    fn wait_ready(&mut self) -> Result<()> {
        let ready = wait_until("Kafka should answer", START_DEADLINE, || {
            let process = self.process.as_mut().context("Kafka was not launched")?;
            ensure!(process.exited()?.is_none(), "Kafka ended at its start");
            Ok((self.listens() && self.client()?.answers()).then_some(()))
        });
        ready.with_context(|| self.process.as_ref().map(Process::tail).unwrap_or_default())
    }

    /// Whether it takes connections.
    fn listens(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
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

    /// How many bytes the log of a partition has on the disk.
    ///
    /// # Errors
    ///
    /// If the broker does not have the partition.
    pub fn log_size(&self, topic: &str, partition: i32) -> Result<u64> {
        let folder = self
            .folder
            .path()
            .join("log")
            .join(format!("{topic}-{partition}"));
        let mut size = 0;
        for file in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let file = file?;
            if file
                .path()
                .extension()
                .is_some_and(|extension| extension == "log")
            {
                size += file.metadata()?.len();
            }
        }
        Ok(size)
    }

    /// Changes a byte of a partition's log, where a text stands for the first time. The broker must be stopped.
    ///
    /// # Errors
    ///
    /// If the text is not there.
    pub fn damage(&self, topic: &str, partition: i32, text: &str) -> Result<()> {
        let folder = self
            .folder
            .path()
            .join("log")
            .join(format!("{topic}-{partition}"));
        let file = folder.join("00000000000000000000.log");
        let mut log = fs::read(&file).with_context(|| file.display().to_string())?;
        let place = log.windows(text.len()).position(|part| part == text.as_bytes());
        log[place.context("the text is not in the log")?] ^= 1;
        Ok(fs::write(&file, log)?)
    }

    /// The folder that is removed with the broker.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn properties(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    fn format(cache: &Path, plan: &Plan) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("kaufmann-kafka-").tempdir()?;
        let kafka = Self {
            process: None,
            folder,
            class_path: jars(&cache.join("kafka")),
            port: plan.port,
            ways: None,
            heap: plan.heap,
        };
        fs::write(
            kafka.properties(),
            plan.properties(&kafka.folder.path().join("log")),
        )?;
        let output = java("256m", kafka.folder.path())
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

/// Between finding a free port and taking it, somebody else may take it.
fn with_free_ports<T>(mut start: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..3 {
        match start() {
            Err(error) if format!("{error:#}").contains("Address already in use") => {}
            started => return started,
        }
    }
    bail!("found no port for Kafka in three attempts")
}

impl Plan {
    /// A node by itself.
    fn single() -> Result<Self> {
        Ok(Self {
            id: 1,
            port: free_port()?,
            controllers: vec![free_port()?],
            doors: Vec::new(),
            heap: "512m",
            settings: &[],
        })
    }

    /// Settings that replace those of the node, so that it has users, who come by a port of their own, and the trap.
    fn with_users(&self, users: &[&str], (port, trap): (u16, u16)) -> String {
        let controller = self.controllers[self.id - 1];
        let own = format!("PLAINTEXT://127.0.0.1:{}", self.port);
        let known: String = users
            .iter()
            .map(|user| format!(" user_{user}=\"{PASSWORD}\""))
            .collect();
        let login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        [
            (
                "listeners",
                format!(
                    "{own},CONTROLLER://127.0.0.1:{controller},USERS://127.0.0.1:{port},TRAP://127.0.0.1:{trap}"
                ),
            ),
            (
                "advertised.listeners",
                format!("{own},USERS://127.0.0.1:{port},TRAP://127.0.0.1:1"),
            ),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TRAP:PLAINTEXT,USERS:SASL_PLAINTEXT".to_owned(),
            ),
            ("sasl.enabled.mechanisms", "PLAIN".to_owned()),
            ("listener.name.users.plain.sasl.jaas.config", format!("{login}{known};")),
            (
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
            ),
            ("super.users", "User:ANONYMOUS".to_owned()),
        ]
        .map(|(key, value)| format!("{key}={value}\n"))
        .concat()
    }

    /// The node's settings, with its data in this folder.
    fn properties(&self, log: &Path) -> String {
        let port = self.port;
        let controller = self.controllers[self.id - 1];
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}");
        let mut advertised = format!("PLAINTEXT://127.0.0.1:{port}");
        let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
        for (number, (own, told)) in self.doors.iter().enumerate() {
            listeners += &format!(",DOOR{number}://127.0.0.1:{own}");
            advertised += &format!(",DOOR{number}://127.0.0.1:{told}");
            protocols += &format!(",DOOR{number}:PLAINTEXT");
        }
        let ids = 1..=self.controllers.len();
        let voters = ids.zip(&self.controllers);
        let voters: Vec<_> = voters
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}"))
            .collect();
        let replicas = self.controllers.len().to_string();
        let in_sync = self.controllers.len().min(2).to_string();
        let settings = [
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", self.id.to_string()),
            ("controller.quorum.voters", voters.join(",")),
            ("listeners", listeners),
            ("advertised.listeners", advertised),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
            ("listener.security.protocol.map", protocols),
            ("log.dirs", log.display().to_string()),
            ("default.replication.factor", replicas.clone()),
            ("min.insync.replicas", in_sync.clone()),
            ("offsets.topic.replication.factor", replicas.clone()),
            ("offsets.topic.num.partitions", "4".to_owned()),
            ("transaction.state.log.replication.factor", replicas.clone()),
            ("transaction.state.log.min.isr", in_sync.clone()),
            ("transaction.state.log.num.partitions", "4".to_owned()),
            ("share.coordinator.state.topic.replication.factor", replicas),
            ("share.coordinator.state.topic.min.isr", in_sync),
            // As long as a killed broker counts as living, it can neither come back nor be replaced.
            ("broker.session.timeout.ms", "3000".to_owned()),
            ("broker.heartbeat.interval.ms", "500".to_owned()),
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
            ("group.min.session.timeout.ms", "1000".to_owned()),
            ("auto.create.topics.enable", "false".to_owned()),
        ];
        let settings = settings.iter().map(|(key, value)| (*key, value.as_str()));
        settings
            .chain(self.settings.iter().copied())
            .map(|(key, value)| format!("{key}={value}\n"))
            .collect()
    }
}
