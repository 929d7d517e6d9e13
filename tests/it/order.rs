//! Ordering: which records run one after another.

use kaufmann::config::Ordering;
use kaufmann::source::MemoryRecord;

use crate::rig::{Numbered, Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_key_are_handled_in_their_order_and_all_are_committed() {
    let rig = Rig::start(&config());
    rig.feed.assign(TOPIC, 1);
    for number in 0..500 {
        for key in 0..6 {
            rig.send(key % 2, &format!("k{key}"), number).await;
        }
    }
    rig.committed(0, 1500).await;
    rig.committed(1, 1500).await;
    let done = rig.probe.log().done;
    assert_eq!(done.len(), 6);
    for (key, numbers) in done {
        assert!(numbers.iter().copied().eq(0..500), "{key}: {numbers:?}");
    }
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_waits_delays_only_its_own_events() {
    let rig = Rig::start(&config());
    rig.probe.close("slow");
    rig.send(0, "slow", 0).await;
    rig.send(0, "slow", 1).await;
    for number in 0..100 {
        rig.send(0, "fast", number).await;
    }
    eventually("the fast key", || {
        rig.probe
            .log()
            .done
            .get("fast")
            .is_some_and(|all| all.len() == 100)
    })
    .await;
    let log = rig.probe.log();
    assert_eq!(
        log.begun["slow"],
        [0],
        "the second one of the key must wait for the first"
    );
    assert!(!log.done.contains_key("slow"));
    rig.probe.open("slow");
    rig.committed(0, 102).await;
    assert_eq!(rig.probe.log().done["slow"], [0, 1]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_committed_beyond_the_oldest_unsettled_record() {
    let rig = Rig::start(&config());
    rig.probe.close("slow");
    rig.send(0, "a", 0).await;
    rig.send(0, "slow", 0).await;
    rig.send(0, "a", 1).await;
    rig.committed(0, 1).await;
    eventually("the record behind it", || rig.probe.log().done["a"] == [0, 1]).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.probe.open("slow");
    rig.committed(0, 3).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_without_a_key_are_not_ordered() {
    let rig = Rig::start(&config());
    rig.probe.close("slow");
    for key in ["slow", "fast"] {
        let payload = rig
            .payload(&Numbered {
                key: key.into(),
                number: 0,
            })
            .await;
        rig.feed.push(TOPIC, 0, MemoryRecord::new(payload));
    }
    eventually("the second record", || rig.probe.log().done.contains_key("fast")).await;
    assert!(!rig.probe.log().done.contains_key("slow"));
    rig.probe.open("slow");
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_partition_nothing_overtakes() {
    let mut config = config();
    config.ordering = Ordering::Partition;
    let rig = Rig::start(&config);
    rig.feed.assign(TOPIC, 1);
    rig.probe.close("slow");
    rig.send(0, "slow", 0).await;
    rig.send(0, "behind", 0).await;
    rig.send(1, "elsewhere", 0).await;
    rig.begun("slow", 0).await;
    rig.committed(1, 1).await;
    assert!(!rig.probe.log().begun.contains_key("behind"));
    rig.probe.open("slow");
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_no_order_even_one_key_overtakes_itself() {
    let mut config = config();
    config.ordering = Ordering::None;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    // Any of them may begin first.
    eventually("both records of the key", || rig.probe.log().running == 2).await;
    rig.probe.open("k");
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_may_have_an_ordering_of_its_own() {
    let mut config = config();
    config
        .topic_ordering
        .insert(TOPIC.to_owned(), Ordering::Partition);
    let rig = Rig::start(&config);
    rig.probe.close("slow");
    rig.send(0, "slow", 0).await;
    rig.send(0, "other", 1).await;
    rig.begun("slow", 0).await;
    rig.send(0, "other", 2).await;
    rig.probe.open("slow");
    rig.committed(0, 3).await;
    let log = rig.probe.log();
    assert_eq!((log.most_running, &log.done["other"][..]), (1, &[1, 2][..]));
    rig.stop().await.unwrap();

    // Another topic's ordering is not this one's.
    config.topic_ordering.clear();
    config
        .topic_ordering
        .insert("elsewhere".to_owned(), Ordering::Partition);
    let rig = Rig::start(&config);
    rig.probe.close("slow");
    rig.send(0, "slow", 0).await;
    rig.send(0, "other", 1).await;
    rig.begun("other", 1).await;
    rig.probe.open("slow");
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}
