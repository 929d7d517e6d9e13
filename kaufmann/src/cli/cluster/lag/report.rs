//! Computes the lag of a group from its offsets. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::cli::cluster::stranded::Stranded;
use crate::kafka::cluster::{Bounds, Group, Member, TopicPartition};

/// The state of a group and its partitions.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Facts {
    /// `None` if the broker cannot describe groups.
    pub(super) group: Option<Group>,
    pub(super) bounds: BTreeMap<TopicPartition, Bounds>,
    pub(super) committed: BTreeMap<TopicPartition, i64>,
    /// The timestamp of the first uncommitted record, in milliseconds since the Unix epoch.
    pub(super) oldest: BTreeMap<TopicPartition, i64>,
    /// Partitions without a record between the committed offset and the end, only transaction markers and aborted records.
    pub(super) empty: BTreeSet<TopicPartition>,
    /// Whether a partition without a commit is read from its beginning.
    pub(super) from_start: bool,
}

/// The lag of a group.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) group: String,
    pub(super) state: Option<String>,
    pub(super) members: Vec<MemberRow>,
    pub(super) partitions: Vec<Row>,
    /// The sum over all partitions.
    pub(super) lag: i64,
    /// The maximum over all partitions.
    pub(super) behind_ms: Option<u64>,
    /// Topics with records that no service reads any more; not included in the lag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stranded: Vec<Stranded>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct MemberRow {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) host: String,
    /// How many of these topics' partitions it has.
    pub(super) partitions: usize,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Row {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) committed: Option<i64>,
    pub(super) lag: i64,
    /// The age of the first uncommitted record.
    pub(super) behind_ms: Option<u64>,
    /// The number of offsets committed per second since the last refresh.
    pub(super) rate: Option<f64>,
    /// The id of the member that has it.
    pub(super) member: Option<String>,
}

/// The report. `now` is in milliseconds since the Unix epoch.
pub(super) fn report(service: &str, name: &str, facts: &Facts, now: i64) -> Report {
    let members = facts
        .group
        .as_ref()
        .map(|group| group.members.as_slice())
        .unwrap_or_default();
    let partitions: Vec<_> = facts
        .bounds
        .iter()
        .map(|(topic_partition, bounds)| row(topic_partition, *bounds, facts, members, now))
        .collect();
    let has = |member: &Member| {
        member
            .partitions
            .iter()
            .filter(|topic_partition| facts.bounds.contains_key(topic_partition))
            .count()
    };
    Report {
        service: service.to_owned(),
        group: name.to_owned(),
        state: facts.group.as_ref().map(|group| group.state.clone()),
        members: members
            .iter()
            .map(|member| MemberRow {
                id: member.id.clone(),
                client: member.client.clone(),
                host: member.host.clone(),
                partitions: has(member),
            })
            .collect(),
        lag: partitions.iter().map(|row| row.lag).sum(),
        behind_ms: partitions.iter().filter_map(|row| row.behind_ms).max(),
        partitions,
        stranded: Vec::new(),
    }
}

fn row(topic_partition: &TopicPartition, bounds: Bounds, facts: &Facts, members: &[Member], now: i64) -> Row {
    let committed = facts.committed.get(topic_partition).copied();
    let lag = match facts.empty.contains(topic_partition) {
        true => 0,
        false => lag(bounds, committed, facts.from_start),
    };
    let behind = facts.oldest.get(topic_partition).filter(|_| lag > 0);
    Row {
        topic: topic_partition.topic.clone(),
        partition: topic_partition.partition,
        start: bounds.start,
        end: bounds.end,
        committed,
        lag,
        behind_ms: behind.map(|time| u64::try_from(now - time).unwrap_or(0)),
        rate: None,
        member: members
            .iter()
            .find(|member| member.partitions.contains(topic_partition))
            .map(|member| member.id.clone()),
    }
}

/// The number of uncommitted offsets. Deleted records do not count, since they can no longer be handled.
pub(super) fn lag(bounds: Bounds, committed: Option<i64>, from_start: bool) -> i64 {
    match committed {
        Some(offset) => (bounds.end - offset.max(bounds.start)).max(0),
        None if from_start => bounds.end - bounds.start,
        None => 0,
    }
}

/// Adds the rate of commits since an earlier report.
pub(super) fn with_rates(mut report: Report, earlier: &Report, between: Duration) -> Report {
    let seconds = between.as_secs_f64();
    for row in &mut report.partitions {
        let before = earlier
            .partitions
            .iter()
            .find(|before| before.topic == row.topic && before.partition == row.partition);
        let moved = before.and_then(|before| Some(row.committed? - before.committed?));
        row.rate = moved
            .filter(|_| seconds > 0.0)
            .map(|moved| (moved.max(0) as f64 / seconds * 10.0).round() / 10.0);
    }
    report
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_lag_is_never_negative_and_never_more_than_the_log_has(
            start in 0i64..1000,
            len in 0i64..1000,
            committed in proptest::option::of(0i64..3000),
            from_start: bool,
        ) {
            let bounds = Bounds { start, end: start + len };
            let lag = lag(bounds, committed, from_start);
            prop_assert!((0..=len).contains(&lag));
        }
    }

    #[test]
    fn a_partition_without_a_commit_lags_by_all_it_has_if_it_is_read_from_its_beginning() {
        let bounds = Bounds { start: 10, end: 30 };
        assert_eq!((lag(bounds, None, true), lag(bounds, None, false)), (20, 0));
        assert_eq!((lag(bounds, Some(25), true), lag(bounds, Some(3), true)), (5, 20));
    }

    #[test]
    fn offsets_without_a_record_do_not_count() {
        let topic_partition = TopicPartition::new("t", 0);
        let facts = Facts {
            bounds: BTreeMap::from([(topic_partition.clone(), Bounds { start: 0, end: 7 })]),
            committed: BTreeMap::from([(topic_partition.clone(), 6)]),
            empty: BTreeSet::from([topic_partition]),
            ..Facts::default()
        };
        let report = report("S", "g", &facts, 0);
        assert_eq!((report.lag, report.partitions[0].end), (0, 7));
    }

    #[test]
    fn a_rate_needs_two_commits_and_time_between_them() {
        let facts = |committed: i64| Facts {
            bounds: BTreeMap::from([(TopicPartition::new("t", 0), Bounds { start: 0, end: 100 })]),
            committed: BTreeMap::from([(TopicPartition::new("t", 0), committed)]),
            ..Facts::default()
        };
        let (before, after) = (report("S", "g", &facts(10), 0), report("S", "g", &facts(60), 0));
        let rate = |between| with_rates(after.clone(), &before, between).partitions[0].rate;
        assert_eq!(rate(Duration::from_secs(4)), Some(12.5));
        assert_eq!(rate(Duration::ZERO), None);
    }
}
