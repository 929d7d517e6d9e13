use std::sync::Arc;

use super::*;
use crate::assignment::Assignment;
use crate::cli::snapshot::is_snapshot;
use crate::record::RawRecord;
use crate::registry::{EmbeddedRegistry, SchemaRegistry};
use crate::wire::framed;

const PLACED: &str = r#"{"type": "record", "name": "shop.order_placed", "fields": [
    {"name": "order_id", "type": "string"}, {"name": "amount_cents", "type": "long"}]}"#;

/// `{"order_id": "o-1", "amount_cents": 1000}`
const DATUM: [u8; 6] = [6, b'o', b'-', b'1', 0xd0, 0x0f];

fn record(offset: i64, payload: Option<&[u8]>) -> Record {
    let assignment = Arc::new(Assignment::new(0, "shop".into(), 3));
    let headers: [(&str, Option<&[u8]>); 1] = [("ce_id", Some(b"42"))];
    Record::at(
        &assignment,
        &RawRecord {
            offset,
            timestamp: Some(1_767_225_600_042 + offset),
            key: Some(b"ada"),
            payload,
            headers: &headers,
        },
    )
}

/// A record that is decoded, one that cannot be, a tombstone, and one that is not decoded.
async fn lines() -> Vec<Line> {
    let registry = EmbeddedRegistry::new();
    let id = registry.register("shop.order_placed", PLACED).await.unwrap();
    let mut decoder = Decoder::with(Arc::new(registry), &[]);
    let mut lines = Vec::new();
    for (offset, payload) in [
        (7, Some(framed(id, DATUM.to_vec()))),
        (8, Some(b"{}".to_vec())),
        (9, None),
    ] {
        let record = record(offset, payload.as_deref());
        lines.push(Line::decoded(&record, decoder.decode(&record).await.unwrap()));
    }
    lines.push(Line::raw(&record(10, Some(&framed(1, DATUM.to_vec())))));
    lines
}

#[tokio::test]
async fn records_have_this_shape() {
    let paint = Paint { colours: false };
    let lines = lines().await;
    let texts: Vec<_> = lines.iter().map(|line| line.text(17, false, paint)).collect();
    is_snapshot("tail/snapshots/tail.txt", &texts.join("\n"));
    let objects: Vec<_> = lines.iter().map(Line::to_json).collect();
    is_snapshot("tail/snapshots/tail.jsonl", &objects.join("\n"));
}

#[tokio::test]
async fn headers_are_shown_if_asked_for() {
    let line = lines().await[0].text(17, true, Paint { colours: false });
    assert!(line.contains(r#"{"ce_id":"42"} {"amount_cents":1000"#), "{line}");
}

#[tokio::test]
async fn a_schema_that_the_registry_does_not_know_is_said_and_the_record_shown() {
    let mut decoder = Decoder::with(Arc::new(EmbeddedRegistry::new()), &[]);
    let record = record(0, Some(&framed(99, DATUM.to_vec())));
    let line = Line::decoded(&record, decoder.decode(&record).await.unwrap());
    assert!(line.error.is_some_and(|error| error.contains("99")));
    assert_eq!(line.raw.as_deref(), Some("0x0000000063066f2d31d00f"));
}
