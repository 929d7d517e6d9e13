//! What is measured.

use clap::ValueEnum;
use serde::Serialize;

/// What handlers do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Add one field to a checksum.
    Drain,
    /// The same, and sleep.
    Sleep,
}

/// A topic and what is done with it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) records: u64,
    pub(crate) keys: u64,
    pub(crate) partitions: i32,
    pub(crate) in_flight: usize,
    pub(crate) sleep_ms: u64,
    /// The contenders, each with its name in `bench contend`.
    pub(crate) contenders: &'static [&'static str],
}

/// All workloads; `records` is the size of the drain.
pub(crate) fn all(records: u64) -> Vec<Workload> {
    vec![
        Workload {
            name: "drain",
            kind: Kind::Drain,
            records,
            keys: 1000,
            partitions: 4,
            in_flight: 50,
            sleep_ms: 0,
            contenders: &[
                "kaufmann",
                "kaufmann-ref",
                "loop",
                "loop-large",
                "loop-default",
                "batch",
            ],
        },
        Workload {
            name: "sleep-10ms",
            kind: Kind::Sleep,
            records: 20_000,
            keys: 100,
            partitions: 4,
            in_flight: 100,
            sleep_ms: 10,
            contenders: &["kaufmann", "kaufmann-ref", "spawn"],
        },
    ]
}
