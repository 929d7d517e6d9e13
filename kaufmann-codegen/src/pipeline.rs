//! From a folder of schemas to code: load → model → check → lock → naming → render → write.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Error, ErrorKind, sorted};
use crate::{check, load, lock, model, naming, render, write};

/// The variable that lets breaks of the lock pass.
const BREAKS: &str = "KAUFMANN_CODEGEN_BREAKS";

/// What to do where the commands that deal with a break are those of the program that does not build because of it.
const WAY_ON: &str = "`KAUFMANN_CODEGEN_BREAKS=warn cargo run -- schema …` builds in spite of what breaks the lock, for \
                      `schema diff` and `schema reset`";

/// The code of a folder of schemas.
#[derive(Clone, PartialEq, Debug)]
pub struct Generated {
    /// The Rust source.
    pub code: String,
    /// The names of the events, in the order of the generated `events::ALL`.
    pub events: Vec<String>,
    /// Every file and every folder the code depends on.
    pub watched: Vec<String>,
    /// What is legal but hardly meant, each `path:line:column: message`: a logical type that Avro ignores, a misspelt
    /// attribute.
    pub warnings: Vec<String>,
}

impl Config {
    /// Generates the code of a folder of schemas, without writing or printing.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files, sorted by place.
    pub fn generate(&self, dir: impl AsRef<Path>) -> Result<Generated, Vec<Error>> {
        self.generate_with(dir.as_ref(), false)
    }

    /// The same; what breaks the lock is a warning if `breaks_pass`.
    fn generate_with(&self, dir: &Path, breaks_pass: bool) -> Result<Generated, Vec<Error>> {
        let (mut folder, mut errors) = load::load(dir);
        if self.no_samples {
            folder.leave_samples(&mut errors);
        }
        let types = model::parse(&folder.schemas, &mut errors);
        // Each stage goes on with what is right, so that all errors of all files are reported at once.
        let mut events = check::check(&types, &folder, self, &dir.to_string_lossy(), &mut errors);
        let mut warnings = check::doubts(&types.model);
        let path = self.lock_path();
        let locked = path.and_then(|path| Some((path, lock::load(path, &mut errors)?)));
        if let Some((path, lock)) = &locked {
            let mut breaks = Vec::new();
            let gone = lock::check(&types, lock, &mut events, &mut breaks);
            if breaks_pass {
                warnings.extend(breaks.iter().map(ToString::to_string));
            } else {
                errors.extend(breaks);
            }
            warnings.extend(gone.iter().map(|event| lock::gone(path, event)));
            folder.watched.push(load::display(path));
        }
        if !errors.is_empty() {
            return Err(sorted(errors));
        }
        let names = naming::Names::new(&types, self.strip_prefix.as_deref());
        let code = render::render(&types, &names, &events, self);
        let events = events.into_iter().map(|event| event.name).collect();
        Ok(Generated {
            code,
            events,
            watched: folder.watched,
            warnings,
        })
    }

    /// Generates the code of a folder of schemas from a build script, and tells Cargo when to do it again.
    ///
    /// If something is wrong, Cargo shows every error as `path:line:column: message`, and fails the build when the
    /// build script has ended. Outside of a build script use [`generate`](Self::generate), which returns the errors.
    ///
    /// With `KAUFMANN_CODEGEN_BREAKS=warn` in the environment what breaks the lock is shown as a warning, so that there is a
    /// program whose `schema diff` shows the break and whose `schema reset` accepts it. It does not `run`: the check at the
    /// start remains.
    #[expect(
        clippy::print_stdout,
        reason = "Cargo reads its instructions from the output of the build script"
    )]
    pub fn compile(&self, dir: impl AsRef<Path>) {
        let breaks_pass = env::var_os(BREAKS).is_some_and(|value| value == "warn");
        for instruction in self.build(dir.as_ref(), breaks_pass) {
            println!("{instruction}");
        }
    }

    /// Generates and writes; returns what Cargo must be told, errors among it.
    fn build(&self, dir: &Path, breaks_pass: bool) -> Vec<String> {
        let written = self.generate_with(dir, breaks_pass).and_then(|generated| {
            let file = self.file().map_err(|error| vec![error])?;
            write::write(&file, &generated.code).map_err(|error| vec![error])?;
            Ok(generated)
        });
        match written {
            Ok(generated) => {
                let watched = generated.watched.into_iter().chain(self.absent_lock());
                let watched = watched.map(|path| format!("cargo::rerun-if-changed={path}"));
                let warnings = generated
                    .warnings
                    .iter()
                    .map(|line| format!("cargo::warning={}", line.replace('\n', " ")));
                let environment = format!("cargo::rerun-if-env-changed={BREAKS}");
                watched.chain([environment]).chain(warnings).collect()
            }
            // With an error among its instructions the build script runs again in any case. It must not end with an
            // exit code of its own: Cargo would show all of its output once more. An instruction is one line.
            Err(errors) => {
                let is_break = |error: &Error| matches!(error.kind, ErrorKind::Incompatible(_));
                let way_on = errors
                    .iter()
                    .any(is_break)
                    .then(|| format!("cargo::warning={WAY_ON}"));
                let lines = errors
                    .into_iter()
                    .map(|error| error.to_string().replace('\n', " "));
                let lines = lines.map(|line| format!("cargo::error={line}"));
                lines.chain(way_on).collect()
            }
        }
    }

    /// What Cargo must watch to notice a lock that is not there yet.
    fn absent_lock(&self) -> Option<String> {
        let path = self.lock_path().filter(|path| !path.exists())?;
        lock::expected(path, &PathBuf::from(env::var_os("OUT_DIR")?))
    }

    fn file(&self) -> Result<PathBuf, Error> {
        let dir = self
            .out_dir
            .clone()
            .or_else(|| env::var_os("OUT_DIR").map(PathBuf::from));
        let name = self.file_name.as_deref().unwrap_or("events.rs");
        let reason = "is needed where Cargo sets no `OUT_DIR`, that is, outside of a build script".to_owned();
        let kind = ErrorKind::Option {
            option: "out_dir",
            reason,
        };
        dir.map(|dir| dir.join(name))
            .ok_or_else(|| Error::whole(name, kind))
    }
}

#[cfg(test)]
mod tests;
