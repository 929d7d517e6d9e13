//! The command line.

use std::path::PathBuf;

use clap::Args;

/// Which workloads and contenders, how often.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// How often each contender runs
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Only the workloads whose name begins so; may be given more than once
    #[arg(long)]
    pub(crate) workload: Vec<String>,
    /// Only these contenders; may be given more than once
    #[arg(long)]
    pub(crate) contender: Vec<String>,
    /// One more contender, `NAME=PROGRAM ARGUMENTS…`; it is given the arguments of `bench contend`
    #[arg(long, value_name = "NAME=COMMAND")]
    pub(crate) with: Vec<String>,
    /// How many records the drain has
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) records: u64,
    /// Also what is left out because it takes long: every time, number of keys and of partitions for sleeping handlers
    #[arg(long)]
    pub(crate) all: bool,
    /// Without the peers of `peers`
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Where the figures go as JSON
    #[arg(long, default_value = "bench-results.json")]
    pub(crate) out: PathBuf,
}
