use std::time::{Duration, SystemTime};

use super::report::{State, about, about_one};
use super::topics::{Topic, Use};
use super::*;
use crate::cli::schema::registered::Registered;
use crate::cli::snapshot::is_snapshot;
use crate::config::{Delivery, OnFailure};
use crate::kafka::admin::{Setting, Settings};
use crate::kafka::condition::PartitionCondition;
use crate::kafka::ffi::Operation;

fn config() -> Config {
    let mut config = Config::default();
    config.brokers.push("kafka-1:9092".to_owned());
    config.group.push_str("ledger");
    config.topics.push("shop".to_owned());
    config.registry.url.push("http://registry:8081".to_owned());
    config
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let one = |(name, value): &(&str, &str)| {
        let value = (*value).to_owned();
        ((*name).to_owned(), Setting { value, own: false })
    };
    pairs.iter().map(one).collect()
}

fn partitions(count: i32, replicas: usize, in_sync: usize) -> Vec<PartitionCondition> {
    let one = |partition| PartitionCondition {
        partition,
        has_leader: true,
        replicas,
        in_sync,
    };
    (0..count).map(one).collect()
}

const CONSUMED: Use = Use {
    consumed: true,
    written: false,
    dead_letters: false,
    delay: None,
};
const WRITTEN: Use = Use {
    consumed: false,
    written: true,
    dead_letters: false,
    delay: None,
};
const LETTERS: Use = Use {
    consumed: false,
    written: true,
    dead_letters: true,
    delay: None,
};

/// A topic on three brokers.
fn topic(name: &str, used: Use, partitions: &[PartitionCondition], with: &[(&str, &str)]) -> Vec<Check> {
    topics::judge(&Topic {
        name,
        purpose: &["an event".to_owned()],
        used,
        partitions,
        settings: Some(&settings(with)),
        brokers: 3,
        differences: 0,
        largest_consumed: Some(1_048_588),
    })
}

fn states(checks: &[Check]) -> Vec<State> {
    checks.iter().map(|check| check.state).collect()
}

/// What an operator may see when many checks fail.
fn report() -> Report {
    let mut config = config();
    config.retry.max_attempts = 0;
    let now = SystemTime::now();
    let mut checks = settings::judge(&config, &[]);
    checks.extend(settings::open_files(Some(1024), 3));
    checks.push(about_one("broker", "kafka-1:9092").fit("accepts connections"));
    checks.push(about_one("broker", "2").unfit(
        "advertises kafka-2:9092, which cannot be reached from here: the host name does not resolve here",
        "clients connect to the broker's `advertised.listeners`; set it to an address that is reachable from here, like \
         kafka-1:9092, or start the broker",
    ));
    let broker = [("group.coordinator.rebalance.protocols", "classic,consumer")];
    checks.extend(brokers::judge(&config, &settings(&broker)));
    checks.extend(topics_and_rights(&config));
    checks.push(about_one("group", "ledger").fit("stable, 2 members"));
    checks.extend(rights::of_group(&config, Some(&[Operation::Read])));
    checks.push(about("registry").fit("http://registry:8081 answers"));
    checks.push(clock::judge(
        Some(now),
        now + Duration::from_secs(97),
        now + Duration::from_secs(97),
    ));
    checks.extend(event(&config, "shop.order_placed", Some((3, 17)), true));
    checks.extend(event(&config, "shop.order_confirmed", None, true));
    Report::new("Ledger", &config, checks)
}

fn topics_and_rights(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(topic(
        "confirmations",
        WRITTEN,
        &partitions(6, 3, 3),
        &[("min.insync.replicas", "2")],
    ));
    checks.extend(rights::of_topic(
        config,
        "confirmations",
        WRITTEN,
        Some(&[Operation::Describe]),
    ));
    checks.extend(topic(
        "ledger.dead-letter",
        LETTERS,
        &partitions(12, 3, 3),
        &[
            ("min.insync.replicas", "2"),
            ("cleanup.policy", "compact"),
            ("max.message.bytes", "500000"),
        ],
    ));
    checks.extend(rights::of_topic(
        config,
        "ledger.dead-letter",
        LETTERS,
        Some(&[Operation::Write]),
    ));
    checks.extend(topic("shop", CONSUMED, &partitions(12, 3, 3), &[]));
    checks.extend(rights::of_topic(
        config,
        "shop",
        CONSUMED,
        Some(&[Operation::Read]),
    ));
    checks
}

fn event(config: &Config, name: &str, version: Option<(u32, u32)>, is_published: bool) -> Vec<Check> {
    let registered = Registered {
        event: name.to_owned(),
        subject: name.to_owned(),
        version,
        breaks: Vec::new(),
        unanswered: None,
        owner: None,
    };
    registry::judge(config, registered, is_published)
}

#[test]
fn a_report_has_this_shape_and_is_1_if_a_check_failed() {
    let report = report();
    assert_eq!(report.exit_code(), ExitCode::from(1));
    is_snapshot(
        "cluster/doctor/snapshots/doctor.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
    is_snapshot(
        "cluster/doctor/snapshots/doctor.txt",
        &screen::text(&report, Paint { colours: false }),
    );
}

#[test]
fn marks_are_coloured_on_a_terminal_only() {
    let report = report();
    let text = screen::text(&report, Paint { colours: true });
    for mark in ["\x1b[32m✓", "\x1b[33m!", "\x1b[31m✗"] {
        assert!(text.contains(mark), "{mark:?} is missing in {text}");
    }
    assert!(!screen::text(&report, Paint { colours: false }).contains('\x1b'));
}

#[test]
fn warnings_are_0_and_a_check_without_a_result_is_2() {
    let report = |checks| Report::new("Ledger", &config(), checks);
    let (warning, unchecked) = (about("a").warning("x", "y"), about("a").unchecked("x"));
    assert_eq!(
        report(vec![warning.clone(), unchecked]).exit_code(),
        ExitCode::SUCCESS
    );
    let unknown = about("a").unknown("x");
    assert_eq!(report(vec![warning, unknown]).exit_code(), ExitCode::from(2));
}

#[test]
fn every_failed_check_and_warning_has_a_remedy() {
    for check in report().checks {
        let needs = matches!(check.state, State::Warning | State::Unfit);
        assert_eq!(needs, check.remedy.is_some(), "{check:?}");
    }
}

#[test]
fn the_defaults_pass() {
    assert_eq!(settings::judge(&config(), &[]), []);
    let broker = settings(&[
        ("group.coordinator.rebalance.protocols", "classic,consumer"),
        ("group.min.session.timeout.ms", "6000"),
        ("group.max.session.timeout.ms", "1800000"),
        ("offset.metadata.max.bytes", "4096"),
        ("transaction.max.timeout.ms", "900000"),
    ]);
    for delivery in [Delivery::AtLeastOnce, Delivery::AtMostOnce, Delivery::ExactlyOnce] {
        let mut config = config();
        config.delivery = delivery;
        assert_eq!(states(&brokers::judge(&config, &broker)), [State::Fit]);
    }
}

/// Each with what is wrong in it.
#[test]
fn settings_that_make_each_other_useless_are_found() {
    let of = |change: &dyn Fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        let found: Vec<_> = settings::judge(&config, &[])
            .into_iter()
            .map(|check| {
                (
                    check.state,
                    check.found.split('`').nth(1).unwrap_or_default().to_owned(),
                )
            })
            .collect();
        found
    };
    let property = |name: &'static str, value: &'static str| {
        move |config: &mut Config| config.kafka.extend([(name.to_owned(), value.to_owned())])
    };
    assert_eq!(
        of(&|config| config.revoke_deadline = Duration::from_secs(300)),
        [(State::Unfit, "revoke_deadline".to_owned())]
    );
    assert_eq!(
        of(&property("session.timeout.ms", "6000")),
        [(State::Warning, "heartbeat.interval.ms".to_owned())]
    );
    assert_eq!(
        of(&property("producer.message.timeout.ms", "30000")),
        [(State::Warning, "producer.message.timeout.ms".to_owned())]
    );
    assert_eq!(
        of(&property("sasl.username", "ada")),
        [(State::Unfit, "sasl.username".to_owned())]
    );
    assert_eq!(
        of(&|config| config.max_unsettled = 10),
        [(State::Warning, "max_unsettled".to_owned())]
    );
    assert_eq!(
        of(&|config| config.retry.max_waiting_bytes = 1 << 30),
        [(State::Warning, "retry.max_waiting_bytes".to_owned())]
    );
    assert_eq!(
        of(&|config| config.retry.max_attempts = 0),
        [(State::Warning, "retry.max_attempts".to_owned())]
    );
}

#[test]
fn brokers_that_cannot_do_what_is_configured_are_found() {
    let mut config = config();
    let properties = [("group.protocol", "consumer"), ("session.timeout.ms", "1000")];
    config
        .kafka
        .extend(properties.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.delivery = Delivery::ExactlyOnce;
    let old = settings(&[
        ("inter.broker.protocol.version", "3.6-IV2"),
        ("group.min.session.timeout.ms", "6000"),
        ("offset.metadata.max.bytes", "1024"),
        ("transaction.max.timeout.ms", "30000"),
    ]);
    assert_eq!(states(&brokers::judge(&config, &old)), [State::Unfit; 4]);
    config.kafka = crate::config::KafkaProperties::default();
    config.delivery = Delivery::AtLeastOnce;
    assert_eq!(states(&brokers::judge(&config, &old)), [State::Unfit]);
    config.commit_ahead = false;
    let found = brokers::judge(&config, &old);
    assert_eq!(found[0].found, "Kafka 3.6-IV2, group protocols: classic");
}

#[test]
fn a_topic_that_is_written_must_have_the_replicas_it_requires() {
    let demands = |replicas, in_sync, min: &str| {
        states(&topic(
            "t",
            WRITTEN,
            &partitions(2, replicas, in_sync),
            &[("min.insync.replicas", min)],
        ))
    };
    assert_eq!(demands(3, 3, "2"), [State::Fit]);
    assert_eq!(demands(3, 2, "2"), [State::Fit]);
    assert_eq!(demands(3, 1, "2"), [State::Unfit]);
    assert_eq!(demands(1, 1, "2"), [State::Unfit]);
    assert_eq!(demands(3, 3, "3"), [State::Warning]);
    assert_eq!(demands(3, 3, "1"), [State::Warning]);
    assert_eq!(demands(1, 1, "1"), [State::Warning]);
    let mut without = partitions(1, 3, 3);
    without[0].has_leader = false;
    assert_eq!(states(&topic("t", CONSUMED, &without, &[])), [State::Unfit]);
}

#[test]
fn a_retry_topic_must_keep_its_records_until_they_are_due() {
    let retry = Use {
        consumed: true,
        delay: Some(Duration::from_secs(3_600)),
        ..WRITTEN
    };
    let kept = |settings: &[(&str, &str)]| states(&topic("t", retry, &partitions(1, 3, 3), settings));
    assert_eq!(kept(&[("retention.ms", "604800000")]), [State::Fit]);
    assert_eq!(kept(&[("retention.ms", "-1")]), [State::Fit]);
    assert_eq!(kept(&[("retention.ms", "3600000")]), [State::Unfit]);
    assert_eq!(kept(&[("cleanup.policy", "compact,delete")]), [State::Unfit]);
}

#[test]
fn a_clock_is_judged_only_by_a_certain_difference() {
    let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let of = |ahead: u64, took: u64| {
        let before = theirs + Duration::from_secs(ahead);
        clock::judge(Some(theirs), before, before + Duration::from_secs(took)).state
    };
    assert_eq!(of(0, 0), State::Fit);
    assert_eq!(of(6, 0), State::Fit, "a second of it may be the rounding");
    assert_eq!(of(7, 0), State::Warning);
    assert_eq!(of(3_700, 0), State::Unfit);
    let slow = theirs - Duration::from_secs(8);
    assert_eq!(
        clock::judge(Some(theirs), slow, slow + Duration::from_secs(4)).state,
        State::Fit
    );
    assert_eq!(clock::judge(Some(theirs), slow, slow).state, State::Warning);
    assert_eq!(clock::judge(None, theirs, theirs).state, State::Unchecked);
}

#[test]
fn a_published_event_must_be_registered_or_registered_by_run() {
    let mut config = config();
    assert_eq!(states(&event(&config, "a.b", None, true)), [State::Unfit]);
    assert_eq!(states(&event(&config, "a.b", None, false)), [State::Warning]);
    config.registry.register = true;
    assert_eq!(states(&event(&config, "a.b", None, true)), [State::Fit]);
    let broken = Registered {
        event: "a.b".to_owned(),
        subject: "a.b".to_owned(),
        version: None,
        breaks: vec!["one".to_owned(), "two".to_owned()],
        unanswered: None,
        owner: None,
    };
    assert_eq!(states(&registry::judge(&config, broken, true)), [State::Unfit; 2]);
    let unanswered = Registered {
        event: "a.b".to_owned(),
        subject: "a.b".to_owned(),
        version: None,
        breaks: Vec::new(),
        unanswered: Some("GET …: 403 Forbidden".to_owned()),
        owner: None,
    };
    assert_eq!(
        states(&registry::judge(&config, unanswered, true)),
        [State::Unknown]
    );
}

#[test]
fn an_event_of_another_owner_is_registered_by_its_owner() {
    let remedy = |owner: Option<&str>, is_published| {
        let registered = Registered {
            event: "a.b".to_owned(),
            subject: "a.b".to_owned(),
            version: None,
            breaks: Vec::new(),
            unanswered: None,
            owner: owner.map(str::to_owned),
        };
        let checks = registry::judge(&config(), registered, is_published);
        serde_json::to_value(&checks[0]).unwrap()["remedy"].to_string()
    };
    assert!(remedy(None, false).contains("the service that publishes it registers it"));
    assert!(remedy(Some("orders"), false).contains("its owner, `orders`, registers it"));
    assert!(remedy(Some("orders"), true).contains("`schema register a.b` does so from here"));
    assert!(remedy(None, true).contains("`schema register` registers it, or set"));
}

#[test]
fn a_published_event_without_a_topic_is_found() {
    let mut config = config();
    let error = &crate::publish::error_event::ERROR;
    assert_eq!(
        settings::unrouted(&config, error).map(|check| check.state),
        Some(State::Unfit)
    );
    config.publish.topic = Some("errors".to_owned());
    assert_eq!(settings::unrouted(&config, error), None);
}

#[test]
fn rights_that_are_missing_are_named_with_the_command_that_gives_them() {
    let mut config = config();
    config.on_failure = OnFailure::DeadLetter;
    config
        .kafka
        .extend([("sasl.username".to_owned(), "clerk".to_owned())]);
    let check = rights::of_topic(&config, "shop", CONSUMED, Some(&[Operation::Describe])).unwrap();
    assert_eq!(
        (check.found.as_str(), check.remedy.as_deref()),
        (
            "may not read",
            Some(
                "kafka-acls.sh --bootstrap-server kafka-1:9092 --add --allow-principal User:clerk --operation Read --topic shop"
            )
        )
    );
    assert_eq!(rights::of_topic(&config, "shop", CONSUMED, None), None);
}

/// It answers neither which rights we have nor how topics are set up.
#[cfg(feature = "dev")]
#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_broker_is_not_said_to_be_away_when_it_does_not_answer_all_questions() {
    let broker = crate::kafka::mock::MockBroker::start(1).unwrap();
    broker.create_topic("shop", 4).unwrap();
    let mut config = config();
    config.brokers = vec![broker.bootstrap_servers()];
    let purposes = |purpose: &str| vec![purpose.to_owned()];
    let used = [
        ("shop".to_owned(), purposes("consumed")),
        ("gone".to_owned(), purposes("an event")),
    ];
    let checks = cluster::check(&config, &used.into()).await;
    for check in &checks {
        assert!(!check.found.contains("reached"), "{check:?}");
    }
    let of = |kind: &str, subject: Option<&str>| {
        let is_it = |check: &&Check| check.check == kind && check.subject.as_deref() == subject;
        let check = checks
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {kind} in {checks:#?}"));
        (check.state, check.found.as_str())
    };
    assert_eq!(
        of("topic", Some("shop")),
        (State::Fit, "4 partitions, 1 replica (consumed)")
    );
    assert_eq!(of("topic", Some("gone")).0, State::Unknown);
    assert_eq!(of("rights", None).0, State::Unknown);
    assert_eq!(of("brokers", None).0, State::Unchecked);
}

#[test]
fn too_little_memory_for_prefetching_is_a_warning() {
    let config = Config::default();
    let judged = |limit| {
        let check = settings::memory(&config, 12, limit);
        (check.state, check.found)
    };
    let (state, found) = judged(None);
    assert_eq!(state, State::Fit);
    assert!(
        found.contains("all 12 consumed partitions: at most 26 MiB of records, 39 MiB if"),
        "{found}"
    );
    assert_eq!(judged(Some(1 << 30)).0, State::Fit);
    let (state, found) = judged(Some(100 << 20));
    assert_eq!(state, State::Warning);
    assert!(found.contains("no more than 100 MiB"), "{found}");
}
