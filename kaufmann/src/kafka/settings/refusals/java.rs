//! Properties of the Java client, and what to set instead.

/// Properties of Java's clients, and what to set instead.
const JAVA: [(&str, &str); 10] = [
    ("sasl.jaas.config", "set `sasl.username` and `sasl.password`"),
    ("ssl.truststore.location", "set `ssl.ca.location` to a PEM file"),
    (
        "ssl.truststore.password",
        "the PEM file of `ssl.ca.location` has no password; remove it",
    ),
    (
        "ssl.truststore.type",
        "`ssl.ca.location` is a PEM file; remove it",
    ),
    ("ssl.truststore.certificates", "set `ssl.ca.pem`"),
    (
        "ssl.keystore.type",
        "`ssl.keystore.location` is PKCS#12, `ssl.key.location` is PEM; remove it",
    ),
    ("ssl.keystore.key", "set `ssl.key.pem`"),
    ("ssl.keystore.certificate.chain", "set `ssl.certificate.pem`"),
    (
        "sasl.login.callback.handler.class",
        "set `sasl.oauthbearer.method` = \"oidc\" for tokens",
    ),
    (
        "sasl.client.callback.handler.class",
        "set `sasl.mechanism` to one that librdkafka knows",
    ),
];

/// What to set instead of a property that only Java's clients have.
pub(super) fn instead(name: &str) -> Option<&'static str> {
    JAVA.iter()
        .find(|(java, _)| *java == name)
        .map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;

    use super::*;

    #[test]
    fn properties_of_java_alone_are_refused_by_librdkafka_too() {
        for (name, _) in JAVA {
            let refused = ClientConfig::new().set(name, "x").create_native_config();
            assert!(refused.is_err(), "{name}");
        }
    }
}
