//! The signals that end a command, as they come.

/// A signal, and what the process exits with when it ends it: 128 and its number, as shells have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Signal {
    pub(super) name: &'static str,
    pub(super) code: u8,
}

#[cfg(unix)]
pub(super) const INTERRUPT: Signal = Signal {
    name: "SIGINT",
    code: 130,
};
#[cfg(unix)]
const TERMINATE: Signal = Signal {
    name: "SIGTERM",
    code: 143,
};
#[cfg(unix)]
const HANG_UP: Signal = Signal {
    name: "SIGHUP",
    code: 129,
};
#[cfg(not(unix))]
pub(super) const INTERRUPT: Signal = Signal {
    name: "Ctrl-C",
    code: 130,
};

#[cfg(unix)]
pub(super) struct Stream {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// None where the end of the terminal must not end the process, as under `nohup`, or where that is not known.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Stream {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = match std::fs::read_to_string("/proc/self/status") {
            Ok(status) if !ignores_hang_up(&status) => Some(signal(SignalKind::hangup())?),
            _ => None,
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    /// The next one. Of several that are here at once SIGINT comes first.
    pub(super) async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
            _ = hang_up => HANG_UP,
        }
    }
}

/// Whether the process was started with SIGHUP ignored, as its `/proc/self/status` says. What cannot be read is left as it is.
#[cfg(unix)]
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 != 0)
}

#[cfg(not(unix))]
pub(super) struct Stream;

#[cfg(not(unix))]
impl Stream {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) -> Signal {
        _ = tokio::signal::ctrl_c().await;
        INTERRUPT
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ignores_sighup_goes_on_ignoring_it() {
        let status = |mask: &str| format!("Name:\tsvc\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001000")));
        assert!(ignores_hang_up("Name:\tsvc\n"), "nothing is known");
    }
}
