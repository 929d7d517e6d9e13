//! Benchmarks of kaufmann, of the loop that people write by hand on rdkafka, and of other frameworks (the peers).
//!
//! `bench quick` and `bench full` start Apache Kafka, fill the topics, run every contender as a process of its own and
//! print the tables. `bench check` compares a few ratios. `bench contend NAME …` is a contender's process; it prints one line
//! of JSON.

mod arguments;
mod workload;

mod entrants;
mod fill;
mod peers;
mod plan;
mod plot;
mod process;
mod registry;
mod results;
mod rounds;
mod servers;
mod statistics;
mod table;

mod check;

// What runs in a contender's process.
mod contender;

kaufmann::include_events!();

use clap::{Parser, Subcommand};
use workload::Extent;

/// Benchmarks of kaufmann and its peers, on Apache Kafka.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The drain and one sleeping workload, once; a minute or two
    Quick(arguments::Run),
    /// Rounds of every kind of workload, as many as fit into 28 minutes (`--minutes`)
    Full(arguments::Run),
    /// Draws a file of figures as plots, beside the file
    Plot {
        /// The file that `quick` or `full` wrote
        #[arg(default_value = "bench-results.json")]
        figures: std::path::PathBuf,
    },
    /// Compares the drain and sleeping handlers with the loop by hand, and fails if a ratio is out of bounds; about a minute
    Check,
    /// Starts Apache Kafka, fills the topics and waits for the end of standard input, for runs by hand under a profiler
    Serve(arguments::Run),
    /// One contender over one workload: prints one line of JSON (the other commands start this)
    Contend(bench_checks::Contend),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Quick(run) => rounds::run(&run, Extent::Quick),
        Command::Full(run) => rounds::run(&run, Extent::Full),
        Command::Plot { figures } => plot::of_file(&figures),
        Command::Check => check::run(),
        Command::Serve(run) => rounds::serve(&run),
        Command::Contend(contend) => contender::run(&contend),
    }
}
