//! A running service: puts the parts together, starts them in the order of the data, and ends them in the opposite one.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{FusedFuture, FutureExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use crate::assignment::Settlements;
use crate::assignment::limit::Rules;
use crate::base::control::{Control, Handle};
use crate::base::error::{Error, ErrorKind};
use crate::base::panics::{Panic, catch, caught};
use crate::base::wall_clock::WallClock;
use crate::config::{Config, Delivery, Mode, OnFailure};
use crate::engine::attempt::attempt;
use crate::engine::link::Link;
use crate::engine::policy::Policy;
use crate::engine::poller::{Ending, Repeats};
use crate::engine::pool::Pool;
use crate::engine::shard::{Command, Inbox, Shard};
use crate::engine::simulation::Simulation;
use crate::handler::context::State;
use crate::handler::event::EventInfo;
use crate::handler::observer::{Guarded, Observer};
use crate::handler::{Service, emitted};
use crate::publish::error_event::ERROR;
use crate::publish::{Outbound, PublishErrorKind, Publisher, Stage};
use crate::schema::registry::SchemaRegistry;
use crate::schema::tombstones::Tombstones;
use crate::schema::writers::Schemas;
use crate::source::Source;

mod driver;
mod topics;
mod within;

use driver::Driver;
use within::within;

/// With more shards than threads tokio can even out their load.
const SHARDS_PER_WORKER: usize = 2;
/// How long the shards may take to say what runs in them.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);
/// How long what was published besides may take to leave at the end: what is left of the shutdown's time, between these.
const LEAST_FLUSH: Duration = Duration::from_millis(500);
const MOST_FLUSH: Duration = Duration::from_secs(5);

/// Runs a [`Service`] between a source and a publisher.
///
/// The generated main does this with Kafka; a program may do it inside its own `main`, and a test with the in-memory pair:
///
/// ```no_run
/// # async fn run<Accounts: kaufmann::Service<State = ()>>() -> Result<(), kaufmann::Error> {
/// use kaufmann::publish::MemoryPublisher;
/// use kaufmann::registry::EmbeddedRegistry;
///
/// let (source, feed) = kaufmann::source::memory();
/// let finished = kaufmann::Runtime::<Accounts>::builder(())
///     .source(source)
///     .publisher(MemoryPublisher::new())
///     .registry(EmbeddedRegistry::new())
///     .run(async { _ = tokio::signal::ctrl_c().await })
///     .await?;
/// assert!(finished.drained);
/// # drop(feed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runtime<V>(std::marker::PhantomData<V>);

impl<V: Service> Runtime<V> {
    /// Begins with the state that the handlers share.
    pub fn builder(state: V::State) -> Builder<V> {
        Self::builder_of(Arc::new(state))
    }

    /// Begins with a state that somebody else looks at too.
    pub(crate) fn builder_of(state: Arc<V::State>) -> Builder<V> {
        Builder {
            state,
            config: Config::default(),
            source: None,
            publisher: None,
            registry: None,
            observer: None,
            handle: Handle::new(),
            simulation: None,
        }
    }
}

/// What a service runs on.
pub struct Builder<V: Service> {
    state: Arc<V::State>,
    config: Config,
    source: Option<Box<dyn Source>>,
    publisher: Option<Arc<dyn Publisher>>,
    registry: Option<Arc<dyn SchemaRegistry>>,
    observer: Option<Arc<dyn Observer>>,
    handle: Handle,
    simulation: Option<Simulation>,
}

/// How a service ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// Records that were settled.
    pub settled: u64,
    /// Those of them that no handler took.
    pub unwanted: u64,
    /// Whether everything that ran was finished before the deadline, and its offsets committed.
    pub drained: bool,
    /// What still ran at the deadline, one line each.
    pub blocked: Vec<String>,
}

impl<V: Service> Builder<V> {
    /// Sets bounds, deadlines and topics. Without it everything has its default.
    #[must_use]
    pub fn config(mut self, config: &Config) -> Self {
        self.config = config.clone();
        self
    }

    /// Sets where records come from. Required.
    #[must_use]
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Sets where events go. Required.
    #[must_use]
    pub fn publisher(mut self, publisher: impl Publisher) -> Self {
        self.publisher = Some(Arc::new(publisher));
        self
    }

    /// Sets where schemas are known by their ids. Required.
    #[must_use]
    pub fn registry(mut self, registry: impl SchemaRegistry) -> Self {
        self.registry = Some(Arc::new(registry));
        self
    }

    /// Sets who is told what becomes of each record.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Lets a handle steer the service besides `shutdown`.
    #[must_use]
    pub fn handle(mut self, handle: &Handle) -> Self {
        self.handle = handle.clone();
        self
    }

    /// Lets a simulation move the service.
    #[doc(hidden)]
    #[must_use]
    pub fn simulation(mut self, simulation: Simulation) -> Self {
        self.simulation = Some(simulation);
        self
    }

    /// Runs until `shutdown` is ready, then finishes what runs. Must be called within a multi-thread or current-thread tokio
    /// runtime with its timer on.
    ///
    /// If the future is dropped, the service ends at once: its handlers are dropped where they wait, what is settled is
    /// committed, and the group is left.
    ///
    /// # Errors
    ///
    /// If a value of the configuration is out of the bounds that hold for it in a file, a part is missing, an event's schema does not read a locked version that its compatibility level promises, an event
    /// that handlers return has no topic or is not in the registry, the source fails, or a handler asks the service to stop.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<Finished, Error> {
        let Self {
            state,
            config,
            source,
            publisher,
            registry,
            observer,
            handle,
            simulation,
        } = self;
        config.check_bounds()?;
        known_handlers::<V>(&config)?;
        let missing = |part| Error::new(ErrorKind::Configuration, format!("the runtime has no {part}"));
        let mut source = source.ok_or_else(|| missing("source"))?;
        let publisher = publisher.ok_or_else(|| missing("publisher"))?;
        let registry = registry.ok_or_else(|| missing("registry"))?;

        let tombstones = Tombstones::new(V::HANDLERS, &config)?;
        let schemas = Arc::new(Schemas::new(registry, V::HANDLERS).recheck(config.registry.recheck));
        schemas.read_locked()?;
        let (waker, driver) = Driver::new(simulation);
        let control = Arc::new(Control::new(waker.clone(), handle.clone()));
        let looking = Arc::clone(&publisher);
        let settlements = Arc::new(Settlements::new(waker.clone()));
        let stage = stage(&config, &publisher, &settlements)?;
        let wall_clock = driver.simulation().map_or_else(WallClock::default, wall_clock);
        let outbound = Outbound::new(
            &config,
            publisher,
            stage,
            Arc::clone(&schemas),
            Arc::clone(&control),
            wall_clock,
        );
        know_emitted::<V>(&outbound, config.on_failure).await?;

        let shards = driver.simulation().map_or_else(
            || tokio::runtime::Handle::current().metrics().num_workers().max(1) * SHARDS_PER_WORKER,
            |simulation| simulation.shards,
        );
        let link = Arc::new(Link {
            handlers: V::HANDLERS,
            schemas,
            tombstones,
            outbound: Arc::clone(&outbound),
            settlements,
            control,
            permits: Arc::new(Pool::new(config.max_in_flight.max(1), shards)),
            delivery: config.delivery,
            is_replay: config.mode() == Mode::Replay,
            commits_ahead: match config.delivery {
                Delivery::AtLeastOnce => config.commit_ahead,
                Delivery::AtMostOnce => false,
                Delivery::ExactlyOnce => true,
            },
            retry: config.retry.clone(),
            policies: V::HANDLERS
                .iter()
                .map(|entry| Policy::new(entry, &config, shards))
                .collect(),
            on_failure: config.on_failure,
            rules: Rules::new(&config.dead_letter),
            wall_clock,
            shards,
            observer: observer.map(|observer| Arc::new(Guarded(observer)) as Arc<dyn Observer>),
        });
        source
            .start(waker)
            .map_err(|error| Error::new(ErrorKind::Start, error.to_string()))?;
        let mut shards = Shards::spawn::<V>(&link, &state, driver.simulation());
        let can_block = driver.simulation().is_none();
        if can_block {
            let own = V::HANDLERS.iter().filter_map(|entry| entry.limits.on_failure);
            let letters = own.chain([config.on_failure]).any(OnFailure::writes_dead_letters);
            let needed = topics::needed(&config, letters, &outbound, &published::<V>(config.on_failure));
            topics::say_missing(looking, &config, needed);
        }
        let mut ended = driver.spawn_poller(source, &config, &mut shards, &link)?;

        let leash = Leash(Arc::clone(&link.control));
        let shutdown = caught(async move {
            tokio::select! {
                () = shutdown => {}
                () = handle.draining() => {}
            }
        });
        let ending = shards.run_until(&mut ended, shutdown, &link.control).await;
        drop(leash);
        let Ending {
            settled,
            drained,
            end,
            blocking,
            repeats,
        } = ending;
        let blocked = if drained {
            Vec::new()
        } else {
            shards.what_runs(blocking, can_block).await
        };
        shards.end(&link.control, can_block).await;
        let drained = flush(outbound, end, can_block).await && drained;
        if let Err(panic) = catch(|| drop(state)) {
            link.control.broken("the drop of the service's state", &panic);
        }
        let unwanted = link.schemas.unwanted();
        // The program's subscriber may be what panics, and the caller is to learn how the service ended.
        _ = catch(|| match repeats.total() {
            0 => info!(settled, unwanted, drained, "stopped"),
            repeated => info!(settled, unwanted, drained, repeated, "stopped; {repeats}"),
        });
        match link.control.failure() {
            Some((kind, failure)) => Err(Error::new(kind, failure)),
            None => Ok(Finished {
                settled,
                unwanted,
                drained,
                blocked,
            }),
        }
    }
}

/// Limits of handlers that the service does not have would hold for nothing.
fn known_handlers<V: Service>(config: &Config) -> Result<(), Error> {
    let paths = || V::HANDLERS.iter().map(|entry| entry.path);
    for name in config.dead_letter.handlers.keys() {
        if !paths().any(|path| path == name) {
            let meant = kaufmann_avro::suggest::closest(name, paths()).map_or_else(
                || "name one as it stands in the service's list".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            let text = format!(
                "`dead_letter.handlers` has `{name}`, which is no handler of {}; {meant}",
                V::NAME
            );
            return Err(Error::new(ErrorKind::Configuration, text));
        }
    }
    Ok(())
}

/// What tells the time of day in a simulation: its own, or the one that was when it began.
fn wall_clock(simulation: &Simulation) -> WallClock {
    let now = || {
        (
            tokio::time::Instant::now().into_std(),
            std::time::SystemTime::now(),
        )
    };
    let (now, time) = simulation.wall_clock.unwrap_or_else(now);
    WallClock::simulated(now, time)
}

/// Where messages go, if that is to be in transactions.
fn stage(
    config: &Config,
    publisher: &Arc<dyn Publisher>,
    settlements: &Arc<Settlements>,
) -> Result<Option<Arc<Stage>>, Error> {
    if config.delivery != Delivery::ExactlyOnce {
        return Ok(None);
    }
    let stage = Stage::new(config, Arc::clone(publisher), Arc::clone(settlements));
    let none = || {
        Error::new(
            ErrorKind::Configuration,
            "`delivery` is \"exactly_once\", but this publisher has no transactions; use another, or `delivery = \"at_least_once\"`",
        )
    };
    stage.ok_or_else(none).map(Some)
}

/// What goes on outside of the future of [`Builder::run`], which ends it when it is dropped.
struct Leash(Arc<Control>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The events that leave: those of the handlers, and the one that says that a record could not be handled.
pub(crate) fn published<V: Service>(on_failure: OnFailure) -> Vec<&'static EventInfo> {
    let own = V::HANDLERS.iter().filter_map(|entry| entry.limits.on_failure);
    let says_so = |how| matches!(how, OnFailure::ErrorEvent | OnFailure::Both);
    let errors = own.chain([on_failure]).any(says_so).then_some(&ERROR);
    emitted::<V>().into_iter().chain(errors).collect()
}

/// Finds topic and schema id of every event that handlers return, so that what is missing is said at the start. A registry
/// that does not answer is no reason not to start.
async fn know_emitted<V: Service>(outbound: &Outbound, on_failure: OnFailure) -> Result<(), Error> {
    for info in published::<V>(on_failure) {
        let configuration =
            |error: crate::publish::PublishError| Error::new(ErrorKind::Configuration, error.to_string());
        let route = outbound.routes().of(info).map_err(configuration)?;
        match outbound.routes().id(&route).await {
            Ok(_) => {}
            Err(error) if error.kind() == PublishErrorKind::Registry => {
                warn!(event = info.name, %error, "starting without the id of this event's schema; it is asked for when it is needed");
            }
            Err(error) => return Err(Error::new(ErrorKind::Schema, error.to_string())),
        }
    }
    Ok(())
}

/// The tasks that run the handlers.
struct Shards {
    inboxes: Vec<Arc<Inbox>>,
    tasks: JoinSet<()>,
}

impl Shards {
    fn spawn<V: Service>(link: &Arc<Link>, state: &Arc<V::State>, simulation: Option<&Simulation>) -> Self {
        let inboxes: Vec<Arc<Inbox>> = (0..link.shards).map(|_| Arc::default()).collect();
        let mut tasks = JoinSet::new();
        for (number, inbox) in inboxes.iter().enumerate() {
            let state = State::new(Arc::clone(state), Some(Box::new(Arc::clone(link))));
            let shard = Shard::new(number, Arc::clone(link), Arc::clone(inbox), state, attempt::<V>);
            // A shard has a time slice of its own; tokio's budget would cut handlers short that touch many of its resources.
            match simulation {
                None => tasks.spawn(tokio::task::unconstrained(shard)),
                Some(simulation) => tasks.spawn(tokio::task::unconstrained(simulation.interleave(shard))),
            };
        }
        Self { inboxes, tasks }
    }

    /// What runs, one line each. A shard that is busy in a handler that never yields cannot answer: `blocking` says what that is.
    async fn what_runs(&self, blocking: Vec<(usize, String)>, can_block: bool) -> Vec<String> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for inbox in &self.inboxes {
            inbox.send(Command::Report(sender.clone()));
        }
        drop(sender);
        let mut silent: BTreeSet<usize> = (0..self.inboxes.len()).collect();
        let mut lines = Vec::new();
        let collect = async {
            while let Some((shard, of_shard)) = receiver.recv().await {
                silent.remove(&shard);
                lines.extend(of_shard);
            }
        };
        if within(REPORT_PATIENCE, can_block, collect).await.is_none() {
            let is_silent = |(shard, _): &(usize, String)| silent.contains(shard);
            let before = lines.len();
            lines.extend(blocking.into_iter().filter(is_silent).map(|(_, line)| line));
            if lines.len() == before {
                lines.push(format!(
                    "{} shards do not answer, and no handler runs in them",
                    silent.len()
                ));
            }
            lines.push("and what waits behind these".to_owned());
        }
        lines
    }

    /// Waits for the end of the poller, and tells it when it is time to end. No shard ends before that.
    ///
    /// All of it is done here, not in tasks: handlers may block every worker of the runtime.
    async fn run_until(
        &mut self,
        ended: &mut oneshot::Receiver<Result<Ending, Panic>>,
        shutdown: impl Future<Output = Result<(), Panic>>,
        control: &Control,
    ) -> Ending {
        let mut shutdown = std::pin::pin!(shutdown.fuse());
        loop {
            let ending = tokio::select! {
                biased;
                ending = &mut *ended => ending,
                asked = &mut shutdown, if !shutdown.is_terminated() => {
                    match asked {
                        Ok(()) => control.stop(),
                        Err(panic) => control.broken("the future that says when to shut down", &panic),
                    }
                    continue;
                }
                Some(joined) = self.tasks.join_next() => {
                    say_ended(joined, control);
                    continue;
                }
            };
            let nothing = Ending {
                settled: 0,
                drained: false,
                end: tokio::time::Instant::now().into_std(),
                blocking: Vec::new(),
                repeats: Repeats::default(),
            };
            return match ending {
                Ok(Ok(ending)) => ending,
                Ok(Err(panic)) => {
                    control.broken("the poller", &panic);
                    nothing
                }
                Err(_) => {
                    control.fail(ErrorKind::Internal, "the poller ended without a word".to_owned());
                    nothing
                }
            };
        }
    }

    async fn end(mut self, control: &Control, can_block: bool) {
        for inbox in &self.inboxes {
            inbox.send(Command::End);
        }
        let all = async {
            while let Some(joined) = self.tasks.join_next().await {
                if joined.is_err() {
                    say_ended(joined, control);
                }
            }
        };
        _ = within(REPORT_PATIENCE, can_block, all).await;
    }
}

/// The task of a shard is over, and nobody has told it to end, or it panicked when it was dropped.
fn say_ended(joined: Result<(), JoinError>, control: &Control) {
    match joined.map_err(JoinError::try_into_panic) {
        Err(Ok(payload)) => control.broken("a shard's task", &Panic::of(payload)),
        Ok(()) | Err(Err(_)) => {
            control.fail(ErrorKind::Internal, "a shard's task ended by itself".to_owned());
        }
    }
}

/// Lets leave what handlers published besides; everything that a settlement depended on has left already. `false` if something
/// did not.
async fn flush(outbound: Arc<Outbound>, end: Instant, can_block: bool) -> bool {
    let now = tokio::time::Instant::now().into_std();
    let patience = end.saturating_duration_since(now).clamp(LEAST_FLUSH, MOST_FLUSH);
    let flushed = if can_block {
        let flush = move || outbound.flush(patience);
        tokio::task::spawn_blocking(flush).await.unwrap_or(false)
    } else {
        outbound.flush(patience)
    };
    if !flushed {
        warn!(
            "some messages did not leave before the end; their records are unsettled and will be handled again"
        );
    }
    flushed
}
