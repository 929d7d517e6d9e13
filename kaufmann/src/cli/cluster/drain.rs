//! `drain`: moves the records of retry topics that no service reads any more to another retry topic, or back to where they were first read.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use super::columns::{Cell, Side, table};
use super::dlq::act::{Act, DRAIN, Summary};
use super::dlq::dead_letters::DeadLetters;
use super::dlq::ledger::Ledger;
use super::dlq::select::Selection;
use super::stranded::{self, Kind};
use crate::base::error::{Error, ErrorKind};
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::{Colour, Paint};
use crate::cli::publish::topic_name;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::handler::Service;
use crate::kafka::cluster::{Cluster, TopicPartition};
use crate::kafka::sender::Sender;

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "no records are left in such topics"),
    (
        1,
        "records wait to be moved, or some could not be moved and are still there",
    ),
    (2, "the command line is wrong; nothing was done"),
    (69, "the cluster is unavailable"),
    (70, "failed partway; the same command continues"),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the same command continues",
    ),
];

const ABOUT: &str = "\
When `retry.topics` or the group's name changes, no service reads the records that wait in the old retry topics. This command moves \
them: to the retry topic with the next longer delay or, if there are no retry topics any more or with --to source, back to the topic \
and the partition where they were first read. They keep keys and headers, so each stays the same event (`Record::event_id`).

Without --yes it only shows what would be moved where. A record counts as moved once the brokers have it in its new topic; the \
progress is stored in a separate group (the topic's name and `.drained`). If the command is killed, run it again to continue; records \
of its last second may then be there twice, with the same id. The topics themselves stay.";

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    topics: Vec<String>,
    to_source: bool,
    yes: bool,
    json: bool,
    dev: bool,
}

pub(super) fn command() -> Command {
    Command::new("drain")
        .about("Moves the records of retry topics that no service reads any more")
        .long_about(ABOUT)
        .after_help(format!(
            "Examples:\n  drain                            which records wait, and where they would go\n  drain --yes                      move \
             them\n  drain --topic old.retry.10m --yes  of a group that was renamed\n\n{}",
            codes::help(CODES)
        ))
        .arg(
            Arg::new("topic")
                .long("topic")
                .value_name("TOPIC")
                .action(ArgAction::Append)
                .value_parser(topic_name)
                .help("A retry topic of an earlier configuration, such as one with a configured name or of another group [default: all of this group]"),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("WHERE")
                .value_parser(["retry", "source"])
                .help("To a retry topic, or back to where they were first read [default: retry, if there are retry topics]"),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Move them, instead of showing what would be moved"),
        )
        .arg(options::format())
        .arg(super::options::no_dev())
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    Request {
        topics: matches.get_many("topic").unwrap_or_default().cloned().collect(),
        to_source: matches.get_one::<String>("to").is_some_and(|to| to == "source"),
        yes: matches.get_flag("yes"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

/// The plan or the result.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Report {
    service: String,
    group: String,
    /// Whether it was done; else it is only a plan.
    done: bool,
    topics: Vec<Drained>,
    interrupted: bool,
}

/// One topic to drain.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Drained {
    topic: String,
    /// The most records that may wait there.
    records: u64,
    /// The retry topic to move them to; null: back to where they were first read.
    to: Option<String>,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    /// Whether the group's own offsets were moved past the records, so that nothing is read again if the topic is configured again.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_moved: Option<bool>,
}

pub(super) async fn run<V: Service>(config: Config, request: Request) -> Result<ExitCode, Error> {
    super::options::refuse_dev(
        request.dev,
        "the broker of `dev` loses its records, and with them its retry topics, when it ends; name a real cluster with --brokers",
    )?;
    config.check_brokers()?;
    let signals = Signals::end_at_first()?;
    let mut report = Report {
        service: V::NAME.to_owned(),
        group: config.group.clone(),
        done: request.yes,
        topics: planned(&config, &request)?,
        interrupted: false,
    };
    if request.yes && !report.topics.is_empty() {
        signals.finish_first();
        for drained in &mut report.topics {
            if !report.interrupted {
                drain(&config, drained, &signals).await?;
                report.interrupted = drained
                    .summary
                    .as_ref()
                    .is_some_and(|summary| summary.interrupted);
            }
        }
    }
    let text = match request.json {
        true => serde_json::to_string_pretty(&report).unwrap_or_default(),
        false => text(&report, Paint::stdout()),
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(match report.interrupted {
        true => signals.exit_code(),
        false => ExitCode::from(u8::from(report.is_left())),
    })
}

/// The topics with records to move, each with the target.
fn planned(config: &Config, request: &Request) -> Result<Vec<Drained>, Error> {
    let mut plans = Vec::new();
    let mut plan = |topic: String, records| {
        let to = match request.to_source {
            true => None,
            false => target(config, &topic),
        };
        plans.push(Drained {
            topic,
            records,
            to,
            summary: None,
            group_moved: None,
        });
    };
    if request.topics.is_empty() {
        for found in stranded::find(config)? {
            if found.kind == Kind::Retry {
                plan(found.topic, found.records);
            }
        }
        return Ok(plans);
    }
    for topic in &request.topics {
        refuse(config, topic)?;
        let ledger = ledger(config, topic)?;
        let bounds = ledger.open_bounds();
        let records = bounds
            .values()
            .map(|bounds| u64::try_from(bounds.end - bounds.start).unwrap_or(0))
            .sum();
        if records > 0 {
            plan(topic.clone(), records);
        }
    }
    Ok(plans)
}

/// Refuses topics that must not be drained.
fn refuse(config: &Config, topic: &String) -> Result<(), Error> {
    let why = if config.subscription().contains(topic) {
        "the service itself reads it"
    } else if *topic == config.dead_letter_topic() {
        "it has the dead letters; `dlq replay` sends them back"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Usage,
        format!("topic `{topic}` is not drained: {why}"),
    ))
}

/// The retry topic for the records of another one: the first with at least the same delay, else the last one. Pure.
fn target(config: &Config, topic: &str) -> Option<String> {
    let current = config.retry_topics();
    let delay = stranded::delay(config, topic).unwrap_or_default();
    let next = current.iter().find(|(_, own)| *own >= delay).or(current.last());
    next.map(|(name, _)| name.clone())
}

/// The records of a topic that were neither moved nor handled by the group.
fn ledger(config: &Config, topic: &str) -> Result<Ledger, Error> {
    let topic_partitions: Vec<TopicPartition> = {
        let cluster = Cluster::new(config)?;
        cluster.topic(topic)?.topic_partitions().collect()
    };
    let handled = Cluster::new(config)?.committed_with_metadata(&topic_partitions)?;
    let cluster = Cluster::with_group(config, &stranded::drained(topic))?;
    Ledger::of(cluster, topic, &topic_partitions, &handled)
}

async fn drain(config: &Config, drained: &mut Drained, signals: &Signals) -> Result<(), Error> {
    let config = config.without_transactions();
    let mut ledger = ledger(&config, &drained.topic)?;
    let mut dead_letters = DeadLetters::open(&config, &ledger)?;
    let selection = Selection {
        all: true,
        ..Selection::default()
    };
    let act = Act {
        command: DRAIN,
        selection: &selection,
        max: None,
        sender: Some(Sender::new(&config)?),
        to: drained.to.as_deref().map(Arc::from),
        dry_run: false,
        signals,
    };
    let summary = act.run(&mut ledger, &mut dead_letters).await?;
    if !summary.interrupted && summary.left.is_empty() {
        let ends: Vec<_> = ledger
            .partitions
            .iter()
            .map(|(number, known)| {
                (
                    TopicPartition::new(&drained.topic, *number),
                    known.bounds.end,
                    None,
                )
            })
            .collect();
        // While the group has members, it refuses offsets from outside.
        let moved = Cluster::new(&config)?.commit(&ends);
        drained.group_moved = Some(moved.is_ok());
    }
    drained.summary = Some(summary);
    Ok(())
}

impl Report {
    /// Whether records are left in these topics.
    fn is_left(&self) -> bool {
        self.topics.iter().any(|drained| match &drained.summary {
            Some(summary) => !summary.left.is_empty(),
            None => true,
        })
    }
}

fn text(report: &Report, paint: Paint) -> String {
    if report.topics.is_empty() {
        return format!("no unread records in old retry topics of group {}", report.group);
    }
    let target = |to: &Option<String>| {
        to.clone()
            .unwrap_or_else(|| "where they were first read".to_owned())
    };
    if !report.done {
        let head = [
            ("topic", Side::Left),
            ("records", Side::Right),
            ("target", Side::Left),
        ];
        let row = |drained: &Drained| -> Vec<Cell> {
            vec![
                drained.topic.clone().into(),
                drained.records.to_string().into(),
                target(&drained.to).into(),
            ]
        };
        let rows: Vec<_> = report.topics.iter().map(row).collect();
        let hint = paint.paint(Colour::Yellow, "nothing was moved; --yes moves them");
        return format!("{}\n{hint}", table(&head, &rows, paint));
    }
    let mut lines = Vec::new();
    for drained in &report.topics {
        let Some(summary) = &drained.summary else {
            continue;
        };
        for left in &summary.left {
            lines.push(paint.failed(format_args!("{}: {}", left.dead_letter, left.why)));
        }
        let to: Vec<_> = summary
            .topics
            .iter()
            .map(|(topic, count)| format!("{count} to {topic}"))
            .collect();
        let mut line = format!("{} records of {} moved", summary.done, drained.topic);
        if !to.is_empty() {
            line.push_str(&format!(" ({})", to.join(", ")));
        }
        if drained.group_moved == Some(false) {
            line.push_str(&format!(
                "; group {} has members, so its own offsets could not be moved: if the topic is configured again, its records are read again",
                report.group
            ));
        }
        lines.push(line);
    }
    if report.interrupted {
        lines.push(paint.paint(Colour::Yellow, "interrupted: run the same command to continue"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::cli::cluster::dlq::act::Left;
    use crate::cli::snapshot::is_snapshot;

    const MINUTE: Duration = Duration::from_secs(60);

    fn config(delays: &[Duration]) -> Config {
        let mut config = Config::default();
        config.group.push('g');
        config.retry.topics.delays = delays.to_vec();
        config
    }

    #[test]
    fn records_move_to_the_topic_with_at_least_the_same_delay_or_the_longest() {
        let config = config(&[MINUTE, MINUTE * 30]);
        let target = |topic| target(&config, topic);
        assert_eq!(target("g.retry.10s").as_deref(), Some("g.retry.1m"));
        assert_eq!(target("g.retry.10m").as_deref(), Some("g.retry.30m"));
        assert_eq!(target("g.retry.2h").as_deref(), Some("g.retry.30m"));
        assert_eq!(target("other").as_deref(), Some("g.retry.1m"));
        assert_eq!(super::target(&self::config(&[]), "g.retry.2h"), None);
    }

    #[test]
    fn topics_that_the_service_reads_are_refused() {
        let mut config = config(&[MINUTE]);
        config.topics.push("orders".to_owned());
        let refused = |topic: &str| refuse(&config, &topic.to_owned()).is_err();
        assert!(refused("orders") && refused("g.retry.1m") && refused("g.dead-letter"));
        assert!(!refused("g.retry.10m"));
    }

    #[test]
    fn a_plan_lists_targets_and_a_report_what_is_left() {
        let drained = |topic: &str, to: Option<&str>| Drained {
            topic: topic.to_owned(),
            records: 42,
            to: to.map(str::to_owned),
            summary: None,
            group_moved: None,
        };
        let mut report = Report {
            service: "Ledger".to_owned(),
            group: "g".to_owned(),
            done: false,
            topics: vec![drained("ledger.retry.10m", Some("ledger.retry.30m"))],
            interrupted: false,
        };
        let paint = Paint { colours: false };
        is_snapshot("cluster/drain/snapshots/plan.txt", &text(&report, paint));
        assert!(report.is_left());
        report.topics[0].to = None;
        assert!(text(&report, paint).contains("  where they were first read\n"));
        report.done = true;
        let summary = |left| Summary {
            command: DRAIN,
            topic: "g.retry.10m".to_owned(),
            dry_run: false,
            done: 2,
            topics: BTreeMap::from([("g.retry.1m".to_owned(), 2)]),
            remaining: None,
            left,
            interrupted: false,
        };
        report.topics[0].summary = Some(summary(Vec::new()));
        report.topics[0].group_moved = Some(true);
        assert!(!report.is_left());
        assert_eq!(
            text(&report, paint),
            "2 records of ledger.retry.10m moved (2 to g.retry.1m)"
        );
        report.topics[0].summary = Some(summary(vec![Left {
            dead_letter: "g.retry.10m/0@7".to_owned(),
            why: "no".to_owned(),
        }]));
        assert!(report.is_left());
        report.topics.clear();
        assert!(text(&report, paint).starts_with("no unread records in old retry topics of group g"));
    }
}
