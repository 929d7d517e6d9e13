//! `publish EVENT JSON`: publishes one event or many, checked against the schema.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches};
use serde::Serialize;
use uuid::Uuid;

use super::payload::{Encoder, Payload, not_json};
use super::progress::Progress;
use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::codes::{self, Codes};
use crate::cli::command::Command;
use crate::cli::options;
use crate::cli::output::{print_error, print_line, unless_closed};
use crate::cli::quietly::quietly;
use crate::cli::running_dev::point_to_dev;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::config::check::{TOPIC, is_topic};
use crate::config::topic::{INTERNAL, is_internal};
use crate::handler::Service;
use crate::handler::event::EventInfo;
use crate::publish::partitions::{Partitions, Way};
use crate::publish::routes::Routes;
use crate::publish::{KafkaPublisher, Message, PublishError, PublishErrorKind, Publisher, Undelivered};
use crate::publish::{envelope, producer};
use crate::schema::registry::SchemaRegistry;
use crate::schema::writers::Schemas;

mod payloads;

use payloads::Payloads;

/// How long to wait for the next delivery.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a signal: how long to wait for messages in flight, counted from the last delivery.
const AFTER_SIGNAL: Duration = Duration::from_secs(1);

/// The exit codes.
pub(in crate::cli) const CODES: &Codes = &[
    (0, "done"),
    (2, "the command line, the event or a payload is wrong"),
    (69, "there is no `dev` to publish to"),
    (70, "the brokers or the registry are unavailable, or refuse it"),
    (78, "the configuration is wrong, or no topic is set"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the output has the number of published events",
    ),
];

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
struct Request {
    event: String,
    /// JSON, `@file` or `-`.
    payload: String,
    key: Option<String>,
    topic: Option<String>,
    json: bool,
    /// Whether to publish to the `dev` that runs in this folder.
    dev: bool,
}

pub(super) fn entry<V: Service, S>() -> Command<S> {
    Command::new(command(), |matches, effective, _| {
        quietly(effective, |config| {
            publish::<V>(config.without_transactions(), request(matches))
        })
    })
}

fn command() -> clap::Command {
    clap::Command::new("publish")
        .about("Publishes an event, or many, checked against its schema")
        .after_help(format!(
            "Examples:\n  publish user.create '{{\"email\": \"ada@example.org\"}}'\n  publish user.create @event.json \
             --key ada\n  publish user.create - < events.ndjson              all of them, in order\n\n{}",
            codes::help(CODES)
        ))
        .arg(Arg::new("event").value_name("EVENT").required(true).help("The event's name"))
        .arg(
            Arg::new("payload")
                .value_name("JSON")
                .required(true)
                .allow_hyphen_values(true)
                .help("The payload: JSON, @FILE, or - for standard input; several, one after another (NDJSON), are all published"),
        )
        .arg(Arg::new("key").long("key").value_name("KEY").help("The record's key [default: the field that the schema names]"))
        .arg(Arg::new("topic").long("topic").value_name("TOPIC").help("The topic [default: as configured]").value_parser(topic_name))
        .arg(options::format())
        .arg(options::dev("Publish to the `dev` that runs in this folder"))
}

/// Parses the name of a topic to write to.
pub(super) fn topic_name(text: &str) -> Result<String, String> {
    if !is_topic(text) {
        return Err(format!("not a valid topic name; expected {TOPIC}"));
    }
    if is_internal(text) {
        return Err(format!("it is {INTERNAL}"));
    }
    Ok(text.to_owned())
}

fn request(matches: &ArgMatches) -> Request {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    Request {
        event: text("event").unwrap_or_default(),
        payload: text("payload").unwrap_or_default(),
        key: text("key"),
        topic: text("topic"),
        json: options::is_json(matches),
        dev: options::is_dev(matches),
    }
}

async fn publish<V: Service>(mut config: Config, request: Request) -> Result<ExitCode, Error> {
    let info = catalog::find::<V>(&request.event)?;
    let encoder = Encoder::new(info)?;
    let signals = Signals::end_at_first()?;
    let mut payloads = Payloads::open(&request.payload)?;
    // A mistake in the first payload is reported before any connection is made.
    let Some(first) = payloads.next(&signals).await else {
        let text = format!("no payload for `{}` was given", info.name);
        return Err(Error::new(ErrorKind::Usage, text));
    };
    let first = encoder.encode(first.map_err(|error| not_json(info, error))?)?;
    point_to_dev::<V>(&mut config, request.dev)?;
    config.check_brokers()?;
    let topic = match request.topic {
        Some(topic) => topic,
        None => catalog::topic::<V>(&config, info)?,
    };
    config.publish.topics.insert(info.name.to_owned(), topic.clone());
    let (registry, publisher) = connect(&config)?;
    let messages = Messages {
        info,
        key: request.key.map(String::into_bytes),
        source: envelope::source(&config),
        routes: Routes::new(&config, Arc::new(Schemas::new(registry, V::HANDLERS))),
        partitions: Partitions::new(publisher.clone()),
    };
    let mut bulk = Bulk::new(&publisher, info.name, &config, &topic);
    signals.finish_first();
    let failure = send_all(&messages, &mut bulk, &encoder, first, &mut payloads, &signals).await;
    let delivered = bulk.finish(&signals).await;
    match delivered.err().or(failure) {
        Some(error) => Err(bulk.failure(error)),
        None => {
            let published = bulk.published(signals.received());
            if published.unconfirmed > 0 {
                print_error(&published.unconfirmed_text(&bulk.brokers));
            }
            let text = if request.json {
                serde_json::to_string_pretty(&published).unwrap_or_default()
            } else {
                published.text()
            };
            print_line(&text).or_else(unless_closed)?;
            Ok(if published.interrupted {
                signals.exit_code()
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

/// Sends the first payload and all that follow, until one fails or a signal is received. Returns the failure.
async fn send_all(
    messages: &Messages,
    bulk: &mut Bulk<'_>,
    encoder: &Encoder<'_>,
    first: Payload,
    payloads: &mut Payloads,
    signals: &Signals,
) -> Option<Error> {
    let mut payload = Some(Ok(first));
    while let Some(encoded) = payload {
        let send = async { bulk.send(messages.message(encoded?).await?).await };
        // A message that still waits for a broker or the registry is dropped; it is not in flight yet.
        let sent = tokio::select! {
            sent = send => sent,
            () = signals.first() => return None,
        };
        if let Err(error) = sent {
            return Some(error);
        }
        let value = payloads.next(signals).await;
        payload = value.map(|value| encoder.encode(value.map_err(|error| not_json(messages.info, error))?));
    }
    None
}

/// Makes messages of payloads.
struct Messages {
    info: &'static EventInfo,
    /// The key of all messages, if the command line has one.
    key: Option<Vec<u8>>,
    source: String,
    routes: Routes,
    partitions: Partitions,
}

impl Messages {
    async fn message(&self, payload: Payload) -> Result<Message, Error> {
        let key = self.key.clone().or(payload.key);
        let mut message = message(
            &self.source,
            &self.routes,
            self.info,
            payload.datum,
            key,
            Uuid::now_v7(),
        )
        .await?;
        place(&self.partitions, &self.routes, self.info, &mut message).await?;
        Ok(message)
    }
}

/// The result.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Published<'a> {
    event: &'a str,
    topic: &'a str,
    /// How many events the brokers have confirmed.
    published: u64,
    /// Whether a signal came before all were sent.
    interrupted: bool,
    /// How many more were in flight then, without an answer from the brokers.
    unconfirmed: u64,
}

impl Published<'_> {
    fn text(&self) -> String {
        match self.published {
            1 => format!("published {} to {}", self.event, self.topic),
            count => format!("published {count} of {} to {}", self.event, self.topic),
        }
    }

    fn unconfirmed_text(&self, brokers: &str) -> String {
        format!(
            "whether {brokers} have the next {} of {} is unknown: no answer arrived before the command ended",
            self.unconfirmed, self.event
        )
    }
}

/// The messages in flight, in order.
struct Bulk<'a> {
    publisher: &'a KafkaPublisher,
    event: &'static str,
    topic: String,
    brokers: String,
    sent: u64,
    deliveries: Arc<Deliveries>,
    progress: Option<Progress>,
}

/// The brokers' answers so far.
#[derive(Default)]
struct Deliveries {
    delivered: AtomicU64,
    failed: Mutex<Option<PublishError>>,
}

impl<'a> Bulk<'a> {
    fn new(publisher: &'a KafkaPublisher, event: &'static str, config: &Config, topic: &str) -> Self {
        Self {
            publisher,
            event,
            topic: topic.to_owned(),
            brokers: config.brokers.join(", "),
            sent: 0,
            deliveries: Arc::default(),
            progress: None,
        }
    }

    /// Sends a message, waiting while the queue is full.
    async fn send(&mut self, mut message: Message) -> Result<(), Error> {
        if self.sent == 1 {
            self.progress = Some(Progress::counting("published"));
        }
        if let Some(progress) = &self.progress {
            progress.at(self.delivered());
        }
        let mut waits = Waits::new(self.delivered());
        loop {
            self.failed()?;
            let deliveries = Arc::clone(&self.deliveries);
            let done = Box::new(move |result: Result<(), Undelivered>| deliveries.note(result));
            match self.publisher.send(message, done) {
                Ok(()) => {
                    self.sent += 1;
                    return Ok(());
                }
                Err(rejected) => message = rejected.message,
            }
            self.wait(&mut waits).await?;
        }
    }

    /// Waits until all messages are delivered; after a signal, only as long as deliveries go on.
    async fn finish(&mut self, signals: &Signals) -> Result<(), Error> {
        let mut waits = Waits::new(self.delivered());
        while self.delivered() < self.sent {
            self.failed()?;
            self.wait(&mut waits).await?;
            if signals.received() && waits.since.elapsed() > AFTER_SIGNAL {
                break;
            }
        }
        self.progress = None;
        Ok(())
    }

    /// Waits briefly. Returns an error if there was no delivery for [`PATIENCE`].
    async fn wait(&self, waits: &mut Waits) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if waits.is_over(self.delivered()) {
            let text = format!(
                "`{}` was not delivered to topic `{}` within {PATIENCE:?}; is {} up?",
                self.event, self.topic, self.brokers
            );
            return Err(Error::new(ErrorKind::Publish, text));
        }
        Ok(())
    }

    /// The result, once all is sent.
    fn published(&self, interrupted: bool) -> Published<'_> {
        let published = self.delivered();
        Published {
            event: self.event,
            topic: &self.topic,
            published,
            interrupted,
            unconfirmed: self.sent - published,
        }
    }

    /// Adds to an error which payload was not published, if there is more than one.
    fn failure(&self, error: Error) -> Error {
        let count = self.delivered();
        if count == 0 && self.sent <= 1 {
            return error;
        }
        let text = format!(
            "payload {} of `{}` was not published; the {count} before it were",
            count + 1,
            self.event
        );
        Error::new(error.kind(), text).caused_by(error)
    }

    fn delivered(&self) -> u64 {
        self.deliveries.delivered.load(Ordering::Acquire)
    }

    fn failed(&self) -> Result<(), Error> {
        let failed = self
            .deliveries
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map_or(Ok(()), |error| Err(self::failed(error)))
    }
}

impl Deliveries {
    fn note(&self, result: Result<(), Undelivered>) {
        match result {
            Ok(()) => drop(self.delivered.fetch_add(1, Ordering::AcqRel)),
            Err(undelivered) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(undelivered.error);
            }
        }
    }
}

/// The time since the last delivery.
struct Waits {
    delivered: u64,
    since: Instant,
}

impl Waits {
    fn new(delivered: u64) -> Self {
        Self {
            delivered,
            since: Instant::now(),
        }
    }

    fn is_over(&mut self, delivered: u64) -> bool {
        if delivered > self.delivered {
            *self = Self::new(delivered);
        }
        self.since.elapsed() > PATIENCE
    }
}

/// An event as a message, as the service itself would publish it.
pub(crate) async fn message(
    source: &str,
    routes: &Routes,
    info: &'static EventInfo,
    datum: Vec<u8>,
    key: Option<Vec<u8>>,
    id: Uuid,
) -> Result<Message, Error> {
    let message = producer::message(source, routes, info, datum, key, id).await;
    message.map_err(|error| failed(&error))
}

/// Chooses the partition of a message, as the service itself would.
async fn place(
    partitions: &Partitions,
    routes: &Routes,
    info: &'static EventInfo,
    message: &mut Message,
) -> Result<(), Error> {
    let placed = match routes.of(info) {
        Ok(route) => partitions.place(message, Way::of(None, route.partitioning)).await,
        Err(error) => Err(error),
    };
    placed.map_err(|error| failed(&error))
}

/// The clients of the broker and the registry. A missing `registry.url` is an error that names the setting.
fn connect(config: &Config) -> Result<(Arc<dyn SchemaRegistry>, Arc<KafkaPublisher>), Error> {
    #[cfg(feature = "registry")]
    let registry = crate::schema::registry::RestRegistry::new(&config.registry)?;
    #[cfg(not(feature = "registry"))]
    let registry = crate::schema::registry::EmbeddedRegistry::new();
    let publisher = KafkaPublisher::new(config)
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
    Ok((Arc::new(registry), Arc::new(publisher)))
}

/// Converts an error of the publisher into an error of the command.
pub(in crate::cli) fn failed(error: &PublishError) -> Error {
    let kind = match error.kind() {
        PublishErrorKind::NoTopic => ErrorKind::Configuration,
        PublishErrorKind::Schema | PublishErrorKind::Registry => ErrorKind::Schema,
        _ => ErrorKind::Publish,
    };
    Error::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::snapshot::is_snapshot;

    fn parse(arguments: &[&str]) -> Result<Request, clap::Error> {
        let matches = command().try_get_matches_from([&["publish"], arguments].concat())?;
        Ok(request(&matches))
    }

    fn refused(arguments: &[&str]) -> (i32, String) {
        let error = parse(arguments).unwrap_err();
        (error.exit_code(), error.to_string())
    }

    #[test]
    fn publish_takes_an_event_and_a_payload() {
        let request = parse(&["a.b", "-", "--key", "k", "--topic", "t"]).unwrap();
        assert_eq!(
            (request.event.as_str(), request.payload.as_str(), request.dev),
            ("a.b", "-", false)
        );
        assert_eq!(
            (request.key.as_deref(), request.topic.as_deref()),
            (Some("k"), Some("t"))
        );
        assert_eq!(refused(&["a.b"]).0, 2);
    }

    #[test]
    fn an_internal_topic_of_kafka_is_refused() {
        for topic in ["__consumer_offsets", "__transaction_state", "__cluster_metadata"] {
            let (code, text) = refused(&["a.b", "-", "--topic", topic]);
            assert!(code == 2 && text.contains("it is Kafka's own"), "{text}");
        }
        assert!(parse(&["a.b", "-", "--topic", "__ours"]).is_ok());
    }

    #[test]
    fn an_invalid_topic_is_a_mistake_of_the_command_line() {
        for topic in ["", "a b", ".."] {
            let (code, text) = refused(&["a.b", "-", "--topic", topic]);
            assert!(code == 2 && text.contains("--topic"), "{text}");
        }
    }

    #[test]
    fn the_result_is_printed_as_text_and_as_json() {
        let mut published = Published {
            event: "shop.order_placed",
            topic: "shop",
            published: 1,
            interrupted: false,
            unconfirmed: 0,
        };
        assert_eq!(published.text(), "published shop.order_placed to shop");
        published.published = 500;
        assert_eq!(published.text(), "published 500 of shop.order_placed to shop");
        is_snapshot(
            "publish/snapshots/publish.json",
            &serde_json::to_string_pretty(&published).unwrap(),
        );
    }
}
