//! Nothing grows without a bound.

use kaufmann::registry::EmbeddedRegistry;

use crate::rig::{Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_max_in_flight_events_run_at_once() {
    let mut config = config();
    config.max_in_flight = 7;
    let rig = Rig::start(&config);
    for key in 0..40 {
        rig.probe.close(&format!("k{key}"));
        rig.send(0, &format!("k{key}"), 0).await;
    }
    eventually("seven to run", || rig.probe.log().running == 7).await;
    for key in 0..40 {
        rig.probe.open(&format!("k{key}"));
    }
    rig.committed(0, 40).await;
    assert_eq!(rig.probe.log().most_running, 7);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_partition_does_not_stop_another_one() {
    let mut config = config();
    config.max_unsettled = 10;
    let rig = Rig::start(&config);
    rig.feed.assign(TOPIC, 1);
    rig.probe.close("stuck");
    for number in 0..50 {
        rig.send(0, "stuck", number).await;
    }
    rig.begun("stuck", 0).await;
    for number in 0..50 {
        rig.send(1, "free", number).await;
    }
    rig.committed(1, 50).await;
    rig.probe.open("stuck");
    rig.committed(0, 50).await;
    assert!(rig.probe.log().done["stuck"].iter().copied().eq(0..50));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_the_smallest_byte_budget_records_go_one_by_one() {
    let mut config = config();
    config.max_bytes = 1;
    let rig = Rig::start(&config);
    for key in 0..20 {
        rig.probe.close(&format!("k{key}"));
        rig.send(0, &format!("k{key}"), 0).await;
    }
    for key in 0..20 {
        rig.begun(&format!("k{key}"), 0).await;
        rig.probe.open(&format!("k{key}"));
    }
    rig.committed(0, 20).await;
    assert_eq!(rig.probe.log().most_running, 1);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_that_reaches_the_byte_budget_is_the_last_that_is_read() {
    let mut config = config();
    config.max_bytes = 10_000;
    let rig = Rig::unassigned(&config, EmbeddedRegistry::new());
    // All of them are there when the first is read, and their sizes are not known yet.
    for number in 0..20 {
        let key = format!("{number:01000}");
        rig.probe.close(&key);
        rig.send(0, &key, number).await;
    }
    rig.feed.assign(TOPIC, 0);
    for number in 0..20 {
        let key = format!("{number:01000}");
        rig.begun(&key, number).await;
        rig.probe.open(&key);
    }
    rig.committed(0, 20).await;
    // Each record contains its key twice.
    assert!(
        rig.probe.log().most_running <= 5,
        "{}",
        rig.probe.log().most_running
    );
    rig.stop().await.unwrap();
}
