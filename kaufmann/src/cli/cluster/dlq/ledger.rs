//! Which letters have been dealt with: offsets that a group of its own commits, with what is settled above them.

use std::collections::BTreeMap;

use crate::assignment::TopicId;
use crate::base::error::Error;
use crate::config::Config;
use crate::engine::commit::{Ahead, Tracker};
use crate::kafka::cluster::{Bounds, Cluster, TopicPartition};

/// Which letters of a topic have been dealt with.
pub(in crate::cli::cluster) struct Ledger {
    cluster: Cluster,
    topic: String,
    /// A topic that is created again under the same name has other records.
    id: Option<TopicId>,
    pub(in crate::cli::cluster) partitions: BTreeMap<i32, Partition>,
}

/// A partition of the dead-letter topic.
pub(in crate::cli::cluster) struct Partition {
    /// From where it is to be read, and where it ended when it was looked at.
    pub(in crate::cli::cluster) bounds: Bounds,
    /// Where its log begins.
    start: i64,
    /// What has been dealt with from there on.
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
        let places: Vec<_> = cluster.topic(&topic)?.topic_partitions().collect();
        Self::of(cluster, &topic, &places, &BTreeMap::new())
    }

    /// Looks up what has been dealt with of these partitions, by the group of `cluster` or by those who have committed `others`:
    /// whoever is farther.
    pub(in crate::cli::cluster) fn of(
        cluster: Cluster,
        topic: &str,
        places: &[TopicPartition],
        others: &BTreeMap<TopicPartition, (i64, String)>,
    ) -> Result<Self, Error> {
        let id = cluster.topic_id(topic)?;
        let committed = cluster.committed_with_metadata(places)?;
        let mut partitions = BTreeMap::new();
        for place in places {
            let Bounds { start, end } = cluster.bounds(place)?;
            let known = [committed.get(place), others.get(place)];
            let (offset, ahead) = match known.into_iter().flatten().max_by_key(|(offset, _)| *offset) {
                Some((offset, metadata)) => (*offset, Ahead::decode(metadata, id, *offset)),
                None => (start, Ahead::default()),
            };
            partitions.insert(
                place.partition,
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

    /// Between which offsets the open letters are, in each partition that has some.
    pub(in crate::cli::cluster) fn open_bounds(&self) -> BTreeMap<i32, Bounds> {
        let bounds = self
            .partitions
            .iter()
            .map(|(number, partition)| (*number, partition.bounds));
        bounds.filter(|(_, bounds)| bounds.start < bounds.end).collect()
    }

    /// Why no letter can be open at a place, if that is known without looking there.
    pub(in crate::cli::cluster) fn why_closed(&self, partition: i32, offset: i64) -> Option<String> {
        let Some(known) = self.partitions.get(&partition) else {
            return Some(format!(
                "there is no partition {partition}; there are {}, from 0",
                self.partitions.len()
            ));
        };
        known.why_closed(offset)
    }

    /// Counts a letter in; whether it is still open.
    pub(in crate::cli::cluster) fn take(&mut self, partition: i32, offset: i64) -> bool {
        let known = self.partitions.get_mut(&partition);
        known.is_some_and(|known| offset < known.bounds.end && known.tracker.take(offset))
    }

    /// Notes that a letter has been dealt with.
    pub(in crate::cli::cluster) fn settle(&mut self, partition: i32, offset: i64) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.tracker.settle(offset, 1);
        }
    }

    /// Keeps what was noted.
    pub(in crate::cli::cluster) fn keep(&mut self) -> Result<(), Error> {
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

    /// The cluster, as the group that keeps the ledger.
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
    fn a_place_without_an_open_letter_has_a_reason() {
        let ahead = Ahead::decode(&Ahead::encode(None, 10, [(14, 15)]).unwrap(), None, 10);
        let partition = Partition {
            bounds: Bounds { start: 10, end: 20 },
            start: 5,
            tracker: Tracker::resume(&ahead),
            ahead,
            committed: None,
        };
        let says = |offset: i64, text: &str| {
            let why = partition.why_closed(offset).unwrap_or_default();
            assert!(
                why.contains(text) && why.is_empty() == text.is_empty(),
                "{offset}: {why}"
            );
        };
        says(4, "deleted; the partition begins at 5");
        says(5, "sent back or discarded");
        says(9, "sent back or discarded");
        says(10, "");
        says(13, "");
        says(14, "sent back or discarded");
        says(15, "sent back or discarded");
        says(16, "");
        says(19, "");
        says(20, "ends before it, at 20");
    }
}
