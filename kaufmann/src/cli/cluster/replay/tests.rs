use super::reset::{Moved, Row as Move};
use super::tally::{Counted, Failed};
use super::*;
use crate::cli::paint::Paint;
use crate::cli::snapshot::is_snapshot;

const PAINT: Paint = Paint { colours: false };

fn report(interrupted: bool) -> Report {
    let mut config = Config::default();
    config.group.push_str("ledger");
    let spans = BTreeMap::from([
        (TopicPartition::new("shop", 0), Span { from: 0, to: 41_200 }),
        (TopicPartition::new("shop", 1), Span { from: 0, to: 39_871 }),
    ]);
    let counts = Counted {
        handled: 80_000,
        unwanted: 1_069,
        skipped: 0,
        failed: 2,
        retries: 9,
        muted: 40_311,
        failures: vec![Failed {
            record: "shop/1@38009".to_owned(),
            event: Some("shop.order_placed".to_owned()),
            reason: "no account 4711 in the ledger".to_owned(),
        }],
    };
    Report::new(
        "Ledger",
        &config,
        &spans,
        false,
        counts,
        Duration::from_millis(4_210),
        interrupted,
    )
}

#[test]
fn a_replay_ends_with_a_summary() {
    let report = report(false);
    assert_eq!(report.exit_code(), ExitCode::from(1));
    is_snapshot("cluster/replay/snapshots/replay.txt", &report.text(PAINT));
    is_snapshot(
        "cluster/replay/snapshots/replay.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
}

#[test]
fn an_interrupted_replay_says_how_to_continue() {
    let report = self::report(true);
    assert!(
        report
            .text(PAINT)
            .ends_with("\ninterrupted; `replay --resume` continues")
    );
}

#[test]
fn a_group_reset_prints_the_old_and_new_offsets() {
    let row = |partition, from, to| Move {
        topic: "shop".to_owned(),
        partition,
        from,
        to,
    };
    let moved = Moved {
        group: "ledger".to_owned(),
        partitions: vec![row(0, Some(41_200), 30_112), row(1, None, 29_007)],
    };
    is_snapshot("cluster/replay/snapshots/reset.txt", &moved.text(PAINT));
    is_snapshot(
        "cluster/replay/snapshots/reset.json",
        &serde_json::to_string_pretty(&moved).unwrap(),
    );
}

#[test]
fn a_beginning_after_the_end_is_refused_and_the_error_names_both() {
    let request = |from: &str, to: &str| {
        let matches = command()
            .try_get_matches_from(["replay", "--from", from, "--to", to])
            .unwrap();
        super::request(&matches)
    };
    for (from, to) in [
        ("10", "5"),
        ("-5", "-10"),
        ("end", "beginning"),
        ("2026-02-01", "2026-01-31"),
    ] {
        let error = request(from, to).check_order().unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            text.contains(&format!("--from {from}")) && text.contains(&format!("--to {to}")),
            "{text}"
        );
    }
    for (from, to) in [
        ("5", "10"),
        ("5", "5"),
        ("10", "-5"),
        ("beginning", "end"),
        ("2026-01-31", "5"),
    ] {
        request(from, to).check_order().unwrap();
    }
}

#[test]
fn a_group_reset_takes_no_end() {
    let arguments = ["replay", "--reset-group", "--from", "1", "--to", "2"];
    let error = command().try_get_matches_from(arguments).unwrap_err();
    assert!(
        error.exit_code() == 2 && error.to_string().contains("--to"),
        "{error}"
    );
}
