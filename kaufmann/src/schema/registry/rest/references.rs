//! Schemas that refer to others: all are fetched and inlined into one text that is complete in itself.

use std::collections::BTreeSet;

use kaufmann_avro::Source;

use super::{RestRegistry, Schema};
use crate::schema::registry::{Reference, RegistryError, RegistryErrorKind};

/// The most schemas that one may refer to, directly or not, so that a broken registry cannot go on for ever.
const MAX_REFERENCES: usize = 500;

/// One schema whose references are being fetched.
struct Open {
    /// Its subject and version; `None` for the requested schema.
    place: Option<(String, u32)>,
    /// Its references that have not been fetched yet.
    references: Vec<Reference>,
}

/// The schema `text`, with each referenced schema inlined at its first use; `what` names it in errors.
pub(super) async fn inline(
    registry: &RestRegistry,
    what: &str,
    text: &str,
    references: Vec<Reference>,
) -> Result<String, RegistryError> {
    let refused = |why: String| RegistryError::new(RegistryErrorKind::Refused, format!("{what}: {why}"));
    let mut fetched: Vec<(String, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    // From the requested schema down to the one whose references are being fetched.
    let mut path = vec![Open {
        place: None,
        references,
    }];
    while let Some(open) = path.last_mut() {
        let Some(reference) = open.references.pop() else {
            path.pop();
            continue;
        };
        let place = (reference.subject.clone(), reference.version);
        if path.iter().any(|open| open.place.as_ref() == Some(&place)) {
            return Err(refused(circle(&path, &place)));
        }
        if !seen.insert(place.clone()) {
            continue;
        }
        if fetched.len() >= MAX_REFERENCES {
            return Err(refused(format!(
                "the schema refers to more than {MAX_REFERENCES} others"
            )));
        }
        let version = reference.version.to_string();
        let wanted = ["subjects", &reference.subject, "versions", &version];
        let found: Schema = registry.get(&wanted, &[], Some(&reference.subject)).await?;
        fetched.push((format!("{} version {version}", reference.subject), found.schema));
        path.push(Open {
            place: Some(place),
            references: found.references,
        });
    }
    let sources: Vec<_> = fetched.iter().map(|(path, text)| Source { path, text }).collect();
    match kaufmann_avro::Schema::parse_with(text, &sources) {
        Ok(schema) => Ok(schema.model.to_json(&schema.root)),
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Err(refused(format!(
                "with its references it is not a schema: {}",
                errors.join("; ")
            )))
        }
    }
}

/// Describes a circle of references.
fn circle(path: &[Open], back_to: &(String, u32)) -> String {
    let shown = |(subject, version): &(String, u32)| format!("{subject} version {version}");
    let mut places: Vec<_> = path
        .iter()
        .filter_map(|open| open.place.as_ref())
        .skip_while(|place| *place != back_to)
        .map(shown)
        .collect();
    places.push(shown(back_to));
    format!("its references form a circle: {}", places.join(" → "))
}
