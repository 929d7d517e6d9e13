//! A message to be sent to a broker: topic, key, payload and headers.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::{Headers, encode_header, encode_header_with};

/// A message for Kafka.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The topic.
    pub topic: Arc<str>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// Which partition it goes to.
    pub placement: Placement,
    /// The payload with its frame; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// The headers.
    pub headers: MessageHeaders,
}

/// What orders a message: topic, partition if the key does not choose it, and key.
pub(crate) type LaneOf<'a> = (&'a Arc<str>, Option<i32>, Option<&'a [u8]>);

impl Message {
    /// What orders it: its key, in the chosen partition if there is one. Messages that go to partitions in turn are not ordered, nor
    /// are those without a key, unless their partition was chosen.
    pub(crate) fn lane(&self) -> Option<LaneOf<'_>> {
        match (self.placement, &self.key) {
            (Placement::Turn(_), _) | (Placement::Key, None) => None,
            (placement, key) => Some((&self.topic, placement.partition(), key.as_deref())),
        }
    }
}

/// Which partition of its topic a message goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Placement {
    /// The key's partition; without a key, any. On Kafka a key goes to the same partition as from Java's clients.
    #[default]
    Key,
    /// This one, because it is its turn. Such messages are not ordered: one that was refused is sent again as [`Placement::Key`].
    Turn(i32),
    /// This one and no other.
    Chosen(i32),
}

impl Placement {
    /// The partition, if the key does not choose it.
    #[must_use]
    pub fn partition(self) -> Option<i32> {
        match self {
            Self::Key => None,
            Self::Turn(partition) | Self::Chosen(partition) => Some(partition),
        }
    }

    /// Where a refused message is sent next.
    pub(crate) fn after_refusal(self) -> Self {
        match self {
            Self::Turn(_) => Self::Key,
            other => other,
        }
    }
}

/// The headers of a message, in one buffer.
#[derive(Clone, PartialEq, Default)]
pub struct MessageHeaders {
    bytes: Vec<u8>,
    count: usize,
}

impl MessageHeaders {
    /// Room for `bytes` bytes of names and values.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            count: 0,
        }
    }

    /// Appends a header; `None` is Kafka's `null`.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        encode_header(&mut self.bytes, name, value);
        self.count += 1;
    }

    /// Appends all of these.
    pub(crate) fn append(&mut self, others: &Self) {
        self.bytes.extend_from_slice(&others.bytes);
        self.count += others.count;
    }

    /// Appends a header whose value is this text; returns where the value is.
    pub(crate) fn push_text(&mut self, name: &str, text: &impl std::fmt::Display) -> Range<usize> {
        // Writing to a buffer cannot fail.
        self.push_with(name, |value| _ = write!(value, "{text}"))
    }

    /// Appends a header whose value is what `write` appends to the buffer; returns where the value is.
    pub(crate) fn push_with(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        self.count += 1;
        encode_header_with(&mut self.bytes, name, write)
    }

    /// Appends a header with a copy of another header's value.
    pub(crate) fn push_copy(&mut self, name: &str, value: Range<usize>) {
        self.push_with(name, |bytes| bytes.extend_from_within(value));
    }

    /// The headers in their order.
    #[must_use]
    pub fn iter(&self) -> Headers<'_> {
        Headers::new(&self.bytes)
    }

    /// The number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value of the last header with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .filter(|(candidate, _)| *candidate == name)
            .last()
            .and_then(|(_, value)| value)
    }
}

impl<'a> IntoIterator for &'a MessageHeaders {
    type Item = (&'a str, Option<&'a [u8]>);
    type IntoIter = Headers<'a>;

    fn into_iter(self) -> Headers<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for MessageHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name, value.map(String::from_utf8_lossy))),
            )
            .finish()
    }
}
