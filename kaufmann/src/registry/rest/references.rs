//! Schemas that refer to others: all are fetched and put into one text that is complete in itself.

use std::collections::BTreeSet;

use kaufmann_avro::Source;
use reqwest::Url;
use serde::Deserialize;

use super::{RestRegistry, Schema};
use crate::registry::{RegistryError, RegistryErrorKind};

/// The most schemas that one may refer to, directly or not: a registry that makes them up must end somewhere.
const MAX_REFERENCES: usize = 500;

/// One schema referred to by another.
#[derive(Deserialize, Debug)]
pub(super) struct Reference {
    name: String,
    subject: String,
    version: u32,
}

/// The schema `text`, with all that it refers to put in at its first use.
pub(super) async fn inline(
    registry: &RestRegistry,
    url: &Url,
    text: &str,
    references: Vec<Reference>,
) -> Result<String, RegistryError> {
    let refused = |why: String| RegistryError::new(RegistryErrorKind::Refused, format!("GET {url}: {why}"));
    let mut fetched: Vec<(String, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = references;
    while let Some(reference) = open.pop() {
        if !seen.insert((reference.subject.clone(), reference.version)) {
            continue;
        }
        if fetched.len() >= MAX_REFERENCES {
            return Err(refused(format!(
                "the schema refers to more than {MAX_REFERENCES} others"
            )));
        }
        let version = reference.version.to_string();
        let found: Schema = registry
            .get(&["subjects", &reference.subject, "versions", &version])
            .await?;
        open.extend(found.references);
        fetched.push((reference.name, found.schema));
    }
    let sources: Vec<_> = fetched
        .iter()
        .map(|(name, text)| Source { path: name, text })
        .collect();
    match kaufmann_avro::Schema::parse_with(text, &sources) {
        Ok(schema) => Ok(schema.model.to_json(&schema.root)),
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Err(refused(format!(
                "with its references it is no schema: {}",
                errors.join("; ")
            )))
        }
    }
}
