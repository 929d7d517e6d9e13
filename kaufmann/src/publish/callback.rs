//! The topic that a record wants its answer in: its header says it, or the event itself in its field `meta`. Pure.
//!
//! It is what somebody else has written, so it is followed only where the configuration allows it.

use crate::record::names::CALLBACK;
use std::sync::Arc;

use crate::config::topic::is_topic;
use crate::handler::event::{Callback, EventInfo};
use crate::record::Record;

/// Which topics may be named.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<String>);

/// Where a record wants its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) topic: Arc<str>,
    /// Whether it is there is not known.
    pub(crate) partition: Option<i32>,
}

/// A name that is not followed.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused(pub(crate) String);

impl Allowed {
    /// Names, of which the end may be `*`.
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// The topic that a record names; `event` is what its handler takes it for. The payload is only looked at if no header says it, and
    /// events of this kind have a place for it.
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
            // What is not a name is shown in part: it may be anything.
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
    fn a_name_is_followed_only_where_it_is_allowed() {
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
    fn a_record_may_name_none() {
        assert_eq!(Allowed::new(&[]).callback(&Record::empty(), None), Ok(None));
    }
}
