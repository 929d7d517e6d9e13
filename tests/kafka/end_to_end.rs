//! A foreign producer, the quickstart, a foreign consumer.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kaufmann_tests::rig::foreign::Produce;
use kaufmann_tests::rig::{Rig, Service};

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    a_hundred_thousand_foreign_events_are_handled_in_order_and_committed,
    the_environment_configures_as_the_flags_do,
];

const EVENTS: u64 = 100_000;
const KEYS: u64 = 1_000;
/// One event in five is an order, and each order is confirmed.
const REPLIES: u64 = EVENTS / 5;

fn a_hundred_thousand_foreign_events_are_handled_in_order_and_committed(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "foreign", 4)?;
    let mut service = shop.service().start()?;

    let order = Produce {
        topic: shop.topic.clone(),
        prefix: "customer-".to_owned(),
        events: EVENTS,
        keys: KEYS,
        per_second: 0,
        pause_at: None,
    };
    let produced = shop.servers.foreign.produce(&shop.servers, &order)?;
    assert_eq!(produced.types.len(), 5);
    assert_eq!(produced.types["shop.order_placed"], REPLIES);

    let committed = shop.wait_committed().with_context(|| service.tail())?;
    assert_eq!(committed.len(), 4, "every partition has records");
    assert_eq!(u64::try_from(committed.values().sum::<i64>())?, EVENTS);
    service.stop_cleanly()?;
    assert_eq!(shop.client.committed(&shop.group, &shop.topic)?, committed);

    let replies =
        shop.servers
            .foreign
            .consume(&shop.servers, &shop.replies, "customer-", REPLIES, DEADLINE)?;
    assert_eq!(
        (replies.count, replies.distinct, replies.duplicates),
        (REPLIES, REPLIES, 0)
    );
    assert_eq!((replies.keys, replies.foreign_keys), (KEYS, 0));
    assert_eq!(replies.order_violations, 0, "{}", replies.first_violation);
    let confirmed = BTreeMap::from([("shop.order_confirmed".to_owned(), REPLIES)]);
    assert_eq!((&replies.types, &replies.ce_types), (&confirmed, &confirmed));
    assert_eq!(replies.distinct_ce_ids, REPLIES);
    for header in [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_time",
        "ce_correlationid",
        "ce_causationid",
    ] {
        assert_eq!(replies.headers.get(header), Some(&REPLIES), "{header}");
    }
    assert_eq!(shop.letters()?, []);
    Ok(())
}

fn the_environment_configures_as_the_flags_do(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "environment", 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    let mut service = Service::bare("run")
        .with_env("KAUFMANN_BROKERS", &shop.servers.kafka.brokers())
        .with_env("KAUFMANN_GROUP", &shop.group)
        .with_env("KAUFMANN_TOPICS", &shop.topic)
        .with_env("KAUFMANN_REGISTRY_URL", &shop.servers.registry.url())
        .with_file(&shop.file())
        .start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?, [order_id("ada", 0)]);
    Ok(())
}
