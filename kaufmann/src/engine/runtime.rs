//! Runs a service: connects its parts, starts them in the order in which records flow, and stops them in reverse order.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::assignment::Settlements;
use crate::assignment::limit::Rules;
use crate::base::control::{Control, Handle};
use crate::base::error::{Error, ErrorKind};
use crate::base::panics::{Panic, catch, caught};
use crate::base::wall_clock::WallClock;
use crate::config::{Config, Delivery, Mode};
use crate::engine::link::Link;
use crate::engine::policy::Policy;
use crate::engine::poller::{Ending, Repeats};
use crate::engine::pool::Pool;
use crate::engine::simulation::Simulation;
use crate::handler::Service;
use crate::handler::observer::{Guarded, Observer};
use crate::publish::{Outbound, Publisher, Stage};
use crate::schema::registry::SchemaRegistry;
use crate::schema::tombstones::Tombstones;
use crate::schema::writers::Schemas;
use crate::source::{Source, Waker};

mod checks;
mod driver;
mod shards;
mod timeout;
mod topics;

pub(crate) use checks::published;
use checks::{check_events, check_handler_names};
use driver::Driver;
use shards::Shards;

/// More shards than threads let tokio even out their load.
const SHARDS_PER_WORKER: usize = 2;
/// Bounds on the last flush, which otherwise gets what is left of the shutdown's time.
const MIN_FLUSH: Duration = Duration::from_millis(500);
const MAX_FLUSH: Duration = Duration::from_secs(5);

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
    /// Returns a builder; the handlers share `state`.
    pub fn builder(state: V::State) -> Builder<V> {
        Self::builder_of(Arc::new(state))
    }

    /// Returns a builder for a state that the caller keeps a reference to.
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

/// Configures and runs a service.
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
    /// How many records were settled.
    pub settled: u64,
    /// How many of them have no handler.
    pub unwanted: u64,
    /// Whether all handlers finished before the deadline and their offsets were committed.
    pub drained: bool,
    /// What was still running at the deadline, one line each.
    pub blocked: Vec<String>,
}

impl<V: Service> Builder<V> {
    /// Sets bounds, deadlines and topics. Default: [`Config::default`].
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

    /// Sets the registry that knows the schemas by id. Required.
    #[must_use]
    pub fn registry(mut self, registry: impl SchemaRegistry) -> Self {
        self.registry = Some(Arc::new(registry));
        self
    }

    /// Sets an observer that is called with the result of each record.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets a handle that controls the service in addition to `shutdown`.
    #[must_use]
    pub fn handle(mut self, handle: &Handle) -> Self {
        self.handle = handle.clone();
        self
    }

    /// Runs the service in a simulation.
    #[doc(hidden)]
    #[must_use]
    pub fn simulation(mut self, simulation: Simulation) -> Self {
        self.simulation = Some(simulation);
        self
    }

    /// Runs until `shutdown` is ready, then finishes the records in flight. Must be called within a multi-thread or current-thread
    /// tokio runtime whose timer is on.
    ///
    /// If the future is dropped, the service ends at once: pending handlers are dropped, settled offsets are committed, and the
    /// member leaves its group.
    ///
    /// # Errors
    ///
    /// If a setting is out of its bounds, a required part is missing, an event's schema does not read a locked version that its
    /// compatibility level promises, an event that handlers return has no topic or is not in the registry, the source fails, or
    /// a handler asks the service to stop.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Finished, Error> {
        self.config.check_bounds()?;
        check_handler_names::<V>(&self.config)?;
        let Required {
            mut source,
            publisher,
            registry,
        } = self.take_required()?;
        let tombstones = Tombstones::new(V::HANDLERS, &self.config)?;
        let schemas = Arc::new(Schemas::new(registry, V::HANDLERS).recheck(self.config.registry.recheck));
        schemas.read_locked()?;
        let (waker, driver) = Driver::new(self.simulation.take());
        let link = self.link(&publisher, schemas, tombstones, &waker, &driver)?;
        check_events::<V>(&link.outbound, self.config.on_failure).await?;

        let Self {
            state,
            config,
            handle,
            ..
        } = self;
        source
            .start(waker)
            .map_err(|error| Error::new(ErrorKind::Start, error.to_string()))?;
        let mut shards = Shards::spawn::<V>(&link, &state, driver.simulation());
        let can_block = driver.simulation().is_none();
        if can_block {
            let needed = topics::of_service::<V>(&config, &link.outbound);
            topics::warn_of_missing(publisher, &config, needed);
        }
        let mut poller = driver.spawn_poller(source, &config, &mut shards, &link)?;

        let abandon = AbandonOnDrop(Arc::clone(&link.control));
        let ending = shards
            .run_until_ended(&mut poller, requested(shutdown, handle), &link.control)
            .await;
        drop(abandon);

        let finished = stop(shards, ending, state, &link, can_block).await;
        match link.control.failure() {
            Some((kind, failure)) => Err(Error::new(kind, failure)),
            None => Ok(finished),
        }
    }

    /// Takes the parts that a service cannot run without.
    fn take_required(&mut self) -> Result<Required, Error> {
        let missing = |part| Error::new(ErrorKind::Configuration, format!("the runtime has no {part}"));
        Ok(Required {
            source: self.source.take().ok_or_else(|| missing("source"))?,
            publisher: self.publisher.take().ok_or_else(|| missing("publisher"))?,
            registry: self.registry.take().ok_or_else(|| missing("registry"))?,
        })
    }

    /// Connects the parts that shards, poller and publisher share.
    fn link(
        &mut self,
        publisher: &Arc<dyn Publisher>,
        schemas: Arc<Schemas>,
        tombstones: Tombstones,
        waker: &Waker,
        driver: &Driver,
    ) -> Result<Arc<Link>, Error> {
        let config = &self.config;
        let control = Arc::new(Control::new(waker.clone(), self.handle.clone()));
        let settlements = Arc::new(Settlements::new(waker.clone()));
        let stage = stage(config, publisher, &settlements)?;
        let wall_clock = driver.simulation().map_or_else(WallClock::default, wall_clock);
        let outbound = Outbound::new(
            config,
            Arc::clone(publisher),
            stage,
            Arc::clone(&schemas),
            Arc::clone(&control),
            wall_clock,
        );
        let shards = driver.simulation().map_or_else(
            || tokio::runtime::Handle::current().metrics().num_workers().max(1) * SHARDS_PER_WORKER,
            |simulation| simulation.shards,
        );
        let policy = |entry| Policy::new(entry, config, shards);
        let observer = self.observer.take();
        Ok(Arc::new(Link {
            handlers: V::HANDLERS,
            schemas,
            tombstones,
            outbound,
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
            policies: V::HANDLERS.iter().map(policy).collect(),
            on_failure: config.on_failure,
            rules: Rules::new(&config.dead_letter),
            wall_clock,
            shards,
            observer: observer.map(|observer| Arc::new(Guarded(observer)) as Arc<dyn Observer>),
        }))
    }
}

/// The parts that a service cannot run without.
struct Required {
    source: Box<dyn Source>,
    publisher: Arc<dyn Publisher>,
    registry: Arc<dyn SchemaRegistry>,
}

impl Finished {
    /// Logs the last line of a service.
    fn log(&self, repeats: &Repeats) {
        let Self {
            settled,
            unwanted,
            drained,
            ..
        } = self;
        // The program's subscriber may panic here; the caller gets the result all the same.
        _ = catch(|| match repeats.total() {
            0 => info!(settled, unwanted, drained, "stopped"),
            repeated => info!(settled, unwanted, drained, repeated, "stopped; {repeats}"),
        });
    }
}

/// Returns the wall clock of a simulation: the one that it was given, or one that starts at the present time.
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

/// Returns the stage of a service that publishes in transactions.
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

/// Waits until `shutdown` is ready or the handle requests a shutdown.
fn requested(
    shutdown: impl Future<Output = ()> + Send + 'static,
    handle: Handle,
) -> impl Future<Output = Result<(), Panic>> {
    caught(async move {
        tokio::select! {
            () = shutdown => {}
            () = handle.draining() => {}
        }
    })
}

/// Ends what runs outside of the future of [`Builder::run`] when that future is dropped.
struct AbandonOnDrop(Arc<Control>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Stops what runs after the poller: the shards, then the publisher, then the handlers' state.
async fn stop<T>(shards: Shards, ending: Ending, state: Arc<T>, link: &Link, can_block: bool) -> Finished {
    let blocked = if ending.drained {
        Vec::new()
    } else {
        shards.describe_running(ending.blocking, can_block).await
    };
    shards.end(&link.control, can_block).await;
    let drained = flush(Arc::clone(&link.outbound), ending.end, can_block).await && ending.drained;
    if let Err(panic) = catch(|| drop(state)) {
        link.control.broken("the drop of the service's state", &panic);
    }
    let finished = Finished {
        settled: ending.settled,
        unwanted: link.schemas.unwanted(),
        drained,
        blocked,
    };
    finished.log(&ending.repeats);
    finished
}

/// Waits until the messages that no settlement depended on are delivered; the others are delivered already. `false` if some are
/// not.
async fn flush(outbound: Arc<Outbound>, end: Instant, can_block: bool) -> bool {
    let now = tokio::time::Instant::now().into_std();
    let patience = end.saturating_duration_since(now).clamp(MIN_FLUSH, MAX_FLUSH);
    let flushed = if can_block {
        let flush = move || outbound.flush(patience);
        tokio::task::spawn_blocking(flush).await.unwrap_or(false)
    } else {
        outbound.flush(patience)
    };
    if !flushed {
        warn!(
            "some messages were not delivered before the end; their records are unsettled and will be handled again"
        );
    }
    flushed
}
