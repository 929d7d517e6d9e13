//! A contender's arguments: the same for all, so that any program that takes them can be a contender.

use clap::{Args, ValueEnum};
use serde::Serialize;

/// What handlers do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Add one field to a checksum, as in all other kinds too.
    Drain,
    /// Sleep.
    Sleep,
    /// Compute.
    Cpu,
    /// Sleep for records of key 0.
    Slow,
    /// Sleep for records of key 0 if `work` is not 0; the records are written while they are handled, each when it is due.
    Live,
    /// Sleep; counts the records handled within a window, of a topic that has more.
    Window,
    /// Reply with an event; a record is settled when the broker has acknowledged the reply.
    Reply,
    /// The one record's handler publishes events.
    Publish,
}

/// One run of one contender.
#[derive(Args, Debug, Clone, Serialize)]
pub struct Contend {
    /// Name of the contender
    pub name: String,
    #[arg(long)]
    pub brokers: String,
    #[arg(long)]
    pub topic: String,
    /// A consumer group that has committed nothing
    #[arg(long)]
    pub group: String,
    /// What handlers do
    #[arg(long)]
    pub kind: Kind,
    /// Records in the topic; for `publish`: events to publish
    #[arg(long)]
    pub records: u64,
    /// Keys, round-robin over the records
    #[arg(long)]
    pub keys: u64,
    #[arg(long)]
    pub partitions: i32,
    /// How many handlers may run at once
    #[arg(long)]
    pub in_flight: usize,
    /// How long a handler sleeps or computes, in microseconds
    #[arg(long, default_value_t = 0)]
    pub work: u64,
    /// Topic for replies and published events
    #[arg(long)]
    pub reply_topic: Option<String>,
    /// How many replies may wait for the broker at once; for `publish`: how many events
    #[arg(long, default_value_t = 10_000)]
    pub outstanding: usize,
    /// `linger.ms` of the producer
    #[arg(long, default_value_t = 5)]
    pub linger: u64,
    /// How many event types the records have, each with its own schema
    #[arg(long, default_value_t = 1)]
    pub handlers: u32,
    /// For `live` and `window`: when record 0 is due or the run begins, in nanoseconds of the machine's monotonic clock
    #[arg(long, default_value_t = 0)]
    pub origin: u64,
    /// For `live` and `window`: how many of the first seconds are not counted, as the contender may still be joining its group
    #[arg(long, default_value_t = 4)]
    pub warm_up: u64,
    /// For `window`: how many seconds are counted
    #[arg(long, default_value_t = 6)]
    pub seconds: u64,
    /// For `live`: how many records are due in a second
    #[arg(long, default_value_t = 1)]
    pub rate: u64,
    /// Base URL of a schema registry that has the schemas
    #[arg(long)]
    pub registry: Option<String>,
}
