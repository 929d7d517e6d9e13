use std::time::Duration;

use serde_json::json;

#[cfg(feature = "kafka")]
mod kafka;

use super::*;
use crate::base::error::ErrorKind;
use crate::config::keys::KEYS;
use crate::config::{Config, Ordering};

fn file(text: &str) -> (tempfile::TempDir, Loader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kaufmann.toml");
    std::fs::write(&path, text).unwrap();
    (folder, Loader::new().file(path))
}

/// The error without the folder, which differs from run to run.
fn failure(text: &str) -> String {
    let (folder, loader) = file(text);
    let error = loader.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    error
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "")
}

fn variables(pairs: &[(&str, &str)]) -> Result<Effective, Error> {
    let (_folder, loader) = file("");
    loader.variables(pairs.iter().copied()).load()
}

fn with_flag(path: &str, text: &str) -> Result<Effective, Error> {
    let (_folder, loader) = file("");
    loader
        .flag(keys::find(path).unwrap(), vec![text.to_owned()])
        .load()
}

#[test]
fn nothing_set_is_the_default() {
    let effective = variables(&[]).unwrap();
    assert_eq!(
        format!("{:?}", effective.config),
        format!("{:?}", Config::default())
    );
    assert!(
        effective
            .settings()
            .iter()
            .all(|setting| setting.origin == Origin::Default)
    );
}

#[test]
fn each_layer_overrides_the_one_before_key_by_key() {
    let (_folder, loader) =
        file("group = 'file'\nmax_in_flight = 1\nmax_unsettled = 1\n[registry]\nurl = 'http://file'");
    let flag = keys::find("max_in_flight").unwrap();
    let loader = loader
        .variables([("KAUFMANN_MAX_IN_FLIGHT", "2"), ("KAUFMANN_MAX_UNSETTLED", "2")])
        .flag(flag, vec!["3".to_owned()]);
    let effective = loader.load().unwrap();
    let config = &effective.config;
    assert_eq!(
        (config.group.as_str(), config.max_unsettled, config.max_in_flight),
        ("file", 2, 3)
    );
    assert_eq!(config.registry.url, ["http://file"]);
    let origin = |key: &str| {
        effective
            .settings()
            .iter()
            .find(|s| s.key == key)
            .unwrap()
            .origin
            .to_string()
    };
    assert!(
        origin("group").ends_with("kaufmann.toml:1:9"),
        "{}",
        origin("group")
    );
    assert_eq!(origin("max_unsettled"), "KAUFMANN_MAX_UNSETTLED");
    assert_eq!(origin("max_in_flight"), "--max-in-flight");
    assert_eq!(origin("ordering"), "default");
}

#[test]
fn properties_that_exclude_the_groups_protocol_are_refused_at_their_place() {
    assert_eq!(
        failure("group = 'g'\n[kafka]\n\"group.protocol\" = 'consumer'\n\"session.timeout.ms\" = '6000'"),
        "kaufmann.toml:4:24: `kafka.session.timeout.ms` cannot be set with `group.protocol` = \"consumer\": the broker sets \
         it, for a group by its `consumer.session.timeout.ms`; remove it"
    );
    let strategies = [(
        "KAUFMANN_KAFKA",
        "partition.assignment.strategy=range,group.protocol=consumer",
    )];
    let error = variables(&strategies).unwrap_err().to_string();
    assert!(
        error.starts_with("KAUFMANN_KAFKA: `kafka.partition.assignment.strategy` cannot be set with"),
        "{error}"
    );
}

#[test]
fn every_key_can_be_set_in_each_of_the_three_ways() {
    for key in KEYS {
        let text = match key.kind {
            kind::Kind::Count { .. } | kind::Kind::Number { .. } => "1",
            kind::Kind::Bytes => "1MiB",
            kind::Kind::Duration { .. } => "1s",
            kind::Kind::Durations { .. } => "1m,10m",
            kind::Kind::Flag => "true",
            kind::Kind::Choice(names) => names[1],
            kind::Kind::Urls => "http://h:1",
            kind::Kind::Pairs(_) if key.path == "kafka" => "client.id=b",
            kind::Kind::Pairs(_) | kind::Kind::Free => "a=b",
            kind::Kind::Choices(_) => "a=key",
            kind::Kind::Nested(_) if key.path == "declare" => "a.b.partitions=1",
            kind::Kind::Nested(_) => "a.b.window=1",
            kind::Kind::Text(_) | kind::Kind::Secret | kind::Kind::List(_) => "a",
        };
        // These need each other.
        let partner = match key.path {
            "publish.reply_to" => Some(("KAUFMANN_PUBLISH_CALLBACK_TOPICS", "a")),
            "retry.topics.names" => Some(("KAUFMANN_RETRY_TOPICS_DELAYS", "1m")),
            "registry.user" => Some(("KAUFMANN_REGISTRY_PASSWORD", "p")),
            "registry.password" => Some(("KAUFMANN_REGISTRY_USER", "u")),
            "registry.certificate" => Some(("KAUFMANN_REGISTRY_KEY", "a")),
            "registry.key" => Some(("KAUFMANN_REGISTRY_CERTIFICATE", "a")),
            _ => None,
        };
        let (_folder, loader) = file("");
        let by_variable = loader
            .variables([(key.variable().as_str(), text)])
            .variables(partner)
            .load()
            .unwrap();
        let (_folder, loader) = file("");
        let by_flag = loader
            .flag(key, vec![text.to_owned()])
            .variables(partner)
            .load()
            .unwrap();
        let literal = match key.kind {
            kind::Kind::Count { .. } | kind::Kind::Number { .. } | kind::Kind::Flag => text.to_owned(),
            kind::Kind::Pairs(_) if key.path == "kafka" => "{ 'client.id' = 'b' }".to_owned(),
            kind::Kind::Pairs(_) | kind::Kind::Free => "{ a = 'b' }".to_owned(),
            kind::Kind::Choices(_) => "{ a = 'key' }".to_owned(),
            kind::Kind::Nested(_) if key.path == "declare" => "{ 'a.b' = { partitions = 1 } }".to_owned(),
            kind::Kind::Nested(_) => "{ 'a.b' = { window = 1 } }".to_owned(),
            _ => format!("'{text}'"),
        };
        let (_folder, loader) = file(&format!("{} = {literal}", key.path));
        let by_file = loader.variables(partner).load().unwrap();
        let values = |effective: &Effective| {
            effective
                .settings
                .iter()
                .map(|s| s.value.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(values(&by_variable), values(&by_flag), "{}", key.path);
        assert_eq!(values(&by_variable), values(&by_file), "{}", key.path);
        assert_ne!(
            format!("{:?}", by_flag.settings),
            format!("{:?}", variables(&[]).unwrap().settings),
            "{}",
            key.path
        );
    }
}

#[test]
fn values_keep_their_types() {
    let (_folder, loader) = file(
        "brokers = ['a:1', 'b:2']\nordering = 'none'\nmax_bytes = '1MiB'\ncommit_interval = '250ms'\n\
         [retry]\nfactor = 3\n[kafka]\nfetch.min.bytes = 7\n'linger.ms' = '5'\n[publish.topics]\n'user.create' = 't'\n\
         [app]\ngreeting = 'hi'\n[app.database]\nsize = 4\n",
    );
    let config = loader.load().unwrap().config;
    assert_eq!(config.brokers, ["a:1", "b:2"]);
    assert_eq!((config.ordering, config.max_bytes), (Ordering::None, 1 << 20));
    assert_eq!(config.commit_interval, Duration::from_millis(250));
    assert_eq!(config.kafka["fetch.min.bytes"], "7");
    assert_eq!(config.kafka["linger.ms"], "5");
    assert_eq!(config.publish.topics["user.create"], "t");
    let app: Value = config.app().unwrap();
    assert_eq!(app, json!({"greeting": "hi", "database": {"size": 4}}));
}

#[test]
fn entries_of_tables_come_from_variables_and_merge_with_the_file() {
    let (_folder, loader) = file("[kafka]\nlinger.ms = 1\nretries = 2\n[app]\nname = 'n'");
    let loader = loader.variables([
        ("KAUFMANN_KAFKA_LINGER_MS", "9"),
        ("KAUFMANN_APP_DATABASE__MAX_SIZE", "8"),
        ("KAUFMANN_PUBLISH_TOPICS", "a.b=x,c=y"),
    ]);
    let config = loader.load().unwrap().config;
    assert_eq!(
        (
            config.kafka["linger.ms"].as_str(),
            config.kafka["retries"].as_str()
        ),
        ("9", "2")
    );
    assert_eq!(
        config.app::<Value>().unwrap(),
        json!({"name": "n", "database": {"max_size": 8}})
    );
    assert_eq!(
        (
            config.publish.topics["a.b"].as_str(),
            config.publish.topics["c"].as_str()
        ),
        ("x", "y")
    );
}

#[test]
fn rust_log_is_the_filter_unless_ours_is_set() {
    let filter = |pairs: &[(&str, &str)]| variables(pairs).unwrap().config.log.filter;
    assert_eq!(filter(&[("RUST_LOG", "debug")]).as_deref(), Some("debug"));
    assert_eq!(
        filter(&[("KAUFMANN_LOG_FILTER", "warn"), ("RUST_LOG", "debug")]).as_deref(),
        Some("warn")
    );
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert_eq!(
        variables(&[("KAUFMANN_MAX_IN_FLIGHT", "")])
            .unwrap()
            .config
            .max_in_flight,
        50
    );
}

#[test]
fn variables_of_the_build_and_of_others_are_ignored() {
    variables(&[
        ("KAUFMANN_MACROS_DEBUG", "1"),
        ("KAUFMANN_TEST_BROKERS", "localhost:9092"),
        ("HOME", "/"),
        ("KAUFMANN", "x"),
    ])
    .unwrap();
}

#[test]
fn a_wrong_type_names_file_line_column_key_found_and_expected() {
    assert_eq!(
        failure("group = 'g'\nmax_in_flight = 'many'"),
        "kaufmann.toml:2:17: `max_in_flight` is \"many\", expected a whole number of at least 1",
    );
    assert_eq!(
        failure("[registry]\nurl = 5"),
        "kaufmann.toml:2:7: `registry.url` is 5, expected a URL such as \"http://localhost:8081\"",
    );
    assert_eq!(
        failure("commit_interval = 5"),
        "kaufmann.toml:1:19: `commit_interval` is 5, expected a duration of at least 10ms such as \"250ms\", \"30s\" or \"5m\"",
    );
    assert_eq!(
        failure("registry = 5"),
        "kaufmann.toml:1:12: `registry` is 5, expected a table"
    );
    assert_eq!(
        failure("max_in_flight = 0"),
        "kaufmann.toml:1:17: `max_in_flight` is 0, expected a whole number of at least 1",
    );
}

#[test]
fn a_number_out_of_range_is_shown_as_written() {
    assert_eq!(
        failure("max_in_flight = 99999999999999999999"),
        "kaufmann.toml:1:17: `max_in_flight` is 99999999999999999999, expected a whole number of at least 1, at most 4294967295",
    );
    assert_eq!(
        failure("[retry]\nfactor = inf"),
        "kaufmann.toml:2:10: `retry.factor` is inf, expected a number from 1 to 100",
    );
    assert_eq!(
        failure("[app.a]\nb = [1, nan]"),
        "kaufmann.toml:1:2: `app` has nan, expected a finite number below 2^63",
    );
}

#[test]
fn an_invalid_topic_names_its_setting() {
    let text = |name: &str, value: &str| variables(&[(name, value)]).unwrap_err().to_string();
    let expected = "expected letters, digits, `.`, `_` and `-`, at most 249";
    assert_eq!(
        text("KAUFMANN_TOPICS", "fine,not fine"),
        format!("KAUFMANN_TOPICS: `topics` has `not fine`, {expected}")
    );
    assert_eq!(
        text("KAUFMANN_PUBLISH_TOPIC", ".."),
        format!("KAUFMANN_PUBLISH_TOPIC: `publish.topic` has `..`, {expected}")
    );
    assert_eq!(
        text("KAUFMANN_PUBLISH_TOPICS", "a.b=t/u"),
        format!("KAUFMANN_PUBLISH_TOPICS: `publish.topics.\"a.b\"` has `t/u`, {expected}")
    );
    let long = "x".repeat(250);
    assert_eq!(
        text("KAUFMANN_DEAD_LETTER_TOPIC", &long),
        format!("KAUFMANN_DEAD_LETTER_TOPIC: `dead_letter.topic` has `{long}`, {expected}")
    );
    assert_eq!(
        text("KAUFMANN_GROUP", "my group"),
        format!(
            "KAUFMANN_GROUP: `dead_letter.topic`, which follows from `group`, has `my group.dead-letter`, {expected}"
        )
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_a_file_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kaufmann.toml");
    assert!(!is_there(&path));
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).unwrap();
    assert!(is_there(&path));
}

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_key() {
    assert_eq!(
        failure("max_inflight = 5"),
        "kaufmann.toml:1:1: unknown key `max_inflight`; did you mean `max_in_flight`?",
    );
    assert_eq!(
        failure("[registry]\nurll = 'x'"),
        "kaufmann.toml:2:1: unknown key `registry.urll`; did you mean `registry.url`?",
    );
    assert_eq!(
        failure("[regstry]\nurl = 'x'"),
        "kaufmann.toml:1:2: unknown key `regstry`; did you mean `registry`?",
    );
    assert_eq!(
        failure("zzz = 1"),
        "kaufmann.toml:1:1: unknown key `zzz`; the command `config` lists all keys"
    );
}

#[test]
fn broken_toml_names_its_place() {
    let text = failure("group = 'g'\nmax_in_flight = = 5");
    assert!(text.starts_with("kaufmann.toml:2:17: not valid TOML: "), "{text}");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = failure("a = 1\nmax_in_flight = 0");
    assert!(
        text.starts_with("2 mistakes in the configuration:\n  kaufmann.toml:1:1: unknown key `a`"),
        "{text}"
    );
}

#[test]
fn a_wrong_variable_names_itself_key_found_and_expected() {
    let error = variables(&[("KAUFMANN_ORDERING", "keys")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable KAUFMANN_ORDERING: `ordering` is \"keys\", expected one of \"key\", \"partition\", \
         \"none\"; did you mean \"key\"?",
    );
    let error = variables(&[("KAUFMANN_BROKER", "x")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment: unknown variable `KAUFMANN_BROKER`; did you mean `KAUFMANN_BROKERS`?",
    );
}

#[test]
fn a_wrong_flag_names_itself_key_found_and_expected() {
    assert_eq!(
        with_flag("max_bytes", "64 apples").unwrap_err().to_string(),
        "--max-bytes: `max_bytes` is \"64 apples\", expected a number of bytes of at least 1, such as 65536, \"64KiB\" or \
         \"64MiB\"",
    );
    assert_eq!(
        with_flag("kafka", "linger.ms").unwrap_err().to_string(),
        "--kafka: `kafka` needs NAME=VALUE"
    );
}

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let error = Loader::new().file("/nowhere/k.toml").load().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration file /nowhere/k.toml"
    );
    assert!(std::error::Error::source(&error).is_some());
    let error = Loader::new()
        .variables([("KAUFMANN_CONFIG", "/nowhere/k.toml")])
        .load()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration file /nowhere/k.toml"
    );
}

#[test]
fn missing_brokers_are_explained_with_all_three_ways_to_set_them() {
    let error = variables(&[]).unwrap().config.check_run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "no brokers are configured; set `brokers = [\"localhost:9092\"]` in kaufmann.toml, \
         KAUFMANN_BROKERS=localhost:9092 in the environment, or --brokers localhost:9092, or start an embedded broker \
         with `dev`",
    );
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let text = |pairs: &[(&str, &str)]| variables(pairs).unwrap_err().to_string();
    assert_eq!(
        text(&[("KAUFMANN_REGISTRY_PASSWORD", "p")]),
        "KAUFMANN_REGISTRY_PASSWORD: `registry.password` needs `registry.user`"
    );
    assert_eq!(
        text(&[("KAUFMANN_RETRY_INITIAL", "1m")]),
        "KAUFMANN_RETRY_INITIAL: `retry.initial` (1m) is longer than `retry.max` (30s); raise `retry.max`",
    );
}

#[test]
fn a_broker_is_a_host_and_a_port() {
    for broker in ["localhost:9092", "10.0.0.1:9092", "kafka", "[::1]:9092", "[::1]"] {
        assert_eq!(
            variables(&[("KAUFMANN_BROKERS", broker)]).unwrap().config.brokers,
            [broker]
        );
    }
    for broker in ["kafka://h:1", "h:kafka", "h:0", "h:99999", ":9092", "h/x", "::1"] {
        let text = variables(&[("KAUFMANN_BROKERS", broker)])
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            format!(
                "KAUFMANN_BROKERS: `brokers` has `{broker}`, expected `host:port`, such as `localhost:9092`"
            )
        );
    }
}

#[test]
fn credentials_among_the_brokers_are_refused_and_not_shown() {
    let text = variables(&[("KAUFMANN_BROKERS", "u:hun,ter2@h:9092")])
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("KAUFMANN_BROKERS: `brokers` carries credentials") && !text.contains("hun"),
        "{text}"
    );
}

#[test]
fn a_setting_of_the_service_that_does_not_fit_is_not_shown() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is never made")]
    struct Settings {
        port: u16,
    }
    let config = Config::default().with_app(json!({"port": "hunter2"}));
    assert_eq!(
        config.app::<Settings>().unwrap_err().to_string(),
        "the table `[app]` does not fit: invalid type: string, expected a whole number from 0 to 65535"
    );
}

#[test]
fn secrets_are_in_the_configuration_but_never_shown() {
    let effective = variables(&[
        ("KAUFMANN_REGISTRY_USER", "u"),
        ("KAUFMANN_REGISTRY_PASSWORD", "hunter2"),
        ("KAUFMANN_KAFKA_SASL_PASSWORD", "hunter2"),
        ("KAUFMANN_APP_DATABASE", "postgres://u:hunter2@h/d"),
        ("KAUFMANN_APP_SERVICE__API_KEY", "hunter2"),
    ])
    .unwrap();
    assert_eq!(
        effective.config.registry.password.as_ref().unwrap().expose(),
        "hunter2"
    );
    assert_eq!(effective.config.kafka["sasl.password"], "hunter2");
    let json = serde_json::to_string(&effective.config.registry).unwrap();
    let shown = [
        effective.to_toml(),
        effective.to_json().to_string(),
        format!("{effective:?}"),
        json,
    ]
    .concat();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("database = \"…\"") && shown.contains("# KAUFMANN_APP_DATABASE"),
        "{shown}"
    );
}

#[test]
fn the_listing_is_toml_that_reads_back_to_the_same_configuration() {
    let (_folder, loader) =
        file("brokers = ['a:1']\n[kafka]\nlinger.ms = 1\n[app.a]\nb = [1, 2]\n[publish.topics]\n'x.y' = 't'");
    let first = loader.load().unwrap();
    let (_folder, loader) = file(&first.to_toml());
    let second = loader.load().unwrap();
    assert_eq!(first.config.app::<Value>().unwrap()["a.b"], Value::Null);
    let values = |effective: &Effective| {
        effective
            .settings
            .iter()
            .map(|s| (s.key.clone(), s.value.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&second), "{}", first.to_toml());
}

#[test]
fn a_registry_may_have_several_urls_in_each_of_the_three_ways() {
    let urls = ["http://a:1", "https://b/path"];
    let (_folder, loader) = file("[registry]\nurl = ['http://a:1', 'https://b/path']");
    assert_eq!(loader.load().unwrap().config.registry.url, urls);
    let (_folder, loader) = file("");
    let by_variable = loader.variables([("KAUFMANN_REGISTRY_URL", "http://a:1, https://b/path")]);
    assert_eq!(by_variable.load().unwrap().config.registry.url, urls);
    let (_folder, loader) = file("[registry]\nurl = ['http://a:1', 'b']");
    assert!(
        loader
            .load()
            .unwrap_err()
            .to_string()
            .ends_with("is \"b\", expected a URL such as \"http://localhost:8081\"")
    );
}

#[test]
fn an_invalid_ordering_names_its_place() {
    let (_folder, loader) = file("[topic_ordering]\norders = 'partitions'\n");
    let text = loader.load().unwrap_err().to_string();
    assert!(
        text.ends_with(
            "kaufmann.toml:2:10: `topic_ordering.orders` is \"partitions\", expected one of \"key\", \"partition\", \"none\"; did \
             you mean \"partition\"?"
        ),
        "{text}"
    );
}

#[test]
fn replies_to_callbacks_need_a_list_of_allowed_topics() {
    let (_folder, loader) = file("[publish]\nreply_to = 'both'\n");
    let text = loader.load().unwrap_err().to_string();
    assert!(text.contains("`publish.callback_topics` allows none"), "{text}");
}

#[test]
fn a_count_above_its_maximum_is_refused_at_its_place() {
    for key in KEYS {
        let kind::Kind::Count { max, .. } = key.kind else {
            continue;
        };
        let (table, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        let table = match table {
            "" => String::new(),
            table => format!("[{table}]\n"),
        };
        for number in [(max + 1).to_string(), u64::MAX.to_string(), "9".repeat(30)] {
            let line = table.lines().count() + 1;
            let text = failure(&format!("{table}{name} = {number}"));
            let column = name.len() + 4;
            assert!(
                text.starts_with(&format!(
                    "kaufmann.toml:{line}:{column}: `{}` is {number}, expected a whole number ",
                    key.path
                )),
                "{text}"
            );
            assert!(text.ends_with(&format!(" {max}")), "{text}");
            let text = with_flag(key.path, &number).unwrap_err().to_string();
            assert!(
                text.starts_with(&format!(
                    "--{}: `{}` is \"{number}\", expected ",
                    key.flag(),
                    key.path
                )),
                "{text}"
            );
        }
        with_flag(key.path, &max.to_string()).unwrap_or_else(|error| panic!("{}: {error}", key.path));
    }
}

#[test]
fn an_empty_secret_is_reported_as_empty() {
    assert_eq!(
        failure("registry.token = ''"),
        "kaufmann.toml:1:18: `registry.token` is empty, expected a text"
    );
}

#[test]
fn an_invalid_registry_url_is_refused_at_its_place() {
    let wrong_port = "expected a URL such as \"http://localhost:8081\", with a port from 1 to 65535";
    for url in [
        "http://h:99999",
        "https://h:0/x",
        "http://h:",
        "http://[::1]:x",
        "http://h:+5",
    ] {
        assert_eq!(
            failure(&format!("[registry]\nurl = '{url}'")),
            format!("kaufmann.toml:2:7: `registry.url` is \"{url}\", {wrong_port}")
        );
    }
    for url in [
        "http://",
        "http:///x",
        "ftp://h",
        "http://h o",
        "http://[::1",
        "http://::1:80",
        "h:80",
    ] {
        let text = failure(&format!("registry.url = '{url}'"));
        assert!(
            text.starts_with(&format!(
                "kaufmann.toml:1:16: `registry.url` is \"{url}\", expected a URL"
            )),
            "{text}"
        );
    }
    for url in [
        "http://h",
        "https://h:65535/a:99999/b",
        "http://[::1]:8081",
        "http://h/?x=http://y:z",
    ] {
        assert_eq!(with_flag("registry.url", url).unwrap().config.registry.url, [url]);
    }
    let text = failure("registry.url = 'http://u:hunter2@h:99999'");
    assert!(text.contains("u:***@h") && !text.contains("hunter2"), "{text}");
}

#[test]
fn an_invalid_log_filter_is_refused_at_its_place() {
    let text = failure("[log]\nfilter = 'a=b=c'");
    assert!(
        text.starts_with("kaufmann.toml:2:10: `log.filter` is \"a=b=c\", expected a filter such as \"info,my_service=debug\": "),
        "{text}"
    );
    let text = variables(&[("RUST_LOG", "a=b=c")]).unwrap_err().to_string();
    assert!(text.starts_with("RUST_LOG: `log.filter` is "), "{text}");
}

#[test]
fn mistakes_of_a_declaration_are_sentences_with_their_places() {
    let file = "[declare.shop]\nwhatever = 1\npartitions = 99999999999\n[declare.shopping]\npartitions = 1\n[declare.'a b']\npartitions = 1";
    let text = failure(file);
    for line in [
        "kaufmann.toml:2:12: `declare.shop.whatever` is unknown; a topic has `partitions`, ",
        "kaufmann.toml:3:14: `declare.shop.partitions` is \"99999999999\", expected a whole number from 1 to 2147483647",
        "kaufmann.toml:7:14: `declare.a b` is not a topic's name, expected letters, ",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert_eq!(
        failure("[declare]\nshop = 5"),
        "kaufmann.toml:2:8: `declare.shop` is 5, expected a table with the settings of a topic"
    );
}

#[test]
fn a_file_that_is_not_text_or_too_large_is_refused() {
    let (folder, loader) = file("");
    let name = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    };
    drop(loader);
    let of = |bytes: &[u8]| {
        let path = folder.path().join("kaufmann.toml");
        std::fs::write(&path, bytes).unwrap();
        Loader::new().file(path).load()
    };
    assert_eq!(
        name(of(b"group = 'g'\ntopics = ['\xff']").unwrap_err()),
        "kaufmann.toml:2:12: not valid UTF-8, which TOML must be"
    );
    assert_eq!(
        name(of(b"\xff\xfeg\0").unwrap_err()),
        "the configuration file kaufmann.toml is UTF-16; save it as UTF-8"
    );
    assert_eq!(
        name(of(&vec![b' '; (1 << 20) + 1]).unwrap_err()),
        "the configuration file kaufmann.toml is larger than 1 MiB; is it a configuration?"
    );
    of(&vec![b' '; 1 << 20]).unwrap();
    let effective = of(b"\xef\xbb\xbfgroup = 'g'").unwrap();
    let origin = &effective
        .settings
        .iter()
        .find(|setting| setting.key == "group")
        .unwrap()
        .origin;
    assert!(origin.to_string().ends_with("kaufmann.toml:1:9"), "{origin}");
}

#[cfg(unix)]
#[test]
fn a_folder_and_a_file_without_an_end_are_refused() {
    let error = Loader::new().file("/").load().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration file / is a folder; name the file in it"
    );
    let error = Loader::new().file("/dev/zero").load().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration file /dev/zero is larger than 1 MiB; is it a configuration?"
    );
}

#[test]
fn digits_of_a_password_without_quotes_are_not_shown() {
    let digits = "99999999999999999999";
    for text in [
        format!("registry.password = {digits}"),
        format!("registry.token = {digits}"),
        format!("[kafka]\nsasl.password = {digits}"),
        format!("[app]\npassword = {digits}"),
    ] {
        let error = failure(&text);
        assert!(error.contains("a number that is too large"), "{error}");
        assert!(!error.contains(digits), "{error}");
    }
}

#[test]
fn invalid_toml_at_a_secret_does_not_show_it() {
    for text in [
        "registry.password = hunter2",
        "registry.password = \"hunter2",
        "registry.password = 'hun'ter2'",
        "registry.password = \"hun\\qter2\"",
        "[kafka]\nsasl.password = { hunter2 }",
        "[kafka]\nsasl.password hunter2",
        "registry.password = 'a'\nregistry.password = 'hunter2'",
    ] {
        let error = failure(text);
        assert!(error.contains("not valid TOML"), "{error}");
        assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
    }
}

#[test]
fn variables_of_kubernetes_are_ignored_and_misspelt_ones_are_not() {
    variables(&[
        ("KAUFMANN_SERVICE_HOST", "10.96.0.7"),
        ("KAUFMANN_SERVICE_PORT", "8080"),
        ("KAUFMANN_PORT", "tcp://10.96.0.7:8080"),
        ("KAUFMANN_PORT_8080_TCP_ADDR", "10.96.0.7"),
        ("KAUFMANN_KAFKA_PORT_9092_TCP", "tcp://10.96.0.7:9092"),
    ])
    .unwrap();
    let error = variables(&[("KAUFMANN_GROUPS", "g")]).unwrap_err().to_string();
    assert!(error.contains("did you mean `KAUFMANN_GROUP`?"), "{error}");
    let effective = variables(&[("KAUFMANN_APP_SERVICE_HOST", "db")]).unwrap();
    assert_eq!(
        effective.config.app::<Value>().unwrap(),
        json!({"service_host": "db"})
    );
}
