//! SIGINT and SIGTERM: while a command only asks, one ends it at once; once there is something to finish, the first one lets it
//! finish, and the second one ends it at once.
//!
//! They are listened for on a thread of their own: neither handlers that block every worker of the service's runtime nor
//! servers that do not answer must be able to keep the process.

use std::process;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::{Error, ErrorKind};

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

/// A signal, and what the process exits with when it ends it: 128 and its number, as shells have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Signal {
    name: &'static str,
    code: u8,
}

#[cfg(unix)]
const INTERRUPT: Signal = Signal {
    name: "SIGINT",
    code: 130,
};
#[cfg(unix)]
const TERMINATE: Signal = Signal {
    name: "SIGTERM",
    code: 143,
};
#[cfg(not(unix))]
const INTERRUPT: Signal = Signal {
    name: "Ctrl-C",
    code: 130,
};

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

    /// From now on there is something to finish, and the first signal is the command's to hear. It has a little time then: what
    /// it waits for after that can only be servers.
    #[cfg(feature = "kafka")]
    pub(crate) fn begin(&self) {
        self.finish(GRACE, "no server answers", None);
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

    /// Whether the first signal has come.
    #[cfg(feature = "kafka")]
    pub(crate) fn has_come(&self) -> bool {
        self.0.first.is_cancelled()
    }

    /// Waits for the first signal.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.first.clone().cancelled_owned()
    }

    /// What a command exits with that the first signal has interrupted.
    #[cfg(feature = "kafka")]
    pub(crate) fn exit_code(&self) -> process::ExitCode {
        process::ExitCode::from(self.0.came().code)
    }

    /// Ends the process, as the signal would have.
    pub(super) fn end_at_once(&self, why: &str) -> ! {
        end(why.to_owned(), self.0.came().code)
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
        _ = self.came.set(signal);
        self.first.cancel();
        // Not on this thread, which must hear the second signal even if nobody reads the log.
        thread::spawn(move || {
            info!(
                "{}: finishing what runs; a second signal ends at once",
                signal.name
            );
        });
        tokio::select! {
            again = signals.next() => end_again(again),
            () = tokio::time::sleep(finish.patience) => {}
            () = self.over.cancelled() => end_again(signals.next().await),
        }
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

    /// The first signal.
    fn came(&self) -> Signal {
        self.came.get().copied().unwrap_or(INTERRUPT)
    }
}

fn end_again(signal: Signal) -> ! {
    end(
        format!("{} again: ended with work unfinished", signal.name),
        signal.code,
    )
}

fn end(why: String, code: u8) -> ! {
    let (sender, said) = mpsc::sync_channel(1);
    thread::spawn(move || {
        super::complain(&why);
        _ = sender.send(());
    });
    _ = said.recv_timeout(LAST_WORDS);
    process::exit(code.into())
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

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
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

    async fn next(&mut self) -> Signal {
        _ = tokio::signal::ctrl_c().await;
        INTERRUPT
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use rustix::process::{Pid, Signal as Sent, kill_process};

    use super::*;

    const ROLE: &str = "KAUFMANN_TEST_SIGNALS_CHILD";
    const FOREVER: Duration = Duration::from_secs(1 << 30);

    /// The same test in a process of its own, which a signal may end.
    struct Other {
        child: Child,
        lines: Lines<BufReader<ChildStdout>>,
    }

    impl Other {
        fn start(test: &str) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture", test])
                .env(ROLE, "1")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            Self { child, lines }
        }

        fn says(&mut self, text: &str) {
            assert!(self.lines.any(|line| line.unwrap().ends_with(text)), "{text}");
        }

        fn send(&self, signal: Sent) {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }

        fn ends(self) -> (Option<i32>, String) {
            drop(self.lines);
            let output = self.child.wait_with_output().unwrap();
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        }
    }

    fn is_child() -> bool {
        std::env::var_os(ROLE).is_some()
    }

    fn handling(patience: Duration) -> Signals {
        let signals = Signals::ask().unwrap();
        signals.begin_handling_within(patience);
        signals
    }

    /// Blocks every worker of a runtime, and says when the drain should begin.
    fn block(signals: &Signals) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let (sender, blocked) = mpsc::channel();
        runtime.spawn(async move {
            sender.send(()).unwrap();
            loop {
                thread::park();
            }
        });
        blocked.recv().unwrap();
        crate::cli::say(&"\nready").unwrap();
        runtime.block_on(signals.first());
        crate::cli::say(&"\ndraining").unwrap();
        loop {
            thread::park();
        }
    }

    #[test]
    fn a_handler_that_never_yields_cannot_keep_the_process() {
        if is_child() {
            block(&handling(Duration::from_millis(1)));
        }
        let mut other =
            Other::start("cli::signals::tests::a_handler_that_never_yields_cannot_keep_the_process");
        other.says("ready");
        other.send(Sent::TERM);
        let (code, said) = other.ends();
        assert_eq!(code, Some(i32::from(UNFINISHED)), "{said}");
        assert!(said.contains("a handler never yields"), "{said}");
    }

    #[test]
    fn a_second_signal_ends_at_once_while_every_worker_is_blocked() {
        if is_child() {
            block(&handling(FOREVER));
        }
        let mut other =
            Other::start("cli::signals::tests::a_second_signal_ends_at_once_while_every_worker_is_blocked");
        other.says("ready");
        other.send(Sent::TERM);
        other.says("draining");
        other.send(Sent::TERM);
        let (code, said) = other.ends();
        assert_eq!(code, Some(143), "{said}");
        assert!(said.contains("SIGTERM again"), "{said}");
    }

    #[test]
    fn a_signal_after_the_command_is_over_ends_at_once() {
        if is_child() {
            drop(handling(FOREVER));
            crate::cli::say(&"\nready").unwrap();
            loop {
                thread::park();
            }
        }
        let mut other = Other::start("cli::signals::tests::a_signal_after_the_command_is_over_ends_at_once");
        other.says("ready");
        other.send(Sent::TERM);
        let (code, said) = other.ends();
        assert_eq!(code, Some(143), "{said}");
        assert!(said.contains("SIGTERM: ended at once"), "{said}");
    }

    #[test]
    fn a_signal_while_a_command_only_asks_ends_at_once_with_the_code_of_the_signal() {
        if is_child() {
            let _signals = Signals::ask().unwrap();
            crate::cli::say(&"\nready").unwrap();
            loop {
                thread::park();
            }
        }
        for (signal, expected) in [(Sent::INT, 130), (Sent::TERM, 143)] {
            let mut other = Other::start(
                "cli::signals::tests::a_signal_while_a_command_only_asks_ends_at_once_with_the_code_of_the_signal",
            );
            other.says("ready");
            other.send(signal);
            let (code, said) = other.ends();
            assert_eq!(code, Some(expected), "{said}");
            assert!(said.contains(": ended at once"), "{said}");
        }
    }
}
