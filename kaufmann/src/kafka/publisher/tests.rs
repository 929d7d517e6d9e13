// As in the trait: an error gives the whole message back.
#![allow(clippy::result_large_err)]

use std::sync::mpsc::{self, Receiver, Sender};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::*;
use crate::kafka::mock::MockBroker;

mod transactional;

/// Much longer than any step takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome = Result<(), Undelivered>;

fn config(broker: &MockBroker, kafka: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    config.brokers = vec![broker.bootstrap_servers()];
    config
        .kafka
        .extend(kafka.iter().map(|(key, value)| ((*key).into(), (*value).into())));
    config
}

fn message(topic: &str, key: &[u8], payload: &[u8]) -> Message {
    let mut headers = MessageHeaders::default();
    headers.push("name", Some(b"value"));
    headers.push("null", None);
    Message {
        topic: topic.into(),
        placement: crate::publish::Placement::Key,
        key: Some(key.to_vec()),
        payload: Some(payload.to_vec()),
        headers,
    }
}

fn reporting(report: &Sender<Outcome>) -> Completion {
    let report = report.clone();
    Box::new(move |outcome| drop(report.send(outcome)))
}

/// Sends one message and returns its result.
fn outcome(publisher: &KafkaPublisher, message: Message) -> Outcome {
    let (report, reported) = mpsc::channel();
    assert!(publisher.send(message, reporting(&report)).is_ok());
    reported.recv_timeout(PATIENCE).expect("it was not completed")
}

fn failure(publisher: &KafkaPublisher, message: Message, kind: PublishErrorKind) -> String {
    let sent = message.clone();
    let undelivered = outcome(publisher, message).expect_err("it was delivered");
    assert_eq!(undelivered.message, sent, "the message came back changed");
    assert_eq!(undelivered.error.kind(), kind);
    undelivered.error.to_string()
}

/// The partition, key and payload of the first `count` messages of a topic.
fn contents(broker: &MockBroker, topic: &str, partitions: i32, count: usize) -> Vec<(i32, Vec<u8>, Vec<u8>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "x")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    drop(list);
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut found = Vec::new();
    while found.len() < count {
        assert!(
            std::time::Instant::now() < deadline,
            "only {} messages",
            found.len()
        );
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            let own = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
            found.push((message.partition(), own(message.key()), own(message.payload())));
        }
    }
    found
}

fn all(reported: &Receiver<Outcome>, count: usize) -> Vec<Outcome> {
    (0..count)
        .map(|_| reported.recv_timeout(PATIENCE).expect("it was not completed"))
        .collect()
}

#[test]
fn messages_of_one_key_are_delivered_in_order() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 4).unwrap();
    let publisher = KafkaPublisher::new(&config(&broker, &[("linger.ms", "0")])).unwrap();
    let (report, reported) = mpsc::channel();
    for n in 0..1000_u32 {
        // Lost answers and a lost leader in between: what is sent again must not overtake.
        if n == 300 {
            let errors = [
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            ];
            broker.cluster().request_errors(RDKafkaApiKey::Produce, &errors);
        }
        let sent = publisher.send(
            message("t", &[(n % 7) as u8], &n.to_be_bytes()),
            reporting(&report),
        );
        assert!(sent.is_ok());
    }
    assert!(publisher.flush(PATIENCE));
    assert!(all(&reported, 1000).iter().all(Result::is_ok));
    let found = contents(&broker, "t", 4, 1000);
    for key in 0..7 {
        let of_key: Vec<u32> = found
            .iter()
            .filter(|(_, found, _)| *found == [key])
            .map(|(_, _, payload)| u32::from_be_bytes(payload.as_slice().try_into().unwrap()))
            .collect();
        let expected: Vec<u32> = (0..1000).filter(|n| n % 7 == u32::from(key)).collect();
        assert_eq!(of_key, expected);
    }
}

#[test]
fn a_key_goes_to_the_same_partition_as_with_javas_clients() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 7).unwrap();
    let publisher = KafkaPublisher::new(&config(&broker, &[])).unwrap();
    // From Kafka's own tests of murmur2; the partition is the hash without its sign, modulo 7.
    let known: [(&[u8], i32); 3] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
    ];
    for (key, _) in known {
        assert!(outcome(&publisher, message("t", key, b"")).is_ok());
    }
    for (partition, key, _) in contents(&broker, "t", 7, known.len()) {
        let (_, hash) = known.iter().find(|(known, _)| *known == key).unwrap();
        assert_eq!(
            partition,
            (hash & i32::MAX) % 7,
            "{}",
            String::from_utf8_lossy(&key)
        );
    }
}

#[test]
fn a_full_queue_gives_message_and_completion_back_and_a_drop_aborts_the_rest() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    broker.cluster().broker_down(-1).unwrap();
    let mut config = config(&broker, &[]);
    config.publish.max_outstanding = 5;
    let publisher = KafkaPublisher::new(&config).unwrap();
    let (report, reported) = mpsc::channel();
    for n in 0..10 {
        assert!(
            publisher
                .send(message("t", b"k", &[n]), reporting(&report))
                .is_ok()
        );
    }
    let eleventh = message("t", b"k", &[10]);
    let Err(rejected) = publisher.send(eleventh.clone(), reporting(&report)) else {
        panic!("it was queued")
    };
    assert_eq!(rejected.message, eleventh);
    assert!(reported.try_recv().is_err(), "a completion was called");
    assert!(!publisher.flush(Duration::from_millis(10)));

    drop(publisher);
    for (n, outcome) in (0..10).zip(all(&reported, 10)) {
        let undelivered = outcome.expect_err("no broker was running");
        assert_eq!(undelivered.message, message("t", b"k", &[n]));
        assert_eq!(
            undelivered.error.to_string(),
            "the service stopped before a broker acknowledged the message for topic `t`"
        );
    }
    // The one that was given back still works.
    (rejected.done)(Ok(()));
    assert!(reported.recv_timeout(PATIENCE).unwrap().is_ok());
}

#[test]
fn no_message_expires_while_the_broker_is_unreachable() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    broker.cluster().broker_down(-1).unwrap();
    let publisher = KafkaPublisher::new(&config(&broker, &[])).unwrap();
    let (report, reported) = mpsc::channel();
    assert!(
        publisher
            .send(message("t", b"k", b"p"), reporting(&report))
            .is_ok()
    );
    assert!(!publisher.flush(Duration::from_secs(1)));
    assert!(reported.try_recv().is_err());
    broker.cluster().broker_up(-1).unwrap();
    assert!(publisher.flush(PATIENCE));
    assert!(reported.recv_timeout(PATIENCE).unwrap().is_ok());
}

#[test]
fn a_message_that_is_too_large_is_reported_as_such() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let own_limit = [("message.max.bytes", "1000000")];
    let publisher = KafkaPublisher::new(&config(&broker, &own_limit)).unwrap();
    let text = failure(
        &publisher,
        message("t", b"k", &vec![7; 2_000_000]),
        PublishErrorKind::TooLarge,
    );
    assert!(
        text.starts_with("a message of 2000001 bytes is too large for topic `t`; raise"),
        "{text}"
    );
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE];
    broker.cluster().request_errors(RDKafkaApiKey::Produce, &errors);
    let text = failure(
        &publisher,
        message("t", b"k", b"small"),
        PublishErrorKind::TooLarge,
    );
    assert!(
        text.starts_with("a message of 6 bytes is too large for topic `t`; raise"),
        "{text}"
    );
    assert!(publisher.flush(PATIENCE));
}

#[test]
fn a_missing_topic_is_reported_with_a_remedy() {
    let broker = MockBroker::start(1).unwrap();
    broker
        .cluster()
        .topic_error("missing", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        .unwrap();
    let quick = [("topic.metadata.propagation.max.ms", "100")];
    let publisher = KafkaPublisher::new(&config(&broker, &quick)).unwrap();
    let text = failure(
        &publisher,
        message("missing", b"k", b"p"),
        PublishErrorKind::Topic,
    );
    assert!(
        text.starts_with("topic `missing` does not exist; create it with kafka-topics.sh"),
        "{text}"
    );
}

#[test]
fn a_missing_right_to_write_is_reported_with_a_remedy() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let publisher = KafkaPublisher::new(&config(&broker, &[])).unwrap();
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    broker.cluster().request_errors(RDKafkaApiKey::Produce, &errors);
    let text = failure(&publisher, message("t", b"k", b"p"), PublishErrorKind::Topic);
    assert!(
        text.starts_with("the service's principal lacks `Write` on topic `t`; allow it with kafka-acls.sh"),
        "{text}"
    );
}

#[test]
fn a_completion_that_panics_does_not_stop_the_others() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let publisher = KafkaPublisher::new(&config(&broker, &[])).unwrap();
    assert!(
        publisher
            .send(message("t", b"k", b"p"), Box::new(|_| panic!("on purpose")))
            .is_ok()
    );
    assert!(outcome(&publisher, message("t", b"k", b"p")).is_ok());
    assert!(publisher.flush(PATIENCE));
}

#[test]
fn the_last_reference_may_be_dropped_in_a_completion() {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic("t", 1).unwrap();
    let publisher = Arc::new(KafkaPublisher::new(&config(&broker, &[])).unwrap());
    let (report, reported) = mpsc::channel();
    let last = Arc::clone(&publisher);
    let (go, gone) = mpsc::channel::<()>();
    let done = Box::new(move |outcome| {
        gone.recv_timeout(PATIENCE).unwrap();
        drop(last);
        drop(report.send(outcome));
    });
    assert!(publisher.send(message("t", b"k", b"p"), done).is_ok());
    drop(publisher);
    go.send(()).unwrap();
    assert!(reported.recv_timeout(PATIENCE).unwrap().is_ok());
}
