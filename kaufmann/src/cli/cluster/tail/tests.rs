use std::sync::Arc;

use super::*;
use crate::assignment::Assignment;
use crate::cli::snapshot::is_snapshot;
use crate::record::RawRecord;
use crate::record::wire::framed;
use crate::schema::registry::error::ResponseDetails;
use crate::schema::registry::{Answer, EmbeddedRegistry, RegistryError, RegistryErrorKind, SchemaRegistry};

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
    is_snapshot("cluster/tail/snapshots/tail.txt", &texts.join("\n"));
    let objects: Vec<_> = lines.iter().map(Line::to_json).collect();
    is_snapshot("cluster/tail/snapshots/tail.jsonl", &objects.join("\n"));
}

#[tokio::test]
async fn a_name_from_a_header_cannot_write_to_the_terminal() {
    let mut line = lines().await.remove(0);
    line.event = Some("\u{1b}[31mred".to_owned() + &"x".repeat(5000));
    let text = line.text(17, false, Paint { colours: false });
    assert!(!text.contains('\u{1b}') && text.len() < 400, "{text}");
}

#[tokio::test]
async fn headers_are_shown_with_the_option() {
    let line = lines().await[0].text(17, true, Paint { colours: false });
    assert!(line.contains(r#"{"ce_id":"42"} {"amount_cents":1000"#), "{line}");
}

/// A registry with one answer to every request.
struct Always(Result<&'static str, (RegistryErrorKind, Option<u16>)>);

impl SchemaRegistry for Always {
    fn schema(&self, _: u32) -> Answer<'_, String> {
        let details = |status| ResponseDetails {
            status,
            ..ResponseDetails::default()
        };
        let answer = self.0.map(str::to_owned);
        let answer = answer
            .map_err(|(kind, status)| RegistryError::new(kind, "told so").with_details(details(status)));
        Box::pin(async move { answer })
    }

    fn schema_by_guid(&self, _: [u8; 16]) -> Answer<'_, String> {
        self.schema(0)
    }

    fn lookup<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        unreachable!("nothing is looked up")
    }

    fn register<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, u32> {
        unreachable!("nothing is registered")
    }
}

#[tokio::test]
async fn an_unreadable_schema_is_an_error_on_the_records_line_unless_it_concerns_all_records() {
    use RegistryErrorKind::{Refused, Unauthorized, Unavailable, Unknown};
    let record = record(0, Some(&framed(99, DATUM.to_vec())));
    for (answer, is_of_all, event_is_known) in [
        (Ok("message A {}"), false, true),
        (Err((Refused, None)), false, true),
        (Err((Unknown, Some(404))), false, true),
        // It may be the wanted event, so a filter by event must not skip it.
        (Err((Unavailable, Some(404))), false, false),
        (Err((Unavailable, Some(500))), false, false),
        (Err((Unauthorized, Some(403))), false, false),
        (Err((Unauthorized, Some(401))), true, false),
        (Err((Unavailable, None)), true, false),
    ] {
        let mut decoder = Decoder::with(Arc::new(Always(answer)), &[]);
        match decoder.decode(&record).await {
            Ok(decoded) => {
                let line = Line::decoded(&record, decoded);
                assert!(!is_of_all, "{answer:?}");
                assert!(
                    line.error.is_some_and(|error| error.contains("(id 99)")),
                    "{answer:?}"
                );
            }
            Err(error) => assert!(is_of_all, "{answer:?}: {error}"),
        }
        assert_eq!(decoder.event(&record).await.is_ok(), event_is_known, "{answer:?}");
    }
}

#[tokio::test]
async fn of_a_union_at_the_top_the_branch_is_shown_and_names_the_event() {
    let other = r#"{"type": "record", "name": "shop.other", "fields": []}"#;
    let registry = EmbeddedRegistry::new();
    let id = registry
        .register("s", &format!("[\"null\", {other}, {PLACED}]"))
        .await
        .unwrap();
    let mut decoder = Decoder::with(Arc::new(registry), &[]);
    let in_branch = |branch: u8| {
        framed(
            id,
            [&[branch][..], if branch == 4 { &DATUM[..] } else { &[] }].concat(),
        )
    };
    let mut shown = async |branch: u8| {
        let record = record(0, Some(&in_branch(branch)));
        let event = decoder.event(&record).await.unwrap();
        let line = Line::decoded(&record, decoder.decode(&record).await.unwrap());
        assert_eq!(line.event, event);
        (event, line.payload, line.error)
    };
    let (event, payload, _) = shown(4).await;
    assert_eq!(event.as_deref(), Some("shop.order_placed"));
    assert_eq!(payload.unwrap()["amount_cents"], 1000);
    assert_eq!(
        shown(2).await,
        (Some("shop.other".to_owned()), Some(serde_json::json!({})), None)
    );
    assert_eq!(shown(0).await, (None, Some(serde_json::Value::Null), None));
    assert!(shown(6).await.2.is_some());
}

#[tokio::test]
async fn a_record_with_an_unknown_schema_is_shown_raw_with_an_error() {
    let mut decoder = Decoder::with(Arc::new(EmbeddedRegistry::new()), &[]);
    let record = record(0, Some(&framed(99, DATUM.to_vec())));
    let line = Line::decoded(&record, decoder.decode(&record).await.unwrap());
    assert!(line.error.is_some_and(|error| error.contains("99")));
    assert_eq!(line.raw.as_deref(), Some("0x0000000063066f2d31d00f"));
}
