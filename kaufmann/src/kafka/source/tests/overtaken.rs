//! Revocations that librdkafka does not wait for: when its topics change, it joins the group again at once.

use rdkafka::consumer::ConsumerGroupMetadata;

use super::*;

/// Members that subscribe to `t`, and to `u`, which exists once it [`appears`].
fn subscribed(broker: &MockBroker, kafka: &[(&str, &str)]) -> Config {
    let mut config = config(broker, "g", "t", kafka);
    config.topics.push("u".into());
    // The mock broker expels a member that has not joined again within a second less.
    config.kafka.insert("session.timeout.ms".into(), "3000".into());
    config
}

/// Creates `u`, so that the members' topics change.
fn appears(broker: &MockBroker) {
    broker.create_topic("u", 1).unwrap();
}

fn drive(members: &mut [Member], what: &str, mut done: impl FnMut(&[Member]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(members) {
        let told: Vec<_> = members.iter().map(Member::told).collect();
        assert!(
            Instant::now() < deadline,
            "timed out waiting for {what}\n{told:#?}"
        );
        for member in &mut *members {
            let _ = member.woken.recv_timeout(Duration::from_millis(5));
            member.round();
        }
    }
}

fn none_failed(members: &[Member]) {
    for member in members {
        assert!(member.failed.is_empty(), "{}", member.told());
    }
}

/// Whether both are the same answer of librdkafka: each has its own address.
fn is_same(one: &crate::source::Member, other: &crate::source::Member) -> bool {
    let known = |member: &crate::source::Member| {
        let known: &ConsumerGroupMetadata = member.known_by().expect("it is one of Kafka");
        std::ptr::from_ref(known)
    };
    known(one) == known(other)
}

/// Revokes `expected` partitions of the first of two members, and makes it join again, alone, before they are released.
fn assigned_before_they_are_released(kafka: &[(&str, &str)], expected: usize) {
    let broker = broker("t", 2);
    let records =
        |range: std::ops::Range<u32>| range.map(|n| message("t", Some(&n.to_be_bytes()), Some(b"x")));
    publish(&broker, records(0..100));
    let config = subscribed(&broker, kafka);
    let mut a = Member::join(&config);
    a.until("all records", |a| a.assigned.len() == 2 && a.got.len() == 100);
    let mut b = Member::join(&config);
    both(&mut a, &mut b, "a revocation", |a, _| a.revoked.len() == expected);
    let stale = a.revoked.clone();
    let known = a.source.member().unwrap();
    let again = a.source.member().unwrap();
    assert!(
        is_same(&known, &again),
        "what is revoked is committed in one name"
    );
    b.source.close(PATIENCE);

    appears(&broker);
    a.until("the loss", |a| a.lost > 0 || !a.failed.is_empty());
    assert_eq!((a.lost, &a.failed[..]), (expected, &[][..]), "{}", a.told());
    assert!(!is_same(&known, &a.source.member().unwrap()));
    // The old assignments affect neither the commits nor the partitions of the new ones.
    let answers = a.committed.len();
    a.commit(&stale[0], 1);
    a.until("the refusal", |a| a.committed.len() > answers);
    let refused = a.committed[answers].clone().unwrap_err();
    assert!(
        refused.ends_with("is no longer assigned to this member"),
        "{refused}"
    );
    a.releases = true;
    a.until("all partitions", |a| {
        a.assigned.len() == 3 || !a.failed.is_empty()
    });
    assert!(a.failed.is_empty(), "{}", a.told());
    assert!(
        a.assigned
            .iter()
            .all(|anew| stale.iter().all(|stale| stale.id() != anew.id()))
    );
    publish(&broker, records(100..200));
    a.until("all records", |a| {
        let distinct: std::collections::BTreeSet<_> =
            a.got.iter().map(|got| (got.partition, got.offset)).collect();
        distinct.len() == 200
    });
    none_failed(&[a]);
}

#[test]
fn a_partition_assigned_again_before_its_release_is_lost_and_begins_again_cooperatively() {
    assigned_before_they_are_released(&[], 1);
}

#[test]
fn a_partition_assigned_again_before_its_release_is_lost_and_begins_again_eagerly() {
    assigned_before_they_are_released(&[EAGER], 2);
}

#[test]
fn a_partition_that_another_member_gets_before_its_release_is_lost() {
    let broker = broker("t", 2);
    let config = subscribed(&broker, &[]);
    let mut members = vec![Member::join(&config)];
    drive(&mut members, "the partitions", |all| all[0].assigned.len() == 2);
    members.push(Member::join(&config));
    drive(&mut members, "a revocation", |all| all[0].revoked.len() == 1);
    appears(&broker);
    // The other member may get the event first.
    drive(&mut members, "all partitions and the loss", |all| {
        let assigned = all.iter().map(|member| member.assigned.len()).sum::<usize>();
        assigned == 3 && all[0].lost > 0
    });
    assert_eq!(members[0].lost, 1, "{}", members[0].told());
    none_failed(&members);
}

#[test]
fn a_partition_that_is_revoked_twice_is_given_back_once() {
    let broker = broker("t", 6);
    let config = subscribed(&broker, &[]);
    let mut members = vec![Member::join(&config)];
    drive(&mut members, "the partitions", |all| all[0].assigned.len() == 6);
    members.push(Member::join(&config));
    drive(&mut members, "a revocation", |all| all[0].revoked.len() == 3);
    // Of 7 partitions for four no more than 2 can stay.
    members.extend([Member::join(&config), Member::join(&config)]);
    appears(&broker);
    drive(&mut members, "another revocation", |all| all[0].revoked.len() > 3);
    assert_eq!((members[0].lost, members[0].assigned.len()), (3, 2));
    drive(&mut members, "what may not be given away", |all| {
        all[0].assigned.len() == 2
    });
    for member in &mut members {
        member.releases = true;
    }
    drive(&mut members, "all partitions", |all| {
        all.iter().map(|member| member.assigned.len()).sum::<usize>() == 7
    });
    none_failed(&members);
}
