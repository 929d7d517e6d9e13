//! What becomes of a record that cannot be handled: `on_failure`, `dead_letter`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// What becomes of a record that cannot be handled: undecodable, of the class `dead_letter`, or failed for the last time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The record is written to the dead-letter topic.
    #[default]
    DeadLetter,
    /// An event `event.error.<name>` is published, to the topic of `event.error` and, as `publish.reply_to` sets, to the topic that
    /// the record names.
    ErrorEvent,
    /// Both; the record is settled when the broker has both.
    Both,
    /// The service stops. The record stays unsettled and is read again by the next instance.
    Stop,
}

impl OnFailure {
    /// Whether records that cannot be handled go to the dead-letter topic.
    pub(crate) fn writes_dead_letters(self) -> bool {
        matches!(self, Self::DeadLetter | Self::Both)
    }
}

/// The dead letters of records that cannot be handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeadLetterConfig {
    /// The topic. Default: the group and `.dead-letter`.
    pub topic: Option<String>,
    /// The service stops when more than this share of a partition's last `window` offsets could not be handled, from 0 to 1, where 1
    /// means: never. Default: 0.5.
    pub max_share: f64,
    /// The service stops when more consecutive offsets of a partition than this could not be handled; 0: never.
    /// Default: 100.
    pub max_consecutive: u32,
    /// Over how many offsets of a partition the share is counted. Default: 1,000.
    pub window: u32,
    /// What happens at one of these limits. Default: the service stops.
    pub on_limit: OnLimit,
    /// How long a topic that `on_limit` holds is not read. Each time it exceeds the limit again, it is held twice as long. Default: 1 min.
    #[serde(with = "duration")]
    pub hold: Duration,
    /// The longest of these times. Default: 1 h.
    #[serde(with = "duration")]
    pub hold_max: Duration,
    /// Other limits for single topics, by their names: `max_share`, `max_consecutive`, `window` and `on_limit`, each as a text.
    pub topics: BTreeMap<String, BTreeMap<String, String>>,
    /// Other limits for single handlers, by their paths as in the service's list. Their failures are counted separately.
    pub handlers: BTreeMap<String, BTreeMap<String, String>>,
}

/// What happens when too many records cannot be handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// The service stops with exit code 65.
    #[default]
    Stop,
    /// The topic is not read for a while; other topics continue. Records that were read and have not started wait too, and so does the
    /// record at which the limit was exceeded: it is tried again first.
    HoldTopic,
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
