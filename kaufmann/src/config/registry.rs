//! The schema registry: `registry`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::secret::Secret;

/// The schema registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// Its base URLs, with the path of the Confluent API if it has one. The one that answered last is tried first, then the others in
    /// turn.
    pub url: Vec<String>,
    /// Whether the schemas of published events are registered at the start, if they are not there. Default: no.
    pub register: bool,
    /// Whether the registry normalizes schemas before it compares or registers them. Default: no.
    pub normalize: bool,
    /// How an event's subject is named.
    pub subject: SubjectStrategy,
    /// The user for basic authentication.
    pub user: Option<String>,
    /// The password for basic authentication.
    pub password: Option<Secret>,
    /// The token for bearer authentication.
    pub token: Option<Secret>,
    /// A PEM file of the authorities that sign the registry's certificate, instead of the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file of the service's own certificate, with the chain up to its issuer.
    pub certificate: Option<PathBuf>,
    /// A PEM file of that certificate's private key.
    pub key: Option<PathBuf>,
    /// How long the registry may take to answer one request. Default: 10 s.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How often a call is repeated after a temporary failure, with waits from 0.1 s that double. Default: 3.
    pub retries: u32,
    /// After how long an id that the registry does not know, or that cannot be read, is looked up again; until then records with the
    /// id become dead letters without a look-up. Default: 1 min.
    #[serde(with = "duration")]
    pub recheck: Duration,
}

/// How an event's subject is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectStrategy {
    /// The schema's full name; fits topics that carry several events.
    #[default]
    Record,
    /// The topic and `-value`; fits topics that carry one event.
    Topic,
    /// The topic, `-` and the schema's full name.
    TopicRecord,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            url: Vec::new(),
            register: false,
            normalize: false,
            subject: SubjectStrategy::default(),
            user: None,
            password: None,
            token: None,
            ca: None,
            certificate: None,
            key: None,
            timeout: Duration::from_secs(10),
            retries: 3,
            recheck: Duration::from_secs(60),
        }
    }
}

#[cfg(feature = "dev")]
impl RegistryConfig {
    /// A copy for a registry without users and certificates.
    pub(crate) fn without_security(&self) -> Self {
        Self {
            user: None,
            password: None,
            token: None,
            ca: None,
            certificate: None,
            key: None,
            ..self.clone()
        }
    }
}
