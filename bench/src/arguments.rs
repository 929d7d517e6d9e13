//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

/// Which workloads and contenders run, and how often.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// How often each contender runs; by default its workload decides
    #[arg(long)]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// Only the workload of this name, or those whose names begin with it; may be given more than once
    #[arg(long)]
    pub(crate) workload: Vec<String>,
    /// Only these contenders; may be given more than once
    #[arg(long)]
    pub(crate) contender: Vec<String>,
    /// One more contender, `NAME=PROGRAM ARGUMENTS…`; it gets the arguments of `bench contend`
    #[arg(long, value_name = "NAME=COMMAND")]
    pub(crate) with: Vec<String>,
    /// How many records the drain has, at least 1,000
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) records: u64,
    /// Also the long runs: every time, number of keys and of partitions for sleeping handlers
    #[arg(long)]
    pub(crate) all: bool,
    /// Everything so small that it shows only that it works
    #[arg(long)]
    pub(crate) smoke: bool,
    /// How many minutes the rounds may take; later rounds are left out, but each workload has at least one
    #[arg(long, value_name = "N")]
    pub(crate) minutes: Option<u64>,
    /// Without the peers of `peers`
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// The file for the figures, as JSON; the tables go beside it as Markdown, the plots as SVG
    #[arg(long, default_value = "bench-results.json")]
    pub(crate) out: PathBuf,
}
