//! A foreign member of the group: it takes partitions, handles nothing, commits nothing, and leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::scene::Scene;

/// How long a visit waits for partitions.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Its session timeout in milliseconds, if it does not leave.
const SESSION: u32 = 3000;

/// A member that joins and leaves again and again.
pub(crate) struct Rival {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    stays: AtomicUsize,
    partitions: AtomicUsize,
}

impl Rival {
    /// Starts; each stay in the scene's group lasts this long.
    pub(crate) fn start(scene: &Scene, stay: Duration) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", scene.cluster.brokers())
            .set("group.id", &scene.group)
            .set("enable.auto.commit", "false");
        for (name, value) in scene.protocol.properties(SESSION) {
            config.set(name, value);
        }
        let shared = Arc::new(Shared::default());
        let (own, topic) = (Arc::clone(&shared), scene.topic.clone());
        let thread = std::thread::Builder::new().name("rival".into()).spawn(move || {
            while !own.stop.load(Ordering::SeqCst) {
                visit(&config, &topic, stay, &own)?;
            }
            Ok(())
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// How often it has joined so far.
    pub(crate) fn stays(&self) -> usize {
        self.shared.stays.load(Ordering::SeqCst)
    }

    /// Leaves for good, and returns how often it joined and how many partitions it got.
    pub(crate) fn end(mut self) -> Result<(usize, usize)> {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("the rival panicked"))??;
        }
        Ok((self.stays(), self.shared.partitions.load(Ordering::SeqCst)))
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Only `end` needs its error.
            let _ = thread.join();
        }
    }
}

/// Joins and leaves. Every other visit lasts until it has partitions, and the stay begins then; the other visits end in
/// the middle of a rebalance.
fn visit(config: &ClientConfig, topic: &str, stay: Duration, shared: &Shared) -> Result<()> {
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[topic])?;
    let number = shared.stays.fetch_add(1, Ordering::SeqCst);
    let waits = number.is_multiple_of(2);
    let patience = Instant::now() + LONGEST_WAIT;
    let mut until = Instant::now() + stay;
    let mut held = 0;
    while Instant::now() < until && !shared.stop.load(Ordering::SeqCst) {
        // Its records are not handled, and stay uncommitted for the next owner.
        drop(consumer.poll(Duration::from_millis(20)));
        if held == 0 {
            held = consumer.assignment()?.count();
            if waits && Instant::now() < patience {
                until = Instant::now() + stay;
            }
        }
    }
    shared.partitions.fetch_add(held, Ordering::SeqCst);
    Ok(())
}
