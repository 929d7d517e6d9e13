//! Rounds over all contenders: each in a process of its own, in another order each time.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use kaufmann_tests::rig::{Client, Kafka};
use serde::Serialize;

use crate::arguments::Run;
use crate::checks::Report;
use crate::workload::{self, Workload};
use crate::{fill, table};

/// A contender and how it is started.
struct Contender {
    name: String,
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

/// Measures, prints the tables and writes the file.
pub(crate) fn run(run: &Run, default_rounds: usize) -> Result<()> {
    let rounds = run.rounds.unwrap_or(default_rounds).max(1);
    eprintln!("starting Apache Kafka");
    let kafka = Kafka::start()?;
    let client = kafka.client()?;
    let mut all = Vec::new();
    for workload in workloads(run) {
        let measured = measure(run, rounds, workload, &kafka.brokers(), &client)?;
        println!("{}", table::of(&measured, rounds));
        all.push(measured);
    }
    ensure!(!all.is_empty(), "no workload is called so");
    let file =
        serde_json::json!({ "rounds": rounds, "payload_bytes": fill::payload_bytes(), "workloads": all });
    std::fs::write(&run.out, serde_json::to_string_pretty(&file)?)
        .with_context(|| format!("cannot write {}", run.out.display()))?;
    eprintln!("the figures are in {}", run.out.display());
    Ok(())
}

/// Keeps a broker with filled topics until standard input ends.
pub(crate) fn serve(run: &Run) -> Result<()> {
    let kafka = Kafka::start()?;
    let client = kafka.client()?;
    for workload in workloads(run) {
        prepare(&workload, &kafka.brokers(), &client)?;
        let line = arguments(&workload, &kafka.brokers(), "NEW").join(" ");
        println!("bench contend NAME {line}");
    }
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn workloads(run: &Run) -> impl Iterator<Item = Workload> {
    workload::all(run.records).into_iter().filter(|workload| {
        run.workload.is_empty()
            || run
                .workload
                .iter()
                .any(|name| workload.name.starts_with(name.as_str()))
    })
}

fn prepare(workload: &Workload, brokers: &str, client: &Client) -> Result<()> {
    eprintln!("{}: filling {} records", workload.name, workload.records);
    client.create_topic(workload.name, workload.partitions, &[])?;
    fill::fill(brokers, workload.name, workload)
}

fn measure(run: &Run, rounds: usize, workload: Workload, brokers: &str, client: &Client) -> Result<Measured> {
    let topic = workload.name;
    prepare(&workload, brokers, client)?;

    let contenders = contenders(run, &workload)?;
    let mut results: Vec<Runs> = contenders
        .iter()
        .map(|contender| Runs {
            contender: contender.name.clone(),
            runs: Vec::new(),
        })
        .collect();
    // The first run finds the topic on its way to the disk and every cache cold: it does not count.
    contend(&contenders[0], &workload, brokers, "warm-up")?;
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            let contender = &contenders[index];
            let report = contend(
                contender,
                &workload,
                brokers,
                &format!("{}-{round}", contender.name),
            )
            .with_context(|| format!("{} failed", contender.name))?;
            eprintln!(
                "{topic} {}/{rounds} {}: {:.3} s",
                round + 1,
                contender.name,
                report.elapsed_s
            );
            results[index].runs.push(report);
        }
    }
    Ok(Measured {
        workload,
        contenders: results,
    })
}

fn contenders(run: &Run, workload: &Workload) -> Result<Vec<Contender>> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let wanted = |name: &str| run.contender.is_empty() || run.contender.iter().any(|w| w == name);
    let mut all: Vec<Contender> = workload
        .contenders
        .iter()
        .filter(|name| wanted(name))
        .map(|name| Contender {
            name: (*name).to_owned(),
            program: vec![own.clone(), "contend".to_owned(), (*name).to_owned()],
        })
        .collect();
    for with in &run.with {
        let (name, command) = with.split_once('=').context("`--with` wants NAME=COMMAND")?;
        let program: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        ensure!(!program.is_empty(), "`--with {with}` names no program");
        all.push(Contender {
            name: name.to_owned(),
            program,
        });
    }
    ensure!(!all.is_empty(), "no contender is called so");
    Ok(all)
}

fn contend(contender: &Contender, workload: &Workload, brokers: &str, group: &str) -> Result<Report> {
    let (program, first) = contender
        .program
        .split_first()
        .context("a contender without a program")?;
    let output = Command::new(program)
        .args(first)
        .args(arguments(workload, brokers, group))
        // A failure is shown without the frames of the process.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!(
            "it ended with {}:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let line = text.lines().last().context("it printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("it printed no report: {line}"))
}

/// What every contender is told.
fn arguments(workload: &Workload, brokers: &str, group: &str) -> Vec<String> {
    let kind = if workload.sleep_ms == 0 { "drain" } else { "sleep" };
    [
        ("--brokers", brokers.to_owned()),
        ("--topic", workload.name.to_owned()),
        ("--group", format!("{}-{group}", workload.name)),
        ("--kind", kind.to_owned()),
        ("--records", workload.records.to_string()),
        ("--keys", workload.keys.to_string()),
        ("--partitions", workload.partitions.to_string()),
        ("--in-flight", workload.in_flight.to_string()),
        ("--sleep", workload.sleep_ms.to_string()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}
