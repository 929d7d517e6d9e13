//! Real servers for tests: Apache Kafka and a registry as child processes, a foreign producer and consumer, and the service
//! under test as the binary that a user would run.
//!
//! [`Rig`] starts one Kafka and one registry when the first test asks for them. Whatever is started is ended by its process
//! id: on drop, by [`Rig::end`], and, if this process dies, by a guard ([`process`]).

mod client;
mod datum;
mod fetch;
pub mod foreign;
mod kafka;
pub mod process;
mod proxy;
mod registry;
pub mod service;
mod tcp;
mod wait;

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};

use crate::chaos;

pub use client::{Client, Offsets, OpenTransaction, Record};
pub use datum::Datum;
pub use foreign::Foreign;
pub use kafka::{Cluster, Door, Kafka, PASSWORD};
pub use proxy::{Fault, FaultProxy};
pub use registry::Registry;
pub use service::{Running, Service};
pub use tcp::{Network, TcpProxy};
pub use wait::wait_until;

/// What the tests of one binary share.
#[derive(Default)]
pub struct Rig {
    shared: Mutex<Shared>,
    guarded: Mutex<Option<Arc<Kafka>>>,
}

/// The users of [`Rig::guarded`].
pub const USERS: [&str; 4] = ["nobody", "viewer", "reader", "clerk"];

#[derive(Default)]
enum Shared {
    #[default]
    NotStarted,
    Running(Arc<Servers>),
    /// The first test that needed the servers says why; so do all the others.
    Failed(String),
    Ended,
}

/// The servers that all tests share; each test makes topics and groups of its own.
pub struct Servers {
    /// The broker.
    pub kafka: Kafka,
    /// The registry.
    pub registry: Registry,
    /// The producer and the consumer that are not ours.
    pub foreign: Foreign,
}

impl Rig {
    /// The shared servers, started if they are not.
    ///
    /// # Errors
    ///
    /// If a tool is missing, a download fails or a server does not come up; the same error for every test.
    pub fn servers(&self) -> Result<Arc<Servers>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*shared, Shared::NotStarted) {
            *shared = match Servers::start() {
                Ok(servers) => Shared::Running(Arc::new(servers)),
                Err(error) => Shared::Failed(format!("{error:#}")),
            };
        }
        match &*shared {
            Shared::Running(servers) => Ok(servers.clone()),
            Shared::Failed(why) => Err(anyhow!("the servers did not start: {why}")),
            Shared::NotStarted | Shared::Ended => Err(anyhow!("the servers have been ended")),
        }
    }

    /// A broker of its own for tests of what users may do, shared by those, started if it is not: [`USERS`] may nothing yet.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn guarded(&self) -> Result<Arc<Kafka>> {
        let mut guarded = self.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kafka) = &*guarded {
            return Ok(Arc::clone(kafka));
        }
        let kafka = Arc::new(Kafka::start_with_users(&USERS)?);
        *guarded = Some(Arc::clone(&kafka));
        Ok(kafka)
    }

    /// Ends the shared servers. Call it when no test runs any more.
    pub fn end(&self) {
        drop(self.guarded.lock().unwrap_or_else(PoisonError::into_inner).take());
        let shared = std::mem::replace(
            &mut *self.shared.lock().unwrap_or_else(PoisonError::into_inner),
            Shared::Ended,
        );
        drop(shared);
    }
}

impl Servers {
    fn start() -> Result<Self> {
        let cache = fetch::fetch()?;
        let kafka = Kafka::start_from(&cache)?;
        let registry = Registry::start_from(&cache)?;
        let foreign = Foreign::compile(&cache, &kafka.folder().join("foreign"))?;
        Ok(Self {
            kafka,
            registry,
            foreign,
        })
    }

    /// A client of the broker.
    ///
    /// # Errors
    ///
    /// If librdkafka refuses its settings.
    pub fn client(&self) -> Result<Client> {
        self.kafka.client()
    }
}

/// The folder of this package.
fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The class path of a folder of jars.
fn jars(folder: &Path) -> PathBuf {
    folder.join("*")
}

/// A Java program that starts fast and lives briefly, with a heap such as `512m`. What its libraries unpack is put into this folder:
/// one that is killed removes nothing.
fn java(heap: &str, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .arg(format!("-Xmx{heap}"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"])
        .arg(format!("-Djava.io.tmpdir={}", folder.display()))
        .stdin(Stdio::null());
    command
}

/// A loopback port that was free a moment ago, from below those that systems give to connections: nobody who connects in vain while
/// its server is away can be given it, and keep the server from coming back.
///
/// # Errors
///
/// If none was found.
pub fn free_port() -> Result<u16> {
    let mut dice = chaos::Dice::new(RandomState::new().hash_one(0));
    for _ in 0..1000 {
        let port = u16::try_from(dice.between(15_000, 31_999))?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("found no free port in a thousand attempts"))
}

/// Runs one future to its end on this thread.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
