//! The command line of `dlq`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::select::{Selection, id};
use super::{Request, Task};
use crate::cli::codes::{self, Codes};
use crate::cli::options;

/// What its exit codes mean.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "done"),
    (
        1,
        "some letters that were meant could not be sent back, and are still open",
    ),
    (
        2,
        "the command line is wrong, or names a letter that is not open; nothing was done",
    ),
    (69, "the cluster could not be asked"),
    (
        70,
        "failed on the way, or the registry could not be asked; the same command goes on",
    ),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the same command goes on",
    ),
];

const ABOUT: &str = "\
The service's dead letters: records that could not be handled, with why, in the topic `dead_letter.topic`.

A letter is open until it is sent back or discarded. Which ones are not any more is kept as committed offsets of a group of its \
own (the topic's name and `.dealt-with`); the letters themselves stay in the topic until its retention deletes them.

  At three in the morning:  `dlq list`, `dlq show --max 1`, mend what is broken, `dlq replay --all`";

const SELECTION: &str = "Which letters";

/// The command and those below it.
pub(in crate::cli::cluster) fn command() -> Command {
    let commands = [
        Command::new("list").about("The open letters, grouped by handler and error"),
        selecting(Command::new("show").about("Letters whole: what failed, where it came from, what happened before, the payload decoded"))
            .arg(Arg::new("raw").long("raw").action(ArgAction::SetTrue).help("Do not decode payloads; asks no registry")),
        acting(selecting(Command::new("replay").about("Sends letters back to the topic and the partition where they came from").long_about(
            "Sends letters back to the topic and the partition where they came from, with their keys and headers, in their order. A \
             letter counts as dealt with once the broker has the record. What comes back carries where it was a letter and why \
             (`kaufmann-replayed-from`, `kaufmann-history`), so that `dlq list` tells a second failure.\n\nIf it is killed in the \
             middle, the same command goes on; what was sent in its last second may then be sent once more, with the same \
             `ce_id`.",
        ))),
        acting(selecting(Command::new("discard").about("Gives letters up: they are not open any more"))),
    ];
    let common = |command: Command| {
        command
            .after_help(codes::help(CODES))
            .arg(options::format())
            .arg(options::dev("Ask the `dev` that runs in this folder"))
    };
    Command::new("dlq")
        .about("The dead letters: list them, look at them, send them back, give them up")
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
                .help("The letters, by their places in the dead-letter topic"),
        )
        .arg(many(
            "event",
            "EVENT",
            "Only letters of this event, and others named so",
        ))
        .arg(many(
            "handler",
            "HANDLER",
            "Only letters of this handler, and others named so",
        ))
        .arg(many(
            "key",
            "KEY",
            "Only letters with this key, and others named so",
        ))
        .arg(
            many(
                "error",
                "TEXT",
                "Only letters whose error has this in it, and others named so",
            )
            // Every error has an empty text in it.
            .value_parser(NonEmptyStringValueParser::new()),
        )
        .arg(
            Arg::new("max")
                .long("max")
                .value_name("LETTERS")
                .value_parser(value_parser!(u64).range(1..))
                .help_heading(SELECTION)
                .help("At most so many"),
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
                .help("All open letters"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Only say what would be done"),
        )
}

/// What the command line asks for.
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
