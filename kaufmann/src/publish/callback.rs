//! The topic that a record wants its answer in. Pure.
//!
//! It is what somebody else has written, so it is followed only where the configuration allows it.

use std::sync::Arc;

use crate::record::Record;
use crate::topic::is_topic;

/// The header that names it.
pub(crate) const CALLBACK: &str = "kaufmann-callback-topic";

/// Which topics may be named.
#[derive(Debug)]
pub(crate) struct Allowed(Vec<String>);

/// A name that is not followed.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused(pub(crate) String);

impl Allowed {
    /// Names, of which the end may be `*`.
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// The topic that a record names.
    pub(crate) fn callback(&self, cause: &Record) -> Result<Option<Arc<str>>, Refused> {
        let Some(name) = cause.header(CALLBACK) else {
            return Ok(None);
        };
        match std::str::from_utf8(name) {
            Ok(name) if self.allows(name) => Ok(Some(name.into())),
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

    fn callback(allowed: &[&str], name: &[u8]) -> Result<Option<Arc<str>>, Refused> {
        let names: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let record = Record::of(&RawRecord {
            offset: 0,
            timestamp: None,
            key: None,
            payload: None,
            headers: &[(CALLBACK, Some(name))],
        });
        Allowed::new(&names).callback(&record)
    }

    #[test]
    fn a_name_is_followed_only_where_it_is_allowed() {
        assert_eq!(
            callback(&["answers.*"], b"answers.a"),
            Ok(Some("answers.a".into()))
        );
        assert_eq!(callback(&["answers"], b"answers"), Ok(Some("answers".into())));
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
        assert_eq!(Allowed::new(&[]).callback(&Record::empty()), Ok(None));
    }
}
