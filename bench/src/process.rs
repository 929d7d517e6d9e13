//! A contender's process: started, waited for as long as it may take, and its report read.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench_checks::Report;
use tempfile::TempDir;

use crate::entrants::Contender;

/// How long a run may take. The longest that is expected takes about 20 s.
const LIMIT: Duration = Duration::from_secs(150);
/// How often it is looked whether a run is over.
const LOOK: Duration = Duration::from_millis(20);

/// One run of a contender, ended with this.
pub(crate) struct Process {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
    end: Instant,
    /// What a virtual machine unpacks goes there: one that is killed removes nothing.
    _folder: Option<TempDir>,
}

impl Process {
    pub(crate) fn start(contender: &Contender, arguments: &[String]) -> Result<Self> {
        let program = contender.program.split_first();
        let (program, first) = program.context("a contender without a program")?;
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
            // A failure is shown without the frames of the process.
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

    /// Waits for the end.
    pub(crate) fn report(mut self) -> Result<Report> {
        let status = self.wait()?;
        let out = said(self.out.take());
        if !status.success() {
            bail!("it ended with {status}:\n{}", said(self.err.take()));
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
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Reads on while the process runs, so that a full pipe does not hold it up.
fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is what there is.
        _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn said(by: Option<JoinHandle<String>>) -> String {
    by.and_then(|by| by.join().ok()).unwrap_or_default()
}
