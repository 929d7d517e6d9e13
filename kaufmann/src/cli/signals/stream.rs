//! The stream of signals that end a command.

/// A signal, and the exit code of a process that it ends: 128 plus its number, as in shells.
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
    /// `None` if SIGHUP is ignored, as under `nohup`, or if that is unknown.
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

    /// The next signal. Of several at once, SIGINT comes first.
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

/// Whether the process was started with SIGHUP ignored, according to `/proc/self/status`; true if that cannot be read.
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
    fn a_process_that_ignores_sighup_keeps_ignoring_it() {
        let status = |mask: &str| format!("Name:\tsvc\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001000")));
        assert!(ignores_hang_up("Name:\tsvc\n"), "nothing is known");
    }
}
