//! A service on one thread and a paused clock, with handlers that behave as a test sets.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Waker};
use std::time::Duration;

use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::{__private::Simulation, Config, Context, Error, Event, Failure, Finished, handler, service};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::events::test::{Numbered, NumberedRef};
use crate::source::{Item, Log};

/// How handlers behave.
#[derive(Clone)]
pub(crate) struct Work {
    /// How long a handler blocks its thread.
    pub(crate) burns: Duration,
    /// How long the handler of the record at an offset then waits; zero: not at all.
    pub(crate) takes: fn(i64) -> Duration,
    /// Called with the offset when a handler has ended.
    pub(crate) ended: Arc<dyn Fn(i64) + Send + Sync>,
}

#[handler(event = "test.numbered")]
async fn numbered(event: NumberedRef<'_>, cx: &Context<Work>) -> Result<(), Failure> {
    if !cx.state.burns.is_zero() {
        // The first poll advances the clock; a rest would only yield.
        let burnt = pin!(tokio::time::advance(cx.state.burns));
        _ = burnt.poll(&mut task::Context::from_waker(Waker::noop()));
    }
    let time = (cx.state.takes)(event.number);
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    (cx.state.ended)(event.number);
    Ok(())
}

service! {
    /// Blocks, waits, and reports its end.
    pub(crate) struct Busy {
        state: Work,
        handlers: [numbered],
    }
}

/// A running service.
pub(crate) struct Load {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) log: Log,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Finished, Error>>,
}

impl Load {
    pub(crate) fn start(config: &Config, work: Work, make: fn(i64) -> Item) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let registry = EmbeddedRegistry::new();
        let schema = registry
            .add(Numbered::INFO.full_name, Numbered::INFO.schema)
            .unwrap();
        let log = Log::new(schema, make);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = kaufmann::Runtime::<Busy>::builder(work)
            .config(config)
            .source(log.clone())
            .publisher(MemoryPublisher::new())
            .registry(registry)
            .simulation(Simulation {
                shards: 4,
                hash_seed: 7,
                others_first: Arc::new(|| false),
                wall_clock: None,
            })
            .run(async { _ = stopped.await });
        let running = runtime.spawn(service);
        Self {
            runtime,
            log,
            stop,
            running,
        }
    }

    /// Runs the service until the condition holds.
    pub(crate) fn until(&self, is_so: impl Fn() -> bool) {
        self.runtime.block_on(async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    /// Runs it for this many more records, and then idle for a second.
    pub(crate) fn handle(&self, records: i64) {
        self.log.write(records);
        self.until(|| self.log.is_done());
        self.runtime
            .block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
    }

    pub(crate) fn stop(self) {
        self.stop.send(()).unwrap();
        let finished = self.runtime.block_on(self.running).unwrap().unwrap();
        assert!(finished.drained);
    }
}
