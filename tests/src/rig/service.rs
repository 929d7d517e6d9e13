//! The service under test, as the binary that a user would run: the quickstart, or a program of the tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;
use super::wait_until;

/// How long the service may take to end; its own deadline is 25 s.
pub const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// How to start a service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The quickstart if there is none.
    program: Option<PathBuf>,
    /// Where its logs go instead of a file.
    stderr: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    file: String,
}

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

/// A service that runs. It is killed on drop.
pub struct Running {
    process: Process,
    _folder: TempDir,
}

impl Service {
    /// `quickstart` with a command and nothing else; what it needs comes from elsewhere.
    #[must_use]
    pub fn bare(command: &str) -> Self {
        Self {
            program: None,
            stderr: None,
            arguments: vec![command.to_owned()],
            environment: Vec::new(),
            file: String::new(),
        }
    }

    /// `quickstart run` with these flags.
    #[must_use]
    pub fn run(brokers: &str, group: &str, topic: &str, registry: &str) -> Self {
        Self::command("run", brokers, group, topic, registry)
    }

    /// `quickstart` with a command and these flags.
    #[must_use]
    pub fn command(command: &str, brokers: &str, group: &str, topic: &str, registry: &str) -> Self {
        let mut service = Self::bare(command);
        for (flag, value) in [
            ("--brokers", brokers),
            ("--group", group),
            ("--topics", topic),
            ("--registry-url", registry),
        ] {
            service.arguments.extend([flag.to_owned(), value.to_owned()]);
        }
        service
    }

    /// More arguments, at the end.
    #[must_use]
    pub fn with_arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Another program with the same commands.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Sends the logs somewhere else, so that [`Running::logs`] has none.
    #[must_use]
    pub fn with_stderr(mut self, file: impl Into<PathBuf>) -> Self {
        self.stderr = Some(file.into());
        self
    }

    /// More arguments, directly behind the command: what it has below itself.
    #[must_use]
    pub fn with_arguments_first(mut self, arguments: &[&str]) -> Self {
        let more = arguments.iter().map(|argument| (*argument).to_owned());
        self.arguments.splice(1..1, more);
        self
    }

    /// An environment variable; those that begin with `KAUFMANN_` are not inherited.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The `kaufmann.toml` in the folder where it is started.
    #[must_use]
    pub fn with_file(mut self, text: &str) -> Self {
        self.file.push_str(text);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot be built or started.
    pub fn start(&self) -> Result<Running> {
        let folder = tempfile::Builder::new().prefix("kaufmann-service-").tempdir()?;
        let process = Process::spawn("service", &mut self.process(&folder)?, &folder)?;
        Ok(Running {
            process,
            _folder: folder,
        })
    }

    /// Runs it to its own end, for commands that are done at once.
    ///
    /// # Errors
    ///
    /// If it cannot be built or started, or ends by a signal.
    pub fn output(&self) -> Result<Output> {
        let folder = tempfile::Builder::new().prefix("kaufmann-service-").tempdir()?;
        let output = self.process(&folder)?.output()?;
        Ok(Output {
            code: output.status.code().context("it ended by a signal")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    fn process(&self, folder: &TempDir) -> Result<Command> {
        fs::write(folder.path().join("kaufmann.toml"), &self.file)?;
        let program = match &self.program {
            Some(program) => program.clone(),
            None => program("quickstart", "quickstart")?,
        };
        let mut command = match &self.stderr {
            None => Command::new(program),
            Some(file) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", r#"exec "$@" 2>>"$0""#]).arg(file).arg(program);
                shell
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KAUFMANN_") {
                command.env_remove(name);
            }
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.path())
            .stdin(Stdio::null());
        Ok(command)
    }
}

impl Running {
    /// The most memory that the process has had at once, in bytes.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmHWM")?.trim().parse::<u64>()? * 1024)
    }

    /// Its logs so far: one JSON object a line, because standard error is no terminal.
    #[must_use]
    pub fn logs(&self) -> String {
        self.process.stderr()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        self.process.stdout()
    }

    /// The end of what it has printed, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        self.process.tail()
    }

    /// Waits until `pattern` is in the logs.
    ///
    /// # Errors
    ///
    /// If it ends or the deadline passes before that.
    pub fn wait_log(&mut self, pattern: &str, deadline: Duration) -> Result<()> {
        let what = format!("the log should say `{pattern}`");
        let found = wait_until(&what, deadline, || {
            let ended = self.process.exited()?;
            let found = self.logs().contains(pattern);
            ensure!(
                found || ended.is_none(),
                "it ended before the log said `{pattern}`"
            );
            Ok(found.then_some(()))
        });
        found.with_context(|| self.tail())
    }

    /// Whether it is there; a service that has ended by itself is an error with the end of its log.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn assert_running(&mut self) -> Result<()> {
        match self.process.exited()? {
            Some(status) => Err(anyhow!("it ended by itself with {status}\n{}", self.tail())),
            None => Ok(()),
        }
    }

    /// Waits for its own end.
    ///
    /// # Errors
    ///
    /// If it goes on running.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.process.wait(deadline)
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends a signal, and waits for nothing.
    ///
    /// # Errors
    ///
    /// If it has ended before.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Sends a signal and waits for the end.
    ///
    /// # Errors
    ///
    /// If it has ended before, or does not end.
    pub fn stop(&mut self, signal: Signal) -> Result<ExitStatus> {
        self.signal(signal)?;
        self.wait(STOP_DEADLINE)
    }

    /// [`Running::stop`] by SIGTERM, which must end in exit code 0.
    ///
    /// # Errors
    ///
    /// If it ends otherwise.
    pub fn stop_cleanly(&mut self) -> Result<()> {
        let status = self.stop(Signal::TERM)?;
        ensure!(
            status.success(),
            "after SIGTERM it ended with {status}\n{}",
            self.tail()
        );
        Ok(())
    }
}

/// A program of a package of the workspace, in the folder where cargo has put this test. The package is built once a run, so that its
/// programs are never old ones.
///
/// # Errors
///
/// If it does not build; the same error each time.
pub fn program(package: &'static str, name: &str) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = built
        .entry(package)
        .or_insert_with(|| build(package).map_err(|error| format!("{error:#}")));
    match folder {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => Err(anyhow!("{error}")),
    }
}

/// Builds a package's programs, and gives the folder in which they are.
fn build(package: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    // <target>/<profile>/deps/<test>
    let profile = test
        .ancestors()
        .nth(2)
        .context("the test is not in a target folder")?;
    let target = profile.parent().context("the test is not in a target folder")?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--quiet", "-p", package, "--target-dir"])
        .arg(target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let output = command
        .current_dir(super::here())
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "{package} does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(profile.to_owned())
}
