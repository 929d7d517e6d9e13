//! SIGINT and SIGTERM: the first one drains, the second one ends at once.

use std::process;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::{Error, ErrorKind};

/// What the process exits with when a signal ends it at once.
const INTERRUPTED: i32 = 130;

/// Listens for signals as long as the process lives.
#[derive(Clone, Debug)]
pub(crate) struct Signals(CancellationToken);

impl Signals {
    /// Listens from now on. Must be called within a runtime.
    pub(crate) fn listen() -> Result<Self, Error> {
        let mut signals = Stream::new().map_err(|error| {
            Error::new(ErrorKind::Start, "signals cannot be listened for").caused_by(error)
        })?;
        let first = CancellationToken::new();
        let token = first.clone();
        tokio::spawn(async move {
            let name = signals.next().await;
            info!("{name}: finishing what runs; a second signal ends at once");
            token.cancel();
            let name = signals.next().await;
            end_at_once(&format!("{name} again: ended with work unfinished"))
        });
        Ok(Self(first))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&self) {
        self.0.cancelled().await;
    }
}

/// Ends the process.
pub(super) fn end_at_once(why: &str) -> ! {
    super::complain(&why);
    process::exit(INTERRUPTED)
}

#[cfg(unix)]
struct Stream {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stream {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Stream;

#[cfg(not(unix))]
impl Stream {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
