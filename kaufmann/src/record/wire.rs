//! The frame around an Avro datum: how a record names its writer's schema, and where the datum begins. Pure.
//!
//! The order of precedence: the header `__value_schema_id` (Confluent's header ids), then Confluent's prefix, `0x00` and the id
//! in four bytes, big-endian.

use crate::record::Record;
use crate::record::names::VALUE_SCHEMA_ID;

mod foreign;

pub(crate) use foreign::{Foreign, foreign};

/// The first byte of a frame with an id of four bytes.
const MAGIC_ID: u8 = 0x00;
/// The first byte of a header's value with a GUID of 16 bytes.
const MAGIC_GUID: u8 = 0x01;
/// The length of Confluent's prefix.
const PREFIX: usize = 5;

/// Which schema a record was written with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SchemaKey {
    /// The registry's id.
    Id(u32),
    /// The registry's GUID.
    Guid([u8; 16]),
}

/// How a record is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    /// The writer's schema.
    pub(crate) schema: SchemaKey,
    /// Where the datum begins in the payload.
    pub(crate) body: usize,
}

/// Why a payload is not a framed datum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unframed {
    #[error("the payload is empty; a framed event has at least {PREFIX} bytes")]
    Empty,
    #[error("{0}")]
    Foreign(Foreign),
    #[error("the payload names the schema id {0}, which no registry assigns: ids go from 1 to 2147483647")]
    NoId(u32),
    #[error("the payload begins with the byte {0:#04x}; a framed event begins with 0x00 and a schema id")]
    Magic(u8),
    #[error("the payload has {0} bytes; a framed event has at least {PREFIX}")]
    Short(usize),
    #[error(
        "the header `{VALUE_SCHEMA_ID}` is neither 0x00 with an id of 4 bytes nor 0x01 with a GUID of 16"
    )]
    Header,
}

/// Reads a record's frame. `Ok(None)` is a tombstone, which carries no event.
#[inline]
pub(crate) fn frame(record: &Record) -> Result<Option<Frame>, Unframed> {
    let Some(payload) = record.payload() else {
        return Ok(None);
    };
    if record.has_headers()
        && let Some(value) = record.header(VALUE_SCHEMA_ID)
    {
        return header_id(value).map(|schema| Some(Frame { schema, body: 0 }));
    }
    match prefix(payload) {
        Ok(id) => Ok(Some(Frame {
            schema: SchemaKey::Id(id),
            body: PREFIX,
        })),
        Err(unframed) => Err(foreign(record).map_or(unframed, Unframed::Foreign)),
    }
}

/// Inserts Confluent's prefix before a datum, in the same buffer if there is room.
pub(crate) fn framed(id: u32, mut datum: Vec<u8>) -> Vec<u8> {
    let [a, b, c, d] = id.to_be_bytes();
    datum.splice(..0, [MAGIC_ID, a, b, c, d]);
    datum
}

/// The schema's id and the datum of a payload with Confluent's prefix.
#[cfg(feature = "testing")]
pub(crate) fn prefixed(payload: &[u8]) -> Option<(u32, &[u8])> {
    let id = prefix(payload).ok()?;
    Some((id, payload.get(PREFIX..)?))
}

#[inline]
fn prefix(payload: &[u8]) -> Result<u32, Unframed> {
    match *payload {
        [MAGIC_ID, a, b, c, d, ..] => id_of([a, b, c, d]),
        [] => Err(Unframed::Empty),
        [MAGIC_ID, ..] => Err(Unframed::Short(payload.len())),
        [byte, ..] => Err(Unframed::Magic(byte)),
    }
}

fn header_id(value: &[u8]) -> Result<SchemaKey, Unframed> {
    match value.split_first() {
        Some((&MAGIC_ID, id)) => {
            let id = id.try_into().map_err(|_| Unframed::Header)?;
            id_of(id).map(SchemaKey::Id)
        }
        Some((&MAGIC_GUID, guid)) => guid.try_into().map(SchemaKey::Guid).map_err(|_| Unframed::Header),
        _ => Err(Unframed::Header),
    }
}

/// Registries' ids are Java's positive integers.
#[inline]
fn id_of(bytes: [u8; 4]) -> Result<u32, Unframed> {
    match u32::from_be_bytes(bytes) {
        id @ 1..=0x7fff_ffff => Ok(id),
        id => Err(Unframed::NoId(id)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::RawRecord;

    fn read(payload: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)]) -> Result<Option<Frame>, Unframed> {
        frame(&Record::of(&RawRecord {
            offset: 0,
            timestamp: None,
            key: None,
            payload,
            headers,
        }))
    }

    fn id(id: u32, body: usize) -> Result<Option<Frame>, Unframed> {
        Ok(Some(Frame {
            schema: SchemaKey::Id(id),
            body,
        }))
    }

    #[test]
    fn the_prefix_names_the_schema() {
        assert_eq!(read(Some(&[0, 0, 0, 1, 2, 9]), &[]), id(258, 5));
        assert_eq!(read(Some(&[0, 0, 0, 0, 7]), &[]), id(7, 5));
    }

    #[test]
    fn a_header_overrides_the_prefix() {
        let headers = [("__value_schema_id", Some(&[0, 0, 0, 0, 3][..]))];
        assert_eq!(read(Some(&[0, 0, 0, 0, 7]), &headers), id(3, 0));
        let guid = [(
            "__value_schema_id",
            Some(&[1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16][..]),
        )];
        let schema = SchemaKey::Guid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(read(Some(b"x"), &guid), Ok(Some(Frame { schema, body: 0 })));
    }

    #[test]
    fn a_tombstone_carries_no_event() {
        assert_eq!(read(None, &[]), Ok(None));
    }

    #[test]
    fn a_payload_without_a_frame_is_an_error_that_says_why() {
        assert_eq!(read(Some(&[]), &[]), Err(Unframed::Empty));
        assert_eq!(read(Some(&[0, 0, 0]), &[]), Err(Unframed::Short(3)));
        assert_eq!(read(Some(b"}{"), &[]), Err(Unframed::Magic(b'}')));
        assert_eq!(read(Some(b"{}"), &[]), Err(Unframed::Foreign(Foreign::Json)));
        assert_eq!(
            read(Some(&[0, 0, 0, 0, 0, 0, 0, 0, 7, 1]), &[]),
            Err(Unframed::Foreign(Foreign::EightBytes(7)))
        );
        assert_eq!(read(Some(&[0, 0, 0, 0, 0, 1]), &[]), Err(Unframed::NoId(0)));
        assert_eq!(
            read(Some(&[0, 0xff, 0, 0, 0, 1]), &[]),
            Err(Unframed::NoId(0xff00_0000))
        );
        assert_eq!(
            read(Some(b"x"), &[("__value_schema_id", Some(b""))]),
            Err(Unframed::Header)
        );
        assert_eq!(
            read(Some(b"x"), &[("__value_schema_id", Some(b"\x00\x01"))]),
            Err(Unframed::Header)
        );
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_back(number in 1..=0x7fff_ffff_u32, datum: Vec<u8>) {
            let payload = framed(number, datum.clone());
            prop_assert_eq!(read(Some(&payload), &[]), id(number, 5));
            prop_assert_eq!(&payload[5..], &datum[..]);
        }
    }
}
