//! Which letters have been dealt with: offsets that a group of its own commits, with what is settled above them.

use std::collections::BTreeMap;

use crate::commit::{Ahead, Tracker};
use crate::config::Config;
use crate::error::Error;
use crate::kafka::cluster::{Bounds, Cluster, Place};

/// Which letters of a topic have been dealt with.
pub(super) struct Ledger {
    cluster: Cluster,
    topic: String,
    pub(super) partitions: BTreeMap<i32, Partition>,
}

/// A partition of the dead-letter topic.
pub(super) struct Partition {
    /// From where it is to be read, and where it ended when it was looked at.
    pub(super) bounds: Bounds,
    tracker: Tracker,
    committed: Option<(i64, Option<String>)>,
}

impl Ledger {
    /// Looks up what has been dealt with.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let topic = config.dead_letter_topic();
        let cluster = Cluster::with_group(config, &format!("{topic}.dealt-with"))?;
        let found = cluster.topic(&topic)?;
        let places: Vec<_> = found.places().collect();
        let committed = cluster.committed_with_metadata(&places)?;
        let mut partitions = BTreeMap::new();
        for place in &places {
            let Bounds { start, end } = cluster.bounds(place)?;
            let (offset, ahead) = match committed.get(place) {
                Some((offset, metadata)) => (*offset, Ahead::decode(metadata, *offset)),
                None => (start, Ahead::default()),
            };
            partitions.insert(
                place.partition,
                Partition {
                    bounds: Bounds {
                        start: offset.clamp(start, end),
                        end,
                    },
                    tracker: Tracker::resume(&ahead),
                    committed: None,
                },
            );
        }
        Ok(Self {
            cluster,
            topic,
            partitions,
        })
    }

    /// Where the open letters may begin, in each partition that has some.
    pub(super) fn from(&self) -> BTreeMap<i32, i64> {
        let some = self
            .partitions
            .iter()
            .filter(|(_, partition)| partition.bounds.start < partition.bounds.end);
        some.map(|(number, partition)| (*number, partition.bounds.start))
            .collect()
    }

    /// Counts a letter in; whether it is still open.
    pub(super) fn take(&mut self, partition: i32, offset: i64) -> bool {
        let known = self.partitions.get_mut(&partition);
        known.is_some_and(|known| offset < known.bounds.end && known.tracker.take(offset))
    }

    /// Notes that a letter has been dealt with.
    pub(super) fn settle(&mut self, partition: i32, offset: i64) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.tracker.settle(offset, 1);
        }
    }

    /// Keeps what was noted.
    pub(super) fn keep(&mut self) -> Result<(), Error> {
        let mut commits = Vec::new();
        for (number, partition) in &mut self.partitions {
            let Some(offset) = partition.tracker.watermark() else {
                continue;
            };
            let metadata = Ahead::encode(offset, partition.tracker.ahead());
            let known = partition
                .committed
                .as_ref()
                .is_some_and(|known| (known.0, &known.1) == (offset, &metadata));
            if partition.tracker.highest_settled().is_some() && !known {
                partition.committed = Some((offset, metadata.clone()));
                commits.push((Place::new(&self.topic, *number), offset, metadata));
            }
        }
        if commits.is_empty() {
            return Ok(());
        }
        self.cluster.commit(&commits)
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// The cluster, as the group that keeps the ledger.
    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}
