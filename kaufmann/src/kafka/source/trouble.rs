//! Classes of librdkafka's errors, and the current troubles: each is reported once when it begins, and once when it is over.

use std::collections::BTreeSet;

use rdkafka::types::RDKafkaErrorCode as Code;

use crate::config::Config;
use crate::config::group::of_consumer;
use crate::kafka::explain;

/// A trouble that may pass, named by what shows that it is over.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Trouble {
    /// Over when a broker answers.
    Brokers,
    /// Over when a broker returns the topic's metadata.
    Topic(String),
    /// Over with the next assignment, commit or record.
    Group,
    /// Over with the next record of the partition.
    Partition(String, i32),
}

/// What follows from an error.
#[derive(PartialEq, Debug)]
pub(super) enum ErrorClass {
    /// Nothing: librdkafka recovers itself.
    Ignored,
    /// It may pass.
    Trouble(Trouble, String),
    /// It will not pass.
    Fatal(String),
}

/// The current troubles.
#[derive(Default)]
pub(super) struct Troubles {
    open: BTreeSet<Trouble>,
    /// Why the last connection failed.
    last_connection: Option<String>,
}

impl Troubles {
    /// Whether there is any trouble.
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }

    /// Notes a trouble. Returns whether it is new.
    pub(super) fn begin(&mut self, trouble: Trouble) -> bool {
        self.open.insert(trouble)
    }

    /// Notes that a trouble is over. Returns whether it was the last one.
    pub(super) fn end(&mut self, trouble: &Trouble) -> bool {
        self.open.remove(trouble) && self.open.is_empty()
    }

    /// Classifies an error of the client.
    pub(super) fn classify(&mut self, config: &Config, code: Code, reason: &str) -> ErrorClass {
        let topic = || explain::subscription_topic(reason, &config.subscription()).map(str::to_owned);
        match code {
            // One broker of several, or one attempt of many; if it is the last broker, its own error follows.
            Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut | Code::NodeUpdate => {
                self.last_connection = Some(reason.to_owned());
                ErrorClass::Ignored
            }
            Code::AllBrokersDown => {
                let last = self.last_connection.take();
                ErrorClass::Trouble(Trouble::Brokers, explain::brokers_down(config, last.as_deref()))
            }
            Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => {
                ErrorClass::Trouble(Trouble::Brokers, explain::not_authenticated(reason))
            }
            Code::UnknownTopicOrPartition | Code::UnknownTopic => match topic() {
                Some(topic) => {
                    let text = explain::unknown_topic(config, &topic);
                    ErrorClass::Trouble(Trouble::Topic(topic), text)
                }
                None => ErrorClass::Trouble(Trouble::Group, reason.to_owned()),
            },
            Code::TopicAuthorizationFailed => match topic() {
                Some(topic) => {
                    let text = explain::topic_not_allowed(&topic, "Read");
                    ErrorClass::Trouble(Trouble::Topic(topic), text)
                }
                None => ErrorClass::Trouble(Trouble::Group, reason.to_owned()),
            },
            Code::InvalidTopic => ErrorClass::Fatal(format!(
                "a name in `topics` is not a valid topic name ({reason}); letters, digits, `.`, `_` and `-` are allowed"
            )),
            Code::GroupAuthorizationFailed => {
                ErrorClass::Trouble(Trouble::Group, explain::group_not_allowed(&config.group))
            }
            Code::InconsistentGroupProtocol => {
                ErrorClass::Trouble(Trouble::Group, explain::other_strategy(&config.group))
            }
            Code::PartitionEOF => ErrorClass::Ignored,
            _ => ErrorClass::Trouble(Trouble::Group, format!("group `{}`: {reason}", config.group)),
        }
    }
}

/// Whether a commit's error means that this instance is no longer a member of the group.
pub(super) fn means_expelled(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId | Code::FencedMemberEpoch
    )
}

/// What to do after a fatal error, which ends librdkafka's client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AfterFatal {
    /// Join the group with a new client, trying for `join_deadline` at most.
    Retry,
    /// The same without a limit: the error tells the operator what to change.
    RetryForever,
    /// Stop: a new client would fail, too.
    Stop,
}

/// Classifies a fatal error, which ends librdkafka's client. With the classic group protocol most of these errors are not fatal:
/// librdkafka tries again itself.
pub(super) fn classify_fatal(code: Code) -> AfterFatal {
    match code {
        // Another member has this `group.instance.id`, or was killed and its session has not expired.
        Code::UnreleasedInstanceId
        // Other members may leave.
        | Code::GroupMaxSizeReached
        // The broker's answer to a member that has not polled in time; librdkafka does not join again itself.
        | Code::InvalidRequest
        | Code::StaleMemberEpoch
        | Code::FencedMemberEpoch
        | Code::UnknownMemberId
        // The group's coordinator moves, or starts.
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator => AfterFatal::Retry,
        Code::GroupAuthorizationFailed => AfterFatal::RetryForever,
        _ => AfterFatal::Stop,
    }
}

/// Why the group refuses this member, and what to do about it.
pub(super) fn refused(config: &Config, code: Code, text: &str) -> String {
    let group = &config.group;
    match code {
        Code::UnreleasedInstanceId => format!(
            "group `{group}` has another member with `group.instance.id` = \"{}\"; if it is alive, give each instance an id of its own; if it \
             was killed, wait until its session expires",
            instance_id(config)
        ),
        Code::GroupMaxSizeReached => format!(
            "group `{group}` is full: it has as many members as the brokers' `group.consumer.max.size` allows; run fewer instances, or \
             raise it"
        ),
        Code::GroupAuthorizationFailed => explain::group_not_allowed(group),
        _ => format!("group `{group}` refuses this member: {text}"),
    }
}

/// The text of a fatal error that ends the service, because a new client would fail, too.
pub(super) fn fatal(config: &Config, code: Code, text: &str) -> String {
    let group = &config.group;
    let remedy = match code {
        Code::FencedInstanceId => format!(
            "another member uses `group.instance.id` = \"{}\"; give each instance an id of its own",
            instance_id(config)
        ),
        Code::UnsupportedAssignor => {
            "the brokers do not have the assignor that `group.remote.assignor` names; set one of their \
             `group.consumer.assignors`, or remove it"
                .to_owned()
        }
        Code::UnsupportedVersion | Code::UnsupportedFeature => {
            "the brokers do not know `group.protocol` = \"consumer\" (Kafka 4 does); remove it".to_owned()
        }
        _ => "restart the service".to_owned(),
    };
    format!("the consumer of group `{group}` failed: {text}; {remedy}")
}

fn instance_id(config: &Config) -> &str {
    let id = of_consumer(&config.kafka, "group.instance.id");
    id.map_or("", |(_, id)| id)
}

/// Whether an error means that records cannot be read. Reading on would skip them.
pub(super) fn is_unreadable(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::BadMessage
            | Code::BadCompression
            | Code::InvalidMessage
            | Code::NotImplemented
            | Code::UnsupportedCompressionType
    )
}

/// Classifies an error that came instead of a record.
pub(super) fn classify_read(topic: &str, partition: i32, code: Code, text: &str) -> ErrorClass {
    match code {
        // librdkafka resets the offset by `auto.offset.reset`, and logs it: see `out_of_range`.
        Code::PartitionEOF | Code::OffsetOutOfRange => ErrorClass::Ignored,
        Code::TopicAuthorizationFailed => ErrorClass::Trouble(
            Trouble::Topic(topic.to_owned()),
            explain::topic_not_allowed(topic, "Read"),
        ),
        _ if is_unreadable(code) => ErrorClass::Fatal(explain::unreadable(topic, partition, code, text)),
        _ => ErrorClass::Trouble(
            Trouble::Partition(topic.to_owned(), partition),
            format!("partition {partition} of topic `{topic}` cannot be read at the moment: {text}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config = Config::default();
        config.brokers = vec!["k:9092".into()];
        config.group = "g".into();
        config.topics = vec!["orders".into(), "orders.v2".into()];
        config
    }

    #[test]
    fn a_trouble_begins_once_and_the_last_one_ends_it() {
        let mut troubles = Troubles::default();
        assert!(troubles.begin(Trouble::Brokers));
        assert!(!troubles.begin(Trouble::Brokers));
        assert!(troubles.begin(Trouble::Group));
        assert!(!troubles.end(&Trouble::Brokers));
        assert!(!troubles.end(&Trouble::Brokers));
        assert!(troubles.end(&Trouble::Group));
        assert!(!troubles.any());
    }

    #[test]
    fn unreachable_brokers_are_named_with_the_last_reason() {
        let mut troubles = Troubles::default();
        let refused = troubles.classify(&config(), Code::BrokerTransportFailure, "Connection refused");
        assert_eq!(refused, ErrorClass::Ignored);
        let ErrorClass::Trouble(trouble, text) =
            troubles.classify(&config(), Code::AllBrokersDown, "1/1 down")
        else {
            panic!("no trouble");
        };
        assert_eq!(trouble, Trouble::Brokers);
        assert!(
            text.starts_with("no broker of `k:9092` can be reached (Connection refused); check"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_topic_is_named_with_the_command_that_creates_it() {
        let reason = "Subscribed topic not available: orders.v2: Broker: Unknown topic or partition";
        let class = Troubles::default().classify(&config(), Code::UnknownTopicOrPartition, reason);
        let ErrorClass::Trouble(trouble, text) = class else {
            panic!("{class:?}")
        };
        assert_eq!(trouble, Trouble::Topic("orders.v2".into()));
        assert_eq!(
            text,
            "topic `orders.v2` does not exist; create it with kafka-topics.sh --create --topic orders.v2 \
             --partitions N --bootstrap-server k:9092"
        );
    }

    #[test]
    fn an_error_that_may_pass_is_waited_out_and_any_other_ends_the_service() {
        let again = [
            Code::UnreleasedInstanceId,
            Code::GroupMaxSizeReached,
            Code::InvalidRequest,
            Code::StaleMemberEpoch,
            Code::FencedMemberEpoch,
            Code::UnknownMemberId,
            Code::CoordinatorLoadInProgress,
            Code::CoordinatorNotAvailable,
            Code::NotCoordinator,
        ];
        let end = [
            Code::FencedInstanceId,
            Code::UnsupportedAssignor,
            Code::UnsupportedVersion,
            Code::UnsupportedFeature,
            Code::InvalidTopic,
            Code::Fail,
        ];
        let table = [
            (AfterFatal::Retry, &again[..]),
            (AfterFatal::RetryForever, &[Code::GroupAuthorizationFailed]),
            (AfterFatal::Stop, &end),
        ];
        for (class, codes) in table {
            for code in codes {
                assert_eq!(classify_fatal(*code), class, "{code:?}");
            }
        }
        // Errors that are not fatal are waited out, except an invalid name.
        let mut troubles = Troubles::default();
        for code in again
            .into_iter()
            .chain([Code::GroupAuthorizationFailed, Code::InconsistentGroupProtocol])
        {
            let class = troubles.classify(&config(), code, "why");
            assert!(
                matches!(class, ErrorClass::Trouble(Trouble::Group, _)),
                "{code:?}: {class:?}"
            );
        }
        assert!(matches!(
            troubles.classify(&config(), Code::InvalidTopic, "why"),
            ErrorClass::Fatal(_)
        ));
    }

    #[test]
    fn an_instance_id_that_another_member_has_is_named() {
        let mut config = config();
        config.kafka.insert("group.instance.id".into(), "pod-3".into());
        for text in [
            refused(&config, Code::UnreleasedInstanceId, "why"),
            fatal(&config, Code::FencedInstanceId, "why"),
        ] {
            assert!(text.contains("`group.instance.id` = \"pod-3\""), "{text}");
        }
    }

    #[test]
    fn an_error_that_would_skip_records_stops_the_source() {
        for code in [Code::BadCompression, Code::MessageSizeTooLarge] {
            let class = classify_read("t", 3, code, "why");
            let ErrorClass::Fatal(text) = class else {
                panic!("{class:?}")
            };
            assert!(
                text.starts_with("partition 3 of topic `t` cannot be read: why; "),
                "{text}"
            );
        }
        assert_eq!(classify_read("t", 3, Code::PartitionEOF, ""), ErrorClass::Ignored);
    }
}
