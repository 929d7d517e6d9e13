//! `schema pull`: updates the lock from the registry.

use kaufmann_avro::lock::{Lock, LockedEvent};

use super::file::LockFile;
use super::report::{EventReport, State};
use super::{Known, compare, fetch, unanswered};
use crate::base::error::Error;
use crate::schema::registry::{RegistryError, RestRegistry};

/// Updates the lock for this program's events, and for the others in it.
pub(super) async fn pull(
    registry: &RestRegistry,
    events: &[Known],
    file: &LockFile,
) -> Result<Vec<EventReport>, Error> {
    let mut lock = file.read_if_any()?.unwrap_or_default();
    let is_ours = |name: &str| events.iter().any(|known| known.info.name == name);
    let mut wanted: Vec<(String, String)> = events
        .iter()
        .map(|known| (known.info.name.to_owned(), known.subject.clone()))
        .collect();
    let others = lock.events().filter(|(name, _)| !is_ours(name));
    wanted.extend(others.map(|(name, event)| (name.to_owned(), event.subject.clone())));
    wanted.sort();
    let mut reports = Vec::new();
    for (name, subject) in wanted {
        reports.push(match refresh(registry, &mut lock, &name, &subject).await {
            Ok(report) => report,
            Err(error) if error.concerns_all() => return Err(unanswered(error)),
            // The lock keeps its versions of this event.
            Err(error) => EventReport::unknown(&name, &subject, &error),
        });
    }
    file.write(&lock)?;
    Ok(reports)
}

/// Updates one event in the lock from the registry.
pub(super) async fn refresh(
    registry: &RestRegistry,
    lock: &mut Lock,
    name: &str,
    subject: &str,
) -> Result<EventReport, RegistryError> {
    let before = lock.event(name).filter(|event| event.subject == subject).cloned();
    let since = before.as_ref().map_or(1, |before| before.since);
    let (event, left_out) = fetch(registry, subject, since).await?;
    let mut report = EventReport::new(name, subject, State::Pulled);
    report.notes = left_out;
    report.level = Some(event.level.as_str());
    report.version = event.latest().map(Into::into);
    if event.latest().is_none() {
        report.state = State::Missing;
        if since > 1 {
            report.notes.push(compare::dropped(since));
        }
        let kept = before.as_ref().and_then(LockedEvent::latest);
        report.version = kept.map(Into::into);
        if kept.is_some() {
            report.notes.push(
                "the registry has lost it, or is a different one; the lock keeps its versions".to_owned(),
            );
        }
        return Ok(report);
    }
    match before {
        Some(before) if before == event => report.state = State::Unchanged,
        Some(before) => report.notes.extend(differences(&before, &event)),
        None => {}
    }
    lock.insert(name, event);
    Ok(report)
}

/// The differences, as text.
fn differences(before: &LockedEvent, now: &LockedEvent) -> Vec<String> {
    let mut found = Vec::new();
    let added: Vec<_> = now
        .versions()
        .filter(|version| before.version(version.number()).is_none())
        .map(|version| version.number().to_string())
        .collect();
    if !added.is_empty() {
        found.push(format!("new in the lock: version {}", added.join(", ")));
    }
    let removed: Vec<_> = before
        .versions()
        .filter(|version| now.version(version.number()).is_none())
        .map(|version| version.number().to_string())
        .collect();
    if !removed.is_empty() {
        found.push(format!(
            "no longer in the registry: version {}",
            removed.join(", ")
        ));
    }
    if before.level != now.level {
        found.push(format!("compatibility: {} → {}", before.level, now.level));
    }
    found
}

/// The registry's versions of these events, as a lock.
pub(super) async fn all(registry: &RestRegistry, events: &[Known]) -> Result<Lock, Error> {
    let mut lock = Lock::default();
    for known in events {
        let fetched = fetch(registry, &known.subject, 1).await;
        let (event, _) = fetched.map_err(unanswered)?;
        if event.latest().is_some() {
            lock.insert(known.info.name, event);
        }
    }
    Ok(lock)
}
