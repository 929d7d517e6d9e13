use super::*;
use crate::base::error::ErrorKind;
use crate::cli::snapshot::is_snapshot;
use crate::kafka::admin::Setting;

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn wanted(partitions: i32, pairs: &[(&str, &str)]) -> Declared {
    Declared {
        partitions: Some(partitions),
        replication: Some(3),
        settings: settings(pairs),
    }
}

fn there(partitions: i32, pairs: &[(&str, &str)]) -> Actual {
    let own = |(name, value)| (name, Setting { value, own: true });
    Actual {
        partitions,
        replication: 3,
        settings: settings(pairs).into_iter().map(own).collect(),
    }
}

/// One topic of each kind.
fn plans() -> Vec<TopicPlan> {
    let declared = BTreeMap::from([
        (
            "confirmations".to_owned(),
            wanted(6, &[("cleanup.policy", "compact")]),
        ),
        (
            "ledger.dead-letter".to_owned(),
            wanted(12, &[("retention.ms", "2592000000")]),
        ),
        ("refunds".to_owned(), wanted(3, &[("retention.ms", "86400000")])),
        (
            "shop".to_owned(),
            wanted(12, &[("min.insync.replicas", "2"), ("retention.ms", "604800000")]),
        ),
    ]);
    let actual = BTreeMap::from([
        (
            "confirmations".to_owned(),
            there(6, &[("cleanup.policy", "compact"), ("segment.ms", "3600000")]),
        ),
        ("refunds".to_owned(), there(6, &[("retention.ms", "86400000")])),
        (
            "shop".to_owned(),
            there(6, &[("min.insync.replicas", "1"), ("retention.ms", "1209600000")]),
        ),
    ]);
    let used = |pairs: &[(&str, &str)]| {
        let own = |(topic, what): &(&str, &str)| ((*topic).to_owned(), vec![(*what).to_owned()]);
        pairs.iter().map(own).collect::<BTreeMap<_, _>>()
    };
    let used = used(&[
        ("shop", "consumed"),
        ("payments", "consumed"),
        ("confirmations", "shop.order_confirmed"),
        ("ledger.dead-letter", "dead letters"),
    ]);
    plan::plan(&declared, &used, &actual)
}

fn report(command: &'static str, plans: Vec<TopicPlan>) -> Report {
    Report::new(command, "Ledger", &["localhost:9092".to_owned()], plans)
}

fn screen(report: &Report) -> String {
    screen::text(report, Paint { colours: false })
}

#[test]
fn a_plan_has_this_shape_and_is_1_if_something_differs() {
    let report = report("plan", plans());
    assert_eq!(report.exit_code(), ExitCode::from(1));
    is_snapshot(
        "cluster/topics/snapshots/plan.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
    is_snapshot("cluster/topics/snapshots/plan.txt", &screen(&report));
}

#[test]
fn changes_that_were_made_and_changes_that_were_refused_are_marked() {
    let mut plans = plans();
    for plan in &mut plans {
        match plan.topic.as_str() {
            "ledger.dead-letter" => {
                assert!(note(plan, &Ok(()), |_| true));
                plan.state = State::Created;
            }
            "shop" => {
                let refused = Error::new(ErrorKind::Start, "the service's principal lacks `AlterConfigs`");
                assert!(note(plan, &Ok(()), |setting| setting == "partitions"));
                assert!(!note(plan, &Err(refused), |setting| setting == "min.insync.replicas"));
            }
            _ => {}
        }
    }
    let report = report("apply", plans);
    is_snapshot("cluster/topics/snapshots/apply.txt", &screen(&report));
    is_snapshot(
        "cluster/topics/snapshots/apply.json",
        &serde_json::to_string_pretty(&report).unwrap(),
    );
}

#[test]
fn a_cluster_that_is_as_declared_is_0() {
    let mut plans = plans();
    plans.retain(|plan| plan.topic == "confirmations");
    let report = report("plan", plans);
    assert_eq!(report.exit_code(), ExitCode::SUCCESS);
    assert!(
        screen(&report).ends_with("\nthe cluster is as declared"),
        "{}",
        screen(&report)
    );
}
