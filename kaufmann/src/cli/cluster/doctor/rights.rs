//! Checks the rights that the service needs. Pure.

use super::report::{Check, about_one};
use super::topics::Use;
use crate::config::Config;
use crate::config::group::of_consumer;
use crate::kafka::ffi::Operation;

/// Judges the rights on a topic; `None` if the broker does not report them.
pub(super) fn of_topic(
    config: &Config,
    topic: &str,
    used: Use,
    allowed: Option<&[Operation]>,
) -> Option<Check> {
    let mut needed = Vec::new();
    if used.consumed {
        needed.push(Operation::Read);
    }
    if used.written {
        needed.push(Operation::Write);
    }
    let resource = format!("--topic {topic}");
    let about = about_one("rights", format!("topic {topic}"));
    Some(judge(config, &about, &needed, allowed?, &resource))
}

/// Judges the rights on the group; `None` if the coordinator does not report them.
pub(super) fn of_group(config: &Config, allowed: Option<&[Operation]>) -> Option<Check> {
    let about = about_one("rights", format!("group {}", config.group));
    let resource = format!("--group {}", config.group);
    Some(judge(config, &about, &[Operation::Read], allowed?, &resource))
}

/// The command that grants these rights.
pub(super) fn remedy(config: &Config, operations: &[Operation], resource: &str) -> String {
    let user = of_consumer(&config.kafka, "sasl.username").map_or("USER", |(_, user)| user);
    let broker = config.brokers.first().map_or("HOST:PORT", String::as_str);
    let operations: Vec<String> = operations
        .iter()
        .map(|operation| format!("--operation {operation:?}"))
        .collect();
    format!(
        "kafka-acls.sh --bootstrap-server {broker} --add --allow-principal User:{user} {} {resource}",
        operations.join(" ")
    )
}

fn judge(
    config: &Config,
    about: &super::report::About,
    needed: &[Operation],
    allowed: &[Operation],
    resource: &str,
) -> Check {
    let missing: Vec<Operation> = needed
        .iter()
        .copied()
        .filter(|operation| !allowed.contains(operation))
        .collect();
    if missing.is_empty() {
        return about.fit(format!("may {}", words(needed)));
    }
    about.unfit(
        format!("may not {}", words(&missing)),
        remedy(config, &missing, resource),
    )
}

/// `read and write`
fn words(operations: &[Operation]) -> String {
    let words: Vec<String> = operations
        .iter()
        .map(|operation| match operation {
            Operation::Read => "read".to_owned(),
            Operation::Write => "write".to_owned(),
            Operation::Describe => "describe".to_owned(),
            Operation::DescribeConfigs => "see the settings".to_owned(),
        })
        .collect();
    words.join(" and ")
}
