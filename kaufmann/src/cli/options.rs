//! Options that several commands have.

use clap::{Arg, ArgAction, ArgMatches};

/// `--format text|json`.
pub(in crate::cli) fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("The output format")
}

/// Whether the format is JSON.
pub(in crate::cli) fn is_json(matches: &ArgMatches) -> bool {
    matches
        .get_one::<String>("format")
        .is_some_and(|format| format == "json")
}

/// `--dev`. It conflicts with the flags of the keys that it sets; that is declared where they are added.
pub(in crate::cli) fn dev(help: &'static str) -> Arg {
    Arg::new("dev")
        .long("dev")
        .action(ArgAction::SetTrue)
        .help(help)
        // Without the feature there is no `dev`.
        .hide(cfg!(not(feature = "dev")))
}

/// Whether to use the `dev` that runs in this folder.
pub(in crate::cli) fn is_dev(matches: &ArgMatches) -> bool {
    matches.get_flag("dev")
}
