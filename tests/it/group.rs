//! Assignments: partitions that are revoked, lost and assigned again.

use std::sync::Arc;
use std::time::Duration;

use kaufmann::registry::{Answer, EmbeddedRegistry, SchemaRegistry};
use tokio::sync::Semaphore;

use crate::rig::{Mishap, Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_partition_finishes_running_records_commits_them_and_drops_the_rest() {
    let rig = Rig::start(&config());
    rig.feed.assign(TOPIC, 1);
    rig.probe.close("k");
    for number in 0..5 {
        rig.send(0, "k", number).await;
    }
    rig.begun("k", 0).await;
    rig.feed.revoke(TOPIC, 0);
    rig.send(0, "later", 0).await;
    // A commit that follows the revocation shows that it was noticed. The partition is still ours while the handler runs.
    rig.send(1, "other", 0).await;
    rig.committed(1, 1).await;
    assert!(rig.feed.is_assigned(TOPIC, 0));
    rig.probe.open("k");
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    assert_eq!(rig.probe.log().begun["k"], [0]);

    // The next owner, here the same member, continues from there.
    rig.feed.assign(TOPIC, 0);
    rig.committed(0, 6).await;
    assert_eq!(rig.probe.log().done["k"], [0, 1, 2, 3, 4]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_below_handled_records_are_filled_before_a_revoked_partition_is_released() {
    let rig = Rig::start(&config());
    rig.feed.assign(TOPIC, 1);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    rig.send(0, "fast", 0).await;
    rig.send(0, "k", 2).await;
    eventually("the fast key", || rig.probe.log().done.contains_key("fast")).await;
    rig.feed.revoke(TOPIC, 0);
    rig.send(1, "other", 0).await;
    rig.committed(1, 1).await;
    rig.probe.open("k");
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    // Without the second record of `k` the fast one would be handled again, after `k` went on elsewhere.
    assert_eq!(rig.probe.log().done["k"], [0, 1]);
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(3));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_later_record_starts_if_one_failed_before_its_partition_was_revoked() {
    let mut config = config();
    config.retry.initial = Duration::from_secs(3600);
    config.retry.max = Duration::from_secs(3600);
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::Fail);
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    rig.send(0, "fast", 0).await;
    rig.begun("k", 0).await;
    eventually("the fast key", || rig.probe.log().done.contains_key("fast")).await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.probe.log().begun["k"], [0]);
    assert_eq!(rig.feed.committed(TOPIC, 0).unwrap_or(0), 0);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_partition_is_not_committed() {
    let rig = Rig::start(&config());
    rig.send(0, "a", 0).await;
    rig.committed(0, 1).await;
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.feed.lose(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    rig.probe.open("k");
    eventually("the handler to end", || rig.probe.log().done.contains_key("k")).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    assert_eq!(
        rig.probe.log().cancelled,
        1,
        "the handler is told that its work does not count"
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_lost_while_it_drains_and_assigned_again_is_handled_from_the_committed_offset() {
    let rig = Rig::start(&config());
    rig.send(0, "a", 0).await;
    rig.committed(0, 1).await;
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.send(0, "fast", 0).await;
    rig.begun("k", 0).await;
    rig.feed.revoke(TOPIC, 0);
    rig.feed.lose(TOPIC, 0);
    rig.feed.assign(TOPIC, 0);
    eventually("the record once more", || {
        rig.probe
            .log()
            .begun
            .get("k")
            .is_some_and(|begun| begun.len() == 2)
    })
    .await;
    assert_eq!(
        rig.feed.committed(TOPIC, 0),
        Some(1),
        "nothing of the lost assignment counts"
    );
    rig.probe.open("k");
    rig.committed(0, 3).await;
    assert!(
        rig.feed.is_assigned(TOPIC, 0),
        "only the old assignment was released"
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_settlement_of_an_ended_assignment_is_refused() {
    let mut config = config();
    config.revoke_deadline = Duration::ZERO;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;

    rig.feed.assign(TOPIC, 0);
    eventually("the second delivery", || rig.probe.log().begun["k"] == [0, 0]).await;
    rig.send(0, "other", 0).await;
    eventually("another record", || rig.probe.log().done.contains_key("other")).await;
    // Both deliveries end here; only the second one counts, and it settles the record once.
    rig.probe.open("k");
    rig.committed(0, 2).await;
    assert_eq!(rig.stop().await.unwrap().settled, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_partitions_go_on_while_one_is_drained() {
    let rig = Rig::start(&config());
    rig.feed.assign(TOPIC, 1);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.feed.revoke(TOPIC, 0);
    for number in 0..10 {
        rig.send(1, "other", number).await;
    }
    rig.committed(1, 10).await;
    assert!(rig.feed.is_assigned(TOPIC, 0));
    rig.probe.open("k");
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_commit_that_fails_is_sent_again_before_the_release() {
    let mut config = config();
    config.commit_interval = Duration::from_secs(3600);
    let rig = Rig::start(&config);
    rig.send(0, "k", 0).await;
    eventually("the handler", || rig.probe.log().done.contains_key("k")).await;
    rig.feed.fail_commits(2);
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_finished_above_a_stuck_one_are_not_repeated() {
    let rig = Rig::start(&config());
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    for number in 0..20 {
        rig.send(0, "other", number).await;
    }
    eventually("the others", || {
        rig.probe
            .log()
            .done
            .get("other")
            .is_some_and(|done| done.len() == 20)
    })
    .await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;

    rig.feed.assign(TOPIC, 0);
    eventually("the second delivery", || rig.probe.log().begun["k"] == [0, 0]).await;
    rig.send(0, "later", 0).await;
    eventually("the later record", || rig.probe.log().done.contains_key("later")).await;
    rig.probe.open("k");
    rig.committed(0, 22).await;
    assert_eq!(rig.probe.log().begun["other"], (0..20).collect::<Vec<_>>());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_does_not_begin_if_its_schema_arrives_after_its_partition_was_lost() {
    let registry = EmbeddedRegistry::new();
    let slow = Slow {
        inside: registry.clone(),
        answers: Arc::new(Semaphore::new(0)),
        asked: Arc::new(Semaphore::new(0)),
    };
    let (answers, asked) = (Arc::clone(&slow.answers), Arc::clone(&slow.asked));
    let rig = Rig::with_registry(&config(), registry, slow);
    rig.feed.assign(TOPIC, 0);
    rig.feed.assign(TOPIC, 1);
    rig.send(0, "k", 0).await;
    asked.acquire().await.unwrap().forget();
    rig.feed.lose(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    // Look-ups are answered in order: when the other one is done, `k` has had its turn.
    rig.send(1, "other", 0).await;
    answers.add_permits(1);
    rig.committed(1, 1).await;
    assert!(!rig.probe.log().begun.contains_key("k"));
    rig.stop().await.unwrap();
}

/// A registry that answers look-ups by id when the test lets it.
struct Slow {
    inside: EmbeddedRegistry,
    answers: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl SchemaRegistry for Slow {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        self.asked.add_permits(1);
        Box::pin(async move {
            self.answers.acquire().await.unwrap().forget();
            self.inside.schema(id).await
        })
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        self.inside.schema_by_guid(guid)
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        self.inside.lookup(subject, schema)
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        self.inside.register(subject, schema)
    }
}
