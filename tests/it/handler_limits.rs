//! The limits in a handler's attribute: timeout, retries, concurrency.

use std::time::Duration;

use kaufmann::{Context, Failure, handler, service};

use crate::events::test::{IgnoredRef, NumberedRef};
use crate::rig::{Mishap, Probe, Rig, TOPIC, config, eventually};

#[handler(event = "test.numbered", timeout = "1m", retries = 1, max_in_flight = 2)]
async fn bounded(event: NumberedRef<'_>, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.handle(event.key, event.number, cx).await.map(drop)
}

#[handler(event = "test.ignored")]
async fn free(event: IgnoredRef<'_>, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.handle(event.note, 0, cx).await.map(drop)
}

service! {
    pub(crate) struct Bounded {
        state: Probe,
        handlers: [bounded, free],
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_dropped_and_counts_as_failed() {
    let rig = Rig::of::<Bounded>(&config());
    rig.probe.close("slow");
    rig.send(0, "slow", 0).await;
    rig.send(0, "quick", 0).await;
    // The gate stays shut: two minutes pass, and both attempts time out.
    rig.committed(0, 2).await;
    let log = rig.probe.log();
    assert_eq!(log.begun["slow"], [0, 0]);
    assert!(!log.done.contains_key("slow"));
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    let header = |name| {
        letters[0]
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(header("kaufmann-error-class").as_deref(), Some("timed-out"));
    assert_eq!(
        header("kaufmann-error").as_deref(),
        Some("the handler did not finish within its timeout of 1m and was dropped")
    );
    assert_eq!(header("kaufmann-error-handler").as_deref(), Some("bounded"));
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn limits_missing_in_the_attribute_come_from_the_configuration() {
    let mut config = config();
    config.handler.timeout = Some(Duration::from_secs(5));
    config.retry.max_attempts = 3;
    let rig = Rig::of::<Bounded>(&config);
    rig.probe.close("slow");
    let payload = rig.note("slow").await;
    rig.feed
        .push(TOPIC, 0, kaufmann::source::MemoryRecord::new(payload));
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().begun["slow"].len(), 3);
    let letters = rig.publisher.messages();
    let error = String::from_utf8_lossy(letters[0].headers.get("kaufmann-error").unwrap()).into_owned();
    assert!(error.contains("its timeout of 5s"), "{error}");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_is_retried_as_often_as_its_attribute_sets() {
    let rig = Rig::of::<Bounded>(&config());
    rig.probe.mishap("k", Mishap::FailOften(2));
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().begun["k"], [0, 0]);
    assert_eq!(rig.publisher.messages().len(), 1);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handlers_max_in_flight_holds_and_others_use_the_remaining_slots() {
    let mut config = config();
    config.max_in_flight = 4;
    let rig = Rig::of::<Bounded>(&config);
    for key in 0..30 {
        rig.probe.close(&format!("k{key}"));
        rig.send(0, &format!("k{key}"), 0).await;
    }
    eventually("two to run", || rig.probe.log().running == 2).await;
    // Twenty-eight wait, and use none of the service's four slots.
    for number in 0..20 {
        let payload = rig.note(&format!("free{number}")).await;
        rig.feed
            .push(TOPIC, 0, kaufmann::source::MemoryRecord::new(payload));
    }
    eventually("the others", || {
        rig.probe
            .log()
            .done
            .keys()
            .filter(|key| key.starts_with("free"))
            .count()
            == 20
    })
    .await;
    assert_eq!(
        rig.probe
            .log()
            .begun
            .keys()
            .filter(|key| key.starts_with('k'))
            .count(),
        2
    );
    for key in 0..30 {
        rig.probe.open(&format!("k{key}"));
    }
    rig.committed(0, 50).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_waiting_for_a_slot_is_dropped_with_its_assignment_and_handled_under_the_next_one() {
    let rig = Rig::of::<Bounded>(&config());
    for key in 0..10 {
        rig.probe.close(&format!("k{key}"));
        rig.send(0, &format!("k{key}"), 0).await;
    }
    eventually("two to run", || rig.probe.log().running == 2).await;
    rig.feed.revoke(TOPIC, 0);
    for key in 0..10 {
        rig.probe.open(&format!("k{key}"));
    }
    eventually("the partition to be given back", || {
        !rig.feed.is_assigned(TOPIC, 0)
    })
    .await;
    rig.feed.assign(TOPIC, 0);
    rig.committed(0, 10).await;
    let done = rig.probe.log().done;
    assert!(
        done.len() == 10 && done.values().all(|numbers| *numbers == [0]),
        "{done:?}"
    );
    rig.stop().await.unwrap();
}

/// Gets three attempts within a second, then stops the service.
#[handler(
    event = "test.numbered",
    retries = 2,
    backoff = "100ms..150ms",
    on_failure = "stop"
)]
async fn strict(event: NumberedRef<'_>, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.handle(event.key, event.number, cx).await?;
    Err(Failure::new("the books do not balance"))
}

service! {
    pub(crate) struct Strict {
        state: Probe,
        handlers: [strict],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_uses_its_own_back_off_and_its_own_on_failure() {
    let mut config = config();
    config.retry.jitter = 0.0;
    // With the service's own back-off it would take more than a day.
    config.retry.initial = Duration::from_secs(3600);
    config.retry.max = Duration::from_secs(3600);
    let rig = Rig::of::<Strict>(&config);
    let began = std::time::Instant::now();
    rig.send(0, "k", 7).await;
    let error = rig.end().await.unwrap_err();
    assert!(error.to_string().contains("`on_failure` is \"stop\""), "{error}");
    assert!(error.to_string().contains("after 3 attempts"), "{error}");
    assert!(
        began.elapsed() >= Duration::from_millis(250),
        "{:?}",
        began.elapsed()
    );
}
