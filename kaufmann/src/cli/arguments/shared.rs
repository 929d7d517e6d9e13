//! Options that several commands have.

use clap::{Arg, ArgAction, ArgMatches};

#[cfg(all(feature = "kafka", feature = "registry"))]
use crate::base::error::{Error, ErrorKind};
#[cfg(feature = "kafka")]
use crate::config::check::{TOPIC, is_topic};
#[cfg(feature = "kafka")]
use crate::config::topic::{INTERNAL, is_internal};

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

/// The keys that `--dev` sets: a flag of one of them says something else.
pub(in crate::cli) const SET_BY_DEV: [&str; 3] = ["brokers", "topics", "registry.url"];

/// `--dev` of a command that can do nothing with it, and says why ([`refuse_dev`]).
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(in crate::cli) fn no_dev() -> Arg {
    Arg::new("dev").long("dev").action(ArgAction::SetTrue).hide(true)
}

/// Refuses `--dev`, if it is asked for.
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(in crate::cli) fn refuse_dev(dev: bool, why: &str) -> Result<(), Error> {
    match dev {
        true => Err(Error::new(ErrorKind::Usage, why)),
        false => Ok(()),
    }
}

/// Whether it is for the `dev` that runs in this folder.
pub(in crate::cli) fn is_dev(matches: &ArgMatches) -> bool {
    matches.get_flag("dev")
}

/// The name of a topic to write to.
#[cfg(feature = "kafka")]
pub(in crate::cli) fn topic(text: &str) -> Result<String, String> {
    if !is_topic(text) {
        return Err(format!("no topic's name; expected {TOPIC}"));
    }
    if is_internal(text) {
        return Err(format!("it is {INTERNAL}"));
    }
    Ok(text.to_owned())
}

/// A duration such as `2s`.
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(in crate::cli) fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}
