//! What the process has used.

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    pub(crate) switches: u64,
}

impl Usage {
    /// Since the process' start, all threads.
    pub(crate) fn now() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
            return Self::default();
        };
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        Self {
            cpu_s: seconds(usage.user_time()) + seconds(usage.system_time()),
            switches: (usage.voluntary_context_switches() + usage.involuntary_context_switches()) as u64,
        }
    }

    /// The most that was resident, in megabytes of a million bytes.
    pub(crate) fn peak_mb() -> Result<f64> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).context("the system does not say what it used")?;
        Ok(usage.max_rss() as f64 * 1024.0 / 1e6)
    }
}
