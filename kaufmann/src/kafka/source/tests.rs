use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::engine::commit::Ahead;
use crate::kafka::mock::MockBroker;
use crate::publish::{KafkaPublisher, Message, MessageHeaders, Publisher};

mod in_doubt;
mod overtaken;

/// Much longer than any step takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(broker: &MockBroker, group: &str, topic: &str, kafka: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    config.brokers = vec![broker.bootstrap_servers()];
    config.group = group.into();
    config.topics = vec![topic.into()];
    let all = MockBroker::quick().into_iter().chain(kafka.iter().copied());
    config
        .kafka
        .extend(all.map(|(key, value)| (key.into(), value.into())));
    config
}

const EAGER: (&str, &str) = ("partition.assignment.strategy", "range");

fn message(topic: &str, key: Option<&[u8]>, payload: Option<&[u8]>) -> Message {
    Message {
        topic: topic.into(),
        placement: crate::publish::Placement::Key,
        key: key.map(<[u8]>::to_vec),
        payload: payload.map(<[u8]>::to_vec),
        headers: MessageHeaders::default(),
    }
}

/// Publishes and waits until the broker has all of it.
fn publish(broker: &MockBroker, messages: impl IntoIterator<Item = Message>) {
    let publisher = KafkaPublisher::new(&config(broker, "", "", &[])).unwrap();
    for message in messages {
        let sent = publisher.send(message, Box::new(|outcome| outcome.unwrap()));
        assert!(sent.is_ok(), "the queue is full");
    }
    assert!(publisher.flush(PATIENCE));
}

/// A record, owned.
#[derive(Clone, PartialEq, Debug)]
struct Got {
    partition: i32,
    offset: i64,
    timed: bool,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A source with the events that it has reported, driven by the test's thread.
struct Member {
    source: KafkaSource,
    woken: Receiver<()>,
    assigned: Vec<Arc<Assignment>>,
    revoked: Vec<Arc<Assignment>>,
    /// Whether revoked partitions are committed and released at once.
    releases: bool,
    lost: usize,
    committed: Vec<Result<(), String>>,
    troubles: Vec<String>,
    recovered: usize,
    missing: Vec<crate::source::OffsetOutOfRange>,
    failed: Vec<String>,
    got: Vec<Got>,
}

impl Member {
    fn join(config: &Config) -> Self {
        let mut source = KafkaSource::new(config).unwrap();
        let (wake, woken) = mpsc::channel();
        source
            .start(Waker::new(move || {
                let _ = wake.send(());
            }))
            .unwrap();
        Self {
            source,
            woken,
            assigned: Vec::new(),
            revoked: Vec::new(),
            releases: false,
            lost: 0,
            committed: Vec::new(),
            troubles: Vec::new(),
            recovered: 0,
            missing: Vec::new(),
            failed: Vec::new(),
            got: Vec::new(),
        }
    }

    /// One round of events, without records.
    fn events(&mut self) {
        let mut events = Vec::new();
        self.source.events(&mut events);
        for event in events {
            match event {
                SourceEvent::Assigned(assignments) => self.assigned.extend(assignments),
                SourceEvent::Revoked { assignments, lost } => {
                    self.lost += if lost { assignments.len() } else { 0 };
                    for revoked in &assignments {
                        self.assigned.retain(|assigned| assigned.id() != revoked.id());
                    }
                    self.revoked.extend(assignments);
                }
                SourceEvent::Committed { result, .. } => {
                    self.committed.push(result.map_err(|error| error.to_string()));
                }
                SourceEvent::Trouble(error) => self.troubles.push(error.to_string()),
                SourceEvent::Recovered => self.recovered += 1,
                SourceEvent::OffsetOutOfRange(missing) => self.missing.push(missing),
                SourceEvent::Failed(error) => self.failed.push(error.to_string()),
            }
        }
    }

    fn release_if_set(&mut self) {
        if self.releases && !self.revoked.is_empty() {
            for revoked in self.revoked.clone() {
                let next = self.next(revoked.partition());
                self.commit(&revoked, next);
            }
            self.release();
        }
    }

    fn read(&mut self, assignment: &Assignment, max: usize) -> usize {
        let got = &mut self.got;
        let partition = assignment.partition();
        self.source.read(assignment, max, &mut |record| {
            let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
            got.push(Got {
                partition,
                offset: record.offset,
                timed: record.timestamp.is_some(),
                key: own(record.key),
                payload: own(record.payload),
                headers: record
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), own(*value)))
                    .collect(),
            });
            ControlFlow::Continue(())
        })
    }

    /// One round: events, then the available records of each partition.
    fn round(&mut self) {
        self.events();
        self.release_if_set();
        for assignment in self.assigned.clone() {
            self.read(&assignment, 100);
        }
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        self.round();
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "timed out waiting for {what}\n{}",
                self.told()
            );
            let _ = self.woken.recv_timeout(Duration::from_millis(20));
            self.round();
        }
    }

    fn told(&self) -> String {
        format!(
            "assigned {:?}, revoked {:?}, troubles {:?}, failed {:?}, committed {:?}, records {}",
            self.assigned,
            self.revoked,
            self.troubles,
            self.failed,
            self.committed,
            self.got.len()
        )
    }

    /// Gives back the revoked partitions.
    fn release(&mut self) {
        let revoked = std::mem::take(&mut self.revoked);
        self.source.release(&revoked);
    }

    fn commit(&mut self, assignment: &Arc<Assignment>, offset: i64) {
        self.commit_with(assignment, offset, None);
    }

    fn commit_with(&mut self, assignment: &Arc<Assignment>, offset: i64, metadata: Option<String>) {
        self.source.commit(vec![CommitOffset {
            assignment: Arc::clone(assignment),
            offset,
            metadata,
        }]);
    }

    /// The next offset of each partition.
    fn next(&self, partition: i32) -> i64 {
        self.got
            .iter()
            .filter(|got| got.partition == partition)
            .map(|got| got.offset + 1)
            .max()
            .unwrap_or(0)
    }
}

/// Drives two members until `done`.
fn both(a: &mut Member, b: &mut Member, what: &str, mut done: impl FnMut(&Member, &Member) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(a, b) {
        assert!(
            Instant::now() < deadline,
            "timed out waiting for {what}\na: {}\nb: {}",
            a.told(),
            b.told()
        );
        let _ = a.woken.recv_timeout(Duration::from_millis(5));
        let _ = b.woken.recv_timeout(Duration::from_millis(5));
        a.round();
        b.round();
    }
}

fn broker(topic: &str, partitions: u16) -> MockBroker {
    let broker = MockBroker::start(1).unwrap();
    broker.create_topic(topic, partitions).unwrap();
    broker
}

#[test]
fn records_arrive_exactly_as_they_were_sent() {
    let broker = broker("t", 1);
    let shapes: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"bytes\0\xff")];
    let mut headers = MessageHeaders::default();
    headers.push("twice", Some(b"1"));
    headers.push("null", None);
    headers.push("twice", Some(b""));
    headers.push("", Some(b"no name"));
    let mut messages = Vec::new();
    for key in shapes {
        for payload in shapes {
            for headers in [MessageHeaders::default(), headers.clone()] {
                messages.push(Message {
                    headers,
                    ..message("t", key, payload)
                });
            }
        }
    }
    publish(&broker, messages.clone());

    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    member.until("all records", |member| member.got.len() >= messages.len());
    let expected: Vec<Got> = messages
        .into_iter()
        .zip(0..)
        .map(|(message, offset)| Got {
            partition: 0,
            offset,
            timed: true,
            headers: message
                .headers
                .iter()
                .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
            key: message.key,
            payload: message.payload,
        })
        .collect();
    assert_eq!(member.got, expected);
    assert!(
        member.failed.is_empty() && member.troubles.is_empty(),
        "{}",
        member.told()
    );
}

#[test]
fn a_read_takes_no_more_than_its_maximum() {
    let broker = broker("t", 1);
    publish(&broker, (0..10).map(|_| message("t", None, Some(b"x"))));
    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    let deadline = Instant::now() + PATIENCE;
    let mut taken = Vec::new();
    while taken.iter().sum::<usize>() < 10 {
        assert!(Instant::now() < deadline, "{}", member.told());
        let _ = member.woken.recv_timeout(Duration::from_millis(20));
        member.events();
        for assignment in member.assigned.clone() {
            assert_eq!(member.read(&assignment, 0), 0);
            taken.push(member.read(&assignment, 3));
        }
    }
    assert!(taken.iter().all(|count| *count <= 3), "{taken:?}");
    assert_eq!(
        member.got.iter().map(|got| got.offset).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
}

#[test]
fn records_that_a_reader_breaks_off_before_come_with_the_next_reads() {
    let broker = broker("t", 1);
    publish(&broker, (0..10).map(|_| message("t", None, Some(b"x"))));
    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    let deadline = Instant::now() + PATIENCE;
    let mut offsets = Vec::new();
    while offsets.len() < 10 {
        assert!(Instant::now() < deadline, "{}", member.told());
        let _ = member.woken.recv_timeout(Duration::from_millis(20));
        member.events();
        for assignment in member.assigned.clone() {
            // One at a time, although more are available.
            while member.source.read(&assignment, 100, &mut |record| {
                offsets.push(record.offset);
                ControlFlow::Break(())
            }) == 1
            {}
        }
    }
    assert_eq!(offsets, (0..10).collect::<Vec<_>>());
}

/// A topic that is deleted and created again unnoticed does the same: librdkafka looks up where its log begins.
#[test]
fn a_partition_that_goes_back_is_lost_and_assigned_again_and_its_records_are_read() {
    let broker = broker("t", 1);
    publish(&broker, (0..10).map(|_| message("t", None, Some(b"x"))));
    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    member.until("all records", |member| member.got.len() == 10);
    let before = Arc::clone(&member.assigned[0]);
    let consumer = member.source.consumer.clone().unwrap();
    consumer
        .seek("t", 0, rdkafka::Offset::Offset(4), PATIENCE)
        .unwrap();
    drop(consumer);
    member.until("what follows", |member| member.got.len() == 16);
    let offsets: Vec<_> = member.got.iter().map(|got| got.offset).collect();
    assert_eq!(offsets, (0..10).chain(4..10).collect::<Vec<_>>());
    assert_eq!((member.lost, member.revoked[0].id()), (1, before.id()));
    let [begun] = &member.assigned[..] else {
        panic!("{}", member.told())
    };
    assert!(begun.id() > before.id(), "{}", member.told());

    // Commits of the old assignment do not count for the new one.
    let begun = Arc::clone(begun);
    member.commit(&before, 10);
    member.commit(&begun, 7);
    member.until("both answers", |member| member.committed.len() == 2);
    assert!(
        member.committed[0].is_err() && member.committed[1].is_ok(),
        "{:?}",
        member.committed
    );
    member.source.close(PATIENCE);
    let mut next = Member::join(&config(&broker, "g", "t", &[]));
    next.until("what is not committed", |next| next.got.len() == 3);
    assert_eq!(next.got[0].offset, 7);
}

/// A revoked partition is not read, its commits are answered, the member keeps it until it is released, and then the other member
/// continues it at the committed offset.
fn revoke_then_release(kafka: &[(&str, &str)], expected_revoked: usize) {
    let broker = broker("t", 2);
    let numbered =
        |range: std::ops::Range<u32>| range.map(|n| message("t", Some(&n.to_be_bytes()), Some(b"x")));
    publish(&broker, numbered(0..100));
    let mut config = config(&broker, "g", "t", kafka);
    // The mock broker expels a member that has not joined again within a second less.
    config.kafka.insert("session.timeout.ms".into(), "6000".into());

    let mut a = Member::join(&config);
    a.until("all partitions and records", |a| {
        a.assigned.len() == 2 && a.got.len() == 100
    });
    let first_ids: Vec<u64> = a.assigned.iter().map(|assignment| assignment.id()).collect();
    assert!(first_ids[0] < first_ids[1]);
    let left_at = [a.next(0), a.next(1)];
    for assigned in a.assigned.clone() {
        a.commit(&assigned, left_at[assigned.partition() as usize]);
    }
    a.until("answers to the commits", |a| a.committed.len() == 2);
    assert_eq!(a.committed, [Ok(()), Ok(())]);

    let mut b = Member::join(&config);
    both(&mut a, &mut b, "a revocation", |a, _| !a.revoked.is_empty());
    assert_eq!(a.revoked.len(), expected_revoked);
    publish(&broker, numbered(100..200));
    let stale = a.revoked.clone();
    for revoked in &stale {
        assert_eq!(a.read(revoked, 100), 0, "a revoked partition was read");
        a.commit(revoked, left_at[revoked.partition() as usize]);
    }
    both(&mut a, &mut b, "answers to the commits", |a, _| {
        a.committed.len() == 2 + expected_revoked
    });
    // Whether they were committed depends on the mock broker, which refuses them while members join; Kafka does not.
    assert!(
        b.assigned.is_empty(),
        "it was assigned to another member before it was released"
    );

    (a.releases, b.releases) = (true, true);
    both(&mut a, &mut b, "a partition each", |a, b| {
        a.assigned.len() == 1 && b.assigned.len() == 1
    });
    let distinct = |a: &Member, b: &Member| -> std::collections::BTreeSet<(i32, i64)> {
        a.got
            .iter()
            .chain(&b.got)
            .map(|got| (got.partition, got.offset))
            .collect()
    };
    both(&mut a, &mut b, "all records", |a, b| distinct(a, b).len() == 200);
    let before = b
        .got
        .iter()
        .find(|got| got.offset < left_at[got.partition as usize]);
    assert_eq!(before, None, "it was committed before");
    assert!(b.assigned[0].id() > first_ids[1]);

    // A lost assignment is not committed, and the answer reports it.
    let answers = a.committed.len() + 1;
    a.commit(&stale[0], 0);
    a.until("the refusal", |a| a.committed.len() == answers);
    let refused = a.committed.last().cloned().unwrap().unwrap_err();
    assert!(
        refused.ends_with("is no longer assigned to this member"),
        "{refused}"
    );
    assert!(
        a.failed.is_empty() && b.failed.is_empty(),
        "a: {}\nb: {}",
        a.told(),
        b.told()
    );
}

#[test]
fn a_cooperative_revocation_waits_for_its_release() {
    revoke_then_release(&[], 1);
}

#[test]
fn an_eager_revocation_waits_for_its_release() {
    revoke_then_release(&[EAGER], 2);
}

#[test]
fn the_next_member_begins_at_the_committed_offset() {
    let broker = broker("t", 1);
    publish(&broker, (0..5).map(|_| message("t", None, Some(b"x"))));
    let config = config(&broker, "g", "t", &[]);
    let mut first = Member::join(&config);
    first.until("all records", |first| first.got.len() == 5);
    let assignment = first.assigned[0].clone();
    first.commit(&assignment, 2);
    first.commit(&assignment, 3);
    first.until("both answers", |first| first.committed.len() == 2);
    assert_eq!(first.committed, [Ok(()), Ok(())]);
    first.source.close(Duration::from_secs(5));

    let mut second = Member::join(&config);
    second.until("the rest", |second| second.got.len() == 2);
    assert_eq!(
        second.got.iter().map(|got| got.offset).collect::<Vec<_>>(),
        [3, 4]
    );
}

#[test]
fn a_commit_just_before_the_close_is_not_lost() {
    let broker = broker("t", 1);
    publish(&broker, (0..5).map(|_| message("t", None, Some(b"x"))));
    let config = config(&broker, "g", "t", &[]);
    let mut first = Member::join(&config);
    first.until("all records", |first| first.got.len() == 5);
    let assignment = first.assigned[0].clone();
    first.commit(&assignment, 4);
    first.source.close(Duration::from_secs(5));
    first.commit(&assignment, 5);
    first.events();
    assert_eq!(first.committed, [Err("the source is closed".to_owned())]);

    let mut second = Member::join(&config);
    second.until("the rest", |second| second.got.len() == 1);
    assert_eq!(second.got[0].offset, 4);
}

fn lost_partitions(kafka: &[(&str, &str)]) {
    let broker = broker("t", 2);
    let mut member = Member::join(&config(&broker, "g", "t", kafka));
    member.until("the partitions", |member| member.assigned.len() == 2);
    let before = member.assigned.clone();
    broker.cluster().request_errors(
        RDKafkaApiKey::Heartbeat,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID],
    );
    member.until("the loss", |member| member.lost == 2);
    member.commit(&before[0], 0);
    member.until("the refusal", |member| member.committed.len() == 1);
    assert!(member.committed[0].is_err());
    // They are released already; releasing them again does nothing.
    member.release();
    member.until("new assignments", |member| member.assigned.len() == 2);
    assert!(member.assigned[0].id() > before[1].id());
    assert!(member.failed.is_empty(), "{}", member.told());
}

#[test]
fn lost_partitions_are_given_up_and_come_again_cooperatively() {
    lost_partitions(&[]);
}

#[test]
fn lost_partitions_are_given_up_and_come_again_eagerly() {
    lost_partitions(&[EAGER]);
}

#[test]
fn a_partition_that_is_lost_while_it_is_revoked_is_given_up_too() {
    let broker = broker("t", 2);
    let config = config(&broker, "g", "t", &[EAGER]);
    let mut a = Member::join(&config);
    a.until("the partitions", |a| a.assigned.len() == 2);
    let mut b = Member::join(&config);
    both(&mut a, &mut b, "a revocation", |a, _| a.revoked.len() == 2);
    broker.cluster().request_errors(
        RDKafkaApiKey::OffsetCommit,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID],
    );
    let revoked = a.revoked[0].clone();
    a.commit(&revoked, 0);
    both(&mut a, &mut b, "the loss", |a, _| a.lost == 2);
    assert_eq!(a.committed.len(), 1);
    assert!(a.committed[0].is_err());
    // The group continues without any release.
    b.releases = true;
    a.releases = true;
    both(&mut a, &mut b, "a partition each", |a, b| {
        a.assigned.len() == 1 && b.assigned.len() == 1
    });
}

#[test]
fn unreachable_brokers_are_reported_once_and_once_that_they_are_back() {
    let broker = broker("t", 1);
    broker.cluster().broker_down(-1).unwrap();
    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    member.until("the trouble", |member| !member.troubles.is_empty());
    let down_since = Instant::now();
    // Long enough for many attempts to connect.
    member.until("attempts", |_| down_since.elapsed() > Duration::from_secs(2));
    assert_eq!(
        (member.troubles.len(), member.recovered),
        (1, 0),
        "{}",
        member.told()
    );
    assert!(
        member.troubles[0].starts_with("no broker of `"),
        "{}",
        member.troubles[0]
    );
    broker.cluster().broker_up(-1).unwrap();
    member.until("the recovery and the partition", |member| {
        member.recovered == 1 && member.assigned.len() == 1
    });
    assert_eq!(member.troubles.len(), 1, "{}", member.told());
}

#[test]
fn a_missing_topic_is_reported_with_a_remedy_and_found_when_it_is_created() {
    let broker = MockBroker::start(1).unwrap();
    let metadata = [("topic.metadata.refresh.interval.ms", "300000")];
    let mut member = Member::join(&config(&broker, "g", "later", &metadata));
    member.until("the trouble", |member| !member.troubles.is_empty());
    let text = &member.troubles[0];
    assert!(
        text.starts_with("topic `later` does not exist; create it with kafka-topics.sh --create"),
        "{text}"
    );
    broker.create_topic("later", 3).unwrap();
    member.until("the partitions", |member| {
        member.assigned.len() == 3 && member.recovered == 1
    });
    assert_eq!(member.troubles.len(), 1);
}

#[test]
fn a_group_without_an_offset_fails_if_it_must_have_one() {
    let broker = broker("t", 1);
    let mut member = Member::join(&config(&broker, "g", "t", &[("auto.offset.reset", "error")]));
    member.until("the failure", |member| !member.failed.is_empty());
    let text = &member.failed[0];
    assert!(
        text.starts_with("group `g` has committed no offset of partition 0 of topic `t`; "),
        "{text}"
    );
    assert!(text.contains("--reset-offsets"), "{text}");
}

/// The mock broker keeps 5 MiB of a partition.
fn overtaken_by_retention(reset: &str) -> (MockBroker, Member, i64) {
    let broker = broker("t", 1);
    publish(&broker, [message("t", None, Some(b"first"))]);
    let mut member = Member::join(&config(&broker, "g", "t", &[]));
    member.until("the first record", |member| !member.got.is_empty());
    let assignment = Arc::clone(&member.assigned[0]);
    member.commit(&assignment, 1);
    member.until("the commit", |member| !member.committed.is_empty());
    member.source.close(PATIENCE);
    // Data that does not compress, or it would fit.
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let large: Vec<u8> = std::iter::repeat_with(next).take(500_000).collect();
    for _ in 0..20 {
        publish(&broker, [message("t", None, Some(&large))]);
    }
    let mut member = Member::join(&config(&broker, "g", "t", &[("auto.offset.reset", reset)]));
    member.until("what is lost", |member| {
        !member.missing.is_empty() || !member.failed.is_empty()
    });
    if reset == "earliest" {
        member.until("the rest", |member| member.next(0) == 21);
    }
    let first = member.got.first().map_or(-1, |got| got.offset);
    (broker, member, first)
}

#[test]
fn an_offset_deleted_by_retention_is_reported_with_the_loss() {
    let (_broker, member, first) = overtaken_by_retention("earliest");
    let [missing] = &member.missing[..] else {
        panic!("{:?}", member.missing)
    };
    assert_eq!(
        (missing.offset, missing.log_start, missing.lost()),
        (1, first, first - 1),
        "{missing}"
    );
    assert!(first > 1 && member.failed.is_empty(), "{}", member.told());
    let text = missing.to_string();
    let expected = format!(
        "offset 1 was to be read next, but the log begins at offset {first}: at most {} records",
        first - 1
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn a_source_that_must_not_reset_fails_at_an_offset_deleted_by_retention() {
    for reset in ["error", "none"] {
        let (_broker, member, _) = overtaken_by_retention(reset);
        assert!(
            member.missing.is_empty() && member.got.is_empty(),
            "{}",
            member.told()
        );
        let text = &member.failed[0];
        assert!(
            text.contains("offset 1 was to be read next, but the log begins at offset"),
            "{text}"
        );
        assert!(text.contains("--reset-offsets --group g --topic t:0"), "{text}");
    }
}

#[test]
fn closing_ends_with_an_unreachable_broker_and_a_commit_in_progress() {
    let broker = broker("t", 1);
    publish(&broker, [message("t", None, Some(b"x"))]);
    let long = [("session.timeout.ms", "300000")];
    let mut member = Member::join(&config(&broker, "g", "t", &long));
    member.until("the record", |member| member.got.len() == 1);
    broker.cluster().broker_down(-1).unwrap();
    let assignment = member.assigned[0].clone();
    member.commit(&assignment, 1);
    let closing = Instant::now();
    member.source.close(Duration::from_secs(5));
    assert!(closing.elapsed() < PATIENCE, "{:?}", closing.elapsed());
    member.source.close(Duration::from_secs(5));
}

#[test]
fn closing_ends_with_a_revocation_that_was_never_released() {
    for kafka in [&[][..], &[EAGER]] {
        let broker = broker("t", 2);
        let config = config(&broker, "g", "t", kafka);
        let mut a = Member::join(&config);
        a.until("the partitions", |a| a.assigned.len() == 2);
        let mut b = Member::join(&config);
        both(&mut a, &mut b, "a revocation", |a, _| !a.revoked.is_empty());
        a.source.close(Duration::from_secs(5));
        b.until("all partitions", |b| b.assigned.len() == 2);
        assert!(b.failed.is_empty(), "{}", b.told());
    }
}

#[test]
fn a_source_that_was_never_started_can_be_closed() {
    let broker = broker("t", 1);
    let mut source = KafkaSource::new(&config(&broker, "g", "t", &[])).unwrap();
    source.close(Duration::from_secs(5));
    assert!(source.start(Waker::new(|| {})).is_err());
}

#[test]
fn the_brokers_own_protocol_assigns_reads_and_commits() {
    let broker = broker("t", 2);
    publish(
        &broker,
        (0..20u32).map(|n| message("t", Some(&n.to_be_bytes()), Some(b"x"))),
    );
    let mut config = config(&broker, "g", "t", &[("group.protocol", "consumer")]);
    // The broker decides about these, and librdkafka refuses them.
    config.kafka.remove("session.timeout.ms");
    config.kafka.remove("heartbeat.interval.ms");
    let mut member = Member::join(&config);
    member.until("all records", |member| {
        member.assigned.len() == 2 && member.got.len() == 20
    });
    let assignment = member.assigned[0].clone();
    let next = member.next(assignment.partition());
    member.commit(&assignment, next);
    member.until("the answer", |member| member.committed.len() == 1);
    assert_eq!(member.committed, [Ok(())]);
    assert!(member.failed.is_empty(), "{}", member.told());
}

#[test]
fn a_member_that_its_group_refuses_tries_again_and_joins() {
    let broker = broker("t", 2);
    let refusals = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
    ];
    broker.refuse_heartbeats(&refusals);
    let mut member = Member::join(&assigned_by_broker(&broker));
    member.until("the partitions", |member| member.assigned.len() == 2);
    let told = member.told();
    assert!(member.failed.is_empty() && member.recovered == 1, "{told}");
    assert_eq!(member.troubles.len(), 1, "{told}");
    let expected = "another member with `group.instance.id` = \"a\"";
    assert!(
        member.troubles[0].contains(expected) && member.troubles[0].contains("for at most 2m"),
        "{told}"
    );
}

#[test]
fn a_member_that_is_refused_while_it_works_loses_its_partitions_and_gets_them_again() {
    let broker = broker("t", 2);
    let mut member = Member::join(&assigned_by_broker(&broker));
    member.until("the partitions", |member| member.assigned.len() == 2);
    broker.refuse_heartbeats(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_REQUEST]);
    member.until("them again", |member| {
        member.lost == 2 && member.assigned.len() == 2
    });
    assert!(member.failed.is_empty(), "{}", member.told());
    assert!(member.source.member().is_some());
}

#[test]
fn a_member_that_is_refused_for_too_long_fails_with_the_id_that_another_one_has() {
    let broker = broker("t", 2);
    broker.refuse_heartbeats(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID; 4]);
    let mut config = assigned_by_broker(&broker);
    config.join_deadline = Duration::from_secs(1);
    let mut member = Member::join(&config);
    member.until("the failure", |member| !member.failed.is_empty());
    let failed = &member.failed[0];
    assert!(
        failed.contains("`group.instance.id` = \"a\"") && failed.contains("`join_deadline`"),
        "{failed}"
    );
}

#[test]
fn a_broker_that_does_not_know_the_protocol_ends_the_source() {
    let broker = broker("t", 2);
    broker.refuse_heartbeats(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSUPPORTED_ASSIGNOR]);
    let mut member = Member::join(&assigned_by_broker(&broker));
    member.until("the failure", |member| !member.failed.is_empty());
    assert!(
        member.failed[0].contains("`group.remote.assignor`"),
        "{}",
        member.told()
    );
}

/// A static member of a group that the broker assigns.
fn assigned_by_broker(broker: &MockBroker) -> Config {
    let kafka = [("group.protocol", "consumer"), ("group.instance.id", "a")];
    let mut config = config(broker, "g", "t", &kafka);
    // The broker decides about these, and librdkafka refuses them.
    config.kafka.remove("session.timeout.ms");
    config.kafka.remove("heartbeat.interval.ms");
    config
}

#[test]
fn a_property_that_is_refused_is_named() {
    let broker = MockBroker::start(1).unwrap();
    let unknown = KafkaSource::new(&config(&broker, "g", "t", &[("no.such.property", "1")]))
        .err()
        .unwrap();
    assert!(unknown.to_string().contains("`no.such.property`"), "{unknown}");
    let refused = KafkaSource::new(&config(&broker, "g", "t", &[("enable.auto.commit", "true")]))
        .err()
        .unwrap();
    assert!(
        refused
            .to_string()
            .starts_with("`enable.auto.commit` cannot be set"),
        "{refused}"
    );
}

#[test]
fn the_metadata_of_a_commit_comes_with_the_next_assignment_of_its_partition() {
    let broker = broker("t", 2);
    let config = config(&broker, "g", "t", &[]);
    let mut first = Member::join(&config);
    first.until("its partitions", |member| member.assigned.len() == 2);
    let of = |number| {
        let mut assigned = first.assigned.iter();
        let one = assigned.find(|assignment: &&Arc<Assignment>| assignment.partition() == number);
        Arc::clone(one.expect("both were assigned"))
    };
    let (zero, one) = (of(0), of(1));
    let ranges = [(5, 6), (9, 9)];
    first.commit_with(&one, 3, Ahead::encode(None, 3, ranges));
    // This broker has no topic ids.
    first.commit_with(&zero, 3, Ahead::encode(Some([9; 16]), 3, ranges));
    first.until("the commits", |member| member.committed.len() == 2);
    drop(first);

    let mut second = Member::join(&config);
    second.until("its partitions", |member| member.assigned.len() == 2);
    for assignment in &second.assigned {
        let expected: &[_] = if assignment.partition() == 1 {
            &[(5, 6), (9, 9)]
        } else {
            &[]
        };
        assert_eq!(Ahead::of(assignment).ranges(), expected);
    }
}
