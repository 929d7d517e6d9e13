//! Records that cannot be handled, on a broker with its own limits.

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Record, Rig, Service, wait_until};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    a_dead_letter_too_large_for_its_topic_is_written_without_its_payload,
    a_missing_dead_letter_topic_is_named_at_the_start_and_used_once_it_exists,
    too_many_failures_in_a_row_stop_the_service_and_lose_nothing,
    a_topic_with_too_many_failures_is_held_and_reported_by_doctor_and_another_one_goes_on,
];

/// The exit code of too many failures.
const TOO_MANY: i32 = 65;

fn poison(key: &str, size: usize) -> Record {
    Record::new(Some(key), Some(vec![b'x'; size]))
}

fn a_dead_letter_too_large_for_its_topic_is_written_without_its_payload(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "large-letter")?;
    shop.create_topics(&[&shop.topic, &shop.replies], 1)?;
    shop.client
        .create_topic(&shop.dead_letters, 1, &[("max.message.bytes", "10000")])?;
    // Dead letters are compressed, so a large one must not be regular.
    let mut state = 1_u64;
    let noise: Vec<u8> = (1..50_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    let large = Record::new(Some("large"), Some([&[9], &noise[..]].concat())).with_header("shop", "north");
    shop.produce(&[large, poison("small", 100), shop.placed("ada", 0)?])?;
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;

    let letters = shop.letters()?;
    let letter = |key: &str| {
        let found = letters
            .iter()
            .find(|letter| letter.key_text().as_deref() == Some(key));
        found.with_context(|| format!("no letter of {key}"))
    };
    assert_eq!(letters.len(), 2);
    let large = letter("large")?;
    assert!(large.value.is_none());
    assert_eq!(large.header("kaufmann-payload-cut").as_deref(), Some("50000"));
    assert_eq!(large.header("shop").as_deref(), Some("north"));
    assert_eq!(large.header("kaufmann-source-topic"), Some(shop.topic.clone()));
    assert_eq!(large.header("kaufmann-source-offset").as_deref(), Some("0"));
    assert!(
        service
            .logs()
            .contains("a dead letter is too large for its topic"),
        "{}",
        service.tail()
    );
    assert_eq!(
        letter("small")?.header("kaufmann-error-class").as_deref(),
        Some("undecodable")
    );
    assert_eq!(shop.confirmed()?, [order_id("ada", 0)]);
    Ok(())
}

fn a_missing_dead_letter_topic_is_named_at_the_start_and_used_once_it_exists(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "no-letters")?;
    shop.create_topics(&[&shop.topic, &shop.replies], 1)?;
    let mut service = shop.service().start()?;
    service.wait_log(
        "there is no topic `no-letters.dead-letter` for dead letters",
        DEADLINE,
    )?;
    service.wait_log("--create --topic no-letters.dead-letter", DEADLINE)?;

    shop.produce(&[poison("ada", 10), shop.placed("ada", 1)?])?;
    service.wait_log("messages cannot be delivered", DEADLINE)?;
    let committed = shop.client.committed(&shop.group, &shop.topic)?;
    assert!(committed.values().all(|offset| *offset == 0), "{committed:?}");

    shop.create_topics(&[&shop.dead_letters], 1)?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let letters = shop.letters()?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value, poison("ada", 10).value);
    Ok(())
}

fn too_many_failures_in_a_row_stop_the_service_and_lose_nothing(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "too-many", 1)?;
    let records: Vec<Record> = (0..10).map(|_| poison("ada", 10)).collect();
    shop.produce(&records)?;
    let strict = "[dead_letter]\nmax_consecutive = 3\n";
    let mut service = shop.service().with_file(strict).start()?;
    let status = service.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(TOO_MANY), "{}", service.tail());
    assert!(
        service
            .logs()
            .contains("more than `dead_letter.max_consecutive` allows"),
        "{}",
        service.tail()
    );
    let first = shop.letters()?.len();
    assert!((3..10).contains(&first), "{first}");

    // With a higher limit the next one goes on, and every record becomes a dead letter.
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let mut offsets: Vec<_> = shop
        .letters()?
        .iter()
        .filter_map(|letter| letter.header("kaufmann-source-offset")?.parse::<i64>().ok())
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets, (0..10).collect::<Vec<_>>());
    Ok(())
}

fn a_topic_with_too_many_failures_is_held_and_reported_by_doctor_and_another_one_goes_on(
    rig: &Rig,
) -> Result<()> {
    let shop = Shop::open(rig, "held", 1)?;
    let other = format!("{}-of-others", shop.topic);
    shop.create_topics(&[&other], 1)?;
    let holding = "[dead_letter]\nmax_consecutive = 3\non_limit = \"hold_topic\"\nhold = \"1h\"\n";
    let both = format!("{},{other}", shop.topic);
    let registry = shop.servers.registry.url();
    let mut service = Service::run(&shop.brokers, &shop.group, &both, &registry)
        .with_file(&shop.file())
        .with_file(holding)
        .start()?;
    let records: Vec<Record> = (0..10).map(|_| poison("ada", 10)).collect();
    shop.produce(&records)?;
    service.wait_log("the topic is held", DEADLINE)?;
    let orders = (0..20).map(|sequence| shop.placed("bob", sequence));
    shop.client
        .produce(&other, &orders.collect::<Result<Vec<_>>>()?)?;
    let committed = shop.client.wait_committed(&shop.group, &other, DEADLINE);
    committed.with_context(|| service.tail())?;

    wait_until("the hold should be committed", DEADLINE, || {
        let metadata = shop.client.committed_metadata(&shop.group, &shop.topic)?;
        Ok((metadata == ["kaufmann/held"]).then_some(()))
    })
    .with_context(|| service.tail())?;
    let report = shop.json(1, "doctor", &[])?;
    let held = format!("{report}");
    ensure!(
        held.contains(
            "is held, because too many of its records could not be handled: partition 0 at offset 3"
        ),
        "{report:#}"
    );
    service.stop_cleanly()?;
    assert_eq!(shop.letters()?.len(), 3);
    let committed = shop.client.committed(&shop.group, &shop.topic)?;
    assert_eq!(committed.values().copied().collect::<Vec<_>>(), [3]);
    Ok(())
}
