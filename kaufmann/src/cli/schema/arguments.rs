//! The command line of `schema`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{Request, Task};
use crate::cli::codes::{self, Codes};
use crate::cli::options;

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "fine"),
    (1, "incompatible"),
    (
        2,
        "unknown: no lock, no registry, or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM"),
];

const ABOUT: &str = "\
Compares the schemas of this program's events with `schemas.lock` and the schema registry.

The lock is a file beside the service's Cargo.toml, committed with the schemas: it records each event's versions in the \
registry. The build fails on a change that breaks an event's compatibility level; these commands make the same check, query \
the registry as well, and keep the lock up to date.

  A change:      `schema diff`, then `schema register`, and commit schema and lock
  In CI:         `schema check`; `schema check --live` where the registry can be reached
  After others:  `schema pull`";

/// The command and its subcommands, without the configuration's flags.
// Long, because it is a list: an argument after another.
pub(super) fn command() -> Command {
    let live = |help: &'static str| {
        Arg::new("live")
            .long("live")
            .action(ArgAction::SetTrue)
            .help(help)
    };
    let commands = [
        Command::new("check")
            .about("Compares all events with the lock; --live also with the registry")
            .arg(live("Query the registry too: whether it would accept each schema, and what the lock lacks")),
        Command::new("diff")
            .about("Shows what changed since the last version, field by field, and what that means")
            .arg(Arg::new("event").value_name("EVENT").help("The event [default: all]"))
            .arg(live("Compare with the registry's last version instead of the lock's")),
        Command::new("register")
            .about("Registers the new schemas of the events that this service owns, all or none, and updates the lock")
            .long_about(
                "Registers the schemas that the registry does not have, and writes their versions and ids into the lock. An event's \
                 owner registers its schema: the service that publishes it, or that its attribute `owner` names. Events of other \
                 owners are locked if the registry has them, and skipped if not; name an event, or use --all, to register it \
                 anyway.\n\nIf one schema breaks its level, by the lock or by the registry, none is registered.\n\nEach schema is \
                 registered with all the types that it uses: a type that several events share is not a subject of its own. A \
                 schema that someone else has registered with references is recognised, and not registered again.",
            )
            .arg(
                Arg::new("events")
                    .value_name("EVENT")
                    .num_args(0..)
                    .help("The events, whoever owns them [default: those that this service owns]"),
            )
            .arg(
                Arg::new("all")
                    .long("all")
                    .action(ArgAction::SetTrue)
                    .conflicts_with("events")
                    .help("Register the events of other owners too"),
            ),
        Command::new("pull")
            .about("Updates the lock from the registry: versions, ids, levels"),
        Command::new("reset")
            .about("Accepts a break: the event's history starts again in the lock")
            .long_about(
                "Drops the locked versions of an event, so that its schema may break them. This program may then be unable to read \
                 earlier records, and earlier builds may be unable to read new ones: drain the topic or give the event a new name \
                 if that matters.\n\nThe registry keeps its versions and its level; lower the level of \
                 the subject there before `schema register`. `schema pull` does not restore the versions: the lock records in \
                 `since` where the history begins.",
            )
            .arg(
                Arg::new("event")
                    .value_name("EVENT")
                    .required(true)
                    .help("The event"),
            )
            .arg(
                Arg::new("yes")
                    .long("yes")
                    .action(ArgAction::SetTrue)
                    .help("Do not ask"),
            ),
    ];
    Command::new("schema")
        .about("Compatibility of the events' schemas with the lock and the registry; registers them")
        .long_about(ABOUT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(codes::help(CODES))
        .subcommands(commands.map(common))
}

fn common(command: Command) -> Command {
    command
        .after_help(codes::help(CODES))
        .arg(
            Arg::new("lock")
                .long("lock")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The lock [default: schemas.lock, beside the manifest under `cargo run`, else in the current folder]"),
        )
        .arg(options::format())
        .arg(options::dev(
            "Use the registry of the `dev` that runs in this folder",
        ))
}

/// Parses the arguments.
pub(super) fn request(matches: &ArgMatches) -> Request {
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let task = match name {
        "diff" => Task::Diff {
            event: text("event"),
            live: matches.get_flag("live") || options::is_dev(matches),
        },
        "register" => Task::Register {
            events: matches.get_many("events").unwrap_or_default().cloned().collect(),
            all: matches.get_flag("all"),
        },
        "pull" => Task::Pull,
        "reset" => Task::Reset {
            event: text("event").unwrap_or_default(),
            yes: matches.get_flag("yes"),
        },
        _ => Task::Check {
            live: matches.get_flag("live") || options::is_dev(matches),
        },
    };
    Request {
        task,
        lock: matches.get_one("lock").cloned(),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request, clap::Error> {
        let matches = command().try_get_matches_from(arguments)?;
        Ok(request(&matches))
    }

    #[test]
    fn the_commands_of_schema_take_their_options() {
        let request = |arguments: &[&str]| parse(arguments).unwrap();
        let plain = |task| Request {
            task,
            lock: None,
            json: false,
            dev: false,
        };
        assert_eq!(
            request(&["schema", "check", "--live"]),
            plain(Task::Check { live: true })
        );
        assert_eq!(
            request(&["schema", "diff", "a.b"]),
            plain(Task::Diff {
                event: Some("a.b".into()),
                live: false
            })
        );
        assert_eq!(
            request(&["schema", "register", "a.b", "a.c"]),
            plain(Task::Register {
                events: vec!["a.b".into(), "a.c".into()],
                all: false
            })
        );
        assert_eq!(
            request(&["schema", "register", "--all"]),
            plain(Task::Register {
                events: Vec::new(),
                all: true
            })
        );
        assert_eq!(
            request(&[
                "schema", "reset", "a.b", "--yes", "--lock", "x/y.lock", "--format", "json"
            ]),
            Request {
                lock: Some("x/y.lock".into()),
                json: true,
                ..plain(Task::Reset {
                    event: "a.b".into(),
                    yes: true
                })
            }
        );
        assert_eq!(parse(&["schema", "reset"]).unwrap_err().exit_code(), 2);
        let help = parse(&["schema", "--help"]).unwrap_err().to_string();
        assert!(help.contains("1  incompatible"), "{help}");
    }
}
