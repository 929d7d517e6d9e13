//! `delivery = "at_most_once"` under SIGKILL: a service that records the beginning and end of each handler.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaufmann::config::Delivery;
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Failure, Handle, Runtime, handler, service};
use kaufmann_tests::rig::process::Process;
use kaufmann_tests::rig::{Record, Rig, wait_until};

use crate::shop::DEADLINE;

crate::tests![
    a_service_that_is_killed_while_it_works_handles_no_event_twice_and_loses_no_more_than_was_in_flight
];

/// Set to the brokers' addresses in the service's process.
const BROKERS: &str = "KAUFMANN_TEST_ONCE";
const NAME: &str = "once";
const PARTITIONS: i32 = 4;
const EVENTS: usize = 2_000;
const IN_FLIGHT: usize = 20;
const KILLS: usize = 3;
/// The minimum number of events that begin before each kill.
const LIFE: usize = 200;

/// One write for each line: it is in the file when the handler continues, even if the process is killed.
fn note(what: &str, record: &kaufmann::Record) -> Result<(), Failure> {
    let line = format!("{what} {record}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}

#[handler(catch_all)]
async fn once(record: kaufmann::Record) -> Result<(), Failure> {
    note("begun", &record)?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    note("done", &record)
}

service! {
    struct Once {
        state: (),
        handlers: [once],
    }
}

/// Whether this process is the service.
pub(crate) fn is_service() -> bool {
    std::env::var_os(BROKERS).is_some()
}

/// The service, until it is killed or its standard input ends.
pub(crate) fn serve() -> Result<ExitCode> {
    let mut config = Config::default();
    config.brokers = vec![std::env::var(BROKERS)?];
    config.group = NAME.to_owned();
    config.topics = vec![NAME.to_owned()];
    config.delivery = Delivery::AtMostOnce;
    config.max_in_flight = IN_FLIGHT;
    // A restarted member gets its partitions at once.
    for (property, value) in [("group.instance.id", "a"), ("session.timeout.ms", "60000")] {
        config.kafka.insert(property.to_owned(), value.to_owned());
    }
    let handle = Handle::new();
    let drained = handle.clone();
    std::thread::spawn(move || {
        // A read error also counts as the end.
        let _ = std::io::stdin().read_line(&mut String::new());
        drained.drain();
    });
    let service = Runtime::<Once>::builder(())
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .publisher(MemoryPublisher::new())
        .registry(EmbeddedRegistry::new())
        .handle(&handle)
        .run(std::future::pending());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(service)?;
    Ok(ExitCode::SUCCESS)
}

/// What earlier processes and this one have written.
#[derive(Default)]
struct Notes {
    begun: Vec<String>,
    done: BTreeSet<String>,
}

impl Notes {
    fn add(&mut self, text: &str) {
        for line in text.lines() {
            if let Some(record) = line.strip_prefix("begun ") {
                self.begun.push(record.to_owned());
            } else if let Some(record) = line.strip_prefix("done ") {
                self.done.insert(record.to_owned());
            }
        }
    }
}

fn a_service_that_is_killed_while_it_works_handles_no_event_twice_and_loses_no_more_than_was_in_flight(
    rig: &Rig,
) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic(NAME, PARTITIONS, &[])?;
    let records: Vec<_> = (0..EVENTS)
        .map(|number| Record {
            partition: -1,
            ..Record::new(Some(&format!("key-{}", number % 100)), None)
        })
        .collect();
    client.produce(NAME, &records)?;

    let mut notes = Notes::default();
    for life in 0..=KILLS {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .env(BROKERS, servers.kafka.brokers())
            .stdin(Stdio::piped());
        let mut service = Process::spawn("once", &mut command, &folder)?;
        if life < KILLS {
            wait_until("events should be begun", DEADLINE, || {
                ensure!(service.exited()?.is_none(), "{}", service.tail());
                Ok((service.stdout().matches("begun").count() >= LIFE).then_some(()))
            })?;
            service.kill();
        } else {
            let committed = client.wait_committed(NAME, NAME, DEADLINE);
            committed.with_context(|| service.tail())?;
            // It drains, so all committed records are done.
            drop(service.take_stdin());
            let status = service.wait(DEADLINE)?;
            ensure!(status.success(), "{}", service.tail());
        }
        notes.add(&service.stdout());
    }

    let distinct: BTreeSet<_> = notes.begun.iter().cloned().collect();
    assert_eq!(distinct.len(), notes.begun.len(), "an event was begun twice");
    let lost = EVENTS - notes.done.len();
    assert!(lost <= KILLS * IN_FLIGHT, "{lost} events were lost");
    Ok(())
}
