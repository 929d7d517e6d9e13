//! From a folder of schemas to code: load → model → check → lock → naming → render → write.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Error, ErrorKind, sorted};
use crate::{check, load, lock, model, naming, render, write};

/// The variable that turns breaks of the lock into warnings.
const BREAKS: &str = "KAUFMANN_CODEGEN_BREAKS";

/// The remedy for a break whose commands are in the program that the break keeps from building.
const REMEDY: &str = "`KAUFMANN_CODEGEN_BREAKS=warn cargo run -- schema …` builds although schemas break the lock, for \
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
    /// What is valid but probably a mistake, each `path:line:column: message`: a logical type that Avro ignores, a misspelt
    /// attribute.
    pub warnings: Vec<String>,
}

impl Config {
    /// Generates the code of a folder of schemas, without writing or printing.
    ///
    /// # Errors
    ///
    /// All errors in all files, sorted by position.
    pub fn generate(&self, dir: impl AsRef<Path>) -> Result<Generated, Vec<Error>> {
        self.generate_with(dir.as_ref(), false)
    }

    /// The same; what breaks the lock is a warning if `breaks_pass`.
    fn generate_with(&self, dir: &Path, breaks_pass: bool) -> Result<Generated, Vec<Error>> {
        let (mut folder, mut errors) = load::load(dir);
        if self.no_samples {
            folder.drop_samples(&mut errors);
        }
        let types = model::parse(&folder.schemas, &mut errors);
        // Each stage continues with the valid parts, so that all errors of all files are reported at once.
        let mut events = check::check(&types, &folder, self, &dir.to_string_lossy(), &mut errors);
        let mut warnings = check::warnings(&types.model);
        let path = self.lock_path();
        let locked = path.and_then(|path| Some((path, lock::load(path, &mut errors)?)));
        if let Some((path, lock)) = &locked {
            let mut breaks = Vec::new();
            let removed = lock::check(&types, lock, &mut events, &mut breaks);
            if breaks_pass {
                warnings.extend(breaks.iter().map(ToString::to_string));
            } else {
                errors.extend(breaks);
            }
            warnings.extend(removed.iter().map(|event| lock::removed(path, event)));
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

    /// Generates the code of a folder of schemas from a build script, and instructs Cargo when to run it again.
    ///
    /// If something is wrong, Cargo shows every error as `path:line:column: message`, and fails the build when the
    /// build script has ended. Outside of a build script use [`generate`](Self::generate), which returns the errors.
    ///
    /// With `KAUFMANN_CODEGEN_BREAKS=warn` in the environment, breaks of the lock are warnings, so that the program builds and
    /// its `schema diff` can show the break and its `schema reset` accept it. It still does not `run`: the check at the start
    /// remains.
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

    /// Generates and writes; returns the instructions for Cargo, including errors.
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
            // After an error instruction Cargo always runs the build script again. The script must not exit with an
            // error code: Cargo would show all of its output once more. An instruction is one line.
            Err(errors) => {
                let is_break = |error: &Error| matches!(error.kind, ErrorKind::Incompatible(_));
                let remedy = errors
                    .iter()
                    .any(is_break)
                    .then(|| format!("cargo::warning={REMEDY}"));
                let lines = errors
                    .into_iter()
                    .map(|error| error.to_string().replace('\n', " "));
                let lines = lines.map(|line| format!("cargo::error={line}"));
                lines.chain(remedy).collect()
            }
        }
    }

    /// The path that Cargo watches to notice a lock that does not exist yet.
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
