//! A contender's process: starts it, waits for it within a limit, and reads its report.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench_checks::Report;
use tempfile::TempDir;

use crate::entrants::Contender;

/// How long a run may take. The longest takes about 20 s.
const LIMIT: Duration = Duration::from_secs(150);
/// How often to look whether a run has ended.
const POLL: Duration = Duration::from_millis(20);

/// One run of a contender; dropping this kills the process.
pub(crate) struct Process {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
    end: Instant,
    /// Temporary folder of a JVM, which does not clean up when it is killed.
    _folder: Option<TempDir>,
}

impl Process {
    pub(crate) fn start(contender: &Contender, arguments: &[String]) -> Result<Self> {
        let program = contender.program.split_first();
        let (program, first) = program.context("the contender has no program")?;
        let mut command = Command::new(program);
        let mut folder = None;
        if program == "java" {
            let own = tempfile::Builder::new().prefix("kaufmann-bench-").tempdir()?;
            command.arg(format!("-Djava.io.tmpdir={}", own.path().display()));
            folder = Some(own);
        }
        let mut child = command
            .args(first)
            .args(arguments)
            // An error is shown without a backtrace.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self {
            out: child.stdout.take().map(collect),
            err: child.stderr.take().map(collect),
            child,
            end: Instant::now() + LIMIT,
            _folder: folder,
        })
    }

    /// Waits for the end and reads the report.
    pub(crate) fn report(mut self) -> Result<Report> {
        let status = self.wait()?;
        let out = text(self.out.take());
        if !status.success() {
            bail!("it ended with {status}:\n{}", text(self.err.take()));
        }
        let line = out.lines().last().context("it printed nothing")?;
        serde_json::from_str(line).with_context(|| format!("it printed no report: {line}"))
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= self.end {
                bail!("it did not end within {} s", LIMIT.as_secs());
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if the process has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Reads in a thread while the process runs, so that a full pipe does not block it.
fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // After an error, what was read before is returned.
        _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn text(reader: Option<JoinHandle<String>>) -> String {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}
