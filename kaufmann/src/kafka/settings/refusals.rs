//! Finds the properties in `[kafka]` that librdkafka or kaufmann refuses, without connecting.

mod java;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::{UNCOMMITTED, is_unsupported, names, refused, unprefixed};
use crate::config::group::{Conflict, of_consumer};
use crate::config::{Config, Delivery, is_secret, without_credentials};

/// The prefixes of security properties.
const SECURITY: [&str; 6] = [
    "security.",
    "sasl.",
    "ssl.",
    "https.",
    "enable.ssl.",
    "enable.sasl.",
];

/// Whether a property is about security. The embedded broker has no security.
pub(crate) fn is_security(key: &str) -> bool {
    let name = unprefixed(key);
    SECURITY.iter().any(|prefix| name.starts_with(prefix))
}

/// The properties in `[kafka]` that librdkafka or kaufmann refuses, with the reasons. Nothing is connected or started.
pub(crate) fn mistakes(config: &Config) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (key, value) in &config.kafka {
        let why = refused(key).map(|why| format!("cannot be set: {why}"));
        if let Some(why) = why.or_else(|| unacceptable(key, value)) {
            let key = key.clone();
            found.push(Conflict { key, why });
        }
    }
    if let Some((key, value)) = of_consumer(&config.kafka, "isolation.level")
        && config.delivery == Delivery::ExactlyOnce
        && value == "read_uncommitted"
    {
        found.push(Conflict {
            key: key.to_owned(),
            why: format!("is \"read_uncommitted\", which {UNCOMMITTED}"),
        });
    }
    found
}

/// Why librdkafka refuses a property, if it does. Its value is not repeated if it may be a secret.
fn unacceptable(key: &str, value: &str) -> Option<String> {
    let name = unprefixed(key);
    if name == "auto.offset.reset" && value == "none" {
        return None;
    }
    if let Some(instead) = java::instead(name) {
        return Some(format!("is a property of Java's clients; {instead}"));
    }
    // Setting this one would load the libraries that it names.
    let value = if name == "plugin.library.paths" { "" } else { value };
    let refusal = ClientConfig::new()
        .set(name, value)
        .create_native_config()
        .err()?;
    match refusal {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
            let prefix = &key[..key.len() - name.len()];
            let meant = kaufmann_avro::suggest::closest(name, names::NAMES);
            let hint = meant
                .map(|meant| format!("; did you mean `kafka.{prefix}{meant}`?"))
                .unwrap_or_default();
            Some(format!("is not a property of librdkafka{hint}"))
        }
        // A security feature that this build lacks does not matter to commands that connect to nothing, or to `dev`.
        KafkaError::ClientConfig(_, text, ..) if is_security(key) && is_unsupported(&text) => None,
        KafkaError::ClientConfig(..) if is_secret(name) => {
            Some("has a value that librdkafka refuses".to_owned())
        }
        KafkaError::ClientConfig(_, text, ..) => {
            let text = without_credentials(text.trim());
            Some(format!("is refused by librdkafka: {text}"))
        }
        _ => Some("has a value with a NUL byte, which is not allowed".to_owned()),
    }
}
