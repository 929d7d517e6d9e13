//! Runs a service under test: its runtime, its clock, and its backend.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::act::Act;
use super::backend::Backend;
use super::recorder::Recorder;
use crate::base::error::{Error, Report};
use crate::config::{Config, Mode};
use crate::engine::runtime::{Finished, Runtime};
use crate::handler::Service;
use crate::handler::record_event::{RecordEvent, RecordEventKind, Reporter};
use crate::publish::Message;
use crate::schema::registry::SchemaRegistry;

/// The longest virtual time for settling records, and the longest without any record event.
const VIRTUAL_PATIENCE: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_secs(600));
/// The same in real time, including joining a group.
const REAL_PATIENCE: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(60));
/// How long the runtime's threads may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// A service under test. It runs from the first delivery on.
pub(super) struct Bench<V: Service> {
    pub(super) state: Arc<V::State>,
    pub(super) registry: Arc<dyn SchemaRegistry>,
    pub(super) recorder: Recorder,
    pub(super) config: Config,
    pub(super) real_time: bool,
    /// Whether the clock is virtual: paused, and advanced when all tasks wait.
    is_paused: bool,
    backend: Backend,
    running: Option<Running>,
    /// `None` only while it is dropped.
    runtime: Option<tokio::runtime::Runtime>,
}

struct Running {
    stop: oneshot::Sender<()>,
    service: JoinHandle<Result<Finished, Error>>,
    record_events: mpsc::UnboundedReceiver<RecordEvent>,
}

impl<V: Service> Bench<V> {
    /// Sets up the backend, and creates the state.
    ///
    /// # Errors
    ///
    /// If either fails, with the reason.
    pub(super) fn new<E: std::fmt::Display>(
        mut config: Config,
        start: impl AsyncFnOnce(&Config) -> Result<V::State, E>,
    ) -> Result<Self, String> {
        if tokio::runtime::Handle::try_current().is_ok() {
            let text = "the kit has its own runtime, whose clock it controls: make the test a plain `#[test] fn`, \
                        and await in `then_state`";
            return Err(text.to_owned());
        }
        // The test itself writes without transactions.
        config = config.without_transactions();
        let (backend, runtime) = Backend::choose::<V>(&mut config)?;
        let state = runtime
            .block_on(start(&config))
            .map_err(|error| format!("{} did not start: {error}", V::NAME))?;
        Ok(Self {
            state: Arc::new(state),
            registry: backend.registry(),
            recorder: Recorder::new(backend.publisher(), backend.prefix()),
            config,
            real_time: backend.is_real(),
            is_paused: false,
            backend,
            running: None,
            runtime: Some(runtime),
        })
    }

    /// Sets the mode in which the service is started.
    #[track_caller]
    pub(super) fn set_mode(&mut self, mode: Mode) {
        assert!(
            self.running.is_none(),
            "set the mode before anything is delivered"
        );
        self.config = self.config.clone().with_mode(mode);
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped")
            .block_on(future)
    }

    /// The service's time.
    pub(super) fn now(&self) -> Instant {
        self.block_on(async { Instant::now() })
    }

    /// The timestamp of a record that is given now, in milliseconds since the Unix epoch. In memory it is the same in every run.
    pub(super) fn timestamp(&self) -> i64 {
        self.block_on(async { self.backend.timestamp() })
    }

    /// Delivers the records that are not delivered yet, and waits until they are settled or the service ends.
    pub(super) fn deliver(&mut self, act: &mut Act) -> Result<(), String> {
        self.start()?;
        let mut waiting = HashMap::new();
        for given in &mut act.given[act.delivered..] {
            let Self { backend, runtime, .. } = self;
            let runtime = runtime
                .as_ref()
                .expect("the runtime is there until the kit is dropped");
            given.position = runtime.block_on(backend.push(given.message.clone()))?;
            *waiting.entry(given.position.clone()).or_insert(0) += 1;
        }
        act.delivered = act.given.len();
        self.settle(act, waiting)
    }

    /// Delivers all given records again, as to a service that crashed before it committed.
    pub(super) fn redeliver(&mut self, act: &mut Act) -> Result<(), String> {
        self.stop();
        let begins: BTreeMap<String, i64> = act.begins();
        let Self { backend, runtime, .. } = self;
        let runtime = runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped");
        runtime.block_on(backend.rewind(&begins))?;
        self.start()?;
        let waiting = act
            .given
            .iter()
            .map(|given| (given.position.clone(), 1))
            .collect();
        self.settle(act, waiting)
    }

    fn start(&mut self) -> Result<(), String> {
        if self.running.is_some() {
            return Ok(());
        }
        let (reporter, record_events) = Reporter::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let builder = Runtime::<V>::builder_of(Arc::clone(&self.state))
            .config(&self.config)
            .publisher(self.recorder.clone())
            .registry(Arc::clone(&self.registry))
            .observer(reporter);
        let pauses = !self.real_time && !std::mem::replace(&mut self.is_paused, true);
        if pauses {
            self.block_on(async { tokio::time::pause() });
        }
        let Self { backend, runtime, .. } = self;
        let runtime = runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped");
        let builder = runtime.block_on(async { backend.open(builder) })?;
        let service = builder.run(async { _ = stopped.await });
        let runtime = self
            .runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped");
        let service = runtime.spawn(service);
        self.running = Some(Running {
            stop,
            service,
            record_events,
        });
        Ok(())
    }

    /// Runs the service until the records at these positions are settled as often as given here.
    fn settle(&mut self, act: &mut Act, mut waiting: HashMap<String, usize>) -> Result<(), String> {
        let (patience, silence) = if self.real_time {
            REAL_PATIENCE
        } else {
            VIRTUAL_PATIENCE
        };
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let end = self.now() + patience;
        let ended = self.block_on(async {
            let mut last = Instant::now();
            while !waiting.is_empty() {
                tokio::select! {
                    biased;
                    Some(record_event) = running.record_events.recv() => {
                        let is_over = !matches!(record_event.kind, RecordEventKind::Retrying { .. });
                        if is_over && let Some(left) = waiting.get_mut(&record_event.position) {
                            *left -= 1;
                            if *left == 0 {
                                waiting.remove(&record_event.position);
                            }
                        }
                        act.record_events.push(record_event);
                        last = Instant::now();
                    }
                    ended = &mut running.service => return Some(ended),
                    () = tokio::time::sleep_until(end.min(last + silence)) => return None,
                }
            }
            None
        });
        match ended {
            Some(ended) => {
                act.ended = Some(reason(ended));
                Ok(())
            }
            None => {
                let is_settled = waiting.is_empty();
                self.running = Some(running);
                if is_settled {
                    return Ok(());
                }
                let is_silent = self.now() < end;
                let blocked = self.stop().map(|finished| finished.blocked).unwrap_or_default();
                let how_long = if is_silent {
                    format!(": nothing happened for {silence:?}")
                } else {
                    format!(" within {patience:?}")
                };
                Err(format!(
                    "not everything was settled{how_long} of the service's time; still unfinished:\n  {}",
                    blocked.join("\n  ")
                ))
            }
        }
    }

    /// Shuts the service down.
    fn stop(&mut self) -> Option<Finished> {
        let running = self.running.take()?;
        _ = running.stop.send(());
        self.block_on(running.service).ok()?.ok()
    }
}

impl<V: Service> Drop for Bench<V> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            if self.backend.is_real() {
                _ = running.stop.send(());
                _ = self.block_on(running.service);
            } else {
                running.service.abort();
            }
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(self.backend.clear());
            runtime.shutdown_timeout(END_PATIENCE);
        }
    }
}

/// Why a service has ended by itself.
fn reason(ended: Result<Result<Finished, Error>, JoinError>) -> String {
    match ended {
        Ok(Ok(_)) => "it stopped without an error".to_owned(),
        Ok(Err(error)) => {
            let report = Report(&error).to_string();
            report.strip_prefix("error: ").unwrap_or(&report).to_owned()
        }
        Err(panicked) => panicked.to_string(),
    }
}

/// The messages published since this round began.
pub(super) fn published(recorder: &Recorder, act: &Act) -> Vec<Message> {
    recorder
        .delivered()
        .get(act.first_message..)
        .unwrap_or_default()
        .to_vec()
}
