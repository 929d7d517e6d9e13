use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal as Sent, kill_process};

use super::*;

const ROLE: &str = "KAUFMANN_TEST_SIGNALS_CHILD";
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// The same test in another process, which a signal may end.
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

    fn prints(&mut self, text: &str) {
        assert!(self.lines.any(|line| line.unwrap().ends_with(text)), "{text}");
    }

    fn send(&self, signal: Sent) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the next signal no longer counts as part of the first one.
    fn wait_out_one_stop(&self) {
        thread::sleep(Duration::from_millis(300));
    }

    /// Lets it finish its work.
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
    let signals = Signals::end_at_first().unwrap();
    signals.begin_handling_within(patience);
    signals
}

/// Blocks every worker of a runtime, and prints when the drain should begin.
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
    crate::cli::output::print_line(&"\nready").unwrap();
    runtime.block_on(signals.first());
    crate::cli::output::print_line(&"\ndraining").unwrap();
    loop {
        thread::park();
    }
}

/// Waits for the first signal, then for the parent.
fn drain_on_signal(signals: &Signals) -> ! {
    tracing_subscriber::fmt().with_ansi(false).init();
    wait_for_the_first(signals);
    crate::cli::output::print_line(&"\ndraining").unwrap();
    wait_for_the_parent();
    std::process::exit(0);
}

fn wait_for_the_first(signals: &Signals) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    crate::cli::output::print_line(&"\nready").unwrap();
    runtime.block_on(signals.first());
}

fn wait_for_the_parent() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_handler_that_never_yields_cannot_keep_the_process_alive() {
    if is_child() {
        block(&handling(Duration::from_millis(1)));
    }
    let mut other =
        Other::start("cli::signals::tests::a_handler_that_never_yields_cannot_keep_the_process_alive");
    other.prints("ready");
    other.send(Sent::TERM);
    let (code, said) = other.ends();
    assert_eq!(code, Some(i32::from(UNFINISHED)), "{said}");
    assert!(said.contains("a handler did not yield"), "{said}");
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
        other.prints("ready");
        other.send(first);
        other.prints("draining");
        other.wait_out_one_stop();
        other.send(Sent::INT);
        let (code, said) = other.ends();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("ended with work unfinished"), "{said}");
    }
}

#[test]
fn a_repeated_sigterm_or_sighup_lets_the_work_in_flight_finish() {
    if is_child() {
        drain_on_signal(&handling(FOREVER));
    }
    for (first, second) in [
        (Sent::TERM, Sent::TERM),
        (Sent::HUP, Sent::HUP),
        (Sent::HUP, Sent::TERM),
        (Sent::INT, Sent::TERM),
    ] {
        let mut other =
            Other::start("cli::signals::tests::a_repeated_sigterm_or_sighup_lets_the_work_in_flight_finish");
        other.prints("ready");
        other.send(first);
        other.prints("draining");
        other.wait_out_one_stop();
        other.send(second);
        other.prints("still finishing the work in flight; SIGINT (Ctrl-C) ends at once");
        other.finish();
        let (code, said) = other.ends();
        assert_eq!(code, Some(0), "{first:?}, {second:?}: {said}");
    }
}

#[test]
fn two_signals_at_the_same_time_count_as_one() {
    if is_child() {
        drain_on_signal(&handling(FOREVER));
    }
    for (first, second) in [
        (Sent::TERM, Sent::TERM),
        (Sent::INT, Sent::INT),
        (Sent::TERM, Sent::INT),
    ] {
        let mut other = Other::start("cli::signals::tests::two_signals_at_the_same_time_count_as_one");
        other.prints("ready");
        other.send(first);
        other.send(second);
        other.prints("draining");
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
        crate::cli::output::print_line(&"\nover").unwrap();
        wait_for_the_parent();
        std::process::exit(0);
    }
    let mut other = Other::start(
        "cli::signals::tests::a_signal_that_comes_again_while_a_finished_command_ends_does_not_change_its_exit_code",
    );
    other.prints("ready");
    other.send(Sent::TERM);
    other.prints("over");
    other.send(Sent::TERM);
    other.finish();
    let (code, said) = other.ends();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_signal_after_the_command_is_over_ends_at_once() {
    if is_child() {
        drop(handling(FOREVER));
        crate::cli::output::print_line(&"\nready").unwrap();
        loop {
            thread::park();
        }
    }
    let mut other = Other::start("cli::signals::tests::a_signal_after_the_command_is_over_ends_at_once");
    other.prints("ready");
    other.send(Sent::TERM);
    let (code, said) = other.ends();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("SIGTERM: ended at once"), "{said}");
}

#[test]
fn a_signal_while_a_command_only_reads_ends_at_once_with_the_code_of_the_signal() {
    if is_child() {
        let _signals = Signals::end_at_first().unwrap();
        crate::cli::output::print_line(&"\nready").unwrap();
        loop {
            thread::park();
        }
    }
    for (signal, expected) in [(Sent::INT, 130), (Sent::TERM, 143), (Sent::HUP, 129)] {
        let mut other = Other::start(
            "cli::signals::tests::a_signal_while_a_command_only_reads_ends_at_once_with_the_code_of_the_signal",
        );
        other.prints("ready");
        other.send(signal);
        let (code, said) = other.ends();
        assert_eq!(code, Some(expected), "{said}");
        assert!(said.contains(": ended at once"), "{said}");
    }
}
