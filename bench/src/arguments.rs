//! The command line. A contender's own arguments are the same for each, so that another one is a command line too.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::workload::Kind;

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
    /// Where the figures go as JSON
    #[arg(long, default_value = "bench-results.json")]
    pub(crate) out: PathBuf,
}

/// One run of one contender.
#[derive(Args, Debug, Clone, Serialize)]
pub(crate) struct Contend {
    /// Who
    pub(crate) name: String,
    #[arg(long)]
    pub(crate) brokers: String,
    #[arg(long)]
    pub(crate) topic: String,
    /// A consumer group that has committed nothing
    #[arg(long)]
    pub(crate) group: String,
    /// What handlers do
    #[arg(long)]
    pub(crate) kind: Kind,
    /// Records in the topic
    #[arg(long)]
    pub(crate) records: u64,
    /// Keys, round-robin over the records
    #[arg(long)]
    pub(crate) keys: u64,
    #[arg(long)]
    pub(crate) partitions: i32,
    /// How many handlers may run at once
    #[arg(long)]
    pub(crate) in_flight: usize,
    /// How long a handler sleeps, in milliseconds
    #[arg(long)]
    pub(crate) sleep: u64,
}
