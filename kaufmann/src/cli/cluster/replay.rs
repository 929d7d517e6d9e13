//! `replay`: runs the handlers on past records again, without the service's own group; `--reset-group` moves that group instead.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::task::JoinHandle;

use super::decoder::Decoder;
use super::ending::at_start;
use super::position::{POLL, POSITIONS, Position};
use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use crate::cli::start::state;
use crate::config::{Config, Delivery};
use crate::engine::runtime::Builder;
use crate::handler::Service;
use crate::handler::start::Started;
use crate::kafka::cluster::{Cluster, TopicPartition};
use crate::kafka::reader::{Read, Reader};
use crate::publish::{KafkaPublisher, Muted};
use crate::record::Record;
use crate::schema::registry::RestRegistry;
use crate::source::history::{HistoryFeed, history};

mod report;
mod reset;
mod span;
mod tally;
#[cfg(test)]
mod tests;

use report::Report;
use span::{Span, is_after, spans};
use tally::Tally;

/// The most records that may wait to be handled.
const MAX_WAITING: usize = 10_000;
/// How often the progress is stored and shown.
const EVERY: Duration = Duration::from_millis(500);

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "done"),
    (1, "done, but some records could not be handled"),
    (2, "the command line is wrong"),
    (
        65,
        "too many could not be handled (`dead_letter.max_share`); `replay --resume` continues",
    ),
    (
        69,
        "the cluster is unavailable, the service could not start, or the group has members",
    ),
    (70, "failed partway; `replay --resume` continues"),
    (
        75,
        "interrupted, and a handler did not end in time; `replay --resume` continues",
    ),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; `replay --resume` continues",
    ),
];

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    /// `None`: resume the previous replay.
    from: Option<Position>,
    to: Position,
    partitions: Vec<i32>,
    events: Vec<String>,
    publish: bool,
    no_group: bool,
    reset_group: bool,
    json: bool,
    dev: bool,
}

// Long, because it is a list: an argument after another.
pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("replay")
        .about("Runs the handlers on past records again, to rebuild a projection; publishes nothing without --publish")
        .long_about(
            "The handlers really run: everything they write, call or send themselves happens again. They can check \
             `Context::is_replay` and `Config::mode`.\n\nReads the consumed topics again, from a position to their current ends, and runs \
             the handlers with the state from `start`, including retries and timeouts. It does not touch the service's own group, \
             so the service may run meanwhile.\n\nWhat handlers return or publish, and dead letters, are only counted, unless \
             --publish is given. The progress is stored in a separate group (the group's name and `.replay`), so that after Ctrl-C or \
             a crash `replay --resume` continues; handlers may then see some records twice, as in `run`.\n\n--reset-group is different: it \
             moves the service's own group, so that `run` continues from there. It is refused while the group has members.",
        )
        .after_help(format!(
            "Examples:\n  replay --from beginning                 everything\n  replay --from 2026-01-31 --to 2026-02-01  a day\n  replay \
             --from 2h --events user.created     one event\n  replay --resume                         continue\n  replay --from 2h \
             --reset-group          move the service itself back\n\n{}",
            codes::help(CODES)
        ))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("POSITION")
                .allow_hyphen_values(true)
                .value_parser(Position::parse)
                .required_unless_present("resume")
                .help(format!("Where to begin: {POSITIONS}")),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("POSITION")
                .allow_hyphen_values(true)
                .value_parser(Position::parse)
                .default_value("end")
                .help("Where to end, excluding that record; `end`: the current ends of the partitions"),
        )
        .arg(
            flag("resume", "Continue the interrupted replay, to its original end")
                .conflicts_with_all(["from", "to", "partitions", "reset-group", "no-group"]),
        )
        .arg(
            Arg::new("partitions")
                .long("partitions")
                .value_name("NUMBER,…")
                .value_delimiter(',')
                .value_parser(value_parser!(i32).range(0..))
                .help("Only these partitions"),
        )
        .arg(
            Arg::new("events")
                .long("events")
                .value_name("EVENT,…")
                .value_delimiter(',')
                .help("Only these events"),
        )
        .arg(flag("publish", "Publish what handlers return, and write dead letters"))
        .arg(flag("no-group", "Do not store the progress; it cannot be resumed"))
        .arg(
            flag("reset-group", "Do not replay: move the service's own group to --from")
                .conflicts_with_all(["publish", "no-group", "events", "to"]),
        )
        .arg(options::format())
        .arg(super::options::no_dev())
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    Request {
        from: matches.get_one("from").copied(),
        to: matches.get_one("to").copied().unwrap_or(Position::End),
        partitions: matches
            .get_many("partitions")
            .unwrap_or_default()
            .copied()
            .collect(),
        events: matches.get_many("events").unwrap_or_default().cloned().collect(),
        publish: matches.get_flag("publish"),
        no_group: matches.get_flag("no-group"),
        reset_group: matches.get_flag("reset-group"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

impl Request {
    /// Refuses a beginning that is after the end in every possible log.
    fn check_order(&self) -> Result<(), Error> {
        match self.from {
            Some(from) if from.is_after(self.to) => Err(self.empty(from, "")),
            _ => Ok(()),
        }
    }

    /// The error for an empty range.
    fn empty(&self, from: Position, place: &str) -> Error {
        let text = format!(
            "--from {from} is after --to {}{place}, so there is nothing to replay; exchange them",
            self.to
        );
        Error::new(ErrorKind::Usage, text)
    }
}

pub(super) async fn run<V: Service, R: Started<V::State>>(
    mut config: Config,
    request: Request,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<ExitCode, Error> {
    // The progress belongs to another group, so exactly-once does not apply.
    config.delivery = Delivery::AtLeastOnce;
    // And no one would read records that it moves to retry topics.
    config = config
        .without_retry_topics()
        .without_holds()
        .for_replay(request.publish);
    super::options::refuse_dev(
        request.dev,
        "a replay needs the service's state, which is inside the process of `dev`; use a real cluster",
    )?;
    config.check_run()?;
    let signals = Signals::end_at_first()?;
    if request.reset_group {
        return reset::reset(&config, &request);
    }
    request.check_order()?;
    for event in &request.events {
        catalog::find::<V>(event)?;
    }
    let cluster = Cluster::with_group(&config, &format!("{}.replay", config.group))?;
    let spans = match request.from {
        Some(from) => planned(&config, &cluster, from, &request)?,
        None => resumed(&config, &cluster)?,
    };
    let store = (!request.no_group).then_some(&cluster);
    store_progress(store, &spans, &BTreeMap::new())?;
    let state = state::<V, R>(&config, start, &signals).await?;
    let names = catalog::events::<V>();
    let decoder = match request.events.is_empty() {
        true => None,
        false => Some(Decoder::new(&config, &names)?),
    };
    signals.begin_handling(config.shutdown_deadline);
    let report = replay::<V>(&config, state, &spans, &request, decoder, store, &signals).await?;
    let text = match request.json {
        true => serde_json::to_string_pretty(&report).unwrap_or_default(),
        false => report.text(crate::cli::paint::Paint::stdout()),
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(match report.interrupted {
        true => signals.exit_code(),
        false => report.exit_code(),
    })
}

/// The selected partitions of the consumed topics.
fn topic_partitions(config: &Config, cluster: &Cluster, only: &[i32]) -> Result<Vec<TopicPartition>, Error> {
    let mut topic_partitions = Vec::new();
    for topic in config.topics.iter().filter(|topic| !topic.starts_with('^')) {
        topic_partitions.extend(cluster.topic(topic)?.topic_partitions());
    }
    if let Some(absent) = only.iter().find(|wanted| {
        !topic_partitions
            .iter()
            .any(|topic_partition| topic_partition.partition == **wanted)
    }) {
        let text = format!("none of the consumed topics has a partition {absent}");
        return Err(Error::new(ErrorKind::Usage, text));
    }
    topic_partitions.retain(|topic_partition| only.is_empty() || only.contains(&topic_partition.partition));
    if topic_partitions.is_empty() {
        return Err(Error::new(
            ErrorKind::Usage,
            "no topics are consumed by name; name some with --topics",
        ));
    }
    Ok(topic_partitions)
}

fn planned(
    config: &Config,
    cluster: &Cluster,
    from: Position,
    request: &Request,
) -> Result<BTreeMap<TopicPartition, Span>, Error> {
    let topic_partitions = topic_partitions(config, cluster, &request.partitions)?;
    let (begin, end) = (
        from.resolve(cluster, &topic_partitions)?,
        request.to.resolve(cluster, &topic_partitions)?,
    );
    if is_after(&begin, &end) {
        return Err(request.empty(from, " in every partition"));
    }
    Ok(spans(&begin, &end))
}

/// The rest of the previous replay.
fn resumed(config: &Config, cluster: &Cluster) -> Result<BTreeMap<TopicPartition, Span>, Error> {
    let known = cluster.committed_with_metadata(&topic_partitions(config, cluster, &[])?)?;
    let spans: BTreeMap<_, _> = known
        .into_iter()
        .filter_map(|(topic_partition, (offset, metadata))| {
            Some((topic_partition, Span::resume(offset, &metadata)?))
        })
        .collect();
    if spans.is_empty() {
        let text = format!(
            "there is no replay of group `{}` to resume; start one with --from",
            config.group
        );
        return Err(Error::new(ErrorKind::Usage, text));
    }
    Ok(spans
        .into_iter()
        .filter(|(_, span)| span.from < span.to)
        .collect())
}

/// Stores the progress.
fn store_progress(
    cluster: Option<&Cluster>,
    spans: &BTreeMap<TopicPartition, Span>,
    done: &BTreeMap<TopicPartition, i64>,
) -> Result<(), Error> {
    let Some(cluster) = cluster else { return Ok(()) };
    let commits: Vec<_> = spans
        .iter()
        .map(|(topic_partition, span)| {
            let offset = done.get(topic_partition).copied().unwrap_or(span.from);
            (topic_partition.clone(), offset, Some(span.metadata()))
        })
        .collect();
    if commits.is_empty() {
        Ok(())
    } else {
        cluster.commit(&commits)
    }
}

/// The state of the reading thread.
#[derive(Default)]
struct Reading {
    /// The number of records passed to the service.
    pushed: AtomicU64,
    /// The number of records read.
    passed: AtomicU64,
    done: AtomicBool,
    stop: AtomicBool,
}

// Long, because service, reader and progress live in one scope: each ends before it does, however the others end.
async fn replay<V: Service>(
    config: &Config,
    state: V::State,
    spans: &BTreeMap<TopicPartition, Span>,
    request: &Request,
    decoder: Option<Decoder>,
    store: Option<&Cluster>,
    signals: &Signals,
) -> Result<Report, Error> {
    let began = Instant::now();
    let total = spans.values().map(|span| span.len()).sum();
    let (source, feed) = history(
        spans
            .keys()
            .map(|topic_partition| (topic_partition.topic.clone(), topic_partition.partition)),
    );
    let tally = Tally::default();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let builder = service::<V>(config, state, request.publish, &tally)?.source(source);
    let mut service = tokio::spawn(builder.run(async move { _ = stopped.await }));
    let reading = Arc::new(Reading::default());
    let wanted = decoder.map(|decoder| (decoder, request.events.clone()));
    let reader = start_reading(config, spans, &feed, &reading, wanted);
    let progress = Progress::new("replaying", total);
    let mut interrupted = false;
    let ended = loop {
        tokio::select! {
            ended = &mut service => break Some(ended),
            () = tokio::time::sleep(EVERY) => {}
            () = signals.first() => {
                interrupted = true;
                break None;
            }
        }
        let passed = reading.passed.load(Ordering::Relaxed);
        progress.at(passed.saturating_sub(feed.waiting() as u64));
        store_progress(store, spans, &done(&feed))?;
        if is_over(&reader, &reading, &tally) {
            break None;
        }
    };
    reading.stop.store(true, Ordering::Release);
    drop(stop);
    let ended = match ended {
        Some(ended) => ended,
        None => service.await,
    };
    progress.end();
    let read = reader.await;
    let failed = |what: &str| Error::new(ErrorKind::Internal, what.to_owned());
    let finished = ended.map_err(|error| failed("the runtime's task ended").caused_by(error))?;
    let read = read.map_err(|error| failed("the reading thread ended").caused_by(error))?;
    let is_all = !interrupted && finished.is_ok() && read.is_ok() && reading.done.load(Ordering::Acquire);
    let done = match is_all {
        // Including offsets at the end that have no record.
        true => ends(spans),
        false => done(&feed),
    };
    store_progress(store, spans, &done)?;
    finished.map_err(at_start::<V>)?;
    read?;
    Ok(Report::new(
        V::NAME,
        config,
        spans,
        request.publish,
        tally.now(),
        began.elapsed(),
        interrupted,
    ))
}

/// The replaying service, without its source.
fn service<V: Service>(
    config: &Config,
    state: V::State,
    publish: bool,
    tally: &Tally,
) -> Result<Builder<V>, Error> {
    let builder = crate::Runtime::<V>::builder(state)
        .config(config)
        .registry(RestRegistry::new(&config.registry)?)
        .observer(tally.clone());
    if publish {
        let publisher = KafkaPublisher::new(config)
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
        return Ok(builder.publisher(publisher));
    }
    let tally = tally.clone();
    Ok(builder.publisher(Muted(move || tally.mute())))
}

/// Whether every record is read and settled, or reading has failed.
fn is_over(reader: &JoinHandle<Result<(), Error>>, reading: &Reading, tally: &Tally) -> bool {
    // In this order: the thread sets `done` before it ends.
    let has_ended = reader.is_finished();
    let is_read = reading.done.load(Ordering::Acquire);
    let is_settled = tally.settled() >= reading.pushed.load(Ordering::Acquire);
    // A thread that has ended without setting `done` has failed.
    (is_read && is_settled) || (has_ended && !is_read)
}

/// The ends of the spans.
fn ends(spans: &BTreeMap<TopicPartition, Span>) -> BTreeMap<TopicPartition, i64> {
    let ends = spans
        .iter()
        .map(|(topic_partition, span)| (topic_partition.clone(), span.to));
    ends.collect()
}

/// The offsets up to which the service has settled the records.
fn done(feed: &HistoryFeed) -> BTreeMap<TopicPartition, i64> {
    let known = feed.committed().into_iter();
    known
        .map(|((topic, partition), offset)| (TopicPartition { topic, partition }, offset))
        .collect()
}

/// Starts the thread that reads the spans. `wanted` has the events to pass on, if not all.
fn start_reading(
    config: &Config,
    spans: &BTreeMap<TopicPartition, Span>,
    feed: &HistoryFeed,
    reading: &Arc<Reading>,
    wanted: Option<(Decoder, Vec<String>)>,
) -> JoinHandle<Result<(), Error>> {
    let (config, spans) = (config.clone(), spans.clone());
    let (feed, reading) = (feed.clone(), Arc::clone(reading));
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || read(&config, &spans, &feed, &reading, wanted, &handle))
}

/// Reads the spans, topic after topic, and passes on the wanted records, no faster than they are handled.
fn read(
    config: &Config,
    spans: &BTreeMap<TopicPartition, Span>,
    feed: &HistoryFeed,
    reading: &Reading,
    mut wanted: Option<(Decoder, Vec<String>)>,
    handle: &tokio::runtime::Handle,
) -> Result<(), Error> {
    let topics: BTreeSet<&str> = spans
        .keys()
        .map(|topic_partition| topic_partition.topic.as_str())
        .collect();
    for topic in topics {
        let mut open: BTreeMap<i32, Span> = spans
            .iter()
            .filter(|(topic_partition, _)| topic_partition.topic == topic)
            .map(|(topic_partition, span)| (topic_partition.partition, *span))
            .collect();
        let from = open
            .iter()
            .map(|(partition, span)| (*partition, span.from))
            .collect();
        let mut reader = Reader::new(config, topic, &from)?;
        while !open.is_empty() {
            if reading.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            if feed.waiting() >= MAX_WAITING {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            match reader.next(POLL)? {
                Read::Record(record) => {
                    let Some(span) = open.get(&record.partition()).copied() else {
                        continue;
                    };
                    if record.offset() + 1 >= span.to {
                        open.remove(&record.partition());
                    }
                    if record.offset() >= span.to {
                        continue;
                    }
                    reading.passed.fetch_add(1, Ordering::Relaxed);
                    if is_wanted(&record, &mut wanted, handle)? {
                        reading.pushed.fetch_add(1, Ordering::AcqRel);
                        feed.push(record);
                    }
                }
                Read::End(partition) => drop(open.remove(&partition)),
                Read::Nothing => {}
            }
        }
    }
    reading.done.store(true, Ordering::Release);
    Ok(())
}

/// Whether a record is one of the wanted events.
fn is_wanted(
    record: &Record,
    wanted: &mut Option<(Decoder, Vec<String>)>,
    handle: &tokio::runtime::Handle,
) -> Result<bool, Error> {
    let Some((decoder, events)) = wanted else {
        return Ok(true);
    };
    let event = handle.block_on(decoder.event(record))?;
    Ok(event.is_some_and(|event| events.contains(&event)))
}
