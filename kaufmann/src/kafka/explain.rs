//! Texts for librdkafka's errors, one line each: what is wrong, where, and what to do about it.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::settings::is_unsupported;
use crate::config::{Config, is_secret, without_credentials};

/// Why a client could not be created. The value of a property is not repeated: it may be a secret.
pub(crate) fn creation(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, text, key, _) if is_unsupported(text) => {
            let remedy = if cfg!(feature = "tls") {
                "remove it"
            } else {
                "for TLS build it with kaufmann's feature `tls`"
            };
            format!(
                "`{key}` in `[kafka]` is not supported by this build ({}); {remedy}",
                without_credentials(text.trim())
            )
        }
        KafkaError::ClientConfig(_, text, key, _) => {
            let text = if is_secret(key) {
                "its value".to_owned()
            } else {
                discreet(text)
            };
            format!("`{key}` in `[kafka]` is refused by librdkafka: {text}")
        }
        KafkaError::ClientCreation(text) => format!("librdkafka refuses its settings: {}", discreet(text)),
        other => format!("librdkafka's client cannot be created: {other}"),
    }
}

/// A text of librdkafka without possible secrets: its OAUTHBEARER handler repeats the part of its configuration that it cannot parse.
pub(crate) fn discreet(text: &str) -> String {
    match text.split_once("sasl.oauthbearer.config") {
        Some((before, rest)) if !rest.is_empty() => {
            format!(
                "{}sasl.oauthbearer.config (the rest may be a secret)",
                without_credentials(before)
            )
        }
        _ => without_credentials(text),
    }
}

/// The topic that a librdkafka text about a subscription names.
pub(crate) fn subscription_topic<'a>(reason: &str, topics: &'a [String]) -> Option<&'a str> {
    // "Subscribed topic not available: orders: Broker: Unknown topic or partition"
    reason
        .split(": ")
        .find_map(|part| topics.iter().find(|topic| part == topic.as_str()))
        .map(String::as_str)
}

/// The error when no broker can be reached.
pub(crate) fn brokers_down(config: &Config, last: Option<&str>) -> String {
    // A client's first request asks which requests the broker supports.
    let is_foreign =
        last.is_some_and(|last| last.contains("APIVERSION_QUERY") || last.contains("Invalid response size"));
    let last_node = last
        .and_then(advertised)
        .filter(|(_, address)| !config.brokers.iter().any(|broker| broker == address));
    let last = last.map(|last| format!(" ({last})")).unwrap_or_default();
    if is_foreign {
        return format!(
            "the server at `{}` does not answer like a Kafka broker{last}; check the port in `brokers`, and `security.protocol` in \
             `[kafka]`: a TLS listener does not answer a client without TLS",
            config.brokers.join(",")
        );
    }
    let advertised = last_node.map(|(id, address)| {
        format!(
            "; clients connect to the address in `advertised.listeners`, which is {address} for broker {id}: check that it is reachable from here"
        )
    });
    format!(
        "no broker of `{}` can be reached{last}; check `brokers`, the network, and that a broker is running{}",
        config.brokers.join(","),
        advertised.unwrap_or_default()
    )
}

/// The id and the advertised address of the broker that a librdkafka text is about. `None` for a broker of `brokers` whose id is not
/// known yet.
pub(crate) fn advertised(reason: &str) -> Option<(i32, &str)> {
    // "sasl_ssl://kafka-1:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
    let (broker, _) = reason.split_once(": ")?;
    let (address, id) = broker.rsplit_once('/')?;
    let address = address.rsplit('/').next().unwrap_or(address);
    address.contains(':').then_some((id.parse().ok()?, address))
}

/// The error for a topic that does not exist.
pub(crate) fn unknown_topic(config: &Config, topic: &str) -> String {
    format!(
        "topic `{topic}` does not exist; create it with kafka-topics.sh --create --topic {topic} --partitions N \
         --bootstrap-server {}",
        config.brokers.first().map_or("HOST:PORT", String::as_str)
    )
}

/// The error for a missing right on a topic; `operation` is Kafka's name of the right.
pub(crate) fn topic_not_allowed(topic: &str, operation: &str) -> String {
    format!(
        "the service's principal lacks `{operation}` on topic `{topic}`; allow it with kafka-acls.sh --add --allow-principal USER \
         --operation {operation} --topic {topic}"
    )
}

/// The error for a missing right on the group.
pub(crate) fn group_not_allowed(group: &str) -> String {
    format!(
        "the service's principal lacks `Read` on group `{group}`; allow it with kafka-acls.sh --add --allow-principal USER \
         --operation Read --group {group}"
    )
}

/// The error for a missing right on the cluster.
fn idempotent_write_not_allowed() -> String {
    "the service's principal lacks `IdempotentWrite` on the cluster; allow it with kafka-acls.sh --add --allow-principal USER \
--operation IdempotentWrite --cluster"
.to_owned()
}

/// The error for a failed authentication.
pub(crate) fn not_authenticated(reason: &str) -> String {
    format!(
        "authentication with the broker failed ({reason}); check `security.protocol`, `sasl.*` and `ssl.*` in `[kafka]`"
    )
}

/// The error when members of the group use different assignment strategies.
pub(crate) fn other_strategy(group: &str) -> String {
    format!(
        "the members of group `{group}` use another assignment strategy; set `partition.assignment.strategy` in `[kafka]` to \
         theirs, or stop them first"
    )
}

/// The error for records that cannot be read.
pub(crate) fn unreadable(topic: &str, partition: i32, code: Code, text: &str) -> String {
    let remedy = match code {
        Code::MessageSizeTooLarge => {
            "raise `receive.message.max.bytes` and `fetch.message.max.bytes` in `[kafka]`"
        }
        Code::NotImplemented | Code::UnsupportedCompressionType => {
            "this build of librdkafka does not support the record format or the compression; let the producers use another"
        }
        _ => "reading on would skip records; check the broker's disk and the network",
    };
    format!("partition {partition} of topic `{topic}` cannot be read: {text}; {remedy}")
}

/// Why offsets could not be committed.
pub(crate) fn not_committed(code: Code, group: &str) -> String {
    match code {
        Code::RebalanceInProgress => {
            format!("group `{group}` is rebalancing; commits wait until that is over")
        }
        Code::UnknownMemberId
        | Code::IllegalGeneration
        | Code::FencedInstanceId
        | Code::StaleMemberEpoch
        | Code::FencedMemberEpoch
        | Code::AssignmentLost => {
            format!(
                "this instance is no longer a member of group `{group}`; its partitions will be assigned again"
            )
        }
        Code::GroupAuthorizationFailed => group_not_allowed(group),
        Code::TopicAuthorizationFailed => {
            "the service's principal lacks `Read` on the topic; allow it with kafka-acls.sh".into()
        }
        Code::OffsetMetadataTooLarge => {
            "the broker's `offset.metadata.max.bytes` is too small for the records settled ahead of an offset; \
             fewer are kept, and the rest is handled again after a restart. 4096 is enough"
                .into()
        }
        Code::InvalidCommitOffsetSize => {
            "the broker's `message.max.bytes` is too small for a commit of all partitions with the records \
             settled ahead of their offsets; fewer are kept, and the rest is handled again after a restart"
                .into()
        }
        other => format!("offsets of group `{group}` cannot be committed: {other}"),
    }
}

/// Why the producer cannot begin another transaction.
pub(crate) fn no_more_transactions(code: Code, id: &str, text: &str) -> String {
    match code {
        Code::TransactionalIdAuthorizationFailed => format!(
            "the service's principal lacks `Write` or `Describe` on the transactional id `{id}`; allow it with kafka-acls.sh --add \
             --allow-principal USER --operation Write --operation Describe --transactional-id {id}, or set \
             `exactly_once.transactional_id` to one that is allowed"
        ),
        Code::InvalidTransactionTimeout => {
            "`exactly_once.timeout` is longer than the broker's `transaction.max.timeout.ms`; lower it, or raise that".into()
        }
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => format!(
            "another instance uses the transactional id `{id}`, or a transaction took longer than `exactly_once.timeout`; \
             give each instance an `exactly_once.transactional_id` of its own, or restart this one ({text})"
        ),
        Code::ClusterAuthorizationFailed => {
            idempotent_write_not_allowed()
        }
        other => format!("transactional id `{id}` cannot be used any more: {text} ({other}); restart the service"),
    }
}

/// Why a transaction could not be committed.
pub(crate) fn not_committed_in_transaction(code: Code, text: &str) -> String {
    match code {
        Code::OffsetMetadataTooLarge => {
            "the broker's `offset.metadata.max.bytes` is too small; `delivery = \"exactly_once\"` needs 4096, the default"
                .into()
        }
        Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId | Code::RebalanceInProgress => {
            format!("the group is rebalancing, or this instance is no longer a member: {text}")
        }
        Code::GroupAuthorizationFailed => {
            format!("the service's principal lacks `Read` on the group; allow it with kafka-acls.sh ({text})")
        }
        Code::TopicAuthorizationFailed => {
            format!("the service's principal lacks `Read` or `Write` on a topic; allow it with kafka-acls.sh ({text})")
        }
        other => format!("the transaction cannot be committed: {text} ({other})"),
    }
}

/// Why a message was not published.
pub(crate) fn why_not_produced(code: Code, topic: &str, size: usize, broker: &str) -> String {
    match code {
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => format!(
            "a message of {size} bytes is too large for topic `{topic}`; raise `max.message.bytes` of the topic, or \
             `message.max.bytes` in `[kafka]` if that is set, or make the event smaller"
        ),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => format!(
            "topic `{topic}` does not exist; create it with kafka-topics.sh --create --topic {topic} --partitions N \
             --bootstrap-server {broker}"
        ),
        Code::InvalidTopic | Code::InvalidArgument => {
            format!(
                "`{topic}` is not a valid topic name; letters, digits, `.`, `_` and `-` are allowed, at most 249"
            )
        }
        Code::TopicAuthorizationFailed => topic_not_allowed(topic, "Write"),
        Code::ClusterAuthorizationFailed => idempotent_write_not_allowed(),
        Code::PurgeQueue | Code::PurgeInflight => {
            format!("the service stopped before a broker acknowledged the message for topic `{topic}`")
        }
        Code::MessageTimedOut => format!(
            "no broker acknowledged the message for topic `{topic}` within `message.timeout.ms`; set it to 0 to wait without a limit"
        ),
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => format!(
            "topic `{topic}` has fewer in-sync replicas than its `min.insync.replicas`; start the missing brokers"
        ),
        Code::InvalidRecord | Code::PolicyViolation => {
            format!(
                "the broker refuses the message for topic `{topic}` ({code}); a compacted topic needs a key"
            )
        }
        other => format!("the message for topic `{topic}` was not delivered: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_a_broker_is_not_reported_as_unreachable() {
        let mut config = Config::default();
        config.brokers.push("h:443".to_owned());
        for last in [
            "h:443/bootstrap: Receive failed: Invalid response size 1008813135 (0..100000000): increase receive.message.max.bytes",
            "h:443/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration \
             (connecting to a SSL listener?) (after 3ms in state APIVERSION_QUERY)",
        ] {
            let text = brokers_down(&config, Some(last));
            assert!(
                text.starts_with("the server at `h:443` does not answer like a Kafka broker ("),
                "{text}"
            );
            assert!(
                text.contains("; check the port in `brokers`, and `security.protocol`"),
                "{text}"
            );
        }
        let refused = "h:443/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        assert!(brokers_down(&config, Some(refused)).starts_with("no broker of `h:443` can be reached ("));
    }

    #[test]
    fn a_broker_is_named_with_its_advertised_address_if_that_is_not_configured() {
        let mut config = Config::default();
        config.brokers.push("h:443".to_owned());
        let text = |address: &str| {
            let reason = format!(
                "{address}: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)"
            );
            brokers_down(&config, Some(&reason))
        };
        for address in ["127.0.0.1:1/7", "sasl_ssl://127.0.0.1:1/7"] {
            let text = text(address);
            assert!(
                text.contains("which is 127.0.0.1:1 for broker 7: check"),
                "{text}"
            );
        }
        for configured in ["h:443/bootstrap", "h:443/7", "GroupCoordinator"] {
            let text = text(configured);
            assert!(!text.contains("advertised.listeners"), "{text}");
        }
    }
}
