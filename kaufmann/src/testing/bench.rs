//! Where a service under test runs: a runtime of its own, its clock, and the place that records come from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::act::Act;
use super::place::Place;
use super::recorder::Recorder;
use crate::base::error::{Error, Report};
use crate::config::{Config, Mode};
use crate::engine::runtime::{Finished, Runtime};
use crate::handler::Service;
use crate::handler::record_event::{RecordEvent, RecordEventKind, Reporter};
use crate::publish::Message;
use crate::schema::registry::SchemaRegistry;

/// How long records may take in virtual time, and how long nothing at all may happen.
const VIRTUAL_PATIENCE: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_secs(600));
/// The same in real time, with the joining of a group.
const REAL_PATIENCE: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(60));
/// How long the runtime's threads may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// A service under test, which runs once something is delivered.
pub(super) struct Bench<V: Service> {
    pub(super) state: Arc<V::State>,
    pub(super) registry: Arc<dyn SchemaRegistry>,
    pub(super) recorder: Recorder,
    pub(super) config: Config,
    pub(super) real_time: bool,
    /// Whether the clock stands still but where all tasks wait for it.
    is_paused: bool,
    place: Place,
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
    /// Makes the place ready, and the state in it.
    ///
    /// # Errors
    ///
    /// What is wrong with the place or the state, in one text.
    pub(super) fn new<E: std::fmt::Display>(
        mut config: Config,
        start: impl AsyncFnOnce(&Config) -> Result<V::State, E>,
    ) -> Result<Self, String> {
        if tokio::runtime::Handle::try_current().is_ok() {
            let text = "the kit has a runtime of its own, with a clock that it moves: make the test a plain `#[test] fn`, \
                        and look at what is asynchronous in `then_state`";
            return Err(text.to_owned());
        }
        // What the test itself writes belongs to no transaction.
        config = config.without_transactions();
        let (place, runtime) = Place::choose::<V>(&mut config)?;
        let state = runtime
            .block_on(start(&config))
            .map_err(|error| format!("{} did not start: {error}", V::NAME))?;
        Ok(Self {
            state: Arc::new(state),
            registry: place.registry(),
            recorder: Recorder::new(place.publisher(), place.prefix()),
            config,
            real_time: place.is_real(),
            is_paused: false,
            place,
            running: None,
            runtime: Some(runtime),
        })
    }

    /// What the service is started for.
    #[track_caller]
    pub(super) fn set_mode(&mut self, mode: Mode) {
        assert!(
            self.running.is_none(),
            "the mode is set before anything is delivered"
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

    /// Milliseconds since the Unix epoch, of a record that is given now. In memory it is the same in every run.
    pub(super) fn timestamp(&self) -> i64 {
        self.block_on(async { self.place.timestamp() })
    }

    /// Delivers what was given and not delivered yet, and waits until it is settled or the service ends.
    pub(super) fn deliver(&mut self, act: &mut Act) -> Result<(), String> {
        self.start()?;
        let mut waiting = HashMap::new();
        for given in &mut act.given[act.delivered..] {
            let Self { place, runtime, .. } = self;
            let runtime = runtime
                .as_ref()
                .expect("the runtime is there until the kit is dropped");
            given.place = runtime.block_on(place.push(given.message.clone()))?;
            *waiting.entry(given.place.clone()).or_insert(0) += 1;
        }
        act.delivered = act.given.len();
        self.settle(act, waiting)
    }

    /// Delivers what was given once more, from the first record on, to a service that has died before it committed.
    pub(super) fn redeliver(&mut self, act: &mut Act) -> Result<(), String> {
        self.stop();
        let begins: BTreeMap<String, i64> = act.begins();
        let Self { place, runtime, .. } = self;
        let runtime = runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped");
        runtime.block_on(place.rewind(&begins))?;
        self.start()?;
        let waiting = act.given.iter().map(|given| (given.place.clone(), 1)).collect();
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
        let Self { place, runtime, .. } = self;
        let runtime = runtime
            .as_ref()
            .expect("the runtime is there until the kit is dropped");
        let builder = runtime.block_on(async { place.open(builder) })?;
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

    /// Lets the service run until these places are settled as often as they are waited for.
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
                        if is_over && let Some(left) = waiting.get_mut(&record_event.place) {
                            *left -= 1;
                            if *left == 0 {
                                waiting.remove(&record_event.place);
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
                act.ended = Some(match ended {
                    Ok(Ok(_)) => "nobody knows why".to_owned(),
                    Ok(Err(error)) => {
                        let report = Report(&error).to_string();
                        report.strip_prefix("error: ").unwrap_or(&report).to_owned()
                    }
                    Err(panicked) => panicked.to_string(),
                });
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
                    format!(": nothing has happened for {silence:?}")
                } else {
                    format!(" within {patience:?}")
                };
                Err(format!(
                    "not everything was settled{how_long} of the service's time; at the end there ran:\n  {}",
                    blocked.join("\n  ")
                ))
            }
        }
    }

    /// Stops the service in order.
    fn stop(&mut self) -> Option<Finished> {
        let running = self.running.take()?;
        _ = running.stop.send(());
        self.block_on(running.service).ok()?.ok()
    }
}

impl<V: Service> Drop for Bench<V> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            if self.place.is_real() {
                _ = running.stop.send(());
                _ = self.block_on(running.service);
            } else {
                running.service.abort();
            }
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(self.place.clear());
            runtime.shutdown_timeout(END_PATIENCE);
        }
    }
}

/// A copy of what was published since this act began.
pub(super) fn published(recorder: &Recorder, act: &Act) -> Vec<Message> {
    recorder
        .delivered()
        .get(act.first_message..)
        .unwrap_or_default()
        .to_vec()
}
