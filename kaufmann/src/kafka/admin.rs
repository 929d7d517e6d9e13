//! Topics' settings, and changes to topics. The answers of the admin API are futures.

use std::collections::BTreeMap;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewPartitions, NewTopic,
    ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::{ErrorContext, failed_with, is_unanswered};
use super::cluster::{Cluster, PATIENCE};
use super::{explain, producer};
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;

/// A client of the admin API.
pub(crate) struct Admin {
    client: AdminClient<ErrorContext>,
    config: Config,
}

/// A topic with its settings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Actual {
    pub(crate) partitions: i32,
    pub(crate) replication: i32,
    pub(crate) settings: Settings,
}

/// A setting of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    pub(crate) value: String,
    /// Whether it is set for this topic, instead of the cluster's default.
    pub(crate) own: bool,
}

/// Kafka's settings by name.
pub(crate) type Settings = BTreeMap<String, Setting>;

impl Admin {
    /// A client for the brokers of `config`.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let refused = |text: String| Error::new(ErrorKind::Configuration, text);
        let client = producer(config)
            .map_err(refused)?
            .create_with_context(ErrorContext::default())
            .map_err(|error| refused(explain::creation(&error)))?;
        Ok(Self {
            client,
            config: config.clone(),
        })
    }

    /// The existing ones of these topics, with their settings.
    pub(crate) async fn actual(
        &self,
        cluster: &Cluster,
        names: &[&str],
    ) -> Result<BTreeMap<String, Actual>, Error> {
        let mut found = BTreeMap::new();
        for name in names {
            let Some(topic) = cluster.find(name)? else {
                continue;
            };
            found.insert(
                topic.name,
                Actual {
                    partitions: topic.partitions,
                    replication: topic.replication,
                    settings: Settings::new(),
                },
            );
        }
        let asked: Vec<_> = found.keys().cloned().collect();
        for (name, settings) in self.settings(&asked).await? {
            if let Some(actual) = found.get_mut(&name) {
                actual.settings = settings?;
            }
        }
        Ok(found)
    }

    /// The settings of existing topics, or why the broker does not return them.
    pub(crate) async fn settings(
        &self,
        topics: &[String],
    ) -> Result<BTreeMap<String, Result<Settings, Error>>, Error> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let specifiers: Vec<_> = topics.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let what = "the settings of the topics could not be read";
        let answers = self
            .client
            .describe_configs(specifiers.iter(), &options())
            .await
            .map_err(|error| self.failed(what, &error))?;
        // The answers have the order of the request.
        let told = topics.iter().zip(answers).map(|(name, answer)| {
            let settings = answer.map_err(|code| self.refused(what, name, "DescribeConfigs", code));
            (name.clone(), settings.map(plain))
        });
        Ok(told.collect())
    }

    /// The settings of a broker.
    pub(crate) async fn broker_settings(&self, broker: i32) -> Result<Settings, Error> {
        let what = format!("the settings of broker {broker} could not be read");
        let answers = self
            .client
            .describe_configs([&ResourceSpecifier::Broker(broker)], &options())
            .await
            .map_err(|error| self.failed(&what, &error))?;
        let refused = |code: Code| failed_with(None, &self.config, &what, code, &code.to_string());
        let answer = answers.into_iter().next().unwrap_or(Err(Code::BadMessage));
        answer.map(plain).map_err(refused)
    }

    /// Creates a topic. `None` means the cluster's default.
    pub(crate) async fn create(
        &self,
        name: &str,
        partitions: Option<i32>,
        replication: Option<i32>,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let replication = TopicReplication::Fixed(replication.unwrap_or(-1));
        let mut topic = NewTopic::new(name, partitions.unwrap_or(-1), replication);
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let what = format!("topic `{name}` could not be created");
        let answers = self.client.create_topics([&topic], &options()).await;
        self.answer(&what, name, "Create", answers)
    }

    /// Increases the number of partitions to `partitions`.
    pub(crate) async fn grow(&self, name: &str, partitions: i32) -> Result<(), Error> {
        let partitions = NewPartitions::new(name, usize::try_from(partitions).unwrap_or(0));
        let what = format!("partitions could not be added to topic `{name}`");
        let answers = self.client.create_partitions([&partitions], &options()).await;
        self.answer(&what, name, "Alter", answers)
    }

    /// Changes settings. The request replaces all of a topic's own settings, so it repeats those that stay.
    pub(crate) async fn set(
        &self,
        name: &str,
        actual: &Actual,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let mut all: BTreeMap<&str, &str> = actual
            .settings
            .iter()
            .filter(|(_, setting)| setting.own)
            .map(|(key, setting)| (key.as_str(), setting.value.as_str()))
            .collect();
        all.extend(settings.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let alter = all.into_iter().fold(
            AlterConfig::new(ResourceSpecifier::Topic(name)),
            |alter, (key, value)| alter.set(key, value),
        );
        let what = format!("the settings of topic `{name}` could not be changed");
        let answers = self.client.alter_configs([&alter], &options()).await;
        let answers = answers.map_err(|error| self.failed(&what, &error))?;
        for answer in answers {
            answer.map_err(|(_, code)| self.refused(&what, name, "AlterConfigs", code))?;
        }
        Ok(())
    }

    fn answer(
        &self,
        what: &str,
        name: &str,
        operation: &str,
        answers: Result<Vec<TopicResult>, KafkaError>,
    ) -> Result<(), Error> {
        for answer in answers.map_err(|error| self.failed(what, &error))? {
            answer.map_err(|(_, code)| self.refused(what, name, operation, code))?;
        }
        Ok(())
    }

    /// The error of a request that the broker refused.
    fn refused(&self, what: &str, topic: &str, operation: &str, code: Code) -> Error {
        let remedy = match code {
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
                let text = explain::topic_not_allowed(topic, operation);
                return Error::new(ErrorKind::Start, text);
            }
            Code::InvalidReplicationFactor => "; there are fewer brokers than replicas",
            Code::InvalidConfig => "; a value is invalid for its setting",
            Code::PolicyViolation => "; the cluster's policy forbids it",
            _ => "",
        };
        failed_with(None, &self.config, what, code, &format!("{code}{remedy}"))
    }

    fn failed(&self, what: &str, error: &KafkaError) -> Error {
        let code = match error {
            KafkaError::AdminOp(code) => *code,
            _ => error.rdkafka_error_code().unwrap_or(Code::Fail),
        };
        if is_unanswered(code) {
            // The brokers have answered another request before.
            let text = format!("{what}: the brokers do not answer this request");
            return Error::new(ErrorKind::Start, text);
        }
        failed_with(None, &self.config, what, code, &error.to_string())
    }
}

fn plain(resource: ConfigResource) -> Settings {
    let settings = resource.entries.into_iter().map(|entry| {
        let own = entry.source == ConfigSource::DynamicTopic;
        let value = entry.value.unwrap_or_default();
        (entry.name, Setting { value, own })
    });
    settings.collect()
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}
