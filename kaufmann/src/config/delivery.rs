//! Which records are handled in order, and what a crash may do to a record: `ordering`, `delivery`, `exactly_once`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// Which records are handled one after another.
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
    /// Repeat it: its offset is committed when it is settled. No record is lost.
    #[default]
    AtLeastOnce,
    /// Lose it: its offset is committed, and the commit confirmed, before its handler starts. No handler starts twice with a record,
    /// whatever fails, so there are no retries either: a failure is final. At most `max_in_flight` records are committed and not
    /// settled at a time; a crash loses those.
    AtMostOnce,
    /// Repeat its handler, but not the events that the handler published: events, dead letters and offsets are committed together, in
    /// transactions. Consumers with `isolation.level=read_committed` see each event once.
    ExactlyOnce,
}

/// Transactions with `delivery = "exactly_once"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExactlyOnceConfig {
    /// How long a transaction takes records, at most, before it is committed; then readers see its events. It is committed earlier
    /// when others wait for the room that its messages take ([`PublishConfig::max_outstanding`](super::PublishConfig::max_outstanding)). Default: 100 ms.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// The number of records after which it is committed earlier. Default: 5,000.
    pub max_records: usize,
    /// The brokers' name for this instance: a different one for each instance that runs at the same time, and the same after a
    /// restart. Default: the group and `group.instance.id` if that is set in `[kafka]`, else a new random name at each start.
    pub transactional_id: Option<String>,
    /// After how long the brokers abort the transaction of an instance that is gone; until then it blocks readers. Default: 60 s.
    /// An instance that starts again with the same name aborts it at once. The service stops if the brokers are unreachable for
    /// longer while a transaction is open.
    #[serde(with = "duration")]
    pub timeout: Duration,
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
