//! Child processes that never outlive the test.
//!
//! A child leads a process group of its own. Beside it stands a guard, a shell that reads from a pipe: when this process
//! dies, however that happens, the pipe closes, and the guard kills the group and removes the child's folder.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::wait_until;

/// A running child with its output in files.
pub struct Process {
    name: String,
    child: Child,
    exited: Option<ExitStatus>,
    guard: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command`. Its output goes to files in `folder`, which is also what the guard removes if this process dies.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn spawn(name: &str, command: &mut Command, folder: &TempDir) -> Result<Self> {
        let stdout = folder.path().join(format!("{name}.out"));
        let stderr = folder.path().join(format!("{name}.err"));
        let child = command
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let guard = guard(child.id(), folder.path()).context("cannot start a guard: sh is missing")?;
        Ok(Self {
            name: name.to_owned(),
            child,
            exited: None,
            guard,
            stdout,
            stderr,
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// The pipe to its standard input, if `command` asked for one; it closes when the pipe is dropped.
    pub fn take_stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// If the system cannot tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait()?;
        }
        Ok(self.exited)
    }

    /// Asks it to stop, as a supervisor or Ctrl-C does.
    ///
    /// # Errors
    ///
    /// If it is not there any more.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.exited()? {
            anyhow::bail!("{} has already ended with {status}:\n{}", self.name, self.tail());
        }
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// If it still runs at the deadline; the error holds the end of its log.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("{} should end", self.name);
        wait_until(&what, deadline, || self.exited()).with_context(|| self.tail())
    }

    /// The last lines of both outputs, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        format!(
            "--- end of {}'s output\n{}{}---",
            self.name,
            last_lines(&self.stdout()),
            last_lines(&self.stderr())
        )
    }

    /// Kills it without a warning, with whatever it has started.
    pub fn kill(&mut self) {
        if !matches!(self.exited(), Ok(Some(_))) {
            // It may have ended in between, which is what is wanted.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            self.exited = self.child.wait().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        // The guard goes last, and by force: its pipe would tell it that this process has died.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

fn guard(group: u32, folder: &Path) -> std::io::Result<Child> {
    Command::new("sh")
        .args([
            "-c",
            // What is killed may write until it is gone.
            r#"read -r _
            kill -s KILL -- "-$1" 2>/dev/null
            for i in 1 2 3 4 5 6 7 8 9; do kill -s 0 -- "-$1" 2>/dev/null && sleep 0.1; done
            rm -rf -- "$2""#,
            "guard",
        ])
        .arg(group.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A file that cannot be read shows as empty; the assertion on its content then fails with the rest of the story.
    let _ = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..]
        .iter()
        .flat_map(|line| [line, "\n"])
        .collect()
}
