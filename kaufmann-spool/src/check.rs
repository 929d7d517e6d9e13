//! Checks whether a folder is suitable for a spool: when it is opened, while it runs, and without opening it.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{OpenError, remedy};
use crate::files::disk::{Disk, DiskError};
use crate::files::{FileSystem, Files};
use crate::options::Options;

/// The file that is written to test whether files can be written.
const PROBE: &str = "probe";

/// What was checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Check {
    /// The limits in the options.
    Options,
    /// Whether the folder exists and this process may write to it.
    Folder,
    /// The lock that keeps other processes out.
    Lock,
    /// Whether `fsync` works.
    Sync,
    /// The type of the file system.
    FileSystem,
    /// The free space.
    FreeSpace,
    /// The last write, and the last save of the position.
    Writes,
}

/// The severity of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, but not in all circumstances.
    Warning,
    /// Entries cannot be stored.
    Bad,
}

/// The result of one check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// The severity.
    pub verdict: Verdict,
    /// What was found.
    pub text: String,
    /// How to fix it; `None` if it is good.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(check: Check, text: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Good,
            text: text.into(),
            remedy: None,
        }
    }

    fn of(check: Check, verdict: Verdict, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// Checks a folder as [`Spool::open`](crate::Spool::open) does, without opening the spool. If no process uses the folder, the check
/// writes and removes a file.
#[must_use]
pub fn check(folder: impl AsRef<Path>, options: &Options) -> Vec<Finding> {
    let folder = folder.as_ref();
    let mut findings = Vec::new();
    if let Err(text) = options.check() {
        findings.push(Finding::of(
            Check::Options,
            Verdict::Bad,
            text,
            "change this option",
        ));
    }
    let shown = folder.display();
    match Disk::open(folder) {
        Ok(disk) => {
            findings.push(Finding::good(
                Check::Folder,
                format!("`{shown}` can be written to"),
            ));
            findings.push(Finding::good(Check::Lock, "no other process uses it"));
            findings.push(probe(&disk));
            let used = used(&disk);
            findings.extend(look(&disk, options, used));
        }
        Err(DiskError::Taken) => {
            let text = format!("another process uses `{shown}`");
            let remedy = "if that is another service, give each its own folder";
            findings.push(Finding::of(Check::Lock, Verdict::Warning, text, remedy));
            if let Ok(disk) = Disk::look(folder) {
                let used = used(&disk);
                findings.extend(look(&disk, options, used));
            }
        }
        Err(DiskError::Io(what, error)) => {
            let text = format!("cannot {what} `{shown}`: {error}");
            findings.push(Finding::of(
                Check::Folder,
                Verdict::Bad,
                text,
                remedy(error.kind()),
            ));
        }
    }
    findings
}

/// The bytes of the segments in a folder.
fn used(files: &dyn Files) -> u64 {
    let names = files.list().unwrap_or_default();
    let segments = names.iter().filter(|name| crate::log::is_segment(name));
    let size = |name: &String| files.open(name).and_then(|file| file.size()).unwrap_or_default();
    segments.map(size).sum()
}

/// Writes a file, syncs it, and removes it. A full disk is not an error: stored entries must still be delivered.
pub(crate) fn try_out(files: &dyn Files) -> Result<(), OpenError> {
    match write_probe(files) {
        Err(("sync", error)) if !is_full(error.kind()) => Err(OpenError::Sync(error)),
        Err((what, source)) if !is_full(source.kind()) => Err(OpenError::Probe { what, source }),
        _ => Ok(()),
    }
}

fn probe(files: &dyn Files) -> Finding {
    match write_probe(files) {
        Ok(()) => Finding::good(Check::Sync, "`fsync` works"),
        Err((what, error)) => Finding::of(
            Check::Sync,
            Verdict::Bad,
            format!("cannot {what} a file: {error}"),
            remedy(error.kind()),
        ),
    }
}

fn write_probe(files: &dyn Files) -> Result<(), (&'static str, std::io::Error)> {
    let at = |what: &'static str| move |error| (what, error);
    match files.remove(PROBE) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(("remove", error)),
        _ => {}
    }
    let file = files.create(PROBE, 8).map_err(at("create"))?;
    file.write_at(b"probe", 0).map_err(at("write"))?;
    file.sync().map_err(at("sync"))?;
    files.remove(PROBE).map_err(at("remove"))?;
    files.sync().map_err(at("sync"))
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Makes the checks that need no writing. `used` is the number of bytes in the spool's own segments.
pub(crate) fn look(files: &dyn Files, options: &Options, used: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = files.check() {
        let text = format!("the spool's folder cannot be used: {error}");
        findings.push(Finding::of(
            Check::Folder,
            Verdict::Bad,
            text,
            remedy(error.kind()),
        ));
    }
    findings.push(match files.kind() {
        Ok(kind) => judge_kind(kind),
        Err(error) => unknown(Check::FileSystem, &error),
    });
    findings.push(match files.free() {
        Ok(free) => judge_space(free, used, options),
        Err(error) => unknown(Check::FreeSpace, &error),
    });
    findings
}

fn unknown(check: Check, error: &std::io::Error) -> Finding {
    let text = format!("the file system does not answer: {error}");
    Finding::of(check, Verdict::Warning, text, remedy(error.kind()))
}

/// The text of each finding that is not good, with its remedy.
pub(crate) fn warnings(findings: &[Finding]) -> impl Iterator<Item = String> {
    findings.iter().filter_map(|finding| {
        let remedy = finding.remedy.as_ref()?;
        Some(format!("{}; {remedy}", finding.text))
    })
}

/// The finding for a running spool that cannot write.
pub(crate) fn trouble(text: String) -> Finding {
    let remedy = "nothing to do: the spool retries, and continues once the fault is fixed";
    Finding::of(Check::Writes, Verdict::Bad, text, remedy)
}

fn judge_kind(kind: FileSystem) -> Finding {
    let warn = |text: String, remedy: &str| Finding::of(Check::FileSystem, Verdict::Warning, text, remedy);
    match kind {
        FileSystem::Local(name) => Finding::good(Check::FileSystem, format!("a local disk with {name}")),
        FileSystem::Network(name) => warn(
            format!("the folder is on a network mount ({name}); locks and `fsync` depend on its server"),
            "use a folder on a local disk",
        ),
        FileSystem::Memory(name) => warn(
            format!("the folder is in memory ({name}); a reboot or a power cut loses what is stored"),
            "use a folder on a disk",
        ),
        FileSystem::Container(name) => warn(
            format!("the folder is in the container's own layer ({name}); it is lost with the container"),
            "mount a volume there",
        ),
        FileSystem::Unknown(0) => Finding::good(Check::FileSystem, "its type is unknown"),
        FileSystem::Unknown(magic) => {
            Finding::good(Check::FileSystem, format!("a file system of type {magic:#x}"))
        }
    }
}

fn judge_space(free: u64, used: u64, options: &Options) -> Finding {
    let more = options.max_bytes.saturating_sub(used);
    if free < options.segment_bytes + options.keep_free {
        return Finding::of(
            Check::FreeSpace,
            Verdict::Bad,
            format!(
                "{free} bytes are free; a segment takes {}, and `keep_free` reserves {} for others",
                options.segment_bytes, options.keep_free
            ),
            "free some space on this file system",
        );
    }
    if free < more.saturating_add(options.keep_free) {
        return Finding::of(
            Check::FreeSpace,
            Verdict::Warning,
            format!(
                "{free} bytes are free; `max_bytes` = {} allows {more} more and `keep_free` reserves {} for others: the disk will be full before that limit is reached",
                options.max_bytes, options.keep_free
            ),
            "lower `max_bytes`, or free some space",
        );
    }
    Finding::good(
        Check::FreeSpace,
        format!("{free} bytes are free, of which the spool may take {more}"),
    )
}
