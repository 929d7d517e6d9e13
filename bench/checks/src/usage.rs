//! What the process has used: CPU, context switches, memory.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

/// CPU and context switches of a process or thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU seconds.
    pub cpu_s: f64,
    /// Context switches.
    pub switches: u64,
}

impl Usage {
    /// Since the process' start, all threads.
    #[must_use]
    pub fn now() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
            return Self::default();
        };
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        Self {
            cpu_s: seconds(usage.user_time()) + seconds(usage.system_time()),
            switches: (usage.voluntary_context_switches() + usage.involuntary_context_switches()) as u64,
        }
    }

    /// CPU time of this thread.
    #[must_use]
    pub fn of_thread() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
    }

    /// Peak resident memory, in megabytes of a million bytes.
    ///
    /// # Errors
    ///
    /// If the system does not report it.
    pub fn peak_mb() -> Result<f64> {
        // `getrusage` would include the peak of the parent, from before this program was executed in the process.
        let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: f64 = kilobytes
            .context("/proc/self/status says nothing of `VmHWM`")?
            .trim()
            .parse()?;
        Ok(kilobytes * 1024.0 / 1e6)
    }
}
