//! The partition of an event: by its key, in turn, or chosen by its handler.

use kaufmann::config::{Delivery, Partitioning, ReplyTo};
use kaufmann::publish::{MemoryPublisher, Message, Placement};
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::MemoryRecord;
use kaufmann::{Config, Context, Failure, Partitioned, Producer, handler, service};

use crate::events::test::{Doubled, Numbered, NumberedRef};
use crate::rig::{Numbers, Probe, Rig, TOPIC, config};

/// Replies to the partition in the number, and publishes another event to the last one.
#[handler(event = "test.numbered", emits = [Doubled])]
async fn chosen(
    event: NumberedRef<'_>,
    cx: &Context<Probe>,
) -> Result<Option<Partitioned<Doubled>>, Failure> {
    let doubled = Doubled {
        key: event.key.to_owned(),
        number: event.number,
    };
    let last = Partitioned::by(doubled.clone(), |_, partitions| partitions - 1);
    cx.publish(&last).await?;
    Ok(Some(Partitioned::by(doubled, |event, partitions| {
        event.number as u32 % partitions
    })))
}

service! {
    pub(crate) struct Choosing {
        state: Probe,
        handlers: [chosen],
    }
}

fn placements(messages: &[Message]) -> Vec<Placement> {
    messages.iter().map(|message| message.placement).collect()
}

/// Each is the next one of three.
fn assert_in_turn(messages: &[Message]) {
    let turns: Vec<_> = messages
        .iter()
        .map(|message| match message.placement {
            Placement::Turn(partition) => partition,
            other => panic!("{other:?}"),
        })
        .collect();
    let in_turn = turns.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3);
    assert!(in_turn && turns.iter().all(|turn| *turn < 3), "{turns:?}");
}

/// The replies to ten events of one key.
async fn replies(config: &Config) -> Vec<Message> {
    let rig = Rig::start(config);
    rig.publisher.set_partitions(3);
    rig.probe.reply();
    for number in 0..10 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 10).await;
    let replies = rig.publisher.messages();
    assert_eq!(replies.len(), 10);
    rig.stop().await.unwrap();
    replies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_go_by_key_unless_configured_to_go_in_turn() {
    assert!(
        replies(&config())
            .await
            .iter()
            .all(|reply| reply.placement == Placement::Key)
    );
    let mut all = config();
    all.publish.partitioning = Partitioning::RoundRobin;
    assert_in_turn(&replies(&all).await);
    let mut one = config();
    one.publish
        .partitionings
        .insert("test.doubled".to_owned(), Partitioning::RoundRobin);
    assert_in_turn(&replies(&one).await);
    all.publish
        .partitionings
        .insert("test.doubled".to_owned(), Partitioning::Key);
    assert!(
        replies(&all)
            .await
            .iter()
            .all(|reply| reply.placement == Placement::Key)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_transactions_they_go_in_turn_as_well() {
    let mut config = config();
    config.delivery = Delivery::ExactlyOnce;
    config.publish.partitioning = Partitioning::RoundRobin;
    assert_in_turn(&replies(&config).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_chosen_by_the_handler_overrides_the_configuration() {
    let mut config = config();
    config.publish.partitioning = Partitioning::RoundRobin;
    let rig = Rig::of::<Choosing>(&config);
    rig.publisher.set_partitions(3);
    rig.send(0, "k", 7).await;
    rig.committed(0, 1).await;
    let messages = rig.publisher.messages();
    assert_eq!(
        placements(&messages),
        [Placement::Chosen(2), Placement::Chosen(1)]
    );
    assert_eq!(messages[1].key.as_deref(), Some(&b"k"[..]));
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_missing_partition_waits_for_it() {
    let rig = Rig::of::<ToTheFourth>(&config());
    rig.publisher.set_partitions(3);
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(rig.publisher.messages().is_empty());
    assert_eq!(rig.feed.committed(TOPIC, 0).unwrap_or(0), 0);
    rig.publisher.set_partitions(4);
    rig.committed(0, 1).await;
    assert_eq!(placements(&rig.publisher.messages()), [Placement::Chosen(3)]);
    assert_eq!(rig.probe.log().begun["k"], [0], "its handler runs once");
    rig.stop().await.unwrap();
}

#[handler(event = "test.numbered")]
async fn fourth(event: Numbered, cx: &Context<Probe>) -> Result<Partitioned<Doubled>, Failure> {
    cx.state.handle(&event.key, event.number, cx).await?;
    let Numbered { key, number } = event;
    Ok(Partitioned::to(Doubled { key, number }, 3))
}

service! {
    pub(crate) struct ToTheFourth {
        state: Probe,
        handlers: [fourth],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_reply_in_turn_may_go_anywhere_and_a_chosen_one_only_there() {
    let mut config = config();
    config.publish.partitioning = Partitioning::RoundRobin;
    let rig = Rig::of::<Numbers>(&config);
    rig.probe.reply();
    rig.publisher.refuse(1);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert_eq!(placements(&rig.publisher.messages()), [Placement::Key]);
    rig.stop().await.unwrap();

    let rig = Rig::of::<ToTheFourth>(&config);
    rig.publisher.refuse(3);
    for number in 0..20 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 20).await;
    let messages = rig.publisher.messages();
    assert!(
        messages
            .iter()
            .all(|message| message.placement == Placement::Chosen(3))
    );
    let causes: Vec<_> = messages
        .iter()
        .map(|message| message.headers.get("ce_causationid").unwrap().to_vec())
        .collect();
    let expected: Vec<_> = (0..20)
        .map(|offset| format!("in/0@{offset}").into_bytes())
        .collect();
    assert_eq!(
        causes, expected,
        "those of a key keep their order behind a refused one"
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_for_a_callback_topic_takes_its_own_turn() {
    let mut config = config();
    config.publish.partitioning = Partitioning::RoundRobin;
    config.publish.reply_to = ReplyTo::Both;
    config.publish.callback_topics = vec!["*".to_owned()];
    let rig = Rig::start(&config);
    rig.publisher.set_partitions(3);
    rig.probe.reply();
    for number in 0..6 {
        let payload = rig
            .payload(&Numbered {
                key: "k".into(),
                number,
            })
            .await;
        let record = MemoryRecord::new(payload)
            .key("k")
            .header("kaufmann-callback-topic", "answers");
        rig.feed.push(TOPIC, 0, record);
    }
    rig.committed(0, 6).await;
    let (answers, own): (Vec<_>, Vec<_>) = rig
        .publisher
        .messages()
        .into_iter()
        .partition(|message| &*message.topic == "answers");
    assert_eq!((answers.len(), own.len()), (6, 6));
    assert_in_turn(&answers);
    assert_in_turn(&own);
    rig.stop().await.unwrap();
}

#[tokio::test]
async fn a_producer_places_as_a_service_does_and_changes_go_before_that() {
    let mut config = config();
    config.publish.partitioning = Partitioning::RoundRobin;
    let publisher = MemoryPublisher::new();
    publisher.set_partitions(3);
    let producer = Producer::new(&config, publisher.clone(), EmbeddedRegistry::new());
    let event = Doubled {
        key: "k".into(),
        number: 1,
    };
    for _ in 0..4 {
        producer.publish(&event).await.unwrap().await.unwrap();
    }
    assert_in_turn(&publisher.messages());
    let chosen = Partitioned::to(event.clone(), 1);
    producer.publish(&chosen).await.unwrap().await.unwrap();
    let changed = producer.publish_as(&event, |message| message.placement = Placement::Chosen(2));
    changed.await.unwrap().await.unwrap();
    assert_eq!(
        placements(&publisher.messages()[4..]),
        [Placement::Chosen(1), Placement::Chosen(2)]
    );
    let absent = producer.publish(&Partitioned::to(event, 3)).await.unwrap_err();
    assert!(absent.to_string().contains("has 3, counted from 0"), "{absent}");
}
