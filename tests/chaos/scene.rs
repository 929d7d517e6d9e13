//! One scene: its own topics and group, instances of the service, a workload, and the verdict at the end.

mod bound;
mod evidence;
mod settings;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kaufmann_tests::rig::service::{Running, STOP_DEADLINE};
use kaufmann_tests::rig::{Client, Cluster, Door, Fault, FaultProxy, Offsets, Service, TcpProxy, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

use self::bound::Bound;
use crate::oracle::{Account, History, Written, judge};
use crate::stage::{Ground, Stage};
use crate::workload::{Load, Workload};

pub(crate) use self::bound::Exposed;
pub(crate) use self::settings::Protocol;

/// The deadline of any step, on a slow machine with a debug build.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// How long a group may make no progress: a rebalance waits that long for a member that does not rejoin (`max.poll.interval.ms`).
const PATIENCE: Duration = Duration::from_secs(320);
/// The service's bound of unsettled records of a partition.
const MAX_UNSETTLED: usize = 100;
/// The initial number of partitions of a topic.
pub(crate) const PARTITIONS: i32 = 4;

/// A service between a producer and the oracle.
pub(crate) struct Scene {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) client: Client,
    /// The path to the registry: a network proxy, then a server that injects faults.
    pub(crate) registry: FaultProxy,
    pub(crate) registry_network: TcpProxy,
    pub(crate) group: String,
    pub(crate) topic: String,
    /// Whether an instance could be cut off from its group and go on for a while.
    pub(crate) zombies: bool,
    /// Whether the session timeout is 3 s. Otherwise it is 45 s, which a live member never exceeds: a repetition
    /// then is not due to a slow machine.
    pub(crate) short_sessions: bool,
    /// How the group shares the partitions.
    pub(crate) protocol: Protocol,
    /// Whether `commit_ahead` is on.
    pub(crate) commit_ahead: bool,
    /// Whether the service delivers exactly once.
    pub(crate) exactly_once: bool,
    /// Further environment variables of instances.
    pub(crate) variables: Vec<(&'static str, &'static str)>,
    pub(crate) replies: String,
    letters: String,
    // The folder is in that of the shared broker, which is removed even if this process is killed.
    folder: TempDir,
    pub(crate) ground: Arc<Ground>,
    load: Load,
    instances: Vec<Option<Running>>,
    incarnations: u32,
    workload: Option<Workload>,
    /// The records written before.
    written: Vec<Written>,
    /// How many lines of the journal are about a deleted topic.
    old_entries: usize,
    bound: Bound,
    stderr: Option<PathBuf>,
}

impl Scene {
    /// Creates the topics on the shared broker.
    pub(crate) fn open(stage: &Stage, name: &str, load: Load) -> Result<Self> {
        let cluster = Arc::clone(&stage.ground()?.cluster);
        Self::open_on(stage, cluster, name, load)
    }

    /// Creates the topics on a separate cluster.
    pub(crate) fn open_on(stage: &Stage, cluster: Arc<Cluster>, name: &str, load: Load) -> Result<Self> {
        let ground = stage.ground()?;
        let registry = FaultProxy::start(&ground.registry.origin(), Fault::Forward)?;
        let registry_network = TcpProxy::start(registry.port())?;
        let client = cluster.client()?;
        let [topic, replies, letters] = ["jobs", "done", "dead-letter"].map(|kind| format!("{name}.{kind}"));
        for topic in [&topic, &replies, &letters] {
            client.create_topic(topic, PARTITIONS, &[])?;
        }
        Ok(Self {
            cluster,
            client,
            registry,
            registry_network,
            group: name.to_owned(),
            topic,
            zombies: false,
            short_sessions: false,
            protocol: Protocol::default(),
            commit_ahead: true,
            exactly_once: false,
            variables: Vec::new(),
            replies,
            letters,
            folder: tempfile::Builder::new()
                .prefix("chaos-")
                .tempdir_in(ground.cluster.folder())?,
            ground,
            load,
            instances: Vec::new(),
            incarnations: 0,
            workload: None,
            written: Vec::new(),
            old_entries: 0,
            bound: Bound::default(),
            stderr: None,
        })
    }

    /// Sends the logs of instances started from now on to their own file, or somewhere else.
    pub(crate) fn log_to(&mut self, file: Option<&str>) {
        self.stderr = file.map(PathBuf::from);
    }

    /// Starts the instance in this slot, with a connection that always works.
    pub(crate) fn start(&mut self, place: usize) -> Result<()> {
        let brokers = self.cluster.brokers().to_owned();
        self.start_by(place, &brokers)
    }

    /// Starts the instance in this slot behind a proxy of the cluster.
    pub(crate) fn start_behind(&mut self, place: usize, door: usize) -> Result<()> {
        let brokers = self.door(door).brokers();
        self.start_by(place, &brokers)
    }

    fn start_by(&mut self, place: usize, brokers: &str) -> Result<()> {
        self.incarnations += 1;
        let registry = self.registry.url_behind(&self.registry_network);
        let mut service = Service::run(brokers, &self.group, &self.topic, &registry)
            .with_program(env!("CARGO_BIN_EXE_chaos-service"))
            .with_file(&self.file());
        if self.exactly_once {
            let id = format!("{}-{place}", self.group);
            service = service
                .with_env("KAUFMANN_DELIVERY", "exactly_once")
                .with_env("KAUFMANN_EXACTLY_ONCE_TRANSACTIONAL_ID", &id);
        }
        for (name, value) in &self.variables {
            service = service.with_env(name, value);
        }
        if let Some(file) = &self.stderr {
            service = service.with_stderr(file);
        }
        if self.instances.len() <= place {
            self.instances.resize_with(place + 1, || None);
        }
        self.instances[place] = Some(service.start()?);
        Ok(())
    }

    /// The instance in this slot.
    pub(crate) fn instance(&mut self, place: usize) -> Result<&mut Running> {
        let instance = self.instances.get_mut(place).and_then(Option::as_mut);
        instance.with_context(|| format!("no instance runs in place {place}"))
    }

    /// Whether an instance runs there.
    pub(crate) fn runs(&self, place: usize) -> bool {
        self.instances.get(place).is_some_and(Option::is_some)
    }

    /// Kills the instance in this slot.
    pub(crate) fn kill(&mut self, place: usize) -> Result<()> {
        self.instance(place)?.kill();
        self.instances[place] = None;
        Ok(())
    }

    /// Tells the instance in this slot to stop, which it must do cleanly.
    pub(crate) fn stop(&mut self, place: usize) -> Result<()> {
        self.instance(place)?.stop_cleanly()?;
        self.instances[place] = None;
        Ok(())
    }

    /// Tells the instance in this slot to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self, place: usize) -> Result<()> {
        self.instance(place)?.signal(Signal::TERM)
    }

    /// Waits for the end of an instance that was told to stop during other faults: it must end in some way.
    pub(crate) fn wait_stopped(&mut self, place: usize) -> Result<()> {
        self.instance(place)?.wait(STOP_DEADLINE)?;
        self.instances[place] = None;
        Ok(())
    }

    /// A proxy to the cluster.
    pub(crate) fn door(&self, number: usize) -> &Door {
        self.cluster.door(number)
    }

    /// Starts the producer.
    pub(crate) fn write(&mut self) -> Result<()> {
        let schemas = self.ground.schemas.clone();
        let workload = Workload::start(
            self.cluster.brokers(),
            &self.topic,
            PARTITIONS,
            self.load.clone(),
            schemas,
            self.written.len(),
        )?;
        self.workload = Some(workload);
        Ok(())
    }

    /// The workload.
    pub(crate) fn workload(&self) -> Result<&Workload> {
        self.workload.as_ref().context("nothing is being written")
    }

    /// Waits until this many more records are written.
    pub(crate) fn written(&mut self, more: usize) -> Result<()> {
        let goal = self.workload()?.count() + more;
        wait_until("records should be written", DEADLINE, || {
            self.assert_running()?;
            Ok((self.workload()?.count() >= goal).then_some(()))
        })
    }

    /// Waits until this many more handlers have begun.
    pub(crate) fn begun(&mut self, more: usize) -> Result<()> {
        let goal = self.attempts()? + more;
        let done = wait_until("handlers should go on", DEADLINE, || {
            self.assert_running()?;
            Ok((self.attempts()? >= goal).then_some(()))
        });
        done.with_context(|| self.tails())
    }

    /// Deletes the topic, which must be fully settled, and creates it again.
    pub(crate) fn make_topic_anew(&mut self) -> Result<()> {
        self.old_entries = self.journal()?.len();
        self.client.delete_topic(&self.topic)?;
        self.client.create_topic(&self.topic, PARTITIONS, &[])
    }

    /// Stops the producer, and waits until everything is committed, as long as there is progress.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let workload = self.workload.take().context("nothing was written")?;
        self.written.extend(workload.finish()?);
        let ends = self.client.end_offsets(&self.topic)?;
        let ends: Offsets = ends.into_iter().filter(|(_, end)| *end > 0).collect();
        let reached = |committed: &Offsets| {
            ends.iter()
                .all(|(partition, end)| committed.get(partition) == Some(end))
        };
        let mut last = Offsets::new();
        while !reached(&last) {
            let further = wait_until("more should be committed", PATIENCE, || {
                self.assert_running()?;
                // Without a coordinator there is no answer.
                let committed = self.client.committed(&self.group, &self.topic).ok();
                Ok(committed.filter(|committed| reached(committed) || *committed != last))
            });
            last =
                further.with_context(|| format!("ends: {ends:?}, committed: {last:?}\n{}", self.tails()))?;
        }
        Ok(())
    }

    /// Ends the scene: everything is handled, the instances stop cleanly, and the oracle finds no violation.
    pub(crate) fn finish(mut self) -> Result<Account> {
        self.settle()?;
        let logs = self.tails();
        for place in 0..self.instances.len() {
            if self.runs(place) {
                self.stop(place)?;
            }
        }
        let history = History {
            written: std::mem::take(&mut self.written),
            journal: self.journal()?,
            replies: self.replies()?,
            letters: self.dead_letters()?,
            zombies: self.zombies,
        };
        let account = match judge(&history) {
            Ok(account) if !self.exactly_once || account.duplicates == 0 => account,
            Ok(account) => bail!(
                "something is there twice: {account}\n{}\n{logs}",
                self.keep(&history)?
            ),
            Err(wrong) => bail!("{}\n{}\n{logs}", wrong.join("\n"), self.keep(&history)?),
        };
        let line = format!("{}: {account}; {}\n", self.group, self.bound);
        std::io::stdout().write_all(line.as_bytes())?;
        ensure!(
            account.repeats.max(account.duplicates) <= self.bound.records,
            "too much came again: {line}{}\n{logs}",
            self.keep(&history)?
        );
        Ok(account)
    }

    /// Returns an error with the end of the log if an instance or the producer has ended by itself.
    pub(crate) fn assert_running(&mut self) -> Result<()> {
        if self
            .workload
            .as_ref()
            .is_some_and(|workload| !workload.is_writing())
        {
            self.workload.take().map(Workload::finish).transpose()?;
        }
        self.instances
            .iter_mut()
            .flatten()
            .try_for_each(Running::assert_running)
    }

    /// The ends of all logs.
    pub(crate) fn tails(&self) -> String {
        self.instances.iter().flatten().map(Running::tail).collect()
    }
}
