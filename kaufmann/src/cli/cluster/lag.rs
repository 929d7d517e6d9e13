//! `lag`: shows how far the service's group is behind, per partition.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::base::error::{Error, Report as Chained};
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_error, print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::cli::running_dev::point_to_dev;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::handler::Service;
use crate::kafka::cluster::{Cluster, TopicPartition};
use crate::kafka::reader::{Read, Reader};

mod report;
mod screen;
#[cfg(test)]
mod tests;

use report::{Facts, Report};

/// How long to wait for the first uncommitted records, which are read for their timestamps.
const PATIENCE: Duration = Duration::from_secs(5);

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "done; `--watch`: ended by Ctrl-C"),
    (1, "the lag is more than --fail-above"),
    (2, "the command line is wrong"),
    (69, "the cluster is unavailable"),
    (70, "the cluster failed partway"),
    (78, "the configuration is wrong"),
    (130, "ended by Ctrl-C while no server answered, 143 by SIGTERM"),
];

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    /// How often to refresh.
    watch: Option<Duration>,
    /// More lag than this is exit code 1.
    fail_above: Option<i64>,
    json: bool,
    dev: bool,
}

pub(super) fn command() -> Command {
    Command::new("lag")
        .about("Shows how far the service's group is behind, per partition, in records and in time")
        .long_about(
            "Shows for each partition of the consumed topics the committed offset, the end of the log, the number of records \
             between (the lag), the age of the first of them, and the member that has the partition.\n\nA record in flight counts \
             until its offset is committed. Offsets without a record, which compaction and transactions leave, count too, unless \
             no record follows them.",
        )
        .after_help(format!(
            "Examples:\n  lag                        once\n  lag --watch                every 2 s, with the rate of commits, \
             until Ctrl-C\n  lag --fail-above 10000     for monitoring: exit code 1 if the lag is more\n\n{}",
            codes::help(CODES)
        ))
        .arg(
            Arg::new("watch")
                .long("watch")
                .value_name("INTERVAL")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("2s")
                .value_parser(interval)
                .help("Refresh every INTERVAL [default: 2s]"),
        )
        .arg(
            Arg::new("fail-above")
                .long("fail-above")
                .value_name("RECORDS")
                .value_parser(value_parser!(i64).range(0..))
                .conflicts_with("watch")
                .help("End with exit code 1 if the lag of all partitions together is more"),
        )
        .arg(options::format())
        .arg(options::dev("Use the `dev` that runs in this folder"))
}

/// Parses an interval between 100 ms, so as not to overload the cluster, and a day.
fn interval(text: &str) -> Result<Duration, String> {
    let (least, most) = (Duration::from_millis(100), Duration::from_secs(24 * 60 * 60));
    let interval = super::options::duration(text)?;
    if (least..=most).contains(&interval) {
        Ok(interval)
    } else {
        Err("expected 100ms to 1day".to_owned())
    }
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    Request {
        watch: matches.get_one("watch").copied(),
        fail_above: matches.get_one("fail-above").copied(),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

pub(super) async fn run<V: Service>(mut config: Config, request: Request) -> Result<ExitCode, Error> {
    point_to_dev::<V>(&mut config, request.dev)?;
    config.check_brokers()?;
    let signals = Signals::end_at_first()?;
    let cluster = Cluster::new(&config)?;
    let mut look = Look {
        service: V::NAME,
        cluster,
        config,
        oldest: BTreeMap::new(),
    };
    if let Some(interval) = request.watch {
        watch(&mut look, interval, request.json, &signals).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = look.look()?;
    // The broker of `dev` has no topics of an earlier configuration.
    if !request.dev {
        report.stranded = super::stranded::find(&look.config)?;
    }
    let text = if request.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        screen::text(&report, false, Paint::stdout())
    };
    print_line(&text).or_else(unless_closed)?;
    let is_too_much = request.fail_above.is_some_and(|most| report.lag > most);
    Ok(if is_too_much {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Refreshes until a signal, or until standard output is closed. Errors after the first refresh are printed and may pass.
async fn watch(look: &mut Look, interval: Duration, json: bool, signals: &Signals) -> Result<(), Error> {
    let is_terminal = std::io::stdout().is_terminal() && !json;
    let mut last: Option<(Report, Instant)> = None;
    loop {
        let looked_at = Instant::now();
        let text = match (look.look(), &last) {
            (Ok(report), before) => {
                let report = match before {
                    Some((before, then)) => report::with_rates(report, before, looked_at - *then),
                    None => report,
                };
                let text = if json {
                    serde_json::to_string(&report).unwrap_or_default()
                } else {
                    screen::text(&report, true, Paint::stdout())
                };
                last = Some((report, looked_at));
                text
            }
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) => {
                print_error(&Chained(&error));
                String::new()
            }
        };
        if !text.is_empty() {
            // Clears the screen, and begins in its upper left corner.
            let text = if is_terminal {
                format!("\x1b[H\x1b[2J{text}")
            } else {
                text
            };
            if let Err(error) = print_line(&text) {
                return unless_closed(error);
            }
        }
        // From the first result on, a signal is the normal end.
        signals.finish_first();
        tokio::select! {
            () = signals.first() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// Looks at the lag of a group.
struct Look {
    service: &'static str,
    cluster: Cluster,
    config: Config,
    /// By partition: its committed offset, and what follows that.
    oldest: BTreeMap<TopicPartition, (i64, First)>,
}

impl Look {
    fn look(&mut self) -> Result<Report, Error> {
        let topic_partitions = self.topic_partitions()?;
        let mut facts = Facts {
            group: self.cluster.group()?,
            committed: self.cluster.committed(&topic_partitions)?,
            from_start: reads_from_start(&self.config),
            ..Facts::default()
        };
        for topic_partition in topic_partitions {
            let bounds = self.cluster.bounds(&topic_partition)?;
            facts.bounds.insert(topic_partition, bounds);
        }
        self.find_oldest(&mut facts)?;
        Ok(report::report(self.service, &self.config.group, &facts, now()))
    }

    /// The partitions of the consumed topics, including retry topics. For patterns, which only the broker can match: those in which the
    /// group has committed something.
    fn topic_partitions(&self) -> Result<Vec<TopicPartition>, Error> {
        let topics = self.config.subscription();
        let (patterns, names): (Vec<_>, Vec<_>) = topics.iter().partition(|topic| topic.starts_with('^'));
        let mut topic_partitions = Vec::new();
        for name in &names {
            topic_partitions.extend(self.cluster.topic(name)?.topic_partitions());
        }
        if !patterns.is_empty() {
            let all: Vec<_> = self
                .cluster
                .topics()?
                .values()
                .flat_map(|topic| topic.topic_partitions().collect::<Vec<_>>())
                .collect();
            let committed = self.cluster.committed(&all)?;
            let mut matched: Vec<&str> = committed
                .keys()
                .map(|topic_partition| topic_partition.topic.as_str())
                .collect();
            matched.dedup();
            let is_new = |topic_partition: &TopicPartition| {
                matched.contains(&topic_partition.topic.as_str()) && !names.contains(&&topic_partition.topic)
            };
            topic_partitions.extend(
                all.iter()
                    .filter(|topic_partition| is_new(topic_partition))
                    .cloned(),
            );
        }
        Ok(topic_partitions)
    }

    /// Reads the first uncommitted record of each partition, if there is one, for its timestamp.
    fn find_oldest(&mut self, facts: &mut Facts) -> Result<(), Error> {
        let mut unknown: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
        for (topic_partition, bounds) in &facts.bounds {
            let committed = facts.committed.get(topic_partition).copied();
            if report::lag(*bounds, committed, facts.from_start) == 0 {
                continue;
            }
            let first = committed.unwrap_or(bounds.start).max(bounds.start);
            match self.oldest.get(topic_partition) {
                Some((offset, First::Record(time))) if *offset == first => {
                    facts
                        .oldest
                        .extend(time.map(|time| (topic_partition.clone(), time)));
                }
                Some((offset, First::NoneUpTo(end))) if *offset == first && *end == bounds.end => {
                    facts.empty.insert(topic_partition.clone());
                }
                _ => drop(
                    unknown
                        .entry(topic_partition.topic.clone())
                        .or_default()
                        .insert(topic_partition.partition, first),
                ),
            }
        }
        for (topic, from) in unknown {
            for (partition, is_there) in first_records(&self.config, &topic, &from)? {
                let topic_partition = TopicPartition::new(&topic, partition);
                let first = match is_there {
                    Some(time) => {
                        facts
                            .oldest
                            .extend(time.map(|time| (topic_partition.clone(), time)));
                        First::Record(time)
                    }
                    None => {
                        facts.empty.insert(topic_partition.clone());
                        First::NoneUpTo(facts.bounds[&topic_partition].end)
                    }
                };
                self.oldest.insert(topic_partition, (from[&partition], first));
            }
        }
        Ok(())
    }
}

/// What follows the committed offset.
#[derive(Clone, Copy)]
enum First {
    /// A record, with its timestamp if it has one.
    Record(Option<i64>),
    /// No record up to this offset.
    NoneUpTo(i64),
}

/// For each partition, whether there is a record from an offset on, and its timestamp. Partitions without an answer in time are left
/// out.
fn first_records(
    config: &Config,
    topic: &str,
    from: &BTreeMap<i32, i64>,
) -> Result<BTreeMap<i32, Option<Option<i64>>>, Error> {
    let mut reader = Reader::peek(config, topic, from)?;
    let mut known = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    while known.len() < from.len() && Instant::now() < deadline {
        match reader.next(deadline.saturating_duration_since(Instant::now()))? {
            Read::Record(record) => {
                known
                    .entry(record.partition())
                    .or_insert(Some(record.timestamp()));
            }
            // After the committed offset are only transaction markers and aborted records.
            Read::End(partition) => {
                known.entry(partition).or_insert(None);
            }
            Read::Nothing => {}
        }
    }
    Ok(known)
}

/// Whether the service reads a partition from its beginning if it has committed nothing.
fn reads_from_start(config: &Config) -> bool {
    let key = "auto.offset.reset";
    let set = config
        .kafka
        .get("consumer.auto.offset.reset")
        .or_else(|| config.kafka.get(key));
    set.is_none_or(|reset| !matches!(reset.as_str(), "latest" | "end" | "largest"))
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
