//! One schema by itself, as the runtime meets it: a writer's, from the registry.

use crate::model::{Kind, Model, Name, Node};
use crate::parse::{SchemaError, Source, Use, parse_as};

/// A schema and the types in it.
///
/// ```
/// use kaufmann_avro::Schema;
///
/// let schema = Schema::parse(r#"{"type": "fixed", "name": "shop.Key", "size": 4}"#).unwrap();
/// assert_eq!(schema.name().unwrap().to_string(), "shop.Key");
/// assert_eq!(schema.canonical(), r#"{"name":"shop.Key","type":"fixed","size":4}"#);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Schema {
    /// Its types.
    pub model: Model,
    /// What it describes.
    pub root: Node,
}

impl Schema {
    /// Parses a schema that somebody else wrote records with.
    ///
    /// Mistakes that do not keep the records from being read are let pass, as other implementations do: names that
    /// are not ASCII, defaults that do not fit, docs that are no strings.
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

    /// The name of the type at the top, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self.root.kind {
            Kind::Named(id) => Some(&self.model.get(id).name),
            _ => None,
        }
    }

    /// [`Model::canonical`] of the whole.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.model.canonical(&self.root)
    }

    /// [`Model::identity`] of the whole.
    #[must_use]
    pub fn identity(&self) -> String {
        self.model.identity(&self.root)
    }

    /// [`crc64`](crate::crc64) of the canonical form.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        crate::crc64(self.canonical().as_bytes())
    }
}
