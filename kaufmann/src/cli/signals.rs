//! SIGINT and SIGTERM: the first one drains, the second one ends at once.
//!
//! They are listened for on a thread of their own: handlers that block every worker of the service's runtime must not be
//! able to keep the process.

use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::{Error, ErrorKind};

/// What the process exits with when a signal ends it at once.
const INTERRUPTED: i32 = 130;

/// What the process exits with when it had to be ended after the deadline.
const UNFINISHED: i32 = 75;

/// How much longer than `shutdown_deadline` the process may live after the first signal.
const GRACE: Duration = Duration::from_secs(5);

/// How long the last words may take: whoever reads stderr may have stopped.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Listens for signals as long as the process lives. When it is dropped, the command is over: nothing has to be drained any
/// more, and a signal ends the process at once.
#[derive(Debug)]
pub(crate) struct Signals {
    first: CancellationToken,
    over: CancellationToken,
}

impl Signals {
    /// Listens from now on. A process that lives longer than `shutdown_deadline` and a little more after the first signal is
    /// ended.
    pub(crate) fn listen(shutdown_deadline: Duration) -> Result<Self, Error> {
        Self::listen_within(shutdown_deadline, GRACE)
    }

    /// The same for a command that runs no handlers: what it waits for when a signal comes can only be servers.
    #[cfg(feature = "kafka")]
    pub(crate) fn listen_for_a_look() -> Result<Self, Error> {
        let late = Late {
            why: "no server answers",
            code: INTERRUPTED,
        };
        Self::listen_as(GRACE, late)
    }

    fn listen_within(shutdown_deadline: Duration, grace: Duration) -> Result<Self, Error> {
        let late = Late {
            why: "a handler never yields, and its record is handled again by the next instance",
            code: UNFINISHED,
        };
        Self::listen_as(shutdown_deadline.saturating_add(grace), late)
    }

    fn listen_as(patience: Duration, late: Late) -> Result<Self, Error> {
        let signals = Self {
            first: CancellationToken::new(),
            over: CancellationToken::new(),
        };
        let watch = Watch {
            first: signals.first.clone(),
            over: signals.over.clone(),
            patience,
            late,
        };
        let (sender, listening) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("kaufmann-signals".to_owned())
            .spawn(move || watch.run(&sender))
            .and_then(|_| listening.recv().map_err(std::io::Error::other).flatten())
            .map_err(|error| {
                Error::new(ErrorKind::Start, "signals cannot be listened for").caused_by(error)
            })?;
        Ok(signals)
    }

    /// Whether the first signal has come.
    #[cfg(feature = "kafka")]
    pub(crate) fn has_come(&self) -> bool {
        self.first.is_cancelled()
    }

    /// Waits for the first signal.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.first.clone().cancelled_owned()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// What the thread does.
struct Watch {
    first: CancellationToken,
    over: CancellationToken,
    /// How long the process may live after the first signal.
    patience: Duration,
    late: Late,
}

/// What the process says, and exits with, when it has lived longer than that.
struct Late {
    why: &'static str,
    code: i32,
}

impl Watch {
    fn run(self, listening: &mpsc::SyncSender<std::io::Result<()>>) {
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

    async fn watch(self, mut signals: Stream) {
        let name = signals.next().await;
        if self.over.is_cancelled() {
            end(format!("{name}: ended at once"), INTERRUPTED);
        }
        self.first.cancel();
        // Not on this thread, which must hear the second signal even if nobody reads the log.
        thread::spawn(move || info!("{name}: finishing what runs; a second signal ends at once"));
        tokio::select! {
            name = signals.next() => return end_again(name),
            () = tokio::time::sleep(self.patience) => {}
            () = self.over.cancelled() => return end_again(signals.next().await),
        }
        end(
            format!(
                "ended {} after {name}: {}",
                humantime::format_duration(self.patience),
                self.late.why
            ),
            self.late.code,
        );
    }
}

fn end_again(name: &str) {
    end(format!("{name} again: ended with work unfinished"), INTERRUPTED)
}

/// Ends the process.
pub(super) fn end_at_once(why: &str) -> ! {
    end(why.to_owned(), INTERRUPTED)
}

fn end(why: String, code: i32) -> ! {
    let (sender, said) = mpsc::sync_channel(1);
    thread::spawn(move || {
        super::complain(&why);
        _ = sender.send(());
    });
    _ = said.recv_timeout(LAST_WORDS);
    process::exit(code)
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};

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

        fn terminate(&self) {
            kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
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
            block(&Signals::listen_within(Duration::ZERO, Duration::from_millis(1)).unwrap());
        }
        let mut other =
            Other::start("cli::signals::tests::a_handler_that_never_yields_cannot_keep_the_process");
        other.says("ready");
        other.terminate();
        let (code, said) = other.ends();
        assert_eq!(code, Some(UNFINISHED), "{said}");
        assert!(said.contains("a handler never yields"), "{said}");
    }

    #[test]
    fn a_second_signal_ends_at_once_while_every_worker_is_blocked() {
        if is_child() {
            block(&Signals::listen_within(FOREVER, FOREVER).unwrap());
        }
        let mut other =
            Other::start("cli::signals::tests::a_second_signal_ends_at_once_while_every_worker_is_blocked");
        other.says("ready");
        other.terminate();
        other.says("draining");
        other.terminate();
        let (code, said) = other.ends();
        assert_eq!(code, Some(INTERRUPTED), "{said}");
        assert!(said.contains("SIGTERM again"), "{said}");
    }

    #[test]
    fn a_signal_after_the_command_is_over_ends_at_once() {
        if is_child() {
            let signals = Signals::listen_within(FOREVER, FOREVER).unwrap();
            drop(signals);
            crate::cli::say(&"\nready").unwrap();
            loop {
                thread::park();
            }
        }
        let mut other = Other::start("cli::signals::tests::a_signal_after_the_command_is_over_ends_at_once");
        other.says("ready");
        other.terminate();
        let (code, said) = other.ends();
        assert_eq!(code, Some(INTERRUPTED), "{said}");
        assert!(said.contains("SIGTERM: ended at once"), "{said}");
    }
}
