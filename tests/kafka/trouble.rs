//! Unavailable servers, missing topics, invalid settings.

use anyhow::{Context, Result};
use kaufmann_tests::rig::{Kafka, Rig, Service, free_port};
use rustix::process::Signal;

use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    ctrl_c_ends_a_service_whose_broker_is_down,
    a_service_waits_for_its_broker,
    a_missing_topic_is_named_with_a_remedy_and_used_once_it_exists,
    an_invalid_port_is_an_error_that_names_the_setting,
    an_invalid_registry_url_is_an_error_that_names_the_setting,
    a_schema_that_is_not_registered_fails_the_start,
    a_record_that_cannot_be_handled_is_logged_with_its_dead_letter_topic,
];

/// The exit code for a wrong configuration.
const CONFIGURATION: i32 = 78;

fn ctrl_c_ends_a_service_whose_broker_is_down(_: &Rig) -> Result<()> {
    let broker = format!("127.0.0.1:{}", free_port()?);
    let registry = format!("http://127.0.0.1:{}", free_port()?);
    let mut service = Service::run(&broker, "down", "down.shop", &registry).start()?;
    service.wait_log(&no_broker(&broker), DEADLINE)?;
    let status = service.stop(Signal::INT)?;
    assert_eq!(status.code(), Some(0), "{}", service.tail());
    Ok(())
}

fn a_service_waits_for_its_broker(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let mut kafka = Kafka::start()?;
    let shop = Shop::plan(&servers, &kafka, "later")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    kafka.stop()?;

    let mut service = shop.service().start()?;
    let complaint = no_broker(&kafka.brokers());
    service.wait_log(&complaint, DEADLINE)?;
    kafka.restart()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?, [order_id("ada", 0)]);
    // It tried more than once, and logged it once.
    let logs = service.logs();
    assert_eq!(
        logs.lines().filter(|line| line.contains(&complaint)).count(),
        1,
        "{logs}"
    );
    Ok(())
}

fn a_missing_topic_is_named_with_a_remedy_and_used_once_it_exists(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let shop = Shop::plan(&servers, &servers.kafka, "missing")?;
    shop.create_topics(&[&shop.replies, &shop.dead_letters], 1)?;
    let mut service = shop.service().start()?;
    service.wait_log("topic `missing.shop` does not exist", DEADLINE)?;
    service.wait_log("--create --topic missing.shop", DEADLINE)?;

    shop.create_topics(&[&shop.topic], 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    assert_eq!(shop.confirmed()?, [order_id("ada", 0)]);
    Ok(())
}

fn an_invalid_port_is_an_error_that_names_the_setting(_: &Rig) -> Result<()> {
    let mut service = Service::run("127.0.0.1:kafka", "port", "shop", "http://127.0.0.1:1").start()?;
    let status = service.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(CONFIGURATION), "{}", service.tail());
    let logs = service.logs();
    assert!(
        logs.contains("brokers") && logs.contains("127.0.0.1:kafka"),
        "{logs}"
    );
    Ok(())
}

fn an_invalid_registry_url_is_an_error_that_names_the_setting(_: &Rig) -> Result<()> {
    let mut service = Service::run("127.0.0.1:1", "url", "shop", "registry at home").start()?;
    let status = service.wait(DEADLINE)?;
    assert_eq!(status.code(), Some(CONFIGURATION), "{}", service.tail());
    let logs = service.logs();
    assert!(
        logs.contains("registry") && logs.contains("registry at home"),
        "{logs}"
    );
    Ok(())
}

/// The log line of a service that reaches no broker.
fn no_broker(broker: &str) -> String {
    format!("no broker of `{broker}` can be reached")
}

fn a_schema_that_is_not_registered_fails_the_start(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "unregistered", 1)?;
    let file = format!(
        "[registry]\nsubject = \"topic\"\n\n[publish.topics]\n\"shop.order_confirmed\" = \"{}\"\n",
        shop.replies
    );
    let servers = &shop.servers;
    let (brokers, registry) = (servers.kafka.brokers(), servers.registry.url());
    for (command, arguments) in [("run", &[][..]), ("replay", &["--from", "beginning"])] {
        let output = Service::command(command, &brokers, &shop.group, &shop.topic, &registry)
            .with_file(&file)
            .with_arguments(arguments)
            .output()?;
        assert_eq!(output.code, 69, "{command}: {output:?}");
        assert!(
            output.stderr.contains("could not start")
                && output.stderr.contains("unregistered.confirmations-value"),
            "{output:?}"
        );
    }
    Ok(())
}

fn a_record_that_cannot_be_handled_is_logged_with_its_dead_letter_topic(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "lettered", 1)?;
    shop.produce(&[shop.placed("ada", -2_000)?, shop.placed("bob", 1)?])?;
    let mut service = shop.service().start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    service.stop_cleanly()?;
    let logs = service.logs();
    let line = logs.lines().find(|line| line.contains("\"dead-lettered\""));
    let line = line.with_context(|| logs.clone())?;
    assert!(
        line.contains("\"topic\":\"lettered.dead-letter\"")
            && line.contains("\"record\":\"lettered.shop/0@0\""),
        "{line}"
    );
    Ok(())
}
