//! The options of a build script.

use std::path::{Path, PathBuf};

/// How a folder of schemas becomes code. [`compile`](crate::compile) is `Config::new().compile(dir)`.
///
/// ```no_run
/// // build.rs
/// kaufmann_codegen::Config::new()
///     .strip_prefix("com.example.shop")
///     .derive("*", "PartialOrd")
///     .compile("schemas");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "call `compile` or `generate`"]
pub struct Config {
    pub(crate) out_dir: Option<PathBuf>,
    pub(crate) file_name: Option<String>,
    pub(crate) strip_prefix: Option<String>,
    pub(crate) derives: Vec<(String, String)>,
    pub(crate) no_samples: bool,
    lock: Lock,
}

/// Where the lock is looked for.
#[derive(Clone, Debug, Default)]
enum Lock {
    /// Beside the package's manifest.
    #[default]
    Default,
    At(PathBuf),
    Off,
}

impl Config {
    /// The defaults: every schema of the folder, with its samples, into `events.rs` in Cargo's `OUT_DIR`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes to this folder rather than to Cargo's `OUT_DIR`, where `kaufmann::include_events!` looks.
    pub fn out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(dir.into());
        self
    }

    /// Writes to a file of this name rather than to `events.rs`; bring it in with
    /// `kaufmann::include_events!("name.rs")`.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Leaves the beginning of the namespaces out of the modules: with `com.example`, the type of
    /// `com.example.user.create` is `events::user::Create`. Events keep their names.
    pub fn strip_prefix(mut self, namespace: impl Into<String>) -> Self {
        self.strip_prefix = Some(namespace.into());
        self
    }

    /// Adds derives to the owned type of the schema with this full name, and to the enums of its unions; `*` stands for
    /// all. The derives are paths, separated by commas: `"PartialOrd, my_crate::Checked"`.
    ///
    /// Generated anyway: `Debug`, `Clone`, `PartialEq`, serde's `Serialize` and `Deserialize`; `Copy`, `Eq` and `Hash`
    /// where every part has them.
    pub fn derive(mut self, full_name: impl Into<String>, derives: impl Into<String>) -> Self {
        self.derives.push((full_name.into(), derives.into()));
        self
    }

    /// Whether the payloads in `create.samples.json`, beside `create.avsc`, are checked and built in. The default is
    /// `true`.
    pub fn samples(mut self, samples: bool) -> Self {
        self.no_samples = !samples;
        self
    }

    /// Looks for the lock here rather than at `schemas.lock` beside the package's manifest, for example where several
    /// packages share a folder of schemas, or a package has several folders. A relative path starts at the package's
    /// folder. A lock that does not exist (yet) locks nothing.
    pub fn lock(mut self, path: impl Into<PathBuf>) -> Self {
        self.lock = Lock::At(path.into());
        self
    }

    /// Looks for no lock: schemas may change as they like, and the service does not check at its start that it can read
    /// what was written before.
    pub fn without_lock(mut self) -> Self {
        self.lock = Lock::Off;
        self
    }

    /// The path of the lock; `None` without one.
    pub(crate) fn lock_path(&self) -> Option<&Path> {
        match &self.lock {
            Lock::Default => Some(Path::new(kaufmann_avro::lock::FILE_NAME)),
            Lock::At(path) => Some(path),
            Lock::Off => None,
        }
    }
}
