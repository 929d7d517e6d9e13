//! `doctor`: it reports what fits and what does not, and checks the rest if a server is unavailable.

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Kafka, PASSWORD, Rig, Service, free_port};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::shop::Shop;

crate::tests![
    doctor_reports_what_fits_and_a_missing_topic,
    doctor_without_broker_or_registry_checks_the_rest,
    doctor_finds_missing_rights,
    doctor_finds_a_broker_whose_advertised_address_is_unreachable,
    doctor_ends_at_ctrl_c_while_no_server_answers,
    doctor_without_sense_is_code_2,
];

/// The exit code and the report.
fn doctor(service: &Service) -> Result<(i32, Value)> {
    let output = service.clone().with_arguments(&["--format", "json"]).output()?;
    let report = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.code, report))
}

/// State, finding and remedy of a check.
fn check<'r>(report: &'r Value, kind: &str, subject: Option<&str>) -> Result<(&'r str, &'r str, &'r str)> {
    let checks = report["checks"].as_array().into_iter().flatten();
    let found = checks
        .into_iter()
        .find(|check| check["check"] == kind && check["subject"] == json!(subject));
    let found = found.with_context(|| format!("no {kind} {subject:?} in {report:#}"))?;
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    Ok((text("state"), text("found"), text("remedy")))
}

fn state<'r>(report: &'r Value, kind: &str, subject: Option<&str>) -> Result<&'r str> {
    Ok(check(report, kind, subject)?.0)
}

fn doctor_reports_what_fits_and_a_missing_topic(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "doctor", 2)?;
    let (code, report) = doctor(&shop.command("doctor", &[]))?;
    ensure!(code == 0 && report["verdict"] == "fit", "{report:#}");
    for (kind, subject) in [
        ("settings", None),
        ("open-files", None),
        ("cluster", None),
        ("brokers", None),
        ("topic", Some(shop.topic.as_str())),
        ("topic", Some(&shop.dead_letters)),
        ("topic", Some(&shop.replies)),
        ("group", Some(&shop.group)),
        ("registry", None),
        ("event", Some("shop.order_confirmed")),
    ] {
        ensure!(state(&report, kind, subject)? == "fit", "{kind}: {report:#}");
    }
    let rights = format!("topic {}", shop.topic);
    assert_eq!(
        check(&report, "rights", Some(&rights))?.1,
        "may read",
        "{report:#}"
    );
    let (_, found, _) = check(&report, "topic", Some(&shop.topic))?;
    assert_eq!(found, "2 partitions, 1 replica (consumed)");

    // The same as text.
    let output = shop.command("doctor", &[]).output()?;
    ensure!(
        output.code == 0 && output.stdout.contains("\nno check failed") && output.stderr.is_empty(),
        "{output:?}"
    );

    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "doctor-missing")?;
    shop.create_topics(&[&shop.topic, &shop.replies], 1)?;
    let (code, report) = doctor(&shop.command("doctor", &[]))?;
    let (state, found, remedy) = check(&report, "topic", Some(&shop.dead_letters))?;
    ensure!(
        (code, state, found) == (1, "unfit", "does not exist (dead letters)"),
        "{report:#}"
    );
    ensure!(
        remedy.contains("[declare.\"doctor-missing.dead-letter\"]"),
        "{remedy}"
    );

    // A compacted dead-letter topic.
    shop.client
        .create_topic(&shop.dead_letters, 1, &[("cleanup.policy", "compact")])?;
    let (code, report) = doctor(&shop.command("doctor", &[]))?;
    let (state, found, _) = check(&report, "topic", Some(&shop.dead_letters))?;
    ensure!(
        code == 1 && state == "unfit" && found.contains("compact"),
        "{report:#}"
    );
    Ok(())
}

fn doctor_without_broker_or_registry_checks_the_rest(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "doctor-alone", 1)?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let registry = shop.servers.registry.url();
    let blind =
        Service::command("doctor", &nobody, &shop.group, &shop.topic, &registry).with_file(&shop.file());
    let (code, report) = doctor(&blind)?;
    let (state_of_broker, found, remedy) = check(&report, "broker", Some(&nobody))?;
    ensure!(
        code == 1 && state_of_broker == "unfit" && found == "cannot be reached: the connection is refused",
        "{report:#}"
    );
    ensure!(remedy.contains("check `brokers`"), "{remedy}");
    ensure!(state(&report, "cluster", None)? == "unknown", "{report:#}");
    ensure!(state(&report, "registry", None)? == "fit", "{report:#}");
    ensure!(
        state(&report, "event", Some("shop.order_confirmed"))? == "fit",
        "{report:#}"
    );

    let deaf = Service::command(
        "doctor",
        &shop.servers.kafka.brokers(),
        &shop.group,
        &shop.topic,
        &format!("http://{nobody}"),
    )
    .with_file(&shop.file());
    let (code, report) = doctor(&deaf)?;
    let (state_of_registry, found, remedy) = check(&report, "registry", None)?;
    ensure!(
        code == 1 && state_of_registry == "unfit" && found.contains("refused") && !remedy.is_empty(),
        "{report:#}"
    );
    ensure!(state(&report, "events", None)? == "unknown", "{report:#}");
    ensure!(state(&report, "topic", Some(&shop.topic))? == "fit", "{report:#}");
    Ok(())
}

fn doctor_finds_missing_rights(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let kafka = rig.guarded()?;
    let shop = Shop::plan(&servers, &kafka, "doctor-rights")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    let allow = |operations, kind, name: &str| {
        servers
            .foreign
            .allow(&kafka.brokers(), "clerk", operations, kind, name)
    };
    allow("READ", "TOPIC", &shop.topic)?;
    allow("DESCRIBE", "TOPIC", &shop.replies)?;
    let as_clerk = shop.as_user("doctor", &kafka, "clerk", PASSWORD)?;
    let (code, report) = doctor(&as_clerk)?;
    ensure!(code == 1, "{report:#}");
    let rights = |name: &str| check(&report, "rights", Some(name));
    assert_eq!(rights("topic doctor-rights.shop")?.0, "fit", "{report:#}");
    let (state_of_replies, found, remedy) = rights("topic doctor-rights.confirmations")?;
    assert_eq!(
        (state_of_replies, found),
        ("unfit", "may not write"),
        "{report:#}"
    );
    ensure!(
        remedy.contains("--allow-principal User:clerk --operation Write --topic doctor-rights.confirmations"),
        "{remedy}"
    );
    let (state_of_letters, found, remedy) = check(&report, "topic", Some(&shop.dead_letters))?;
    ensure!(
        state_of_letters == "unfit"
            && found.contains("may not see it")
            && remedy.contains("--operation Write"),
        "{report:#}"
    );
    let (state_of_group, _, remedy) = check(&report, "group", Some(&shop.group))?;
    ensure!(
        state_of_group == "unfit" && remedy.contains("--operation Read --group doctor-rights"),
        "{report:#}"
    );

    allow("READ", "GROUP", &shop.group)?;
    allow("WRITE", "TOPIC", &shop.replies)?;
    allow("WRITE", "TOPIC", &shop.dead_letters)?;
    let (code, report) = doctor(&as_clerk)?;
    ensure!(code == 0, "{report:#}");

    let (code, report) = doctor(&shop.as_user("doctor", &kafka, "clerk", "wrong")?)?;
    let (state_of_cluster, found, _) = check(&report, "cluster", None)?;
    ensure!(
        code == 1 && state_of_cluster == "unfit" && found.contains("authentication with the broker failed"),
        "{report:#}"
    );
    Ok(())
}

fn doctor_finds_a_broker_whose_advertised_address_is_unreachable(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let kafka: &Kafka = &*rig.guarded()?;
    let registry = servers.registry.url();
    let trapped = Service::command("doctor", &kafka.trap()?, "trap", "trap.shop", &registry);
    let (code, report) = doctor(&trapped)?;
    ensure!(
        state(&report, "broker", Some(&kafka.trap()?))? == "fit",
        "{report:#}"
    );
    let (state_of_broker, found, remedy) = check(&report, "broker", Some("1"))?;
    ensure!(
        code == 1 && state_of_broker == "unfit" && found.contains("advertises 127.0.0.1:1,"),
        "{report:#}"
    );
    ensure!(remedy.contains("`advertised.listeners`"), "{remedy}");
    ensure!(state(&report, "registry", None)? == "fit", "{report:#}");
    Ok(())
}

fn doctor_ends_at_ctrl_c_while_no_server_answers(_: &Rig) -> Result<()> {
    // Accepts connections, and never answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = deaf.local_addr()?.to_string();
    let mut running = Service::command(
        "doctor",
        &address,
        "deaf",
        "deaf.shop",
        &format!("http://{address}"),
    )
    .start()?;
    // It listens for signals before it connects.
    deaf.accept()?;
    let status = running.stop(Signal::INT)?;
    ensure!(status.code() == Some(130), "{status}: {}", running.tail());
    ensure!(running.printed().is_empty(), "{}", running.printed());
    Ok(())
}

fn doctor_without_sense_is_code_2(_: &Rig) -> Result<()> {
    let says = |service: Service, text: &str| -> Result<()> {
        let output = service.output()?;
        ensure!(output.code == 2 && output.stderr.contains(text), "{output:?}");
        Ok(())
    };
    says(
        Service::bare("doctor").with_arguments(&["--format", "xml"]),
        "xml",
    )?;
    says(
        Service::bare("doctor").with_arguments(&["--brokers", "a b"]),
        "`brokers` has `a b`",
    )?;
    says(
        Service::bare("doctor").with_arguments(&["--dev"]),
        "`dev` creates broker, topics and registry itself",
    )?;
    let (code, report) = doctor(&Service::bare("doctor"))?;
    let (state, found, remedy) = check(&report, "settings", None)?;
    ensure!(code == 1 && state == "unfit", "{report:#}");
    ensure!(
        found.contains("no brokers are configured") && remedy.contains("set `brokers ="),
        "{report:#}"
    );
    Ok(())
}
