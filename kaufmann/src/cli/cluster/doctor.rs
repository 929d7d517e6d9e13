//! `doctor`: whether all that the service needs is there, each with what to do if it is not.
//!
//! What can be looked at is looked at, whatever else is wrong: files of this folder ask, the pure ones among them (`settings`,
//! `brokers`, `topics`, `rights`, `clock`) judge, and each finding is a [`Check`].

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::base::error::{Error, ErrorKind};
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{say, unread};
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

/// What its exit codes mean.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "all fits; what is marked `!` may be meant"),
    (1, "something does not fit"),
    (
        2,
        "nothing is known to be wrong, but something could not be told; or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM"),
];

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    json: bool,
    dev: bool,
}

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Looks whether brokers, topics, rights, registry, schemas and settings fit the service")
        .long_about(
            "Looks at all that `run` needs, and says of each thing whether it fits, with what to do if it does not: the settings, \
             each broker as it is configured and as the cluster calls it, the topics that are consumed and written, what we may do \
             with them and with the group, the registry, its clock, and the schema of each event.\n\nIt writes nothing, joins no \
             group, registers nothing and begins no transaction. What cannot be reached is said, and the rest is looked at.",
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
        "`dev` makes broker, topics and registry itself, so there is nothing to look at; name a real cluster by --brokers",
    )?;
    let _signals = Signals::ask()?;
    let report = Report::new(V::NAME, &config, look::<V>(&config).await?);
    let text = if request.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        screen::text(&report, Paint::stdout())
    };
    say(&text).or_else(unread)?;
    Ok(report.exit_code())
}

/// Looks at everything. What blocks does so on a thread of its own, so that both are asked at once.
async fn look<V: Service>(config: &Config) -> Result<Vec<Check>, Error> {
    let used: BTreeMap<_, _> = super::topics::used::<V>(config);
    let of_cluster = {
        let (config, handle) = (config.clone(), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || handle.block_on(cluster::look(&config, &used)))
    };
    let of_registry = registry::look::<V>(config);
    let (of_cluster, of_registry) = tokio::join!(of_cluster, of_registry);
    let of_cluster = of_cluster
        .map_err(|error| Error::new(ErrorKind::Internal, "the looking task ended").caused_by(error))?;
    let mut checks = settings::look::<V>(config);
    checks.extend(of_cluster);
    checks.extend(of_registry);
    Ok(checks)
}
