//! `schema pull`: the lock as the registry has it.

use kaufmann_avro::lock::{Lock, LockedEvent};

use super::file::LockFile;
use super::report::{EventReport, State};
use super::{Known, compare, fetch, unanswered};
use crate::base::error::Error;
use crate::schema::registry::{RegistryError, RestRegistry};

/// Refreshes the lock: of the events of this program, and of the others that it has.
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
            // The lock keeps what it has of it.
            Err(error) => EventReport::unknown(&name, &subject, &error),
        });
    }
    file.write(&lock)?;
    Ok(reports)
}

/// Puts what the registry has of one event into the lock.
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
            report.notes.push(compare::given_up(since));
        }
        let kept = before.as_ref().and_then(LockedEvent::latest);
        report.version = kept.map(Into::into);
        if kept.is_some() {
            report
                .notes
                .push("the registry has lost it, or is another one; the lock keeps what it has".to_owned());
        }
        return Ok(report);
    }
    match before {
        Some(before) if before == event => report.state = State::Unchanged,
        Some(before) => report.notes.extend(news(&before, &event)),
        None => {}
    }
    lock.insert(name, event);
    Ok(report)
}

/// What is different, in words.
fn news(before: &LockedEvent, now: &LockedEvent) -> Vec<String> {
    let mut news = Vec::new();
    let added: Vec<_> = now
        .versions()
        .filter(|version| before.version(version.number()).is_none())
        .map(|version| version.number().to_string())
        .collect();
    if !added.is_empty() {
        news.push(format!("new in the lock: version {}", added.join(", ")));
    }
    let gone: Vec<_> = before
        .versions()
        .filter(|version| now.version(version.number()).is_none())
        .map(|version| version.number().to_string())
        .collect();
    if !gone.is_empty() {
        news.push(format!("no longer in the registry: version {}", gone.join(", ")));
    }
    if before.level != now.level {
        news.push(format!("compatibility: {} → {}", before.level, now.level));
    }
    news
}

/// What the registry has of these events, as a lock of its own.
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
