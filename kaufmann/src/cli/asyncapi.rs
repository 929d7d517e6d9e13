//! `asyncapi`: an AsyncAPI document of what the service reads and writes.

use std::process::ExitCode;

use clap::Arg;

use crate::base::error::Error;
use crate::cli::command::Command;
use crate::cli::output::{print_line, unless_closed};
use crate::config::Config;
use crate::handler::Service;

mod document;
mod messages;
mod routes;
#[cfg(test)]
mod tests;

pub(super) fn entry<V: Service, S>() -> Command<S> {
    Command::new(command(), |_, effective, _| run::<V>(&effective.config))
}

fn command() -> clap::Command {
    clap::Command::new("asyncapi")
        .about("Prints an AsyncAPI 3.0 document: what the service reads and writes, where, and in which form")
        .long_about(
            "Prints an AsyncAPI 3.0 document, derived from the handlers, their return types, the schemas and the configuration: a \
             channel for each topic, including retry topics, an operation for each handler and each published event, and a message for \
             each event with its Avro schema, headers, key and samples. It needs no server; brokers and registry are those of the \
             configuration, without credentials.",
        )
        .after_help("Example:\n  asyncapi > asyncapi.json")
        .arg(
            Arg::new("format")
                .long("format")
                .value_parser(["json"])
                .default_value("json")
                .help("The output format; YAML parsers read JSON too"),
        )
}

fn run<V: Service>(config: &Config) -> Result<ExitCode, Error> {
    let document = document::document::<V>(config);
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    print_line(&text).or_else(unless_closed)?;
    Ok(ExitCode::SUCCESS)
}
