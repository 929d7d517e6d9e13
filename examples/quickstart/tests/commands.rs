//! Runs the binary as a user at a terminal does.

use std::process::{Command, Output};

/// Runs the binary in the package's folder, without the environment's settings.
fn quickstart(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KAUFMANN_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn dev_once_handles_every_sample_and_ends_well() {
    let output = quickstart(&["dev", "--once", "--timeout", "5m"]);
    let (said, complained) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{said}{complained}");
    assert_eq!(said.matches("→ shop.order_confirmed").count(), 3, "{said}");
    assert_eq!(said.matches('✓').count(), 8, "{said}");
    assert_eq!(complained, "");
}

#[cfg(unix)]
#[test]
fn dev_once_that_is_interrupted_says_so() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // With this `linger.ms` the producer delays its messages, so the samples are not settled.
    let mut child = command(&["dev", "--once", "--kafka", "linger.ms=600000"])
        // No other `dev` runs in this folder.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("group")));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    for line in lines {
        line.unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let complained = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{complained}");
    assert_eq!(
        complained,
        "interrupted before every sample and its replies were settled\n"
    );
}

#[test]
fn dev_once_without_any_time_is_refused() {
    for (timeout, why) in [
        ("0s", "must be more than zero"),
        ("9000000years", "must be at most 365days"),
    ] {
        let output = quickstart(&["dev", "--once", "--timeout", timeout]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_refused_by_every_command_with_its_place() {
    let commands: [&[&str]; 8] = [
        &["config"],
        &["run", "--brokers", "localhost:1"],
        &["dev", "--once"],
        &["publish", "shop.order_placed", "{}"],
        &["lag"],
        &["tail", "shop"],
        &["dlq", "list"],
        &["asyncapi"],
    ];
    // These commands use one code for everything that prevents a result.
    let looking: [&[&str]; 3] = [&["doctor"], &["topics", "plan"], &["schema", "check"]];
    let expected = commands.iter().map(|command| (command, 78));
    for (command, code) in expected.chain(looking.iter().map(|command| (command, 2))) {
        let output = quickstart(&[command, &["--kafka", "sasl.pasword=hunter2"][..]].concat());
        assert_eq!(output.status.code(), Some(code), "{command:?}");
        assert_eq!(stdout(&output), "", "{command:?}");
        assert_eq!(
            stderr(&output),
            "error: --kafka: `kafka.sasl.pasword` is not a property of librdkafka; did you mean `kafka.sasl.password`?\n",
            "{command:?}"
        );
    }
}

#[test]
fn settings_that_librdkafka_refuses_together_are_a_wrong_configuration_in_dev_too() {
    let output = quickstart(&["dev", "--once", "--kafka", "max.poll.interval.ms=1000"]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(stdout(&output), "");
    assert!(
        stderr(&output).contains("max.poll.interval.ms"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn config_says_where_each_value_came_from() {
    let output = quickstart(&["config", "--max-in-flight", "8"]);
    let said = stdout(&output);
    assert!(output.status.success());
    assert!(
        said.contains("max_in_flight = 8") && said.contains("# --max-in-flight"),
        "{said}"
    );
    assert!(
        said.contains("topics = [\"shop\"]") && said.contains("# kaufmann.toml:5:10"),
        "{said}"
    );
}

#[test]
fn config_as_json_has_each_key_with_its_value_and_where_it_came_from() {
    let output = quickstart(&["config", "--format", "json", "--max-in-flight", "8"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    for entry in [
        "\"max_in_flight\": {\n    \"from\": \"--max-in-flight\",\n    \"value\": 8\n  }",
        "\"topics\": {\n    \"from\": \"kaufmann.toml:5:10\",\n    \"value\": [\n      \"shop\"\n    ]\n  }",
        "\"ordering\": {\n    \"from\": \"default\",\n    \"value\": \"key\"\n  }",
    ] {
        assert!(said.contains(entry), "{entry} is missing in\n{said}");
    }
}

#[test]
fn asyncapi_prints_the_document_beside_the_readme() {
    let output = quickstart(&["asyncapi"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/asyncapi.json");
    if std::env::var_os("KAUFMANN_BLESS").is_some() {
        std::fs::write(path, stdout(&output)).unwrap();
    }
    assert_eq!(
        stdout(&output),
        std::fs::read_to_string(path).unwrap(),
        "KAUFMANN_BLESS=1 writes it anew"
    );
}

#[test]
fn asyncapi_knows_json_only_and_a_wrong_configuration_is_78() {
    let output = quickstart(&["asyncapi", "--format", "xml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = quickstart(&["asyncapi", "--max-in-flight", "many"]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
}

#[test]
fn a_wrong_setting_is_a_plain_sentence_and_code_78() {
    let output = quickstart(&["run", "--max-in-flight", "many"]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(
        stderr(&output),
        "error: --max-in-flight: `max_in_flight` is \"many\", expected a whole number of at least 1\n",
    );
}

#[test]
fn an_event_that_does_not_exist_is_corrected() {
    let output = quickstart(&["publish", "shop.order_plcaed", "{}"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean `shop.order_placed`?"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_payload_that_does_not_fit_names_the_field() {
    let output = quickstart(&["publish", "customer.registered", r#"{"customer": "ada"}"#]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`email`"), "{}", stderr(&output));
}

#[test]
fn publish_without_a_running_dev_says_what_to_start() {
    let payload = r#"{"customer": "ada", "email": "a@b", "sequence": 0}"#;
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    let output = command
        .args(["publish", "--dev", "customer.registered", payload])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no `dev` of Shop runs in"),
        "{}",
        stderr(&output)
    );
}
