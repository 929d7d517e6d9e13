//! The result of a command, for text, JSON and exit code.

use std::process::ExitCode;

use kaufmann_avro::compatibility::Direction;
use kaufmann_avro::diff::{Change, ChangeKind};
use kaufmann_avro::lock::{Break, Version};
use serde::Serialize;

use super::file::LockFile;
use crate::schema::registry::RegistryError;

/// The result of a command.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) command: &'static str,
    pub(super) service: String,
    /// The lock's path.
    pub(super) lock: String,
    /// Whether the registry was queried.
    pub(super) live: bool,
    /// Whether that was the registry of a `dev`, which ends with it.
    #[serde(skip)]
    pub(super) dev: bool,
    pub(super) verdict: Verdict,
    /// Why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) events: Vec<EventReport>,
}

/// The verdict, which decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// 0
    Compatible,
    /// 1
    Incompatible,
    /// 2
    Unknown,
}

/// The result for one event.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct EventReport {
    pub(super) event: String,
    pub(super) subject: String,
    /// The level at which it was compared.
    pub(super) level: Option<&'static str>,
    pub(super) state: State,
    /// The version that it was compared with, or now is.
    pub(super) version: Option<VersionReport>,
    /// The registry's version with this exact schema; also in the notes.
    #[serde(skip)]
    pub(super) registered: Option<VersionReport>,
    /// The first version after the last `schema reset`; also in the notes.
    #[serde(skip)]
    pub(super) since: u32,
    /// The differences from that version.
    pub(super) changes: Vec<ChangeReport>,
    /// Whether it can read everything written with that version, whatever the level.
    pub(super) backward: Option<bool>,
    /// Whether that version can read everything it writes, whatever the level.
    pub(super) forward: Option<bool>,
    /// How the level is broken.
    pub(super) breaks: Vec<BreakReport>,
    pub(super) notes: Vec<String>,
}

/// The state of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// The lock has no version of it.
    New,
    /// It equals the last version.
    Unchanged,
    /// It differs, and the level allows that.
    Changed,
    /// It breaks the level.
    Broken,
    /// It is in the lock, but not in this program.
    Removed,
    /// It was registered.
    Registered,
    /// The registry already has it.
    Known,
    /// It is new to the registry and was not registered, because another event breaks its level.
    Held,
    /// The registry does not have it, and another service owns it.
    Foreign,
    /// The lock was updated.
    Pulled,
    /// The registry does not have it.
    Missing,
    /// Its history starts again.
    Reset,
    /// The registry gave no answer about it.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct VersionReport {
    pub(super) number: u32,
    pub(super) id: u32,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct ChangeReport {
    /// The field's path; empty at the top level.
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) text: String,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct BreakReport {
    /// What found it: `lock` or `registry`.
    pub(super) by: &'static str,
    /// `backward`: earlier records cannot be read; `forward`: earlier readers cannot read. `None` if the registry does not report it.
    pub(super) direction: Option<&'static str>,
    /// The field's path; empty at the top level, and if the registry reports only a text.
    pub(super) path: String,
    /// The versions that it is broken with.
    pub(super) versions: Vec<VersionReport>,
    pub(super) text: String,
    /// The remedy.
    pub(super) hint: Option<String>,
}

impl Report {
    pub(super) fn new(
        command: &'static str,
        service: &str,
        lock: &LockFile,
        events: Vec<EventReport>,
    ) -> Self {
        let is_broken = events.iter().any(|event| event.state == State::Broken);
        let unknown = events.iter().filter(|event| event.state == State::Unknown);
        let unknown: Vec<_> = unknown.map(|event| event.event.as_str()).collect();
        let error = (!unknown.is_empty())
            .then(|| format!("the registry gave no answer about {}", unknown.join(", ")));
        Self {
            command,
            service: service.to_owned(),
            lock: lock.shown(),
            live: false,
            dev: false,
            verdict: if is_broken {
                Verdict::Incompatible
            } else if error.is_some() {
                Verdict::Unknown
            } else {
                Verdict::Compatible
            },
            error,
            events,
        }
    }

    /// A command without a result.
    pub(super) fn unknown(command: &'static str, service: &str, lock: &LockFile, error: &str) -> Self {
        let mut report = Self::new(command, service, lock, Vec::new());
        report.verdict = Verdict::Unknown;
        report.error = Some(error.trim_start_matches("error: ").to_owned());
        report
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Compatible => ExitCode::SUCCESS,
            Verdict::Incompatible => ExitCode::from(1),
            Verdict::Unknown => ExitCode::from(2),
        }
    }
}

impl EventReport {
    /// An event about which the registry gave no answer.
    pub(super) fn unknown(event: &str, subject: &str, error: &RegistryError) -> Self {
        let mut report = Self::new(event, subject, State::Unknown);
        report.notes.push(error.to_string());
        report
    }

    pub(super) fn new(event: &str, subject: &str, state: State) -> Self {
        Self {
            event: event.to_owned(),
            subject: subject.to_owned(),
            level: None,
            state,
            version: None,
            registered: None,
            since: 1,
            changes: Vec::new(),
            backward: None,
            forward: None,
            breaks: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl From<&Version> for VersionReport {
    fn from(version: &Version) -> Self {
        Self {
            number: version.number(),
            id: version.id(),
        }
    }
}

impl From<&Break<'_>> for BreakReport {
    fn from(found: &Break<'_>) -> Self {
        Self {
            by: "lock",
            direction: Some(match found.finding.direction {
                Direction::Backward => "backward",
                Direction::Forward => "forward",
            }),
            path: found.finding.error.path.clone(),
            versions: found.versions.iter().map(|version| (*version).into()).collect(),
            text: found.finding.error.to_string(),
            hint: Some(found.finding.hint()),
        }
    }
}

impl From<&Change> for ChangeReport {
    fn from(change: &Change) -> Self {
        let kind = match &change.kind {
            ChangeKind::FieldAdded { .. } => "field-added",
            ChangeKind::FieldRemoved { .. } => "field-removed",
            ChangeKind::FieldRenamed { .. } => "field-renamed",
            ChangeKind::Type { .. } => "type",
            ChangeKind::Name { .. } => "name",
            ChangeKind::Default { .. } => "default",
            ChangeKind::BranchAdded(_) => "branch-added",
            ChangeKind::BranchRemoved(_) => "branch-removed",
            ChangeKind::SymbolsAdded(_) => "symbols-added",
            ChangeKind::SymbolsRemoved(_) => "symbols-removed",
            ChangeKind::SymbolDefault { .. } => "symbol-default",
            ChangeKind::Size { .. } => "size",
            ChangeKind::Order => "order",
            _ => "other",
        };
        Self {
            path: change.path.clone(),
            kind,
            text: change.to_string(),
        }
    }
}
