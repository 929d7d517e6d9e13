//! Transactions that the brokers refuse.

use super::*;
use crate::config::Delivery;
use crate::publish::{TransactionError, TransactionErrorKind};

fn publisher(broker: &MockBroker) -> KafkaPublisher {
    let mut config = config(broker, &[]);
    config.delivery = Delivery::ExactlyOnce;
    config.exactly_once.transactional_id = Some("shop-1".into());
    KafkaPublisher::new(&config).unwrap()
}

/// Receives the answer of [`prepare`].
type Prepared = Receiver<Result<(), TransactionError>>;

fn prepare(publisher: &KafkaPublisher) -> Prepared {
    let (report, reported) = mpsc::channel();
    publisher
        .transactions()
        .unwrap()
        .prepare(Box::new(move |result| drop(report.send(result))));
    reported
}

fn refused(api: RDKafkaApiKey, round_trip: Duration) {
    let broker = MockBroker::start(1).unwrap();
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED; 10];
    broker.cluster().request_errors(api, &errors);
    broker.cluster().broker_round_trip_time(1, round_trip).unwrap();
    let publisher = publisher(&broker);
    let answer = prepare(&publisher).recv_timeout(PATIENCE).expect("an answer");
    let error = answer.expect_err("it was allowed");
    assert_eq!(error.kind(), TransactionErrorKind::Ended);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the service's principal lacks `Write` or `Describe` on the transactional id `shop-1`; allow it with kafka-acls.sh --add"
        ),
        "{text}"
    );
}

#[test]
fn an_id_that_the_coordinator_refuses_ends_the_publisher_with_a_remedy() {
    refused(RDKafkaApiKey::InitProducerId, Duration::ZERO);
}

#[test]
fn an_id_without_the_right_to_find_its_coordinator_ends_the_publisher_too() {
    refused(RDKafkaApiKey::FindCoordinator, Duration::ZERO);
}

/// A call that times out continues in librdkafka, and the next call gets its result.
#[test]
fn an_id_that_is_refused_only_after_several_calls_ends_the_publisher_too() {
    refused(RDKafkaApiKey::InitProducerId, Duration::from_secs(3));
}

#[test]
fn a_dropped_publisher_waits_for_no_coordinator() {
    let broker = MockBroker::start(1).unwrap();
    broker.cluster().broker_down(1).unwrap();
    let publisher = publisher(&broker);
    let answer = prepare(&publisher);
    drop(publisher);
    let error = answer.recv_timeout(PATIENCE).expect("an answer").unwrap_err();
    assert_eq!(error.kind(), TransactionErrorKind::Abort, "{error}");
}
