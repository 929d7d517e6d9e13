//! The names that topics may have, and the topic to which an event goes.

use super::PublishConfig;

/// The characters and the length of a topic's name.
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "only the command line prints it")
)]
pub(crate) const TOPIC: &str = "letters, digits, `.`, `_` and `-`, at most 249";

/// Why a service must not write to a topic that [`is_internal`], and what to do instead.
pub(crate) const INTERNAL: &str = "Kafka's own and must not be written to; name a topic of events";

/// Whether a topic is Kafka's own: records of others in it damage groups, transactions or the cluster.
pub(crate) fn is_internal(name: &str) -> bool {
    matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state" | "__cluster_metadata"
    )
}

/// Whether a topic may have this name.
pub(crate) fn is_topic(name: &str) -> bool {
    let is_fit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_fit)
}

impl PublishConfig {
    /// The topic to which an event is published: the one in `publish.topics`, else the one that its schema declares, else
    /// `publish.topic`. `None` if none of them is set.
    pub(crate) fn topic_of<'a>(&'a self, event: &str, declared: Option<&'a str>) -> Option<&'a str> {
        let configured = self.topics.get(event).map(String::as_str);
        configured.or(declared).or(self.topic.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_of_an_event_is_the_configured_one_then_the_declared_one_then_the_general_one() {
        let mut config = PublishConfig::default();
        assert_eq!(config.topic_of("a.b", None), None);
        config.topic = Some("general".to_owned());
        assert_eq!(config.topic_of("a.b", None), Some("general"));
        assert_eq!(config.topic_of("a.b", Some("declared")), Some("declared"));
        config.topics.insert("a.b".to_owned(), "configured".to_owned());
        assert_eq!(config.topic_of("a.b", Some("declared")), Some("configured"));
        assert_eq!(config.topic_of("a.c", Some("declared")), Some("declared"));
    }
}
