//! The settings of a service, with their defaults.
//!
//! [`Config`] is plain data; a program may build it itself. The generated main reads it from `kaufmann.toml`, from
//! `KAUFMANN_*` and from flags: each layer overrides the one before, key by key. `Loader` does the same for other mains.
//!
//! [`Config`] is here, each table in a file of its own. A new key is a field of one of them and a row in `config/keys.rs`; file,
//! variable, flag, help and listing follow from the row.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod app;
pub(crate) mod back_off;
mod dead_letter;
mod delivery;
mod derived;
mod duration;
#[cfg(any(feature = "cli", feature = "kafka"))]
pub(crate) mod group;
mod kafka_properties;
mod log;
mod mode;
mod publish;
mod registry;
mod retry;
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

use app::App;
pub use dead_letter::{DeadLetterConfig, OnFailure, OnLimit};
pub use delivery::{Delivery, ExactlyOnceConfig, Ordering};
#[cfg(feature = "cli")]
pub use effective::{Effective, Origin, Setting};
pub use kafka_properties::KafkaProperties;
#[cfg(feature = "cli")]
pub use load::Loader;
pub use log::{LogConfig, LogFormat};
pub use mode::Mode;
pub use publish::{Partitioning, PublishConfig, ReplyTo};
pub use registry::{RegistryConfig, SubjectStrategy};
pub use retry::{HandlerConfig, RetryConfig, RetryTopicsConfig, WatchdogConfig};
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
    /// Which records are handled one after another.
    pub ordering: Ordering,
    /// The ordering of single topics, by their names.
    pub topic_ordering: BTreeMap<String, Ordering>,
    /// What a crash may do to a record: repeat it, or lose it.
    pub delivery: Delivery,
    /// Transactions with `delivery = "exactly_once"`.
    pub exactly_once: ExactlyOnceConfig,
    /// How many events may be handled at once. Default: 50.
    pub max_in_flight: usize,
    /// How many records of one partition may be unsettled. Default: 4,096.
    pub max_unsettled: usize,
    /// How many bytes of records may be unsettled, over all partitions. Default: 64 MiB.
    pub max_bytes: usize,
    /// How often settled offsets are committed. Default: 1 s.
    #[serde(with = "duration")]
    pub commit_interval: Duration,
    /// Whether a commit also records which records above its offset are settled, so that a restart or a rebalance does not
    /// repeat them. Default: yes.
    pub commit_ahead: bool,
    /// How long the group may refuse this member for a temporary reason, such as the session of its killed predecessor, before the
    /// service ends. Default: 2 min.
    #[serde(with = "duration")]
    pub join_deadline: Duration,
    /// How long a revoked partition may take: half of the time to start records that precede handled ones, four fifths to finish those
    /// in flight, all of it to commit. Default: 10 s.
    #[serde(with = "duration")]
    pub revoke_deadline: Duration,
    /// How long a shutdown may take, divided in the same way; leaving the group takes at most a second more. Default: 25 s.
    #[serde(with = "duration")]
    pub shutdown_deadline: Duration,
    /// Defaults for handlers.
    pub handler: HandlerConfig,
    /// How a failed handler is tried again.
    pub retry: RetryConfig,
    /// When slow events and stalled partitions are reported.
    pub watchdog: WatchdogConfig,
    /// What becomes of a record that cannot be handled.
    pub on_failure: OnFailure,
    /// Where events go.
    pub publish: PublishConfig,
    /// The dead letters of records that cannot be handled.
    pub dead_letter: DeadLetterConfig,
    /// The declared topics by their names, each a table of settings: `topics plan` and `topics apply` compare them with the cluster.
    /// `*` holds the settings of all of them.
    pub declare: BTreeMap<String, BTreeMap<String, String>>,
    /// The schema registry.
    pub registry: RegistryConfig,
    /// The runtime's threads; 0 means one per core.
    pub worker_threads: usize,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Properties for librdkafka, passed on unchanged. `KAUFMANN_KAFKA` and `--kafka` take `NAME=VALUE`; in the variable commas separate
    /// several. A value with a comma needs a variable of its own (`KAUFMANN_KAFKA_SASL_PASSWORD` for `sasl.password`), which takes any
    /// text, as the flag and the file do.
    pub kafka: KafkaProperties,
    /// The service's own settings: [`Config::app`].
    app: App,
    /// The purpose of this start: [`Config::mode`].
    #[serde(skip)]
    mode: Mode,
    /// Whether nothing is published.
    #[serde(skip)]
    is_muted: bool,
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
