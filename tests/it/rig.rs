//! A service on the in-memory source and publisher; the test controls its handlers, which record what they see.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaufmann::__private::Simulation;
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{MemoryFeed, MemoryRecord, memory};
use kaufmann::{
    Config, Context, Error, Event, Failure, Finished, Handle, Observer, Outgoing, Record, Runtime, Service,
    Settled, handler, service,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::events::test::{Doubled, Ignored, NumberedRef};

pub(crate) use crate::events::test::Numbered;

/// The topic that the service consumes.
pub(crate) const TOPIC: &str = "in";
/// A deadline that only a bug reaches.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state that the handlers share with the test.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<Inner>);

#[derive(Default)]
struct Inner {
    log: Mutex<Log>,
    /// Keys whose handlers wait.
    closed: Mutex<HashMap<String, Arc<Notify>>>,
    /// What the next handlers of a key do instead of succeeding; taken from the front.
    mishaps: Mutex<HashMap<String, Vec<Mishap>>>,
    reply: AtomicBool,
    /// Whether there is an outage: every handler fails.
    broken: AtomicBool,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Log {
    /// Numbers in the order in which they were begun, by key.
    pub(crate) begun: BTreeMap<String, Vec<i64>>,
    /// Numbers in the order in which they were finished, by key.
    pub(crate) done: BTreeMap<String, Vec<i64>>,
    /// The batches that were begun, in order: the numbers in each.
    pub(crate) batches: Vec<Vec<i64>>,
    /// The attempts at each event, in order.
    pub(crate) attempts: Vec<u32>,
    /// How many attempts knew that they ran in a replay.
    pub(crate) replays: usize,
    /// The id of the event at each attempt, by key.
    pub(crate) ids: BTreeMap<String, Vec<String>>,
    pub(crate) running: usize,
    pub(crate) most_running: usize,
    pub(crate) cancelled: usize,
    /// Failed records that wait for a retry; counted only if the probe observes.
    pub(crate) waiting: usize,
    pub(crate) most_waiting: usize,
    pub(crate) dead_letters: usize,
}

impl Observer for Probe {
    fn settled(&self, _: &Record, _: Option<&str>, how: Settled<'_>) {
        let is_letter = matches!(how, Settled::DeadLettered { .. });
        self.0.log.lock().unwrap().dead_letters += usize::from(is_letter);
    }

    fn retrying(&self, _: &Record, _: Option<&str>, _: u32, _: Duration, _: &str) {
        let mut log = self.0.log.lock().unwrap();
        log.waiting += 1;
        log.most_waiting = log.most_waiting.max(log.waiting);
    }
}

/// What a handler does instead of succeeding.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    Fail,
    Panic,
    /// Fails with an error of two megabytes that contains terminal escapes.
    Huge,
    DeadLetter,
    Skip,
    Fatal,
    FailOften(usize),
}

impl Probe {
    pub(crate) fn log(&self) -> Log {
        self.0.log.lock().unwrap().clone()
    }

    /// Lets handlers of a key wait until it is opened.
    pub(crate) fn close(&self, key: &str) {
        self.0
            .closed
            .lock()
            .unwrap()
            .insert(key.to_owned(), Arc::default());
    }

    pub(crate) fn open(&self, key: &str) {
        if let Some(gate) = self.0.closed.lock().unwrap().remove(key) {
            gate.notify_waiters();
        }
    }

    pub(crate) fn mishap(&self, key: &str, mishap: Mishap) {
        self.0
            .mishaps
            .lock()
            .unwrap()
            .entry(key.to_owned())
            .or_default()
            .push(mishap);
    }

    /// Begins or ends an outage.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.0.broken.store(broken, SeqCst);
    }

    /// Lets handlers reply from now on.
    pub(crate) fn reply(&self) {
        self.0.reply.store(true, SeqCst);
    }

    pub(crate) async fn handle(
        &self,
        key: &str,
        number: i64,
        cx: &Context<Probe>,
    ) -> Result<Option<Doubled>, Failure> {
        self.begin(key, number, cx.attempt());
        self.note(key, cx);
        self.opened(key).await;
        if cx.is_cancelled() {
            self.0.log.lock().unwrap().cancelled += 1;
        }
        self.0.log.lock().unwrap().running -= 1;
        self.suffer(key)?;
        self.finish(key, number);
        let reply = self.0.reply.load(SeqCst);
        Ok(reply.then(|| Doubled {
            key: key.to_owned(),
            number: number * 2,
        }))
    }

    /// Begins a batch, and waits until all its keys are open.
    pub(crate) async fn begin_batch(&self, events: &[(String, i64)], attempt: u32) {
        for (key, number) in events {
            self.begin(key, *number, attempt);
        }
        let numbers = events.iter().map(|(_, number)| *number).collect();
        self.0.log.lock().unwrap().batches.push(numbers);
        for (key, _) in events {
            self.opened(key).await;
        }
        self.0.log.lock().unwrap().running -= events.len();
    }

    /// Waits until a key is open.
    async fn opened(&self, key: &str) {
        let gate = self.0.closed.lock().unwrap().get(key).cloned();
        if let Some(gate) = gate {
            // Registered before the gate is checked again, so that an opening in between is not missed.
            let opened = gate.notified();
            if self.0.closed.lock().unwrap().contains_key(key) {
                opened.await;
            }
        }
    }

    pub(crate) fn finish(&self, key: &str, number: i64) {
        let mut log = self.0.log.lock().unwrap();
        log.done.entry(key.to_owned()).or_default().push(number);
    }

    pub(crate) fn replies(&self) -> bool {
        self.0.reply.load(SeqCst)
    }

    fn note(&self, key: &str, cx: &Context<Probe>) {
        let mut log = self.0.log.lock().unwrap();
        log.replays += usize::from(cx.is_replay());
        let id = cx.record().event_id();
        log.ids.entry(key.to_owned()).or_default().push(id);
    }

    fn begin(&self, key: &str, number: i64, attempt: u32) {
        let mut log = self.0.log.lock().unwrap();
        log.begun.entry(key.to_owned()).or_default().push(number);
        log.attempts.push(attempt);
        log.waiting = log.waiting.saturating_sub(usize::from(attempt > 1));
        log.running += 1;
        log.most_running = log.most_running.max(log.running);
    }

    pub(crate) fn suffer(&self, key: &str) -> Result<(), Failure> {
        if self.0.broken.load(SeqCst) {
            return Err("connection refused".into());
        }
        let mut mishaps = self.0.mishaps.lock().unwrap();
        let Some(next) = mishaps.get_mut(key).filter(|list| !list.is_empty()) else {
            return Ok(());
        };
        let mishap = match &mut next[0] {
            Mishap::FailOften(left) if *left > 1 => {
                *left -= 1;
                Mishap::Fail
            }
            _ => next.remove(0),
        };
        drop(mishaps);
        match mishap {
            Mishap::Fail | Mishap::FailOften(_) => Err("told to fail".into()),
            Mishap::Panic => panic!("told to panic"),
            Mishap::Huge => Err(Failure::new("\u{1b}[31m".to_owned() + &"x".repeat(2 << 20)).dead_letter()),
            Mishap::DeadLetter => Err(Failure::new("told to give up").dead_letter()),
            Mishap::Skip => Err(Failure::new("told to skip").skip()),
            Mishap::Fatal => Err(Failure::new("told to stop").fatal()),
        }
    }
}

#[handler(event = "test.numbered")]
async fn numbered(event: NumberedRef<'_>, cx: &Context<Probe>) -> Result<Option<Doubled>, Failure> {
    cx.state.handle(event.key, event.number, cx).await
}

service! {
    /// Takes numbered events and may double them.
    pub(crate) struct Numbers {
        state: Probe,
        handlers: [numbered],
    }
}

/// A running service, with all the test's operations on it.
pub(crate) struct Rig {
    pub(crate) probe: Probe,
    pub(crate) feed: MemoryFeed,
    pub(crate) publisher: MemoryPublisher,
    pub(crate) registry: EmbeddedRegistry,
    pub(crate) handle: Handle,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Finished, Error>>,
}

/// A configuration without long waits.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.group = "tests".into();
    config.commit_interval = Duration::from_millis(10);
    config.retry.initial = Duration::from_millis(1);
    config.retry.max = Duration::from_millis(4);
    config.registry.register = true;
    config
}

impl Rig {
    /// A service with one assigned partition.
    pub(crate) fn start(config: &Config) -> Self {
        let rig = Self::unassigned(config, EmbeddedRegistry::new());
        rig.feed.assign(TOPIC, 0);
        rig
    }

    pub(crate) fn unassigned(config: &Config, registry: EmbeddedRegistry) -> Self {
        Self::with_registry(config, registry.clone(), registry)
    }

    /// The test writes to `registry`; the service asks `seen`.
    pub(crate) fn with_registry(
        config: &Config,
        registry: EmbeddedRegistry,
        seen: impl SchemaRegistry,
    ) -> Self {
        Self::launch::<Numbers>(config, registry, seen, false, None)
    }

    /// Another service with the same state, and one assigned partition.
    pub(crate) fn of<V: Service<State = Probe>>(config: &Config) -> Self {
        Self::of_partition::<V>(config, 0)
    }

    /// The same with this partition.
    pub(crate) fn of_partition<V: Service<State = Probe>>(config: &Config, partition: i32) -> Self {
        let registry = EmbeddedRegistry::new();
        let rig = Self::launch::<V>(config, registry.clone(), registry, false, None);
        rig.feed.assign(TOPIC, partition);
        rig
    }

    /// A service with one assigned partition whose probe counts retries and dead letters too.
    pub(crate) fn observed(config: &Config) -> Self {
        let registry = EmbeddedRegistry::new();
        let rig = Self::launch::<Numbers>(config, registry.clone(), registry, true, None);
        rig.feed.assign(TOPIC, 0);
        rig
    }

    /// A service on the test's clock, which may be paused, with one assigned partition.
    pub(crate) fn simulated(config: &Config) -> Self {
        let registry = EmbeddedRegistry::new();
        let simulation = Simulation {
            shards: 2,
            hash_seed: 0,
            others_first: Arc::new(|| false),
            wall_clock: None,
        };
        let rig = Self::launch::<Numbers>(config, registry.clone(), registry, true, Some(simulation));
        rig.feed.assign(TOPIC, 0);
        rig
    }

    fn launch<V: Service<State = Probe>>(
        config: &Config,
        registry: EmbeddedRegistry,
        seen: impl SchemaRegistry,
        observed: bool,
        simulation: Option<Simulation>,
    ) -> Self {
        let (source, feed) = memory();
        let (probe, publisher) = (Probe::default(), MemoryPublisher::new());
        let (stop, stopped) = oneshot::channel();
        let mut builder = Runtime::<V>::builder(probe.clone())
            .config(config)
            .source(source)
            .publisher(publisher.clone())
            .registry(seen);
        if let Some(simulation) = simulation {
            builder = builder.simulation(simulation);
        }
        if observed {
            builder = builder.observer(probe.clone());
        }
        let handle = Handle::new();
        let service = builder.handle(&handle).run(async { _ = stopped.await });
        Self {
            handle,
            probe,
            feed,
            publisher,
            registry,
            stop,
            running: tokio::spawn(service),
        }
    }

    /// Sends a numbered event with its key and returns its offset.
    pub(crate) async fn send(&self, partition: i32, key: &str, number: i64) -> i64 {
        let payload = self
            .payload(&Numbered {
                key: key.into(),
                number,
            })
            .await;
        self.feed
            .push(TOPIC, partition, MemoryRecord::new(payload).key(key))
    }

    /// An event in Confluent's frame.
    pub(crate) async fn payload<E: Event>(&self, event: &E) -> Vec<u8> {
        let id = self
            .registry
            .register(E::INFO.full_name, E::INFO.schema)
            .await
            .unwrap();
        let mut payload = vec![0];
        payload.extend_from_slice(&id.to_be_bytes());
        payload.extend_from_slice(&Outgoing::new(event).datum);
        payload
    }

    pub(crate) async fn ignored(&self) -> Vec<u8> {
        self.note("nobody reads this").await
    }

    /// A `test.ignored` with this text.
    pub(crate) async fn note(&self, text: &str) -> Vec<u8> {
        self.payload(&Ignored { note: text.into() }).await
    }

    /// Waits until the partition's committed offset is `offset`.
    pub(crate) async fn committed(&self, partition: i32, offset: i64) {
        let what = format!("offset {offset} of partition {partition} to be committed");
        eventually(&what, || self.feed.committed(TOPIC, partition) == Some(offset)).await;
    }

    /// Waits until a handler of this key has begun with this number.
    pub(crate) async fn begun(&self, key: &str, number: i64) {
        let what = format!("number {number} of `{key}` to begin");
        eventually(&what, || {
            self.probe
                .log()
                .begun
                .get(key)
                .is_some_and(|all| all.contains(&number))
        })
        .await;
    }

    /// Stops the service and returns its result.
    pub(crate) async fn stop(self) -> Result<Finished, Error> {
        _ = self.stop.send(());
        self.running.await.unwrap()
    }

    /// Drops the service while it runs.
    pub(crate) async fn abort(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }

    /// Waits until the service ends by itself.
    pub(crate) async fn end(self) -> Result<Finished, Error> {
        tokio::time::timeout(PATIENCE, self.running)
            .await
            .expect("the service ends by itself")
            .unwrap()
    }
}

/// Waits for something that must happen.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
