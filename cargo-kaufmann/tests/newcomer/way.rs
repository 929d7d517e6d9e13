//! The way of a new user, step by step.

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

/// And the test.
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

    // The schema gets a field. The sample has none of it, which the build says at its place.
    package.edit(
        "schemas/user/create.avsc",
        "in their order.\"}\n",
        "in their order.\"},\n    {\"name\": \"email\", \"type\": \"string\"}\n",
    );
    let said = package.cargo(&["test", "--no-run"]);
    let errors = said.errors();
    assert_eq!((said.code, errors.len()), (Some(101), 1), "{}", said.err);
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

    // The handler is written, with the payload of another event: one error, at the user's own tokens.
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
    let said = package.cargo(&["test", "--no-run"]);
    let errors = said.errors();
    assert_eq!((said.code, errors.len()), (Some(101), 1), "{}", said.err);
    let expected = "error[E0080]: evaluation panicked: handler `create` declares event `user.create`, but its payload is the event \
                    `user.created`\n --> newcomer/src/user.rs:8:19\n  |\n8 | #[handler(event = \"user.create\")]\n  |                   \
                    ^^^^^^^^^^^^^ evaluation of `user::__KAUFMANN_CHECK_create` failed here\n";
    assert_eq!(errors[0], expected);

    // It is mended and tested.
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

    // What the tests were built of is what the program is built of.
    let (tested, built) = (
        package.libraries(&["test", "--no-run"]),
        package.libraries(&["build"]),
    );
    let anew: Vec<_> = built.difference(&tested).collect();
    assert!(anew.is_empty() && built.len() > 100, "{anew:?}");

    // It runs.
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
    // What is wrong is refused, or told where it is handled.
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
