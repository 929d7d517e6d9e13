//! Asks the registry: whether it answers us, what time it has, and what it knows of each event.

use std::time::SystemTime;

use super::clock;
use super::report::{Check, State, about, about_one};
use crate::cli::schema::registered::{Registered, registered};
use crate::config::{Config, RegistryConfig};
use crate::handler::{Service, emitted};
use crate::schema::registry::{RegistryErrorKind, RestRegistry};

/// Looks at all that the registry knows.
pub(super) async fn look<V: Service>(config: &Config) -> Vec<Check> {
    if config.registry.url.is_empty() {
        // That is a matter of the settings, and said there.
        return Vec::new();
    }
    // Who looks is not to wait as long as a service that may as well wait.
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
            let check = about_it.said(State::Unfit, &error.to_string());
            checks
                .push(check.or_remedy("check `registry.url`, the network, and that the registry is running"));
            checks.push(about("events").unknown("are not looked at, because no registry answers"));
            return checks;
        }
        // It knows us, but does not show its own settings; the events say more.
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
            checks.push(about("events").said(State::Unknown, &text));
        }
    }
    checks
}

/// Judges what is said of an event. Pure.
pub(super) fn judge(config: &Config, event: Registered, is_published: bool) -> Vec<Check> {
    let about = about_one("event", &event.event);
    if !event.breaks.is_empty() {
        let check = |found: String| {
            about.unfit(
                format!("breaks its level of compatibility: {found}"),
                "`schema check --live` and `schema diff` show all of it",
            )
        };
        return event.breaks.into_iter().map(check).collect();
    }
    if let Some(why) = event.unanswered {
        return vec![about.said(State::Unknown, &why)];
    }
    let (subject, owner) = (&event.subject, event.owner);
    vec![match event.version {
        Some((version, id)) => about.fit(format!("version {version} of `{subject}` (id {id})")),
        None if !is_published => about.warning(
            format!("not registered under `{subject}`: nobody has written it yet, or by another subject"),
            format!(
                "{} registers it, with `schema register`; `registry.subject` says how subjects are called",
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
