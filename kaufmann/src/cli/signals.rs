//! SIGINT, SIGTERM and SIGHUP: while a command only asks, one ends it at once; once there is something to finish, the first one
//! lets it finish. Only SIGINT ends it at once then; the others are the same wish when they come again.
//!
//! They are listened for on a thread of their own: neither handlers that block every worker of the service's runtime nor
//! servers that do not answer must be able to keep the process.

use std::process;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::output::complain;
use crate::base::error::{Error, ErrorKind};

mod again;
mod stream;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use again::{Again, again};
use stream::{INTERRUPT, Signal, Stream};

/// What the process exits with when it had to be ended after the deadline.
const UNFINISHED: u8 = 75;

/// How much longer than `shutdown_deadline` the process may live after the first signal.
const GRACE: Duration = Duration::from_secs(5);

/// How long the last words may take: whoever reads stderr may have stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Listens for signals as long as the process lives. When it is dropped, the command is over: nothing has to be finished any
/// more, and a signal ends the process at once.
#[derive(Debug)]
pub(crate) struct Signals(Arc<Shared>);

/// What the thread and the command share.
#[derive(Debug, Default)]
struct Shared {
    first: CancellationToken,
    over: CancellationToken,
    /// What may be done after the first signal; nothing as long as it is not said.
    finish: OnceLock<Finish>,
    came: OnceLock<Signal>,
}

/// How long a command may take to finish, and what it is ended with after that.
#[derive(Debug)]
struct Finish {
    patience: Duration,
    late: &'static str,
    /// None: as the signal would have ended it.
    code: Option<u8>,
}

impl Signals {
    /// Listens from now on. A process that lives longer than `shutdown_deadline` and a little more after the first signal is
    /// ended.
    pub(crate) fn listen(shutdown_deadline: Duration) -> Result<Self, Error> {
        let signals = Self::ask()?;
        signals.begin_handling(shutdown_deadline);
        Ok(signals)
    }

    /// The same for a command that only asks so far: whatever it waits for, a signal ends the process at once.
    pub(crate) fn ask() -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let (sender, listening) = mpsc::sync_channel(1);
        let watched = Arc::clone(&shared);
        thread::Builder::new()
            .name("kaufmann-signals".to_owned())
            .spawn(move || watched.run(&sender))
            .and_then(|_| listening.recv().map_err(std::io::Error::other).flatten())
            .map_err(|error| {
                Error::new(ErrorKind::Start, "signals cannot be listened for").caused_by(error)
            })?;
        Ok(Self(shared))
    }

    /// The same for a command that runs handlers.
    pub(crate) fn begin_handling(&self, shutdown_deadline: Duration) {
        self.begin_handling_within(shutdown_deadline.saturating_add(GRACE));
    }

    fn begin_handling_within(&self, patience: Duration) {
        let late = "a handler never yields, and its record is handled again by the next instance";
        self.finish(patience, late, Some(UNFINISHED));
    }

    fn finish(&self, patience: Duration, late: &'static str, code: Option<u8>) {
        _ = self.0.finish.set(Finish { patience, late, code });
    }

    /// Waits for the first signal.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.first.clone().cancelled_owned()
    }

    /// Ends the process, as the signal would have.
    pub(super) fn end_at_once(&self, why: &str) -> ! {
        end(why.to_owned(), self.0.came().code)
    }
}

/// What commands about a cluster need besides.
#[cfg(feature = "kafka")]
impl Signals {
    /// From now on there is something to finish, and the first signal is the command's to hear. It has a little time then: what
    /// it waits for after that can only be servers.
    pub(crate) fn begin(&self) {
        self.finish(GRACE, "no server answers", None);
    }

    /// Whether the first signal has come.
    pub(crate) fn has_come(&self) -> bool {
        self.0.first.is_cancelled()
    }

    /// What a command exits with that the first signal has interrupted.
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
            "{}: finishing what runs; SIGINT (Ctrl-C) ends at once, SIGTERM changes nothing",
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

    /// Returns when the command has taken longer than it may. What comes after the first signal may end the process before.
    async fn watch_on(&self, first: Signal, began: Instant, signals: &mut Stream, patience: Duration) {
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        let mut over: Option<Instant> = None;
        let mut is_said = false;
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
                Again::Same if !is_said && over.is_none() => {
                    is_said = true;
                    log(format!(
                        "{} after {}: what runs is still being finished; SIGINT (Ctrl-C) ends at once",
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

/// Not on the thread of the signals, which must hear the next one even if nobody reads the log.
fn log(line: String) {
    _ = beside(move || info!("{line}"));
}

/// Does something on a thread of its own. `thread::spawn` would panic if the system has none left.
fn beside(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = thread::Builder::new().name("kaufmann-says".to_owned());
    thread.spawn(work).map(drop)
}

fn end(why: String, code: u8) -> ! {
    let (sender, said) = mpsc::sync_channel(1);
    let speaking = beside(move || {
        complain(&why);
        _ = sender.send(());
    });
    // Without a thread there are no last words, but there is an end.
    if speaking.is_ok() {
        _ = said.recv_timeout(LAST_WORDS);
    }
    process::exit(code.into())
}
