//! A service's own headers on published events.

use kaufmann::config::{Delivery, OnFailure};
use kaufmann::testing::Kit;
use kaufmann::{Config, Context, Failure, Partitioned, Publishable, WithHeaders, handler, service};

use crate::events::test::{Doubled, Ignored, Numbered};

/// What the handler returns: one event in an `Option`, several in a `Vec`, one that chooses its partition.
type Replies = (
    Option<WithHeaders<Doubled>>,
    Vec<WithHeaders<Ignored>>,
    WithHeaders<Partitioned<Doubled>>,
);

/// Publishes an additional event, and copies the tenant header of its cause.
#[handler(event = "test.numbered", emits = [Doubled])]
async fn headed(event: Numbered, cx: &Context<()>) -> Result<Replies, Failure> {
    let doubled = |number| Doubled {
        key: event.key.clone(),
        number,
    };
    let tenant = cx.record().header("tenant").unwrap_or(b"none");
    cx.publish(&doubled(0).with_header("place", "published")).await?;
    let ignored = |part: &str| {
        Ignored {
            note: part.to_owned(),
        }
        .with_header("part", part)
    };
    Ok((
        Some(
            doubled(1)
                .with_header("tenant", tenant)
                .with_header("place", "first"),
        ),
        vec![ignored("a"), ignored("b")],
        Partitioned::to(doubled(2), 0).with_header("place", "last"),
    ))
}

/// Sets a reserved header.
#[handler(event = "test.numbered")]
async fn reserved(event: Numbered, _cx: &Context<()>) -> Result<WithHeaders<Doubled>, Failure> {
    let Numbered { key, number } = event;
    Ok(Doubled { key, number }.with_header("ce_id", "mine"))
}

service! {
    struct Headed {
        state: (),
        handlers: [headed],
    }
}

service! {
    struct Reserved {
        state: (),
        handlers: [reserved],
    }
}

fn config() -> Config {
    let mut config = crate::rig::config();
    for event in ["test.doubled", "test.ignored"] {
        config
            .publish
            .topics
            .insert(event.to_owned(), "replies".to_owned());
    }
    config
}

#[test]
fn a_services_own_headers_are_on_every_published_event_beside_kaufmanns() {
    for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        let mut config = config();
        config.delivery = delivery;
        let mut kit = Kit::<Headed>::with_config(&config, ());
        kit.given(Numbered {
            key: "k".to_owned(),
            number: 1,
        });
        let published = kit.published();
        let of = |name: &str| -> Vec<String> {
            let values = published.iter().filter_map(|message| message.headers.get(name));
            values
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect()
        };
        assert_eq!(of("place"), ["published", "first", "last"], "{delivery:?}");
        assert_eq!(of("part"), ["a", "b"], "{delivery:?}");
        assert_eq!(of("tenant"), ["none"], "{delivery:?}");
        assert_eq!(of("ce_id").len(), 5, "{delivery:?}");
        for message in &published {
            assert_eq!(message.headers.iter().count(), message.headers.len());
        }
    }
}

#[test]
fn the_kit_shows_headers_beside_the_event() {
    let mut kit = Kit::<Headed>::with_config(&config(), ());
    kit.given(Numbered {
        key: "k".to_owned(),
        number: 1,
    })
    .then(|doubled: Doubled| assert_eq!(doubled.number, 0))
    .and_message(|message| assert_eq!(message.headers.get("place"), Some(&b"published"[..])));
}

#[test]
fn a_reserved_header_is_refused_with_its_name() {
    let mut config = config();
    config.on_failure = OnFailure::DeadLetter;
    config.retry.max_attempts = 1;
    let mut kit = Kit::<Reserved>::with_config(&config, ());
    kit.given(Numbered {
        key: "k".to_owned(),
        number: 1,
    })
    .then_dead_letter("the header `ce_id` is written by kaufmann; choose another name");
}
