//! Compares this program's events with a lock.

use kaufmann_avro::compatibility::{Level, check_history};
use kaufmann_avro::diff::diff;
use kaufmann_avro::lock::{self, Lock, LockedEvent, Version, declared_level};

use super::Known;
use super::report::{ChangeReport, EventReport, State};

/// How each event differs from its last version in the lock.
pub(super) fn compare(lock: &Lock, events: &[Known]) -> Vec<EventReport> {
    let currents: Vec<_> = events.iter().map(Known::current).collect();
    let checked = lock::check(lock, &currents);
    let report = |checked: &lock::Checked<'_>| {
        let known = events.iter().find(|known| known.info.name == checked.event);
        one(checked, known, lock.event(checked.event))
    };
    checked.iter().map(report).collect()
}

fn one(checked: &lock::Checked<'_>, known: Option<&Known>, locked: Option<&LockedEvent>) -> EventReport {
    let state = match &checked.state {
        lock::State::New => State::New,
        lock::State::Unchanged(_) => State::Unchanged,
        lock::State::Changed(_) => State::Changed,
        lock::State::Broken(_) => State::Broken,
        lock::State::Gone(_) => State::Removed,
    };
    let subject = known
        .map(|known| known.subject.as_str())
        .or(locked.map(|locked| locked.subject.as_str()));
    let mut report = EventReport::new(checked.event, subject.unwrap_or_default(), state);
    let declared = known.and_then(|known| declared_level((&known.schema).into()));
    report.level = declared.or(locked.map(|locked| locked.level)).map(Level::as_str);
    let latest = locked.and_then(LockedEvent::latest);
    report.version = latest.map(Into::into);
    report.since = locked.map_or(1, |locked| locked.since);
    if known.is_some() && report.since > 1 && latest.is_none() {
        report.notes.push(dropped(report.since));
    }
    if let (Some(known), Some(latest)) = (known, latest) {
        report.changes = changes(latest, known);
        let breaks =
            |level| !check_history(level, (&known.schema).into(), &[latest.schema().into()]).is_empty();
        report.backward = Some(!breaks(Level::Backward));
        report.forward = Some(!breaks(Level::Forward));
    }
    if let lock::State::Broken(breaks) = &checked.state {
        report.breaks = breaks.iter().map(Into::into).collect();
    }
    if let (Some(known), Some(locked)) = (known, locked)
        && known.subject != locked.subject
    {
        report.notes.push(format!(
            "the lock has it under the subject `{}`; `schema pull` changes that to the configured one",
            locked.subject
        ));
    }
    report
}

/// The note for an event that was reset.
pub(super) fn dropped(since: u32) -> String {
    format!("its versions before {since} were dropped by `schema reset`")
}

fn changes(latest: &Version, known: &Known) -> Vec<ChangeReport> {
    let changes = diff(latest.schema().into(), (&known.schema).into());
    changes.iter().map(Into::into).collect()
}
