//! Reads a commit's metadata with knowledge of its format only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kaufmann_avro::Cursor;

/// Ranges of offsets, both ends included.
pub(crate) type Ranges = Vec<(i64, i64)>;

/// The ranges of offsets that are settled above a committed one.
pub(crate) fn ranges(metadata: Option<&str>) -> Ranges {
    let Some(text) = metadata.and_then(|text| text.strip_prefix("kaufmann/2:")) else {
        return Ranges::new();
    };
    let bytes = STANDARD_NO_PAD.decode(text).unwrap();
    // Before that, the id of the topic.
    let mut cursor = Cursor::new(&bytes[16..]);
    let mut end = cursor.long().unwrap();
    let mut ranges = Ranges::new();
    while cursor.remaining() > 0 {
        let from = end + cursor.long().unwrap();
        end = from + cursor.long().unwrap();
        ranges.push((from, end));
    }
    ranges
}

/// Whether an offset lies in one of them.
pub(crate) fn contain(ranges: &[(i64, i64)], offset: i64) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&offset))
}
