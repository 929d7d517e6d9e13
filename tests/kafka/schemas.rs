//! The commands of `schema` against Apicurio: the lock, the registry, and their verdicts on a change.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kaufmann::Config;
use kaufmann::registry::{RegistryErrorKind, RestRegistry, SchemaRegistry};
use kaufmann_tests::rig::foreign::schemas;
use kaufmann_tests::rig::{Registry, Rig, Service, free_port};
use serde_json::{Value, json};
use tempfile::TempDir;

crate::tests![
    a_registered_schema_is_locked_and_a_break_is_refused_by_lock_and_registry,
    a_pull_fetches_a_version_that_others_registered,
    a_version_with_references_is_locked_as_one_schema_and_found_by_its_content,
    a_schema_registered_with_references_is_recognised_as_one_schema,
    if_the_first_url_is_dead_the_second_is_used,
    a_registry_that_requires_a_password_gives_an_error_with_the_setting,
];

const ORDER: &str = "shop.order_placed";

/// A folder with a lock, and a separate registry: subjects are the events' names.
struct Scene {
    folder: TempDir,
    registry: Registry,
}

impl Scene {
    fn open(rig: &Rig) -> Result<Self> {
        // The shared servers first: both at once would fetch at once.
        rig.servers()?;
        let registry = Registry::start()?;
        registry.set_level("BACKWARD")?;
        Ok(Self {
            folder: tempfile::tempdir()?,
            registry,
        })
    }

    /// The exit code and the report of `quickstart schema …`.
    fn schema(&self, arguments: &[&str]) -> Result<(i32, Value)> {
        self.schema_at(&self.registry.url(), arguments)
    }

    fn schema_at(&self, registry: &str, arguments: &[&str]) -> Result<(i32, Value)> {
        let lock = self.lock();
        let lock = lock.to_str().context("a temporary folder's name is a text")?;
        let output = Service::bare("schema")
            .with_arguments(arguments)
            .with_arguments(&["--lock", lock, "--format", "json", "--registry-url", registry])
            .output()?;
        let report = serde_json::from_str(&output.stdout)
            .with_context(|| format!("{arguments:?}: {}{}", output.stdout, output.stderr))?;
        Ok((output.code, report))
    }

    fn lock(&self) -> std::path::PathBuf {
        self.folder.path().join("schemas.lock")
    }

    fn lock_text(&self) -> Result<String> {
        Ok(fs::read_to_string(self.lock())?)
    }
}

fn a_registered_schema_is_locked_and_a_break_is_refused_by_lock_and_registry(rig: &Rig) -> Result<()> {
    let scene = Scene::open(rig)?;
    let (code, report) = scene.schema(&["check"])?;
    assert_eq!((code, &report["verdict"]), (2, &json!("unknown")), "{report}");

    let (code, report) = scene.schema(&["register"])?;
    assert_eq!(
        (code, event(&report, ORDER)?["state"].as_str()),
        (0, Some("foreign")),
        "it only handles it: {report}"
    );
    assert_eq!(event(&report, "shop.order_confirmed")?["state"], "registered");
    assert_eq!(
        scene.registry.versions(ORDER)?,
        json!(null),
        "it is its publisher's"
    );

    let scene = Scene::open(rig)?;
    let (code, report) = scene.schema(&["register", "--all"])?;
    assert_eq!(code, 0, "{report}");
    assert_eq!(
        states(&report),
        [
            json!("registered"),
            json!("registered"),
            json!("registered"),
            json!("registered"),
            json!("registered")
        ]
    );
    let registered = scene.lock_text()?;
    assert_eq!(
        registered.matches("compatibility = \"BACKWARD\"").count(),
        5,
        "{registered}"
    );

    let (code, report) = scene.schema(&["register"])?;
    assert_eq!(
        (code, event(&report, ORDER)?["state"].as_str()),
        (0, Some("known"))
    );
    assert_eq!(scene.lock_text()?, registered, "what is known changes nothing");
    assert_eq!(scene.schema(&["check", "--live"])?.0, 0);

    // Another past: the event had a field of another type, in the lock and the registry.
    let mut past: Value = serde_json::from_str(&schema(ORDER)?)?;
    retype(&mut past, "sequence", "string")?;
    let scene = Scene::open(rig)?;
    scene.registry.register(ORDER, &past.to_string())?;
    let (code, report) = scene.schema(&["pull"])?;
    assert_eq!(
        (code, event(&report, ORDER)?["state"].as_str()),
        (0, Some("pulled"))
    );

    let (code, report) = scene.schema(&["check"])?;
    assert_eq!((code, &report["verdict"]), (1, &json!("incompatible")));
    let broken = &event(&report, ORDER)?["breaks"][0];
    assert_eq!(
        (&broken["by"], &broken["path"]),
        (&json!("lock"), &json!("sequence")),
        "{broken}"
    );

    let (code, report) = scene.schema(&["check", "--live"])?;
    assert_eq!(code, 1);
    let by: Vec<_> = event(&report, ORDER)?["breaks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|found| found["by"].clone())
        .collect();
    assert!(by.contains(&json!("registry")), "{report}");

    let before = scene.lock_text()?;
    let (code, report) = scene.schema(&["register", "--all"])?;
    assert_eq!(code, 1);
    assert_eq!(event(&report, "shop.order_confirmed")?["state"], "held");
    assert_eq!(scene.lock_text()?, before);
    assert_eq!(
        scene.registry.versions("shop.order_confirmed")?,
        json!(null),
        "nothing was registered"
    );

    // An intended break: the lock begins anew, and the registry must agree.
    assert_eq!(scene.schema(&["reset", ORDER])?.0, 2, "nobody said yes");
    assert_eq!(scene.schema(&["reset", ORDER, "--yes"])?.0, 0);
    assert_eq!(scene.schema(&["check"])?.0, 0);
    let (code, report) = scene.schema(&["register", ORDER])?;
    assert_eq!(
        (code, &event(&report, ORDER)?["breaks"][0]["by"]),
        (1, &json!("registry")),
        "{report}"
    );
    scene.registry.set_level("NONE")?;
    let (code, report) = scene.schema(&["register", ORDER])?;
    assert_eq!(
        (code, &event(&report, ORDER)?["version"]["number"]),
        (0, &json!(2)),
        "{report}"
    );
    scene.schema(&["pull"])?;
    let text = scene.lock_text()?;
    assert!(
        !text.contains("shop.order_placed\".version.1]"),
        "a pull does not bring back what was reset: {text}"
    );
    Ok(())
}

fn a_pull_fetches_a_version_that_others_registered(rig: &Rig) -> Result<()> {
    let scene = Scene::open(rig)?;
    assert_eq!(scene.schema(&["register", "--all"])?.0, 0);
    let mut next: Value = serde_json::from_str(&schema(ORDER)?)?;
    next["fields"]
        .as_array_mut()
        .context("no fields")?
        .push(json!({"name": "gift", "type": "boolean", "default": false}));
    let id = scene.registry.register(ORDER, &next.to_string())?;

    let (code, report) = scene.schema(&["check", "--live"])?;
    let notes = event(&report, ORDER)?["notes"].to_string();
    assert!(
        code == 0 && notes.contains("the registry has version 2, the lock ends with 1"),
        "{report}"
    );
    let (code, report) = scene.schema(&["diff", ORDER, "--live"])?;
    let change = &event(&report, ORDER)?["changes"][0];
    assert_eq!(
        (code, change),
        (
            0,
            &json!({"path": "gift", "kind": "field-removed", "text": "`gift` removed: boolean"})
        )
    );

    let (code, report) = scene.schema(&["pull"])?;
    assert_eq!(
        (code, &event(&report, ORDER)?["version"]),
        (0, &json!({"number": 2, "id": id})),
        "{report}"
    );
    assert!(
        scene
            .lock_text()?
            .contains("[event.\"shop.order_placed\".version.2]")
    );
    Ok(())
}

fn a_version_with_references_is_locked_as_one_schema_and_found_by_its_content(rig: &Rig) -> Result<()> {
    let scene = Scene::open(rig)?;
    let unused = r#"{"type":"fixed","name":"Unused","namespace":"shop","size":2}"#;
    scene.registry.register("shop.Unused", unused)?;
    let mut next: Value = serde_json::from_str(&schema(ORDER)?)?;
    next["fields"]
        .as_array_mut()
        .context("no fields")?
        .push(json!({"name": "mark", "type": "shop.Unused"}));
    let references = json!([{"name": "shop.Unused", "subject": "shop.Unused", "version": 1}]);
    scene
        .registry
        .register_with(ORDER, &next.to_string(), &references)?;
    let (code, report) = scene.schema(&["pull"])?;
    assert_eq!(code, 0, "{report}");
    let text = scene.lock_text()?;
    assert!(text.contains("subject = \"shop.Unused\", version = 1"), "{text}");
    assert!(
        text.contains("\"size\":2"),
        "the lock is complete in itself: {text}"
    );
    let (code, report) = scene.schema(&["diff", ORDER])?;
    assert_eq!(
        (code, &event(&report, ORDER)?["changes"][0]["path"]),
        (0, &json!("mark")),
        "{report}"
    );
    Ok(())
}

fn a_schema_registered_with_references_is_recognised_as_one_schema(rig: &Rig) -> Result<()> {
    let scene = Scene::open(rig)?;
    let currency = json!({"type": "enum", "name": "Currency", "namespace": "pay", "symbols": ["EUR", "USD"]});
    let money = |currency: &Value| {
        let fields = json!([{"name": "cents", "type": "long"}, {"name": "currency", "type": currency}]);
        json!({"type": "record", "name": "Money", "namespace": "pay", "fields": fields})
    };
    let paid = |money: &Value| {
        let fields = json!([{"name": "amount", "type": money}, {"name": "fee", "type": "pay.Money"}]);
        json!({"type": "record", "name": "Paid", "namespace": "pay", "fields": fields}).to_string()
    };
    let to = |name: &str| json!([{"name": name, "subject": name, "version": 1}]);
    scene.registry.register("pay.Currency", &currency.to_string())?;
    let referring = money(&json!("pay.Currency")).to_string();
    scene
        .registry
        .register_with("pay.Money", &referring, &to("pay.Currency"))?;
    let id = scene
        .registry
        .register_with("pay.Paid", &paid(&json!("pay.Money")), &to("pay.Money"))?;

    let whole = paid(&money(&currency));
    let mut config = Config::default().registry;
    config.url = vec![scene.registry.url()];
    let registry = RestRegistry::new(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let found = registry.find("pay.Paid", &whole).await?;
        let found = found.context("it is registered")?;
        assert_eq!(
            (i64::from(found.version), i64::from(found.id)),
            (1, i64::from(id))
        );
        assert_eq!(registry.lookup("pay.Paid", &whole).await?, Some(found.id));
        // This registry cannot compare a single schema with one in parts. It accepts it if it need not compare.
        let refused = registry.compatibility("pay.Paid", &whole).await;
        let refused = refused
            .err()
            .context("it compares them by now; say so in the guide")?;
        assert_eq!(refused.kind(), RegistryErrorKind::Refused, "{refused}");
        anyhow::Ok(())
    })?;
    scene.registry.set_level("NONE")?;
    runtime.block_on(async {
        let registered = registry.register("pay.Paid", &whole).await?;
        let text = registry.schema(registered).await?;
        assert_eq!(
            serde_json::from_str::<Value>(&text)?,
            serde_json::from_str::<Value>(&whole)?
        );
        Ok(())
    })
}

fn if_the_first_url_is_dead_the_second_is_used(rig: &Rig) -> Result<()> {
    let scene = Scene::open(rig)?;
    let dead = format!("http://127.0.0.1:{}", free_port()?);
    let urls = format!("{dead},{}", scene.registry.url());
    let (code, report) = scene.schema_at(&urls, &["register"])?;
    assert_eq!(code, 0, "{report}");
    let (code, report) = scene.schema_at(&dead, &["pull", "--registry-retries", "0"])?;
    let error = report["error"].to_string();
    assert!(
        code == 2 && error.contains(&dead) && error.contains("refused"),
        "{report}"
    );
    Ok(())
}

fn a_registry_that_requires_a_password_gives_an_error_with_the_setting(rig: &Rig) -> Result<()> {
    use kaufmann_tests::rig::{Fault, FaultProxy};
    let servers = rig.servers()?;
    let proxy = FaultProxy::start(&servers.registry.origin(), Fault::Status(401))?;
    let scene = Scene {
        folder: tempfile::tempdir()?,
        registry: Registry::start()?,
    };
    let (code, report) = scene.schema_at(&proxy.url(), &["pull"])?;
    let error = report["error"].to_string();
    ensure!(code == 2, "{report}");
    assert!(
        error.contains("401 Unauthorized")
            && error.contains("set `registry.user` and `registry.password`, or `registry.token`"),
        "{error}"
    );
    assert_eq!(proxy.refused(), 1, "a 401 is not asked again");
    Ok(())
}

fn schema(event: &str) -> Result<String> {
    let path = schemas().join(format!("{event}.avsc"));
    fs::read_to_string(&path).with_context(|| Path::display(&path).to_string())
}

fn retype(schema: &mut Value, field: &str, to: &str) -> Result<()> {
    let fields = schema["fields"].as_array_mut().context("no fields")?;
    let found = fields.iter_mut().find(|known| known["name"] == field);
    found.context("no such field")?["type"] = json!(to);
    Ok(())
}

fn states(report: &Value) -> Vec<Value> {
    let events = report["events"].as_array().into_iter().flatten();
    events.map(|event| event["state"].clone()).collect()
}

fn event<'r>(report: &'r Value, name: &str) -> Result<&'r Value> {
    let mut events = report["events"].as_array().into_iter().flatten();
    events
        .find(|event| event["event"] == name)
        .with_context(|| format!("no {name} in {report}"))
}
