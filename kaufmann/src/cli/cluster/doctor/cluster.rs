//! Asks the cluster. Everything blocks, but each question has an end; without a broker nothing but connections is tried.

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

/// Looks at all that the cluster knows. `used` says what each topic is for.
pub(super) async fn look(config: &Config, used: &BTreeMap<String, Vec<String>>) -> Vec<Check> {
    if config.brokers.is_empty() {
        // That is a matter of the settings, and said there.
        return Vec::new();
    }
    let (mut checks, any) = bootstrap(&config.brokers);
    let nothing = about("cluster")
        .unknown("topics, rights and the group are not looked at, because no broker can be reached");
    if !any {
        checks.push(nothing);
        return checks;
    }
    let plain = config.without_transactions();
    let clients = Cluster::new(&plain).and_then(|cluster| Ok((cluster, Admin::new(&plain)?)));
    // Settings that librdkafka refuses are said with the settings.
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

/// The topics with records that nobody reads any more.
fn stranded(config: &Config) -> Vec<Check> {
    match crate::cli::cluster::stranded::find(config) {
        Ok(found) => found
            .into_iter()
            .map(|found| about_one("stranded", &found.topic).warning(found.to_string(), &found.remedy))
            .collect(),
        // That we may not ask for the group's offsets is said of the group.
        Err(error) => vec![about("stranded").error(State::Unchecked, &error)],
    }
}

/// The brokers as they are configured, and whether any takes connections.
fn bootstrap(addresses: &[String]) -> (Vec<Check>, bool) {
    let reached = reach(addresses);
    let any = reached.iter().any(Result::is_ok);
    let check = |(address, reached): (&String, Result<(), Unreachable>)| {
        let broker = about_one("broker", address);
        match reached {
            Ok(()) => broker.fit("takes connections"),
            // Others tell who they are; one that is gone is a matter of resilience.
            Err(why) if any => broker.warning(
                format!("cannot be reached: {why}"),
                "start it, or take it out of `brokers`; the others are asked instead",
            ),
            Err(why) => broker.unfit(
                format!("cannot be reached: {why}"),
                "check `brokers`, the network, and that a broker is running",
            ),
        }
    };
    (addresses.iter().zip(reached).map(check).collect(), any)
}

/// The brokers as the cluster calls them, which is where clients go in the end, and whether any takes connections.
fn advertised(configured: &[String], nodes: &[Node]) -> (Vec<Check>, bool) {
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    let reached = reach(&addresses);
    let any = reached.iter().any(Result::is_ok);
    let mut checks = Vec::new();
    for (node, reached) in nodes.iter().zip(&reached) {
        if let Err(why) = reached {
            let broker = about_one("broker", node.id.to_string());
            checks.push(broker.unfit(
                format!("calls itself {}, which cannot be reached from here: {why}", node.address),
                format!(
                    "clients go where `advertised.listeners` of the broker says; set it to an address that reaches it from here, \
                     as {} does, or start the broker",
                    configured.first().map_or("`brokers`", String::as_str)
                ),
            ));
        }
    }
    if checks.is_empty() {
        let found = format!("{}, each where it says it is", counted(nodes.len(), "broker"));
        checks.push(about("cluster").fit(found));
    }
    (checks, any)
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

    /// What the consumed partitions take of memory, if one instance has them all.
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
        let mut untold = None;
        let access = match self.cluster.access(&names) {
            Ok(access) => access,
            Err(error) => {
                untold = Some(about("rights").error(State::Unknown, &error));
                self.visible(&names)
            }
        };
        let (settings, mut checks) = self.settings(&access).await;
        checks.extend(untold);
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
            let about = about_one("topic", name);
            let words = purpose.join(", ");
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
                    let remedy = if declared.contains_key(name) {
                        "`topics apply` makes it, as it is declared".to_owned()
                    } else {
                        format!("add [declare.\"{name}\"] for `topics apply`, or have its owner make it")
                    };
                    checks.push(about.unfit(format!("does not exist ({words})"), remedy));
                }
                Some(Access::Hidden) => {
                    let needed: Vec<Operation> =
                        [(used.consumed, Operation::Read), (used.written, Operation::Write)]
                            .into_iter()
                            .filter_map(|(is_needed, operation)| is_needed.then_some(operation))
                            .collect();
                    let remedy = rights::remedy(self.config, &needed, &format!("--topic {name}"));
                    checks.push(about.unfit(format!("the brokers do not let us see it ({words})"), remedy));
                }
                Some(Access::Failed(why)) => {
                    checks.push(about.unknown(format!("could not be looked at: {why}")));
                }
            }
        }
        checks.extend(self.patterns());
        checks.extend(self.held());
        checks
    }

    /// Topics that an instance does not read for now, as it says with its commits.
    fn held(&self) -> Vec<Check> {
        let consumed = self.used.keys().filter(|name| self.use_of(name).consumed);
        let places: Vec<TopicPartition> = consumed
            .flat_map(|name| {
                let count = self.condition.topics.get(name).map_or(0, Vec::len);
                (0..i32::try_from(count).unwrap_or(i32::MAX))
                    .map(move |partition| TopicPartition::new(name, partition))
            })
            .collect();
        // That it cannot be asked for is a matter of the group's rights, and said there.
        let Ok(committed) = self.cluster.committed_with_metadata(&places) else {
            return Vec::new();
        };
        topics::held(&committed)
    }

    /// The topics, as far as the brokers show them to us.
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
                Access::Failed("it is not among those that the brokers show us".to_owned())
            };
            ((*name).to_owned(), access)
        };
        names.iter().map(one).collect()
    }

    /// The settings of the topics that there are; those that the brokers keep for themselves are a check each.
    async fn settings(&self, access: &BTreeMap<String, Access>) -> (BTreeMap<String, Settings>, Vec<Check>) {
        let there: Vec<String> = access
            .iter()
            .filter(|(_, access)| matches!(access, Access::Allowed(_)))
            .map(|(name, _)| name.clone())
            .collect();
        let told = match self.admin.settings(&there).await {
            Ok(told) => told,
            Err(error) => {
                let check = about("topics").error(State::Unchecked, &error);
                return (BTreeMap::new(), vec![check]);
            }
        };
        let (mut settings, mut kept) = (BTreeMap::new(), Vec::new());
        for (name, told) in told {
            match told {
                Ok(told) => drop(settings.insert(name, told)),
                Err(_) => kept.push(name),
            }
        }
        let mut checks = Vec::new();
        if !kept.is_empty() {
            let text = format!("the brokers do not tell the settings of {}", kept.join(", "));
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
        let letters =
            self.config.on_failure.writes_dead_letters() && topic == self.config.dead_letter_topic();
        let is_more = self.used.get(topic).is_some_and(|purposes| purposes.len() > 1);
        Use {
            consumed,
            letters,
            written: letters || delay.is_some() || !consumed || is_more,
            delay,
        }
    }

    /// Which topics a pattern matches is the broker's to say, once the service is a member.
    fn patterns(&self) -> Vec<Check> {
        let patterns = self.config.topics.iter().filter(|topic| topic.starts_with('^'));
        patterns
            .map(|pattern| {
                about_one("topic", pattern)
                    .unchecked("is a pattern; which topics it matches is said when the service runs")
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
                    "nobody has been in it yet".to_owned()
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
                    None => checks.extend(self.may_ask()),
                }
            }
        }
        if self.config.delivery == Delivery::ExactlyOnce
            || self.config.exactly_once.transactional_id.is_some()
        {
            checks.push(about("transactions").unchecked(
                "whether its transactional id may be used cannot be seen without taking it; `run` says so at its start",
            ));
        }
        checks
    }

    /// A coordinator that does not describe the group lets its offsets be asked for, or not.
    fn may_ask(&self) -> Option<Check> {
        let place = self
            .used
            .keys()
            .find(|name| self.condition.topics.contains_key(*name))?;
        let rights = about_one("rights", format!("group {}", self.config.group));
        Some(match self.cluster.committed(&[TopicPartition::new(place, 0)]) {
            Ok(_) => rights.unchecked("may see it; whether it may be joined is not told before it exists"),
            Err(error) => rights.error(State::Unfit, &error),
        })
    }
}
