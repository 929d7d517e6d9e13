//! What a new user does, step by step.

use super::package::Package;

/// The handler that the user writes: a reply to each command.
const HANDLER: &str = r#"/// Opens an account.
#[handler(event = "user.create")]
pub async fn create(event: user::Create, cx: &Context<App>) -> Result<user::Created, Failure> {
    if !event.email.contains('@') {
        return Err(Failure::new("no address of e-mail").dead_letter());
    }
    cx.state.known().insert(event.email);
    Ok(user::Created { id: event.id })
}
"#;

/// The test that the user writes.
const TEST: &str = r#"
#[test]
fn an_account_is_opened_once() {
    use crate::events::user;
    let create = |email: &str| user::Create {
        id: "u-1".into(),
        email: email.into(),
    };
    let mut kit = Kit::<Newcomer>::new(App::default());
    kit.given(create("ada@example.org"))
        .then(|created: user::Created| assert_eq!(created.id, "u-1"))
        .then_idempotent(async |app| app.known().clone());
    kit.given(create("ada")).then_dead_letter("no address");
}
"#;

#[test]
fn a_new_user_gets_from_nothing_to_events_that_are_handled_published_and_seen() {
    let package = Package::new("newcomer");
    package.add(&["user.create"]);
    package.add(&["user.created", "--no-handler"]);
    a_sample_without_the_new_field_is_one_error(&package);
    a_handler_with_the_payload_of_another_event_is_one_error(&package);
    the_finished_service_builds_and_passes_its_tests(&package);
    tests_and_program_share_their_dependencies(&package);
    the_samples_are_handled_on_an_embedded_broker(&package);
    events_are_published_to_it_and_seen_in_it(&package);
}

/// The schema gets a field that the sample does not have: the build reports the sample's position.
fn a_sample_without_the_new_field_is_one_error(package: &Package) {
    package.edit(
        "schemas/user/create.avsc",
        "in their order.\"}\n",
        "in their order.\"},\n    {\"name\": \"email\", \"type\": \"string\"}\n",
    );
    let built = package.cargo(&["test", "--no-run"]);
    let errors = built.errors();
    assert_eq!((built.code, errors.len()), (Some(101), 1), "{}", built.err);
    assert!(
        errors[0].contains("schemas/user/create.samples.json:2:3: "),
        "{}",
        errors[0]
    );
    assert!(errors[0].contains("`email`"), "{}", errors[0]);
    package.edit(
        "schemas/user/create.samples.json",
        "{\"id\": \"1\"}",
        "{\"id\": \"u-1\", \"email\": \"ada@example.org\"}",
    );
}

/// The user writes the handler, with the payload of another event: one error, at the user's own tokens.
fn a_handler_with_the_payload_of_another_event_is_one_error(package: &Package) {
    let begin = "/// Handles `user.create`.\n#[handler(event = \"user.create\")]\npub async fn create(_event: user::Create, _cx: \
                 &Context<App>) -> Result<(), Failure> {\n    // Until this is written, its events go to the dead-letter \
                 topic.\n    Err(Failure::new(\"this handler is not written yet\").dead_letter())\n}\n";
    package.edit("src/user.rs", begin, HANDLER);
    package.edit(
        "src/user.rs",
        "event: user::Create,",
        "user::Created { id: _ }: user::Created,",
    );
    package.edit("src/user.rs", "event.email", "String::from(\"@\")");
    package.edit("src/user.rs", "event.id", "String::new()");
    let built = package.cargo(&["test", "--no-run"]);
    let errors = built.errors();
    assert_eq!((built.code, errors.len()), (Some(101), 1), "{}", built.err);
    let expected = "error[E0080]: evaluation panicked: handler `create` declares event `user.create`, but its payload is the event \
                    `user.created`\n --> newcomer/src/user.rs:8:19\n  |\n8 | #[handler(event = \"user.create\")]\n  |                   \
                    ^^^^^^^^^^^^^ evaluation of `user::__KAUFMANN_CHECK_create` failed here\n";
    assert_eq!(errors[0], expected);
}

/// The user corrects the handler and writes its test.
fn the_finished_service_builds_and_passes_its_tests(package: &Package) {
    package.edit(
        "src/user.rs",
        "user::Created { id: _ }: user::Created,",
        "event: user::Create,",
    );
    package.edit("src/user.rs", "String::from(\"@\")", "event.email");
    package.edit("src/user.rs", "String::new()", "event.id");
    package.append("src/tests.rs", TEST);
    assert_eq!(package.unformatted(), "");
    package.cargo_with_clippy(&["build", "--all-targets"]).well();
    let tested = package.cargo_with_clippy(&["test"]).well();
    assert!(tested.contains("3 passed; 0 failed"), "{tested}");
}

/// `cargo run` compiles no dependency again that `cargo test` has compiled.
fn tests_and_program_share_their_dependencies(package: &Package) {
    let (tested, built) = (
        package.libraries(&["test", "--no-run"]),
        package.libraries(&["build"]),
    );
    let anew: Vec<_> = built.difference(&tested).collect();
    assert!(anew.is_empty() && built.len() > 100, "{anew:?}");
}

fn the_samples_are_handled_on_an_embedded_broker(package: &Package) {
    let said = package.program(&["dev", "--once", "--timeout", "4m"]).well();
    assert!(
        said.starts_with("Newcomer runs on an embedded broker and registry\n"),
        "{said}"
    );
    assert_eq!(said.matches("✓ hello.said ").count(), 2, "{said}");
    assert_eq!(said.matches("→ user.created\n").count(), 1, "{said}");
    let nobody = package.program(&["publish", "--dev", "hello.said", r#"{"name": "bob"}"#]);
    assert_eq!(nobody.code, Some(69), "{}", nobody.err);
    assert!(
        nobody.err.contains("no `dev` of Newcomer runs in"),
        "{}",
        nobody.err
    );
}

fn events_are_published_to_it_and_seen_in_it(package: &Package) {
    let mut dev = package.start(&["dev"]);
    dev.wait_for("→ user.created\n");
    let payload = r#"{"id": "u-2", "email": "grace@example.org"}"#;
    let said = package
        .program(&["publish", "--dev", "user.create", payload])
        .well();
    assert_eq!(said, "published user.create to newcomer\n");
    let tail = [
        "tail",
        "--dev",
        "user.created",
        "--from",
        "beginning",
        "--key",
        "u-2",
        "--max",
        "1",
    ];
    let said = package.program(&tail).well();
    assert!(
        said.contains(" user.created ") && said.trim_end().ends_with(r#"{"id":"u-2"}"#),
        "{said}"
    );
    // A payload that does not fit the schema is refused; a record that the handler refuses is reported by `dev`.
    let said = package.program(&["publish", "--dev", "user.create", r#"{"id": "u-3"}"#]);
    assert!(
        said.code == Some(2) && said.err.contains("`email`"),
        "{}",
        said.err
    );
    package
        .program(&[
            "publish",
            "--dev",
            "user.create",
            r#"{"id": "u-4", "email": "nowhere"}"#,
        ])
        .well();
    dev.wait_for("dead letter: no address of e-mail\n");
    let status = dev.stop();
    assert_eq!(status.code(), Some(0), "{}", dev.printed());
}
