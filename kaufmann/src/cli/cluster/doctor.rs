//! `doctor`: checks everything that the service needs, and suggests a fix for what is wrong.
//!
//! It makes every check that is possible, whatever else fails. Some files query (`cluster`, `registry`, `network`), pure ones (`settings`,
//! `brokers`, `topics`, `rights`, `clock`) judge the answers, and each finding is a [`Check`].

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::base::error::{Error, ErrorKind};
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::handler::Service;

mod brokers;
mod clock;
mod cluster;
mod network;
mod registry;
mod report;
mod rights;
mod screen;
mod settings;
#[cfg(test)]
mod tests;
mod topics;

use report::{Check, Report};

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "no check failed; there may be warnings, marked `!`"),
    (1, "a check failed"),
    (
        2,
        "no check failed, but one has no result; or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM"),
];

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    json: bool,
    dev: bool,
}

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Checks brokers, topics, rights, registry, schemas and settings for the service")
        .long_about(
            "Checks everything that `run` needs, and suggests a fix for what is wrong: the settings, each broker at its configured \
             and its advertised address, the topics that are consumed and written, the rights on them and on the group, the \
             registry, the clock, and the schema of each event.\n\nIt writes nothing, joins no group, registers nothing and \
             begins no transaction. It reports what is unavailable, and checks the rest.",
        )
        .after_help(codes::help(CODES))
        .arg(options::format())
        .arg(super::options::no_dev())
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    Request {
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

pub(super) async fn run<V: Service>(config: Config, request: Request) -> Result<ExitCode, Error> {
    super::options::refuse_dev(
        request.dev,
        "`dev` creates broker, topics and registry itself, so there is nothing to check; name a real cluster with --brokers",
    )?;
    let _signals = Signals::end_at_first()?;
    let report = Report::new(V::NAME, &config, check_all::<V>(&config).await?);
    let text = if request.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        screen::text(&report, Paint::stdout())
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(report.exit_code())
}

/// Makes all checks. The cluster's block, so they run on another thread, in parallel with the registry's.
async fn check_all<V: Service>(config: &Config) -> Result<Vec<Check>, Error> {
    let used: BTreeMap<_, _> = super::topics::used::<V>(config);
    let of_cluster = {
        let (config, handle) = (config.clone(), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || handle.block_on(cluster::check(&config, &used)))
    };
    let of_registry = registry::check::<V>(config);
    let (of_cluster, of_registry) = tokio::join!(of_cluster, of_registry);
    let of_cluster = of_cluster.map_err(|error| {
        Error::new(ErrorKind::Internal, "the task that checks the cluster ended").caused_by(error)
    })?;
    let mut checks = settings::check::<V>(config);
    checks.extend(of_cluster);
    checks.extend(of_registry);
    Ok(checks)
}
