//! The command line: commands, and one flag for each key of the configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;

use super::{codes, completions};
use crate::config::keys::KEYS;
use crate::config::kind::Kind;
use crate::config::{Config, Loader};
use crate::handler::Service;

mod discreet;

/// The request on the command line.
#[allow(clippy::large_enum_variant, reason = "a process has one")]
pub(super) enum Invocation {
    /// Print this shell completion script.
    Completions(String),
    /// Run a command.
    Command {
        name: String,
        /// Its arguments.
        matches: ArgMatches,
        /// Loads file, environment and flags.
        loader: Loader,
    },
}

/// The keys that `--dev` sets; their flags conflict with it.
const SET_BY_DEV: [&str; 3] = ["brokers", "topics", "registry.url"];

const LAYERS: &str = "\
Every setting is a key of kaufmann.toml, an environment variable, and a flag of each command: `max_in_flight = 8`,
KAUFMANN_MAX_IN_FLIGHT=8, --max-in-flight 8. A flag wins over a variable, a variable over the file. `config` lists all of
them with their values and where each came from.";

/// Parses the command line. The error is what to print instead: help, or a mistake.
pub(super) fn parse<V: Service>(
    arguments: impl IntoIterator<Item = OsString>,
    commands: Vec<Command>,
) -> Result<Invocation, clap::Error> {
    let mut arguments = arguments.into_iter().collect::<Vec<_>>().into_iter();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program)
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned());
    let program = program.unwrap_or_else(|| V::NAME.to_owned());
    let given = arguments.as_slice().to_vec();
    let whole = command::<V>(&program, commands);
    let mut matches = whole
        .clone()
        .try_get_matches_from(std::iter::once(program.clone().into()).chain(arguments))
        .map_err(|error| discreet::discreet(error, &given))?;
    let (name, matches) = matches.remove_subcommand().unwrap_or_default();
    if name == completions::NAME {
        // It needs no configuration.
        let script = completions::script(&matches, whole, &program);
        return Ok(Invocation::Completions(script));
    }
    // A subcommand has the flags, not its parent.
    let (_, below) = matches.subcommand().unwrap_or((&name, &matches));
    let loader = flags(Loader::new().service::<V>().process_environment(), below);
    Ok(Invocation::Command {
        name,
        matches,
        loader,
    })
}

fn command<V: Service>(program: &str, commands: Vec<Command>) -> Command {
    let about = if V::ABOUT.is_empty() {
        format!("{}, a service on Kafka events", V::NAME)
    } else {
        V::ABOUT.to_owned()
    };
    let version = if V::VERSION.is_empty() {
        env!("CARGO_PKG_VERSION")
    } else {
        V::VERSION
    };
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default());
    let root = Command::new(program.to_owned())
        .about(about.lines().next().unwrap_or_default().trim().to_owned())
        .long_about(about)
        .version(version)
        .styles(styles)
        .max_term_width(110)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(examples(program))
        .after_long_help(format!(
            "{}\n\n{LAYERS}\n\n{}\n\nCommands with other exit codes list them in their own help.",
            examples(program),
            codes::help(codes::RUN)
        ));
    let commands = commands.into_iter().map(configurable);
    root.subcommands(commands).subcommand(completions::command())
}

/// Adds the configuration's flags to a command, or to its subcommands.
fn configurable(command: Command) -> Command {
    if command.has_subcommands() {
        let below: Vec<_> = command
            .get_subcommands()
            .map(|below| below.get_name().to_owned())
            .collect();
        return below.into_iter().fold(command, |command, below| {
            command.mut_subcommand(below, configurable)
        });
    }
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading("Configuration")
        .help("The configuration file [default: kaufmann.toml, if there is one] [env:KAUFMANN_CONFIG]");
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let keys = KEYS.iter().map(|key| {
        let default = defaults.pointer(&format!("/{}", key.path.replace('.', "/")));
        let default = default
            .and_then(|value| plain(key.kind, value))
            .map(|text| format!(" [default: {text}]"));
        let help = format!(
            "{}{} [env:{}]",
            key.doc,
            default.unwrap_or_default(),
            key.variable()
        );
        let arg = Arg::new(key.path)
            .long(key.flag())
            .help(help)
            .help_heading("Configuration");
        let arg = arg
            .hide_short_help(!key.common)
            .allow_hyphen_values(true)
            .value_name(placeholder(key.path, key.kind));
        match key.kind {
            Kind::List(_) | Kind::Durations { .. } => arg.action(ArgAction::Append),
            kind if kind.is_table() => arg.action(ArgAction::Append),
            // The last one wins, as in the other layers.
            Kind::Flag => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .overrides_with(key.path),
            _ => arg.overrides_with(key.path),
        }
    });
    let command = command.arg(file).args(keys);
    let has_dev = command
        .get_arguments()
        .any(|arg| arg.get_id() == "dev" && !arg.is_hide_set());
    match has_dev {
        true => command.mut_arg("dev", |dev| dev.conflicts_with_all(SET_BY_DEV)),
        false => command,
    }
}

fn flags(mut loader: Loader, matches: &ArgMatches) -> Loader {
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        loader = loader.file(path);
    }
    for key in KEYS {
        if let Some(values) = matches.get_many::<String>(key.path) {
            loader = loader.flag(key, values.cloned().collect());
        }
    }
    loader
}

/// A default value in the form that a flag accepts.
fn plain(kind: Kind, value: &Value) -> Option<String> {
    const MEBIBYTE: u64 = 1 << 20;
    match value {
        Value::Number(bytes) if kind == Kind::Bytes => {
            let bytes = bytes.as_u64()?;
            Some(if bytes % MEBIBYTE == 0 {
                format!("{}MiB", bytes / MEBIBYTE)
            } else {
                bytes.to_string()
            })
        }
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn placeholder(path: &str, kind: Kind) -> &'static str {
    match kind {
        Kind::List(_) if path == "brokers" => "HOST:PORT,…",
        Kind::List(_) => "NAME,…",
        Kind::Count { .. } | Kind::Number { .. } => "NUMBER",
        Kind::Bytes => "BYTES",
        Kind::Duration { .. } => "DURATION",
        Kind::Flag => "true|false",
        Kind::Durations { .. } => "DURATION,…",
        Kind::Choice(["key", "round_robin"]) => "key|round_robin",
        Kind::Choice(["key", ..]) => "key|partition|none",
        Kind::Choice(["record", ..]) => "record|topic|topic-record",
        Kind::Choice(["auto", ..]) => "auto|human|json",
        Kind::Choice(_) => "NAME",
        Kind::Nested(_) => "TOPIC.SETTING=VALUE",
        Kind::Pairs(_) | Kind::Choices(_) | Kind::Free => "NAME=VALUE",
        Kind::Urls => "URL,…",
        Kind::Text(_) | Kind::Secret => "TEXT",
    }
}

fn examples(program: &str) -> String {
    let mut lines = vec!["Examples:".to_owned()];
    if cfg!(feature = "dev") {
        lines.push(format!(
            "  {program} dev                      try it: with an embedded broker and sample events"
        ));
    }
    lines.push(format!(
        "  {program} run --brokers host:9092  run it; KAUFMANN_BROKERS=host:9092 does the same"
    ));
    lines.push(format!(
        "  {program} config                   every setting, and where its value comes from"
    ));
    lines.push(format!("\n`{program} COMMAND --help` lists every setting."));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
