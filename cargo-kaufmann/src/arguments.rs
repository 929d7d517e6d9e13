//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use crate::add;
use crate::new::{self, Dependency};

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) action: Action,
    /// Report what would be written, and write nothing.
    pub(crate) dry_run: bool,
}

/// A command with its options.
#[derive(Debug)]
pub(crate) enum Action {
    New(new::Request),
    Add(add::Request),
}

/// Parses the command line. The error is what to print instead: help or a mistake.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let (name, matches) = matches.subcommand().unwrap_or(("", &matches));
    let action = match name {
        "new" => Action::New(new::Request {
            folder: matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default(),
            name: text(matches, "name"),
            dependency: dependency(matches),
        }),
        _ => Action::Add(add::Request {
            event: text(matches, "event").unwrap_or_default(),
            service: text(matches, "service"),
            module: text(matches, "module"),
            no_handler: matches.get_flag("no-handler"),
        }),
    };
    Ok(Invocation {
        action,
        dry_run: matches.get_flag("dry-run"),
    })
}

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

fn dependency(matches: &ArgMatches) -> Dependency {
    if let Some(checkout) = matches.get_one::<PathBuf>("path") {
        return Dependency::Path(checkout.clone());
    }
    if let Some(url) = text(matches, "git") {
        let mut at = ["branch", "tag", "rev"].into_iter();
        return Dependency::Git {
            url,
            at: at.find_map(|name| Some((name, text(matches, name)?))),
        };
    }
    let published = || env!("CARGO_PKG_VERSION").to_owned();
    Dependency::Version(text(matches, "version").unwrap_or_else(published))
}

fn command() -> Command {
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default());
    Command::new("cargo-kaufmann")
        .bin_name("cargo kaufmann")
        .about("Creates services that handle Kafka events, and adds events to them")
        .version(env!("CARGO_PKG_VERSION"))
        .styles(styles)
        .max_term_width(110)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .after_help(
            "From an empty folder to handled events:\n  cargo kaufmann new accounts      a service that builds and passes its \
             test\n  cd accounts\n  cargo kaufmann add user.create   an event: its schema, a sample, a handler\n  cargo test\n  \
             cargo run -- dev                 on a broker of its own, until Ctrl-C",
        )
        .subcommand(new_command())
        .subcommand(add_command())
}

fn new_command() -> Command {
    Command::new("new")
        .about("Creates a service in a new folder")
        .long_about(
            "Creates a package in a new or empty folder: a schema with samples, a handler, the list of handlers, a test, a \
             configuration. It builds and passes its test right away.",
        )
        .after_help(
            "Examples:\n  cargo kaufmann new accounts\n  cargo kaufmann new services/accounts --name shop-accounts\n  cargo \
             kaufmann new accounts --path ../kaufmann\n  cargo kaufmann new accounts --git https://example.org/kaufmann --tag \
             v0.1.0",
        )
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder of the new package"),
        )
        .arg(option("name", "NAME", "The package's name [default: the folder's]"))
        .arg(option(
            "version",
            "VERSION",
            concat!("Depend on this published version of kaufmann [default: ", env!("CARGO_PKG_VERSION"), "]"),
        ))
        .arg(
            option("path", "CHECKOUT", "Depend on a checkout of kaufmann: the folder that contains `kaufmann` and `kaufmann-codegen`")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(option("git", "URL", "Depend on a Git repository of kaufmann"))
        .arg(option("branch", "BRANCH", "With --git: this branch").requires("git"))
        .arg(option("tag", "TAG", "With --git: this tag").requires("git"))
        .arg(option("rev", "REV", "With --git: this commit").requires("git"))
        .group(ArgGroup::new("source").args(["version", "path", "git"]))
        .group(ArgGroup::new("reference").args(["branch", "tag", "rev"]))
        .arg(dry_run())
}

fn add_command() -> Command {
    Command::new("add")
        .about("Adds an event to the service in this folder")
        .long_about(
            "Adds an event to the package of the current folder: its schema, a sample, a handler, and the handler's entry in \
             the list of `service!`. For `user.create` these are schemas/user/create.avsc, schemas/user/create.samples.json, \
             `create` in src/user.rs, and `user::create`. Until you have written both, the schema has one field, and the handler \
             sends its events to the dead-letter topic.",
        )
        .after_help(
            "Examples:\n  cargo kaufmann add user.create\n  cargo kaufmann add user.create --module accounts   the handler in \
             src/accounts.rs\n  cargo kaufmann add user.created --no-handler       an event that is only published",
        )
        .arg(
            Arg::new("event")
                .value_name("EVENT")
                .required(true)
                .help("The event's full name: namespace and name, such as `user.create`"),
        )
        .arg(option("service", "NAME", "The service, if the package has several"))
        .arg(option("module", "MODULE", "The handler's module [default: the last part of the namespace]"))
        .arg(
            Arg::new("no-handler")
                .long("no-handler")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["module", "service"])
                .help("Only the schema, for an event that is published and not handled"),
        )
        .arg(dry_run())
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn dry_run() -> Arg {
    Arg::new("dry-run")
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .help("Print what would be written, and write nothing")
}
