//! What was measured: the runs of each contender over each workload.

use bench_checks::Report;
use serde::{Deserialize, Serialize};

use crate::workload::Workload;

/// All runs of one contender over one workload.
#[derive(Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) contender: String,
    pub(crate) runs: Vec<Report>,
    /// The errors of the runs that failed.
    #[serde(default)]
    pub(crate) failures: Vec<String>,
}

/// All runs over one workload.
#[derive(Serialize)]
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) contenders: Vec<Runs>,
}
