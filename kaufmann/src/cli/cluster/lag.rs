//! `lag`: how far the service's group is behind, per partition.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::base::error::{Error, Report as Chained};
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{complain, say, unread};
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

/// How long the first records that are not committed may take to come, for their times.
const PATIENCE: Duration = Duration::from_secs(5);

/// What its exit codes mean.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "told; `--watch`: ended by Ctrl-C"),
    (1, "the lag is more than --fail-above"),
    (2, "the command line is wrong"),
    (69, "the cluster could not be asked"),
    (70, "the cluster failed on the way"),
    (78, "the configuration is wrong"),
    (130, "ended by Ctrl-C while no server answered, 143 by SIGTERM"),
];

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    /// How often to look again.
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
            "Shows for each partition of the consumed topics what the group has committed, where the log ends, how many \
             records lie between (the lag), how old the first of them is, and which member has the partition.\n\nA record that \
             is being handled counts as lag until its offset is committed. Offsets that hold no record, as compaction and transactions \
             leave them, count too, unless nothing but them is left.",
        )
        .after_help(format!(
            "Examples:\n  lag                        once\n  lag --watch                every 2 s, with the rate of commits, \
             until Ctrl-C\n  lag --fail-above 10000     for a monitor: exit code 1 if it is more\n\n{}",
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
                .help("Look again and again, every INTERVAL [default: 2s]"),
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
        .arg(options::dev("Ask the `dev` that runs in this folder"))
}

/// Not so short that the cluster does nothing else, nor so long that nobody sees the next look.
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
    let signals = Signals::ask()?;
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
    // The brokers of `dev` know only what is consumed.
    if !request.dev {
        report.stranded = super::stranded::find(&look.config)?;
    }
    let text = if request.json {
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        screen::text(&report, false, Paint::stdout())
    };
    say(&text).or_else(unread)?;
    let is_too_much = request.fail_above.is_some_and(|most| report.lag > most);
    Ok(if is_too_much {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Looks again and again, until a signal or a reader that has gone away. What fails after the first look may pass.
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
                complain(&Chained(&error));
                String::new()
            }
        };
        if !text.is_empty() {
            // From the upper left corner, and nothing below.
            let text = if is_terminal {
                format!("\x1b[H\x1b[2J{text}")
            } else {
                text
            };
            if let Err(error) = say(&text) {
                return unread(error);
            }
        }
        // What was looked at is told: a signal is the way to end it.
        signals.begin();
        tokio::select! {
            () = signals.first() => return Ok(()),
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// Looks at a group.
struct Look {
    service: &'static str,
    cluster: Cluster,
    config: Config,
    /// What stood first behind the offset that was committed.
    oldest: BTreeMap<TopicPartition, (i64, First)>,
}

impl Look {
    fn look(&mut self) -> Result<Report, Error> {
        let places = self.places()?;
        let mut facts = Facts {
            group: self.cluster.group()?,
            committed: self.cluster.committed(&places)?,
            from_start: reads_from_start(&self.config),
            ..Facts::default()
        };
        for place in places {
            let bounds = self.cluster.bounds(&place)?;
            facts.bounds.insert(place, bounds);
        }
        self.find_oldest(&mut facts)?;
        Ok(report::report(self.service, &self.config.group, &facts, now()))
    }

    /// The partitions of the consumed topics, the retry topics among them. Which topics a pattern matches is the broker's to say; those that matter are those
    /// in which the group has committed something.
    fn places(&self) -> Result<Vec<TopicPartition>, Error> {
        let topics = self.config.subscription();
        let (patterns, names): (Vec<_>, Vec<_>) = topics.iter().partition(|topic| topic.starts_with('^'));
        let mut places = Vec::new();
        for name in &names {
            places.extend(self.cluster.topic(name)?.topic_partitions());
        }
        if !patterns.is_empty() {
            let all: Vec<_> = self
                .cluster
                .topics()?
                .values()
                .flat_map(|topic| topic.topic_partitions().collect::<Vec<_>>())
                .collect();
            let committed = self.cluster.committed(&all)?;
            let mut matched: Vec<&str> = committed.keys().map(|place| place.topic.as_str()).collect();
            matched.dedup();
            let is_new = |place: &TopicPartition| {
                matched.contains(&place.topic.as_str()) && !names.contains(&&place.topic)
            };
            places.extend(all.iter().filter(|place| is_new(place)).cloned());
        }
        Ok(places)
    }

    /// Reads the first record of each partition that is not committed, for its time. There may be none.
    fn find_oldest(&mut self, facts: &mut Facts) -> Result<(), Error> {
        let mut unknown: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
        for (place, bounds) in &facts.bounds {
            let committed = facts.committed.get(place).copied();
            if report::lag(*bounds, committed, facts.from_start) == 0 {
                continue;
            }
            let first = committed.unwrap_or(bounds.start).max(bounds.start);
            match self.oldest.get(place) {
                Some((offset, First::Record(time))) if *offset == first => {
                    facts.oldest.extend(time.map(|time| (place.clone(), time)));
                }
                Some((offset, First::NoneUpTo(end))) if *offset == first && *end == bounds.end => {
                    facts.empty.insert(place.clone());
                }
                _ => drop(
                    unknown
                        .entry(place.topic.clone())
                        .or_default()
                        .insert(place.partition, first),
                ),
            }
        }
        for (topic, from) in unknown {
            for (partition, is_there) in first_records(&self.config, &topic, &from)? {
                let place = TopicPartition::new(&topic, partition);
                let first = match is_there {
                    Some(time) => {
                        facts.oldest.extend(time.map(|time| (place.clone(), time)));
                        First::Record(time)
                    }
                    None => {
                        facts.empty.insert(place.clone());
                        First::NoneUpTo(facts.bounds[&place].end)
                    }
                };
                self.oldest.insert(place, (from[&partition], first));
            }
        }
        Ok(())
    }
}

/// What stands first behind what is committed.
#[derive(Clone, Copy)]
enum First {
    /// A record, with its time if it has one.
    Record(Option<i64>),
    /// No record up to this offset.
    NoneUpTo(i64),
}

/// For each partition whether there is a record from an offset on, and its time, as far as that is known in time.
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
            // All behind the committed offset are marks of transactions and aborted records.
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
