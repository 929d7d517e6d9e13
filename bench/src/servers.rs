//! The servers that all contenders share, Apache Kafka and a registry, and the arguments that a contender gets.

use std::time::Duration;

use anyhow::{Context, Result};
use bench_checks::{Kind, Report, due_in};
use kaufmann_tests::rig::{Client, Kafka};

use crate::entrants::Contender;
use crate::process::Process;
use crate::workload::Workload;
use crate::{fill, registry};

/// The servers that all contenders share.
pub(crate) struct Servers {
    kafka: Kafka,
    client: Client,
    registry: String,
}

impl Servers {
    pub(crate) fn start() -> Result<Self> {
        eprintln!("starting Apache Kafka");
        let kafka = Kafka::start()?;
        let client = kafka.client()?;
        Ok(Self {
            kafka,
            client,
            registry: registry::serve()?,
        })
    }

    /// Makes a workload's topics and fills them.
    pub(crate) fn prepare(&self, workload: &Workload) -> Result<()> {
        let name = &workload.name;
        if workload.kind == Kind::Live {
            return Ok(());
        }
        self.client.create_topic(name, workload.partitions, &[])?;
        if matches!(workload.kind, Kind::Reply | Kind::Publish) {
            self.client
                .create_topic(&reply_topic(workload), workload.partitions, &[])?;
        }
        fill::fill(&self.kafka.brokers(), workload)
    }

    /// Runs a contender once. `group` must not have been used.
    pub(crate) fn contend(&self, contender: &Contender, workload: &Workload, group: &str) -> Result<Report> {
        let report = match workload.kind {
            Kind::Live => self.contend_live(contender, workload, group),
            _ => self.contend_filled(contender, workload, group),
        };
        report.with_context(|| format!("{} failed over {}", contender.name, workload.name))
    }

    fn contend_filled(&self, contender: &Contender, workload: &Workload, group: &str) -> Result<Report> {
        let mut arguments = self.arguments(workload, group);
        if workload.kind == Kind::Window {
            arguments.extend(["--origin".to_owned(), due_in(Duration::ZERO).to_string()]);
        }
        let instances: Vec<Process> = (0..workload.instances)
            .map(|_| Process::start(contender, &arguments))
            .collect::<Result<_>>()?;
        let reports: Vec<Report> = instances
            .into_iter()
            .map(Process::report)
            .collect::<Result<_>>()?;
        let together = reports.into_iter().reduce(|all, one| all.together(&one));
        together.context("the workload has no instance")
    }

    /// Uses a topic of its own, which is written while it is read.
    fn contend_live(&self, contender: &Contender, workload: &Workload, group: &str) -> Result<Report> {
        let topic = format!("{}-{group}", workload.name);
        self.client.create_topic(&topic, workload.partitions, &[])?;
        let origin = due_in(Duration::from_secs(1));
        let mut arguments = self.arguments(workload, group);
        arguments.extend(["--topic", &topic, "--origin", &origin.to_string()].map(str::to_owned));
        let process = Process::start(contender, &arguments)?;
        let filled = fill::fill_live(&self.kafka.brokers(), &topic, workload, origin);
        let report = process.report();
        filled.and(report)
    }

    /// The arguments that every contender gets.
    pub(crate) fn arguments(&self, workload: &Workload, group: &str) -> Vec<String> {
        let kind = match workload.kind {
            Kind::Drain => "drain",
            Kind::Sleep => "sleep",
            Kind::Cpu => "cpu",
            Kind::Slow => "slow",
            Kind::Live => "live",
            Kind::Window => "window",
            Kind::Reply => "reply",
            Kind::Publish => "publish",
        };
        let mut arguments = vec![
            ("--brokers", self.kafka.brokers()),
            ("--registry", self.registry.clone()),
            ("--group", format!("{}-{group}", workload.name)),
            ("--kind", kind.to_owned()),
            ("--records", workload.records.to_string()),
            ("--keys", workload.keys.to_string()),
            ("--partitions", workload.partitions.to_string()),
            ("--in-flight", workload.in_flight.to_string()),
            ("--work", workload.work.to_string()),
            ("--handlers", workload.handlers.to_string()),
        ];
        match workload.kind {
            Kind::Live => arguments.push(("--rate", workload.rate.to_string())),
            _ => arguments.push(("--topic", workload.name.clone())),
        }
        if matches!(workload.kind, Kind::Live | Kind::Window) {
            arguments.push(("--warm-up", workload.warm_up.to_string()));
            arguments.push(("--seconds", workload.seconds.to_string()));
        }
        if matches!(workload.kind, Kind::Reply | Kind::Publish) {
            arguments.push(("--reply-topic", reply_topic(workload)));
            arguments.push(("--outstanding", workload.outstanding.to_string()));
            arguments.push(("--linger", workload.linger.to_string()));
        }
        let flat = arguments.into_iter();
        flat.flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

fn reply_topic(workload: &Workload) -> String {
    format!("{}-replies", workload.name)
}
