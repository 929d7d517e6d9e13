//! Runs the service on Kafka.

use crate::base::error::{Error, ErrorKind};
use crate::cli::cluster::ending::{at_start, verdict};
use crate::cli::cluster::stranded;
use crate::cli::signals::Signals;
use crate::cli::start::state;
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;
use crate::publish::KafkaPublisher;
use crate::schema::registry::RestRegistry;
use crate::source::KafkaSource;

pub(super) async fn run<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<(), Error> {
    let signals = Signals::listen(config.shutdown_deadline)?;
    let refused = |error: String| Error::new(ErrorKind::Configuration, error);
    // Cheap, and without any connection: wrong settings are reported before the state is created.
    let source = KafkaSource::new(config).map_err(|error| refused(error.to_string()))?;
    let publisher = KafkaPublisher::new(config).map_err(|error| refused(error.to_string()))?;
    let registry = RestRegistry::new(&config.registry)?;
    let state = state::<V, R>(config, start, &signals).await?;
    tracing::info!(
        service = V::NAME,
        group = config.group,
        topics = config.topics.join(","),
        brokers = config.brokers.join(","),
        registry = registry.url(),
        "started"
    );
    stranded::warn_of(config);
    let finished = crate::Runtime::<V>::builder(state)
        .config(config)
        .source(source)
        .publisher(publisher)
        .registry(registry)
        .run(signals.first())
        .await
        .map_err(at_start::<V>)?;
    verdict(config, &finished)
}
