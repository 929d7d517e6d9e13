//! librdkafka's properties in a configuration: a map that hides secrets and keeps where its entries were set.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::{REDACTED, is_secret, without_credentials};

/// Properties for librdkafka: a map whose secrets are not shown.
#[derive(Clone, Default)]
pub struct KafkaProperties {
    values: BTreeMap<String, String>,
    origins: BTreeMap<String, PropertyOrigin>,
}

/// Where a property was set.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(all(feature = "cli", feature = "kafka")),
    allow(
        dead_code,
        reason = "only a loader knows origins, and only Kafka clients use them"
    )
)]
pub(crate) struct PropertyOrigin {
    /// A place in a file, a variable or a flag.
    pub(crate) place: String,
    /// The secret before it in the same text, whose value may have a comma: this may be a piece of it.
    pub(crate) after_secret: Option<String>,
}

impl KafkaProperties {
    /// Keeps where a property was set.
    #[cfg(feature = "cli")]
    pub(crate) fn note(&mut self, name: String, origin: PropertyOrigin) {
        self.origins.insert(name, origin);
    }

    /// The place of a property, if it is known.
    #[cfg(feature = "kafka")]
    pub(crate) fn origin(&self, name: &str) -> Option<&str> {
        self.origins.get(name).map(|origin| origin.place.as_str())
    }

    /// The secret of which a property may be a piece.
    pub(crate) fn after_secret(&self, name: &str) -> Option<&str> {
        self.origins.get(name)?.after_secret.as_deref()
    }

    fn shown(&self) -> impl Iterator<Item = (&str, String)> {
        self.values.iter().map(|(name, value)| {
            let value = if is_secret(name) || self.after_secret(name).is_some() {
                REDACTED.to_owned()
            } else {
                without_credentials(value)
            };
            (name.as_str(), value)
        })
    }
}

impl Deref for KafkaProperties {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

impl DerefMut for KafkaProperties {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.values
    }
}

impl<'a> IntoIterator for &'a KafkaProperties {
    type Item = (&'a String, &'a String);
    type IntoIter = std::collections::btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

/// Equal values are equal, wherever they were set.
impl PartialEq for KafkaProperties {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for KafkaProperties {}

impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

impl Serialize for KafkaProperties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown())
    }
}

impl<'de> Deserialize<'de> for KafkaProperties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            values: BTreeMap::deserialize(deserializer)?,
            origins: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_properties_hide_secrets_when_shown() {
        let mut kafka = KafkaProperties::default();
        kafka.insert("sasl.password".into(), "hunter2".into());
        kafka.insert("linger.ms".into(), "5".into());
        assert_eq!(
            format!("{kafka:?}"),
            r#"{"linger.ms": "5", "sasl.password": "***"}"#
        );
        assert_eq!(kafka["sasl.password"], "hunter2");
    }
}
