//! A record's Avro datum, and how it is decoded.

use kaufmann_avro::DecodeError;
use kaufmann_avro::resolve::{self, DecodeResolved, Plan};

/// A record's Avro datum, without the frame around it.
#[derive(Clone, Copy, Debug)]
pub struct Body<'r> {
    bytes: &'r [u8],
    plan: Option<&'r Plan>,
}

impl<'r> Body<'r> {
    /// A body whose writer had the reader's schema.
    #[must_use]
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, plan: None }
    }

    /// A body whose writer had another schema; the plan defines how it is read.
    #[must_use]
    pub fn resolved(bytes: &'r [u8], plan: &'r Plan) -> Self {
        let plan = Some(plan).filter(|plan| !plan.is_same());
        Self { bytes, plan }
    }

    /// The datum's bytes.
    #[must_use]
    pub fn bytes(&self) -> &'r [u8] {
        self.bytes
    }

    /// Decodes the datum.
    ///
    /// # Errors
    ///
    /// If the bytes are not exactly one value of the writer's schema, or it is a value that `T`'s schema does not have.
    #[inline]
    pub fn decode<T: DecodeResolved<'r>>(self) -> Result<T, DecodeError> {
        match self.plan {
            None => kaufmann_avro::decode(self.bytes),
            Some(plan) => resolve::decode(self.bytes, plan),
        }
    }
}
