//! The report that a contender prints.

use serde::{Deserialize, Serialize};

use crate::Latency;

/// The figures of one run, printed only if every record was handled as promised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// From the first handler's start to the last one's end; with replies: until the last record is settled.
    pub elapsed_s: f64,
    /// From the process' start to the first handler's start.
    pub first_s: f64,
    /// CPU time of the whole process, until the same end.
    pub cpu_s: f64,
    /// Peak resident memory, in megabytes; with several instances, the largest of them.
    pub rss_mb: f64,
    /// Context switches, voluntary and involuntary.
    pub switches: u64,
    /// The least time that the work could take, as measured in the handlers.
    #[serde(default)]
    pub ideal_s: Option<f64>,
    /// One slow key: from the first handler's start to the end of the last one of the other keys.
    #[serde(default)]
    pub others_s: Option<f64>,
    /// Records that are written while they are handled: their latency.
    #[serde(default)]
    pub latency: Option<Latency>,
    /// Windows: the number of records counted.
    #[serde(default)]
    pub handled: Option<u64>,
    /// Whether the order of each key was kept.
    pub ordered: bool,
}

impl Report {
    /// The report of two instances that shared the work.
    #[must_use]
    pub fn together(mut self, other: &Self) -> Self {
        self.elapsed_s = self.elapsed_s.max(other.elapsed_s);
        self.first_s = self.first_s.min(other.first_s);
        self.cpu_s += other.cpu_s;
        self.rss_mb = self.rss_mb.max(other.rss_mb);
        self.switches += other.switches;
        self.handled = self.handled.zip(other.handled).map(|(own, other)| own + other);
        self.ordered &= other.ordered;
        self
    }
}
