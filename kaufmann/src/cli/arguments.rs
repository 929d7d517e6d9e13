//! The command line: commands, and one flag for each key of the configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
#[cfg(feature = "dev")]
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;

use super::codes;
use super::show::Format;
use crate::config::keys::KEYS;
use crate::config::kind::Kind;
#[cfg(feature = "dev")]
use crate::config::kind::LONGEST;
use crate::config::{Config, Loader};
use crate::handler::Service;

mod discreet;
#[cfg(any(feature = "kafka", feature = "registry"))]
pub(super) mod shared;

/// What the command line asks for.
pub(super) struct Invocation {
    pub(super) action: Action,
    /// Reads file, environment and the flags.
    pub(super) loader: Loader,
}

/// A command with its own options.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Action {
    Run,
    #[cfg(feature = "dev")]
    Dev(crate::cli::dev::Options),
    #[cfg(feature = "kafka")]
    Publish(super::publish::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Lag(super::lag::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Tail(super::tail::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Topics(super::topics::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Dlq(super::dlq::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Doctor(super::doctor::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Drain(super::drain::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    Replay(super::replay::Request),
    #[cfg(feature = "registry")]
    Schema(super::schema::Request),
    #[cfg(all(feature = "kafka", feature = "registry"))]
    AsyncApi,
    Config {
        format: Format,
    },
    Completions {
        script: String,
    },
}

impl Invocation {
    /// Whether an error of this command means that it could not tell, which has a code of its own.
    pub(super) fn could_not_tell(&self) -> bool {
        match self.action {
            #[cfg(feature = "registry")]
            Action::Schema(_) => true,
            #[cfg(all(feature = "kafka", feature = "registry"))]
            Action::Topics(_) | Action::Doctor(_) => true,
            _ => false,
        }
    }
}

const LAYERS: &str = "\
Every setting is a key of kaufmann.toml, an environment variable, and a flag of each command: `max_in_flight = 8`,
KAUFMANN_MAX_IN_FLIGHT=8, --max-in-flight 8. A flag wins over a variable, a variable over the file. `config` lists all of
them with their values and where each came from.";

/// Reads the command line. What is to be printed instead, help or a mistake, is the error.
pub(super) fn parse<V: Service>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Invocation, clap::Error> {
    let mut arguments = arguments.into_iter().collect::<Vec<_>>().into_iter();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program)
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned());
    let program = program.unwrap_or_else(|| V::NAME.to_owned());
    let given = arguments.as_slice().to_vec();
    let matches = command::<V>(&program)
        .try_get_matches_from(std::iter::once(program.clone().into()).chain(arguments))
        .map_err(|error| discreet::discreet(error, &given))?;
    let (name, matches) = matches.subcommand().unwrap_or(("", &matches));
    // Commands of commands take the flags at their end.
    let (below, matches) = matches.subcommand().unwrap_or((name, matches));
    let _ = below;
    let loader = match name {
        // It has none of the flags.
        "completions" => Loader::new(),
        _ => flags(Loader::new().service::<V>().process_environment(), matches),
    };
    let action = match name {
        #[cfg(feature = "dev")]
        "dev" => Action::Dev(crate::cli::dev::Options {
            once: matches.get_flag("once"),
            timeout: matches
                .get_one("timeout")
                .copied()
                .unwrap_or(crate::cli::dev::TIMEOUT),
        }),
        #[cfg(feature = "kafka")]
        "publish" => Action::Publish(super::publish::Request {
            event: text(matches, "event").unwrap_or_default(),
            payload: text(matches, "payload").unwrap_or_default(),
            key: text(matches, "key"),
            topic: text(matches, "topic"),
            json: shared::is_json(matches),
            dev: shared::is_dev(matches),
        }),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "lag" => Action::Lag(super::lag::request(matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "tail" => Action::Tail(super::tail::request(matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "topics" => Action::Topics(super::topics::request(below, matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "dlq" => Action::Dlq(super::dlq::arguments::request(below, matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "doctor" => Action::Doctor(super::doctor::request(matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "replay" => Action::Replay(super::replay::request(matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "drain" => Action::Drain(super::drain::request(matches)),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        "asyncapi" => Action::AsyncApi,
        "completions" => Action::Completions {
            script: completions::<V>(matches, &program),
        },
        #[cfg(feature = "registry")]
        "schema" => Action::Schema(super::schema::arguments::request(below, matches)),
        "config" => Action::Config {
            format: if text(matches, "format").as_deref() == Some("json") {
                Format::Json
            } else {
                Format::Toml
            },
        },
        _ => Action::Run,
    };
    Ok(Invocation { action, loader })
}

fn command<V: Service>(program: &str) -> Command {
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
            "{}\n\n{LAYERS}\n\n{}\n\nCommands that do something else list theirs in their own help.",
            examples(program),
            codes::help(codes::RUN)
        ));
    let commands = commands().into_iter().map(configurable);
    root.subcommands(commands).subcommand(completions_command())
}

fn commands() -> Vec<Command> {
    vec![
        #[cfg(feature = "dev")]
        dev(),
        Command::new("run")
            .about(
                "Consumes, handles and publishes, against a real cluster, until a signal (SIGINT, SIGTERM)",
            )
            .after_long_help(codes::help(codes::RUN)),
        #[cfg(feature = "kafka")]
        publish(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::lag::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::tail::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::topics::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::dlq::arguments::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::drain::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::replay::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::doctor::command(),
        #[cfg(feature = "registry")]
        super::schema::arguments::command(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::asyncapi::command(),
        Command::new("config")
            .about("Prints the configuration that holds, and where each value came from")
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_parser(["toml", "json"])
                    .default_value("toml")
                    .help("How to print it"),
            ),
    ]
}

fn completions_command() -> Command {
    Command::new("completions")
        .about("Prints what completes this program's commands and flags in a shell")
        .after_help("Example:\n  completions bash > ~/.local/share/bash-completion/completions/PROGRAM")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(clap_complete::Shell))
                .help("The shell"),
        )
}

/// The script for a shell.
fn completions<V: Service>(matches: &ArgMatches, program: &str) -> String {
    let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") else {
        return String::new();
    };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command::<V>(program), program, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(feature = "dev")]
fn dev() -> Command {
    let timeout = |text: &str| match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("nothing is settled in no time; give it some, such as 30s".to_owned()),
        Ok(timeout) if timeout > LONGEST => Err("nobody waits for longer than 365days".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(error.to_string()),
    };
    Command::new("dev")
        .about("Runs the service on an embedded broker and registry, and publishes the sample events")
        .long_about(
            "Starts a broker and a schema registry in this process, makes the topics, registers the schemas, runs the \
             service, publishes the samples that stand beside the schemas of the handled events, and prints what becomes of \
             each event. `publish --dev` in the same folder reaches it.\n\nThe configuration applies, except for brokers, \
             registry and security. The broker is in memory: it keeps 5 MiB or 100,000 batches a partition and drops the \
             oldest, and it has no transactions.",
        )
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("End when all samples and their replies are settled; fails if one is not handled, with 130 if a signal comes first"),
        )
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("DURATION")
                .value_parser(timeout)
                .requires("once")
                .help("How long --once waits for that [default: 30s]"),
        )
}

#[cfg(feature = "kafka")]
fn publish() -> Command {
    Command::new("publish")
        .about("Publishes an event, or many, checked against its schema")
        .after_help(format!(
            "Examples:\n  publish user.create '{{\"email\": \"ada@example.org\"}}'\n  publish user.create @event.json \
             --key ada\n  publish user.create - < events.ndjson              as many as there are, in their order\n\n{}",
            codes::help(codes::PUBLISH)
        ))
        .arg(Arg::new("event").value_name("EVENT").required(true).help("The event's name"))
        .arg(
            Arg::new("payload")
                .value_name("JSON")
                .required(true)
                .allow_hyphen_values(true)
                .help("The payload: JSON, @FILE, or - for standard input; several behind each other (NDJSON) are all published"),
        )
        .arg(Arg::new("key").long("key").value_name("KEY").help("The record's key [default: as the schema says]"))
        .arg(Arg::new("topic").long("topic").value_name("TOPIC").help("The topic [default: as configured]").value_parser(shared::topic))
        .arg(shared::format())
        .arg(shared::dev("Publish to the `dev` that runs in this folder"))
}

/// Adds the flags of the configuration.
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
            // The last one wins, as in other layers.
            Kind::Flag => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .overrides_with(key.path),
            _ => arg.overrides_with(key.path),
        }
    });
    let command = command.arg(file).args(keys);
    #[cfg(any(feature = "kafka", feature = "registry"))]
    if command
        .get_arguments()
        .any(|arg| arg.get_id() == "dev" && !arg.is_hide_set())
    {
        return command.mut_arg("dev", |dev| dev.conflicts_with_all(shared::SET_BY_DEV));
    }
    command
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

/// A default as a flag would say it.
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

fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

fn examples(program: &str) -> String {
    let mut lines = vec!["Examples:".to_owned()];
    if cfg!(feature = "dev") {
        lines.push(format!(
            "  {program} dev                      try it: a broker inside, sample events"
        ));
    }
    lines.push(format!(
        "  {program} run --brokers host:9092  run it; KAUFMANN_BROKERS=host:9092 does the same"
    ));
    lines.push(format!(
        "  {program} config                   what is configured, and by whom"
    ));
    lines.push(format!("\n`{program} COMMAND --help` lists every setting."));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
