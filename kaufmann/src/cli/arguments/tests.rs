use super::*;
use crate::{Context, HandlerEntry, Outcome};

struct Accounts;

impl Service for Accounts {
    type State = ();
    const NAME: &'static str = "Accounts";
    const ABOUT: &'static str = " Keeps the accounts.\n\n They are many.";
    const VERSION: &'static str = "7.1.2";
    const HANDLERS: &'static [HandlerEntry] = &[];

    async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
        Outcome::done()
    }
}

fn parse(arguments: &[&str]) -> Result<Invocation, clap::Error> {
    let arguments = std::iter::once("/usr/bin/accounts").chain(arguments.iter().copied());
    super::parse::<Accounts>(arguments.map(OsString::from))
}

fn said(arguments: &[&str]) -> (i32, String) {
    match parse(arguments) {
        Ok(_) => panic!("{arguments:?} is accepted"),
        Err(said) => (said.exit_code(), said.to_string()),
    }
}

#[test]
fn clap_finds_no_contradiction() {
    command::<Accounts>("accounts").debug_assert();
}

#[test]
fn without_a_command_help_is_printed_and_the_code_is_2() {
    let (code, text) = said(&[]);
    assert_eq!(code, 2);
    assert!(
        text.contains("Keeps the accounts.") && text.contains("Usage: accounts <COMMAND>"),
        "{text}"
    );
}

#[test]
fn help_names_commands_examples_layers_and_exit_codes() {
    let (code, text) = said(&["--help"]);
    assert_eq!(code, 0);
    for part in [
        "They are many.",
        "run ",
        "config ",
        "accounts run --brokers",
        "KAUFMANN_MAX_IN_FLIGHT",
        "  78  ",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn the_short_help_of_a_command_shows_the_common_keys_and_the_long_one_all() {
    let (_, short) = said(&["run", "-h"]);
    let (_, long) = said(&["run", "--help"]);
    // Lines are broken as the terminal is wide.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (short, long) = (words(&short), words(&long));
    assert!(
        short.contains("--brokers") && short.contains("[env:KAUFMANN_BROKERS]"),
        "{short}"
    );
    assert!(!short.contains("--retry-jitter"));
    for key in KEYS {
        assert!(
            long.contains(&format!("--{} ", key.flag())) || long.contains(&format!("--{}[", key.flag())),
            "{}",
            key.path
        );
        assert!(
            long.contains(&format!("[env:{}]", key.variable())),
            "{}",
            key.path
        );
    }
    assert!(
        long.contains("[default: 64MiB]") && long.contains("[default: 200ms]"),
        "{long}"
    );
}

#[test]
fn the_version_is_the_services() {
    assert_eq!(said(&["--version"]), (0, "accounts 7.1.2\n".to_owned()));
}

#[test]
fn a_misspelt_command_or_flag_is_corrected() {
    let (code, text) = said(&["runn"]);
    assert!(code == 2 && text.contains("'run'"), "{text}");
    let (code, text) = said(&["run", "--broker", "h:1"]);
    assert!(code == 2 && text.contains("--brokers"), "{text}");
}

#[test]
fn each_key_has_a_flag_that_sets_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("k.toml");
    std::fs::write(&file, "group = 'g'").unwrap();
    let invocation = parse(&[
        "run",
        "--config",
        file.to_str().unwrap(),
        "--brokers",
        "a:1,b:2",
        "--registry-register",
        "--kafka",
        "linger.ms=1",
        "--kafka",
        "topic.blacklist=A,B",
        "--max-in-flight",
        "8",
    ]);
    let config = invocation.unwrap().loader.load().unwrap().config;
    assert_eq!(
        (
            config.group.as_str(),
            config.max_in_flight,
            config.registry.register
        ),
        ("g", 8, true)
    );
    assert_eq!(config.brokers, ["a:1", "b:2"]);
    assert_eq!(
        (
            config.kafka["linger.ms"].as_str(),
            config.kafka["topic.blacklist"].as_str()
        ),
        ("1", "A,B")
    );
}

#[test]
fn a_repeated_list_is_the_list_of_all_its_parts() {
    let invocation = parse(&[
        "run",
        "--brokers",
        "a:1,b:2",
        "--brokers",
        "c:3",
        "--brokers",
        "a:1",
    ])
    .unwrap();
    assert_eq!(
        invocation.loader.load().unwrap().config.brokers,
        ["a:1", "b:2", "c:3"]
    );
}

#[test]
fn help_can_be_asked_for_as_a_command() {
    let (code, text) = said(&["help", "config"]);
    assert!(code == 0 && text.contains("--format"), "{text}");
}

#[test]
fn the_last_of_a_repeated_flag_wins() {
    let invocation = parse(&["run", "--group", "a", "--group", "b"]).unwrap();
    assert_eq!(invocation.loader.load().unwrap().config.group, "b");
}

#[test]
fn a_switch_can_be_turned_off() {
    let invocation = parse(&["run", "--registry-register=false"]).unwrap();
    assert!(!invocation.loader.load().unwrap().config.registry.register);
}

#[test]
fn the_group_is_the_services_name_if_nobody_says_otherwise() {
    assert_eq!(
        parse(&["run"]).unwrap().loader.load().unwrap().config.group,
        "accounts"
    );
}

#[test]
fn commands_have_options_of_their_own() {
    let action = |arguments: &[&str]| parse(arguments).unwrap().action;
    assert_eq!(action(&["run"]), Action::Run);
    assert_eq!(action(&["config"]), Action::Config { format: Format::Toml });
    assert_eq!(
        action(&["config", "--format", "json"]),
        Action::Config { format: Format::Json }
    );
    assert_eq!(said(&["config", "--format", "xml"]).0, 2);
}

#[cfg(feature = "dev")]
#[test]
fn dev_runs_on_or_once_with_a_time_limit() {
    let options = |arguments: &[&str]| match parse(arguments).unwrap().action {
        Action::Dev(options) => (options.once, options.timeout.as_secs()),
        other => panic!("{other:?}"),
    };
    assert_eq!(options(&["dev"]), (false, 30));
    assert_eq!(options(&["dev", "--once", "--timeout", "2m"]), (true, 120));
    assert_eq!(said(&["dev", "--timeout", "2m"]).0, 2);
}

#[cfg(all(feature = "kafka", feature = "registry", feature = "dev"))]
#[test]
fn dev_and_another_cluster_or_registry_exclude_each_other() {
    let asking: [&[&str]; 8] = [
        &["publish", "a.b", "{}"],
        &["lag"],
        &["tail"],
        &["dlq", "list"],
        &["dlq", "replay"],
        &["dlq", "discard"],
        &["schema", "check"],
        &["schema", "pull"],
    ];
    for command in asking {
        assert!(parse(&[command, &["--dev", "--group", "g"]].concat()).is_ok());
        for flag in ["--brokers", "--topics", "--registry-url"] {
            let (code, text) = said(&[command, &["--dev", flag, "h:1"]].concat());
            assert!(
                code == 2 && text.contains("'--dev' cannot be used with") && text.contains(flag),
                "{text}"
            );
        }
    }
    // Where a variable or the file says it, `--dev` wins, as every flag does.
    for refusing in [&["topics", "plan"][..], &["replay", "--from", "0"], &["doctor"]] {
        assert!(
            parse(&[refusing, &["--dev", "--brokers", "h:1"]].concat()).is_ok(),
            "{refusing:?} says itself why it has no use for `--dev`"
        );
    }
}

#[cfg(feature = "kafka")]
#[test]
fn a_topic_of_kafkas_own_is_refused_by_publish() {
    for topic in ["__consumer_offsets", "__transaction_state", "__cluster_metadata"] {
        let (code, text) = said(&["publish", "a.b", "-", "--topic", topic]);
        assert!(code == 2 && text.contains("it is Kafka's own"), "{text}");
    }
    assert!(parse(&["publish", "a.b", "-", "--topic", "__ours"]).is_ok());
}

#[cfg(all(feature = "kafka", feature = "registry"))]
#[test]
fn a_group_is_moved_to_one_place_only() {
    let (code, text) = said(&["replay", "--reset-group", "--from", "1", "--to", "2"]);
    assert!(code == 2 && text.contains("--to"), "{text}");
}

#[cfg(feature = "kafka")]
#[test]
fn a_topic_that_can_be_none_is_a_mistake_of_the_command_line() {
    for topic in ["", "a b", ".."] {
        let (code, text) = said(&["publish", "a.b", "-", "--topic", topic]);
        assert!(code == 2 && text.contains("--topic"), "{text}");
    }
}

#[cfg(feature = "kafka")]
#[test]
fn publish_takes_an_event_and_a_payload() {
    match parse(&["publish", "a.b", "-", "--key", "k", "--topic", "t"])
        .unwrap()
        .action
    {
        Action::Publish(request) => {
            assert_eq!(
                (request.event.as_str(), request.payload.as_str(), request.dev),
                ("a.b", "-", false)
            );
            assert_eq!(
                (request.key.as_deref(), request.topic.as_deref()),
                (Some("k"), Some("t"))
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(said(&["publish", "a.b"]).0, 2);
}

#[cfg(feature = "registry")]
#[test]
fn the_commands_of_schema_take_their_options_and_the_configuration() {
    use crate::cli::schema::{Request, Task};
    let request = |arguments: &[&str]| match parse(arguments).unwrap().action {
        Action::Schema(request) => request,
        other => panic!("{other:?}"),
    };
    let plain = |task| Request {
        task,
        lock: None,
        json: false,
        dev: false,
    };
    assert_eq!(
        request(&["schema", "check", "--live"]),
        plain(Task::Check { live: true })
    );
    assert_eq!(
        request(&["schema", "diff", "a.b"]),
        plain(Task::Diff {
            event: Some("a.b".into()),
            live: false
        })
    );
    assert_eq!(
        request(&["schema", "register", "a.b", "a.c"]),
        plain(Task::Register {
            events: vec!["a.b".into(), "a.c".into()],
            all: false
        })
    );
    assert_eq!(
        request(&["schema", "register", "--all"]),
        plain(Task::Register {
            events: Vec::new(),
            all: true
        })
    );
    assert_eq!(
        request(&[
            "schema", "reset", "a.b", "--yes", "--lock", "x/y.lock", "--format", "json"
        ]),
        Request {
            lock: Some("x/y.lock".into()),
            json: true,
            ..plain(Task::Reset {
                event: "a.b".into(),
                yes: true
            })
        }
    );
    let config = parse(&["schema", "pull", "--registry-url", "http://a:1,http://b:2"]).unwrap();
    assert!(config.could_not_tell());
    assert_eq!(
        config.loader.load().unwrap().config.registry.url,
        ["http://a:1", "http://b:2"]
    );
    assert_eq!(said(&["schema", "reset"]).0, 2);
    assert!(said(&["schema", "--help"]).1.contains("1  incompatible"));
}

#[test]
fn a_piece_of_a_secret_that_was_not_quoted_is_not_shown() {
    for arguments in [
        &["run", "--kafka", "sasl.password=my", "hunter2"][..],
        &["run", "--kafka=sasl.password=my", "hunter2"],
        &["run", "--registry-password", "my", "hunter2"],
        &["run", "--app", "key=my", "hunter2"],
        &["run", "--registry-pasword=hunter2"],
        &["run", "--registry-token", "my", "-xhunter2"],
    ] {
        let (code, text) = said(arguments);
        assert_eq!(code, 2, "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let (_, text) = said(&["run", "--kafka", "linger.ms=5", "extra"]);
    assert!(text.contains("'extra'"), "{text}");
    let (_, text) = said(&["run", "--registry-password", "my", "--borkers", "b"]);
    assert!(text.contains("--borkers") && text.contains("--brokers"), "{text}");
}

#[test]
fn the_help_says_how_commas_part_entries_and_which_variable_takes_one() {
    let (_, text) = said(&["run", "--help"]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "in the variable commas part several",
        "KAUFMANN_KAFKA_SASL_PASSWORD",
    ] {
        assert!(words.contains(part), "{part} is missing in {text}");
    }
}
