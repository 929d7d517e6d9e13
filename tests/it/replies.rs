//! Events that handlers return.

use std::time::Duration;

use crate::rig::{Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_goes_to_its_topic_with_its_key_frame_and_headers() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.send(0, "k", 21).await;
    rig.committed(0, 1).await;
    let replies = rig.publisher.messages();
    assert_eq!(replies.len(), 1);
    let reply = &replies[0];
    assert_eq!(
        (&*reply.topic, reply.key.as_deref()),
        ("doubled", Some(&b"k"[..]))
    );
    // id, then the string `k` and the long 42.
    assert_eq!(reply.payload.as_ref().unwrap()[5..], [2, b'k', 84]);
    let header = |name: &str| {
        reply
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(header("ce_type").as_deref(), Some("test.doubled"));
    assert_eq!(header("ce_specversion").as_deref(), Some("1.0"));
    assert_eq!(header("ce_source").as_deref(), Some("/tests"));
    assert_eq!(header("ce_causationid").as_deref(), Some("in/0@0"));
    assert_eq!(header("ce_correlationid").as_deref(), Some("in/0@0"));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_is_not_settled_before_its_reply_is_delivered() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.publisher.hold();
    rig.send(0, "k", 0).await;
    eventually("the reply", || rig.publisher.held() == 1).await;
    // The next record is handled meanwhile: a reply on its way does not count as in flight, nor block the lane.
    rig.send(0, "k", 1).await;
    eventually("the second reply", || rig.publisher.held() == 2).await;
    assert_eq!(rig.feed.committed(TOPIC, 0).unwrap_or(0), 0);
    rig.publisher.release();
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_of_a_key_leave_in_the_order_of_their_causes() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.publisher.reject(5);
    for number in 0..200 {
        rig.send(0, &format!("k{}", number % 3), number).await;
    }
    rig.committed(0, 200).await;
    for key in ["k0", "k1", "k2"] {
        let replies = rig.publisher.messages();
        let lengths: Vec<_> = replies
            .iter()
            .filter(|reply| reply.key.as_deref() == Some(key.as_bytes()))
            .map(|reply| reply.headers.get("ce_causationid").unwrap().to_vec())
            .collect();
        let offsets: Vec<i64> = lengths
            .iter()
            .map(|cause| {
                String::from_utf8_lossy(cause)
                    .rsplit('@')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert!(offsets.is_sorted() && offsets.len() >= 66, "{key}: {offsets:?}");
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_reply_is_sent_again_and_its_handler_runs_once() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.publisher.refuse(3);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().begun["k"], [0]);
    assert_eq!(rig.publisher.messages().len(), 1);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outstanding_deliveries_have_their_own_bound() {
    let mut config = config();
    config.publish.max_outstanding = 3;
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.hold();
    for number in 0..20 {
        rig.send(0, &format!("k{number}"), number).await;
    }
    eventually("all handlers to be done", || rig.probe.log().done.len() == 20).await;
    assert_eq!(rig.publisher.held(), 3);
    rig.publisher.release();
    rig.committed(0, 20).await;
    assert_eq!(rig.publisher.messages().len(), 20);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_can_no_longer_deliver_ends_the_service() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.publisher.end();
    rig.send(0, "k", 0).await;
    let feed = rig.feed.clone();
    let error = rig.end().await.unwrap_err();
    assert!(error.to_string().contains("set to end"), "{error}");
    assert_eq!(feed.committed(TOPIC, 0).unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_wait_behind_a_refused_one_of_their_key() {
    let rig = Rig::start(&config());
    rig.probe.reply();
    rig.publisher.refuse(4);
    for number in 0..50 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 50).await;
    let causes: Vec<i64> = rig
        .publisher
        .messages()
        .iter()
        .map(|reply| String::from_utf8_lossy(reply.headers.get("ce_causationid").unwrap()).into_owned())
        .map(|cause| cause.rsplit('@').next().unwrap().parse().unwrap())
        .collect();
    assert!(causes.iter().copied().eq(0..50), "{causes:?}");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_waits_for_a_full_queue_does_not_overtake_a_refused_one() {
    let mut config = config();
    config.retry.initial = std::time::Duration::from_millis(50);
    config.retry.max = config.retry.initial;
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.hold();
    rig.send(0, "k", 0).await;
    eventually("the first reply", || rig.publisher.held() == 1).await;
    rig.publisher.reject(1_000_000);
    rig.send(0, "k", 1).await;
    eventually("a full queue", || rig.publisher.rejections() < 1_000_000).await;
    rig.publisher.refuse(1);
    rig.publisher.release();
    rig.publisher.reject(0);
    rig.committed(0, 2).await;
    let causes: Vec<_> = rig
        .publisher
        .messages()
        .iter()
        .map(|reply| String::from_utf8_lossy(reply.headers.get("ce_causationid").unwrap()).into_owned())
        .collect();
    assert_eq!(causes, ["in/0@0", "in/0@1"]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_publisher_ends_messages_behind_a_refused_one_are_dropped_at_once() {
    let mut config = config();
    // It waits for neither the back-off nor the deadline.
    config.retry.initial = Duration::from_secs(3600);
    config.retry.max = Duration::from_secs(3600);
    config.shutdown_deadline = Duration::from_secs(3600);
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.refuse(1);
    for number in 0..5 {
        rig.send(0, "k", number).await;
    }
    eventually("all handlers", || {
        rig.probe.log().done.get("k").is_some_and(|done| done.len() == 5)
    })
    .await;
    assert!(rig.publisher.messages().is_empty());
    rig.publisher.end();
    rig.send(0, "other", 0).await;
    let feed = rig.feed.clone();
    let error = rig.end().await.unwrap_err();
    assert_eq!(error.kind(), kaufmann::ErrorKind::Publish);
    assert_eq!(feed.committed(TOPIC, 0).unwrap_or(0), 0);
}
