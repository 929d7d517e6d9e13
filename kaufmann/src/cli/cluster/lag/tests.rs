use super::report::{Facts, report, with_rates};
use super::*;
use crate::cli::snapshot::is_snapshot;
use crate::kafka::cluster::{Bounds, Group, Member};

fn facts() -> Facts {
    let topic_partition = |partition| TopicPartition::new("shop", partition);
    let member = |number: u16, topic_partitions: &[i32]| Member {
        id: format!("ledger-{number:04}"),
        client: "ledger".to_owned(),
        host: format!("/10.0.0.{number}"),
        partitions: topic_partitions
            .iter()
            .map(|partition| topic_partition(*partition))
            .collect(),
    };
    Facts {
        group: Some(Group {
            state: "Stable".to_owned(),
            members: vec![member(7, &[0, 1]), member(8, &[2])],
            operations: None,
        }),
        bounds: BTreeMap::from([
            (
                topic_partition(0),
                Bounds {
                    start: 0,
                    end: 41_200,
                },
            ),
            (
                topic_partition(1),
                Bounds {
                    start: 0,
                    end: 39_871,
                },
            ),
            (topic_partition(2), Bounds { start: 500, end: 800 }),
        ]),
        committed: BTreeMap::from([(topic_partition(0), 41_200), (topic_partition(1), 38_009)]),
        oldest: BTreeMap::from([(topic_partition(1), 1_000), (topic_partition(2), 500_000)]),
        from_start: true,
        ..Facts::default()
    }
}

fn text(report: &Report, rates: bool) -> String {
    screen::text(report, rates, Paint { colours: false })
}

#[test]
fn lag_has_this_shape() {
    let report = report("Ledger", "ledger", &facts(), 1_000_000);
    is_snapshot(
        "cluster/lag/snapshots/lag.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
    is_snapshot("cluster/lag/snapshots/lag.txt", &text(&report, false));
}

#[test]
fn a_watched_lag_has_the_rate_of_commits() {
    let before = report("Ledger", "ledger", &facts(), 998_000);
    let mut later = facts();
    later.committed.insert(TopicPartition::new("shop", 1), 38_909);
    let later = with_rates(
        report("Ledger", "ledger", &later, 1_000_000),
        &before,
        Duration::from_secs(2),
    );
    is_snapshot("cluster/lag/snapshots/watch.txt", &text(&later, true));
}

#[test]
fn a_group_without_members_differs_from_one_that_never_existed() {
    let mut nobody = facts();
    nobody.group = Some(Group {
        state: "Empty".to_owned(),
        members: Vec::new(),
        operations: None,
    });
    assert!(text(&report("L", "g", &nobody, 0), false).starts_with("group g: no members\n"));
    nobody.group = Some(Group {
        state: "Dead".to_owned(),
        members: Vec::new(),
        operations: None,
    });
    nobody.committed.clear();
    let text = text(&report("L", "g", &nobody, 0), false);
    assert!(
        text.starts_with("group g: nothing committed yet, no members\n"),
        "{text}"
    );
}

#[test]
fn an_interval_that_is_too_short_or_too_long_is_refused() {
    let watch = |interval: &str| {
        let matches = command().try_get_matches_from(["lag", &format!("--watch={interval}")]);
        matches
            .map(|matches| request(&matches).watch)
            .map_err(|error| error.to_string())
    };
    assert_eq!(watch("100ms").unwrap(), Some(Duration::from_millis(100)));
    for interval in ["0s", "99ms", "1000000y"] {
        let error = watch(interval).unwrap_err();
        assert!(error.contains("expected 100ms to 1day"), "{error}");
    }
}
