//! Logs to standard error: readable lines on a terminal, JSON elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::base::error::{Error, ErrorKind};
use crate::config::{LogConfig, LogFormat};

/// The default log filter.
pub(crate) const DEFAULT_FILTER: &str = "info";

/// Sends all logs of the process to standard error. A subscriber that the program has set itself is kept.
pub(crate) fn init(config: &LogConfig, default: &str) -> Result<(), Error> {
    let filter = filter(config, default)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Otherwise a failed write would be reported by another write to standard error, which panics when that fails too.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // Setting it fails only if there is one already.
    _ = if is_human(config.format, std::io::stderr().is_terminal()) {
        let coloured =
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        builder.with_ansi(coloured).with_target(true).finish().try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .try_init()
    };
    Ok(())
}

fn filter(config: &LogConfig, default: &str) -> Result<EnvFilter, Error> {
    let text = config.filter.as_deref().unwrap_or(default);
    EnvFilter::try_new(text).map_err(|error| {
        let text = crate::config::without_credentials(text);
        let text = format!("`log.filter` is \"{text}\", expected a filter such as \"info,my_service=debug\"");
        Error::new(ErrorKind::Configuration, text).caused_by(error.to_string())
    })
}

/// Checks a log filter. The error is why it is invalid.
pub(crate) fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn is_human(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_human_readable_on_a_terminal_and_json_elsewhere_unless_a_format_is_set() {
        assert!(is_human(LogFormat::Auto, true) && !is_human(LogFormat::Auto, false));
        assert!(is_human(LogFormat::Human, false) && !is_human(LogFormat::Json, true));
    }

    #[test]
    fn the_error_of_an_invalid_filter_names_its_key() {
        let config = LogConfig {
            filter: Some("a=b=c".to_owned()),
            ..LogConfig::default()
        };
        let error = filter(&config, DEFAULT_FILTER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(
            error
                .to_string()
                .starts_with("`log.filter` is \"a=b=c\", expected a filter")
        );
        assert!(filter(&LogConfig::default(), DEFAULT_FILTER).is_ok());
    }
}
