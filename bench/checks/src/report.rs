//! What a contender prints.

use serde::{Deserialize, Serialize};

use crate::Latency;

/// One run's figures, once it is proven that every record was handled as it should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// From the first handler's entry to the last one's end; of replies: to the last record's settling.
    pub elapsed_s: f64,
    /// From the process' start to the first handler's entry.
    pub first_s: f64,
    /// Of the whole process, to the same end.
    pub cpu_s: f64,
    /// The most that was resident, in megabytes; of several instances, in one of them.
    pub rss_mb: f64,
    /// Context switches, voluntary and not.
    pub switches: u64,
    /// The least that the work as measured in the handlers could take.
    #[serde(default)]
    pub ideal_s: Option<f64>,
    /// One slow key: from the first handler's entry to the end of the last one of the other keys.
    #[serde(default)]
    pub others_s: Option<f64>,
    /// Records that are written while they are handled: how late they were.
    #[serde(default)]
    pub latency: Option<Latency>,
    /// What is counted in a window: how many records.
    #[serde(default)]
    pub handled: Option<u64>,
    /// Whether the order of each key was kept.
    pub ordered: bool,
}

impl Report {
    /// That of several instances that shared the work.
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
