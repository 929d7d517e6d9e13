use std::collections::BTreeMap;

use serde_json::json;

use super::act::{Left, Summary};
use super::*;
use crate::cli::snapshot::is_snapshot;
use crate::publish::dead_letter::opened::{DeadLetter, FailureDetails, SourcePlace};

const PAINT: Paint = Paint { colours: false };

fn failure(place: &str, handler: Option<&str>, class: &str, error: &str, minute: u32) -> FailureDetails {
    let offset = place
        .rsplit('@')
        .next()
        .and_then(|offset| offset.parse().ok())
        .unwrap_or(0);
    FailureDetails {
        position: format!("ledger.dead-letter/{place}"),
        class: class.to_owned(),
        error: error.to_owned(),
        attempts: Some(if handler.is_some() { 10 } else { 1 }),
        event: handler.map(|_| "shop.order_placed".to_owned()),
        handler: handler.map(str::to_owned),
        time: Some(format!("2026-01-31T03:{minute:02}:07.120Z")),
        source: Some(SourcePlace {
            topic: "shop".to_owned(),
            partition: 1,
            offset: 40_000 + offset,
        }),
    }
}

fn dead_letters() -> Vec<(&'static str, DeadLetter)> {
    let placed = Some("orders::placed");
    let dead_letter = |place: &str, handler, class, error: &str, minute, history| DeadLetter {
        failure: failure(place, handler, class, error, minute),
        history,
        payload_cut: None,
        headers_cut: false,
    };
    let before = failure("0@9", placed, "timed-out", "took longer than 5s", 1);
    vec![
        (
            "0@17",
            dead_letter(
                "0@17",
                placed,
                "failed",
                "no account 4711 in the ledger",
                12,
                vec![],
            ),
        ),
        (
            "0@18",
            dead_letter(
                "0@18",
                placed,
                "failed",
                "no account 815 in the ledger",
                14,
                vec![before],
            ),
        ),
        (
            "1@3",
            dead_letter(
                "1@3",
                None,
                "undecodable",
                "the payload begins with the byte 0x7b",
                2,
                vec![],
            ),
        ),
    ]
}

#[test]
fn open_dead_letters_are_listed_by_handler_and_error() {
    let mut groups = Groups::default();
    for (id, dead_letter) in dead_letters() {
        groups.add(id, &dead_letter);
    }
    groups.add_foreign();
    let report = groups.report("Ledger", "ledger.dead-letter");
    is_snapshot("cluster/dlq/snapshots/list.txt", &screen::list(&report, PAINT));
    is_snapshot(
        "cluster/dlq/snapshots/list.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
    let none = Groups::default().report("Ledger", "ledger.dead-letter");
    assert_eq!(
        screen::list(&none, PAINT),
        "no open dead letters in ledger.dead-letter"
    );
}

#[test]
fn a_dead_letter_is_shown_with_its_history_and_its_payload() {
    let (_, dead_letter) = dead_letters().swap_remove(1);
    let shown = Shown {
        key: Some("ada".to_owned()),
        failure: dead_letter.failure,
        history: dead_letter.history,
        headers: json!({"ce_id": "42"}),
        payload: Some(json!({"order_id": "o-1", "amount_cents": 1000})),
        raw: None,
        note: None,
    };
    is_snapshot("cluster/dlq/snapshots/show.txt", &screen::show(&shown, PAINT));
    is_snapshot(
        "cluster/dlq/snapshots/show.json",
        &serde_json::to_string_pretty(&shown).unwrap(),
    );
}

#[test]
fn a_summary_lists_what_was_sent_where_and_what_is_left() {
    let summary = Summary {
        command: "replay",
        topic: "ledger.dead-letter".to_owned(),
        dry_run: false,
        done: 120,
        topics: BTreeMap::from([("shop".to_owned(), 118), ("payments".to_owned(), 2)]),
        remaining: Some(1),
        left: vec![Left {
            dead_letter: "ledger.dead-letter/0@31".to_owned(),
            why: "topic `refunds` does not exist".to_owned(),
        }],
        interrupted: false,
    };
    is_snapshot(
        "cluster/dlq/snapshots/replay.txt",
        &screen::summary(&summary, PAINT),
    );
    is_snapshot(
        "cluster/dlq/snapshots/replay.json",
        &serde_json::to_string_pretty(&summary).unwrap(),
    );
}

#[test]
fn an_empty_text_for_error_is_refused() {
    let matches = arguments::command().try_get_matches_from(["dlq", "discard", "--error", ""]);
    let error = matches.unwrap_err().to_string();
    assert!(
        error.contains("a value is required for '--error <TEXT>'"),
        "{error}"
    );
}
