//! The state of each event compared with its locked versions.

use std::collections::BTreeMap;
use std::fmt;

use super::{Lock, LockedEvent, Version, text_of};
use crate::compatibility::{self, Direction, Finding, Level};
use crate::model::Kind;
use crate::resolve::Typed;

/// An event with its current schema.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// Its name.
    pub event: &'a str,
    /// Its schema.
    pub schema: Typed<'a>,
}

/// An event and its state.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// The event's name.
    pub event: &'a str,
    /// Its state.
    pub state: State<'a>,
}

/// The state of an event compared with its locked versions.
#[derive(Clone, Debug)]
pub enum State<'a> {
    /// No version of it is locked: it is not registered yet.
    New,
    /// Its schema is the last version, docs aside, and breaks nothing.
    Unchanged(&'a Version),
    /// Its schema differs from the last version, as the level allows.
    Changed(&'a Version),
    /// Its schema breaks the level, in each of these points.
    Broken(Vec<Break<'a>>),
    /// It is locked, but its schema was removed.
    Gone(&'a LockedEvent),
}

/// A point in which a schema breaks its compatibility level.
///
/// Displays as what is wrong and what may be done; the place is [`Finding::at`] in the current schema's model.
#[derive(Clone, Debug)]
pub struct Break<'a> {
    /// The event's name.
    pub event: &'a str,
    /// Its locked versions.
    pub locked: &'a LockedEvent,
    /// The level that is broken.
    pub level: Level,
    /// The versions with which it is broken in the same way, the oldest first; at least one.
    pub versions: Vec<&'a Version>,
    /// The place, both types, what does not match, and a hint.
    pub finding: Finding,
}

/// Compares the current events with the lock, each by its level: that of its attribute `compatibility`, else the
/// lock's. Sorted by name, the events of both.
///
/// A schema that is the last version can still break its level: a transitive one, if the registry took versions that are
/// not compatible before it had this level.
#[must_use]
pub fn check<'a>(lock: &'a Lock, current: &[Current<'a>]) -> Vec<Checked<'a>> {
    let mut states = BTreeMap::new();
    for (event, locked) in lock.events() {
        states.insert(event, State::Gone(locked));
    }
    for current in current {
        let state = match lock.event(current.event) {
            Some(locked) => changes(locked, current),
            None => State::New,
        };
        states.insert(current.event, state);
    }
    let checked = |(event, state)| Checked { event, state };
    states.into_iter().map(checked).collect()
}

/// The level that a record's attribute `compatibility` declares; `None` without one, or if it is invalid.
#[must_use]
pub fn declared_level(schema: Typed<'_>) -> Option<Level> {
    let Kind::Named(id) = schema.node.kind else {
        return None;
    };
    let attribute = schema.model.get(id).attributes.get("compatibility")?;
    attribute.value.as_str()?.parse().ok()
}

fn changes<'a>(locked: &'a LockedEvent, current: &Current<'a>) -> State<'a> {
    let Some(latest) = locked.latest() else {
        return State::New;
    };
    let level = declared_level(current.schema).unwrap_or(locked.level);
    let versions = locked.versions().collect::<Vec<_>>();
    let history = versions.iter().map(|version| Typed::from(&version.schema));
    let history = history.collect::<Vec<_>>();
    let mut breaks = Vec::<Break<'a>>::new();
    for finding in compatibility::check_history(level, current.schema, &history) {
        let version = versions[finding.against];
        match breaks.iter_mut().find(|known| same(&known.finding, &finding)) {
            Some(known) => known.versions.push(version),
            None => breaks.push(Break {
                event: current.event,
                locked,
                level,
                versions: vec![version],
                finding,
            }),
        }
    }
    if !breaks.is_empty() {
        breaks.sort_by_key(|found| found.finding.at());
        State::Broken(breaks)
    } else if latest.text == text_of(current.schema) {
        State::Unchanged(latest)
    } else {
        State::Changed(latest)
    }
}

/// Whether two findings are one mistake, but against different versions.
fn same(one: &Finding, other: &Finding) -> bool {
    let seen = |finding: &Finding| (finding.direction, finding.at(), finding.hint());
    let types = |finding: &Finding| (finding.error.writer.clone(), finding.error.reader.clone());
    seen(one) == seen(other)
        && types(one) == types(other)
        && one.error.path == other.error.path
        && one.error.mismatch == other.error.mismatch
}

impl fmt::Display for Break<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, level, versions) = (self.event, self.level, Versions(self));
        match self.finding.direction {
            Direction::Backward => write!(
                f,
                "`{event}` breaks {level}: it does not read what was written with {versions}"
            )?,
            Direction::Forward => write!(
                f,
                "`{event}` breaks {level}: what it writes is not read with {versions}"
            )?,
        }
        let (error, hint) = (&self.finding.error, self.finding.hint());
        write!(
            f,
            ": {error}; {hint}, or run `schema reset {event}` if the break is meant"
        )
    }
}

/// ``versions 1 (id 4) and 2 (id 7) of the subject `user.create` ``
struct Versions<'b, 'a>(&'b Break<'a>);

impl fmt::Display for Versions<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = &self.0.versions;
        f.write_str(if versions.len() == 1 {
            "version "
        } else {
            "versions "
        })?;
        for (index, version) in versions.iter().enumerate() {
            let between = match index {
                0 => "",
                _ if index + 1 == versions.len() => " and ",
                _ => ", ",
            };
            write!(f, "{between}{} (id {})", version.number, version.id)?;
        }
        write!(f, " of the subject `{}`", self.0.locked.subject)
    }
}
