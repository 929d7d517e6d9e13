//! Transactions that a broker refuses to begin, or ends.

use anyhow::{Context, Result};
use kaufmann_tests::rig::service::STOP_DEADLINE;
use kaufmann_tests::rig::{Kafka, Rig, Service, wait_until};
use rustix::process::Signal;

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    a_broker_that_refuses_the_transactional_id_ends_the_start_with_the_right_to_grant,
    an_instance_ends_when_another_one_takes_its_transactional_id,
    a_rebalance_while_offsets_wait_for_a_transaction_to_end_repeats_nothing,
    a_full_transaction_is_committed_however_young_it_is,
    a_refused_reply_delays_its_key_and_is_sent_when_its_topic_accepts_it_again,
];

pub(crate) fn exactly_once(service: Service, id: &str) -> Service {
    service
        .with_env("KAUFMANN_DELIVERY", "exactly_once")
        .with_env("KAUFMANN_EXACTLY_ONCE_TRANSACTIONAL_ID", id)
}

fn a_broker_that_refuses_the_transactional_id_ends_the_start_with_the_right_to_grant(
    rig: &Rig,
) -> Result<()> {
    let servers = rig.servers()?;
    let kafka = Kafka::start_with_authorizer()?;
    let foreign = &servers.foreign;
    foreign.deny(&kafka.brokers(), "TRANSACTIONAL_ID", "refused")?;
    let shop = Shop::plan(&servers, &kafka, "refused")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    let mut refused = exactly_once(shop.service(), "refused").start()?;
    let status = refused.wait(STOP_DEADLINE)?;
    assert_eq!(status.code(), Some(69), "{}", refused.tail());
    let logs = refused.logs();
    let text = "the service's principal lacks `Write` or `Describe` on the transactional id `refused`; allow it with kafka-acls.sh --add";
    assert!(logs.contains(text), "{logs}");

    let mut allowed = exactly_once(shop.service(), "allowed").start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| allowed.tail())?;
    allowed.stop_cleanly()
}

fn an_instance_ends_when_another_one_takes_its_transactional_id(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "fenced", 2)?;
    let service = exactly_once(shop.service(), "fenced");
    let mut first = service.start()?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| first.tail())?;
    let mut second = service.start()?;
    second.wait_log("\"message\":\"assigned\"", DEADLINE)?;
    // Both instances have a partition, and get a record to answer: only an instance that writes notices that its id is taken.
    let orders = (1..40).map(|sequence| {
        let mut order = shop.placed(&format!("c{}", sequence % 8), sequence)?;
        order.partition = i32::try_from(sequence % 2)?;
        Ok(order)
    });
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
    let status = first.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(70), "{}", first.tail());
    assert!(
        first
            .logs()
            .contains("another instance uses the transactional id `fenced`"),
        "{}",
        first.logs()
    );
    shop.wait_committed().with_context(|| second.tail())?;
    second.stop_cleanly()?;
    let mut confirmed = shop.confirmed()?;
    confirmed.sort();
    let mut expected: Vec<String> = (1..40)
        .map(|sequence| order_id(&format!("c{}", sequence % 8), sequence))
        .collect();
    expected.push(order_id("ada", 0));
    expected.sort();
    assert_eq!(confirmed, expected);
    Ok(())
}

fn a_rebalance_while_offsets_wait_for_a_transaction_to_end_repeats_nothing(rig: &Rig) -> Result<()> {
    const PARTITIONS: i32 = 4;
    let shop = Shop::open(rig, "unstable", PARTITIONS)?;
    let order = |sequence: i64| {
        let mut order = shop.placed(&format!("c{}", sequence % 8), sequence)?;
        order.partition = i32::try_from(sequence)? % PARTITIONS;
        Ok(order)
    };
    let orders = |sequences: std::ops::Range<i64>| sequences.map(order).collect::<Result<Vec<_>>>();
    let mut before = exactly_once(shop.service(), "unstable-0").start()?;
    shop.produce(&orders(0..40)?)?;
    shop.wait_committed().with_context(|| before.tail())?;
    before.stop_cleanly()?;

    // As if an instance had died within its transaction: until that ends, the offsets are not stable.
    let open = shop.client.commit_in_open_transaction(&shop.group, &shop.topic)?;
    let mut first = exactly_once(shop.service(), "unstable-1").start()?;
    shop.client.wait_members(&shop.group, 1, DEADLINE)?;
    let mut second = exactly_once(shop.service(), "unstable-2").start()?;
    shop.client.wait_members(&shop.group, 2, DEADLINE)?;
    for instance in [&mut first, &mut second] {
        instance.wait_log("until it can", DEADLINE)?;
    }
    open.abort()?;
    shop.produce(&orders(40..80)?)?;
    shop.wait_committed()
        .with_context(|| format!("{}\n{}", first.tail(), second.tail()))?;
    first.stop_cleanly()?;
    second.stop_cleanly()?;

    let mut confirmed = shop.confirmed()?;
    confirmed.sort();
    let mut expected: Vec<String> = (0..80)
        .map(|sequence| order_id(&format!("c{}", sequence % 8), sequence))
        .collect();
    expected.sort();
    assert_eq!(confirmed, expected);
    Ok(())
}

fn a_full_transaction_is_committed_however_young_it_is(rig: &Rig) -> Result<()> {
    const ROOM: i64 = 5;
    const ORDERS: i64 = 100;
    let shop = Shop::open(rig, "narrow", 1)?;
    let mut service = exactly_once(shop.service(), "narrow")
        .with_env("KAUFMANN_EXACTLY_ONCE_INTERVAL", "10m")
        .with_env("KAUFMANN_EXACTLY_ONCE_TIMEOUT", "10m")
        .with_env("KAUFMANN_PUBLISH_MAX_OUTSTANDING", &ROOM.to_string())
        .start()?;
    let orders = (0..ORDERS).map(|sequence| shop.placed("ada", sequence));
    shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
    wait_until("all that leaves no room should be committed", DEADLINE, || {
        let committed = shop.client.committed(&shop.group, &shop.topic)?;
        Ok(committed
            .get(&0)
            .is_some_and(|offset| *offset >= ORDERS - ROOM)
            .then_some(()))
    })
    .with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let expected: Vec<String> = (0..ORDERS).map(|sequence| order_id("ada", sequence)).collect();
    assert_eq!(shop.confirmed()?, expected);
    Ok(())
}

const FIVE_MEGABYTES: usize = 5_000_000;

fn a_refused_reply_delays_its_key_and_is_sent_when_its_topic_accepts_it_again(rig: &Rig) -> Result<()> {
    const ORDERS: i64 = 400;
    const LARGE: i64 = 150;
    let shop = Shop::open(rig, "refused-reply", 2)?;
    shop.client
        .configure_topic(&shop.replies, "max.message.bytes", "1000000")?;
    let large = noise(FIVE_MEGABYTES);
    let customer = |sequence: i64| format!("c{}", sequence % 8);
    let order = |sequence: i64| {
        let customer = customer(sequence);
        let mut order = if sequence == LARGE {
            shop.placed_as(&large, &customer, sequence)?
        } else {
            shop.placed(&customer, sequence)?
        };
        order.partition = i32::try_from(sequence % 2)?;
        Ok(order)
    };
    shop.produce(&(0..ORDERS).map(order).collect::<Result<Vec<_>>>()?)?;
    let of_others = |sequence: &i64| sequence % 8 != LARGE % 8 || *sequence < LARGE;
    let ids = |sequences: &mut dyn Iterator<Item = i64>| {
        let mut ids: Vec<_> = sequences
            .map(|sequence| {
                if sequence == LARGE {
                    large.clone()
                } else {
                    order_id(&customer(sequence), sequence)
                }
            })
            .collect();
        ids.sort();
        ids
    };
    let confirmed = || {
        let mut confirmed = shop.confirmed()?;
        confirmed.sort();
        Ok::<_, anyhow::Error>(confirmed)
    };
    let mut service = exactly_once(shop.service(), "refused-reply").start()?;
    let expected = ids(&mut (0..ORDERS).filter(of_others));
    wait_until(
        "the replies to all other customers should be there",
        DEADLINE,
        || {
            service.assert_running()?;
            Ok((confirmed()?.len() == expected.len()).then_some(()))
        },
    )
    .with_context(|| service.tail())?;
    assert!(confirmed()? == expected, "other replies than expected");
    assert!(
        service.logs().contains("raise `max.message.bytes` of the topic"),
        "{}",
        service.logs()
    );
    // It neither loses the record nor waits for it for ever: the next start reads it again.
    let status = service.stop(Signal::TERM)?;
    assert_eq!(status.code(), Some(75), "{}", service.tail());

    let mut service = exactly_once(shop.service(), "refused-reply").start()?;
    service.wait_log("raise `max.message.bytes` of the topic", DEADLINE)?;
    shop.client
        .configure_topic(&shop.replies, "max.message.bytes", "10000000")?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let all = ids(&mut (0..ORDERS));
    assert!(confirmed()? == all, "other replies than expected");
    // In the order of each customer.
    let read = shop.confirmed()?;
    for customer in (0..8).map(|number| format!("c{number}-")) {
        let own: Vec<i64> = read
            .iter()
            .filter_map(|id| id.strip_prefix(&customer)?.parse().ok())
            .collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    Ok(())
}

/// Text that does not compress.
fn noise(length: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let letter = std::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(char::from(b'0' + u8::try_from(state >> 58).unwrap_or(0)))
    });
    letter.take(length).collect()
}
