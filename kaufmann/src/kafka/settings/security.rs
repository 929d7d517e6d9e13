//! Checks whether a security protocol and mechanism can work with this build of librdkafka. Pure, except for reading the build's
//! features.

use std::sync::OnceLock;

use rdkafka::ClientConfig;

use crate::config::Config;

/// The mechanisms of librdkafka, with the feature of its build that they need.
const MECHANISMS: [(&str, &str); 5] = [
    ("PLAIN", "sasl_plain"),
    ("SCRAM-SHA-256", "sasl_scram"),
    ("SCRAM-SHA-512", "sasl_scram"),
    ("OAUTHBEARER", "sasl_oauthbearer"),
    ("GSSAPI", "sasl_gssapi"),
];

/// Finds a protocol or a mechanism that cannot work, before librdkafka does: its errors name neither the setting's place nor a remedy.
pub(super) fn check(client: &ClientConfig, config: &Config, side: &str) -> Result<(), String> {
    let built = built();
    let has = |feature: &str| built.split(',').any(|built| built.trim() == feature);
    let Some((key, why)) = flaw(|name| client.get(name), has) else {
        return Ok(());
    };
    let set = [format!("{side}{key}"), key.to_owned()];
    let place = set.iter().find_map(|key| Some((key, config.kafka.origin(key)?)));
    Err(match place {
        Some((key, origin)) => format!("{origin}: `kafka.{key}` {why}"),
        None => format!("`{key}` in `[kafka]` {why}"),
    })
}

/// The features that librdkafka is built with: "gzip,snappy,sasl,…".
fn built() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let config = ClientConfig::new().create_native_config();
        config
            .and_then(|config| config.get("builtin.features"))
            .unwrap_or_default()
    })
}

/// The property that cannot work, and why. Only known values are repeated.
fn flaw<'c>(
    get: impl Fn(&str) -> Option<&'c str>,
    has: impl Fn(&str) -> bool,
) -> Option<(&'static str, String)> {
    const PROTOCOL: &str = "security.protocol";
    const TLS: &str = "build it with kaufmann's feature `tls`";
    let protocol = get(PROTOCOL)?.to_ascii_uppercase();
    if protocol.ends_with("SSL") && !has("ssl") {
        let why = format!("is `{protocol}`, but this program is built without TLS; {TLS}");
        return Some((PROTOCOL, why));
    }
    if !protocol.starts_with("SASL_") {
        return None;
    }
    let scram = if has("sasl_scram") {
        "PLAIN or SCRAM-SHA-512".to_owned()
    } else {
        "PLAIN or SCRAM-SHA-512, which needs kaufmann's feature `tls`".to_owned()
    };
    let named = ["sasl.mechanism", "sasl.mechanisms"].map(|key| Some((key, get(key)?)));
    let Some((key, mechanism)) = named.into_iter().flatten().next() else {
        let why = format!(
            "is `{protocol}`, and `sasl.mechanism` is not set, which means GSSAPI (Kerberos); set {scram}"
        );
        return (!has("sasl_gssapi")).then_some((PROTOCOL, why));
    };
    let names = MECHANISMS.map(|(name, _)| name);
    let Some((_, needed)) = MECHANISMS.into_iter().find(|(name, _)| *name == mechanism) else {
        let meant = kaufmann_avro::suggest::closest(mechanism, names)
            .map(|meant| format!("; did you mean `{meant}`?"));
        let why = format!(
            "is not a mechanism of librdkafka, which are {}{}",
            names.join(", "),
            meant.unwrap_or_default()
        );
        return Some((key, why));
    };
    if !has(needed) {
        let why = if mechanism == "GSSAPI" {
            format!(
                "is `GSSAPI` (Kerberos), which this program is built without; set {scram}, or add the crate `rdkafka` with its \
                 feature `gssapi` to the program"
            )
        } else {
            format!("is `{mechanism}`, which this program is built without; {TLS}")
        };
        return Some((key, why));
    }
    match mechanism {
        "OAUTHBEARER" => without_token(key, get, has),
        "GSSAPI" => None,
        _ => ["sasl.username", "sasl.password"]
            .into_iter()
            .find(|needed| get(needed).is_none())
            .map(|needed| (key, format!("is `{mechanism}`, which needs `{needed}`; set it"))),
    }
}

/// The property that is missing or cannot work for a token, and why.
fn without_token<'c>(
    key: &'static str,
    get: impl Fn(&str) -> Option<&'c str>,
    has: impl Fn(&str) -> bool,
) -> Option<(&'static str, String)> {
    const METHOD: &str = "sasl.oauthbearer.method";
    if get(METHOD).is_some_and(|method| method.eq_ignore_ascii_case("oidc")) {
        let why = "is `oidc`, which this program is built without; add the crate `rdkafka` with its feature `curl` or \
                   `curl-static` to the program";
        return (!has("oidc")).then(|| (METHOD, why.to_owned()));
    }
    if get("enable.sasl.oauthbearer.unsecure.jwt").is_some_and(|set| set.eq_ignore_ascii_case("true")) {
        return None;
    }
    let why = "is `OAUTHBEARER`, but no source of tokens is set; set `sasl.oauthbearer.method` = \"oidc\" and the properties \
               that it needs";
    Some((key, why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN_BUILD: &[&str] = &["sasl", "sasl_plain"];
    const TLS_BUILD: &[&str] = &["ssl", "sasl", "sasl_plain", "sasl_scram", "sasl_oauthbearer"];

    fn checked(built: &[&str], properties: &[(&str, &'static str)]) -> Option<String> {
        let get = |name: &str| {
            properties
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        };
        flaw(get, |feature| built.contains(&feature)).map(|(key, why)| format!("{key} {why}"))
    }

    fn sasl(mechanism: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", "u"),
            ("sasl.password", "hunter2"),
        ]
    }

    #[test]
    fn a_build_without_tls_supports_only_plain() {
        for protocol in ["ssl", "SASL_SSL"] {
            let text = checked(PLAIN_BUILD, &[("security.protocol", protocol)]).unwrap();
            assert!(text.ends_with("build it with kaufmann's feature `tls`"), "{text}");
        }
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] {
            let text = checked(PLAIN_BUILD, &sasl(mechanism)).unwrap();
            assert!(
                text.starts_with(&format!("sasl.mechanism is `{mechanism}`, "))
                    && text.ends_with("build it with kaufmann's feature `tls`"),
                "{text}"
            );
        }
        assert_eq!(checked(PLAIN_BUILD, &sasl("PLAIN")), None);
        assert_eq!(checked(PLAIN_BUILD, &[]), None);
        assert_eq!(checked(PLAIN_BUILD, &[("security.protocol", "plaintext")]), None);
    }

    #[test]
    fn without_a_mechanism_kerberos_is_used() {
        for built in [PLAIN_BUILD, TLS_BUILD] {
            let text = checked(built, &[("security.protocol", "SASL_PLAINTEXT")]).unwrap();
            assert!(
                text.contains(
                    "`sasl.mechanism` is not set, which means GSSAPI (Kerberos); set PLAIN or SCRAM-SHA-512"
                ),
                "{text}"
            );
            let text = checked(built, &sasl("GSSAPI")).unwrap();
            assert!(text.contains("feature `gssapi`"), "{text}");
        }
        assert_eq!(
            checked(&["sasl_gssapi"], &[("security.protocol", "sasl_plaintext")]),
            None
        );
    }

    #[test]
    fn an_unknown_mechanism_gets_a_suggestion_and_is_not_shown() {
        let text = checked(TLS_BUILD, &sasl("plain")).unwrap();
        assert!(text.ends_with("did you mean `PLAIN`?"), "{text}");
        let text = checked(TLS_BUILD, &sasl("AWS_MSK_IAM")).unwrap();
        assert!(
            text.starts_with("sasl.mechanism is not a mechanism of librdkafka"),
            "{text}"
        );
        let text = checked(TLS_BUILD, &sasl("hunter2")).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_mechanism_without_credentials_names_the_ones_it_needs() {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            for missing in ["sasl.username", "sasl.password"] {
                let mut properties = sasl(mechanism);
                properties.retain(|(key, _)| *key != missing);
                let text = checked(TLS_BUILD, &properties).unwrap();
                assert!(text.contains(&format!("needs `{missing}`")), "{text}");
            }
            assert_eq!(checked(TLS_BUILD, &sasl(mechanism)), None);
        }
        let mut properties = sasl("OAUTHBEARER");
        assert!(
            checked(TLS_BUILD, &properties)
                .unwrap()
                .contains("no source of tokens is set")
        );
        properties.push(("enable.sasl.oauthbearer.unsecure.jwt", "true"));
        assert_eq!(checked(TLS_BUILD, &properties), None);
        properties.push(("sasl.oauthbearer.method", "oidc"));
        assert!(
            checked(TLS_BUILD, &properties)
                .unwrap()
                .contains("feature `curl`")
        );
        assert_eq!(checked(&[TLS_BUILD, &["oidc"]].concat(), &properties), None);
    }

    /// With any build: the check passes exactly if librdkafka creates a client.
    #[test]
    fn the_check_passes_exactly_if_librdkafka_accepts_the_settings() {
        let mechanisms = MECHANISMS.map(|(name, _)| Some(name));
        let mechanisms = mechanisms
            .into_iter()
            .chain([None, Some("plain"), Some("SCRAM-SHA-384")]);
        for mechanism in mechanisms {
            for protocol in [
                None,
                Some("plaintext"),
                Some("ssl"),
                Some("sasl_plaintext"),
                Some("SASL_SSL"),
            ] {
                for credentials in [false, true] {
                    let mut client = ClientConfig::new();
                    client.set("bootstrap.servers", "127.0.0.1:1");
                    for (key, value) in [("security.protocol", protocol), ("sasl.mechanism", mechanism)] {
                        if let Some(value) = value {
                            client.set(key, value);
                        }
                    }
                    if credentials {
                        client.set("sasl.username", "u").set("sasl.password", "p");
                    }
                    let checked = check(&client, &Config::default(), "");
                    let made = client.create::<rdkafka::producer::BaseProducer>();
                    let is_idle = mechanism == Some("OAUTHBEARER") && built().contains("oauthbearer");
                    assert!(
                        made.is_ok() == checked.is_ok() || (is_idle && made.is_ok()),
                        "{mechanism:?} {protocol:?}: {checked:?}, {:?}",
                        made.err()
                    );
                }
            }
        }
    }
}
