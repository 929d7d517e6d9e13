//! Librdkafka's properties of the group that exclude each other. Pure.

use super::KafkaProperties;

/// The properties that only the classic protocol has, and what replaces them with the other protocol.
const CLASSIC_ONLY: [(&str, &str); 4] = [
    (
        "partition.assignment.strategy",
        "the broker assigns; `group.remote.assignor` picks one of its `group.consumer.assignors`",
    ),
    (
        "session.timeout.ms",
        "the broker sets it, for a group by its `consumer.session.timeout.ms`",
    ),
    (
        "heartbeat.interval.ms",
        "the broker sets it, for a group by its `consumer.heartbeat.interval.ms`",
    ),
    ("group.protocol.type", "it is always `consumer`"),
];

/// Strategies that revoke all partitions in each rebalance.
const EAGER: [&str; 2] = ["range", "roundrobin"];

const COOPERATIVE: &str = "cooperative-sticky";

/// A property that excludes another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Conflict {
    /// Its name as it was set.
    pub(crate) key: String,
    /// What it excludes, why, and what to do.
    pub(crate) why: String,
}

/// The properties that exclude others.
pub(crate) fn conflicts(kafka: &KafkaProperties) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut add = |key: &str, why: String| {
        let key = key.to_owned();
        found.push(Conflict { key, why });
    };
    let by_broker = of_consumer(kafka, "group.protocol").is_some_and(|(_, value)| value == "consumer");
    if by_broker {
        for (name, instead) in CLASSIC_ONLY {
            if let Some((key, _)) = of_consumer(kafka, name) {
                add(
                    key,
                    format!("cannot be set with `group.protocol` = \"consumer\": {instead}; remove it"),
                );
            }
        }
        return found;
    }
    if let Some((key, _)) = of_consumer(kafka, "group.remote.assignor") {
        let why =
            "needs `group.protocol` = \"consumer\"; set that, or `partition.assignment.strategy` instead";
        add(key, why.to_owned());
    }
    if let Some((key, value)) = of_consumer(kafka, "partition.assignment.strategy") {
        let names: Vec<&str> = value.split(',').map(str::trim).collect();
        if let (true, Some(eager)) = (
            names.contains(&COOPERATIVE),
            names.iter().find(|name| EAGER.contains(name)),
        ) {
            let why = format!(
                "names both `{eager}`, which revokes all partitions in a rebalance, and `{COOPERATIVE}`, which does not; \
                 name one kind"
            );
            add(key, why);
        }
    }
    found
}

/// The consumer's value of a property, with the name under which it was set.
pub(crate) fn of_consumer<'a>(kafka: &'a KafkaProperties, name: &str) -> Option<(&'a str, &'a str)> {
    let own = kafka.get_key_value(&format!("consumer.{name}"));
    own.or_else(|| kafka.get_key_value(name))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(properties: &[(&str, &str)]) -> Vec<String> {
        let mut kafka = KafkaProperties::default();
        kafka.extend(
            properties
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        conflicts(&kafka)
            .into_iter()
            .map(|conflict| conflict.key)
            .collect()
    }

    #[test]
    fn what_the_broker_decides_is_refused_with_its_protocol_alone() {
        for (name, _) in CLASSIC_ONLY {
            assert_eq!(of(&[(name, "1")]), [""; 0]);
            assert_eq!(of(&[(name, "1"), ("group.protocol", "consumer")]), [name]);
        }
        let prefixed = "consumer.session.timeout.ms";
        assert_eq!(
            of(&[(prefixed, "1"), ("consumer.group.protocol", "consumer")]),
            [prefixed]
        );
        assert_eq!(
            of(&[("group.instance.id", "a"), ("group.protocol", "consumer")]),
            [""; 0]
        );
    }

    #[test]
    fn what_the_classic_protocol_lacks_is_refused_without_the_other() {
        let assignor = ("group.remote.assignor", "uniform");
        assert_eq!(of(&[assignor]), [assignor.0]);
        assert_eq!(of(&[assignor, ("group.protocol", "classic")]), [assignor.0]);
        assert_eq!(of(&[assignor, ("group.protocol", "consumer")]), [""; 0]);
    }

    #[test]
    fn strategies_of_two_kinds_are_refused() {
        let name = "partition.assignment.strategy";
        assert_eq!(of(&[(name, "range,cooperative-sticky")]), [name]);
        for one_kind in ["range,roundrobin", "cooperative-sticky", "range"] {
            assert_eq!(of(&[(name, one_kind)]), [""; 0]);
        }
    }
}
