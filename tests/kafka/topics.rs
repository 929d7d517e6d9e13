//! `topics plan` and `topics apply`: the cluster becomes as declared, without loss.

use anyhow::{Result, ensure};
use kaufmann_tests::rig::{Rig, Service, free_port};
use serde_json::{Value, json};

use crate::shop::Shop;

crate::tests![
    declared_topics_are_planned_and_applied_and_then_the_same,
    retention_shrinks_only_with_a_flag_and_partitions_never_do,
    topics_without_broker_or_sense_are_code_2,
    run_names_topics_apply_for_a_declared_topic_that_is_missing,
];

/// The exit code and the report of `topics …` with these declarations.
fn topics(shop: &Shop, declare: &str, arguments: &[&str]) -> Result<(i32, Value)> {
    let output = shop
        .command("topics", &[])
        .with_arguments_first(arguments)
        .with_file(declare)
        .with_arguments(&["--format", "json"])
        .output()?;
    ensure!(!output.stdout.is_empty(), "{output:?}");
    Ok((output.code, serde_json::from_str(&output.stdout)?))
}

fn topic<'r>(report: &'r Value, name: &str) -> &'r Value {
    let topics = report["topics"].as_array().into_iter().flatten();
    topics
        .into_iter()
        .find(|topic| topic["topic"] == name)
        .unwrap_or(&Value::Null)
}

fn declare(shop: &Shop, more: &str) -> String {
    format!(
        "[declare.\"{}\"]\npartitions = 3\n{more}\n[declare.\"{}\"]\ncleanup = \"compact\"\n",
        shop.topic, shop.replies
    )
}

fn declared_topics_are_planned_and_applied_and_then_the_same(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "declared")?;
    let declared = declare(&shop, "retention = \"7d\"\nmax_message_bytes = \"2MiB\"\n");

    let (code, plan) = topics(&shop, &declared, &["plan"])?;
    assert_eq!((code, &plan["verdict"]), (1, &json!("different")), "{plan}");
    assert_eq!(topic(&plan, &shop.topic)["state"], "create", "{plan}");
    assert!(
        shop.client.end_offsets(&shop.topic).is_err(),
        "a plan makes nothing"
    );

    let (code, applied) = topics(&shop, &declared, &["apply"])?;
    assert_eq!((code, &applied["verdict"]), (0, &json!("same")), "{applied}");
    assert_eq!(
        topic(&applied, &shop.dead_letters)["state"],
        "created",
        "{applied}"
    );
    assert_eq!(shop.client.end_offsets(&shop.topic)?.len(), 3);
    assert_eq!(
        shop.client.end_offsets(&shop.dead_letters)?.len(),
        3,
        "the dead letters follow"
    );

    let (code, again) = topics(&shop, &declared, &["plan"])?;
    assert_eq!(
        (code, &topic(&again, &shop.topic)["changes"]),
        (0, &json!([])),
        "{again}"
    );

    // Differences are applied, and other settings stay.
    let declared = declared
        .replace("partitions = 3", "partitions = 4")
        .replace("\"7d\"", "\"8d\"");
    let (code, applied) = topics(&shop, &declared, &["apply"])?;
    assert_eq!(
        (code, &topic(&applied, &shop.topic)["state"]),
        (0, &json!("altered")),
        "{applied}"
    );
    assert_eq!(shop.client.end_offsets(&shop.topic)?.len(), 4);
    let (_, again) = topics(&shop, &declare(&shop, "").replace("= 3", "= 4"), &["plan"])?;
    let notes = topic(&again, &shop.topic)["notes"].to_string();
    assert!(
        notes.contains("max.message.bytes = 2097152") && notes.contains("retention.ms = 691200000 (8days)"),
        "{notes}"
    );
    Ok(())
}

fn retention_shrinks_only_with_a_flag_and_partitions_never_do(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "shrunk")?;
    let declared = declare(&shop, "retention = \"7d\"\n");
    assert_eq!(topics(&shop, &declared, &["apply"])?.0, 0);

    let shorter = declare(&shop, "retention = \"1d\"\n");
    let (code, held) = topics(&shop, &shorter, &["apply"])?;
    assert_eq!(
        (code, &topic(&held, &shop.topic)["changes"][0]["kind"]),
        (1, &json!("loss")),
        "{held}"
    );
    assert_eq!(topics(&shop, &declared, &["plan"])?.0, 0, "nothing has changed");
    assert_eq!(topics(&shop, &shorter, &["apply", "--allow-loss"])?.0, 0);
    assert_eq!(topics(&shop, &shorter, &["plan"])?.0, 0);

    let fewer = shorter.replace("partitions = 3", "partitions = 2");
    let (code, refused) = topics(&shop, &fewer, &["apply", "--allow-loss"])?;
    let change = &topic(&refused, &shop.topic)["changes"][0];
    assert_eq!((code, &change["kind"]), (1, &json!("impossible")), "{refused}");
    Ok(())
}

fn topics_without_broker_or_sense_are_code_2(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "no-topics")?;
    let (code, missing) = topics(&shop, "", &["plan"])?;
    assert_eq!(
        (code, &topic(&missing, &shop.topic)["state"]),
        (1, &json!("missing")),
        "{missing}"
    );

    let nobody = format!("127.0.0.1:{}", free_port()?);
    let output = Service::bare("topics")
        .with_arguments(&["plan", "--brokers", &nobody])
        .output()?;
    assert!(
        output.code == 2
            && output
                .stderr
                .contains(&format!("no broker of `{nobody}` can be reached")),
        "{output:?}"
    );
    let output = Service::bare("topics")
        .with_file("[declare.shop]\npartition = 3\n")
        .with_arguments(&["plan", "--brokers", &nobody])
        .output()?;
    assert!(
        output.code == 2
            && output.stderr.contains(
                "kaufmann.toml:2:13: `declare.shop.partition` is unknown; did you mean `partitions`?"
            ),
        "{output:?}"
    );
    let output = Service::bare("topics")
        .with_arguments(&["apply", "--dev"])
        .output()?;
    assert!(
        output.code == 2 && output.stderr.contains("the broker of `dev` has no admin API"),
        "{output:?}"
    );
    Ok(())
}

fn run_names_topics_apply_for_a_declared_topic_that_is_missing(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "declared-run")?;
    shop.create_topics(&[&shop.topic, &shop.replies], 1)?;
    let mut service = shop.service().with_file(&declare(&shop, "")).start()?;
    service.wait_log(
        "it is declared, so `topics apply` creates it",
        crate::shop::DEADLINE,
    )?;
    service.stop_cleanly()
}
