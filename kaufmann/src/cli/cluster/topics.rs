//! `topics plan / apply`: compare the declared topics with the cluster, and change the cluster.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::base::error::Error;
use crate::cli::catalog;
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::config::declared::{Declared, declared};
use crate::handler::Service;
use crate::handler::event::EventInfo;
use crate::kafka::admin::{Actual, Admin};
use crate::kafka::cluster::Cluster;

mod plan;
mod report;
mod screen;
#[cfg(test)]
mod tests;

use plan::{ChangeKind, State, TopicPlan};
use report::Report;

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "the cluster is as declared"),
    (
        1,
        "it is not: changes are pending or impossible, or a topic that the service needs is missing",
    ),
    (
        2,
        "unknown: no cluster, or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM; changes made so far remain"),
];

const ABOUT: &str = "\
Compares the topics that the configuration declares with the cluster.

  [declare.\"*\"]                   # settings for every declared topic
  replication = 3

  [declare.orders]
  partitions = 12
  retention = \"14d\"               # or \"forever\"
  cleanup = \"compact\"             # delete (Kafka's default), compact, or compact,delete
  min_insync_replicas = 2         # Kafka's own topic settings, with _ for .

The dead-letter topic follows from these: it has as many partitions as the largest declared topic that is consumed, and the \
settings for all; declare it by its name to override that. Settings that are not declared stay unchanged.";

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    apply: bool,
    allow_loss: bool,
    json: bool,
    dev: bool,
}

/// The command and its subcommands.
pub(super) fn command() -> Command {
    let commands = [
        Command::new("plan").about("Shows how the cluster differs from the declaration; changes nothing"),
        Command::new("apply")
            .about("Creates missing topics and alters others; deletes no records without --allow-loss")
            .long_about(
                "Creates missing topics and alters settings that differ. It never deletes a topic, and Kafka cannot remove partitions. \
                 The changes are independent: if it is interrupted or a change is refused, run it again.",
            )
            .arg(
                Arg::new("allow-loss")
                    .long("allow-loss")
                    .action(ArgAction::SetTrue)
                    .help("Also make changes that may delete records: a shorter retention, compaction"),
            ),
    ];
    let common = |command: Command| {
        command
            .after_help(codes::help(CODES))
            .arg(options::format())
            .arg(super::options::no_dev())
    };
    Command::new("topics")
        .about("Compares the declared topics with the cluster, and changes the cluster")
        .long_about(ABOUT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(codes::help(CODES))
        .subcommands(commands.map(common))
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    let (name, matches) = matches.subcommand().unwrap_or(("", matches));
    let apply = name == "apply";
    Request {
        apply,
        allow_loss: apply && matches.get_flag("allow-loss"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

pub(super) async fn run<V: Service>(config: Config, request: Request) -> Result<ExitCode, Error> {
    super::options::refuse_dev(
        request.dev,
        "the broker of `dev` has no admin API, and `dev` creates its topics itself; name a real cluster with --brokers",
    )?;
    config.check_brokers()?;
    // The changes are independent, so there is nothing to finish after a signal.
    let _signals = Signals::end_at_first()?;
    // Mistakes in it were reported when the configuration was loaded.
    let declared = declared(&config).unwrap_or_default();
    let used = used::<V>(&config);
    let cluster = Cluster::new(&config)?;
    let admin = Admin::new(&config)?;
    let mut names: Vec<&str> = declared.keys().chain(used.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    // Fails if the cluster is unavailable.
    cluster.topics()?;
    let actual = admin.actual(&cluster, &names).await?;
    let mut plans = plan::plan(&declared, &used, &actual);
    if request.apply {
        for plan in &mut plans {
            apply(&admin, plan, &declared, &actual, request.allow_loss).await;
        }
    }
    let name = if request.apply { "apply" } else { "plan" };
    let report = Report::new(name, V::NAME, &config.brokers, plans);
    let text = if request.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        screen::text(&report, Paint::stdout())
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(report.exit_code())
}

/// The number of settings in which each existing topic differs from its declaration.
pub(super) fn differences(
    declared: &BTreeMap<String, Declared>,
    actual: &BTreeMap<String, Actual>,
) -> BTreeMap<String, usize> {
    let plans = plan::plan(declared, &BTreeMap::new(), actual).into_iter();
    plans
        .filter(|plan| actual.contains_key(&plan.topic))
        .map(|plan| (plan.topic, plan.changes.len()))
        .collect()
}

/// The topics that the service uses, each with the purposes.
pub(super) fn used<V: Service>(config: &Config) -> BTreeMap<String, Vec<String>> {
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |topic: String, purpose: String| used.entry(topic).or_default().push(purpose);
    for topic in config.topics.iter().filter(|topic| !topic.starts_with('^')) {
        add(topic.clone(), "consumed".to_owned());
    }
    for (topic, _) in config.retry_topics() {
        add(topic, "retries".to_owned());
    }
    if config.on_failure.writes_dead_letters() {
        add(config.dead_letter_topic(), "dead letters".to_owned());
    }
    let published: Vec<&'static EventInfo> = crate::handler::emitted::<V>();
    for info in published {
        if let Ok(topic) = catalog::topic::<V>(config, info) {
            add(topic, info.name.to_owned());
        }
    }
    used
}

/// Makes the allowed changes of a topic, and records their results.
async fn apply(
    admin: &Admin,
    plan: &mut TopicPlan,
    declared: &BTreeMap<String, Declared>,
    actual: &BTreeMap<String, Actual>,
    allow_loss: bool,
) {
    let Some(wanted) = declared.get(&plan.topic) else {
        return;
    };
    let Some(actual) = actual.get(&plan.topic) else {
        let made = admin
            .create(
                &plan.topic,
                wanted.partitions,
                wanted.replication,
                &wanted.settings,
            )
            .await;
        if note(plan, &made, |_| true) {
            plan.state = State::Created;
        }
        return;
    };
    let is_allowed = |kind: ChangeKind| kind == ChangeKind::Safe || (allow_loss && kind == ChangeKind::Loss);
    let mut succeeded = true;
    if let (true, Some(partitions)) = (
        plan.changes
            .iter()
            .any(|change| change.setting == "partitions" && is_allowed(change.kind)),
        wanted.partitions,
    ) {
        let grown = admin.grow(&plan.topic, partitions).await;
        succeeded &= note(plan, &grown, |setting| setting == "partitions");
    }
    let settings: BTreeMap<String, String> = plan
        .changes
        .iter()
        .filter(|change| is_allowed(change.kind))
        .filter_map(|change| {
            Some((
                change.setting.clone(),
                wanted.settings.get(&change.setting)?.clone(),
            ))
        })
        .collect();
    if !settings.is_empty() {
        let set = admin.set(&plan.topic, actual, &settings).await;
        succeeded &= note(plan, &set, |setting| settings.contains_key(setting));
    }
    let some_done = plan.changes.iter().any(|change| change.kind == ChangeKind::Done);
    if succeeded && some_done {
        plan.state = State::Altered;
    }
}

/// Records the result of changing these settings. Returns whether it succeeded.
fn note(plan: &mut TopicPlan, result: &Result<(), Error>, of: impl Fn(&str) -> bool) -> bool {
    for change in plan.changes.iter_mut().filter(|change| of(&change.setting)) {
        match result {
            Ok(()) => change.kind = ChangeKind::Done,
            Err(error) => {
                change.kind = ChangeKind::Failed;
                change.note = Some(error.to_string());
            }
        }
    }
    result.is_ok()
}
