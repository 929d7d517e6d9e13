//! How topics may be called.

/// What a topic's name is made of.
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "said by the command line only")
)]
pub(crate) const TOPIC: &str = "letters, digits, `.`, `_` and `-`, at most 249";

/// What is wrong with writing to a topic that [`is_internal`], and what to do instead.
pub(crate) const INTERNAL: &str = "Kafka's own, where nobody else may write; name a topic of events";

/// Whether a topic is Kafka's own: what others write to it damages the groups, transactions or the cluster itself.
pub(crate) fn is_internal(name: &str) -> bool {
    matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state" | "__cluster_metadata"
    )
}

/// Whether a topic can be called so.
pub(crate) fn is_topic(name: &str) -> bool {
    let is_fit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_fit)
}
