//! Options that several commands have.

use clap::{Arg, ArgAction, ArgMatches};

#[cfg(feature = "kafka")]
use crate::config::check::{TOPIC, is_topic};

/// `--format text|json`.
pub(in crate::cli) fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("How to print what came of it")
}

/// Whether it is to be JSON.
pub(in crate::cli) fn is_json(matches: &ArgMatches) -> bool {
    matches
        .get_one::<String>("format")
        .is_some_and(|format| format == "json")
}

/// `--dev`.
pub(in crate::cli) fn dev(help: &'static str) -> Arg {
    Arg::new("dev")
        .long("dev")
        .action(ArgAction::SetTrue)
        .help(help)
        // Without the feature there is no such command.
        .hide(cfg!(not(feature = "dev")))
}

/// Whether it is for the `dev` that runs in this folder.
pub(in crate::cli) fn is_dev(matches: &ArgMatches) -> bool {
    matches.get_flag("dev")
}

/// A topic's name.
#[cfg(feature = "kafka")]
pub(in crate::cli) fn topic(text: &str) -> Result<String, String> {
    is_topic(text)
        .then(|| text.to_owned())
        .ok_or_else(|| format!("no topic's name; expected {TOPIC}"))
}

/// A duration such as `2s`.
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(in crate::cli) fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}
