//! The test kit: its expectations, and the messages when they fail.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kaufmann::publish::{Message, MessageHeaders};
use kaufmann::testing::Kit;
use kaufmann::{Config, Context, Failure, handler, service};

use crate::events::test::{Doubled, Ignored, Numbered, NumberedRef};

/// The handlers' state.
#[derive(Default)]
struct Sums {
    by_key: Mutex<BTreeMap<String, i64>>,
    order: Mutex<Vec<i64>>,
    attempts: Mutex<Vec<u32>>,
}

impl Sums {
    fn of(&self, key: &str) -> Option<i64> {
        self.by_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .copied()
    }
}

/// A number below 0 fails; others are added, twice if they come twice.
#[handler(event = "test.numbered", retries = 3, timeout = "10s")]
async fn numbered(event: NumberedRef<'_>, cx: &Context<Sums>) -> Result<Option<Doubled>, Failure> {
    cx.state.attempts.lock().unwrap().push(cx.attempt());
    match event.number {
        -1 => return Err("told to fail".into()),
        -2 => return Err(Failure::new("told to give up").dead_letter()),
        -3 => return Err(Failure::new("told to skip").skip()),
        -4 => return Err(Failure::new("told to stop").fatal()),
        -5 if cx.attempt() < 3 => return Err("told to fail twice".into()),
        -6 => std::future::pending().await,
        _ => {}
    }
    cx.state.order.lock().unwrap().push(event.number);
    *cx.state
        .by_key
        .lock()
        .unwrap()
        .entry(event.key.to_owned())
        .or_default() += event.number;
    let doubled = Doubled {
        key: event.key.to_owned(),
        number: event.number * 2,
    };
    Ok((event.number != 0).then_some(doubled))
}

service! {
    /// Adds numbers.
    struct Adder {
        state: Sums,
        handlers: [numbered],
    }
}

#[handler(event = "test.doubled")]
async fn doubled(event: Doubled, cx: &Context<Sums>) -> Result<(), Failure> {
    cx.state.by_key.lock().unwrap().insert(event.key, event.number);
    Ok(())
}

service! {
    /// Keeps the last double of each key.
    struct Keeper {
        state: Sums,
        handlers: [doubled],
    }
}

fn kit() -> Kit<Adder> {
    Kit::new(Sums::default())
}

fn number(key: &str, number: i64) -> Numbered {
    Numbered {
        key: key.into(),
        number,
    }
}

/// Tokio's timers may come a millisecond late each.
fn assert_took(kit: &mut Kit<Adder>, millis: u64) {
    let (took, least) = (kit.elapsed(), Duration::from_millis(millis));
    assert!(
        (least..least + Duration::from_millis(20)).contains(&took),
        "{took:?}"
    );
}

/// The message of a failing test.
fn failure(test: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(test)).expect_err("the test should have failed");
    match panicked.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn events_lead_to_events_with_the_key_of_their_cause_and_its_correlation() {
    kit()
        .given(number("a", 4))
        .with_key("other")
        .with_headers([("ce_id", "17"), ("ce_correlationid", "c")])
        .then(|doubled: Doubled| assert_eq!(doubled.number, 8))
        .and_message(|message| {
            assert_eq!(message.headers.get("ce_causationid"), Some(&b"17"[..]));
            assert_eq!(message.headers.get("ce_correlationid"), Some(&b"c"[..]));
            assert_eq!(&*message.topic, "doubled");
        })
        .then_nothing_else();
}

#[test]
fn events_of_earlier_steps_are_not_checked_again() {
    kit()
        .given(number("a", 1))
        .then(|doubled: Doubled| assert_eq!(doubled.number, 2))
        .given(number("a", 0))
        .then_none::<Doubled>()
        .then_handled();
}

#[test]
fn retries_and_timeouts_take_virtual_time_only() {
    let mut kit = kit();
    kit.given(number("a", -5))
        .then_retried(2)
        .then_error("told to fail twice")
        .then_handled();
    assert_took(&mut kit, 200 + 400);
    kit.given(number("a", -6))
        .then_dead_letter("timeout of 10s")
        .then_retried(3);
    assert_took(&mut kit, 40_000 + 200 + 400 + 800);
    assert_eq!(*kit.state().attempts.lock().unwrap(), [1, 2, 3, 1, 2, 3, 4]);
}

#[test]
fn each_class_of_failure_is_seen() {
    let mut kit = kit();
    kit.given(number("a", -2))
        .then_dead_letter("give up")
        .then_retried(0);
    kit.given(number("a", -3))
        .then_error("told to skip")
        .then_nothing_else();
    kit.given(number("a", -1))
        .then_error("told to fail")
        .then_retried(3)
        .then_dead_letter("told to fail");
    kit.given(number("a", -4)).then_error("told to stop");
}

#[test]
fn an_error_event_is_seen_as_an_error() {
    let mut config = Config::default();
    config.on_failure = kaufmann::config::OnFailure::ErrorEvent;
    config.publish.topic = Some("errors".to_owned());
    let mut kit = Kit::<Adder>::with_config(&config, Sums::default());
    kit.given(number("a", -2)).then_error("told to give up");
    let published = kit.published();
    assert_eq!(
        published[0].headers.get("ce_type"),
        Some(&b"event.error.test.numbered"[..])
    );
}

#[test]
fn a_record_that_is_not_an_event_is_a_dead_letter() {
    let garbage = Message {
        topic: "in".into(),
        key: None,
        placement: kaufmann::publish::Placement::Key,
        payload: Some(b"garbage".to_vec()),
        headers: MessageHeaders::default(),
    };
    kit().given_message(garbage).then_dead_letter("begins with 0x00");
}

#[test]
fn a_payload_of_another_version_is_resolved() {
    let older = r#"{"type": "record", "namespace": "test", "name": "numbered", "fields": [
        {"name": "number", "type": "int"}, {"name": "gone", "type": "boolean"}, {"name": "key", "type": "string"}]}"#;
    kit()
        .given_json(older, r#"{"number": 3, "gone": true, "key": "a"}"#)
        .then(|doubled: Doubled| assert_eq!((&*doubled.key, doubled.number), ("a", 6)));
}

#[test]
fn events_of_one_service_are_given_to_another() {
    let mut adder = kit();
    adder.given(number("a", 1)).given(number("b", 2)).then_handled();
    let mut keeper = Kit::<Keeper>::new(Sums::default());
    keeper.given_published(&mut adder).then_handled();
    assert_eq!(
        (keeper.state().of("a"), keeper.state().of("b")),
        (Some(2), Some(4))
    );
}

#[test]
fn another_order_keeps_that_of_each_key() {
    let orders: std::collections::BTreeSet<_> = (0..20)
        .map(|seed| {
            let mut kit = kit();
            kit.given(number("a", 1))
                .given(number("a", 2))
                .given(number("b", 3));
            kit.in_another_order(seed).then_handled();
            kit.state().order.lock().unwrap().clone()
        })
        .collect();
    assert_eq!(
        orders.into_iter().collect::<Vec<_>>(),
        [[1, 2, 3], [1, 3, 2], [3, 1, 2]]
    );
}

#[test]
fn a_redelivered_record_is_the_same_and_has_the_same_replies() {
    let mut kit = kit();
    kit.given(number("a", 1))
        .given(number("b", 2))
        .redelivered()
        .then_handled();
    let ids: Vec<_> = kit
        .published()
        .iter()
        .map(|message| message.headers.get("ce_id").map(<[u8]>::to_vec))
        .collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[..2], ids[2..]);
    assert_eq!(kit.state().of("a"), Some(2));
}

#[test]
fn the_same_test_gives_the_same_records() {
    let run = || {
        let mut kit = kit();
        kit.given(number("a", 1)).given(number("a", 1)).then_handled();
        kit.published()
            .iter()
            .map(|message| message.headers.get("ce_causationid").map(<[u8]>::to_vec))
            .collect::<Vec<_>>()
    };
    let ids = run();
    assert_eq!(run(), ids);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_handler_that_is_not_idempotent_is_found() {
    let said = failure(|| {
        kit()
            .given(number("a", 5))
            .then_idempotent(async |sums| sums.of("a"));
    });
    assert!(said.contains("once: Some(5)\n  twice: Some(10)"), "{said}");
    let mut keeper = Kit::<Keeper>::new(Sums::default());
    let doubled = Doubled {
        key: "a".into(),
        number: 1,
    };
    keeper.given(doubled).then_idempotent(async |sums| sums.of("a"));
}

#[test]
fn a_missing_event_is_reported_with_what_happened_instead() {
    let line = line!() + 2;
    let said = failure(|| {
        kit().given(number("a", -2)).then(|_: Doubled| ());
    });
    let expected = format!(
        "expected that a `test.doubled` is published\n\nwhat happened:\n  \
         given      test.numbered, key `a`: {{\"key\":\"a\",\"number\":-2}}  (tests/it/kit.rs:{line}:15)\n             \
         could not be handled: told to give up\n  \
         published  dead letter to `adder.dead-letter`, key `a`: {{\"key\":\"a\",\"number\":-2}}, error: told to give up\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn an_event_that_no_handler_publishes_is_reported() {
    let said = failure(|| {
        kit().given(number("a", 1)).then(|_: Ignored| ());
    });
    assert!(
        said.starts_with("expected that a `test.ignored` is published; no handler returns it"),
        "{said}"
    );
    assert!(
        said.contains("published  test.doubled to `doubled`, key `a`: {\"key\":\"a\",\"number\":2}"),
        "{said}"
    );
}

#[test]
fn a_dead_letter_that_the_test_ignores_fails_it() {
    let at_the_end = failure(|| {
        kit().given(number("a", -2)).then_none::<Doubled>();
    });
    assert!(
        at_the_end.contains("the test does not expect that"),
        "{at_the_end}"
    );
    let at_the_next = failure(|| {
        kit()
            .given(number("a", -2))
            .then_none::<Doubled>()
            .given(number("a", 1));
    });
    assert!(
        at_the_next.contains("could not be handled, and the test does not expect that"),
        "{at_the_next}"
    );
}

#[test]
fn a_test_without_an_expectation_fails() {
    let said = failure(|| {
        kit().given(number("a", 1));
    });
    assert!(
        said.contains("was never delivered, because no `then` follows it"),
        "{said}"
    );
}

#[test]
fn each_failed_expectation_is_reported() {
    for (test, expected) in [
        (
            (|kit| _ = kit.given(number("a", 1)).then_none::<Doubled>()) as fn(&mut Kit<Adder>),
            "expected that no `test.doubled` is published",
        ),
        (
            |kit| _ = kit.given(number("a", 1)).then_nothing_else(),
            "expected that nothing else is published",
        ),
        (
            |kit| _ = kit.given(number("a", -3)).then_handled(),
            "expected that the `test.numbered` given at",
        ),
        (
            |kit| _ = kit.given(Ignored { note: "n".into() }).then_handled(),
            "the service has no handler for it",
        ),
        (
            |kit| _ = kit.given(number("a", 1)).then_retried(1),
            "expected the number of retries to be 1, not 0",
        ),
        (
            |kit| _ = kit.given(number("a", -2)).then_dead_letter("x"),
            "which is: told to give up",
        ),
        (
            |kit| _ = kit.given(number("a", 1)).then_dead_letter("x"),
            "expected a dead letter with `x` in its error",
        ),
        (
            |kit| _ = kit.given(number("a", 1)).then_error("x"),
            "expected that a handler fails with `x`",
        ),
        (
            |kit| _ = kit.given(number("a", -4)).then_handled(),
            "the service has stopped: ",
        ),
        (
            |kit| _ = kit.with_key("a"),
            "call `with_key` directly after the `given`",
        ),
        (
            |kit| _ = kit.and_message(|_| ()),
            "call `and_message` after the `then`",
        ),
        (|kit| _ = kit.given_json("{}", "1"), "this is not an Avro schema"),
        (
            |kit| _ = kit.given_json("\"int\"", "\"x\""),
            "the payload is not a value of the schema",
        ),
    ] {
        let said = failure(|| test(&mut kit()));
        assert!(said.contains(expected), "expected {expected:?} in:\n{said}");
    }
}

#[test]
fn a_record_that_is_never_settled_is_reported_with_the_running_handlers() {
    #[handler(event = "test.numbered")]
    async fn stuck(_: Numbered) -> Result<(), Failure> {
        std::future::pending().await
    }
    service! {
        /// Never ends.
        struct Stuck {
            state: (),
            handlers: [stuck],
        }
    }
    let said = failure(|| {
        Kit::<Stuck>::new(()).given(number("a", 1)).then_handled();
    });
    assert!(
        said.starts_with("not everything was settled: nothing happened for 600s"),
        "{said}"
    );
    assert!(
        said.contains("test.numbered of given/0@0 (key a), attempt 1"),
        "{said}"
    );
}

#[test]
fn a_record_that_is_retried_for_ever_ends_the_test() {
    let mut config = Config::default();
    config.retry.max_attempts = 0;
    #[handler(event = "test.numbered")]
    async fn failing(_: Numbered) -> Result<(), Failure> {
        Err("told to fail".into())
    }
    service! {
        /// Always fails.
        struct Failing {
            state: (),
            handlers: [failing],
        }
    }
    let said = failure(|| {
        Kit::<Failing>::with_config(&config, ())
            .given(number("a", 1))
            .then_handled();
    });
    assert!(
        said.starts_with("not everything was settled within 3600s"),
        "{said}"
    );
}

#[tokio::test]
async fn in_an_asynchronous_test_the_kit_names_the_alternative() {
    let said = failure(|| drop(kit()));
    assert!(said.contains("make the test a plain `#[test] fn`"), "{said}");
}
