//! SIGINT, SIGTERM and SIGHUP: while a command only reads, the first one ends it at once. Once there is something to finish, the
//! first one lets it finish; after that only SIGINT ends it at once, and repeated others are ignored.
//!
//! A separate thread handles them: neither handlers that block every worker of the service's runtime nor servers that do not
//! answer must be able to keep the process alive.

use std::process;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::output::print_error;
use crate::base::error::{Error, ErrorKind};

mod again;
mod stream;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use again::{Again, again};
use stream::{INTERRUPT, Signal, Stream};

/// The exit code of a process that had to be ended after the deadline.
const UNFINISHED: u8 = 75;

/// How much longer than `shutdown_deadline` the process may live after the first signal.
const GRACE: Duration = Duration::from_secs(5);

/// How long printing the last line may take: stderr may be a pipe whose reader has stopped.
const LAST_LINE: Duration = Duration::from_secs(1);

/// Handles signals for the rest of the process. When it is dropped, the command is over: there is nothing to finish any more, and a
/// signal ends the process at once.
#[derive(Debug)]
pub(crate) struct Signals(Arc<Shared>);

/// The state shared by the thread and the command.
#[derive(Debug, Default)]
struct Shared {
    first: CancellationToken,
    over: CancellationToken,
    /// How the command may finish after the first signal; not set: the first signal ends it.
    finish: OnceLock<Finish>,
    came: OnceLock<Signal>,
}

/// How long a command may take to finish, and how it is ended after that.
#[derive(Debug)]
struct Finish {
    patience: Duration,
    late: &'static str,
    /// The exit code; `None`: the signal's.
    code: Option<u8>,
}

impl Signals {
    /// Handles signals from now on, for a command that runs handlers. The process is ended if it lives longer than `shutdown_deadline`
    /// and [`GRACE`] after the first signal.
    pub(crate) fn listen(shutdown_deadline: Duration) -> Result<Self, Error> {
        let signals = Self::end_at_first()?;
        signals.begin_handling(shutdown_deadline);
        Ok(signals)
    }

    /// Handles signals from now on, for a command that only reads so far: the first signal ends the process at once.
    pub(crate) fn end_at_first() -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let (sender, listening) = mpsc::sync_channel(1);
        let watched = Arc::clone(&shared);
        thread::Builder::new()
            .name("kaufmann-signals".to_owned())
            .spawn(move || watched.run(&sender))
            .and_then(|_| listening.recv().map_err(std::io::Error::other).flatten())
            .map_err(|error| Error::new(ErrorKind::Start, "signals cannot be handled").caused_by(error))?;
        Ok(Self(shared))
    }

    /// From now on the command runs handlers, which may finish after the first signal.
    pub(crate) fn begin_handling(&self, shutdown_deadline: Duration) {
        self.begin_handling_within(shutdown_deadline.saturating_add(GRACE));
    }

    fn begin_handling_within(&self, patience: Duration) {
        let late = "a handler did not yield; the next instance handles its record again";
        self.finish(patience, late, Some(UNFINISHED));
    }

    fn finish(&self, patience: Duration, late: &'static str, code: Option<u8>) {
        _ = self.0.finish.set(Finish { patience, late, code });
    }

    /// Waits for the first signal.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.first.clone().cancelled_owned()
    }

    /// Ends the process with the first signal's exit code.
    pub(super) fn end_at_once(&self, why: &str) -> ! {
        end(why.to_owned(), self.0.came().code)
    }
}

/// Further methods, for commands on a cluster.
#[cfg(feature = "kafka")]
impl Signals {
    /// From now on there is something to finish: the first signal only notifies the command, which then has [`GRACE`]. If it takes
    /// longer, it is waiting for a server.
    pub(crate) fn finish_first(&self) {
        self.finish(GRACE, "no server answers", None);
    }

    /// Whether a signal was received.
    pub(crate) fn received(&self) -> bool {
        self.0.first.is_cancelled()
    }

    /// The exit code of a command that the first signal has interrupted.
    pub(crate) fn exit_code(&self) -> process::ExitCode {
        process::ExitCode::from(self.0.came().code)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.over.cancel();
    }
}

impl Shared {
    fn run(&self, listening: &mpsc::SyncSender<std::io::Result<()>>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                _ = listening.send(Err(error));
                return;
            }
        };
        runtime.block_on(async {
            match Stream::new() {
                Ok(signals) => {
                    _ = listening.send(Ok(()));
                    self.watch(signals).await;
                }
                Err(error) => _ = listening.send(Err(error)),
            }
        });
    }

    async fn watch(&self, mut signals: Stream) {
        let signal = signals.next().await;
        let finish = match self.finish.get() {
            Some(finish) if !self.over.is_cancelled() => finish,
            _ => end(format!("{}: ended at once", signal.name), signal.code),
        };
        let began = Instant::now();
        _ = self.came.set(signal);
        self.first.cancel();
        log(format!(
            "{}: finishing the work in flight; SIGINT (Ctrl-C) ends at once, SIGTERM changes nothing",
            signal.name
        ));
        self.watch_on(signal, began, &mut signals, finish.patience).await;
        end(
            format!(
                "ended {} after {}: {}",
                humantime::format_duration(finish.patience),
                signal.name,
                finish.late
            ),
            finish.code.unwrap_or(signal.code),
        );
    }

    /// Returns when the command has taken too long. A further signal may end the process before that.
    async fn watch_on(&self, first: Signal, began: Instant, signals: &mut Stream, patience: Duration) {
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        let mut over: Option<Instant> = None;
        let mut is_logged = false;
        loop {
            let signal = tokio::select! {
                biased;
                () = self.over.cancelled(), if over.is_none() => {
                    over = Some(Instant::now());
                    continue;
                }
                signal = signals.next() => signal,
                () = &mut late, if over.is_none() => return,
            };
            let since_over = over.map(|over| over.elapsed());
            match again(signal == INTERRUPT, began.elapsed(), since_over) {
                Again::Hurry => end(
                    format!("{} after {}: ended with work unfinished", signal.name, first.name),
                    signal.code,
                ),
                Again::End => end(format!("{}: ended at once", signal.name), signal.code),
                Again::Same if !is_logged && over.is_none() => {
                    is_logged = true;
                    log(format!(
                        "{} after {}: still finishing the work in flight; SIGINT (Ctrl-C) ends at once",
                        signal.name, first.name
                    ));
                }
                Again::Same => {}
            }
        }
    }

    /// The first signal.
    fn came(&self) -> Signal {
        self.came.get().copied().unwrap_or(INTERRUPT)
    }
}

/// Logs on another thread: the signals' thread must handle the next signal even if writing the log blocks.
fn log(line: String) {
    _ = on_thread(move || info!("{line}"));
}

/// Runs something on its own thread. `thread::spawn` would panic if the system cannot start one.
fn on_thread(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = thread::Builder::new().name("kaufmann-log".to_owned());
    thread.spawn(work).map(drop)
}

fn end(why: String, code: u8) -> ! {
    let (sender, printed) = mpsc::sync_channel(1);
    let printing = on_thread(move || {
        print_error(&why);
        _ = sender.send(());
    });
    // Without a thread nothing is printed, but the process still ends.
    if printing.is_ok() {
        _ = printed.recv_timeout(LAST_LINE);
    }
    process::exit(code.into())
}
