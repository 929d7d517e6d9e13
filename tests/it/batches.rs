//! Handlers that take several events at once.

use kaufmann::source::MemoryRecord;
use kaufmann::{Batch, Config, Context, Failure, Outcome, handler, service};

use crate::events::test::{Doubled, Ignored, Numbered};
use crate::rig::{Mishap, Probe, Rig, TOPIC, config, eventually};

fn names(events: &[Numbered]) -> Vec<(String, i64)> {
    events
        .iter()
        .map(|event| (event.key.clone(), event.number))
        .collect()
}

async fn all_at_once(events: Vec<Numbered>, cx: &Context<Probe>) -> Result<(), Failure> {
    let probe = &cx.state;
    probe.begin_batch(&names(&events), cx.attempt()).await;
    for event in &events {
        probe.suffer(&event.key)?;
    }
    for event in events {
        probe.finish(&event.key, event.number);
    }
    Ok(())
}

/// A batch that starts when it is full.
#[handler(event = "test.numbered", batch = 3, linger = "1h")]
async fn full(events: Vec<Numbered>, cx: &Context<Probe>) -> Result<(), Failure> {
    all_at_once(events, cx).await
}

service! {
    /// Takes three at once.
    struct Threes {
        state: Probe,
        handlers: [full],
    }
}

#[handler(event = "test.ignored")]
async fn noted(_: Ignored, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.finish("note", 0);
    Ok(())
}

service! {
    /// Takes some events at once, and others one by one.
    struct Mixed {
        state: Probe,
        handlers: [full, noted],
    }
}

/// A batch that starts when no more events are there.
#[handler(event = "test.numbered", batch = 100)]
async fn eager(events: Vec<Numbered>, cx: &Context<Probe>) -> Result<(), Failure> {
    all_at_once(events, cx).await
}

service! {
/// Takes the events that are there.
    struct Eager {
        state: Probe,
        handlers: [eager],
    }
}

#[handler(event = "test.numbered", batch = 100, timeout = "20ms", retries = 0)]
async fn hasty(events: Vec<Numbered>, cx: &Context<Probe>) -> Result<(), Failure> {
    all_at_once(events, cx).await
}

service! {
/// Has a short timeout.
    struct Hasty {
        state: Probe,
        handlers: [hasty],
    }
}

/// Returns an outcome for each event.
#[handler(event = "test.numbered", batch = 3, linger = "50ms", emits = [Doubled])]
async fn each(batch: Batch<Numbered>, cx: &Context<Probe>) -> Result<Vec<Outcome>, Failure> {
    let probe = &cx.state;
    let events: Vec<_> = batch.iter().map(|item| item.event.clone()).collect();
    probe.begin_batch(&names(&events), cx.attempt()).await;
    let outcomes = batch.into_iter().map(|item| {
        let Numbered { key, number } = item.event;
        // The event's number selects the outcome.
        if let Err(failure) = probe.suffer(&number.to_string()) {
            return Outcome::failed(failure);
        }
        probe.finish(&key, number);
        if probe.replies() {
            let doubled = Doubled {
                key,
                number: number * 2,
            };
            Outcome::done().and_publish(doubled)
        } else {
            Outcome::done()
        }
    });
    Ok(outcomes.collect())
}

service! {
/// Settles each event separately.
    struct Each {
        state: Probe,
        handlers: [each],
    }
}

/// Returns too few outcomes.
#[handler(event = "test.numbered", batch = 2, linger = "1h", retries = 0)]
async fn short(_batch: Batch<Numbered>) -> Result<Vec<Outcome>, Failure> {
    Ok(vec![Outcome::done()])
}

service! {
/// Leaves out one outcome.
    struct Short {
        state: Probe,
        handlers: [short],
    }
}

/// Ordered by partition, all records are in one lane and so in one shard: the test decides the batches.
fn by_partition() -> Config {
    let mut config = config();
    config.ordering = kaufmann::config::Ordering::Partition;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_batch_starts_with_the_events_in_their_order() {
    let rig = Rig::of::<Threes>(&by_partition());
    for number in 0..7 {
        rig.send(0, &format!("k{}", number % 2), number).await;
    }
    rig.committed(0, 6).await;
    assert_eq!(rig.probe.log().batches, [[0, 1, 2], [3, 4, 5]]);
    let finished = rig.stop().await.unwrap();
    assert!(
        finished.drained,
        "the last one, which had not begun, holds nothing up"
    );
    assert_eq!(finished.settled, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_linger_a_batch_takes_the_events_that_are_there() {
    let rig = Rig::of::<Eager>(&config());
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    for number in 1..50 {
        rig.send(0, "k", number).await;
    }
    rig.send(0, "other", 0).await;
    eventually("another key", || rig.probe.log().done.contains_key("other")).await;
    rig.probe.open("k");
    rig.committed(0, 51).await;
    let log = rig.probe.log();
    assert_eq!(log.done["k"], (0..50).collect::<Vec<_>>());
    assert!(log.batches.len() < 20, "{:?}", log.batches);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_smaller_than_a_batch_blocks_nothing() {
    let mut config = config();
    config.max_unsettled = 2;
    let rig = Rig::of::<Each>(&config);
    for number in 0..9 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 9).await;
    assert_eq!(rig.probe.log().done["k"], (0..9).collect::<Vec<_>>());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_counts_as_one_in_flight_and_the_next_one_waits() {
    let mut config = by_partition();
    config.ordering = kaufmann::config::Ordering::None;
    config.max_in_flight = 1;
    let rig = Rig::of::<Eager>(&config);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    for number in 1..9 {
        rig.send(0, "k", number).await;
    }
    let ignored = rig.ignored().await;
    rig.feed.push(TOPIC, 0, MemoryRecord::new(ignored));
    assert_eq!(rig.probe.log().batches.len(), 1);
    rig.probe.open("k");
    rig.committed(0, 10).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_batch_that_fails_or_panics_are_retried_one_by_one_in_their_order() {
    for mishap in [Mishap::Fail, Mishap::Panic] {
        let rig = Rig::of::<Threes>(&by_partition());
        rig.probe.mishap("k", mishap);
        for number in 0..3 {
            rig.send(0, "k", number).await;
        }
        rig.committed(0, 3).await;
        let log = rig.probe.log();
        assert_eq!(log.batches, [vec![0, 1, 2], vec![0], vec![1], vec![2]]);
        assert_eq!(log.attempts, [1, 1, 1, 2, 2, 2]);
        assert_eq!(log.done["k"], [0, 1, 2]);
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_poison_event_of_a_batch_does_not_fail_the_others() {
    let mut config = by_partition();
    config.retry.max_attempts = 3;
    let rig = Rig::of::<Threes>(&config);
    rig.probe.mishap("poison", Mishap::FailOften(3));
    rig.send(0, "a", 0).await;
    rig.send(0, "poison", 1).await;
    rig.send(0, "b", 2).await;
    rig.committed(0, 3).await;
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].key.as_deref(), Some(&b"poison"[..]));
    assert_eq!(letters[0].headers.get("kaufmann-error-attempts"), Some(&b"3"[..]));
    let log = rig.probe.log();
    assert_eq!((&log.done["a"], &log.done["b"]), (&vec![0], &vec![2]));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_event_is_retried_and_those_of_other_keys_are_not() {
    let mut config = config();
    config.ordering = kaufmann::config::Ordering::None;
    let rig = Rig::of::<Each>(&config);
    rig.probe.mishap("1", Mishap::Fail);
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 3).await;
    let log = rig.probe.log();
    let begun: Vec<_> = (0..3)
        .map(|number| log.begun["k"].iter().filter(|begun| **begun == number).count())
        .collect();
    assert_eq!(begun, [1, 2, 1]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_events_of_a_failing_events_key_are_handled_again_after_it() {
    let rig = Rig::of::<Each>(&config());
    rig.probe.mishap("1", Mishap::Fail);
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 3).await;
    let log = rig.probe.log();
    let after: Vec<_> = log.done["k"]
        .iter()
        .copied()
        .skip_while(|number| *number != 1)
        .collect();
    assert_eq!(after, [1, 2], "of {:?}", log.done["k"]);
    assert_eq!(log.begun["k"].iter().filter(|number| **number == 0).count(), 1);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_a_batch_has_its_own_class_and_its_own_reply() {
    let rig = Rig::of::<Each>(&by_partition());
    rig.probe.reply();
    rig.probe.mishap("1", Mishap::DeadLetter);
    rig.probe.mishap("2", Mishap::Skip);
    for number in 0..4 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 4).await;
    let messages = rig.publisher.messages();
    let replies: Vec<_> = messages
        .iter()
        .filter(|message| &*message.topic == "doubled")
        .collect();
    let cause = |place: usize| replies[place].headers.get("ce_causationid").unwrap();
    assert_eq!(
        (replies.len(), cause(0), cause(1)),
        (2, &b"in/0@0"[..], &b"in/0@3"[..])
    );
    let letters: Vec<_> = messages
        .iter()
        .filter(|message| &*message.topic != "doubled")
        .collect();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].headers.get("kaufmann-source-offset"), Some(&b"1"[..]));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_decoded_is_left_out_and_dead_lettered() {
    let rig = Rig::of::<Threes>(&by_partition());
    rig.send(0, "k", 0).await;
    let mut cut = rig
        .payload(&Numbered {
            key: "k".into(),
            number: 1,
        })
        .await;
    cut.pop();
    rig.feed.push(TOPIC, 0, MemoryRecord::new(cut).key("k"));
    rig.send(0, "k", 2).await;
    rig.committed(0, 3).await;
    assert_eq!(rig.probe.log().batches, [[0, 2]]);
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].headers.get("kaufmann-error-class"),
        Some(&b"undecodable"[..])
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_takes_too_long_fails_as_a_whole() {
    let rig = Rig::of::<Hasty>(&by_partition());
    rig.probe.close("k");
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 3).await;
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 3);
    for letter in letters {
        assert_eq!(
            letter.headers.get("kaufmann-error-class"),
            Some(&b"timed-out"[..])
        );
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_without_an_outcome_for_each_event_fails_the_whole_batch() {
    let rig = Rig::of::<Short>(&by_partition());
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    rig.committed(0, 2).await;
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 2);
    let error = String::from_utf8_lossy(letters[0].headers.get("kaufmann-error").unwrap()).into_owned();
    assert_eq!(error, "the handler returned 1 outcomes for 2 events");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_partition_does_not_wait_for_linger() {
    let rig = Rig::of::<Mixed>(&config());
    for number in 0..2 {
        rig.send(0, "k", number).await;
    }
    // Records handled above them make them a gap that must be filled.
    let note = rig.ignored().await;
    rig.feed.push(TOPIC, 0, MemoryRecord::new(note).key("other"));
    eventually("the note", || rig.probe.log().done.contains_key("note")).await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.probe.log().batches, [[0, 1]]);
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(3));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_once_a_batch_that_fails_is_dead_lettered_and_not_begun_again() {
    let mut config = by_partition();
    config.delivery = kaufmann::config::Delivery::AtMostOnce;
    let rig = Rig::of::<Threes>(&config);
    rig.probe.mishap("k", Mishap::Fail);
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    eventually("the letters", || rig.publisher.messages().len() == 3).await;
    assert_eq!(rig.probe.log().batches, [[0, 1, 2]]);
    rig.stop().await.unwrap();
}
