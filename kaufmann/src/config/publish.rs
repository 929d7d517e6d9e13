//! Where events go: `publish`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where events go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishConfig {
    /// The topic of events for which neither `topics` nor the schema sets one.
    pub topic: Option<String>,
    /// The topic of an event, by the event's name. It overrides the schema's attribute `topic`.
    pub topics: BTreeMap<String, String>,
    /// Which partition of its topic an event goes to. Default: its key's.
    pub partitioning: Partitioning,
    /// The partitioning of single events, by their names.
    pub partitionings: BTreeMap<String, Partitioning>,
    /// How many messages may wait for the broker at once; in a transaction a message waits until it is committed. Default: 10,000.
    pub max_outstanding: usize,
    /// `ce_source` of the events. Default: `/` and the group.
    pub source: Option<String>,
    /// Where the events that handlers return go.
    pub reply_to: ReplyTo,
    /// Which topics a record's header `kaufmann-callback-topic`, or an event's own field `meta.callback_topic`, may name; `*` at the
    /// end matches anything. Default: none.
    pub callback_topics: Vec<String>,
}

/// Which partition of its topic an event goes to. An event may choose it itself: [`Partitioned`](crate::Partitioned).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitioning {
    /// Its key's, the same as from Java's clients (murmur2); without a key, any. The property `partitioner` in `[kafka]` sets another
    /// rule.
    #[default]
    Key,
    /// Each in turn, whatever the key is: even load, no order.
    RoundRobin,
}

/// Where events that handlers return go, and error events of records that could not be handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyTo {
    /// To their own topics.
    #[default]
    Topic,
    /// To the topic that the cause names in its header `kaufmann-callback-topic` or its field `meta`; if it names none, or one that is
    /// not allowed, to their own.
    Callback,
    /// To both.
    Both,
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
