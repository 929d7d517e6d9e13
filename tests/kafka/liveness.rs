//! A handler that takes longer than the group waits for a member to poll.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Context, Failure, Handle, Runtime, handler, service};
use kaufmann_tests::rig::{Record, Rig, wait_until};

use crate::shop::DEADLINE;

crate::tests![a_handler_that_takes_longer_than_the_poll_interval_keeps_its_partition];

/// The shortest interval the broker allows, and a handler that takes twice as long.
const MAX_POLL: Duration = Duration::from_secs(6);
const NAP: Duration = Duration::from_secs(13);

type Naps = Arc<Mutex<Vec<i64>>>;

#[handler(catch_all)]
async fn nap(record: kaufmann::Record, cx: &Context<Naps>) -> Result<(), Failure> {
    cx.state
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(record.offset());
    tokio::time::sleep(NAP).await;
    Ok(())
}

service! {
    struct Sleeper {
        state: Naps,
        handlers: [nap],
    }
}

fn a_handler_that_takes_longer_than_the_poll_interval_keeps_its_partition(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic("naps", 1, &[])?;
    // A catch-all also takes a record without a payload.
    client.produce(
        "naps",
        &[Record::new(Some("k"), None), Record::new(Some("k"), None)],
    )?;

    let mut config = Config::default();
    config.brokers = vec![servers.kafka.brokers()];
    config.group = "naps".to_owned();
    config.topics = vec!["naps".to_owned()];
    for (property, time) in [
        ("max.poll.interval.ms", MAX_POLL),
        ("session.timeout.ms", MAX_POLL),
    ] {
        config
            .kafka
            .insert(property.to_owned(), time.as_millis().to_string());
    }
    let (naps, handle) = (Naps::default(), Handle::new());
    let builder = Runtime::<Sleeper>::builder(Arc::clone(&naps))
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .publisher(MemoryPublisher::new())
        .registry(EmbeddedRegistry::new())
        .handle(&handle);
    let service = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime
            .block_on(builder.run(std::future::pending()))
            .map_err(anyhow::Error::from)
    });
    let committed = client.wait_committed("naps", "naps", DEADLINE);
    handle.drain();
    wait_until("the service should end", DEADLINE, || {
        Ok(service.is_finished().then_some(()))
    })?;
    let finished = service
        .join()
        .map_err(|_| anyhow::anyhow!("the service panicked"))??;
    committed?;
    assert!(finished.drained);
    // Without the partition, its records would have begun again.
    assert_eq!(*naps.lock().unwrap_or_else(PoisonError::into_inner), [0, 1]);
    Ok(())
}
