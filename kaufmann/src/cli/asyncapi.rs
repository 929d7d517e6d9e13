//! `asyncapi`: what the service reads and writes, as an AsyncAPI document.

use std::process::ExitCode;

use clap::Arg;

use crate::base::error::Error;
use crate::cli::command::Command;
use crate::cli::output::{say, unread};
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
            "Prints an AsyncAPI 3.0 document, made of the handlers, their return types, the schemas and the configuration: a \
             channel for each topic, retry topics among them, an operation for each handler and for each event that is published, a message for each \
             event with its Avro schema, its headers, its key and its samples. Nothing is asked; brokers and registry are those \
             of the configuration, without credentials.",
        )
        .after_help("Example:\n  asyncapi > asyncapi.json")
        .arg(
            Arg::new("format")
                .long("format")
                .value_parser(["json"])
                .default_value("json")
                .help("How to print it; JSON is YAML, too"),
        )
}

fn run<V: Service>(config: &Config) -> Result<ExitCode, Error> {
    let document = document::document::<V>(config);
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    say(&text).or_else(unread)?;
    Ok(ExitCode::SUCCESS)
}
