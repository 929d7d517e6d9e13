//! One schema by itself, such as a writer's schema from the registry.

use crate::fingerprint::crc64;
use crate::model::{Kind, Model, Name, Node};

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
        crc64(self.canonical().as_bytes())
    }
}
