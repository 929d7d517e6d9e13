//! Runs the poller: on a thread of its own, or in a simulation.

use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use foldhash::SharedSeed;
use tokio::sync::{Notify, oneshot};

use super::shards::Shards;
use crate::base::error::{Error, ErrorKind};
use crate::base::panics::{Panic, catch};
use crate::config::Config;
use crate::engine::link::Link;
use crate::engine::poller::{Ending, LaneHasher, Poller, Transacting};
use crate::engine::simulation::{Simulation, notifying};
use crate::source::{Source, Waker};

/// What runs the poller.
pub(super) enum Driver {
    /// A thread of its own.
    Thread(Arc<OnceLock<Thread>>),
    /// A simulation's task.
    Simulation(Simulation, Arc<Notify>),
}

impl Driver {
    /// Returns what wakes the poller and what runs it.
    pub(super) fn new(simulation: Option<Simulation>) -> (Waker, Self) {
        if let Some(simulation) = simulation {
            let (waker, woken) = notifying();
            (waker, Self::Simulation(simulation, woken))
        } else {
            let (waker, thread) = parking();
            (waker, Self::Thread(thread))
        }
    }

    /// The simulation, if there is one.
    pub(super) fn simulation(&self) -> Option<&Simulation> {
        match self {
            Self::Thread(_) => None,
            Self::Simulation(simulation, _) => Some(simulation),
        }
    }

    /// Starts the poller, and returns where it sends how it ended.
    pub(super) fn spawn_poller(
        self,
        source: Box<dyn Source>,
        config: &Config,
        shards: &mut Shards,
        link: &Link,
    ) -> Result<oneshot::Receiver<Result<Ending, Panic>>, Error> {
        let hasher = match self.simulation() {
            Some(simulation) => LaneHasher::with_seed(simulation.hash_seed, SharedSeed::global_fixed()),
            None => LaneHasher::random(),
        };
        let (inboxes, control) = (shards.inboxes.clone(), Arc::clone(&link.control));
        let settlements = Arc::clone(&link.settlements);
        let now = tokio::time::Instant::now().into_std();
        let waker = settlements.waker();
        let mut poller = Poller::new(source, config, inboxes, settlements, control, hasher, now);
        poller = poller
            .with_wall_clock(link.wall_clock)
            .with_handlers(link.handlers);
        if let Some(stage) = link.outbound.stage() {
            poller = poller.in_transactions(Transacting::new(config, Arc::clone(stage), waker, now));
        }
        let (sender, receiver) = oneshot::channel();
        match self {
            Self::Thread(parker) => {
                let run = move || {
                    parker.get_or_init(std::thread::current);
                    _ = sender.send(catch(|| poller.run()));
                };
                std::thread::Builder::new()
                    .name("kaufmann-poller".into())
                    .spawn(run)
                    .map_err(|error| {
                        Error::new(ErrorKind::Start, "the poller thread could not be started")
                            .caused_by(error)
                    })?;
            }
            Self::Simulation(simulation, woken) => {
                shards.tasks.spawn(async move {
                    _ = sender.send(Ok(simulation.run(poller, woken).await));
                });
            }
        }
        Ok(receiver)
    }
}

/// Returns a waker for a thread that is started later.
fn parking() -> (Waker, Arc<OnceLock<Thread>>) {
    let thread: Arc<OnceLock<Thread>> = Arc::default();
    let started = Arc::clone(&thread);
    let waker = Waker::new(move || {
        // Before the thread runs there is nothing to wake: its first turn looks at everything.
        if let Some(thread) = started.get() {
            thread.unpark();
        }
    });
    (waker, thread)
}
