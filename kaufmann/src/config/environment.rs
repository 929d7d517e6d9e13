//! `KAUFMANN_*`: one variable per key, and one per entry of the tables `kafka` and `app`.

use std::ffi::OsString;

use super::effective::Origin;
use super::keys::{self, KEYS, Key};
use super::kind::{self, Kind};
use super::layers::{Layers, pairs};
use super::problem::Problems;

/// The beginning of all variables' names.
pub(super) const PREFIX: &str = "KAUFMANN_";

/// The variable that names the file.
pub(crate) const FILE: &str = "KAUFMANN_CONFIG";

/// The beginnings of variables for the build and its tests, not the service.
const OTHERS: [&str; 4] = [
    "KAUFMANN_MACROS_",
    "KAUFMANN_CODEGEN_",
    "KAUFMANN_BLESS",
    "KAUFMANN_TEST_",
];

/// Reads the variables into the layers. An empty variable counts as not set.
pub(super) fn read(variables: &[(String, OsString)], layers: &mut Layers, problems: &mut Problems) {
    // `KAUFMANN_LOG_FILTER` overrides it, so it comes first.
    if let Some((_, filter)) = variables
        .iter()
        .find(|(name, value)| name == "RUST_LOG" && !value.is_empty())
    {
        let value = serde_json::Value::from(filter.to_string_lossy().into_owned());
        if let Some(key) = keys::find("log.filter") {
            layers.set(key, Vec::new(), value, Origin::Variable("RUST_LOG".to_owned()));
        }
    }
    for (name, value) in variables {
        let ours =
            name.starts_with(PREFIX) && name != FILE && !OTHERS.iter().any(|other| name.starts_with(other));
        if !ours || value.is_empty() {
            continue;
        }
        match value.to_str() {
            Some(value) => variable(name, value, layers, problems),
            None => problems.push(format!("environment variable {name}: not valid UTF-8")),
        }
    }
}

fn variable(name: &str, text: &str, layers: &mut Layers, problems: &mut Problems) {
    let place = format!("environment variable {name}");
    let origin = Origin::Variable(name.to_owned());
    if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
        if key.kind.is_table() {
            return pairs(key, text, &place, &origin, layers, problems);
        }
        return match key.kind.parse(text) {
            Ok(value) => layers.set(key, Vec::new(), value, origin),
            Err(mismatch) => problems.mismatch(&place, key.path, &mismatch),
        };
    }
    match entry(name) {
        // But for the service's own settings, which may have any name.
        found if found.as_ref().is_none_or(|(key, _)| key.path != "app") && is_of_kubernetes(name, text) => {}
        Some((key, path)) => layers.set(key, path, kind::entry_text(key.kind, text), origin),
        None => {
            let meant = kaufmann_avro::suggest::closest(name, KEYS.iter().map(Key::variable));
            problems.unknown("the environment", "variable", name, meant);
        }
    }
}

/// Whether it is one of the variables that Kubernetes sets in every pod for a Service whose name begins with `kaufmann`:
/// `KAUFMANN_SERVICE_HOST`, `KAUFMANN_SERVICE_PORT_HTTP`, `KAUFMANN_PORT`, `KAUFMANN_PORT_8080_TCP_ADDR`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_url = || {
        value.split_once("://").is_some_and(|(protocol, _)| {
            let protocol = protocol.to_ascii_uppercase();
            PROTOCOLS.contains(&protocol.as_str())
        })
    };
    if name.ends_with("_SERVICE_HOST") {
        return true;
    }
    if let Some((_, port)) = name.rsplit_once("_SERVICE_PORT") {
        return (port.is_empty() || port.starts_with('_')) && is_number(value);
    }
    let Some((_, rest)) = name.rsplit_once("_PORT_").filter(|(_, rest)| !rest.is_empty()) else {
        return name.ends_with("_PORT") && is_url();
    };
    let mut parts = rest.split('_');
    let is_port =
        parts.next().is_some_and(is_number) && parts.next().is_some_and(|part| PROTOCOLS.contains(&part));
    let is_known = match parts.next() {
        None => is_url(),
        Some(part) => ["PROTO", "PORT", "ADDR"].contains(&part),
    };
    is_port && is_known && parts.next().is_none()
}

/// `KAUFMANN_KAFKA_FETCH_MIN_BYTES` → `fetch.min.bytes`; `KAUFMANN_APP_DATABASE__MAX_SIZE` → `database` / `max_size`.
fn entry(name: &str) -> Option<(&'static Key, Vec<String>)> {
    let key = KEYS
        .iter()
        .filter(|key| matches!(key.path, "kafka" | "app"))
        .find(|key| {
            name.strip_prefix(&key.variable())
                .is_some_and(|rest| rest.starts_with('_') && rest.len() > 1)
        })?;
    let rest = name
        .strip_prefix(&key.variable())?
        .strip_prefix('_')?
        .to_ascii_lowercase();
    let path = match key.kind {
        Kind::Free => rest.split("__").map(str::to_owned).collect(),
        _ => vec![rest.replace('_', ".")],
    };
    Some((key, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_kubernetes_for_a_service_of_our_name_are_told_from_settings() {
        for (name, value) in [
            ("KAUFMANN_SERVICE_HOST", "10.96.0.7"),
            ("KAUFMANN_SERVICE_PORT", "8080"),
            ("KAUFMANN_SERVICE_PORT_HTTP", "8080"),
            ("KAUFMANN_SERVICE_PORT_HTTP_ADMIN", "8080"),
            ("KAUFMANN_PORT", "tcp://10.96.0.7:8080"),
            ("KAUFMANN_PORT_8080_TCP", "tcp://10.96.0.7:8080"),
            ("KAUFMANN_PORT_8080_TCP_PROTO", "tcp"),
            ("KAUFMANN_PORT_8080_TCP_PORT", "8080"),
            ("KAUFMANN_PORT_8080_TCP_ADDR", "10.96.0.7"),
            ("KAUFMANN_PORT_53_UDP_ADDR", "10.96.0.7"),
            // Services called `kaufmann-kafka` and `kaufmann-registry`.
            ("KAUFMANN_KAFKA_SERVICE_HOST", "10.96.0.7"),
            ("KAUFMANN_KAFKA_PORT", "tcp://10.96.0.7:9092"),
            ("KAUFMANN_KAFKA_PORT_9092_TCP_ADDR", "10.96.0.7"),
            ("KAUFMANN_REGISTRY_SERVICE_PORT", "8081"),
        ] {
            assert!(is_of_kubernetes(name, value), "{name}");
        }
        for (name, value) in [
            ("KAUFMANN_PORT", "8080"),
            ("KAUFMANN_PORTS", "tcp://10.96.0.7:8080"),
            ("KAUFMANN_SERVICE_PORTS", "8080"),
            ("KAUFMANN_SERVICE_PORT", "http"),
            ("KAUFMANN_SERVICE_HOSTS", "10.96.0.7"),
            ("KAUFMANN_PORT_8080", "8080"),
            ("KAUFMANN_PORT_X_TCP_ADDR", "10.96.0.7"),
            ("KAUFMANN_PORT_8080_TCP_NAME", "x"),
            ("KAUFMANN_PORT_", "x"),
            ("KAUFMANN_BROKER", "x"),
        ] {
            assert!(!is_of_kubernetes(name, value), "{name}");
        }
    }
}
