//! `run`: the service on a real cluster, until a signal.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
#[cfg(all(feature = "kafka", feature = "registry"))]
use crate::engine::runtime::Finished;
use crate::handler::Service;
use crate::handler::start::Started;

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) async fn run<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<(), Error> {
    use crate::publish::KafkaPublisher;
    use crate::schema::registry::RestRegistry;
    use crate::source::KafkaSource;

    let signals = super::Signals::listen(config.shutdown_deadline)?;
    let refused = |error: String| Error::new(ErrorKind::Configuration, error);
    // Cheap and without contact to anything: what is wrong with the settings is said before the state is made.
    let source = KafkaSource::new(config).map_err(|error| refused(error.to_string()))?;
    let publisher = KafkaPublisher::new(config).map_err(|error| refused(error.to_string()))?;
    let registry = RestRegistry::new(&config.registry)?;
    let state = super::state::<V, R>(config, start, &signals).await?;
    tracing::info!(
        service = V::NAME,
        group = config.group,
        topics = config.topics.join(","),
        brokers = config.brokers.join(","),
        registry = registry.url(),
        "started"
    );
    super::stranded::warn_of(config);
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

#[cfg(not(all(feature = "kafka", feature = "registry")))]
pub(super) async fn run<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<(), Error> {
    let signals = super::Signals::listen(config.shutdown_deadline)?;
    super::state::<V, R>(config, start, &signals).await?;
    let missing =
        "`run` needs kaufmann's features `kafka` and `registry`, without which this program is built";
    Err(Error::new(ErrorKind::Start, missing))
}

/// A schema that is missing or does not fit stops a service only at its start: later, what needs it waits.
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(crate) fn at_start<V: Service>(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Schema => {
            Error::new(ErrorKind::Start, format!("{} could not start", V::NAME)).caused_by(error)
        }
        _ => error,
    }
}

/// Whether a service ended as it should.
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(crate) fn verdict(config: &Config, finished: &Finished) -> Result<(), Error> {
    if finished.drained {
        return Ok(());
    }
    let mut text = format!(
        "`shutdown_deadline` ({}) passed with work unfinished, which will be done again by the next instance",
        humantime::format_duration(config.shutdown_deadline)
    );
    for line in &finished.blocked {
        text.push_str("\n  ");
        text.push_str(line);
    }
    Err(Error::new(ErrorKind::Unfinished, text))
}
