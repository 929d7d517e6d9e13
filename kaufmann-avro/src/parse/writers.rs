//! Parsing a writer's schema, as the registry returns it.

use super::{SchemaError, Source, Use, parse_as};
use crate::schema::Schema;

impl Schema {
    /// Parses a writer's schema.
    ///
    /// Mistakes that do not make its records unreadable are ignored, as in other implementations: names that are not
    /// ASCII, defaults that do not fit, docs that are not strings.
    ///
    /// # Errors
    ///
    /// All other mistakes in it.
    pub fn parse(text: &str) -> Result<Self, Vec<SchemaError>> {
        Self::parse_with(text, &[])
    }

    /// The same for a schema that refers to types of other schemas (the registry's references).
    ///
    /// # Errors
    ///
    /// All other mistakes in any of them.
    pub fn parse_with(text: &str, references: &[Source<'_>]) -> Result<Self, Vec<SchemaError>> {
        let mut sources = vec![Source {
            path: "<schema>",
            text,
        }];
        sources.extend(references);
        let model = parse_as(&sources, Use::Writers)?;
        let root = model.files[0].root.clone();
        Ok(Self { model, root })
    }
}
