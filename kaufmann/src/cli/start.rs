//! Calls the service's `start`, which creates its state.

use super::signals::Signals;
use crate::base::error::{Error, ErrorKind};
use crate::base::panics::caught;
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

/// Calls `start`, unless a signal comes first.
pub(super) async fn state<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
    signals: &Signals,
) -> Result<V::State, Error> {
    let starting = caught(async { start(config).await.started() });
    let started = tokio::select! {
        started = starting => started.unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into())),
        () = signals.first() => signals.end_at_once("stopped before the service had started"),
    };
    started.map_err(|error| {
        // A `start` that refuses its settings has a configuration error, not one of the environment.
        let kind = match error.downcast_ref::<Error>() {
            Some(known) if known.kind() == ErrorKind::Configuration => ErrorKind::Configuration,
            _ => ErrorKind::Start,
        };
        Error::new(kind, format!("{} could not start", V::NAME)).caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Report;
    use crate::cli::runtime::block_on;

    struct Nothing;

    impl Service for Nothing {
        type State = ();
        const NAME: &'static str = "Nothing";
        const HANDLERS: &'static [crate::HandlerEntry] = &[];

        async fn dispatch(_: u32, _: &crate::Context<()>) -> crate::Outcome {
            crate::Outcome::done()
        }
    }

    #[test]
    fn a_start_that_panics_is_an_error_of_the_start() {
        let config = Config::default();
        let start = async |_: &Config| -> Result<(), String> { panic!("no database") };
        let starting = async {
            let signals = Signals::end_at_first()?;
            state::<Nothing, _>(&config, start, &signals).await
        };
        let error = block_on(&config, starting).unwrap_err();
        let shown = "error: Nothing could not start\n  caused by: it panicked: no database";
        assert_eq!(
            (error.kind().code(), Report(&error).to_string().as_str()),
            (69, shown)
        );
    }
}
