//! `run` in a program that is built without Kafka or the registry: calls `start`, then reports which features are missing.

use crate::base::error::{Error, ErrorKind};
use crate::cli::signals::Signals;
use crate::cli::start::state;
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

pub(super) async fn run<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<(), Error> {
    let signals = Signals::listen(config.shutdown_deadline)?;
    state::<V, R>(config, start, &signals).await?;
    let missing =
        "`run` needs kaufmann's features `kafka` and `registry`, without which this program is built";
    Err(Error::new(ErrorKind::Start, missing))
}
