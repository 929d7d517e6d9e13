//! How far a group is behind: from offsets to rows. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::cli::cluster::stranded::Stranded;
use crate::kafka::cluster::{Bounds, Group, Member, TopicPartition};

/// What is known of a group and its partitions.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Facts {
    /// None if the broker cannot tell.
    pub(super) group: Option<Group>,
    pub(super) bounds: BTreeMap<TopicPartition, Bounds>,
    pub(super) committed: BTreeMap<TopicPartition, i64>,
    /// The time of the first record that is not committed, in milliseconds since the Unix epoch.
    pub(super) oldest: BTreeMap<TopicPartition, i64>,
    /// Partitions with no record between what is committed and the end: all there is are marks of transactions and aborted records.
    pub(super) empty: BTreeSet<TopicPartition>,
    /// Whether a partition without a commit is read from its beginning.
    pub(super) from_start: bool,
}

/// How far a group is behind.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) group: String,
    pub(super) state: Option<String>,
    pub(super) members: Vec<MemberRow>,
    pub(super) partitions: Vec<Row>,
    /// Over all partitions.
    pub(super) lag: i64,
    /// The most of all partitions.
    pub(super) behind_ms: Option<u64>,
    /// Topics with records that nobody reads any more; they are not in the lag.
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
    /// How old the first record is that is not committed.
    pub(super) behind_ms: Option<u64>,
    /// How many offsets a second have been committed since the last look.
    pub(super) rate: Option<f64>,
    /// The id of the member that has it.
    pub(super) member: Option<String>,
}

/// The rows, at a time in milliseconds since the Unix epoch.
pub(super) fn report(service: &str, name: &str, facts: &Facts, now: i64) -> Report {
    let members = facts
        .group
        .as_ref()
        .map(|group| group.members.as_slice())
        .unwrap_or_default();
    let partitions: Vec<_> = facts
        .bounds
        .iter()
        .map(|(place, bounds)| row(place, *bounds, facts, members, now))
        .collect();
    let has = |member: &Member| {
        member
            .partitions
            .iter()
            .filter(|place| facts.bounds.contains_key(place))
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

fn row(place: &TopicPartition, bounds: Bounds, facts: &Facts, members: &[Member], now: i64) -> Row {
    let committed = facts.committed.get(place).copied();
    let lag = match facts.empty.contains(place) {
        true => 0,
        false => lag(bounds, committed, facts.from_start),
    };
    let behind = facts.oldest.get(place).filter(|_| lag > 0);
    Row {
        topic: place.topic.clone(),
        partition: place.partition,
        start: bounds.start,
        end: bounds.end,
        committed,
        lag,
        behind_ms: behind.map(|time| u64::try_from(now - time).unwrap_or(0)),
        rate: None,
        member: members
            .iter()
            .find(|member| member.partitions.contains(place))
            .map(|member| member.id.clone()),
    }
}

/// How many offsets are not committed. What was deleted meanwhile does not count: nobody can handle it any more.
pub(super) fn lag(bounds: Bounds, committed: Option<i64>, from_start: bool) -> i64 {
    match committed {
        Some(offset) => (bounds.end - offset.max(bounds.start)).max(0),
        None if from_start => bounds.end - bounds.start,
        None => 0,
    }
}

/// Adds how fast offsets have been committed since an earlier report.
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
    fn offsets_without_a_record_are_no_lag() {
        let place = TopicPartition::new("t", 0);
        let facts = Facts {
            bounds: BTreeMap::from([(place.clone(), Bounds { start: 0, end: 7 })]),
            committed: BTreeMap::from([(place.clone(), 6)]),
            empty: BTreeSet::from([place]),
            ..Facts::default()
        };
        let told = report("S", "g", &facts, 0);
        assert_eq!((told.lag, told.partitions[0].end), (0, 7));
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
