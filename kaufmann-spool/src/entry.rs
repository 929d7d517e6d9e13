//! An entry: one message, with everything its delivery needs.

use thiserror::Error;

/// The version of an entry's encoding. A reader refuses versions that it does not know.
const VERSION: u8 = 1;
/// The length that marks an absent value.
const NONE: u32 = u32::MAX;

/// One message.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Entry {
    /// The topic it goes to.
    pub topic: String,
    /// Its partition, if already chosen.
    pub partition: Option<i32>,
    /// Its key. Entries of one topic and key keep their order.
    pub key: Option<Vec<u8>>,
    /// Its headers, in order; a name may occur more than once.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Its payload; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Its timestamp in milliseconds since 1970, if already fixed.
    pub timestamp: Option<i64>,
}

/// Why bytes cannot be decoded as an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum EntryError {
    /// It was written by a later version of this crate.
    #[error("the entry has version {0}, which this program does not know")]
    Version(u8),
    /// It ends too early, is followed by more bytes, or has an impossible length.
    #[error("the lengths in the entry do not match its bytes")]
    Length,
    /// A topic or a header's name is not UTF-8.
    #[error("a name in the entry is not UTF-8")]
    Name,
}

/// What can be written to a log.
pub trait Encode {
    /// How many bytes [`Encode::encode`] appends.
    #[must_use]
    fn encoded_len(&self) -> usize;

    /// Appends its bytes.
    fn encode(&self, to: &mut Vec<u8>);
}

/// Bytes that are encoded already.
impl Encode for [u8] {
    fn encoded_len(&self) -> usize {
        self.len()
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self);
    }
}

/// What can be read from a log.
pub trait Decode: Encode + Sized {
    /// Decodes what [`Encode::encode`] has written. Never reserves more than the bytes could hold.
    ///
    /// # Errors
    ///
    /// If the bytes are not exactly one value of this type.
    fn decode(bytes: &[u8]) -> Result<Self, EntryError>;
}

impl Encode for Entry {
    fn encoded_len(&self) -> usize {
        let optional = |bytes: &Option<Vec<u8>>| 4 + bytes.as_ref().map_or(0, Vec::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| 4 + name.len() + optional(value))
            .sum();
        let fixed = 1 + 4 + 1 + 8 + 1;
        fixed + 4 + self.topic.len() + optional(&self.key) + optional(&self.payload) + 4 + headers
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.reserve(self.encoded_len());
        to.push(VERSION);
        to.push(u8::from(self.partition.is_some()));
        to.extend(self.partition.unwrap_or_default().to_le_bytes());
        to.push(u8::from(self.timestamp.is_some()));
        to.extend(self.timestamp.unwrap_or_default().to_le_bytes());
        put(to, Some(self.topic.as_bytes()));
        put(to, self.key.as_deref());
        put(to, self.payload.as_deref());
        to.extend(length(self.headers.len()).to_le_bytes());
        for (name, value) in &self.headers {
            put(to, Some(name.as_bytes()));
            put(to, value.as_deref());
        }
    }
}

impl Decode for Entry {
    fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut rest = bytes;
        let version = take::<1>(&mut rest)?[0];
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        let has_partition = flag(&mut rest)?;
        let partition = i32::from_le_bytes(take(&mut rest)?);
        let has_timestamp = flag(&mut rest)?;
        let timestamp = i64::from_le_bytes(take(&mut rest)?);
        let topic = name(&mut rest)?;
        let key = get(&mut rest)?.map(<[u8]>::to_vec);
        let payload = get(&mut rest)?.map(<[u8]>::to_vec);
        let count = u32::from_le_bytes(take(&mut rest)?) as usize;
        // A header takes eight bytes at least.
        if count > rest.len() / 8 {
            return Err(EntryError::Length);
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            headers.push((name(&mut rest)?, get(&mut rest)?.map(<[u8]>::to_vec)));
        }
        if !rest.is_empty() {
            return Err(EntryError::Length);
        }
        Ok(Self {
            topic,
            partition: has_partition.then_some(partition),
            key,
            headers,
            payload,
            timestamp: has_timestamp.then_some(timestamp),
        })
    }
}

/// Entries are limited to far smaller sizes, so this never saturates.
fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(NONE - 1)
}

pub(crate) fn put(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    to.extend(bytes.map_or(NONE, |bytes| length(bytes.len())).to_le_bytes());
    to.extend(bytes.unwrap_or_default());
}

pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EntryError> {
    let (taken, remaining) = rest.split_first_chunk::<N>().ok_or(EntryError::Length)?;
    *rest = remaining;
    Ok(*taken)
}

fn flag(rest: &mut &[u8]) -> Result<bool, EntryError> {
    match take::<1>(rest)?[0] {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(EntryError::Length),
    }
}

pub(crate) fn get<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, EntryError> {
    let len = u32::from_le_bytes(take(rest)?);
    if len == NONE {
        return Ok(None);
    }
    let (taken, remaining) = rest.split_at_checked(len as usize).ok_or(EntryError::Length)?;
    *rest = remaining;
    Ok(Some(taken))
}

pub(crate) fn name(rest: &mut &[u8]) -> Result<String, EntryError> {
    let bytes = get(rest)?.ok_or(EntryError::Length)?;
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| EntryError::Name)
}
