//! `schema register`: registers the new schemas, all or none, then writes them into the lock.

use kaufmann_avro::lock::Lock;

use super::file::LockFile;
use super::report::{EventReport, State, VersionReport};
use super::{Known, compare, live, pull, unanswered};
use crate::base::error::Error;
use crate::schema::registry::{
    RegistryError, RegistryErrorKind, RestRegistry, SchemaRegistry, SubjectVersion,
};

/// Registers the events that the registry does not have. If one breaks its level, none is registered.
pub(super) async fn register(
    registry: &RestRegistry,
    events: &[Known],
    file: &LockFile,
) -> Result<Vec<EventReport>, Error> {
    let mut lock = file.read_if_any()?.unwrap_or_default();
    let mut reports = compare::compare(&lock, events);
    reports.retain(|report| events.iter().any(|known| known.info.name == report.event));
    for report in &mut reports {
        let Some(known) = find(events, &report.event) else {
            continue;
        };
        look_up(registry, known, report).await.map_err(unanswered)?;
    }
    if reports.iter().any(|report| report.state == State::Broken) {
        explain(&mut reports);
        return Ok(reports);
    }
    if reports.iter().any(|report| report.state == State::Held) {
        file.check_writable()?;
    }
    for report in reports.iter_mut().filter(|report| report.state == State::Held) {
        let Some(known) = find(events, &report.event) else {
            continue;
        };
        register_one(registry, known, report).await.map_err(unanswered)?;
    }
    for report in reports.iter_mut().filter(|report| report.state != State::Broken) {
        if report.state == State::Known {
            restore(registry, &mut lock, report).await?;
        }
        let pulled = pull::refresh(registry, &mut lock, &report.event, &report.subject)
            .await
            .map_err(unanswered)?;
        report.level = pulled.level;
        if report.state == State::Registered {
            report.version = pulled.version;
        }
    }
    file.write(&lock)?;
    explain(&mut reports);
    Ok(reports)
}

/// Sets an event's state by the registry: known, held because it is new, or broken.
async fn look_up(
    registry: &RestRegistry,
    known: &Known,
    report: &mut EventReport,
) -> Result<(), RegistryError> {
    match registry.find(&known.subject, known.info.schema).await? {
        Some(found) => is_known(report, &found),
        None if report.state == State::Broken => {}
        None => {
            report.breaks = live::refusals(registry, known).await?;
            report.state = if report.breaks.is_empty() {
                State::Held
            } else {
                State::Broken
            };
        }
    }
    Ok(())
}

/// Registers one event. A refusal is in the report.
async fn register_one(
    registry: &RestRegistry,
    known: &Known,
    report: &mut EventReport,
) -> Result<(), RegistryError> {
    match registry.register(&known.subject, known.info.schema).await {
        Ok(_) => report.state = State::Registered,
        // Someone else was faster, or the registry has rules that its compatibility check does not cover.
        Err(error) if error.kind() == RegistryErrorKind::Refused => {
            report.state = State::Broken;
            report.breaks.push(live::refusal(error.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn find<'k>(events: &'k [Known], name: &str) -> Option<&'k Known> {
    events.iter().find(|known| known.info.name == name)
}

fn is_known(report: &mut EventReport, found: &SubjectVersion) {
    report.state = State::Known;
    report.breaks.clear();
    report.changes.clear();
    (report.backward, report.forward) = (None, None);
    report.version = Some(VersionReport {
        number: found.version,
        id: found.id,
    });
}

/// Lets an event's history begin with a dropped version, if its schema is still that version: the registry does not give the same
/// schema another number.
async fn restore(registry: &RestRegistry, lock: &mut Lock, report: &mut EventReport) -> Result<(), Error> {
    let (Some(found), Some(locked)) = (report.version, lock.event_mut(&report.event)) else {
        return Ok(());
    };
    let (number, since) = (found.number, locked.since);
    if locked.subject != report.subject || number >= since {
        return Ok(());
    }
    let newest = registry
        .versions(&report.subject)
        .await
        .map_err(unanswered)?
        .into_iter()
        .max();
    if newest == Some(number) {
        locked.since = number;
        report.notes.push(format!(
            "its history begins with version {number} again, which was dropped: its schema is the same"
        ));
    } else {
        report.notes.push(format!(
            "it cannot be locked: its schema is version {number}, but after `schema reset` its history begins with {since}; give the \
             record an attribute such as `\"revision\": {since}`, so that the registry accepts it as a new version"
        ));
    }
    Ok(())
}

/// Adds the remedy to events that break their level in the registry.
fn explain(reports: &mut [EventReport]) {
    for report in reports.iter_mut().filter(|report| report.state == State::Broken) {
        if report.breaks.iter().any(|found| found.by == "registry") {
            report.notes.push(format!(
                "lower the level of the subject `{}` in the registry for this version, or give the event another name",
                report.subject
            ));
        }
    }
}
