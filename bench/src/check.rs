//! A check for CI: compares kaufmann with the loop by hand on the same machine, and with the ideal time. It checks ratios only, with
//! wide margins, so that a slow or busy machine does not fail it.

use anyhow::{Result, bail};
use bench_checks::Report;

use crate::entrants::own;
use crate::servers::Servers;
use crate::statistics::Summary;
use crate::workload::{self, Workload};

const ROUNDS: usize = 3;

/// A ratio and its limit.
struct Ratio {
    name: &'static str,
    is: f64,
    limit: Limit,
}

enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Ratio {
    fn holds(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.is >= limit,
            Limit::AtMost(limit) => self.is <= limit,
        }
    }

    fn show(&self) -> String {
        let limit = match self.limit {
            Limit::AtLeast(limit) => format!("at least {limit}"),
            Limit::AtMost(limit) => format!("at most {limit}"),
        };
        let result = if self.holds() { "holds" } else { "FAILS" };
        format!("{}: {:.2}, {limit}: {result}", self.name, self.is)
    }
}

/// Compares; a second time if a ratio is out of its limit.
pub(crate) fn run() -> Result<()> {
    let servers = Servers::start()?;
    let [drain, sleep] = workload::of_check();
    servers.prepare(&drain)?;
    servers.prepare(&sleep)?;
    servers.contend(&own("kaufmann")?, &drain, "warm-up")?;
    for attempt in 1..=2 {
        let ratios = compare(&servers, &drain, &sleep, attempt)?;
        for ratio in &ratios {
            println!("{}", ratio.show());
        }
        if ratios.iter().all(Ratio::holds) {
            return Ok(());
        }
    }
    bail!(
        "a ratio was out of its limit twice in a row: `cargo run --release -- quick` in `bench` shows by how much kaufmann is slower"
    );
}

fn compare(servers: &Servers, drain: &Workload, sleep: &Workload, attempt: usize) -> Result<[Ratio; 3]> {
    let (kaufmann, by_hand) = (own("kaufmann")?, own("loop")?);
    let (mut ours, mut theirs, mut sleeping) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let group = |name: &str| format!("{name}-{attempt}-{round}");
        ours.push(servers.contend(&kaufmann, drain, &group("kaufmann"))?);
        theirs.push(servers.contend(&by_hand, drain, &group("loop"))?);
        sleeping.push(servers.contend(&kaufmann, sleep, &group("kaufmann"))?);
    }
    let ratio = |of: fn(&Report) -> f64| median(&ours, of) / median(&theirs, of);
    Ok([
        Ratio {
            name: "drain: throughput, relative to the loop by hand",
            is: 1.0 / ratio(|run| run.elapsed_s),
            limit: Limit::AtLeast(0.8),
        },
        Ratio {
            name: "drain: CPU, relative to the loop by hand",
            is: ratio(|run| run.cpu_s),
            limit: Limit::AtMost(1.2),
        },
        Ratio {
            name: "handlers that sleep for 10 ms: time, relative to the ideal",
            is: median(&sleeping, |run| run.elapsed_s / run.ideal_s.unwrap_or(f64::NAN)),
            limit: Limit::AtMost(1.3),
        },
    ])
}

fn median(runs: &[Report], figure: fn(&Report) -> f64) -> f64 {
    Summary::of(runs.iter().map(figure)).map_or(f64::NAN, |summary| summary.median)
}
