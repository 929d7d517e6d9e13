//! `tail`: shows the records of topics, decoded, as they arrive.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::decoder::Decoder;
use super::position::{POLL, POSITIONS, Position};
use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::codes::{self, Codes};
use crate::cli::options;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::cli::running_dev::point_to_dev;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::handler::Service;
use crate::kafka::cluster::{Bounds, Cluster, TopicPartition};
use crate::kafka::reader::{Read, Reader};
use crate::record::Record;

mod filter;
mod line;
#[cfg(test)]
mod tests;

use filter::{Field, Filter};
use line::Line;

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "ended by Ctrl-C, --max or --until-end"),
    (2, "the command line is wrong"),
    (69, "the cluster is unavailable"),
    (70, "the registry is unavailable, or the cluster failed partway"),
    (78, "the configuration is wrong"),
    (130, "ended by Ctrl-C while no server answered, 143 by SIGTERM"),
];

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    /// The name of a topic or an event.
    what: Option<String>,
    from: Position,
    partitions: Vec<i32>,
    filter: Filter,
    raw: bool,
    headers: bool,
    max: Option<u64>,
    /// Whether to end at the topic's current end.
    until_end: bool,
    json: bool,
    dev: bool,
}

pub(super) fn command() -> Command {
    let many = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .action(ArgAction::Append)
            .help(help)
    };
    Command::new("tail")
        .about("Shows the records of a topic or of an event, decoded, as they arrive")
        .long_about(
            "Shows records as they arrive, until Ctrl-C, each decoded with its writer's schema. It does not join the service's \
             group, and commits nothing.\n\nWithout a name it shows the topics that the service consumes. The name of an event of this \
             program shows only that event, in its topic; any other name is a topic's.",
        )
        .after_help(format!(
            "Examples:\n  tail                                         the consumed topics, from now on\n  tail user.created --from 15m \
             --key ada         one event and key, the last 15 minutes\n  tail accounts --from -10 --until-end         the \
             last ten of each partition\n  tail --from beginning --where amount=0       until one is found: add --max 1\n  tail \
             --raw --headers --format json          undecoded, for another program\n\n{}",
            codes::help(CODES)
        ))
        .arg(Arg::new("what").value_name("TOPIC|EVENT").help("A topic or an event [default: the consumed topics]"))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("POSITION")
                .default_value("end")
                .allow_hyphen_values(true)
                .value_parser(Position::parse)
                .help(format!("Where to begin: {POSITIONS}")),
        )
        .arg(many("partition", "NUMBER", "Only this partition; may be repeated").value_parser(value_parser!(i32).range(0..)))
        .arg(many("event", "EVENT", "Only this event; may be repeated"))
        .arg(many("key", "KEY", "Only records with this key; may be repeated"))
        .arg(
            many("where", "FIELD=VALUE", "Only records whose field has this value, as printed; may be repeated, all must match")
                .value_parser(Field::parse),
        )
        .arg(Arg::new("raw").long("raw").action(ArgAction::SetTrue).conflicts_with("where").help("Do not decode; needs no registry"))
        .arg(Arg::new("headers").long("headers").action(ArgAction::SetTrue).help("Show headers as well"))
        .arg(
            Arg::new("max")
                .long("max")
                .value_name("RECORDS")
                .value_parser(value_parser!(u64).range(1..))
                .help("End after this many"),
        )
        .arg(
            Arg::new("until-end")
                .long("until-end")
                .action(ArgAction::SetTrue)
                .help("End at the current ends of the partitions, instead of waiting for more"),
        )
        .arg(options::format().help("The output format; json is one object per line"))
        .arg(options::dev("Read from the `dev` that runs in this folder"))
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    let texts = |name: &str| {
        matches
            .get_many::<String>(name)
            .unwrap_or_default()
            .cloned()
            .collect()
    };
    Request {
        what: matches.get_one::<String>("what").cloned(),
        from: matches.get_one("from").copied().unwrap_or(Position::End),
        partitions: matches
            .get_many("partition")
            .unwrap_or_default()
            .copied()
            .collect(),
        filter: Filter {
            events: texts("event"),
            keys: texts("key"),
            fields: matches
                .get_many::<Field>("where")
                .unwrap_or_default()
                .cloned()
                .collect(),
        },
        raw: matches.get_flag("raw"),
        headers: matches.get_flag("headers"),
        max: matches.get_one("max").copied(),
        until_end: matches.get_flag("until-end"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

pub(super) async fn run<V: Service>(mut config: Config, mut request: Request) -> Result<ExitCode, Error> {
    request.from.check_dev(request.dev)?;
    point_to_dev::<V>(&mut config, request.dev)?;
    config.check_brokers()?;
    let signals = Signals::end_at_first()?;
    let events = catalog::events::<V>();
    let decoder = match request.raw {
        true => None,
        false => Some(Decoder::new(&config, &events)?),
    };
    let cluster = Cluster::new(&config)?;
    let topics = topics::<V>(&config, &cluster, &mut request)?;
    let mut tails = Vec::new();
    for topic in &topics {
        tails.extend(Tail::open(&config, &cluster, topic, &request)?);
    }
    let names = events
        .iter()
        .map(|info| info.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut printer = Printer {
        decoder,
        request,
        names,
        printed: 0,
    };
    signals.finish_first();
    follow(&mut tails, &mut printer, &signals).await?;
    Ok(ExitCode::SUCCESS)
}

/// The topics to read. An event's name is also added to the filter.
fn topics<V: Service>(
    config: &Config,
    cluster: &Cluster,
    request: &mut Request,
) -> Result<Vec<String>, Error> {
    let plain = || {
        config
            .topics
            .iter()
            .filter(|topic| !topic.starts_with('^'))
            .cloned()
            .collect::<Vec<_>>()
    };
    let Some(name) = request.what.clone() else {
        let topics = plain();
        if topics.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "no topics are consumed by name; name a topic to show",
            ));
        }
        return Ok(topics);
    };
    if let Ok(info) = catalog::find::<V>(&name) {
        request.filter.events.push(info.name.to_owned());
        // Without a topic of its own, a handled event arrives in the consumed topics.
        return Ok(catalog::topic::<V>(config, info).map_or_else(|_| plain(), |topic| vec![topic]));
    }
    if cluster.find(&name)?.is_some() {
        return Ok(vec![name]);
    }
    let mut known: Vec<String> = catalog::events::<V>()
        .iter()
        .map(|info| info.name.to_owned())
        .collect();
    known.extend(cluster.topics()?.into_keys());
    let meant =
        kaufmann_avro::suggest::closest(&name, &known).map(|meant| format!("; did you mean `{meant}`?"));
    let text = format!(
        "`{name}` is neither an event of {} nor a topic of {}{}",
        V::NAME,
        config.brokers.join(","),
        meant.unwrap_or_default()
    );
    Err(Error::new(ErrorKind::Usage, text))
}

/// The reader of one topic.
struct Tail {
    reader: Reader,
    /// The partitions that are not read to their ends, with these ends.
    open: BTreeMap<i32, i64>,
}

impl Tail {
    /// Opens a topic; `None` if there is nothing to read.
    fn open(
        config: &Config,
        cluster: &Cluster,
        topic: &str,
        request: &Request,
    ) -> Result<Option<Self>, Error> {
        let found = cluster.topic(topic)?;
        if let Some(absent) = request
            .partitions
            .iter()
            .find(|partition| **partition >= found.partitions)
        {
            let text = format!(
                "topic `{topic}` has no partition {absent}; it has {}, from 0",
                found.partitions
            );
            return Err(Error::new(ErrorKind::Usage, text));
        }
        let is_wanted = |topic_partition: &TopicPartition| {
            request.partitions.is_empty() || request.partitions.contains(&topic_partition.partition)
        };
        let topic_partitions: Vec<_> = found.topic_partitions().filter(is_wanted).collect();
        let mut ends = BTreeMap::new();
        let mut from = BTreeMap::new();
        for (topic_partition, offset) in request.from.resolve(cluster, &topic_partitions)? {
            let Bounds { end, .. } = cluster.bounds(&topic_partition)?;
            if !request.until_end || offset < end {
                from.insert(topic_partition.partition, offset);
                ends.insert(topic_partition.partition, end);
            }
        }
        if from.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            reader: Reader::new(config, topic, &from)?,
            open: ends,
        }))
    }

    /// Whether to show a record; closes its partition at the end.
    fn takes(&mut self, record: &Record, until_end: bool) -> bool {
        if !until_end {
            return true;
        }
        let partition = record.partition();
        let Some(end) = self.open.get(&partition).copied() else {
            return false;
        };
        if record.offset() + 1 >= end {
            self.open.remove(&partition);
        }
        record.offset() < end
    }
}

/// Reads all topics in turn, until enough is printed, a signal is received, or standard output is closed.
async fn follow(tails: &mut Vec<Tail>, printer: &mut Printer, signals: &Signals) -> Result<(), Error> {
    let until_end = printer.request.until_end;
    while !tails.is_empty() {
        let patience = POLL / u32::try_from(tails.len()).unwrap_or(u32::MAX);
        for tail in &mut *tails {
            // One topic must not delay the others, or a signal.
            let mut patience = patience;
            for _ in 0..1000 {
                if signals.received() {
                    return Ok(());
                }
                match tail.reader.next(patience)? {
                    Read::Record(record) => {
                        if tail.takes(&record, until_end) && printer.print(&record).await?.is_enough() {
                            return Ok(());
                        }
                    }
                    // Transaction markers may follow the last record.
                    Read::End(partition) => drop(tail.open.remove(&partition)),
                    Read::Nothing => break,
                }
                patience = Duration::ZERO;
            }
        }
        if until_end {
            tails.retain(|tail| !tail.open.is_empty());
        }
    }
    Ok(())
}

/// Decodes, filters and prints.
struct Printer {
    decoder: Option<Decoder>,
    request: Request,
    /// The width of the column of events.
    names: usize,
    printed: u64,
}

/// Whether to continue.
enum Next {
    More,
    Enough,
}

impl Next {
    fn is_enough(&self) -> bool {
        matches!(self, Self::Enough)
    }
}

impl Printer {
    async fn print(&mut self, record: &Record) -> Result<Next, Error> {
        let key = record.key().map(super::shown::printable);
        let filter = &self.request.filter;
        if !filter.admits_key(key.as_deref()) {
            return Ok(Next::More);
        }
        let line = match &mut self.decoder {
            None => Line::raw(record),
            Some(decoder) => Line::decoded(record, decoder.decode(record).await?),
        };
        if !filter.admits(line.event.as_deref(), line.payload.as_ref()) {
            return Ok(Next::More);
        }
        let text = match self.request.json {
            true => line.to_json(),
            false => line.text(self.names, self.request.headers, Paint::stdout()),
        };
        if let Err(error) = print_line(&text) {
            return unless_closed(error).map(|()| Next::Enough);
        }
        self.printed += 1;
        let is_enough = self.request.max.is_some_and(|max| self.printed >= max);
        Ok(if is_enough { Next::Enough } else { Next::More })
    }
}
