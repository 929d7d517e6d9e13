//! Runs the rounds: each contender in its own process, in another order each round.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench_checks::{Kind, Report};

use crate::arguments::Run;
use crate::entrants::{Builds, Contender};
use crate::plan::{Plan, Turn};
use crate::results::{Measured, Runs};
use crate::servers::Servers;
use crate::workload::{self, Extent, Table, Workload};
use crate::{peers, plot, table};

/// The default of `--minutes` for the full run.
const FULL_MINUTES: u64 = 28;
/// A contender that failed this often over a workload does not run over it again.
const PATIENCE: usize = 2;

/// A workload, who runs over it, and the results so far.
struct Entry {
    measured: Measured,
    /// The contenders, in the order of `measured.contenders`.
    entrants: Vec<Contender>,
    /// Whether the topics are filled.
    prepared: bool,
}

/// Measures, prints the tables, and writes figures, tables and plots.
pub(crate) fn run(run: &Run, extent: Extent) -> Result<()> {
    let mut all = entries(run, extent)?;
    // A path that cannot be written fails here, not after the first round.
    write(&run.out, &all)?;
    let rounds: Vec<(usize, f64)> = all.iter().map(|entry| entry.expected(run, extent)).collect();
    let minutes = run
        .minutes
        .or((extent == Extent::Full && run.rounds.is_none()).then_some(FULL_MINUTES));
    let servers = Servers::start()?;
    let mut plan = Plan::new(&rounds, minutes.map(|minutes| Duration::from_secs(60 * minutes)));
    while let Some(turn) = plan.next() {
        let next = all[turn.workload].round(&servers, &plan, turn);
        plan.expect(turn, next);
        // The results so far are kept if the run is interrupted.
        write(&run.out, &all)?;
    }
    println!("{}", tables(&all));
    for turn in &plan.left_out {
        let name = &all[turn.workload].measured.workload.name;
        eprintln!("round {} of {name} was left out: no time left", turn.round + 1);
    }
    plot::of_file(&run.out)?;
    eprintln!(
        "the figures are in {}, the tables and plots beside it",
        run.out.display()
    );
    let failed: Vec<String> = all.iter().flat_map(Entry::failed).collect();
    ensure!(failed.is_empty(), "some runs failed: {}", failed.join(", "));
    Ok(())
}

/// The workloads with their contenders; builds the peers among them.
fn entries(run: &Run, extent: Extent) -> Result<Vec<Entry>> {
    let mut builds = Builds::default();
    let mut all = Vec::new();
    for workload in workloads(run, extent) {
        let entrants = builds.contenders(run, extent, &workload)?;
        if entrants.is_empty() {
            continue;
        }
        let runs = |contender: &Contender| Runs {
            contender: contender.name.clone(),
            runs: Vec::new(),
            failures: Vec::new(),
        };
        let contenders = entrants.iter().map(runs).collect();
        all.push(Entry {
            measured: Measured { workload, contenders },
            entrants,
            prepared: false,
        });
    }
    if all.is_empty() {
        let names = |workload: &Workload| format!("{} ({})", workload.name, workload.contenders.join(", "));
        let known: Vec<_> = workload::all(run.records, Extent::All)
            .iter()
            .map(names)
            .collect();
        bail!(
            "no workload has this name, or none has these contenders; available are\n  {}",
            known.join("\n  ")
        );
    }
    Ok(all)
}

fn workloads(run: &Run, extent: Extent) -> Vec<Workload> {
    let extent = if run.all { Extent::All } else { extent };
    // A workload requested by name runs whatever its size.
    let extent = if run.workload.is_empty() {
        extent
    } else {
        Extent::All
    };
    let mut all = workload::all(run.records, extent);
    let names: Vec<String> = all.iter().map(|workload| workload.name.clone()).collect();
    let is_named = |workload: &Workload| {
        let mut wanted = run.workload.iter();
        wanted.any(|wanted| match names.contains(wanted) {
            true => workload.name == *wanted,
            false => workload.name.starts_with(wanted.as_str()),
        })
    };
    all.retain(|workload| run.workload.is_empty() || is_named(workload));
    if run.smoke {
        all = all.into_iter().map(Workload::small).collect();
    }
    all
}

impl Entry {
    /// The number of rounds, and the estimated seconds of one.
    fn expected(&self, run: &Run, extent: Extent) -> (usize, f64) {
        let Measured { workload, contenders } = &self.measured;
        let default = if extent == Extent::Quick {
            1
        } else {
            workload.rounds
        };
        let guess = |contender: &Runs| workload.guess(&contender.contender);
        let rounds = run.rounds.map_or(default, NonZeroUsize::get);
        (rounds, contenders.iter().map(guess).sum())
    }

    /// Runs each contender once; returns how long the next round will take.
    fn round(&mut self, servers: &Servers, plan: &Plan, turn: Turn) -> Duration {
        let mut next = Duration::ZERO;
        if !self.prepare(servers, plan, turn) {
            return next;
        }
        let Measured { workload, contenders } = &mut self.measured;
        for step in 0..self.entrants.len() {
            let index = (step + turn.round) % self.entrants.len();
            let (contender, runs) = (&self.entrants[index], &mut contenders[index]);
            if runs.failures.len() >= PATIENCE || turn.round >= most_rounds(&contender.name) {
                continue;
            }
            let group = format!("{}-{}", contender.name, turn.round);
            let began = Instant::now();
            let result = servers.contend(contender, workload, &group);
            if turn.round + 1 < most_rounds(&contender.name) {
                next += began.elapsed();
            }
            let (name, round, clock) = (&workload.name, turn.round + 1, plan.clock(turn));
            match result {
                Ok(report) => {
                    let brief = brief(workload, &report);
                    eprintln!("{clock} {name} {round} {}: {brief}", contender.name);
                    runs.runs.push(report);
                }
                Err(error) => {
                    eprintln!("{clock} {name} {round} {}: FAILED: {error:#}", contender.name);
                    runs.failures.push(format!("{error:#}"));
                }
            }
        }
        next
    }

    /// Fills the topics before the first round; `false` if that failed.
    fn prepare(&mut self, servers: &Servers, plan: &Plan, turn: Turn) -> bool {
        if std::mem::replace(&mut self.prepared, true) {
            return true;
        }
        let Measured { workload, contenders } = &mut self.measured;
        let name = &workload.name;
        eprintln!("{} {name}: filling", plan.clock(turn));
        // The first run does not count: the broker is still writing the topic to disk, and every cache is cold.
        let is_cold = matches!(workload.kind, Kind::Drain | Kind::Reply | Kind::Publish);
        let warm = || match is_cold {
            true => servers.contend(&self.entrants[0], workload, "warm-up").map(drop),
            false => Ok(()),
        };
        let Err(error) = servers.prepare(workload).and_then(|()| warm()) else {
            return true;
        };
        eprintln!("{name}: FAILED: {error:#}");
        for runs in contenders {
            let why = format!("{name} could not be prepared: {error:#}");
            runs.failures.extend(vec![why; PATIENCE]);
        }
        false
    }

    fn failed(&self) -> impl Iterator<Item = String> {
        let Measured { workload, contenders } = &self.measured;
        let failed = contenders.iter().filter(|runs| !runs.failures.is_empty());
        failed.map(|runs| format!("{} over {}", runs.contender, workload.name))
    }
}

/// The slowest contenders are far behind in every round, so one round is enough.
fn most_rounds(contender: &str) -> usize {
    match contender {
        "parallel-consumer" | "avro-converter-loop" | "loop-default" => 1,
        name if peers::is_peer(name) => 3,
        _ => usize::MAX,
    }
}

fn brief(workload: &Workload, report: &Report) -> String {
    match (report.latency, report.handled) {
        _ if workload.table == Table::Start => format!("{:.0} ms", report.first_s * 1e3),
        (Some(latency), _) => format!("p50 {:.2} ms, p99 {:.2} ms", latency.p50_ms, latency.p99_ms),
        (_, Some(handled)) => format!("{:.0} a second", handled as f64 / report.elapsed_s),
        _ => format!("{:.3} s", report.elapsed_s),
    }
}

fn write(out: &Path, all: &[Entry]) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let measured = measured(all);
    let file = serde_json::json!({ "cores": cores, "workloads": measured });
    let tables_out = out.with_extension("md");
    std::fs::write(out, serde_json::to_string_pretty(&file)?)
        .and_then(|()| std::fs::write(&tables_out, tables(all)))
        .with_context(|| format!("cannot write {} or {}", out.display(), tables_out.display()))
}

/// The results of the workloads that have begun.
fn measured(all: &[Entry]) -> Vec<&Measured> {
    let begun = all.iter().filter(|entry| entry.prepared);
    begun.map(|entry| &entry.measured).collect()
}

/// All tables; workloads that share a table are in one.
fn tables(all: &[Entry]) -> String {
    let measured = measured(all);
    let together = measured.chunk_by(|one, next| {
        let table = one.workload.table;
        table == next.workload.table && table.is_shared()
    });
    together.map(table::of).collect::<Vec<_>>().join("\n")
}

/// Keeps a broker with filled topics running until standard input ends.
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
