//! Records that cannot be handled, and records that only look so: none is lost, none blocks later ones.

use anyhow::{Context, Result};
use kaufmann_tests::rig::{Fault, FaultProxy, Kafka, Offsets, Record, Rig, wait_until};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    nothing_after_a_damaged_batch_is_committed,
    a_truncated_datum_becomes_a_dead_letter,
    an_unknown_schema_id_becomes_a_dead_letter,
    a_payload_without_a_frame_becomes_a_dead_letter,
    an_empty_payload_becomes_a_dead_letter,
    a_tombstone_is_not_an_event,
    a_null_key_is_handled,
    five_megabytes_are_handled,
    five_megabytes_that_do_not_decode_become_a_dead_letter,
    a_registry_that_answers_500_for_a_while_is_waited_for,
    a_temporary_page_of_a_proxy_is_waited_out_and_causes_no_dead_letter,
    records_with_schemas_other_than_avro_become_dead_letters_and_commands_continue_after_them,
    a_foreign_framing_becomes_a_dead_letter_that_names_it,
];

const FIVE_MEGABYTES: usize = 5_000_000;

fn a_truncated_datum_becomes_a_dead_letter(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "truncated", 1)?;
    let mut poison = shop.placed("ada", 1)?.with_header("shop", "north");
    if let Some(value) = &mut poison.value {
        value.truncate(value.len() - 3);
    }
    let letter = becomes_a_dead_letter(&shop, &poison)?;
    assert!(
        letter
            .header("kaufmann-error")
            .is_some_and(|error| error.contains("shop.order_placed")),
        "{letter:?}"
    );
    Ok(())
}

fn an_unknown_schema_id_becomes_a_dead_letter(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "unknown-id", 1)?;
    let mut poison = shop.placed("ada", 1)?;
    if let Some(value) = &mut poison.value {
        value[1..5].copy_from_slice(&123_456_789_u32.to_be_bytes());
    }
    let letter = becomes_a_dead_letter(&shop, &poison)?;
    assert!(
        letter
            .header("kaufmann-error")
            .is_some_and(|error| error.contains("123456789")),
        "{letter:?}"
    );
    Ok(())
}

fn a_payload_without_a_frame_becomes_a_dead_letter(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "unframed", 1)?;
    becomes_a_dead_letter(
        &shop,
        &Record::new(Some("ada"), Some(b"{\"json\":true}".to_vec())),
    )?;
    Ok(())
}

fn an_empty_payload_becomes_a_dead_letter(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "empty", 1)?;
    becomes_a_dead_letter(&shop, &Record::new(Some("ada"), Some(Vec::new())))?;
    Ok(())
}

fn a_tombstone_is_not_an_event(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "tombstone", 1)?;
    let letters = handle_around(&shop, Record::new(Some("ada"), None))?;
    assert_eq!(shop.confirmed()?, orders_around());
    assert_eq!(letters, []);
    Ok(())
}

fn a_null_key_is_handled(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "null-key", 1)?;
    let letters = handle_around(
        &shop,
        Record {
            key: None,
            ..shop.placed("nobody", 1)?
        },
    )?;
    let mut confirmed = shop.confirmed()?;
    // A record without a key has no order, so its reply may be anywhere.
    assert!(confirmed.contains(&order_id("nobody", 1)), "{confirmed:?}");
    confirmed.retain(|id| *id != order_id("nobody", 1));
    assert_eq!(confirmed, orders_around());
    assert_eq!(letters, []);
    Ok(())
}

fn five_megabytes_are_handled(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "large", 1)?;
    let letters = handle_around(&shop, shop.cancelled("ada", &"x".repeat(FIVE_MEGABYTES), 1)?)?;
    assert_eq!(shop.confirmed()?, orders_around());
    assert_eq!(letters, []);
    Ok(())
}

fn five_megabytes_that_do_not_decode_become_a_dead_letter(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "large-poison", 1)?;
    let mut poison = shop.cancelled("ada", &"x".repeat(FIVE_MEGABYTES), 1)?;
    if let Some(value) = &mut poison.value {
        value.pop();
    }
    becomes_a_dead_letter(&shop, &poison)?;
    Ok(())
}

fn a_registry_that_answers_500_for_a_while_is_waited_for(rig: &Rig) -> Result<()> {
    is_waited_for(&Shop::open(rig, "registry-500", 1)?, Fault::Status(500))
}

fn a_temporary_page_of_a_proxy_is_waited_out_and_causes_no_dead_letter(rig: &Rig) -> Result<()> {
    is_waited_for(&Shop::open(rig, "registry-404-page", 1)?, Fault::Page(404))?;
    is_waited_for(&Shop::open(rig, "registry-200-page", 1)?, Fault::Page(200))
}

/// The registry answers in this way, more often than an unknown id is looked up.
fn is_waited_for(shop: &Shop, fault: Fault) -> Result<()> {
    let proxy = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let mut service = shop.service_with_registry(&proxy.url()).start()?;
    // It has all it needs to start; it has not looked up the writer's schema yet.
    shop.client
        .wait_members(&shop.group, 1, DEADLINE)
        .with_context(|| service.tail())?;
    proxy.set(fault);
    shop.produce(&[shop.placed("ada", 0)?, shop.placed("bob", 0)?])?;
    wait_until("the registry should be asked again", DEADLINE, || {
        service.assert_running()?;
        Ok((proxy.refused() >= 8).then_some(()))
    })
    .with_context(|| service.tail())?;
    let committed = shop.client.committed(&shop.group, &shop.topic)?;
    assert!(
        committed.values().all(|offset| *offset == 0),
        "committed before it was handled: {committed:?}"
    );

    proxy.set(Fault::Forward);
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let mut confirmed = shop.confirmed()?;
    confirmed.sort();
    assert_eq!(confirmed, [order_id("ada", 0), order_id("bob", 0)]);
    assert_eq!(shop.letters()?, []);
    Ok(())
}

fn records_with_schemas_other_than_avro_become_dead_letters_and_commands_continue_after_them(
    rig: &Rig,
) -> Result<()> {
    let shop = Shop::open(rig, "no-avro", 1)?;
    let proxy = FaultProxy::start(&shop.servers.registry.origin(), Fault::Forward)?;
    let bodies = [
        r#"{"schemaType": "JSON", "schema": "{\"type\": \"object\"}"}"#,
        r#"{"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\";"}"#,
        r#"{"schema": "{\"type\": \"rec"}"#,
    ];
    let mut records = vec![shop.placed("ada", 0)?];
    for (id, body) in (900_001_u32..).zip(bodies) {
        proxy.script(&format!("/schemas/ids/{id}"), 200, body);
        let payload = [&[0], &id.to_be_bytes()[..], b"{}"].concat();
        records.push(Record::new(Some("ada"), Some(payload)));
    }
    records.push(shop.placed("ada", 1)?);
    shop.produce(&records)?;

    let mut service = shop.service_with_registry(&proxy.url()).start()?;
    let committed = shop.wait_committed().with_context(|| service.tail())?;
    assert_eq!(committed, Offsets::from([(0, 5)]));
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?, [order_id("ada", 0), order_id("ada", 1)]);
    let letters = shop.letters()?;
    let whys = [
        "is JSON, expected AVRO",
        "is PROTOBUF, expected AVRO",
        "is not an Avro schema",
    ];
    assert_eq!(letters.len(), whys.len(), "{letters:?}");
    for (letter, why) in letters.iter().zip(whys) {
        assert_eq!(
            letter.header("kaufmann-error-class").as_deref(),
            Some("undecodable")
        );
        assert_eq!(letter.header("kaufmann-error-attempts").as_deref(), Some("1"));
        assert!(
            letter
                .header("kaufmann-error")
                .is_some_and(|error| error.contains(why)),
            "{letter:?}"
        );
    }

    let output = shop
        .command_with_registry(
            &proxy.url(),
            "tail",
            &["--from", "beginning", "--until-end", "--format", "json"],
        )
        .output()?;
    assert_eq!((output.code, output.stdout.lines().count()), (0, 5), "{output:?}");
    for why in whys {
        assert!(output.stdout.contains(why), "{output:?}");
    }
    let output = shop
        .command_with_registry(&proxy.url(), "replay", &["--from", "beginning"])
        .output()?;
    assert!(
        output.stdout.contains("2 handled") && output.stdout.contains("3 failed"),
        "{output:?}"
    );
    Ok(())
}

fn a_foreign_framing_becomes_a_dead_letter_that_names_it(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "foreign-frames", 1)?;
    let eight = [&[0, 0, 0, 0, 0, 0, 0, 0, 7][..], b"datum"].concat();
    let letter = becomes_a_dead_letter(&shop, &Record::new(Some("ada"), Some(eight)))?;
    let error = letter.header("kaufmann-error").unwrap_or_default();
    assert!(
        error.contains("an id of 8 bytes (7), as Apicurio's serdes write it"),
        "{error}"
    );
    assert_eq!(letter.header("kaufmann-error-attempts").as_deref(), Some("1"));
    Ok(())
}

/// Runs the service on the poison record with good records around it, and returns the dead letter, which must be the poison with
/// its key, payload and headers, and with headers for its origin and the reason.
fn becomes_a_dead_letter(shop: &Shop, poison: &Record) -> Result<Record> {
    let mut letters = handle_around(shop, poison.clone())?;
    assert_eq!(shop.confirmed()?, orders_around());
    assert_eq!(letters.len(), 1);
    let letter = letters.remove(0);
    assert!(letter.key == poison.key, "the key changed");
    assert!(letter.value == poison.value, "the payload changed");
    assert_eq!(letter.headers[..poison.headers.len()], poison.headers);
    let header = |name| {
        letter
            .header(name)
            .with_context(|| format!("{name} is missing in {:?}", letter.headers))
    };
    assert_eq!(header("kaufmann-error-class")?, "undecodable");
    assert_ne!(header("kaufmann-error")?, "");
    assert_eq!(header("kaufmann-source-topic")?, shop.topic);
    assert_eq!(header("kaufmann-source-partition")?, "0");
    assert_eq!(header("kaufmann-source-offset")?, "1");
    Ok(letter)
}

/// The service handles an order, the record, an order of the same key and one of another; returns the dead letters.
fn handle_around(shop: &Shop, record: Record) -> Result<Vec<Record>> {
    let records = [
        shop.placed("ada", 0)?,
        record,
        shop.placed("ada", 2)?,
        shop.placed("ada", 3)?,
    ];
    shop.produce(&records)?;
    let mut service = shop.service().start()?;
    let committed = shop.wait_committed().with_context(|| service.tail())?;
    assert_eq!(committed, Offsets::from([(0, 4)]));

    // The poller is alive, too.
    shop.produce(&[shop.placed("ada", 4)?])?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    shop.letters()
}

/// The orders that [`handle_around`] has confirmed.
fn orders_around() -> [String; 4] {
    [0, 2, 3, 4].map(|sequence| order_id("ada", sequence))
}

/// With `check.crcs` librdkafka reports a batch whose checksum is wrong, and continues after it.
fn nothing_after_a_damaged_batch_is_committed(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let mut kafka = Kafka::start()?;
    let shop = Shop::plan(&servers, &kafka, "damaged")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    for number in 0..6 {
        // Each in its own batch.
        shop.produce(&[shop.placed("ada", number)?])?;
    }
    kafka.stop()?;
    kafka.damage(&shop.topic, 0, "ada-2")?;
    kafka.restart()?;
    for _ in 0..2 {
        let mut service = shop
            .service()
            .with_arguments(&["--kafka", "check.crcs=true"])
            .start()?;
        let status = service.wait(DEADLINE)?;
        assert_eq!(status.code(), Some(70), "{}", service.tail());
        let logs = service.logs();
        assert!(logs.contains("reading on would skip records"), "{logs}");
        let committed = shop.client.committed(&shop.group, &shop.topic)?;
        assert!(
            committed.get(&0).is_none_or(|offset| *offset <= 2),
            "{committed:?}\n{logs}"
        );
    }
    let confirmed = shop.confirmed()?;
    let behind: Vec<_> = (2..6).map(|number| order_id("ada", number)).collect();
    assert!(
        !confirmed.iter().any(|order| behind.contains(order)),
        "{confirmed:?}"
    );
    Ok(())
}
