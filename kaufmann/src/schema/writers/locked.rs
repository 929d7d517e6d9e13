//! Checks before the first record whether an event's schema reads records of its locked versions.

use kaufmann_avro::Schema;
use kaufmann_avro::compatibility::Level;
use kaufmann_avro::resolve::Plan;

use crate::handler::event::{EventInfo, EventLock, LockedVersion};

/// A locked version whose records the event's schema does not read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Which one, and why.
    pub(super) reason: String,
    /// Whether the event's compatibility level promises that it is read.
    pub(super) promised: bool,
}

/// The versions that `reader`, the schema of the event, does not read. At the level `NONE` nothing is promised and nothing is
/// checked.
pub(super) fn unreadable(info: &EventInfo, reader: &Schema) -> Vec<Unreadable> {
    let Some(lock) = info.lock else {
        return Vec::new();
    };
    // The generator writes only the names of levels; any other name counts as the default level.
    let level: Level = lock.compatibility.parse().unwrap_or_default();
    if level == Level::None {
        return Vec::new();
    }
    let newest = lock.versions.len().saturating_sub(1);
    let versions = lock.versions.iter().enumerate();
    versions
        .filter_map(|(index, version)| {
            let promised = level.is_backward() && (level.is_transitive() || index == newest);
            let reason = why_not(info, lock, version, reader)?;
            Some(Unreadable { reason, promised })
        })
        .collect()
}

fn why_not(info: &EventInfo, lock: &EventLock, version: &LockedVersion, reader: &Schema) -> Option<String> {
    let why = match Schema::parse(version.schema) {
        Ok(writer) => join(&Plan::new(&writer, reader).err()?),
        Err(errors) => format!("it is not an Avro schema: {}", join(&errors)),
    };
    let (event, at) = (info.name, info.defined_at);
    let (number, id, subject) = (version.number, version.id, lock.subject);
    Some(format!(
        "`{event}` ({at}) does not read version {number} (id {id}) of the subject `{subject}`: {why}"
    ))
}

fn join(errors: &[impl ToString]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::check::POISON;

    const STRING: &str =
        r#"{"type": "record", "name": "user.create", "fields": [{"name": "n", "type": "string"}]}"#;
    const INT: &str =
        r#"{"type": "record", "name": "user.create", "fields": [{"name": "n", "type": "int"}]}"#;
    const LONG: &str =
        r#"{"type": "record", "name": "user.create", "fields": [{"name": "n", "type": "long"}]}"#;

    /// Whether the two versions that a `long` does not read, of three, are promised.
    fn promised(compatibility: &'static str, schemas: [&'static str; 3]) -> Vec<bool> {
        let version = |(index, schema): (u32, _)| LockedVersion {
            number: index + 1,
            id: index + 7,
            schema,
        };
        let versions = (0..).zip(schemas).map(version).collect::<Vec<_>>();
        let lock = EventLock {
            subject: "users-value",
            compatibility,
            versions: versions.leak(),
        };
        let info = EventInfo {
            name: "user.create",
            schema: LONG,
            lock: Some(Box::leak(Box::new(lock))),
            ..POISON
        };
        let found = unreadable(&info, &Schema::parse(LONG).unwrap());
        found.iter().map(|found| found.promised).collect()
    }

    #[test]
    fn a_level_promises_the_last_version_or_all_or_none() {
        for (level, expected) in [
            ("BACKWARD", [false, true]),
            ("BACKWARD_TRANSITIVE", [true, true]),
            ("FULL", [false, true]),
            ("FULL_TRANSITIVE", [true, true]),
            ("FORWARD", [false, false]),
            ("FORWARD_TRANSITIVE", [false, false]),
        ] {
            assert_eq!(promised(level, [STRING, INT, STRING]), expected, "{level}");
        }
        assert!(promised("NONE", [STRING, INT, STRING]).is_empty());
    }

    #[test]
    fn what_is_read_is_not_mentioned() {
        assert!(promised("BACKWARD_TRANSITIVE", [INT, INT, LONG]).is_empty());
        let unlocked = EventInfo {
            schema: LONG,
            ..POISON
        };
        assert!(unreadable(&unlocked, &Schema::parse(LONG).unwrap()).is_empty());
    }
}
