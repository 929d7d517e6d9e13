//! The callback topic that a record requests for its reply, in its header or in the event's field `meta`. Pure.
//!
//! The request comes from outside, so it is followed only if the configuration allows the topic.

use crate::record::names::CALLBACK;
use std::sync::Arc;

use crate::config::topic::is_topic;
use crate::handler::event::{Callback, EventInfo};
use crate::record::Record;

/// The callback topics that are allowed.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<String>);

/// A callback that a record requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) topic: Arc<str>,
    /// It may not exist.
    pub(crate) partition: Option<i32>,
}

/// A name that is not allowed.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused(pub(crate) String);

impl Allowed {
    /// From names, which may end in `*`.
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// The callback that a record requests; `event` is the event that its handler gets. The payload is only read if there is no header
    /// and the event has a field for the callback.
    pub(crate) fn callback(
        &self,
        cause: &Record,
        event: Option<&EventInfo>,
    ) -> Result<Option<Wanted>, Refused> {
        let (name, partition) = match cause.header(CALLBACK) {
            Some(name) => (name, None),
            None => {
                let read = event.and_then(|info| info.callback);
                match read.and_then(|read| (read.0)(cause.body())) {
                    Some(Callback { topic, partition }) => (topic.as_bytes(), partition),
                    None => return Ok(None),
                }
            }
        };
        match std::str::from_utf8(name) {
            Ok(name) if self.allows(name) => Ok(Some(Wanted {
                topic: name.into(),
                partition,
            })),
            // An invalid name is shown in part: it may be anything.
            _ => Err(Refused(
                String::from_utf8_lossy(&name[..name.len().min(249)])
                    .escape_debug()
                    .to_string(),
            )),
        }
    }

    /// Topics that begin with two underscores are Kafka's own.
    fn allows(&self, name: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        is_topic(name) && !name.starts_with("__") && self.0.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RawRecord;

    fn callback(allowed: &[&str], name: &[u8]) -> Result<Option<Wanted>, Refused> {
        let names: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let record = Record::of(&RawRecord {
            offset: 0,
            timestamp: None,
            key: None,
            payload: None,
            headers: &[(CALLBACK, Some(name))],
        });
        Allowed::new(&names).callback(&record, None)
    }

    fn wanted(topic: &str) -> Wanted {
        Wanted {
            topic: topic.into(),
            partition: None,
        }
    }

    #[test]
    fn a_name_is_followed_only_if_it_is_allowed() {
        assert_eq!(
            callback(&["answers.*"], b"answers.a"),
            Ok(Some(wanted("answers.a")))
        );
        assert_eq!(callback(&["answers"], b"answers"), Ok(Some(wanted("answers"))));
        for (allowed, name) in [
            (&["answers.*"][..], &b"orders"[..]),
            (&[], b"answers"),
            (&["*"], b"__consumer_offsets"),
            (&["*"], b"a b"),
            (&["*"], b""),
            (&["*"], b"\xff"),
            (&["*"], &[b'a'; 250]),
        ] {
            assert!(callback(allowed, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_record_need_not_request_a_callback() {
        assert_eq!(Allowed::new(&[]).callback(&Record::empty(), None), Ok(None));
    }
}
