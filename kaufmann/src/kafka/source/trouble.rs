//! What librdkafka's errors mean, and what is wrong just now: each trouble is said once, and once that it is over.

use std::collections::BTreeSet;

use rdkafka::types::RDKafkaErrorCode as Code;

use crate::config::Config;
use crate::config::group::of_consumer;
use crate::kafka::explain;

/// How one sees that a trouble is over; with that it also names the trouble.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Trouble {
    /// A broker answers.
    Brokers,
    /// A broker knows the topic and lets us see it.
    Topic(String),
    /// An assignment, a commit, a record: the group works.
    Group,
    /// A record of the partition.
    Partition(String, i32),
}

/// What an error means.
#[derive(PartialEq, Debug)]
pub(super) enum ErrorClass {
    /// librdkafka helps itself.
    Ignored,
    /// It may pass.
    Trouble(Trouble, String),
    /// It will not pass.
    Fatal(String),
}

/// What is wrong just now.
#[derive(Default)]
pub(super) struct Troubles {
    open: BTreeSet<Trouble>,
    /// Why the last connection failed.
    last_connection: Option<String>,
}

impl Troubles {
    /// Whether anything is wrong.
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }

    /// Notes a trouble; whether it is a new one.
    pub(super) fn begin(&mut self, remedy: Trouble) -> bool {
        self.open.insert(remedy)
    }

    /// Notes that it is over; whether nothing else is wrong, and something was.
    pub(super) fn end(&mut self, remedy: &Trouble) -> bool {
        self.open.remove(remedy) && self.open.is_empty()
    }

    /// Judges an error of the client.
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
                "a name in `topics` is no topic's name ({reason}); letters, digits, `.`, `_` and `-` are allowed"
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

/// Whether a commit's error means that the group has gone on without us.
pub(super) fn means_expelled(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownMemberId | Code::IllegalGeneration | Code::FencedInstanceId | Code::FencedMemberEpoch
    )
}

/// What is to be done about an error after which librdkafka's client does nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AfterFatal {
    /// Another client may be let into the group: ask again, for `join_deadline` at most.
    Retry,
    /// The same, as long as it takes: somebody must act, and is told so.
    RetryForever,
    /// No other client fares better.
    Stop,
}

/// Judges an error after which librdkafka's client does nothing any more. With the classic protocol of groups most of these errors are
/// not fatal: librdkafka asks again by itself.
pub(super) fn classify_fatal(code: Code) -> AfterFatal {
    match code {
        // A member with this `group.instance.id` is there, or was killed and its session is not over.
        Code::UnreleasedInstanceId
        // Others may leave.
        | Code::GroupMaxSizeReached
        // The broker's answer to who has not polled in time; librdkafka does not join again by itself.
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

/// Why the group does not let this member in, and what to do about it.
pub(super) fn refused(config: &Config, code: Code, text: &str) -> String {
    let group = &config.group;
    match code {
        Code::UnreleasedInstanceId => format!(
            "group `{group}` has another member with `group.instance.id` = \"{}\": either it is alive, then give each instance an id of its \
             own, or it was killed, and its session is not over yet",
            instance_id(config)
        ),
        Code::GroupMaxSizeReached => format!(
            "group `{group}` is full: it has as many members as the brokers' `group.consumer.max.size` allows; run fewer instances, or \
             raise it"
        ),
        Code::GroupAuthorizationFailed => explain::group_not_allowed(group),
        _ => format!("group `{group}` does not let this member in: {text}"),
    }
}

/// An error that ends the service, because no other client would fare better.
pub(super) fn fatal(config: &Config, code: Code, text: &str) -> String {
    let group = &config.group;
    let remedy = match code {
        Code::FencedInstanceId => format!(
            "another member has taken `group.instance.id` = \"{}\"; give each instance an id of its own",
            instance_id(config)
        ),
        Code::UnsupportedAssignor => {
            "the brokers do not have the assignor that `group.remote.assignor` names; name one of their \
             `group.consumer.assignors`, or none"
                .to_owned()
        }
        Code::UnsupportedVersion | Code::UnsupportedFeature => {
            "the brokers do not know `group.protocol` = \"consumer\" (Kafka 4 does); remove it".to_owned()
        }
        _ => "start the service again".to_owned(),
    };
    format!("the consumer of group `{group}` cannot go on: {text}; {remedy}")
}

fn instance_id(config: &Config) -> &str {
    let id = of_consumer(&config.kafka, "group.instance.id");
    id.map_or("", |(_, id)| id)
}

/// Whether an error stands for records that cannot be read, and that reading on would pass over.
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

/// Judges an error that came in the place of a record.
pub(super) fn classify_read(topic: &str, partition: i32, code: Code, text: &str) -> ErrorClass {
    match code {
        // librdkafka looks the offset up anew as `auto.offset.reset` says, and logs that it does: see `gone`.
        Code::PartitionEOF | Code::OffsetOutOfRange => ErrorClass::Ignored,
        Code::TopicAuthorizationFailed => ErrorClass::Trouble(
            Trouble::Topic(topic.to_owned()),
            explain::topic_not_allowed(topic, "Read"),
        ),
        _ if is_unreadable(code) => ErrorClass::Fatal(explain::unreadable(topic, partition, code, text)),
        _ => ErrorClass::Trouble(
            Trouble::Partition(topic.to_owned(), partition),
            format!("partition {partition} of topic `{topic}` cannot be read just now: {text}"),
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
    fn brokers_that_are_away_are_named_with_the_last_reason() {
        let mut troubles = Troubles::default();
        let refused = troubles.classify(&config(), Code::BrokerTransportFailure, "Connection refused");
        assert_eq!(refused, ErrorClass::Ignored);
        let ErrorClass::Trouble(remedy, text) =
            troubles.classify(&config(), Code::AllBrokersDown, "1/1 down")
        else {
            panic!("no trouble");
        };
        assert_eq!(remedy, Trouble::Brokers);
        assert!(
            text.starts_with("no broker of `k:9092` can be reached (Connection refused); check"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_topic_is_named_with_the_command_that_makes_it() {
        let reason = "Subscribed topic not available: orders.v2: Broker: Unknown topic or partition";
        let verdict = Troubles::default().classify(&config(), Code::UnknownTopicOrPartition, reason);
        let ErrorClass::Trouble(remedy, text) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(remedy, Trouble::Topic("orders.v2".into()));
        assert_eq!(
            text,
            "topic `orders.v2` does not exist; create it with kafka-topics.sh --create --topic orders.v2 \
             --partitions N --bootstrap-server k:9092"
        );
    }

    /// Which answers of a group end the service, and which are waited out.
    #[test]
    fn what_may_pass_is_waited_out_and_what_will_not_pass_ends_the_service() {
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
        for (verdict, codes) in table {
            for code in codes {
                assert_eq!(classify_fatal(*code), verdict, "{code:?}");
            }
        }
        // What is not fatal is waited out, but for a name that is none.
        let mut troubles = Troubles::default();
        for code in again
            .into_iter()
            .chain([Code::GroupAuthorizationFailed, Code::InconsistentGroupProtocol])
        {
            let verdict = troubles.classify(&config(), code, "why");
            assert!(
                matches!(verdict, ErrorClass::Trouble(Trouble::Group, _)),
                "{code:?}: {verdict:?}"
            );
        }
        assert!(matches!(
            troubles.classify(&config(), Code::InvalidTopic, "why"),
            ErrorClass::Fatal(_)
        ));
    }

    #[test]
    fn an_instance_id_that_is_taken_is_named() {
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
    fn what_would_skip_records_stops_the_source() {
        for code in [Code::BadCompression, Code::MessageSizeTooLarge] {
            let verdict = classify_read("t", 3, code, "why");
            let ErrorClass::Fatal(text) = verdict else {
                panic!("{verdict:?}")
            };
            assert!(
                text.starts_with("partition 3 of topic `t` cannot be read: why; "),
                "{text}"
            );
        }
        assert_eq!(classify_read("t", 3, Code::PartitionEOF, ""), ErrorClass::Ignored);
    }
}
