//! Which handler takes a tombstone, which has no payload and so no schema. Pure.

use std::sync::Arc;

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::handler::HandlerEntry;
use crate::schema::writers::Route;

/// The handlers of tombstones.
#[derive(Debug)]
pub(crate) struct Tombstones {
    handlers: Vec<Reader>,
    catch_all: Option<u32>,
}

/// A handler with `tombstone`.
#[derive(Debug)]
struct Reader {
    handler: u32,
    /// The event's name, its schema's full name, and its earlier names.
    names: Vec<&'static str>,
    /// The event's topic; `None`: the only consumed one.
    topic: Option<String>,
}

impl Reader {
    fn name(&self) -> &'static str {
        self.names[0]
    }
}

impl Tombstones {
    /// Collects the handlers with `tombstone` and the topics of their events.
    ///
    /// # Errors
    ///
    /// If the topic of an event is unknown and the service consumes several.
    pub(crate) fn new(handlers: &'static [HandlerEntry], config: &Config) -> Result<Self, Error> {
        let mut readers = Vec::new();
        let mut catch_all = None;
        for (handler, entry) in (0u32..).zip(handlers) {
            let Some(info) = entry.event else {
                catch_all = Some(handler);
                continue;
            };
            if !entry.tombstone {
                continue;
            }
            let named = config.publish.topics.get(info.name).map(String::as_str);
            let topic = named.or(info.topic);
            if topic.is_none() && config.topics.len() > 1 {
                let text = format!(
                    "the handler `{}` takes tombstones of `{1}`, but it is not known in which of the consumed topics they are; give \
                     the schema ({2}) the attribute `\"topic\"`, or set `publish.topics.\"{1}\"`",
                    entry.path, info.name, info.defined_at
                );
                return Err(Error::new(ErrorKind::Configuration, text));
            }
            let names = [info.name, info.full_name].into_iter();
            readers.push(Reader {
                handler,
                names: names.chain(info.aliases.iter().copied()).collect(),
                topic: topic.map(str::to_owned),
            });
        }
        Ok(Self {
            handlers: readers,
            catch_all,
        })
    }

    /// Where a tombstone goes: to the handler of the event that its header `ce_type` names, else to that of the only event of its
    /// topic, else to the catch-all. `topic` is the one in which it was first read.
    pub(crate) fn route(&self, name: Option<&[u8]>, topic: &str) -> Route {
        let found = match name {
            Some(name) => {
                let is_named = |reader: &&Reader| reader.names.iter().any(|known| known.as_bytes() == name);
                self.handlers.iter().find(is_named)
            }
            None => {
                let is_of = |reader: &&Reader| reader.topic.as_deref().is_none_or(|of| of == topic);
                let mut of_topic = self.handlers.iter().filter(is_of);
                let first = of_topic.next();
                if let (Some(first), Some(second)) = (first, of_topic.next()) {
                    return Route::Undecodable(ambiguous(first, second));
                }
                first
            }
        };
        found
            .map(|reader| reader.handler)
            .or(self.catch_all)
            .map_or(Route::Unwanted, |handler| Route::Handler(handler, None))
    }
}

fn ambiguous(first: &Reader, second: &Reader) -> Arc<str> {
    let (first, second) = (first.name(), second.name());
    let text = format!(
        "the tombstone may be of `{first}` or of `{second}`, which share the topic; its producer must name the event in the header \
         `ce_type`"
    );
    Arc::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::check::POISON;
    use crate::handler::event::EventInfo;
    use crate::handler::limits::Limits;

    const fn info(name: &'static str, topic: Option<&'static str>) -> EventInfo {
        EventInfo {
            name,
            full_name: name,
            topic,
            aliases: &["old.a"],
            ..POISON
        }
    }

    const fn entry(event: Option<&'static EventInfo>, tombstone: bool) -> HandlerEntry {
        HandlerEntry {
            path: "handler",
            event,
            tombstone,
            returns: &[],
            emits: &[],
            limits: Limits::OPEN,
        }
    }

    static A: EventInfo = info("a", Some("one"));
    static B: EventInfo = info("b", Some("one"));
    static C: EventInfo = info("c", Some("two"));
    static D: EventInfo = info("d", None);
    static ALL: [HandlerEntry; 5] = [
        entry(Some(&A), false),
        entry(Some(&A), true),
        entry(Some(&B), true),
        entry(Some(&C), true),
        entry(None, false),
    ];
    static WITHOUT_TOPIC: [HandlerEntry; 2] = [entry(Some(&D), false), entry(Some(&D), true)];

    fn config(topics: &[&str]) -> Config {
        let mut config = Config::default();
        config.topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        config
    }

    fn handler(route: &Route) -> Option<u32> {
        match route {
            Route::Handler(handler, None) => Some(*handler),
            _ => None,
        }
    }

    #[test]
    fn a_tombstone_goes_by_its_name_then_by_its_topic_then_to_the_catch_all() {
        let tombstones = Tombstones::new(&ALL, &config(&["one", "two", "three"])).unwrap();
        let route = |name: Option<&str>, topic| handler(&tombstones.route(name.map(str::as_bytes), topic));
        assert_eq!(route(Some("a"), "two"), Some(1));
        assert_eq!(route(Some("old.a"), "two"), Some(1));
        assert_eq!(route(Some("b"), "one"), Some(2));
        assert_eq!(route(None, "two"), Some(3));
        assert_eq!(route(None, "three"), Some(4));
        assert_eq!(
            route(Some("other"), "two"),
            Some(4),
            "its header names another event"
        );
        let tombstones = Tombstones::new(&ALL[..4], &config(&["one"])).unwrap();
        assert_eq!(tombstones.route(None, "three"), Route::Unwanted);
        assert_eq!(tombstones.route(Some(b"other"), "two"), Route::Unwanted);
    }

    #[test]
    fn a_tombstone_that_may_be_of_two_events_is_reported() {
        let tombstones = Tombstones::new(&ALL, &config(&["one"])).unwrap();
        let Route::Undecodable(reason) = tombstones.route(None, "one") else {
            panic!("it has a handler");
        };
        assert!(reason.contains("of `a` or of `b`"), "{reason}");
    }

    #[test]
    fn an_event_without_a_topic_has_its_tombstones_in_the_only_consumed_one() {
        let tombstones = Tombstones::new(&WITHOUT_TOPIC, &config(&["one"])).unwrap();
        assert_eq!(handler(&tombstones.route(None, "one")), Some(1));
        let error = Tombstones::new(&WITHOUT_TOPIC, &config(&["one", "two"])).unwrap_err();
        assert!(error.to_string().contains("publish.topics.\"d\""), "{error}");
        let mut config = config(&["one", "two"]);
        config.publish.topics.insert("d".to_owned(), "two".to_owned());
        let tombstones = Tombstones::new(&WITHOUT_TOPIC, &config).unwrap();
        assert_eq!(handler(&tombstones.route(None, "two")), Some(1));
        assert_eq!(tombstones.route(None, "one"), Route::Unwanted);
    }
}
