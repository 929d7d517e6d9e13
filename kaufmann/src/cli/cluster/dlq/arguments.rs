//! The command line of `dlq`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::select::{Selection, id};
use super::{Request, Task};
use crate::cli::codes::{self, Codes};
use crate::cli::options;

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "done"),
    (
        1,
        "some selected dead letters could not be sent back, and are still open",
    ),
    (
        2,
        "the command line is wrong, or names a dead letter that is not open; nothing was done",
    ),
    (69, "the cluster is unavailable"),
    (
        70,
        "failed partway, or the registry is unavailable; the same command continues",
    ),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the same command continues",
    ),
];

const ABOUT: &str = "\
The service's dead letters: records that could not be handled, with the reason, in the topic `dead_letter.topic`.

A dead letter is open until it is sent back or discarded. That is recorded in the committed offsets of a separate group (the topic's \
name and `.dealt-with`); the dead letters themselves stay in the topic until its retention deletes them.

  At three in the morning:  `dlq list`, `dlq show --max 1`, fix the cause, `dlq replay --all`";

const SELECTION: &str = "Which dead letters";

/// The command and its subcommands.
pub(in crate::cli::cluster) fn command() -> Command {
    let commands = [
        Command::new("list").about("Lists the open dead letters, grouped by handler and error"),
        selecting(Command::new("show").about("Shows dead letters in full: the failure, the source, earlier failures, the decoded payload"))
            .arg(Arg::new("raw").long("raw").action(ArgAction::SetTrue).help("Do not decode payloads; needs no registry")),
        acting(selecting(Command::new("replay").about("Sends dead letters back to the topic and the partition where they came from").long_about(
            "Sends dead letters back to the topic and the partition where they came from, with their keys and headers, in order. A \
             dead letter counts as dealt with once the broker has the record. The record's headers `kaufmann-replayed-from` and \
             `kaufmann-history` record the dead letter and its reason, so that `dlq list` recognises a second failure.\n\nIf the command \
             is killed, run it again to continue; records of its last second may then be sent twice, with the same `ce_id`.",
        ))),
        acting(selecting(Command::new("discard").about("Marks dead letters as dealt with, without sending them back"))),
    ];
    let common = |command: Command| {
        command
            .after_help(codes::help(CODES))
            .arg(options::format())
            .arg(options::dev("Use the `dev` that runs in this folder"))
    };
    Command::new("dlq")
        .about("Lists, shows, sends back or discards dead letters")
        .long_about(ABOUT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(codes::help(CODES))
        .subcommands(commands.map(common))
}

fn selecting(command: Command) -> Command {
    let many = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .action(ArgAction::Append)
            .help_heading(SELECTION)
            .help(help)
    };
    command
        .arg(
            Arg::new("ids")
                .value_name("PARTITION@OFFSET")
                .num_args(0..)
                .value_parser(id)
                .help("Only the dead letters at these positions in the dead-letter topic"),
        )
        .arg(many(
            "event",
            "EVENT",
            "Only dead letters of this event; may be repeated",
        ))
        .arg(many(
            "handler",
            "HANDLER",
            "Only dead letters of this handler; may be repeated",
        ))
        .arg(many(
            "key",
            "KEY",
            "Only dead letters with this key; may be repeated",
        ))
        .arg(
            many(
                "error",
                "TEXT",
                "Only dead letters whose error contains this; may be repeated",
            )
            // Every error contains the empty text.
            .value_parser(NonEmptyStringValueParser::new()),
        )
        .arg(
            Arg::new("max")
                .long("max")
                .value_name("NUMBER")
                .value_parser(value_parser!(u64).range(1..))
                .help_heading(SELECTION)
                .help("At most this many"),
        )
}

fn acting(command: Command) -> Command {
    command
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["ids", "event", "handler", "key", "error"])
                .help_heading(SELECTION)
                .help("All open dead letters"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Only show what would be done"),
        )
}

/// Parses the arguments.
pub(in crate::cli::cluster) fn request(matches: &ArgMatches) -> Request {
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let flag = |name: &str| {
        matches
            .try_get_one::<bool>(name)
            .ok()
            .flatten()
            .copied()
            .unwrap_or(false)
    };
    let texts = |name: &str| {
        let values = matches.try_get_many::<String>(name).ok().flatten();
        values.unwrap_or_default().cloned().collect()
    };
    let ids = matches.try_get_many::<(i32, i64)>("ids").ok().flatten();
    Request {
        task: match name {
            "show" => Task::Show { raw: flag("raw") },
            "replay" => Task::Replay,
            "discard" => Task::Discard,
            _ => Task::List,
        },
        selection: Selection {
            ids: ids.unwrap_or_default().copied().collect(),
            events: texts("event"),
            handlers: texts("handler"),
            keys: texts("key"),
            errors: texts("error"),
            all: flag("all"),
        },
        max: matches.try_get_one("max").ok().flatten().copied(),
        dry_run: flag("dry-run"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}
