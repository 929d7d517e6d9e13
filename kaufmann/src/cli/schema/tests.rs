//! What the commands print, held by files in `snapshots/`: the shapes of the JSON are documented, and scripts rely on them.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use kaufmann_avro::compatibility::Level;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::cli::paint::Paint;
use crate::cli::snapshot::is_snapshot;
use crate::schema::registry::EmbeddedRegistry;
use crate::schema::registry::server::RegistryServer;
use crate::{Context, HandlerEntry, Outcome};

const V1: &str = r#"{"type": "record", "name": "placed", "namespace": "shop", "fields": [
    {"name": "order", "type": "string"}, {"name": "cents", "type": "int"}, {"name": "note", "type": "string"}]}"#;

/// The note is removed, the amount is wider, and a field without a default is new.
const PLACED: EventInfo = info(
    "shop.placed",
    r#"{"type": "record", "name": "placed", "namespace": "shop", "fields": [
    {"name": "order", "type": "string"}, {"name": "cents", "type": "long"}, {"name": "customer", "type": "string"}]}"#,
);
const CANCELLED: EventInfo = info(
    "shop.cancelled",
    r#"{"type": "record", "name": "cancelled", "namespace": "shop", "fields": []}"#,
);

const fn info(name: &'static str, schema: &'static str) -> EventInfo {
    EventInfo {
        name,
        full_name: name,
        aliases: &[],
        schema,
        fingerprint: 0,
        topic: None,
        key: None,
        defined_at: "schemas/x.avsc:1:1",
        samples: &[],
        lock: None,
        callback: None,
    }
}

struct Shop;

impl Service for Shop {
    type State = ();
    const NAME: &'static str = "Shop";
    const HANDLERS: &'static [HandlerEntry] = &[];

    async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
        Outcome::done()
    }
}

fn events() -> Vec<Known> {
    let known = |info: &'static EventInfo| Known {
        info,
        schema: Schema::parse(info.schema).unwrap(),
        subject: info.full_name.to_owned(),
    };
    vec![known(&PLACED), known(&CANCELLED)]
}

fn lock(level: Level) -> Lock {
    let mut event = LockedEvent::new("shop.placed", level);
    event.insert(Version::new(1, 7, V1).unwrap());
    let mut lock = Lock::default();
    lock.insert("shop.placed", event);
    lock
}

fn report(command: &'static str, events: Vec<EventReport>) -> Report {
    Report::new(
        command,
        Shop::NAME,
        &LockFile::find(Some("schemas.lock".into())),
        events,
    )
}

fn screen(report: &Report) -> String {
    screen::text(report, Paint { colours: false })
}

/// A service that publishes what was cancelled, and handles nothing.
struct Canceller;

impl Service for Canceller {
    type State = ();
    const NAME: &'static str = "OrderCanceller";
    const HANDLERS: &'static [HandlerEntry] = &[HandlerEntry {
        path: "cancel",
        event: Some(&PLACED),
        tombstone: false,
        returns: &[&CANCELLED],
        emits: &[],
        limits: crate::Limits::OPEN,
    }];

    async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
        Outcome::done()
    }
}

#[test]
fn an_event_is_its_publishers_unless_its_schema_names_another_owner() {
    const OWNED: EventInfo = info(
        "shop.owned",
        r#"{"type": "record", "name": "owned", "namespace": "shop", "owner": "order-canceller", "fields": []}"#,
    );
    const OTHERS: EventInfo = info(
        "shop.cancelled",
        r#"{"type": "record", "name": "cancelled", "namespace": "shop", "owner": "shop", "fields": []}"#,
    );
    let ours = |info: &'static EventInfo| {
        let known = Known {
            info,
            schema: Schema::parse(info.schema).unwrap(),
            subject: info.full_name.to_owned(),
        };
        owner::is_ours::<Canceller>(&Config::default(), &known)
    };
    assert!(ours(&CANCELLED), "it publishes it");
    assert!(!ours(&PLACED), "it only handles it");
    assert!(ours(&OWNED), "the schema names it");
    assert!(!ours(&OTHERS), "the schema names another, though it publishes it");
}

#[tokio::test]
async fn events_of_other_owners_are_not_registered_but_locked_if_the_registry_has_them() {
    let (_server, registry, embedded) = empty().await;
    let (ours, left) = owner::split::<Canceller>(&Config::default(), &registry, events())
        .await
        .unwrap();
    let names: Vec<_> = ours.iter().map(|known| known.info.name).collect();
    assert_eq!(names, ["shop.cancelled"]);
    assert_eq!(
        (left[0].event.as_str(), left[0].state),
        ("shop.placed", report::State::Foreign)
    );
    assert!(
        left[0].notes[0].contains("`schema register shop.placed`"),
        "{:?}",
        left[0].notes
    );

    embedded.add("shop.placed", PLACED.schema).unwrap();
    let (ours, left) = owner::split::<Canceller>(&Config::default(), &registry, events())
        .await
        .unwrap();
    assert_eq!((ours.len(), left.len()), (2, 0));
}

#[test]
fn a_check_that_finds_a_break_is_1_and_has_this_shape() {
    let report = report("check", compare::compare(&lock(Level::Backward), &events()));
    assert_eq!(report.verdict, report::Verdict::Incompatible);
    assert_eq!(report.exit_code(), ExitCode::from(1));
    is_snapshot("schema/snapshots/check.json", &report.to_json());
    is_snapshot("schema/snapshots/check.txt", &screen(&report));
}

#[test]
fn a_diff_that_the_level_allows_is_0_and_has_this_shape() {
    let report = report("diff", compare::compare(&lock(Level::None), &events()));
    assert_eq!(report.exit_code(), ExitCode::SUCCESS);
    is_snapshot("schema/snapshots/diff.json", &report.to_json());
    is_snapshot("schema/snapshots/diff.txt", &screen(&report));
}

#[test]
fn an_unknown_result_is_2_and_has_this_shape() {
    let file = LockFile::find(Some("schemas.lock".into()));
    let report = Report::unknown("pull", Shop::NAME, &file, "error: no registry");
    assert_eq!(report.exit_code(), ExitCode::from(2));
    is_snapshot("schema/snapshots/unknown.json", &report.to_json());
}

/// A registry on loopback that has nothing yet.
async fn empty() -> (RegistryServer, RestRegistry, EmbeddedRegistry) {
    let embedded = EmbeddedRegistry::new();
    let server = RegistryServer::start(embedded.clone()).await.unwrap();
    let config = crate::config::RegistryConfig {
        url: vec![server.url()],
        ..crate::config::RegistryConfig::default()
    };
    (server, RestRegistry::new(&config).unwrap(), embedded)
}

#[tokio::test]
async fn register_pull_and_reset_have_these_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (_server, registry, embedded) = empty().await;
    embedded.add("shop.placed", V1).unwrap();

    let registered = register::register(&registry, &events(), &file).await.unwrap();
    is_snapshot(
        "schema/snapshots/register.json",
        &report("register", registered.clone()).to_json(),
    );
    is_snapshot(
        "schema/snapshots/register.txt",
        &screen(&report("register", registered)),
    );
    let lock = file.read_or(None).unwrap();
    assert_eq!(lock.event("shop.placed").unwrap().latest().unwrap().number(), 2);

    embedded
        .add(
            "shop.cancelled",
            r#"{"type": "record", "name": "cancelled", "namespace": "shop", "fields": [
            {"name": "why", "type": "string", "default": ""}]}"#,
        )
        .unwrap();
    let pulled = pull::pull(&registry, &events(), &file).await.unwrap();
    is_snapshot(
        "schema/snapshots/pull.json",
        &report("pull", pulled.clone()).to_json(),
    );
    is_snapshot("schema/snapshots/pull.txt", &screen(&report("pull", pulled)));

    let events = events();
    let reset = reset::reset("shop.placed", true, &file, Some(&events[0])).unwrap();
    is_snapshot(
        "schema/snapshots/reset.json",
        &report("reset", reset.clone()).to_json(),
    );
    is_snapshot("schema/snapshots/reset.txt", &screen(&report("reset", reset)));
    let again = pull::pull(&registry, &events, &file).await.unwrap();
    let placed = again.iter().find(|report| report.event == "shop.placed").unwrap();
    assert_eq!(
        placed.state,
        report::State::Missing,
        "a pull does not bring back what was reset"
    );
}

/// The event of this name in the reports, and all that is noted of it.
fn of(reports: &[EventReport], event: &str) -> (report::State, String) {
    let report = reports.iter().find(|report| report.event == event).unwrap();
    (report.state, report.notes.join("\n"))
}

#[tokio::test]
async fn an_event_that_is_reset_without_a_change_is_locked_again_when_it_is_registered() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (_server, registry, embedded) = empty().await;
    embedded.add("shop.placed", V1).unwrap();
    let events = events();
    register::register(&registry, &events, &file).await.unwrap();
    let before = file.read_or(None).unwrap();

    let reset = reset::reset("shop.placed", true, &file, Some(&events[0])).unwrap();
    let (_, notes) = of(&reset, "shop.placed");
    assert!(
        notes.contains("schema is still version 2: change the schema"),
        "{notes}"
    );

    // No note suggests what does not help.
    let mut checked = compare::compare(&file.read_or(None).unwrap(), &events);
    live::check(&registry, &events, &mut checked).await.unwrap();
    let (state, notes) = of(&checked, "shop.placed");
    assert_eq!(state, report::State::New);
    assert!(
        notes.contains("its versions before 3 were dropped") && !notes.contains("schema pull"),
        "{notes}"
    );
    let pulled = pull::pull(&registry, &events, &file).await.unwrap();
    let (state, notes) = of(&pulled, "shop.placed");
    assert_eq!(state, report::State::Missing);
    assert!(notes.contains("its versions before 3 were dropped"), "{notes}");

    let registered = register::register(&registry, &events, &file).await.unwrap();
    let (state, notes) = of(&registered, "shop.placed");
    assert_eq!(state, report::State::Known);
    assert!(notes.contains("begins with version 2 again"), "{notes}");
    let lock = file.read_or(None).unwrap();
    let numbers: Vec<_> = lock
        .event("shop.placed")
        .unwrap()
        .versions()
        .map(Version::number)
        .collect();
    assert_eq!(numbers, [2], "the versions before it stay dropped");
    assert_eq!(lock.event("shop.cancelled"), before.event("shop.cancelled"));
    assert_eq!(
        of(&compare::compare(&lock, &events), "shop.placed").0,
        report::State::Unchanged
    );
}

#[tokio::test]
async fn an_event_that_is_reset_and_changed_begins_with_its_next_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let mut locked = lock(Level::None);
    locked.event_mut("shop.placed").unwrap().reset();
    file.write(&locked).unwrap();
    let (_server, registry, embedded) = empty().await;
    embedded.add("shop.placed", V1).unwrap();
    let registered = register::register(&registry, &events(), &file).await.unwrap();
    assert_eq!(of(&registered, "shop.placed").0, report::State::Registered);
    let lock = file.read_or(None).unwrap();
    let numbers: Vec<_> = lock
        .event("shop.placed")
        .unwrap()
        .versions()
        .map(Version::number)
        .collect();
    assert_eq!(numbers, [2]);
}

#[tokio::test]
async fn a_dropped_schema_that_is_not_the_newest_is_not_locked_and_a_note_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (_server, registry, embedded) = empty().await;
    embedded.add("shop.placed", PLACED.schema).unwrap();
    embedded.add("shop.placed", V1).unwrap();
    let events = events();
    pull::pull(&registry, &events, &file).await.unwrap();
    let reset = reset::reset("shop.placed", true, &file, Some(&events[0])).unwrap();
    assert!(of(&reset, "shop.placed").1.contains("still version 1"));
    let registered = register::register(&registry, &events, &file).await.unwrap();
    let (state, notes) = of(&registered, "shop.placed");
    assert_eq!(state, report::State::Known);
    assert!(
        notes.contains("it cannot be locked") && notes.contains("begins with 3"),
        "{notes}"
    );
    assert_eq!(
        file.read_or(None).unwrap().event("shop.placed").unwrap().latest(),
        None
    );
}

#[tokio::test]
async fn a_lock_from_the_registry_of_a_dev_must_not_be_committed() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (_server, registry, _embedded) = empty().await;
    let registered = register::register(&registry, &events(), &file).await.unwrap();
    let mut report = report("register", registered);
    assert!(screen(&report).ends_with("schemas.lock is up to date"));
    report.dev = true;
    let last = "schemas.lock is up to date with the registry of `dev`, which is temporary and allows any change: do not commit it";
    assert!(screen(&report).ends_with(last), "{}", screen(&report));
}

#[tokio::test]
async fn the_error_of_an_unavailable_registry_names_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (server, registry, _embedded) = empty().await;
    drop(server);
    let error = pull::pull(&registry, &events(), &file).await.unwrap_err();
    assert!(
        error.to_string().contains("set `registry.url`, or use --dev"),
        "{error}"
    );

    // One that answers is available.
    let refused = RegistryError::new(RegistryErrorKind::Unauthorized, "401");
    assert_eq!(
        unanswered(refused).to_string(),
        "the registry refused the request"
    );
}

#[tokio::test]
async fn one_broken_event_keeps_all_from_being_registered() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    file.write(&lock(Level::Backward)).unwrap();
    let (_server, registry, embedded) = empty().await;
    let reports = register::register(&registry, &events(), &file).await.unwrap();
    let states: Vec<_> = reports.iter().map(|report| report.state).collect();
    assert_eq!(states, [report::State::Held, report::State::Broken]);
    assert_eq!(embedded.subjects(), [""; 0]);
    assert_eq!(file.read_or(None).unwrap(), lock(Level::Backward));
}

#[tokio::test]
async fn nothing_is_registered_if_the_lock_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("missing/schemas.lock")));
    let (_server, registry, embedded) = empty().await;
    let error = register::register(&registry, &events(), &file).await.unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
    assert_eq!(embedded.subjects(), [""; 0]);
}

#[tokio::test]
async fn the_remedy_in_the_error_of_a_damaged_lock_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schemas.lock");
    let file = LockFile::find(Some(path.clone()));
    let (_server, registry, _) = empty().await;
    register::register(&registry, &events(), &file).await.unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    let damages = [
        ("fingerprint = \"", "fingerprint = \"f"),
        ("\"record\"", "\"recrd\""),
        ("format = 1\n", ""),
        ("subject = \"", "subject = "),
        ("id = ", "number = "),
    ];
    for (was, is) in damages {
        std::fs::write(&path, whole.replacen(was, is, 1)).unwrap();
        let error = pull::pull(&registry, &events(), &file)
            .await
            .unwrap_err()
            .to_string();
        match error.split_once("delete ").map(|(_, what)| what) {
            Some(what) if what.starts_with("the version's lines") => {
                // The first version is that of the event that comes first, and its lines end with the next event's.
                let begin = whole.find("[event.\"shop.cancelled\".version.1]").unwrap();
                let end = whole.find("[event.\"shop.placed\"]").unwrap();
                std::fs::write(&path, [&whole[..begin], &whole[end..]].concat()).unwrap();
            }
            Some(_) => std::fs::remove_file(&path).unwrap(),
            // What is expected is said, or which key is unknown.
            None => {
                assert!(
                    error.contains("remove it") || error.contains("expected"),
                    "{error}"
                );
                std::fs::write(&path, &whole).unwrap();
            }
        }
        pull::pull(&registry, &events(), &file).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole, "{error}");
    }
}

#[tokio::test]
async fn a_live_check_reports_what_the_lock_lacks() {
    let (_server, registry, embedded) = empty().await;
    for schema in [V1, PLACED.schema] {
        embedded.add("shop.placed", schema).unwrap();
    }
    let mut reports = compare::compare(&lock(Level::None), &events());
    live::check(&registry, &events(), &mut reports).await.unwrap();
    let mut report = report("check", reports);
    report.live = true;
    assert_eq!(report.exit_code(), ExitCode::SUCCESS);
    is_snapshot("schema/snapshots/check-live.json", &report.to_json());
    is_snapshot("schema/snapshots/check-live.txt", &screen(&report));
}

/// A registry that has `shop.paid` as other tools register it: the types that events share are subjects of their own.
async fn registry_with_references() -> (RestRegistry, AbortOnDropHandle<()>) {
    const REFERRING: &str = r#"{"type": "record", "name": "paid", "namespace": "shop", "doc": "As Java wrote it.", "fields": [
        {"name": "amount", "type": "shop.Money"}, {"name": "fee", "type": ["null", "shop.Money"], "default": null}]}"#;
    const SHARED: &str = r#"{"type": "record", "name": "Money", "namespace": "shop", "fields": [
        {"name": "cents", "type": "long"}, {"name": "currency", "type": "shop.Currency"}]}"#;
    const CURRENCY: &str = r#"{"type": "enum", "name": "Currency", "namespace": "shop", "symbols": ["EUR", "USD"], "default": "EUR"}"#;
    let to = |name: &str| json!([{"name": name, "subject": name, "version": 1}]);
    let version = move |subject: &str| match subject {
        "shop.paid" => json!({"id": 3, "version": 1, "schema": REFERRING, "references": to("shop.Money")}),
        "shop.Money" => json!({"id": 2, "version": 1, "schema": SHARED, "references": to("shop.Currency")}),
        _ => json!({"id": 1, "version": 1, "schema": CURRENCY}),
    };
    let absent = async || {
        (
            StatusCode::NOT_FOUND,
            r#"{"error_code": 40403, "message": "Schema not found"}"#,
        )
    };
    let incomparable = async || {
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            r#"{"error_code": 42201, "message": "cannot compare"}"#,
        )
    };
    let refused = async || {
        (
            StatusCode::CONFLICT,
            r#"{"error_code": 409, "message": "it is there"}"#,
        )
    };
    let router = Router::new()
        .route(
            "/config/{subject}",
            get(async || r#"{"compatibilityLevel": "BACKWARD"}"#),
        )
        // It compares texts, and this text it does not have.
        .route("/subjects/{subject}", post(absent))
        .route("/subjects/{subject}/versions", get(async || "[1]").post(refused))
        .route("/compatibility/subjects/{subject}/versions", post(incomparable))
        .route(
            "/subjects/{subject}/versions/1",
            get(async move |Path(subject): Path<String>| version(&subject).to_string()),
        );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let config = crate::config::RegistryConfig {
        url: vec![format!("http://{}", listener.local_addr().unwrap())],
        ..crate::config::RegistryConfig::default()
    };
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (
        RestRegistry::new(&config).unwrap(),
        AbortOnDropHandle::new(server),
    )
}

#[tokio::test]
async fn what_others_registered_with_references_is_known_and_pulled_in_one_piece() {
    const PAID: EventInfo = info(
        "shop.paid",
        r#"{"type": "record", "name": "paid", "namespace": "shop", "fields": [
        {"name": "amount", "type": {"type": "record", "name": "Money", "fields": [
            {"name": "cents", "type": "long"},
            {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"], "default": "EUR"}}]}},
        {"name": "fee", "type": ["null", "Money"], "default": null}]}"#,
    );
    let events = vec![Known {
        info: &PAID,
        schema: Schema::parse(PAID.schema).unwrap(),
        subject: PAID.full_name.to_owned(),
    }];
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (registry, _server) = registry_with_references().await;

    let mut reports = compare::compare(&Lock::default(), &events);
    live::check(&registry, &events, &mut reports).await.unwrap();
    let notes = &reports[0].notes;
    assert!(
        notes.contains(&"registered as version 1 (id 3)".to_owned()),
        "{notes:?}"
    );
    assert!(reports[0].breaks.is_empty());

    // Nothing is registered: this registry would refuse it.
    let registered = register::register(&registry, &events, &file).await.unwrap();
    assert_eq!(registered[0].state, report::State::Known);
    let lock = file.read_or(None).unwrap();
    let locked = lock.event("shop.paid").unwrap().latest().unwrap();
    assert_eq!(locked.references().len(), 1);
    let pulled = pull::pull(&registry, &events, &file).await.unwrap();
    assert_eq!(pulled[0].state, report::State::Unchanged);
    assert_eq!(
        compare::compare(&lock, &events)[0].state,
        report::State::Unchanged
    );
}

#[tokio::test]
async fn the_answer_of_a_registry_that_cannot_compare_a_schema_is_quoted_with_a_remedy() {
    const PAID: EventInfo = info(
        "shop.paid",
        r#"{"type": "record", "name": "paid", "namespace": "shop", "fields": []}"#,
    );
    let events = vec![Known {
        info: &PAID,
        schema: Schema::parse(PAID.schema).unwrap(),
        subject: PAID.full_name.to_owned(),
    }];
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (registry, _server) = registry_with_references().await;
    let reports = register::register(&registry, &events, &file).await.unwrap();
    assert_eq!(reports[0].state, report::State::Broken);
    let (text, note) = (&reports[0].breaks[0].text, &reports[0].notes[0]);
    assert!(
        text.ends_with("422 Unprocessable Entity: cannot compare (code 42201)"),
        "{text}"
    );
    assert!(
        note.contains("lower the level of the subject `shop.paid`"),
        "{note}"
    );
}

#[test]
fn an_event_that_the_lock_does_not_have_cannot_be_reset() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    file.write(&lock(Level::Full)).unwrap();
    let text = reset::reset("shop.place", true, &file, None)
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("has no event `shop.place`; did you mean `shop.placed`?"),
        "{text}"
    );
}

/// A registry in which a version of `shop.placed` is Protobuf, and which denies access to `shop.cancelled`.
async fn half_readable() -> (AbortOnDropHandle<()>, RestRegistry) {
    let version = async |Path((subject, version)): Path<(String, u32)>| {
        let mut answer = json!({"subject": subject, "version": version, "id": version, "schema": V1});
        if version == 2 {
            answer["schemaType"] = json!("PROTOBUF");
        }
        answer.to_string()
    };
    let versions = async |Path(subject): Path<String>| match subject.as_str() {
        "shop.placed" => (StatusCode::OK, "[1, 2]"),
        _ => (
            StatusCode::FORBIDDEN,
            r#"{"error_code": 40301, "message": "denied"}"#,
        ),
    };
    let absent = async || (StatusCode::NOT_FOUND, r#"{"error_code": 40403, "message": "no"}"#);
    let router = Router::new()
        .route(
            "/config/{subject}",
            get(async || r#"{"compatibilityLevel": "NONE"}"#),
        )
        .route("/subjects/{subject}/versions", get(versions))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route("/subjects/{subject}", post(absent))
        .route(
            "/compatibility/subjects/{subject}/versions",
            post(async || r#"{"is_compatible": true}"#),
        );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let config = crate::config::RegistryConfig {
        url: vec![format!("http://{}", listener.local_addr().unwrap())],
        retries: 0,
        ..crate::config::RegistryConfig::default()
    };
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (
        AbortOnDropHandle::new(serving),
        RestRegistry::new(&config).unwrap(),
    )
}

#[tokio::test]
async fn an_unreadable_subject_is_reported_on_its_line_and_the_others_are_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let file = LockFile::find(Some(folder.path().join("schemas.lock")));
    let (_server, registry) = half_readable().await;
    let reports = pull::pull(&registry, &events(), &file).await.unwrap();
    let states: Vec<_> = reports.iter().map(|report| report.state).collect();
    assert_eq!(states, [report::State::Unknown, report::State::Pulled]);
    assert!(reports[0].notes[0].contains("denied"), "{:?}", reports[0].notes);
    let left_out = &reports[1].notes[0];
    assert!(
        left_out.starts_with("version 2 is left out: ")
            && left_out.ends_with("the schema is PROTOBUF, expected AVRO"),
        "{left_out}"
    );
    let lock = file.read_or(None).unwrap();
    assert_eq!(lock.event("shop.placed").unwrap().latest().unwrap().number(), 1);

    let report = report("pull", reports);
    assert_eq!(report.exit_code(), ExitCode::from(2));
    let screen = screen(&report);
    assert!(
        screen.ends_with("the registry gave no answer about shop.cancelled"),
        "{screen}"
    );
}

#[tokio::test]
async fn a_live_check_continues_after_an_unreadable_event() {
    let (_server, registry) = half_readable().await;
    let mut reports = compare::compare(&Lock::default(), &events());
    live::check(&registry, &events(), &mut reports).await.unwrap();
    let of = |name: &str| reports.iter().find(|report| report.event == name).unwrap();
    assert_eq!(of("shop.cancelled").state, report::State::Unknown);
    assert_eq!(of("shop.placed").state, report::State::New);
    assert!(of("shop.placed").notes.contains(&"not registered".to_owned()));
}
