//! Records that no handler takes: counted, and each of their names reported once, with the event that may be meant.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing::info;

use crate::base::bounded_text::bounded_to;
use crate::handler::event::EventInfo;

/// How many names are reported at most: names come from outside, so there may be any number.
const MAX_NAMES: usize = 100;

/// How many bytes of a name are shown and compared.
const MAX_SHOWN: usize = 200;

/// The records that no handler takes: their number, and the names that were reported.
#[derive(Debug, Default)]
pub(crate) struct Unwanted {
    count: AtomicU64,
    reported: RwLock<HashSet<Box<[u8]>>>,
    is_full: AtomicBool,
}

/// What names the type of a record that no handler takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named<'a> {
    /// Its writer's schema.
    Schema(&'a str),
    /// Its header `ce_type`.
    Type(&'a [u8]),
    /// Nothing: it is a tombstone.
    Tombstone,
}

impl Unwanted {
    /// The number of records.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this name has not been reported yet; marks it as reported.
    pub(super) fn is_news(&self, named: Named<'_>) -> bool {
        let name: &[u8] = match named {
            Named::Schema(name) => name.as_bytes(),
            Named::Type(name) => name,
            Named::Tombstone => b"",
        };
        let name = name.get(..MAX_SHOWN).unwrap_or(name);
        if self.is_full.load(Ordering::Relaxed)
            || self
                .reported
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(name)
        {
            return false;
        }
        let mut reported = self.reported.write().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < MAX_NAMES {
            return reported.insert(name.into());
        }
        if !self.is_full.swap(true, Ordering::Relaxed) {
            info!(
                names = MAX_NAMES,
                "records with more names have no handler; further names are not listed, `unwanted` at the end counts all records"
            );
        }
        false
    }
}

/// Reports a name. `schema` is the writer's schema, if there is one.
pub(super) fn report(topic: &str, named: Named<'_>, schema: Option<&str>, events: &[&'static EventInfo]) {
    match named {
        Named::Tombstone => info!(
            topic,
            "no handler takes tombstones (records without a payload); they are committed unhandled"
        ),
        Named::Schema(name) => {
            let (name, hint) = (bounded_to(name, MAX_SHOWN), hint(name, named, events));
            info!(
                topic,
                name,
                schema,
                hint,
                "no handler takes the records of this writer's schema; they are committed unhandled"
            );
        }
        Named::Type(name) => {
            let full = String::from_utf8_lossy(name);
            let (ce_type, hint) = (bounded_to(&full, MAX_SHOWN), hint(&full, named, events));
            info!(
                topic,
                ce_type,
                schema,
                hint,
                "no handler takes the records with this header `ce_type`; they are committed unhandled"
            );
        }
    }
}

/// A hint how to get records of this name handled. Pure.
fn hint(name: &str, named: Named<'_>, events: &[&'static EventInfo]) -> String {
    let Some((event, why)) = nearest(name, events) else {
        return match named {
            Named::Type(_) => {
                "the header overrides the schema's name; list a handler of this event, or a catch-all"
                    .to_owned()
            }
            _ => "list a handler of this event, or a catch-all".to_owned(),
        };
    };
    let (near, at) = (event.name, event.defined_at);
    let shown = bounded_to(name, MAX_SHOWN);
    format!("`{near}` {why}; if it is meant, add `\"aliases\": [\"{shown}\"]` to its schema ({at})")
}

/// The event that a name most likely means, and why.
fn nearest(name: &str, events: &[&'static EventInfo]) -> Option<(&'static EventInfo, &'static str)> {
    let own = last(name);
    let same = |event: &&&EventInfo| alike(last(event.full_name), own) || alike(last(event.name), own);
    if let Some(event) = events.iter().find(same) {
        return Some((event, "has the same name in another namespace"));
    }
    let part = |event: &&&EventInfo| name.split('.').any(|part| alike(part, last(event.name)));
    if let Some(event) = events.iter().find(part) {
        return Some((event, "is part of this name"));
    }
    let found = kaufmann_avro::suggest::closest(name, events.iter().map(|event| event.name))?;
    let event = events.iter().find(|event| event.name == found)?;
    Some((event, "has a similar name"))
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether two names differ at most in case, hyphens and underscores.
fn alike(one: &str, other: &str) -> bool {
    let plain = |name: &'_ str| {
        let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    !one.is_empty() && plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::check::POISON;

    const OPENED: EventInfo = EventInfo {
        name: "acct.opened",
        full_name: "acct.opened",
        defined_at: "schemas/opened.avsc:1",
        ..POISON
    };

    fn of(named: Named<'_>) -> String {
        let name = match named {
            Named::Schema(name) => name.to_owned(),
            Named::Type(name) => String::from_utf8_lossy(name).into_owned(),
            Named::Tombstone => String::new(),
        };
        hint(&name, named, &[&OPENED])
    }

    #[test]
    fn the_nearest_event_is_named_with_what_to_add_to_its_schema() {
        assert_eq!(
            of(Named::Schema("com.acme.v2.opened")),
            "`acct.opened` has the same name in another namespace; if it is meant, add `\"aliases\": [\"com.acme.v2.opened\"]` to \
             its schema (schemas/opened.avsc:1)"
        );
        assert!(
            of(Named::Schema("acct-svc.eu-1.opened"))
                .contains("add `\"aliases\": [\"acct-svc.eu-1.opened\"]` to")
        );
        assert!(of(Named::Schema("Opened")).starts_with("`acct.opened` has the same name"));
        assert!(
            of(Named::Type(b"com.acme.account.opened.v1"))
                .starts_with("`acct.opened` is part of this name; if it is meant, add `\"aliases\"")
        );
        assert!(of(Named::Schema("acct.opend")).starts_with("`acct.opened` has a similar name"));
        assert!(of(Named::Schema("shop.paid")).starts_with("list a handler"));
        assert!(of(Named::Schema("int")).starts_with("list a handler"));
        assert!(of(Named::Type(b"\xff")).starts_with("the header overrides"));
    }

    #[test]
    fn a_name_is_reported_once_and_the_number_of_names_is_bounded() {
        let unwanted = Unwanted::default();
        assert!(unwanted.is_news(Named::Schema("a.b")));
        assert!(!unwanted.is_news(Named::Schema("a.b")));
        assert!(unwanted.is_news(Named::Tombstone));
        let long = |end: &str| format!("{}{end}", "x".repeat(MAX_SHOWN));
        assert!(unwanted.is_news(Named::Type(long("1").as_bytes())));
        assert!(!unwanted.is_news(Named::Type(long("2").as_bytes())));
        let news = (0..10_000).filter(|n| unwanted.is_news(Named::Type(n.to_string().as_bytes())));
        assert_eq!(news.count(), MAX_NAMES - 3);
        assert_eq!(unwanted.reported.read().unwrap().len(), MAX_NAMES);
    }
}
