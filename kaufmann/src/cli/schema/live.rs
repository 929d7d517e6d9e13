//! `schema check --live`: compares the events with the registry.

use super::report::{BreakReport, EventReport, State, VersionReport};
use super::{Known, unanswered};
use crate::base::error::Error;
use crate::schema::registry::{RegistryError, RegistryErrorKind, RestRegistry};

/// Queries the registry about each event, and adds its answers to the reports. Registers nothing.
pub(super) async fn check(
    registry: &RestRegistry,
    events: &[Known],
    reports: &mut [EventReport],
) -> Result<(), Error> {
    for known in events {
        if let Some(report) = reports.iter_mut().find(|report| report.event == known.info.name) {
            match check_one(registry, known, report).await {
                Ok(()) => {}
                Err(error) if error.concerns_all() => return Err(unanswered(error)),
                Err(error) => {
                    report.state = State::Unknown;
                    report.notes.push(error.to_string());
                }
            }
        }
    }
    Ok(())
}

async fn check_one(
    registry: &RestRegistry,
    known: &Known,
    report: &mut EventReport,
) -> Result<(), RegistryError> {
    let (subject, schema) = (known.subject.as_str(), known.info.schema);
    let level = registry.level(subject).await?.as_str();
    match report.level {
        None => report.level = Some(level),
        Some(here) if here != level => report
            .notes
            .push(format!("its level is {level} in the registry, {here} here")),
        Some(_) => {}
    }
    let latest = registry.versions(subject).await?.into_iter().max();
    let locked = report.version.map(|version| version.number);
    // Dropped versions are not fetched.
    let latest = latest.filter(|latest| *latest >= report.since);
    if latest > locked {
        report.notes.push(format!(
            "the registry has version {}, the lock {}; `schema pull` fetches it",
            latest.unwrap_or_default(),
            locked.map_or("has none".to_owned(), |locked| format!("ends with {locked}")),
        ));
    }
    match registry.find(subject, schema).await? {
        Some(found) => {
            report.registered = Some(VersionReport {
                number: found.version,
                id: found.id,
            });
            report.notes.push(format!(
                "registered as version {} (id {})",
                found.version, found.id
            ));
        }
        None => {
            report.notes.push("not registered".to_owned());
            report.breaks.extend(refusals(registry, known).await?);
        }
    }
    if !report.breaks.is_empty() {
        report.state = State::Broken;
    }
    Ok(())
}

/// Why the registry would refuse an event's schema as the next version.
pub(super) async fn refusals(
    registry: &RestRegistry,
    known: &Known,
) -> Result<Vec<BreakReport>, RegistryError> {
    let answer = registry.compatibility(&known.subject, known.info.schema).await;
    let answer = match answer {
        Ok(answer) => answer,
        // Refused at any level: the registry finds the schema invalid, or cannot compare it with the last version.
        Err(error) if error.kind() == RegistryErrorKind::Refused => {
            return Ok(vec![refusal(error.to_string())]);
        }
        Err(error) => return Err(error),
    };
    if answer.is_compatible {
        return Ok(Vec::new());
    }
    let messages = if answer.messages.is_empty() {
        vec!["it is not compatible; the registry gives no reason".to_owned()]
    } else {
        answer.messages
    };
    Ok(messages.into_iter().map(refusal).collect())
}

/// The registry's answer, as a break.
pub(super) fn refusal(text: String) -> BreakReport {
    BreakReport {
        by: "registry",
        direction: None,
        path: String::new(),
        versions: Vec::<VersionReport>::new(),
        text,
        hint: None,
    }
}
