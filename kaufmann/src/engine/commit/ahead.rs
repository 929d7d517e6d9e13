//! The offsets settled ahead of the watermark, and their form in a commit's metadata.
//!
//! The metadata is `kaufmann/2:` and unpadded base64 of the topic's id and Avro longs: the committed offset, then for each range of
//! settled offsets its distance from the end of the one before and its length. The offset makes metadata invalid that was copied to
//! another offset; the id does so for a topic that was deleted and created again, which has other records at the same offsets.
//! `kaufmann/1:` has no id: for brokers that report none, and as earlier versions wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kaufmann_avro::{Cursor, encode};

use crate::assignment::{Assignment, TopicId};

const TIED: &str = "kaufmann/2:";
const UNTIED: &str = "kaufmann/1:";

/// Follows the ranges, or is alone, while the topic is not read because too many of its records could not be handled.
const HELD: &str = "kaufmann/held";

/// The default of the broker's `offset.metadata.max.bytes`.
const MAX_CHARACTERS: usize = 4096;
const MAX_BYTES: usize = (MAX_CHARACTERS - TIED.len()) / 4 * 3;

/// Ranges of offsets that are settled while an earlier one is not: ascending, with gaps between them, both ends included.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Ahead(Vec<(i64, i64)>);

impl Ahead {
    /// Returns what was settled ahead of the committed offset when this assignment began.
    pub(crate) fn of(assignment: &Assignment) -> Self {
        let resumed = assignment.resumed();
        resumed
            .map(|(offset, metadata)| Self::decode(metadata, assignment.topic_id(), offset))
            .unwrap_or_default()
    }

    /// Returns the metadata for a commit of `offset`; `None` if nothing is ahead of it. Ranges that do not fit are left out, the
    /// farthest first: their records are handled again.
    pub(crate) fn encode(
        topic: Option<TopicId>,
        offset: i64,
        ranges: impl IntoIterator<Item = (i64, i64)>,
    ) -> Option<String> {
        Self::encode_in(MAX_CHARACTERS, topic, offset, ranges)
    }

    /// [`encode`](Self::encode), in at most `characters`.
    pub(crate) fn encode_in(
        characters: usize,
        topic: Option<TopicId>,
        offset: i64,
        ranges: impl IntoIterator<Item = (i64, i64)>,
    ) -> Option<String> {
        let prefix = if topic.is_some() { TIED } else { UNTIED };
        let max_bytes = characters.saturating_sub(prefix.len()) / 4 * 3;
        let (bytes, ranges, _) = write_ranges(max_bytes, topic, offset, ranges);
        (ranges > 0).then(|| format!("{prefix}{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Returns the metadata with the mark of a held topic, or without it if it does not fit.
    pub(crate) fn marked_held(metadata: Option<String>) -> String {
        match metadata {
            None => HELD.to_owned(),
            Some(ahead) if ahead.len() + 1 + HELD.len() <= MAX_CHARACTERS => format!("{ahead} {HELD}"),
            Some(ahead) => ahead,
        }
    }

    /// Whether the metadata has the mark of a held topic.
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka", feature = "registry")),
        allow(dead_code, reason = "only `doctor` looks for it")
    )]
    pub(crate) fn is_marked_held(metadata: &str) -> bool {
        metadata.split(' ').any(|word| word == HELD)
    }

    /// Whether all ranges fit.
    pub(crate) fn fits(
        topic: Option<TopicId>,
        offset: i64,
        ranges: impl IntoIterator<Item = (i64, i64)>,
    ) -> bool {
        write_ranges(MAX_BYTES, topic, offset, ranges).2
    }

    /// How many ranges fit in any case, if all of them are within `span` offsets.
    ///
    /// A number below 2^20 takes three bytes at most, and each further byte costs at least another 2^20 offsets. A tenth of
    /// the bytes is kept for what a read finds after a gap.
    pub(crate) fn room(span: u64) -> usize {
        const OFFSET: usize = 10 + size_of::<TopicId>();
        let longer = usize::try_from(span >> 20).unwrap_or(usize::MAX);
        (MAX_BYTES - OFFSET - MAX_BYTES / 10).saturating_sub(longer) / 6
    }

    /// Reads the metadata of a topic's committed `offset`. Metadata of other programs, offsets or topics gives no ranges.
    pub(crate) fn decode(metadata: &str, topic: Option<TopicId>, offset: i64) -> Self {
        let bytes = |text| STANDARD_NO_PAD.decode(text).ok();
        let ahead = metadata.split(' ').next().unwrap_or_default();
        let known = match ahead.strip_prefix(TIED) {
            Some(text) => bytes(text).and_then(|bytes| {
                let (tied_to, rest) = bytes.split_first_chunk()?;
                (Some(*tied_to) == topic).then(|| read_ranges(rest, offset))?
            }),
            None => ahead
                .strip_prefix(UNTIED)
                .and_then(bytes)
                .and_then(|bytes| read_ranges(&bytes, offset)),
        };
        known
            .map(|ranges| Self(joined(ranges.into_iter()).collect()))
            .unwrap_or_default()
    }

    /// Whether the topic's id is needed to read the metadata.
    #[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "only brokers report ids"))]
    pub(crate) fn is_tied(metadata: &str) -> bool {
        metadata.starts_with(TIED)
    }

    /// The ranges.
    pub(crate) fn ranges(&self) -> &[(i64, i64)] {
        &self.0
    }
}

/// Joins adjoining ranges of an ascending sequence: a commit of the offset between two such ranges would have a range that begins at
/// that offset, which is invalid.
pub(super) fn joined(ranges: impl Iterator<Item = (i64, i64)>) -> impl Iterator<Item = (i64, i64)> {
    let mut ranges = ranges.peekable();
    std::iter::from_fn(move || {
        let (from, mut to) = ranges.next()?;
        while let Some((_, end)) = ranges.next_if(|(next, _)| *next <= to + 1) {
            to = end;
        }
        Some((from, to))
    })
}

/// Returns id, offset and as many ranges as fit in `max_bytes`; how many these are; and whether these are all.
fn write_ranges(
    max_bytes: usize,
    topic: Option<TopicId>,
    offset: i64,
    ranges: impl IntoIterator<Item = (i64, i64)>,
) -> (Vec<u8>, usize, bool) {
    let mut bytes = topic.map_or_else(Vec::new, Vec::from);
    encode::long(&mut bytes, offset);
    let (mut count, mut whole, mut end) = (0, bytes.len(), offset);
    for (from, to) in ranges {
        encode::long(&mut bytes, from - end);
        encode::long(&mut bytes, to - from);
        if bytes.len() > max_bytes {
            bytes.truncate(whole);
            return (bytes, count, false);
        }
        (count, whole, end) = (count + 1, bytes.len(), to);
    }
    (bytes, count, true)
}

fn read_ranges(bytes: &[u8], offset: i64) -> Option<Vec<(i64, i64)>> {
    let mut cursor = Cursor::new(bytes);
    if cursor.long().ok()? != offset {
        return None;
    }
    let (mut ranges, mut end) = (Vec::new(), offset);
    while cursor.remaining() > 0 {
        let (distance, length) = (cursor.long().ok()?, cursor.long().ok()?);
        if distance < 1 || length < 0 {
            return None;
        }
        let from = end.checked_add(distance)?;
        end = from.checked_add(length)?;
        // Each range must have an offset after it: the next one to read.
        end.checked_add(1)?;
        ranges.push((from, end));
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOPIC: Option<TopicId> = Some([7; 16]);

    #[test]
    fn the_mark_of_a_held_topic_follows_what_is_ahead() {
        let ahead = Ahead::encode(TOPIC, 5, [(7, 9)]);
        let marked = Ahead::marked_held(ahead.clone());
        assert_eq!(Ahead::decode(&marked, TOPIC, 5).ranges(), [(7, 9)]);
        assert!(Ahead::is_marked_held(&marked) && Ahead::is_marked_held(&Ahead::marked_held(None)));
        assert!(!Ahead::is_marked_held(&ahead.unwrap()) && !Ahead::is_marked_held("held"));
        let full = "x".repeat(MAX_CHARACTERS);
        assert_eq!(Ahead::marked_held(Some(full.clone())), full);
    }

    fn ascending() -> impl Strategy<Value = (i64, Vec<(i64, i64)>)> {
        let steps = prop::collection::vec((2..1000_i64, 0..5000_i64), 0..3000);
        (0..1_i64 << 40, steps).prop_map(|(offset, steps)| {
            let mut end = offset - 1;
            let ranges = steps.into_iter().map(|(distance, length)| {
                let from = end + distance;
                end = from + length;
                (from, end)
            });
            (offset, ranges.collect())
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_beginning_of_what_was_written((offset, ranges) in ascending()) {
            let Some(metadata) = Ahead::encode(TOPIC, offset, ranges.iter().copied()) else {
                prop_assert!(ranges.is_empty());
                return Ok(());
            };
            prop_assert!(metadata.len() <= MAX_CHARACTERS);
            let read = Ahead::decode(&metadata, TOPIC, offset);
            prop_assert!(ranges.starts_with(read.ranges()));
            prop_assert!(read.ranges().len() == ranges.len() || metadata.len() > MAX_CHARACTERS - 20);
        }

        /// Ranges of any shape within a span, as many as `room` allows.
        #[test]
        fn as_many_ranges_as_there_is_room_for_fit(
            offset in 0..i64::MAX / 4, bits in 0..34_u32, cuts in prop::collection::vec(any::<u64>(), 0..1100),
        ) {
            let span = 1_u64 << bits;
            let mut cuts: Vec<i64> = cuts.into_iter().map(|cut| (cut % span) as i64).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let ranges: Vec<_> = cuts.chunks_exact(2).map(|pair| (offset + pair[0] + 1, offset + pair[1])).collect();
            let room = Ahead::room(span);
            prop_assert!(Ahead::fits(TOPIC, offset, ranges.iter().copied().take(room)));
            prop_assert!(room > 400 || bits > 28);
        }

        #[test]
        fn metadata_of_another_offset_gives_no_ranges((offset, ranges) in ascending(), other in any::<i64>()) {
            prop_assume!(other != offset);
            if let Some(metadata) = Ahead::encode(TOPIC, offset, ranges) {
                prop_assert_eq!(Ahead::decode(&metadata, TOPIC, other), Ahead::default());
            }
        }

        #[test]
        fn any_metadata_gives_ranges_after_the_offset_or_none(
            bytes in prop::collection::vec(any::<u8>(), 0..60), offset in any::<i64>()
        ) {
            let mut own = Vec::new();
            encode::long(&mut own, offset);
            own.extend(bytes);
            let read = Ahead::decode(&format!("{UNTIED}{}", STANDARD_NO_PAD.encode(own)), None, offset);
            let mut end = offset;
            for (from, to) in read.ranges() {
                prop_assert!(end < *from && from <= to && *to < i64::MAX);
                end = *to;
            }
        }
    }

    #[test]
    fn what_was_settled_of_a_topic_is_ignored_after_it_was_deleted_and_created_again() {
        let metadata = Ahead::encode(TOPIC, 10, [(12, 13)]).expect("a range");
        assert_eq!(Ahead::decode(&metadata, TOPIC, 10).ranges(), [(12, 13)]);
        for other in [Some([8; 16]), None] {
            assert_eq!(Ahead::decode(&metadata, other, 10), Ahead::default());
        }
    }

    #[test]
    fn what_was_written_without_a_topics_id_is_read_whatever_the_id_is() {
        let metadata = Ahead::encode(None, 10, [(12, 13)]).expect("a range");
        for topic in [TOPIC, None] {
            assert_eq!(Ahead::decode(&metadata, topic, 10).ranges(), [(12, 13)]);
        }
    }

    #[test]
    fn a_broker_that_takes_less_gets_the_nearest_ranges_or_none() {
        let ranges = || (0..500).map(|number| (10 + number * 3, 11 + number * 3));
        for characters in [0, 20, 100, 1000] {
            let metadata = Ahead::encode_in(characters, TOPIC, 5, ranges()).unwrap_or_default();
            assert!(metadata.len() <= characters, "{}", metadata.len());
            let read = Ahead::decode(&metadata, TOPIC, 5);
            assert!(ranges().collect::<Vec<_>>().starts_with(read.ranges()));
            assert_eq!(read.ranges().is_empty(), characters < 100);
        }
    }

    #[test]
    fn ranges_that_adjoin_are_one() {
        let metadata = Ahead::encode(TOPIC, 10, [(12, 13), (14, 20), (22, 22)]).expect("ranges");
        assert_eq!(Ahead::decode(&metadata, TOPIC, 10).ranges(), [(12, 20), (22, 22)]);
    }

    #[test]
    fn a_range_with_no_offset_after_it_is_ignored() {
        let metadata = Ahead::encode(TOPIC, 10, [(12, i64::MAX)]).expect("a range");
        assert_eq!(Ahead::decode(&metadata, TOPIC, 10), Ahead::default());
    }

    #[test]
    fn foreign_metadata_gives_no_ranges() {
        for foreign in [
            "",
            "bla",
            "kaufmann/3:AAAA",
            "kaufmann/2:",
            "kaufmann/2:AAAA",
            "kaufmann/1:",
            "kaufmann/1:!",
            "kaufmann/1:gA",
        ] {
            assert_eq!(Ahead::decode(foreign, TOPIC, 0), Ahead::default(), "{foreign}");
        }
    }
}
