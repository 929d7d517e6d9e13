//! A package created by the command, and the commands of Cargo and of its program in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A created package.
pub(super) struct Package {
    folder: PathBuf,
    name: &'static str,
}

impl Package {
    /// `cargo kaufmann new`, depending on this checkout.
    pub(super) fn new(name: &'static str) -> Self {
        let desk = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cargo-kaufmann-{name}"));
        if desk.exists() {
            fs::remove_dir_all(&desk).unwrap();
        }
        fs::create_dir_all(desk.join("run")).unwrap();
        // The target folder is in this workspace, of which the package must not become a member.
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = []\n";
        fs::write(desk.join("Cargo.toml"), manifest).unwrap();
        let package = Self {
            folder: desk.join(name),
            name,
        };
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        kaufmann(&desk, &["new", name, "--path", workspace.to_str().unwrap()]);
        // So that Cargo asks no package registry.
        fs::copy(workspace.join("Cargo.lock"), desk.join("Cargo.lock")).unwrap();
        package
    }

    /// `cargo kaufmann add`.
    pub(super) fn add(&self, arguments: &[&str]) {
        let mut all = vec!["add"];
        all.extend(arguments);
        kaufmann(&self.folder, &all);
    }

    /// Replaces a part of a file, which must contain it.
    pub(super) fn edit(&self, path: &str, old: &str, new: &str) {
        let path = self.folder.join(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{}: {text}", path.display());
        fs::write(&path, text.replace(old, new)).unwrap();
    }

    /// Adds to the end of a file.
    pub(super) fn append(&self, path: &str, more: &str) {
        let path = self.folder.join(path);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + more).unwrap();
    }

    /// A command of Cargo.
    pub(super) fn cargo(&self, arguments: &[&str]) -> Said {
        said(self.cargo_command(arguments).output().unwrap())
    }

    /// The compiled dependencies that a command of Cargo uses: another set of features is another file.
    pub(super) fn libraries(&self, arguments: &[&str]) -> BTreeSet<String> {
        let mut command = self.cargo_command(arguments);
        let printed = said(command.arg("--message-format=json").output().unwrap()).well();
        let libraries = printed
            .lines()
            .filter(|line| line.contains("\"reason\":\"compiler-artifact\""))
            .flat_map(|line| line.split('"'))
            .filter(|text| text.ends_with(".rlib") || text.ends_with(".rmeta"));
        libraries.map(str::to_owned).collect()
    }

    /// A command of Cargo with clippy as the compiler, and warnings as errors.
    pub(super) fn cargo_with_clippy(&self, arguments: &[&str]) -> Said {
        let mut command = self.cargo_command(arguments);
        command
            .env("RUSTC_WORKSPACE_WRAPPER", tool("clippy-driver"))
            .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
        said(command.output().unwrap())
    }

    fn cargo_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool("cargo"));
        command
            .args(arguments)
            .args(["--offline", "--color=never"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", profile().parent().unwrap())
            .stdin(Stdio::null());
        if profile().ends_with("release") {
            command.arg("--release");
        }
        command
    }

    /// The changes that rustfmt would make.
    pub(super) fn unformatted(&self) -> String {
        let mut command = Command::new(tool("rustfmt"));
        command
            .args(["--check", "--edition", "2024", "build.rs", "src/main.rs"])
            .current_dir(&self.folder);
        let said = said(command.output().unwrap());
        said.out + &said.err
    }

    /// Runs a command of the package's program to its end.
    pub(super) fn program(&self, arguments: &[&str]) -> Said {
        said(self.program_command(arguments).output().unwrap())
    }

    /// Starts a command of the package's program.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        let out = self.run_folder().join("out");
        let mut command = self.program_command(arguments);
        let err = File::create(self.run_folder().join("err")).unwrap();
        command.stdout(File::create(&out).unwrap()).stderr(err);
        Running {
            child: command.spawn().unwrap(),
            out,
        }
    }

    fn program_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(profile().join(self.name));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KAUFMANN_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("XDG_RUNTIME_DIR", self.run_folder())
            .stdin(Stdio::null());
        command
    }

    fn run_folder(&self) -> PathBuf {
        self.folder.parent().unwrap().join("run")
    }
}

/// The output of a command, and its exit code.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// The standard output; panics unless the exit code is 0.
    #[track_caller]
    pub(super) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// The compiler's errors, each with its lines, without Cargo's summary.
    pub(super) fn errors(&self) -> Vec<String> {
        let mut errors = Vec::<String>::new();
        let mut is_within = false;
        for line in self.err.lines() {
            if line.starts_with("error") {
                errors.push(String::new());
                is_within = true;
            }
            is_within &= !line.is_empty();
            if let Some(error) = errors.last_mut().filter(|_| is_within) {
                *error += &format!("{line}\n");
            }
        }
        let of_cargo = ["error: could not compile", "error: build script logged errors"];
        errors.retain(|error| !of_cargo.iter().any(|text| error.starts_with(text)));
        errors
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running program. It is killed on drop.
pub(super) struct Running {
    child: Child,
    out: PathBuf,
}

impl Running {
    /// Waits until it has printed a text.
    #[track_caller]
    pub(super) fn wait_for(&mut self, wanted: &str) {
        let since = Instant::now();
        loop {
            let printed = fs::read_to_string(&self.out).unwrap();
            if printed.contains(wanted) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended without `{wanted}`: {printed}");
            assert!(since.elapsed() < PATIENCE, "there is no `{wanted}` in: {printed}");
            sleep(Duration::from_millis(20));
        }
    }

    /// The output so far.
    pub(super) fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Stops it with SIGTERM, as a supervisor does.
    pub(super) fn stop(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "it does not end");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs `cargo kaufmann`, which must succeed.
fn kaufmann(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-kaufmann"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    said(output).well();
}

/// A tool of this test's toolchain.
fn tool(name: &str) -> PathBuf {
    Path::new(&std::env::var_os("CARGO").unwrap()).with_file_name(name)
}

/// The profile's folder, from the path of this test: `<target>/<profile>/deps/<test>`.
fn profile() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}
