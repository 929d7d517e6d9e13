//! Which dead letters have been dealt with: offsets that a separate group commits, with those settled above them in the metadata.

use std::collections::BTreeMap;

use crate::assignment::TopicId;
use crate::base::error::Error;
use crate::config::Config;
use crate::engine::commit::{Ahead, Tracker};
use crate::kafka::cluster::{Bounds, Cluster, TopicPartition};

/// Which dead letters of a topic have been dealt with.
pub(in crate::cli::cluster) struct Ledger {
    cluster: Cluster,
    topic: String,
    /// The topic's id: a topic created again under the same name has different records.
    id: Option<TopicId>,
    pub(in crate::cli::cluster) partitions: BTreeMap<i32, Partition>,
}

/// A partition of the dead-letter topic.
pub(in crate::cli::cluster) struct Partition {
    /// The first offset that may be open, and the end when it was opened.
    pub(in crate::cli::cluster) bounds: Bounds,
    /// The beginning of its log.
    start: i64,
    /// The offsets above `bounds.start` that have been dealt with.
    ahead: Ahead,
    tracker: Tracker,
    committed: Option<(i64, Option<String>)>,
}

impl Ledger {
    /// Looks up which dead letters have been dealt with.
    pub(in crate::cli::cluster) fn open(config: &Config) -> Result<Self, Error> {
        let topic = config.dead_letter_topic();
        let group = format!("{topic}.dealt-with");
        let cluster = Cluster::with_group(config, &group)?;
        let topic_partitions: Vec<_> = cluster.topic(&topic)?.topic_partitions().collect();
        Self::of(cluster, &topic, &topic_partitions, &BTreeMap::new())
    }

    /// Looks up what has been dealt with in these partitions: by the group of `cluster`, or by the commits in `others` if they are
    /// further ahead.
    pub(in crate::cli::cluster) fn of(
        cluster: Cluster,
        topic: &str,
        topic_partitions: &[TopicPartition],
        others: &BTreeMap<TopicPartition, (i64, String)>,
    ) -> Result<Self, Error> {
        let id = cluster.topic_id(topic)?;
        let committed = cluster.committed_with_metadata(topic_partitions)?;
        let mut partitions = BTreeMap::new();
        for topic_partition in topic_partitions {
            let Bounds { start, end } = cluster.bounds(topic_partition)?;
            let known = [committed.get(topic_partition), others.get(topic_partition)];
            let (offset, ahead) = match known.into_iter().flatten().max_by_key(|(offset, _)| *offset) {
                Some((offset, metadata)) => (*offset, Ahead::decode(metadata, id, *offset)),
                None => (start, Ahead::default()),
            };
            partitions.insert(
                topic_partition.partition,
                Partition {
                    bounds: Bounds {
                        start: offset.clamp(start, end),
                        end,
                    },
                    start,
                    tracker: Tracker::resume(&ahead),
                    ahead,
                    committed: None,
                },
            );
        }
        Ok(Self {
            cluster,
            topic: topic.to_owned(),
            id,
            partitions,
        })
    }

    /// The range of offsets that may have open dead letters, for each partition with such a range.
    pub(in crate::cli::cluster) fn open_bounds(&self) -> BTreeMap<i32, Bounds> {
        let bounds = self
            .partitions
            .iter()
            .map(|(number, partition)| (*number, partition.bounds));
        bounds.filter(|(_, bounds)| bounds.start < bounds.end).collect()
    }

    /// Why there cannot be an open dead letter at a position, if that is known without reading it.
    pub(in crate::cli::cluster) fn why_closed(&self, partition: i32, offset: i64) -> Option<String> {
        let Some(known) = self.partitions.get(&partition) else {
            return Some(format!(
                "there is no partition {partition}; there are {}, from 0",
                self.partitions.len()
            ));
        };
        known.why_closed(offset)
    }

    /// Registers a dead letter. Returns whether it is still open.
    pub(in crate::cli::cluster) fn take(&mut self, partition: i32, offset: i64) -> bool {
        let known = self.partitions.get_mut(&partition);
        known.is_some_and(|known| offset < known.bounds.end && known.tracker.take(offset))
    }

    /// Marks a dead letter as dealt with.
    pub(in crate::cli::cluster) fn settle(&mut self, partition: i32, offset: i64) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.tracker.settle(offset, 1);
        }
    }

    /// Stores the marks.
    pub(in crate::cli::cluster) fn store(&mut self) -> Result<(), Error> {
        let mut commits = Vec::new();
        for (number, partition) in &mut self.partitions {
            let Some(offset) = partition.tracker.watermark() else {
                continue;
            };
            let metadata = Ahead::encode(self.id, offset, partition.tracker.ahead());
            let known = partition
                .committed
                .as_ref()
                .is_some_and(|known| (known.0, &known.1) == (offset, &metadata));
            if partition.tracker.highest_settled().is_some() && !known {
                partition.committed = Some((offset, metadata.clone()));
                commits.push((TopicPartition::new(&self.topic, *number), offset, metadata));
            }
        }
        if commits.is_empty() {
            return Ok(());
        }
        self.cluster.commit(&commits)
    }

    pub(in crate::cli::cluster) fn topic(&self) -> &str {
        &self.topic
    }

    /// The cluster, with the group that stores the ledger.
    pub(in crate::cli::cluster) fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

impl Partition {
    fn why_closed(&self, offset: i64) -> Option<String> {
        let was_settled = |(from, to): &(i64, i64)| (*from..=*to).contains(&offset);
        if offset >= self.bounds.end {
            Some(format!("the partition ends before it, at {}", self.bounds.end))
        } else if offset < self.start {
            Some(format!("it is deleted; the partition begins at {}", self.start))
        } else if offset < self.bounds.start || self.ahead.ranges().iter().any(was_settled) {
            Some("it has been sent back or discarded".to_owned())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_without_an_open_dead_letter_has_a_reason() {
        let ahead = Ahead::decode(&Ahead::encode(None, 10, [(14, 15)]).unwrap(), None, 10);
        let partition = Partition {
            bounds: Bounds { start: 10, end: 20 },
            start: 5,
            tracker: Tracker::resume(&ahead),
            ahead,
            committed: None,
        };
        let closed_because = |offset: i64, text: &str| {
            let why = partition.why_closed(offset).unwrap_or_default();
            assert!(
                why.contains(text) && why.is_empty() == text.is_empty(),
                "{offset}: {why}"
            );
        };
        closed_because(4, "deleted; the partition begins at 5");
        closed_because(5, "sent back or discarded");
        closed_because(9, "sent back or discarded");
        closed_because(10, "");
        closed_because(13, "");
        closed_because(14, "sent back or discarded");
        closed_because(15, "sent back or discarded");
        closed_because(16, "");
        closed_because(19, "");
        closed_because(20, "ends before it, at 20");
    }
}
