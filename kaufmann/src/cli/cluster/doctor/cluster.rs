//! Checks the cluster. Every call blocks, with a time limit; without a broker only connections are tried.

use std::collections::BTreeMap;

use super::network::{Unreachable, reach};
use super::report::{Check, State, about, about_one};
use super::topics::{Topic, Use, counted, number};
use super::{brokers, rights, settings, topics};
use crate::config::declared::declared;
use crate::config::{Config, Delivery};
use crate::kafka::admin::{Actual, Admin, Settings};
use crate::kafka::cluster::{Cluster, TopicPartition};
use crate::kafka::condition::{Access, Condition, Node};
use crate::kafka::ffi::Operation;

/// Makes all checks of the cluster. `used` has the purposes of each topic.
pub(super) async fn check(config: &Config, used: &BTreeMap<String, Vec<String>>) -> Vec<Check> {
    if config.brokers.is_empty() {
        // The checks of the settings report that.
        return Vec::new();
    }
    let (mut checks, any) = bootstrap(&config.brokers);
    let nothing = about("cluster")
        .unknown("topics, rights and the group are not checked, because no broker can be reached");
    if !any {
        checks.push(nothing);
        return checks;
    }
    let plain = config.without_transactions();
    let clients = Cluster::new(&plain).and_then(|cluster| Ok((cluster, Admin::new(&plain)?)));
    // The checks of the settings report those that librdkafka refuses.
    let Ok((cluster, admin)) = clients else {
        return checks;
    };
    let condition = match cluster.condition() {
        Ok(condition) => condition,
        Err(error) => {
            let nodes = cluster.unreachable();
            let (unreachable, any) = advertised(&config.brokers, &nodes);
            if nodes.is_empty() || any {
                checks.push(about("cluster").error(State::Unfit, &error));
            } else {
                checks.extend(unreachable);
                checks.push(nothing);
            }
            return checks;
        }
    };
    let (advertised, any) = advertised(&config.brokers, &condition.nodes);
    checks.extend(advertised);
    if !any {
        checks.push(nothing);
        return checks;
    }
    let look = Look {
        config,
        used,
        cluster,
        admin,
        condition,
    };
    checks.extend(look.brokers().await);
    checks.extend(look.topics().await);
    checks.push(look.memory());
    checks.extend(look.group());
    checks.extend(stranded(config));
    checks
}

/// The topics with records that no service reads any more.
fn stranded(config: &Config) -> Vec<Check> {
    match crate::cli::cluster::stranded::find(config) {
        Ok(found) => found
            .into_iter()
            .map(|found| about_one("stranded", &found.topic).warning(found.to_string(), &found.remedy))
            .collect(),
        // Missing rights on the group's offsets are reported with the group.
        Err(error) => vec![about("stranded").error(State::Unchecked, &error)],
    }
}

/// Checks the configured brokers. Also returns whether any accepts connections.
fn bootstrap(addresses: &[String]) -> (Vec<Check>, bool) {
    let reached = reach(addresses);
    let any = reached.iter().any(Result::is_ok);
    let check = |(address, reached): (&String, Result<(), Unreachable>)| {
        let broker = about_one("broker", address);
        match reached {
            Ok(()) => broker.fit("accepts connections"),
            // The others know all brokers, so one that is down does not stop the service.
            Err(why) if any => broker.warning(
                format!("cannot be reached: {why}"),
                "start it, or remove it from `brokers`; the others are used instead",
            ),
            Err(why) => broker.unfit(
                format!("cannot be reached: {why}"),
                "check `brokers`, the network, and that a broker is running",
            ),
        }
    };
    (addresses.iter().zip(reached).map(check).collect(), any)
}

/// Checks the advertised addresses, to which clients connect in the end. Also returns whether any accepts connections.
fn advertised(configured: &[String], nodes: &[Node]) -> (Vec<Check>, bool) {
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    let reached = reach(&addresses);
    let any = reached.iter().any(Result::is_ok);
    let mut checks = Vec::new();
    for (node, reached) in nodes.iter().zip(&reached) {
        if let Err(why) = reached {
            let broker = about_one("broker", node.id.to_string());
            checks.push(broker.unfit(
                format!("advertises {}, which cannot be reached from here: {why}", node.address),
                format!(
                    "clients connect to the broker's `advertised.listeners`; set it to an address that is reachable from here, \
                     like {}, or start the broker",
                    configured.first().map_or("`brokers`", String::as_str)
                ),
            ));
        }
    }
    if checks.is_empty() {
        let found = format!(
            "{}, each reachable at its advertised address",
            counted(nodes.len(), "broker")
        );
        checks.push(about("cluster").fit(found));
    }
    (checks, any)
}

/// The check of a topic that does not exist.
fn missing(name: &str, purpose: &[String], is_declared: bool) -> Check {
    let remedy = if is_declared {
        "`topics apply` creates it as declared".to_owned()
    } else {
        format!("add [declare.\"{name}\"] for `topics apply`, or ask its owner to create it")
    };
    about_one("topic", name).unfit(format!("does not exist ({})", purpose.join(", ")), remedy)
}

struct Look<'a> {
    config: &'a Config,
    used: &'a BTreeMap<String, Vec<String>>,
    cluster: Cluster,
    admin: Admin,
    condition: Condition,
}

impl Look<'_> {
    async fn brokers(&self) -> Vec<Check> {
        let Some(node) = self.condition.nodes.first() else {
            return Vec::new();
        };
        match self.admin.broker_settings(node.id).await {
            Ok(settings) => brokers::judge(self.config, &settings),
            Err(error) => {
                vec![about("brokers").error(State::Unchecked, &error)]
            }
        }
    }

    /// The memory that the consumed partitions need, if one instance has them all.
    fn memory(&self) -> Check {
        let consumed = self.used.keys().filter(|name| self.use_of(name).consumed);
        let partitions = consumed
            .filter_map(|name| self.condition.topics.get(name))
            .map(Vec::len)
            .sum();
        settings::memory(self.config, partitions, settings::memory_limit())
    }

    async fn topics(&self) -> Vec<Check> {
        let names: Vec<&str> = self.used.keys().map(String::as_str).collect();
        let mut unknown = None;
        let access = match self.cluster.access(&names) {
            Ok(access) => access,
            Err(error) => {
                unknown = Some(about("rights").error(State::Unknown, &error));
                self.visible(&names)
            }
        };
        let (settings, mut checks) = self.settings(&access).await;
        checks.extend(unknown);
        let declared = declared(self.config).unwrap_or_default();
        let differences = crate::cli::cluster::topics::differences(&declared, &self.actual(&settings));
        let largest_consumed = self
            .used
            .keys()
            .filter(|name| self.use_of(name).consumed)
            .filter_map(|name| number(settings.get(name)?, "max.message.bytes"))
            .max();
        for (name, purpose) in self.used {
            let used = self.use_of(name);
            match access.get(name) {
                Some(Access::Allowed(operations)) => {
                    let partitions = self
                        .condition
                        .topics
                        .get(name)
                        .map(Vec::as_slice)
                        .unwrap_or_default();
                    checks.extend(topics::judge(&Topic {
                        name,
                        purpose,
                        used,
                        partitions,
                        settings: settings.get(name),
                        brokers: self.condition.nodes.len(),
                        differences: differences.get(name).copied().unwrap_or(0),
                        largest_consumed,
                    }));
                    checks.extend(rights::of_topic(self.config, name, used, operations.as_deref()));
                }
                Some(Access::Missing) | None => {
                    checks.push(missing(name, purpose, declared.contains_key(name)));
                }
                Some(Access::Hidden) => checks.push(self.hidden(name, purpose, used)),
                Some(Access::Failed(why)) => {
                    let check = about_one("topic", name).unknown(format!("could not be checked: {why}"));
                    checks.push(check);
                }
            }
        }
        checks.extend(self.patterns());
        checks.extend(self.held());
        checks
    }

    /// The check of a topic that the principal may not see.
    fn hidden(&self, name: &str, purpose: &[String], used: Use) -> Check {
        let needed: Vec<Operation> = [(used.consumed, Operation::Read), (used.written, Operation::Write)]
            .into_iter()
            .filter_map(|(is_needed, operation)| is_needed.then_some(operation))
            .collect();
        about_one("topic", name).unfit(
            format!("the service's principal may not see it ({})", purpose.join(", ")),
            rights::remedy(self.config, &needed, &format!("--topic {name}")),
        )
    }

    /// Topics that an instance is holding at the moment, according to the metadata of its commits.
    fn held(&self) -> Vec<Check> {
        let consumed = self.used.keys().filter(|name| self.use_of(name).consumed);
        let topic_partitions: Vec<TopicPartition> = consumed
            .flat_map(|name| {
                let count = self.condition.topics.get(name).map_or(0, Vec::len);
                (0..i32::try_from(count).unwrap_or(i32::MAX))
                    .map(move |partition| TopicPartition::new(name, partition))
            })
            .collect();
        // If that fails, the checks of the group's rights report it.
        let Ok(committed) = self.cluster.committed_with_metadata(&topic_partitions) else {
            return Vec::new();
        };
        topics::held(&committed)
    }

    /// The topics, as far as the service's principal may see them.
    fn visible(&self, names: &[&str]) -> BTreeMap<String, Access> {
        let one = |name: &&str| {
            let access = if self
                .condition
                .topics
                .get(*name)
                .is_some_and(|found| !found.is_empty())
            {
                Access::Allowed(None)
            } else {
                Access::Failed("the service's principal may not see it, or it does not exist".to_owned())
            };
            ((*name).to_owned(), access)
        };
        names.iter().map(one).collect()
    }

    /// The settings of the existing topics; topics whose settings it may not see are a check.
    async fn settings(&self, access: &BTreeMap<String, Access>) -> (BTreeMap<String, Settings>, Vec<Check>) {
        let existing: Vec<String> = access
            .iter()
            .filter(|(_, access)| matches!(access, Access::Allowed(_)))
            .map(|(name, _)| name.clone())
            .collect();
        let results = match self.admin.settings(&existing).await {
            Ok(results) => results,
            Err(error) => {
                let check = about("topics").error(State::Unchecked, &error);
                return (BTreeMap::new(), vec![check]);
            }
        };
        let (mut settings, mut hidden) = (BTreeMap::new(), Vec::new());
        for (name, result) in results {
            match result {
                Ok(found) => drop(settings.insert(name, found)),
                Err(_) => hidden.push(name),
            }
        }
        let mut checks = Vec::new();
        if !hidden.is_empty() {
            let text = format!(
                "the service's principal may not see the settings of {}",
                hidden.join(", ")
            );
            checks.push(about("topics").unchecked(text));
        }
        (settings, checks)
    }

    /// The topics as `topics plan` compares them.
    fn actual(&self, settings: &BTreeMap<String, Settings>) -> BTreeMap<String, Actual> {
        let one = |(name, settings): (&String, &Settings)| {
            let partitions = self.condition.topics.get(name)?;
            let replicas = partitions
                .iter()
                .map(|partition| partition.replicas)
                .min()
                .unwrap_or(0);
            let actual = Actual {
                partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
                replication: i32::try_from(replicas).unwrap_or(i32::MAX),
                settings: settings.clone(),
            };
            Some((name.clone(), actual))
        };
        settings.iter().filter_map(one).collect()
    }

    fn use_of(&self, topic: &str) -> Use {
        let retries = self.config.retry_topics();
        let delay = retries
            .iter()
            .find(|(name, _)| name == topic)
            .map(|(_, delay)| *delay);
        let consumed = self.config.topics.iter().any(|name| name == topic) || delay.is_some();
        let dead_letters =
            self.config.on_failure.writes_dead_letters() && topic == self.config.dead_letter_topic();
        let is_more = self.used.get(topic).is_some_and(|purposes| purposes.len() > 1);
        Use {
            consumed,
            dead_letters,
            written: dead_letters || delay.is_some() || !consumed || is_more,
            delay,
        }
    }

    /// Only the broker knows which topics a pattern matches, once the service is a member.
    fn patterns(&self) -> Vec<Check> {
        let patterns = self.config.topics.iter().filter(|topic| topic.starts_with('^'));
        patterns
            .map(|pattern| {
                about_one("topic", pattern).unchecked("is a pattern; `run` logs which topics it matches")
            })
            .collect()
    }

    fn group(&self) -> Vec<Check> {
        if self.config.group.is_empty() {
            return Vec::new();
        }
        let name = &self.config.group;
        let group = about_one("group", name);
        let mut checks = Vec::new();
        match self.cluster.group() {
            Err(error) => checks.push(group.error(State::Unfit, &error)),
            Ok(None) => checks.push(group.unchecked("the brokers do not describe groups")),
            Ok(Some(found)) => {
                let state = if found.state == "Dead" {
                    "it has had no members yet".to_owned()
                } else {
                    format!(
                        "{}, {}",
                        found.state.to_lowercase(),
                        counted(found.members.len(), "member")
                    )
                };
                checks.push(group.fit(state));
                match rights::of_group(self.config, found.operations.as_deref()) {
                    Some(check) => checks.push(check),
                    None => checks.extend(self.may_see()),
                }
            }
        }
        if self.config.delivery == Delivery::ExactlyOnce
            || self.config.exactly_once.transactional_id.is_some()
        {
            checks.push(about("transactions").unchecked(
                "whether its transactional id may be used cannot be checked without taking it; `run` checks it at its start",
            ));
        }
        checks
    }

    /// If the coordinator does not describe the group: whether the service's principal may see its offsets.
    fn may_see(&self) -> Option<Check> {
        let topic_partition = self
            .used
            .keys()
            .find(|name| self.condition.topics.contains_key(*name))?;
        let rights = about_one("rights", format!("group {}", self.config.group));
        Some(
            match self.cluster.committed(&[TopicPartition::new(topic_partition, 0)]) {
                Ok(_) => {
                    rights.unchecked("may see it; whether it may join it is unknown before the group exists")
                }
                Err(error) => rights.error(State::Unfit, &error),
            },
        )
    }
}
