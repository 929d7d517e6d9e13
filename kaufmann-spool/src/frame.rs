//! The bytes of a segment: a mark, then batches of frames. Pure.
//!
//! ```text
//! segment   "kspool\0" version        8 bytes
//! batch     "kspb"  frames' bytes  frames' count  first number  stored at  CRC32C of these      36 bytes, at a multiple of 8
//! frame     length  CRC32C of number and entry  entry                                           8 bytes, then `length`
//! ```
//!
//! All integers are little-endian. A checksum covers the segment's salt and the number of its batch or entry, so that neither an
//! entry from elsewhere nor a payload that contains a copy of a segment is read as an entry. A batch is written only after the one
//! before it is on the disk: if a whole batch follows damaged bytes, these were stored once.

use std::ops::Range;

use crate::entry::{Decode, Encode};

/// The first bytes of a segment. The last one is the version of everything that follows.
pub const MARK: [u8; 8] = *b"kspool\0\x01";
/// The bytes of a batch's header.
pub const HEADER: usize = 36;
/// The bytes before each entry.
pub const PREFIX: usize = 8;
/// Batches begin at multiples of this.
pub const ALIGN: u64 = 8;

const MAGIC: [u8; 4] = *b"kspb";

/// The header of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The bytes of its frames.
    pub len: u32,
    /// How many entries it has.
    pub count: u32,
    /// The number of its first entry.
    pub first: u64,
    /// When it was stored, in milliseconds since 1970.
    pub at: u64,
}

impl Header {
    /// Encodes it for the segment with this salt.
    #[must_use]
    pub fn encode(&self, salt: u32) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.at.to_le_bytes());
        let crc = crc32c::crc32c_append(salt, &bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Decodes a header; `None` if the bytes are not a header in a segment with this salt.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u32) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER>()?;
        let u32_at = |at: usize| bytes[at..].first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
        let u64_at = |at: usize| bytes[at..].first_chunk().map(|chunk| u64::from_le_bytes(*chunk));
        if bytes[..4] != MAGIC || u32_at(32)? != crc32c::crc32c_append(salt, &bytes[..32]) {
            return None;
        }
        let header = Self {
            len: u32_at(4)?,
            count: u32_at(8)?,
            first: u64_at(12)?,
            at: u64_at(20)?,
        };
        header.is_possible().then_some(header)
    }

    /// Whether this many frames fit into this many bytes, and their numbers into a `u64`.
    fn is_possible(&self) -> bool {
        self.count > 0
            && u64::from(self.count) * PREFIX as u64 <= u64::from(self.len)
            && self.first.checked_add(u64::from(self.count)).is_some()
    }
}

/// Collects entries for one write.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    salt: u32,
    first: u64,
    count: u32,
}

impl Batch {
    /// Begins a batch whose first entry has this number, and reuses the buffer.
    pub fn begin(&mut self, salt: u32, first: u64) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
        self.salt = salt;
        self.first = first;
        self.count = 0;
    }

    /// Adds an entry.
    pub fn push<T: Encode + ?Sized>(&mut self, entry: &T) {
        let number = self.first + u64::from(self.count);
        let from = self.bytes.len();
        self.bytes.extend([0; PREFIX]);
        entry.encode(&mut self.bytes);
        let (prefix, entry) = self.bytes[from..].split_at_mut(PREFIX);
        let len = u32::try_from(entry.len()).unwrap_or(u32::MAX);
        prefix[..4].copy_from_slice(&len.to_le_bytes());
        prefix[4..].copy_from_slice(&checksum(self.salt, number, entry).to_le_bytes());
        self.count += 1;
    }

    /// How many entries it has.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Its bytes so far.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the whole batch, padded to the beginning of the next one.
    pub fn finish(&mut self, at: u64) -> &[u8] {
        let header = Header {
            len: u32::try_from(self.bytes.len() - HEADER).unwrap_or(u32::MAX),
            count: self.count,
            first: self.first,
            at,
        };
        self.bytes[..HEADER].copy_from_slice(&header.encode(self.salt));
        let padded = self.bytes.len().next_multiple_of(ALIGN as usize);
        self.bytes.resize(padded, 0);
        &self.bytes
    }
}

fn checksum(salt: u32, number: u64, entry: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(salt, &number.to_le_bytes()), entry)
}

/// The content of one frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame<T> {
    /// An entry.
    Whole(T),
    /// Damaged bytes, as a range in the batch's frames.
    Damaged {
        /// Where they begin.
        from: usize,
        /// Where they end.
        to: usize,
    },
}

/// Reads the frames of a batch. Unreadable entries are [`Frame::Damaged`]; after an impossible length, so are all that follow. Always
/// yields `header.count` frames, each with its number.
pub fn frames<T: Decode>(header: Header, salt: u32, bytes: &[u8]) -> impl Iterator<Item = (u64, Frame<T>)> {
    raw(header, salt, bytes).map(|(number, range, entry)| {
        let entry = entry.and_then(|entry| T::decode(entry).ok());
        let Range { start: from, end: to } = range;
        (number, entry.map_or(Frame::Damaged { from, to }, Frame::Whole))
    })
}

/// The encoded entries of a batch before the first that is damaged.
pub(crate) fn whole(header: Header, salt: u32, bytes: &[u8]) -> Vec<Vec<u8>> {
    raw(header, salt, bytes)
        .map_while(|(.., entry)| entry.map(<[u8]>::to_vec))
        .collect()
}

/// Each frame's number and bytes, and its entry if the checksum is right.
fn raw(header: Header, salt: u32, bytes: &[u8]) -> impl Iterator<Item = (u64, Range<usize>, Option<&[u8]>)> {
    let mut at = 0;
    let numbers = header.first..header.first + u64::from(header.count);
    numbers.map(move |number| {
        let from = at;
        let Some((crc, entry)) = bytes.get(from..).and_then(split) else {
            // Where the next one begins is unknown.
            at = bytes.len();
            return (number, from..at, None);
        };
        at = from + PREFIX + entry.len();
        (
            number,
            from..at,
            (crc == checksum(salt, number, entry)).then_some(entry),
        )
    })
}

/// A frame's checksum, and the bytes of its entry.
fn split(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let entry = rest.get(..u32::from_le_bytes(*len) as usize)?;
    Some((u32::from_le_bytes(*crc), entry))
}
