use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal as Sent, kill_process};

use super::*;

const ROLE: &str = "KAUFMANN_TEST_SIGNALS_CHILD";
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// The same test in a process of its own, which a signal may end.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    finish: ChildStdin,
}

impl Other {
    fn start(test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", test])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let finish = child.stdin.take().unwrap();
        Self { child, lines, finish }
    }

    fn says(&mut self, text: &str) {
        assert!(self.lines.any(|line| line.unwrap().ends_with(text)), "{text}");
    }

    fn send(&self, signal: Sent) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until a signal is not of the same moment as the last one any more.
    fn pass_the_moment(&self) {
        thread::sleep(Duration::from_millis(300));
    }

    /// What it had to finish is finished.
    fn finish(&mut self) {
        self.finish.write_all(b"\n").unwrap();
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
    crate::cli::output::say(&"\nready").unwrap();
    runtime.block_on(signals.first());
    crate::cli::output::say(&"\ndraining").unwrap();
    loop {
        thread::park();
    }
}

/// Waits for the first signal, then for the parent.
fn drain_when_told(signals: &Signals) -> ! {
    tracing_subscriber::fmt().with_ansi(false).init();
    wait_for_the_first(signals);
    crate::cli::output::say(&"\ndraining").unwrap();
    wait_for_the_parent();
    std::process::exit(0);
}

fn wait_for_the_first(signals: &Signals) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    crate::cli::output::say(&"\nready").unwrap();
    runtime.block_on(signals.first());
}

fn wait_for_the_parent() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_handler_that_never_yields_cannot_keep_the_process() {
    if is_child() {
        block(&handling(Duration::from_millis(1)));
    }
    let mut other = Other::start("cli::signals::tests::a_handler_that_never_yields_cannot_keep_the_process");
    other.says("ready");
    other.send(Sent::TERM);
    let (code, said) = other.ends();
    assert_eq!(code, Some(i32::from(UNFINISHED)), "{said}");
    assert!(said.contains("a handler never yields"), "{said}");
}

#[test]
fn sigint_after_any_signal_ends_at_once_while_every_worker_is_blocked() {
    if is_child() {
        block(&handling(FOREVER));
    }
    for first in [Sent::INT, Sent::TERM] {
        let mut other = Other::start(
            "cli::signals::tests::sigint_after_any_signal_ends_at_once_while_every_worker_is_blocked",
        );
        other.says("ready");
        other.send(first);
        other.says("draining");
        other.pass_the_moment();
        other.send(Sent::INT);
        let (code, said) = other.ends();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("ended with work unfinished"), "{said}");
    }
}

#[test]
fn a_repeated_sigterm_or_sighup_lets_what_runs_be_finished() {
    if is_child() {
        drain_when_told(&handling(FOREVER));
    }
    for (first, second) in [
        (Sent::TERM, Sent::TERM),
        (Sent::HUP, Sent::HUP),
        (Sent::HUP, Sent::TERM),
        (Sent::INT, Sent::TERM),
    ] {
        let mut other =
            Other::start("cli::signals::tests::a_repeated_sigterm_or_sighup_lets_what_runs_be_finished");
        other.says("ready");
        other.send(first);
        other.says("draining");
        other.pass_the_moment();
        other.send(second);
        other.says("what runs is still being finished; SIGINT (Ctrl-C) ends at once");
        other.finish();
        let (code, said) = other.ends();
        assert_eq!(code, Some(0), "{first:?}, {second:?}: {said}");
    }
}

#[test]
fn two_signals_of_one_moment_are_one_stop() {
    if is_child() {
        drain_when_told(&handling(FOREVER));
    }
    for (first, second) in [
        (Sent::TERM, Sent::TERM),
        (Sent::INT, Sent::INT),
        (Sent::TERM, Sent::INT),
    ] {
        let mut other = Other::start("cli::signals::tests::two_signals_of_one_moment_are_one_stop");
        other.says("ready");
        other.send(first);
        other.send(second);
        other.says("draining");
        other.finish();
        let (code, said) = other.ends();
        assert_eq!(code, Some(0), "{first:?}, {second:?}: {said}");
    }
}

#[test]
fn a_signal_that_comes_again_while_a_finished_command_ends_does_not_change_its_exit_code() {
    if is_child() {
        let signals = handling(FOREVER);
        wait_for_the_first(&signals);
        drop(signals);
        crate::cli::output::say(&"\nover").unwrap();
        wait_for_the_parent();
        std::process::exit(0);
    }
    let mut other = Other::start(
        "cli::signals::tests::a_signal_that_comes_again_while_a_finished_command_ends_does_not_change_its_exit_code",
    );
    other.says("ready");
    other.send(Sent::TERM);
    other.says("over");
    other.send(Sent::TERM);
    other.finish();
    let (code, said) = other.ends();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_signal_after_the_command_is_over_ends_at_once() {
    if is_child() {
        drop(handling(FOREVER));
        crate::cli::output::say(&"\nready").unwrap();
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
        crate::cli::output::say(&"\nready").unwrap();
        loop {
            thread::park();
        }
    }
    for (signal, expected) in [(Sent::INT, 130), (Sent::TERM, 143), (Sent::HUP, 129)] {
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
