//! Properties of librdkafka.

use super::*;

#[test]
fn a_property_that_librdkafka_does_not_know_is_refused_at_its_place_with_the_nearest_name_and_without_its_value()
 {
    assert_eq!(
        failure("group = 'g'\n[kafka]\nlinger.ms = 1\nsasl.pasword = 'hunter2'"),
        "kaufmann.toml:4:16: `kafka.sasl.pasword` is not a property of librdkafka; did you mean `kafka.sasl.password`?"
    );
    assert_eq!(
        variables(&[("KAUFMANN_KAFKA_CONSUMER_SESION_TIMEOUT_MS", "1")])
            .unwrap_err()
            .to_string(),
        "KAUFMANN_KAFKA_CONSUMER_SESION_TIMEOUT_MS: `kafka.consumer.sesion.timeout.ms` is not a property of librdkafka; did you \
         mean `kafka.consumer.session.timeout.ms`?"
    );
    assert_eq!(
        with_flag("kafka", "zzz=hunter2").unwrap_err().to_string(),
        "--kafka: `kafka.zzz` is not a property of librdkafka"
    );
}

#[test]
fn a_propertys_value_that_librdkafka_refuses_is_refused_at_its_place_and_not_shown_if_it_may_be_a_secret() {
    let text = failure("[kafka]\nsession.timeout.ms = 'abc'");
    assert!(
        text.starts_with(
            "kaufmann.toml:2:22: `kafka.session.timeout.ms` is refused by librdkafka: Invalid value"
        ),
        "{text}"
    );
    assert_eq!(
        failure("[kafka]\nacks = 1"),
        "kaufmann.toml:2:8: `kafka.acks` cannot be set: kaufmann always sets `acks=all` and `enable.idempotence=true`; remove it"
    );
    assert_eq!(
        failure("[kafka]\nsasl.jaas.config = 'hunter2'"),
        "kaufmann.toml:2:20: `kafka.sasl.jaas.config` is a property of Java's clients; set `sasl.username` and `sasl.password`"
    );
    let text = failure("[kafka]\n'client.id' = \"a\\u0000b\"");
    assert!(text.contains("with a NUL byte"), "{text}");
    let text = failure("delivery = 'exactly_once'\n[kafka]\n'isolation.level' = 'read_uncommitted'");
    assert!(
        text.contains(
            "kaufmann.toml:3:21: `kafka.isolation.level` is \"read_uncommitted\", which cannot be combined with"
        ),
        "{text}"
    );
}

#[test]
fn properties_of_security_and_other_clients_names_for_them_are_accepted() {
    for (name, value) in [
        ("security.protocol", "sasl_ssl"),
        ("ssl.ca.location", "/ca.pem"),
        ("consumer.sasl.password", "p"),
        ("auto.offset.reset", "none"),
        ("plugin.library.paths", "/nowhere.so"),
        ("linger.ms", "5"),
        ("fetch.message.max.bytes", "1000000"),
    ] {
        let text = format!("{name}={value}");
        with_flag("kafka", &text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn only_properties_named_like_secrets_are_secrets() {
    let effective = variables(&[
        (
            "KAUFMANN_KAFKA",
            "ssl.key.location=/k,ssl.key.pem=hunter2,sasl.oauthbearer.client.secret=hunter2",
        ),
        ("KAUFMANN_PUBLISH_TOPICS", "user.password_changed=passwords"),
        ("KAUFMANN_REGISTRY_KEY", "/key.pem"),
        ("KAUFMANN_REGISTRY_CERTIFICATE", "/c.pem"),
    ])
    .unwrap();
    let shown = effective.to_toml();
    assert!(!shown.contains("hunter2"), "{shown}");
    for seen in ["\"/k\"", "= \"passwords\"", "key = \"/key.pem\""] {
        assert!(shown.contains(seen), "{seen} is missing in {shown}");
    }
}

/// Where a secret can be cut: at what separates entries, names and values.
const ODD: &str = "c8@i9$CW,x;N=qz7#3%\"q";

#[test]
fn a_secret_with_any_character_is_accepted_by_its_own_variable_the_flag_and_the_file() {
    let password = |effective: &Effective| effective.config.kafka["sasl.password"].clone();
    let own = variables(&[("KAUFMANN_KAFKA_SASL_PASSWORD", ODD)]).unwrap();
    let by_flag = with_flag("kafka", &format!("sasl.password={ODD}")).unwrap();
    let (_folder, loader) = file(&format!("[kafka]\nsasl.password = '{ODD}'"));
    for effective in [own, by_flag, loader.load().unwrap()] {
        assert_eq!(password(&effective), ODD);
        assert!(!effective.to_toml().contains("c8@i9"), "{}", effective.to_toml());
    }
}

#[test]
fn no_piece_of_a_secret_that_was_cut_at_a_comma_is_shown() {
    for (text, is_refused) in [
        (format!("sasl.username=svc,sasl.password={ODD}"), true),
        ("sasl.password=c8,x N".to_owned(), true),
        ("sasl.password=c8,acks=qz7".to_owned(), true),
        ("sasl.password=c8,session.timeout.ms=qz7".to_owned(), true),
        ("sasl.password=s3cr3t,client.id=qz7".to_owned(), false),
    ] {
        let shown = match variables(&[("KAUFMANN_KAFKA", &text)]) {
            Ok(effective) => {
                assert!(!is_refused, "{text} is accepted");
                format!("{}{:?}", effective.to_toml(), effective.config.kafka)
            }
            Err(error) => {
                assert!(is_refused, "{text}: {error}");
                let error = error.to_string();
                assert!(error.contains("KAUFMANN_KAFKA_SASL_PASSWORD"), "{error}");
                error
            }
        };
        for piece in ["c8", "x;N", "qz7", "i9", "s3cr3t"] {
            assert!(!shown.contains(piece), "{text}: {piece} is in {shown}");
        }
    }
}

#[test]
fn a_secret_whose_name_was_forgotten_is_not_shown() {
    for text in [ODD.to_owned(), "hunter2".to_owned()] {
        let error = with_flag("kafka", &text).unwrap_err().to_string();
        assert!(!error.contains("x;N") && !error.contains("hunter2"), "{error}");
    }
    let error = variables(&[("KAUFMANN_REGISTRY_URL", "u:hun,ter2@h")])
        .unwrap_err()
        .to_string();
    assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
    let error = variables(&[("KAUFMANN_REGISTRY_URL", "http://u:hun,ter2@h")])
        .unwrap_err()
        .to_string();
    assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
}
