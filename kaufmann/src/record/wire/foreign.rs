//! Recognises payloads in other framings and formats, where that is certain. Pure.

use std::fmt;

use crate::record::Record;
use crate::record::names::{APICURIO_CONTENT_HASH, APICURIO_CONTENT_ID, APICURIO_GLOBAL_ID, CONTENT_TYPE};

/// A framing or format other than Confluent's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Foreign {
    /// `0x00`, an id of eight bytes, and the datum.
    EightBytes(u32),
    /// A bare datum; the header with this name has the id.
    ApicurioHeader(&'static str),
    /// A bare datum; the header `content-type` has the id.
    AzureHeader,
    /// `0x03`, a byte for the compression, a UUID, and the datum.
    Glue {
        compressed: bool,
    },
    SingleObject,
    ObjectContainer,
    Json,
    Xml,
    Gzip,
    Zstandard,
}

/// The headers in which Apicurio's serdes name a schema, if they are configured to.
const APICURIO: [&str; 3] = [APICURIO_GLOBAL_ID, APICURIO_CONTENT_ID, APICURIO_CONTENT_HASH];

/// How many bytes are parsed to see whether they are JSON.
const MAX_JSON: usize = 64 << 10;

/// What a record's payload is, if it is certainly not Confluent's frame.
#[cold]
pub(crate) fn foreign(record: &Record) -> Option<Foreign> {
    let payload = record.payload()?;
    let has = |name: &&&str| record.header(name).is_some();
    if let Some(name) = APICURIO.iter().find(has) {
        return Some(Foreign::ApicurioHeader(name));
    }
    let content_type = record.header(CONTENT_TYPE).unwrap_or_default();
    if content_type.starts_with(b"avro/binary+") {
        return Some(Foreign::AzureHeader);
    }
    by_bytes(payload)
}

fn by_bytes(payload: &[u8]) -> Option<Foreign> {
    match payload {
        // An id of eight bytes that is small enough to be one: its first four bytes, 0, are not a valid id of four bytes.
        [0, 0, 0, 0, 0, 0, b, c, d, ..] if [b, c, d] != [&0; 3] => {
            Some(Foreign::EightBytes(u32::from_be_bytes([0, *b, *c, *d])))
        }
        // The marker and the fingerprint of the schema.
        [0xc3, 0x01, rest @ ..] if rest.len() >= 8 => Some(Foreign::SingleObject),
        [b'O', b'b', b'j', 1, ..] => Some(Foreign::ObjectContainer),
        // Only the UUID's version, 4, tells it apart.
        [3, compression @ (0 | 5), uuid @ ..]
            if uuid.len() >= 16 && uuid[6] >> 4 == 4 && uuid[8] >> 6 == 2 =>
        {
            Some(Foreign::Glue {
                compressed: *compression == 5,
            })
        }
        [0x1f, 0x8b, 0x08, ..] => Some(Foreign::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Foreign::Zstandard),
        text if text.starts_with(b"<?xml") => Some(Foreign::Xml),
        text if is_json(text) => Some(Foreign::Json),
        _ => None,
    }
}

fn is_json(text: &[u8]) -> bool {
    let trimmed = text.trim_ascii_start();
    let begins = matches!(trimmed, [b'{' | b'[', ..]);
    if text.len() > MAX_JSON {
        // An Avro datum may begin with a brace, but hardly with a brace soon followed by a quote and a colon.
        let head = &trimmed[..trimmed.len().min(256)];
        return begins && head.contains(&b'"') && head.is_ascii() && head.contains(&b':');
    }
    begins && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EightBytes(id) => write!(
                f,
                "the payload begins with 0x00 and an id of 8 bytes ({id}), as Apicurio's serdes write it; expected an id of 4 bytes: \
                 let the producer set `apicurio.registry.id-handler` to `Legacy4ByteIdHandler` (2.x) or `Default4ByteIdHandler` \
                 (3.x), and `apicurio.registry.use-id` to `contentId`"
            ),
            Self::ApicurioHeader(name) => write!(
                f,
                "the record names its schema in Apicurio's header `{name}`, and the payload is a bare datum; expected 0x00 and an \
                 id of 4 bytes before it: let the producer set `apicurio.registry.headers.enabled` to `false`, and write ids of 4 \
                 bytes"
            ),
            Self::AzureHeader => f.write_str(
                "the record names its schema in the header `content-type` (`avro/binary+…`), as Azure's serializers do, and the \
                 payload is a bare datum; expected 0x00 and an id of 4 bytes before it",
            ),
            Self::Glue { compressed } => write!(
                f,
                "the payload is framed as AWS Glue's serializers do it: 0x03, the schema version's UUID and a datum{}; expected \
                 0x00 and an id of 4 bytes, as serializers for Confluent's registry write it",
                if *compressed { " that is compressed" } else { "" }
            ),
            Self::SingleObject => f.write_str(
                "the payload is Avro's single-object encoding: 0xc301, a fingerprint and a datum; expected 0x00 and a registry's id \
                 of 4 bytes",
            ),
            Self::ObjectContainer => f.write_str(
                "the payload is an Avro object container file with its schema inside; expected 0x00, a registry's id of 4 bytes and \
                 one datum",
            ),
            Self::Json => f.write_str("the payload is JSON; expected 0x00, a registry's id of 4 bytes and an Avro datum"),
            Self::Xml => f.write_str("the payload is XML; expected 0x00, a registry's id of 4 bytes and an Avro datum"),
            Self::Gzip | Self::Zstandard => write!(
                f,
                "the payload is compressed by its producer ({}); expected 0x00, a registry's id of 4 bytes and an Avro datum: let \
                 Kafka compress the batches instead (`compression.type`)",
                if *self == Self::Gzip { "gzip" } else { "zstd" }
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RawRecord;

    const UUID: [u8; 16] = [1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16];

    fn of(payload: &[u8], headers: &[(&str, Option<&[u8]>)]) -> Option<Foreign> {
        foreign(&Record::of(&RawRecord {
            offset: 0,
            timestamp: None,
            key: None,
            payload: Some(payload),
            headers,
        }))
    }

    #[test]
    fn a_framing_of_others_is_recognised_where_it_is_certain() {
        let glue = |compression: u8| [&[3, compression][..], &UUID, b"datum"].concat();
        for (payload, expected) in [
            (
                &[0, 0, 0, 0, 0, 0, 0, 0, 7, 2, 9][..],
                Some(Foreign::EightBytes(7)),
            ),
            (&[0, 0, 0, 0, 0, 0, 1, 0, 0], Some(Foreign::EightBytes(1 << 16))),
            (&[0, 0, 0, 0, 0, 0x0e, b'a', b'b', b'c'], None),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0, 0, 0, 0, 7, 2], None),
            (&[0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8], Some(Foreign::SingleObject)),
            (&[0xc3, 1, 1], None),
            (b"Obj\x01\x02", Some(Foreign::ObjectContainer)),
            (&glue(0), Some(Foreign::Glue { compressed: false })),
            (&glue(5), Some(Foreign::Glue { compressed: true })),
            (&glue(1), None),
            (&[3, 0, 0, 0, 5, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], None),
            (b" {\"a\": [1, 2]}", Some(Foreign::Json)),
            (b"[]", Some(Foreign::Json)),
            (b"{ no json", None),
            (b"<?xml version=\"1.0\"?>", Some(Foreign::Xml)),
            (b"\x1f\x8b\x08\x00", Some(Foreign::Gzip)),
            (b"\x28\xb5\x2f\xfd\x00", Some(Foreign::Zstandard)),
            (b"7", None),
            (b"", None),
        ] {
            assert_eq!(of(payload, &[]), expected, "{payload:?}");
        }
        let large = format!("{{\"a\": \"{}", "x".repeat(MAX_JSON));
        assert_eq!(of(large.as_bytes(), &[]), Some(Foreign::Json));
    }

    #[test]
    fn a_foreign_header_tells_whose_the_bare_datum_is() {
        let datum = &[0x1e, 2, 3][..];
        assert_eq!(
            of(
                datum,
                &[("apicurio.value.globalId", Some(&[0, 0, 0, 0, 0, 0, 0, 7]))]
            ),
            Some(Foreign::ApicurioHeader("apicurio.value.globalId"))
        );
        assert_eq!(
            of(datum, &[("content-type", Some(b"avro/binary+9b1c"))]),
            Some(Foreign::AzureHeader)
        );
        assert_eq!(of(datum, &[("content-type", Some(b"application/json"))]), None);
        assert_eq!(of(datum, &[("apicurio.key.globalId", Some(b"7"))]), None);
    }

    #[test]
    fn the_text_of_a_foreign_framing_says_what_was_expected() {
        for payload in [
            &[0, 0, 0, 0, 0, 0, 0, 0, 7][..],
            b"{}",
            b"Obj\x01",
            b"<?xml",
            b"\x1f\x8b\x08",
        ] {
            let text = of(payload, &[]).unwrap().to_string();
            assert!(text.contains("; expected ") && !text.contains("  "), "{text}");
        }
    }
}
