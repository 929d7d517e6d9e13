//! The state of each event in lock and registry, for `doctor`.

use kaufmann_avro::lock::Lock;

use super::file::LockFile;
use super::report::{EventReport, State};
use super::{Known, built_in, compare, known, live, owner};
use crate::base::error::Error;
use crate::config::Config;
use crate::handler::Service;
use crate::schema::registry::RestRegistry;

/// The state of an event in lock and registry.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::cli) struct Registered {
    pub(in crate::cli) event: String,
    pub(in crate::cli) subject: String,
    /// The number and id of its registered version, if there is one.
    pub(in crate::cli) version: Option<(u32, u32)>,
    /// How it breaks its compatibility level.
    pub(in crate::cli) breaks: Vec<String>,
    /// Why the registry gave no answer about it, if so.
    pub(in crate::cli) unanswered: Option<String>,
    /// The owner that its schema names, if that is another service.
    pub(in crate::cli) owner: Option<String>,
}

/// Queries the registry about all events that the service handles or publishes, as `schema check --live` does. Without a lock, only
/// the registry decides what is compatible.
pub(in crate::cli) async fn registered<V: Service>(
    config: &Config,
    registry: &RestRegistry,
) -> Result<Vec<Registered>, Error> {
    let events: Vec<Known> = known::<V>(config)?;
    let lock = LockFile::find(None).read_if_any()?.or(built_in(&events));
    let mut reports = compare::compare(&lock.unwrap_or_else(Lock::default), &events);
    live::check(registry, &events, &mut reports).await?;
    reports.retain(|report| events.iter().any(|known| known.info.name == report.event));
    let owner = |event: &str| {
        let known = events.iter().find(|known| known.info.name == event)?;
        let owner = known.info.owner()?;
        (!owner::is_ours::<V>(config, known)).then_some(owner)
    };
    let one = |report: EventReport| {
        let owner = owner(&report.event);
        Registered { owner, ..one(report) }
    };
    Ok(reports.into_iter().map(one).collect())
}

fn one(mut report: EventReport) -> Registered {
    let unanswered = match report.state {
        State::Unknown => report.notes.pop(),
        _ => None,
    };
    let breaks = report.breaks.into_iter().map(|found| match found.hint {
        Some(hint) => format!("{}; {hint}", found.text),
        None => found.text,
    });
    Registered {
        breaks: breaks.collect(),
        unanswered,
        version: report.registered.map(|version| (version.number, version.id)),
        event: report.event,
        subject: report.subject,
        owner: None,
    }
}
