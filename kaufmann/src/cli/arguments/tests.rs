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

/// Two commands, with the flags of the configuration.
fn commands() -> Vec<Command> {
    vec![
        Command::new("run"),
        Command::new("config").arg(Arg::new("format").long("format")),
    ]
}

fn parse(arguments: &[&str]) -> Result<Loader, clap::Error> {
    let arguments = std::iter::once("/usr/bin/accounts").chain(arguments.iter().copied());
    match super::parse::<Accounts>(arguments.map(OsString::from), commands())? {
        Invocation::Command { loader, .. } => Ok(loader),
        Invocation::Completions(_) => panic!("no command is to be completed"),
    }
}

fn said(arguments: &[&str]) -> (i32, String) {
    match parse(arguments) {
        Ok(_) => panic!("{arguments:?} is accepted"),
        Err(said) => (said.exit_code(), said.to_string()),
    }
}

#[test]
fn clap_finds_no_contradiction() {
    command::<Accounts>("accounts", commands()).debug_assert();
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
    // Where lines break depends on the terminal's width.
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
    let config = invocation.unwrap().load().unwrap().config;
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
    assert_eq!(invocation.load().unwrap().config.brokers, ["a:1", "b:2", "c:3"]);
}

#[test]
fn help_is_also_a_command() {
    let (code, text) = said(&["help", "config"]);
    assert!(code == 0 && text.contains("--format"), "{text}");
}

#[test]
fn the_last_of_a_repeated_flag_wins() {
    let invocation = parse(&["run", "--group", "a", "--group", "b"]).unwrap();
    assert_eq!(invocation.load().unwrap().config.group, "b");
}

#[test]
fn a_switch_can_be_turned_off() {
    let invocation = parse(&["run", "--registry-register=false"]).unwrap();
    assert!(!invocation.load().unwrap().config.registry.register);
}

#[test]
fn the_default_group_is_the_services_name() {
    assert_eq!(parse(&["run"]).unwrap().load().unwrap().config.group, "accounts");
}

#[test]
fn a_part_of_a_secret_that_was_not_quoted_is_not_shown() {
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
fn the_help_explains_how_commas_separate_entries_and_which_variable_takes_one() {
    let (_, text) = said(&["run", "--help"]);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "in the variable commas separate several",
        "KAUFMANN_KAFKA_SASL_PASSWORD",
    ] {
        assert!(words.contains(part), "{part} is missing in {text}");
    }
}
