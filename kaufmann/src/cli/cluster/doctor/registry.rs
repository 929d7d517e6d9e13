//! Checks the registry: its answer, its clock, and each event's schema.

use std::time::SystemTime;

use super::clock;
use super::report::{Check, State, about, about_one};
use crate::cli::schema::registered::{Registered, registered};
use crate::config::{Config, RegistryConfig};
use crate::handler::{Service, emitted};
use crate::schema::registry::{RegistryErrorKind, RestRegistry};

/// Makes all checks of the registry.
pub(super) async fn check<V: Service>(config: &Config) -> Vec<Check> {
    if config.registry.url.is_empty() {
        // The checks of the settings report that.
        return Vec::new();
    }
    // A command should not retry as long as a service does.
    let once = RegistryConfig {
        retries: config.registry.retries.min(1),
        ..config.registry.clone()
    };
    let about_it = about("registry");
    let registry = match RestRegistry::new(&once) {
        Ok(registry) => registry,
        Err(error) => return vec![about_it.error(State::Unfit, &error)],
    };
    let before = SystemTime::now();
    let time = registry.time().await;
    let after = SystemTime::now();
    let mut checks = Vec::new();
    match time {
        Ok(time) => {
            checks.push(about_it.fit(format!("{} answers", registry.url())));
            checks.push(clock::judge(time, before, after));
        }
        Err(error) if error.kind() == RegistryErrorKind::Unavailable || error.status() == Some(401) => {
            let check = about_it.text(State::Unfit, &error.to_string());
            checks
                .push(check.or_remedy("check `registry.url`, the network, and that the registry is running"));
            checks.push(about("events").unknown("are not checked, because the registry gives no answer"));
            return checks;
        }
        // It answers, but denies access to its own settings; the checks of the events show more.
        Err(_) => checks.push(about_it.fit(format!("{} answers", registry.url()))),
    }
    match registered::<V>(config, &registry).await {
        Ok(events) => {
            let published: Vec<&str> = emitted::<V>().iter().map(|info| info.name).collect();
            let judge = |event: Registered| {
                let is_published = published.contains(&event.event.as_str());
                judge(config, event, is_published)
            };
            checks.extend(events.into_iter().flat_map(judge));
        }
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let text = source.unwrap_or_else(|| error.to_string());
            checks.push(about("events").text(State::Unknown, &text));
        }
    }
    checks
}

/// Judges the state of an event. Pure.
pub(super) fn judge(config: &Config, event: Registered, is_published: bool) -> Vec<Check> {
    let about = about_one("event", &event.event);
    if !event.breaks.is_empty() {
        let check = |found: String| {
            about.unfit(
                format!("breaks its compatibility level: {found}"),
                "`schema check --live` and `schema diff` show the details",
            )
        };
        return event.breaks.into_iter().map(check).collect();
    }
    if let Some(why) = event.unanswered {
        return vec![about.text(State::Unknown, &why)];
    }
    let (subject, owner) = (&event.subject, event.owner);
    vec![match event.version {
        Some((version, id)) => about.fit(format!("version {version} of `{subject}` (id {id})")),
        None if !is_published => about.warning(
            format!("not registered under `{subject}`: not published yet, or under another subject"),
            format!(
                "{} registers it, with `schema register`; `registry.subject` sets how subjects are named",
                owner.as_deref().map_or_else(
                    || "the service that publishes it".to_owned(),
                    |owner| format!("its owner, `{owner}`,")
                )
            ),
        ),
        None if config.registry.register => about.fit(format!(
            "not registered under `{subject}` yet; `run` registers it"
        )),
        None => {
            let remedy = owner.map_or_else(
                || "`schema register` registers it, or set `registry.register = true`".to_owned(),
                |owner| {
                    format!(
                        "its owner, `{owner}`, registers it; `schema register {}` does so from here",
                        event.event
                    )
                },
            );
            about.unfit(
                format!("not registered under `{subject}`: it cannot be published"),
                remedy,
            )
        }
    }]
}
