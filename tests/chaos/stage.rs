//! Shared by all scenes: a broker and a registry that no test kills.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use kaufmann_tests::rig::{Cluster, Registry};

use crate::workload::writer_schema;

/// How many versions of the producer's schema there are.
const VERSIONS: usize = 24;
/// The number of the shared broker's proxies; each test that cuts one has its own.
const DOORS: usize = 6;

/// The shared servers, started for the first scene.
#[derive(Default)]
pub(crate) struct Stage(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    NotStarted,
    Running(Arc<Ground>),
    /// Why they did not start; every scene reports it.
    Failed(String),
    Ended,
}

/// The shared servers.
pub(crate) struct Ground {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) registry: Registry,
    /// The ids of the versions of the producer's schema.
    pub(crate) schemas: Vec<i32>,
}

impl Stage {
    pub(crate) fn ground(&self) -> Result<Arc<Ground>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::NotStarted) {
            *state = match Ground::start() {
                Ok(ground) => State::Running(Arc::new(ground)),
                Err(error) => State::Failed(format!("{error:#}")),
            };
        }
        match &*state {
            State::Running(ground) => Ok(Arc::clone(ground)),
            State::Failed(why) => Err(anyhow!("the servers did not start: {why}")),
            State::NotStarted | State::Ended => Err(anyhow!("the servers have been ended")),
        }
    }

    /// Ends the shared servers. Call it when no test runs any more.
    pub(crate) fn end(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(std::mem::replace(&mut *state, State::Ended));
    }
}

impl Ground {
    fn start() -> Result<Self> {
        let cluster = Arc::new(Cluster::start(1, DOORS)?);
        let registry = Registry::start()?;
        let register = |version| registry.register("chaos.job", &writer_schema(version));
        let schemas = (0..VERSIONS).map(register).collect::<Result<_>>()?;
        Ok(Self {
            cluster,
            registry,
            schemas,
        })
    }
}
