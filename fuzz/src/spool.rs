//! A segment of the spool is read as what was written, or named as damaged.

use std::ops::Range;
use std::sync::Arc;

use kaufmann_spool::files::Files;
use kaufmann_spool::files::model::Model;
use kaufmann_spool::frame::{Batch, MARK};
use kaufmann_spool::{Cursor, Decode, Encode, Entry, Log, Read};

const NAME: &str = "00000000000000000000-0000000000-00c0ffee.spool";
const SALT: u32 = 0x00c0_ffee;
const ENTRIES: u64 = 12;

/// The first byte chooses: the rest is a segment, or edits of a right one.
pub fn spool(input: &[u8]) {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    if kind.is_multiple_of(2) {
        let read = read_all(rest);
        assert_eq!(read, read_all(rest), "the same bytes are the same entries");
        return;
    }
    let mut bytes = segment();
    for edit in rest.chunks_exact(4).take(64) {
        apply(&mut bytes, edit);
    }
    let read = read_all(&bytes);
    for (number, entry) in read.entries.iter().chain(&read.unconfirmed) {
        assert_eq!(entry, &original(*number), "entry {number}");
    }
}

#[derive(PartialEq, Debug)]
struct Whole {
    entries: Vec<(u64, Entry)>,
    unconfirmed: Vec<(u64, Entry)>,
    lost: Vec<Range<u64>>,
}

fn read_all(bytes: &[u8]) -> Whole {
    let model = Model::new(0);
    model.create(NAME, 0).expect("an empty folder");
    model.damage(NAME, |file| *file = bytes.to_vec());
    let mut whole = Whole {
        entries: Vec::new(),
        unconfirmed: Vec::new(),
        lost: Vec::new(),
    };
    // A later version is the only reason not to open it.
    let Ok((log, opened)) = Log::open(Arc::new(model)) else {
        assert!(bytes.get(7).is_some_and(|version| *version > MARK[7]));
        return whole;
    };
    for (number, bytes) in (log.next()..).zip(&opened.unconfirmed) {
        let Ok(entry) = Entry::decode(bytes) else { continue };
        let mut again = Vec::new();
        entry.encode(&mut again);
        assert_eq!(&again, bytes, "an entry has one form");
        whole.unconfirmed.push((number, entry));
    }
    let mut cursor: Cursor = log.cursor(0);
    let mut next = 0;
    while let Some(read) = cursor.read().expect("the disk works") {
        let numbers = match read {
            Read::Entry { number, entry, .. } => {
                whole.entries.push((number, entry));
                number..number + 1
            }
            Read::Lost(damage) => {
                whole.lost.push(damage.lost.clone());
                damage.lost
            }
        };
        assert_eq!(numbers.start, next, "each number is read, or lost, once");
        next = numbers.end;
    }
    assert_eq!(next, log.next());
    whole
}

/// A right segment: batches of one, two, and more entries.
fn segment() -> Vec<u8> {
    let mut bytes = MARK.to_vec();
    let mut batch = Batch::default();
    for numbers in [0..1, 1..3, 3..7, 7..ENTRIES] {
        batch.begin(SALT, numbers.start);
        for number in numbers {
            batch.push(&original(number));
        }
        bytes.extend(batch.finish(7));
    }
    bytes.resize(bytes.len() + 256, 0);
    bytes
}

fn original(number: u64) -> Entry {
    let odd = !number.is_multiple_of(2);
    Entry {
        topic: format!("t{}", number % 3),
        partition: odd.then_some(7),
        key: odd.then(|| number.to_le_bytes().to_vec()),
        headers: (0..number % 3)
            .map(|header| (format!("h{header}"), None))
            .collect(),
        // A payload that looks like a segment of its own.
        payload: Some([&MARK[..], b"kspb", &number.to_le_bytes()].concat()),
        timestamp: odd.then_some(9),
    }
}

/// What happens to bytes on a disk: one changes, some are zeroed, a part is copied, the end is cut.
fn apply(bytes: &mut Vec<u8>, edit: &[u8]) {
    let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % bytes.len().max(1);
    let value = edit[3];
    let end = (at + usize::from(value)).min(bytes.len());
    match edit[0] % 4 {
        _ if bytes.is_empty() => {}
        0 => bytes[at] ^= value,
        1 => bytes[at..end].fill(0),
        2 => bytes.copy_within(at..end, at.saturating_sub(usize::from(value) / 2 * 8)),
        _ => bytes.truncate(end.max(at)),
    }
}
