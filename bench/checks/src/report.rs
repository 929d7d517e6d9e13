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
    /// The most that was resident, in megabytes.
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
    /// Whether the order of each key was kept.
    pub ordered: bool,
}
