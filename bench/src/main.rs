//! kaufmann measured beside the loop that people write by hand on rdkafka.
//!
//! `bench quick` and `bench full` start Apache Kafka, fill the topics, run every contender as a process of its own and
//! print a table a workload. `bench contend NAME …` is such a process; it prints one line of JSON.

mod arguments;
mod workload;

// In the order of a run.
mod fill;
mod rounds;
mod statistics;
mod table;

// What runs in a contender's process.
mod checks;
mod contender;
mod usage;

kaufmann::include_events!();

use clap::{Parser, Subcommand};

/// kaufmann measured beside its peers, on Apache Kafka.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Few rounds of the workloads; a minute or two
    Quick(arguments::Run),
    /// More rounds of everything
    Full(arguments::Run),
    /// Starts Apache Kafka, fills the topics and waits for the end of standard input, for runs by hand under a profiler
    Serve(arguments::Run),
    /// One contender over one workload: prints one line of JSON (the other commands start this)
    Contend(arguments::Contend),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Quick(run) => rounds::run(&run, 1),
        Command::Full(run) => rounds::run(&run, 3),
        Command::Serve(run) => rounds::serve(&run),
        Command::Contend(contend) => contender::run(&contend),
    }
}
