//! The owner of an event registers its schema: it is the service that publishes the event. Others only read the schema.

use super::report::{EventReport, State};
use super::{Known, unanswered};
use crate::base::error::Error;
use crate::config::Config;
use crate::handler::{Service, emitted};
use crate::schema::registry::RestRegistry;

/// Whether this service owns an event: its schema's attribute `owner` names the service or its group, or, without that attribute,
/// a handler publishes it.
pub(super) fn is_ours<V: Service>(config: &Config, known: &Known) -> bool {
    match known.info.owner() {
        Some(owner) => crate::handler::named::is_service::<V>(config, &owner),
        None => emitted::<V>().iter().any(|info| info.name == known.info.name),
    }
}

/// Splits `events` into those to register or lock, and reports of those that their owners must register. An event that the registry
/// has is locked, whoever registered it.
pub(super) async fn split<V: Service>(
    config: &Config,
    registry: &RestRegistry,
    events: Vec<Known>,
) -> Result<(Vec<Known>, Vec<EventReport>), Error> {
    let (mut ours, mut left) = (Vec::new(), Vec::new());
    for known in events {
        let is_left = !is_ours::<V>(config, &known) && {
            let found = registry.find(&known.subject, known.info.schema).await;
            found.map_err(unanswered)?.is_none()
        };
        if is_left {
            left.push(report(&known));
        } else {
            ours.push(known);
        }
    }
    Ok((ours, left))
}

fn report(known: &Known) -> EventReport {
    let name = known.info.name;
    let mut report = EventReport::new(name, &known.subject, State::Foreign);
    let owner = known.info.owner().map_or_else(
        || "the service that publishes it owns it".to_owned(),
        |owner| format!("`{owner}` owns it"),
    );
    report.notes.push(format!(
        "{owner} and registers it; `schema register {name}` does so from here, `--all` for all such events"
    ));
    report
}
