//! `config`: the configuration in effect.

use std::process::ExitCode;

use clap::Arg;

use super::command::Command;
use super::output::{print_line, unless_closed};
use crate::handler::Service;

pub(super) fn entry<V: Service, S>() -> Command<S> {
    let format = Arg::new("format")
        .long("format")
        .value_parser(["toml", "json"])
        .default_value("toml")
        .help("The output format");
    let arguments = clap::Command::new("config")
        .about("Prints the configuration in effect, and where each value came from")
        .arg(format);
    Command::new(arguments, |matches, effective, _| {
        let format = matches.get_one::<String>("format").map(String::as_str);
        let text = match format {
            Some("json") => format!("{:#}", effective.to_json()),
            _ => format!(
                "# {}: the configuration in effect; secrets are not shown\n{}",
                V::NAME,
                effective.to_toml().trim_end()
            ),
        };
        print_line(&text)
            .or_else(unless_closed)
            .map(|()| ExitCode::SUCCESS)
    })
}
