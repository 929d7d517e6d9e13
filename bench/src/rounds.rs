//! Rounds over all contenders: each in a process of its own, in another order each time.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_checks::{Kind, Report, due_in};
use kaufmann_tests::rig::{Client, Kafka};
use serde::Serialize;

use crate::arguments::Run;
use crate::workload::{self, Extent, Workload};
use crate::{fill, peers, registry, table};

/// A contender and how it is started.
pub(crate) struct Contender {
    pub(crate) name: String,
    program: Vec<String>,
}

/// All runs of one contender over one workload.
#[derive(Serialize)]
pub(crate) struct Runs {
    pub(crate) contender: String,
    pub(crate) runs: Vec<Report>,
}

/// All runs of one workload.
#[derive(Serialize)]
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) contenders: Vec<Runs>,
}

/// The servers that everyone uses.
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
        eprintln!("{name}: filling");
        self.client.create_topic(name, workload.partitions, &[])?;
        if matches!(workload.kind, Kind::Reply | Kind::Publish) {
            self.client
                .create_topic(&reply_topic(workload), workload.partitions, &[])?;
        }
        fill::fill(&self.kafka.brokers(), workload)
    }

    /// Runs a contender once. `group` must not have been used.
    pub(crate) fn contend(&self, contender: &Contender, workload: &Workload, group: &str) -> Result<Report> {
        let failed = || format!("{} failed over {}", contender.name, workload.name);
        self.start_contender(contender, workload, group)
            .with_context(failed)
    }

    fn start_contender(&self, contender: &Contender, workload: &Workload, group: &str) -> Result<Report> {
        let mut arguments = self.arguments(workload, group);
        if workload.kind != Kind::Live {
            return report(start(contender, &arguments)?);
        }
        // A topic of its own, written while it is read.
        let topic = format!("{}-{group}", workload.name);
        self.client.create_topic(&topic, workload.partitions, &[])?;
        let origin = due_in(Duration::from_secs(1));
        arguments.extend(["--topic", &topic, "--origin", &origin.to_string()].map(str::to_owned));
        let child = start(contender, &arguments)?;
        let filled = fill::fill_live(&self.kafka.brokers(), &topic, workload, origin);
        let report = report(child);
        filled.and(report)
    }

    /// What every contender is told.
    fn arguments(&self, workload: &Workload, group: &str) -> Vec<String> {
        let kind = match workload.kind {
            Kind::Drain => "drain",
            Kind::Sleep => "sleep",
            Kind::Cpu => "cpu",
            Kind::Slow => "slow",
            Kind::Live => "live",
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
        if matches!(workload.kind, Kind::Reply | Kind::Publish) {
            arguments.push(("--reply-topic", reply_topic(workload)));
            arguments.push(("--outstanding", workload.outstanding.to_string()));
            arguments.push(("--linger", workload.linger.to_string()));
        }
        let flat = arguments.into_iter();
        flat.flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

fn start(contender: &Contender, arguments: &[String]) -> Result<Child> {
    let program = contender.program.split_first();
    let (program, first) = program.context("a contender without a program")?;
    Command::new(program)
        .args(first)
        .args(arguments)
        // A failure is shown without the frames of the process.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))
}

/// Waits for the end.
fn report(child: Child) -> Result<Report> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("it ended with {}:\n{said}", output.status);
    }
    let line = text.lines().last().context("it printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("it printed no report: {line}"))
}

fn reply_topic(workload: &Workload) -> String {
    format!("{}-replies", workload.name)
}

/// Measures, prints the tables and writes the file.
pub(crate) fn run(run: &Run, extent: Extent, default_rounds: usize) -> Result<()> {
    let rounds = run.rounds.unwrap_or(default_rounds).max(1);
    let chosen = workloads(run, extent);
    ensure!(!chosen.is_empty(), "no workload is called so");
    let mut builds = Builds::default();
    let servers = Servers::start()?;
    let (mut all, mut shown) = (Vec::new(), 0);
    for (index, workload) in chosen.iter().enumerate() {
        let contenders = builds.contenders(run, extent, workload)?;
        if !contenders.is_empty() {
            all.push(measure(&servers, &contenders, workload, rounds)?);
        }
        let more = chosen
            .get(index + 1)
            .is_some_and(|next| next.table == workload.table);
        if all.len() > shown && !(more && workload.table.is_shared()) {
            println!("{}", table::of(&all[shown..], rounds));
            shown = all.len();
        }
        // What was measured is there even if a later one fails.
        write(run, rounds, &all)?;
    }
    eprintln!("the figures are in {}", run.out.display());
    Ok(())
}

fn write(run: &Run, rounds: usize, all: &[Measured]) -> Result<()> {
    let file = serde_json::json!({ "rounds": rounds, "workloads": all });
    std::fs::write(&run.out, serde_json::to_string_pretty(&file)?)
        .with_context(|| format!("cannot write {}", run.out.display()))
}

/// Keeps a broker with filled topics until standard input ends.
pub(crate) fn serve(run: &Run) -> Result<()> {
    let servers = Servers::start()?;
    for workload in workloads(run, Extent::Full) {
        servers.prepare(&workload)?;
        let line = servers.arguments(&workload, "NEW").join(" ");
        println!("bench contend NAME {line}");
    }
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn workloads(run: &Run, extent: Extent) -> Vec<Workload> {
    let extent = if run.all { Extent::All } else { extent };
    // What is asked for by its name is not left out for its size.
    let extent = if run.workload.is_empty() {
        extent
    } else {
        Extent::All
    };
    let mut all = workload::all(run.records, extent);
    all.retain(|workload| {
        let named = |name: &String| workload.name.starts_with(name.as_str());
        run.workload.is_empty() || run.workload.iter().any(named)
    });
    all
}

fn measure(
    servers: &Servers,
    contenders: &[Contender],
    workload: &Workload,
    rounds: usize,
) -> Result<Measured> {
    servers.prepare(workload)?;
    let mut results: Vec<Runs> = contenders
        .iter()
        .map(|contender| Runs {
            contender: contender.name.clone(),
            runs: Vec::new(),
        })
        .collect();
    // The first run finds the topic on its way to the disk and every cache cold: it does not count.
    servers.contend(&contenders[0], workload, "warm-up")?;
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            let contender = &contenders[index];
            let report = servers.contend(contender, workload, &format!("{}-{round}", contender.name))?;
            eprintln!(
                "{} {}/{rounds} {}: {:.3} s",
                workload.name,
                round + 1,
                contender.name,
                report.elapsed_s
            );
            results[index].runs.push(report);
        }
    }
    Ok(Measured {
        workload: workload.clone(),
        contenders: results,
    })
}

/// One that this program plays itself.
pub(crate) fn own(name: &str) -> Result<Contender> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    Ok(Contender {
        name: name.to_owned(),
        program: vec![own, "contend".to_owned(), name.to_owned()],
    })
}

/// The peers that were built, and those that cannot be.
#[derive(Default)]
struct Builds(std::collections::BTreeMap<&'static str, Option<Vec<String>>>);

impl Builds {
    fn contenders(&mut self, run: &Run, extent: Extent, workload: &Workload) -> Result<Vec<Contender>> {
        let wanted = |name: &str| match run.contender.is_empty() {
            true => !peers::is_peer(name) || (extent > Extent::Quick && !run.no_peers),
            false => run.contender.iter().any(|wanted| wanted == name),
        };
        let mut all = Vec::new();
        for &name in workload.contenders.iter().filter(|name| wanted(name)) {
            if !peers::is_peer(name) {
                all.push(own(name)?);
            } else if let Some(program) = self.peer(name) {
                let (name, program) = (name.to_owned(), program.clone());
                all.push(Contender { name, program });
            }
        }
        for with in &run.with {
            let (name, command) = with.split_once('=').context("`--with` wants NAME=COMMAND")?;
            let program: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            ensure!(!program.is_empty(), "`--with {with}` names no program");
            let name = name.to_owned();
            all.push(Contender { name, program });
        }
        Ok(all)
    }

    fn peer(&mut self, name: &'static str) -> Option<&Vec<String>> {
        let built = self.0.entry(name).or_insert_with(|| {
            eprintln!("building {name}");
            peers::program(name)
                .inspect_err(|error| eprintln!("WITHOUT {name}: {error:#}"))
                .ok()
        });
        built.as_ref()
    }
}
