//! What can be set, and what it is when nobody sets it.
//!
//! [`Config`] is plain data; a program may build it itself. The generated main reads it from `kaufmann.toml`, from
//! `KAUFMANN_*` and from flags: each layer wins over the one before, key by key. `Loader` does the same for other mains.
//!
//! A new key is a field here and a row in `config/keys.rs`; file, variable, flag, help and listing follow from the row.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;

pub(crate) mod back_off;
mod duration;
#[cfg(any(feature = "cli", feature = "kafka"))]
pub(crate) mod group;
mod kafka_properties;
mod secret;
pub(crate) mod topic;

#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "without the command line only bounds are checked")
)]
pub(crate) mod check;
#[cfg_attr(
    not(all(feature = "cli", feature = "kafka")),
    allow(dead_code, reason = "without the commands declarations are only checked")
)]
pub(crate) mod declared;
#[cfg(feature = "cli")]
mod effective;
#[cfg(feature = "cli")]
mod environment;
#[cfg(feature = "cli")]
mod file;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "without the command line values are checked, not read")
)]
pub(crate) mod keys;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "without the command line values are checked, not read")
)]
pub(crate) mod kind;
#[cfg(feature = "cli")]
mod layers;
pub(crate) mod limits;
#[cfg(feature = "cli")]
mod load;
#[cfg_attr(
    not(feature = "cli"),
    allow(
        dead_code,
        reason = "without the command line there are no places and no unknown names"
    )
)]
mod problem;

#[cfg(feature = "cli")]
pub use effective::{Effective, Origin, Setting};
pub use kafka_properties::KafkaProperties;
#[cfg(feature = "cli")]
pub use load::Loader;
pub use secret::Secret;
#[cfg(any(feature = "cli", feature = "kafka"))]
pub(crate) use secret::is_secret;
#[cfg_attr(
    not(any(feature = "cli", feature = "kafka", feature = "registry")),
    allow(unused_imports, reason = "only what shows settings or URLs needs it")
)]
pub(crate) use secret::without_credentials;

/// The configuration of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The brokers to start from, each `host:port`.
    pub brokers: Vec<String>,
    /// The consumer group.
    pub group: String,
    /// The topics to consume.
    pub topics: Vec<String>,
    /// What is handled one after another.
    pub ordering: Ordering,
    /// The same for single topics, by their names.
    pub topic_ordering: BTreeMap<String, Ordering>,
    /// What a crash may do to a record: repeat it, or lose it.
    pub delivery: Delivery,
    /// How transactions are made with `delivery = "exactly_once"`.
    pub exactly_once: ExactlyOnceConfig,
    /// How many events may be running at once. Default: 50.
    pub max_in_flight: usize,
    /// How many records of one partition may be unsettled. Default: 4,096.
    pub max_unsettled: usize,
    /// How many bytes of records may be unsettled, over all partitions. Default: 64 MiB.
    pub max_bytes: usize,
    /// How often settled offsets are committed. Default: 1 s.
    #[serde(with = "duration")]
    pub commit_interval: Duration,
    /// Whether a commit also says which records above its offset are settled, so that a restart or a rebalance does not
    /// repeat them. Default: yes.
    pub commit_ahead: bool,
    /// How long the group may refuse to let this member in for a reason that may pass, such as the session of its killed predecessor, before
    /// the service ends. Default: 2 min.
    #[serde(with = "duration")]
    pub join_deadline: Duration,
    /// How long a revoked partition may take: half of it to start what must run before what was handled already, four fifths to
    /// finish what runs, all of it to commit. Default: 10 s.
    #[serde(with = "duration")]
    pub revoke_deadline: Duration,
    /// How long a shutdown may take, divided in the same way; leaving the group takes a second more at most. Default: 25 s.
    #[serde(with = "duration")]
    pub shutdown_deadline: Duration,
    /// What holds for every handler that does not say otherwise.
    pub handler: HandlerConfig,
    /// How a failing handler is tried again.
    pub retry: RetryConfig,
    /// When it is said that something lasts.
    pub watchdog: WatchdogConfig,
    /// What becomes of a record that cannot be handled.
    pub on_failure: OnFailure,
    /// Where events go.
    pub publish: PublishConfig,
    /// Where records go that cannot be handled.
    pub dead_letter: DeadLetterConfig,
    /// What topics shall be, by their names, each a table of settings: `topics plan` and `topics apply` compare them with the
    /// cluster. `*` is what holds for all of them.
    pub declare: BTreeMap<String, BTreeMap<String, String>>,
    /// The schema registry.
    pub registry: RegistryConfig,
    /// The runtime's threads; 0 means one a core.
    pub worker_threads: usize,
    /// How logs look.
    pub log: LogConfig,
    /// Properties for librdkafka, passed as they are. `KAUFMANN_KAFKA` and `--kafka` take `NAME=VALUE`; in the variable commas part
    /// several. A value with a comma has a variable of its own (`KAUFMANN_KAFKA_SASL_PASSWORD` for `sasl.password`), which takes
    /// any text as it is, as the flag and the file do.
    pub kafka: KafkaProperties,
    /// Whatever the service itself wants to read: [`Config::app`].
    app: App,
    /// What the service is started for: [`Config::mode`].
    #[serde(skip)]
    mode: Mode,
    /// Whether nothing is to be published.
    #[serde(skip)]
    is_muted: bool,
}

/// What a service is started for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Mode {
    /// To handle what comes: `run`, and whatever a program does itself.
    #[default]
    Run,
    /// To be tried on an embedded broker: `dev`.
    Dev,
    /// To handle history once more: `replay`. What handlers and background tasks do themselves happens again.
    Replay,
}

/// What is handled one after another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    /// The records of one key of one partition. A record without a key is not ordered.
    #[default]
    Key,
    /// The records of one partition.
    Partition,
    /// Nothing.
    None,
}

/// What a crash may do to a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Repeat it: its offset is committed when it is settled. Nothing is lost.
    #[default]
    AtLeastOnce,
    /// Lose it: its offset is committed, and the commit confirmed, before its handler begins. No handler begins twice with a
    /// record, whatever breaks, so nothing is retried either; a failure is the last one. At most `max_in_flight` records are
    /// committed and not settled at a time: those a crash loses.
    AtMostOnce,
    /// Repeat its handler, but not what the handler has published: events, dead letters and offsets are committed together, in
    /// transactions. Who reads the topics with `isolation.level=read_committed` sees each event once.
    ExactlyOnce,
}

/// How transactions are made with `delivery = "exactly_once"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExactlyOnceConfig {
    /// How long a transaction takes records at most before it is committed; readers see its events after that. It is committed
    /// earlier when others wait for the room that its messages take ([`PublishConfig::max_outstanding`]). Default: 100 ms.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// After how many records it is committed earlier. Default: 5,000.
    pub max_records: usize,
    /// As whom the brokers know this instance: another name for each instance that runs at the same time, and the same after a
    /// restart. Default: the group and `group.instance.id` if that is set in `[kafka]`, else a new random name at each start.
    pub transactional_id: Option<String>,
    /// After how long the brokers abort a transaction of an instance that is gone; until then readers wait at it. Default: 60 s.
    /// An instance that comes back with the same name aborts it at once. The service stops if the brokers are away for longer
    /// while a transaction is open.
    #[serde(with = "duration")]
    pub timeout: Duration,
}

/// What holds for every handler that does not say otherwise.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HandlerConfig {
    /// How long an attempt may take; then its future is dropped, and it counts as failed. Default: as long as it wants, as
    /// only the service knows what its handlers may wait for.
    #[serde(with = "duration::optional")]
    pub timeout: Option<Duration>,
}

/// What becomes of a record that cannot be handled: undecodable, of the class `dead_letter`, or failed for the last time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is written to the dead-letter topic.
    #[default]
    DeadLetter,
    /// An event `event.error.<name>` says so, in the topic of `event.error` and, if `publish.reply_to` follows it, in the one
    /// that the record names.
    ErrorEvent,
    /// Both; it is settled when the broker has both.
    Both,
    /// The service stops. The record stays unsettled and is read again by the next one.
    Stop,
}

impl OnFailure {
    /// Whether records that cannot be handled go to the dead-letter topic.
    pub(crate) fn writes_letters(self) -> bool {
        matches!(self, Self::DeadLetter | Self::Both)
    }
}

/// How a failing handler is tried again: the n-th wait is `initial × factor^(n-1)`, at most `max`, shortened at random by
/// up to `jitter`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// The first wait. Default: 200 ms.
    #[serde(with = "duration")]
    pub initial: Duration,
    /// The longest wait. Default: 30 s.
    #[serde(with = "duration")]
    pub max: Duration,
    /// By how much each wait is longer than the one before. Default: 2.
    pub factor: f64,
    /// The share of a wait that chance may take away, from 0 to 1. Default: 0.2.
    pub jitter: f64,
    /// After how many attempts a failure is the last one; 0: never. Default: 10, which the waits above spread over 65 to 81
    /// seconds. A record that is tried for ever keeps everything behind it in its partition from being committed, and in the
    /// end from being read.
    pub max_attempts: u32,
    /// How many failed records may wait to be tried again. Default: 1,000.
    pub max_waiting: usize,
    /// How many bytes of failed records may wait to be tried again; they are part of `max_bytes`. Default: 16 MiB.
    pub max_waiting_bytes: usize,
    /// Where records wait after the last of these attempts.
    pub topics: RetryTopicsConfig,
}

/// Topics in which a record waits after its last attempt, to be tried once more after each of them; after the last topic it cannot be
/// handled. Default: none. The service consumes its retry topics as well.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryTopicsConfig {
    /// How long a record waits in each topic, in the order in which it goes through them.
    #[serde(with = "duration::list")]
    pub delays: Vec<Duration>,
    /// The topics' names, one for each delay. Default: the group, `.retry.` and the delay: `orders.retry.10m`.
    pub names: Vec<String>,
}

/// When it is said that something lasts: an event that runs, a partition whose watermark stands still while records wait.
///
/// It is a warning with the event, its key (shortened), its age and its handler; of a partition with the offset that holds it
/// and why. It comes once that has lasted `after`, then each time it has lasted twice as long, and when it is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchdogConfig {
    /// After how long. Default: 60 s. It is looked at four times as often, but at most every 10 ms and at least every 5 s.
    #[serde(with = "duration")]
    pub after: Duration,
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishConfig {
    /// The topic of events for which neither `topics` nor the schema names one.
    pub topic: Option<String>,
    /// The topic of an event, by the event's name. It wins over the schema's attribute `topic`.
    pub topics: BTreeMap<String, String>,
    /// Which partition of its topic an event goes to. Default: its key's.
    pub partitioning: Partitioning,
    /// The same for single events, by their names.
    pub partitionings: BTreeMap<String, Partitioning>,
    /// How many messages may wait for the broker at once; in a transaction a message waits until it is committed. Default: 10,000.
    pub max_outstanding: usize,
    /// `ce_source` of the events. Default: `/` and the group.
    pub source: Option<String>,
    /// Where the events go that handlers return.
    pub reply_to: ReplyTo,
    /// Which topics a record's header `kaufmann-callback-topic`, or an event's own field `meta.callback_topic`, may name; `*` at the end
    /// stands for anything. Default: none.
    pub callback_topics: Vec<String>,
}

/// Which partition of its topic an event goes to. An event may say it itself: [`Partitioned`](crate::Partitioned).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitioning {
    /// The one of its key, where Java's clients send that key (murmur2); without a key any. The property `partitioner` in `[kafka]` chooses
    /// another rule.
    #[default]
    Key,
    /// Each in turn, whatever the key is: even loads, no order.
    RoundRobin,
}

/// Where the events go that handlers return, and the events that say that a record could not be handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyTo {
    /// To their own topics.
    #[default]
    Topic,
    /// To the topic that the cause names in its header `kaufmann-callback-topic` or its field `meta`; if it names none, or one that is not
    /// allowed, to their own.
    Callback,
    /// To both.
    Both,
}

/// Where records go that cannot be handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeadLetterConfig {
    /// The topic. Default: the group and `.dead-letter`.
    pub topic: Option<String>,
    /// The service stops when of the last `window` offsets of a partition more than this share could not be handled, from 0
    /// to 1, where 1 means: never. Default: 0.5.
    pub max_share: f64,
    /// The service stops when more neighbouring offsets of a partition than this could not be handled; 0: never.
    /// Default: 100.
    pub max_consecutive: u32,
    /// How many offsets of a partition are looked at. Default: 1,000.
    pub window: u32,
    /// What happens at one of these limits. Default: the service stops.
    pub on_limit: OnLimit,
    /// How long a topic is not read that `on_limit` holds. Each time that it is bad again it is held for twice as long. Default: 1 min.
    #[serde(with = "duration")]
    pub hold: Duration,
    /// The longest of these times. Default: 1 h.
    #[serde(with = "duration")]
    pub hold_max: Duration,
    /// Other limits for single topics, by their names: `max_share`, `max_consecutive`, `window` and `on_limit`, each as a text.
    pub topics: BTreeMap<String, BTreeMap<String, String>>,
    /// The same for what fails at single handlers, by their paths as in the service's list. Their failures are counted apart.
    pub handlers: BTreeMap<String, BTreeMap<String, String>>,
}

/// What happens when too many records cannot be handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// The service stops with exit code 65.
    #[default]
    Stop,
    /// The topic is not read for a while, and then again; other topics go on. What was read and has not begun waits too, and so does the record
    /// at which the limit was exceeded: it is tried again first.
    HoldTopic,
}

/// The schema registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// Its base URLs, with the path of the Confluent API if it has one. The one that answered last is asked first, the others in
    /// turn if it does not answer.
    pub url: Vec<String>,
    /// Whether the schemas of published events are registered at the start, if they are not there. Default: no.
    pub register: bool,
    /// Whether the registry is to normalize schemas before it compares or registers them. Default: no.
    pub normalize: bool,
    /// How an event's subject is called.
    pub subject: SubjectStrategy,
    /// The user for basic authentication.
    pub user: Option<String>,
    /// The password for basic authentication.
    pub password: Option<Secret>,
    /// The token for bearer authentication.
    pub token: Option<Secret>,
    /// A PEM file of the certificates that the registry's own is signed with, instead of the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file of the certificate by which the registry knows us, with the chain up to its issuer.
    pub certificate: Option<PathBuf>,
    /// A PEM file of that certificate's private key.
    pub key: Option<PathBuf>,
    /// How long the registry may take to answer once. Default: 10 s.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How often a call is repeated after trouble that may pass, with waits from 0.1 s that double. Default: 3.
    pub retries: u32,
    /// After how long the registry is asked again for an id that it does not know, or that cannot be read; until then records
    /// with the id become dead letters without a look-up. Default: 1 min.
    #[serde(with = "duration")]
    pub recheck: Duration,
}

/// How an event's subject is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectStrategy {
    /// The schema's full name; fits topics that carry several events.
    #[default]
    Record,
    /// The topic and `-value`; fits topics that carry one event.
    Topic,
    /// The topic, `-` and the schema's full name.
    TopicRecord,
}

/// How logs look.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged, as `tracing`'s filters say it. Default: `info`.
    pub filter: Option<String>,
}

/// For people or for machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `human` on a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// One line a message, coloured.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            group: String::new(),
            topics: Vec::new(),
            ordering: Ordering::default(),
            topic_ordering: BTreeMap::new(),
            delivery: Delivery::default(),
            exactly_once: ExactlyOnceConfig::default(),
            max_in_flight: 50,
            max_unsettled: 4096,
            max_bytes: 64 << 20,
            commit_interval: Duration::from_secs(1),
            commit_ahead: true,
            join_deadline: Duration::from_secs(120),
            revoke_deadline: Duration::from_secs(10),
            shutdown_deadline: Duration::from_secs(25),
            handler: HandlerConfig::default(),
            retry: RetryConfig::default(),
            watchdog: WatchdogConfig::default(),
            on_failure: OnFailure::default(),
            publish: PublishConfig::default(),
            dead_letter: DeadLetterConfig::default(),
            declare: BTreeMap::new(),
            registry: RegistryConfig::default(),
            worker_threads: 0,
            log: LogConfig::default(),
            kafka: KafkaProperties::default(),
            app: App::default(),
            mode: Mode::default(),
            is_muted: false,
        }
    }
}

impl Default for ExactlyOnceConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            max_records: 5000,
            transactional_id: None,
            timeout: Duration::from_secs(60),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.2,
            max_attempts: 10,
            max_waiting: 1000,
            max_waiting_bytes: 16 << 20,
            topics: RetryTopicsConfig::default(),
        }
    }
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(60),
        }
    }
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self {
            topic: None,
            max_share: 0.5,
            max_consecutive: 100,
            window: 1000,
            on_limit: OnLimit::default(),
            hold: Duration::from_secs(60),
            hold_max: Duration::from_secs(3600),
            topics: BTreeMap::new(),
            handlers: BTreeMap::new(),
        }
    }
}

impl Default for PublishConfig {
    fn default() -> Self {
        Self {
            topic: None,
            topics: BTreeMap::new(),
            partitioning: Partitioning::default(),
            partitionings: BTreeMap::new(),
            max_outstanding: 10_000,
            source: None,
            reply_to: ReplyTo::default(),
            callback_topics: Vec::new(),
        }
    }
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            url: Vec::new(),
            register: false,
            normalize: false,
            subject: SubjectStrategy::default(),
            user: None,
            password: None,
            token: None,
            ca: None,
            certificate: None,
            key: None,
            timeout: Duration::from_secs(10),
            retries: 3,
            recheck: Duration::from_secs(60),
        }
    }
}

impl Config {
    /// The same for what runs beside the service, which must not take its transactional id: at least once instead of exactly once.
    #[cfg_attr(
        not(any(feature = "testing", all(feature = "cli", feature = "kafka"))),
        allow(dead_code, reason = "nothing runs beside the service")
    )]
    pub(crate) fn without_transactions(&self) -> Self {
        let mut config = self.clone();
        if config.delivery == Delivery::ExactlyOnce {
            config.delivery = Delivery::AtLeastOnce;
        }
        config
    }
}

#[cfg(feature = "dev")]
impl RegistryConfig {
    /// The same for a registry that knows neither users nor certificates.
    pub(crate) fn without_security(&self) -> Self {
        Self {
            user: None,
            password: None,
            token: None,
            ca: None,
            certificate: None,
            key: None,
            ..self.clone()
        }
    }
}

/// The table `[app]`; its values are not shown, as nobody here knows which of them are secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct App(serde_json::Value);

impl Default for App {
    fn default() -> Self {
        Self(serde_json::Value::Object(serde_json::Map::new()))
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(secret::REDACTED)
    }
}

impl Config {
    /// Reads the service's own settings: the table `[app]`.
    ///
    /// ```
    /// # use kaufmann::Config;
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     #[serde(default)]
    ///     greeting: String,
    /// }
    ///
    /// let settings: Settings = Config::default().app()?;
    /// assert_eq!(settings.greeting, "");
    /// # Ok::<(), kaufmann::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the table does not fit `T`.
    pub fn app<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_value(self.app.0.clone()).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "the table `[app]` does not fit: {}",
                    serde_error::describe_without_value(&error, "a table")
                ),
            )
        })
    }

    /// The configuration with this table `[app]`.
    #[must_use]
    pub fn with_app(mut self, app: serde_json::Value) -> Self {
        self.app = App(app);
        self
    }

    /// What the service is started for: `start` may do other things in a replay, such as start no background task that sends mail.
    ///
    /// ```
    /// # use kaufmann::Config;
    /// use kaufmann::config::Mode;
    ///
    /// async fn start(config: &Config) -> Result<(), std::io::Error> {
    ///     if config.mode() != Mode::Replay {
    ///         tokio::spawn(send_what_waits());
    ///     }
    ///     Ok(())
    /// }
    /// # async fn send_what_waits() {}
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The configuration of a service that is started for something else: for tests, and for programs that replay by themselves.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The same for the command `replay`.
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka", feature = "registry")),
        allow(dead_code, reason = "there is no such command")
    )]
    pub(crate) fn for_replay(self, publish: bool) -> Self {
        Self {
            is_muted: !publish,
            ..self.with_mode(Mode::Replay)
        }
    }

    /// Whether nothing is to be published.
    pub(crate) fn is_muted(&self) -> bool {
        self.is_muted
    }

    /// The topics in which records wait after their last attempt, each with how long.
    #[must_use]
    pub fn retry_topics(&self) -> Vec<(String, Duration)> {
        let RetryTopicsConfig { delays, names } = &self.retry.topics;
        let default = |delay| {
            let delay = humantime::format_duration(delay).to_string().replace(' ', "");
            format!("{}.retry.{delay}", self.group)
        };
        let each = delays.iter().enumerate();
        each.map(|(place, delay)| {
            let name = names.get(place).cloned();
            (name.unwrap_or_else(|| default(*delay)), *delay)
        })
        .collect()
    }

    /// All topics that are consumed: those that are configured, and the retry topics.
    #[cfg_attr(
        not(feature = "kafka"),
        allow(dead_code, reason = "only Kafka is subscribed to")
    )]
    pub(crate) fn subscription(&self) -> Vec<String> {
        let retries = self.retry_topics().into_iter().map(|(name, _)| name);
        self.topics.iter().cloned().chain(retries).collect()
    }

    /// The same without retry topics: where a failure is the last one after its attempts.
    #[cfg_attr(
        not(any(
            feature = "testing",
            all(feature = "cli", feature = "kafka", feature = "registry")
        )),
        allow(dead_code, reason = "only `replay` and the test kit do without them")
    )]
    pub(crate) fn without_retry_topics(mut self) -> Self {
        self.retry.topics = RetryTopicsConfig::default();
        self
    }

    /// The same where every limit of dead letters stops what runs.
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka", feature = "registry")),
        allow(dead_code, reason = "only `replay` does without them")
    )]
    pub(crate) fn without_holds(mut self) -> Self {
        self.dead_letter.on_limit = OnLimit::Stop;
        let tables = self
            .dead_letter
            .topics
            .values_mut()
            .chain(self.dead_letter.handlers.values_mut());
        tables.for_each(|table| drop(table.remove("on_limit")));
        self
    }

    /// The topic for records that cannot be handled.
    #[must_use]
    pub fn dead_letter_topic(&self) -> String {
        self.dead_letter
            .topic
            .clone()
            .unwrap_or_else(|| format!("{}.dead-letter", self.group))
    }
}
