//! Eight months in a few seconds: entries come and go on a clock that only the test moves, until segments have been replaced many
//! times, numbers have passed the bounds of 32 bits and of 63, and the process has ended and begun again all the while.
//!
//! `KAUFMANN_SPOOL_ENTRIES=100000000` is the long form, with `--release`.

use std::sync::Arc;

use fastrand::Rng;
use kaufmann_spool::files::Files;
use kaufmann_spool::files::model::Model;
use kaufmann_spool::position::Position;
use kaufmann_spool::{Appender, Cursor, Decode, Encode, EntryError, Log, Options, Read};

/// The number of entries if `KAUFMANN_SPOOL_ENTRIES` is not set.
const ENTRIES: u64 = 400_000;
/// A day in milliseconds; eight months are 243 of them.
const DAY: u64 = 86_400_000;
const DAYS: u64 = 243;

/// An entry of eight bytes.
struct Small(u64);

impl Encode for Small {
    fn encoded_len(&self) -> usize {
        8
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self.0.to_le_bytes());
    }
}

impl Decode for Small {
    fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let bytes = bytes.try_into().map_err(|_| EntryError::Length)?;
        Ok(Self(u64::from_le_bytes(bytes)))
    }
}

fn entries() -> u64 {
    std::env::var("KAUFMANN_SPOOL_ENTRIES").map_or(ENTRIES, |text| text.parse().expect("a number"))
}

#[test]
fn after_eight_months_every_entry_came_once_and_in_order_and_the_folder_is_as_small_as_on_the_first_day() {
    // Where the numbers begin: an empty folder, and just below the bounds of what a mistake would take for a number.
    for first in [0, u64::from(u32::MAX) - 1_000, (1 << 63) - 1_000] {
        Months::new(first).go(entries() / 3);
    }
}

struct Months {
    dice: Rng,
    model: Model,
    log: Log,
    appender: Appender,
    position: Position,
    cursor: Cursor<Small>,
    /// The number of the entry that is appended next, and of the one that comes next.
    next: u64,
    due: u64,
    /// Segments that were removed.
    replaced: usize,
    most_bytes: u64,
}

impl Months {
    fn new(first: u64) -> Self {
        let model = Model::new(first);
        let (log, mut opened) = Log::open(Arc::new(model.clone())).expect("an empty folder");
        if first > 0 {
            // As if all below had been stored and delivered.
            opened.position = Position::delivered_below(first);
            log.save(&opened.position).expect("saved");
        }
        let (log, opened) = Log::open(Arc::new(model.clone())).expect("opens");
        assert_eq!(log.next(), first);
        Self {
            dice: Rng::with_seed(first),
            appender: log.appender(&options()),
            cursor: log.cursor(first),
            position: opened.position,
            model,
            log,
            next: first,
            due: first,
            replaced: 0,
            most_bytes: 0,
        }
    }

    fn go(mut self, entries: u64) {
        let end = self.next + entries;
        let mut time = 0;
        let step = DAYS * DAY / entries.max(1);
        while self.due < end {
            let count = self.dice.u64(1..4_000).min(end - self.next);
            if count > 0 {
                let batch: Vec<Small> = (self.next..self.next + count).map(Small).collect();
                time += count * step;
                let numbers = self.appender.append(batch.iter(), time).expect("the disk works");
                assert_eq!(numbers, self.next..self.next + count);
                self.next += count;
            }
            self.read();
            if self.dice.u32(0..3) == 0 {
                self.save();
            }
            if self.dice.u32(0..40) == 0 {
                self.reopen();
            }
        }
        assert_eq!(self.due, end);
        self.save();
        assert!(
            self.replaced as u64 > entries / 10_000,
            "{} segments",
            self.replaced
        );
        let waits = 8_000 * 16;
        let bound = 4 * options().segment_bytes + waits;
        assert!(self.most_bytes <= bound, "{} bytes of {bound}", self.most_bytes);
        assert!(self.model.list().expect("a folder").len() < 9);
    }

    /// Reads about as many as were appended, so that the backlog grows and shrinks.
    fn read(&mut self) {
        let most = self.dice.u64(0..4_000) + self.next.saturating_sub(self.due + 4_000);
        for _ in 0..most {
            match self.cursor.read().expect("the disk works") {
                None => break,
                Some(Read::Lost(damage)) => panic!("nothing was damaged: {damage}"),
                Some(Read::Entry { number, entry, .. }) => {
                    assert_eq!((number, entry.0), (self.due, self.due));
                    self.position.insert(number);
                    self.due += 1;
                }
            }
        }
    }

    fn save(&mut self) {
        self.position.set_stored_to(self.log.next());
        self.log.save(&self.position).expect("saved");
        self.replaced += self.log.trim(self.position.watermark()).expect("removed");
        self.most_bytes = self.most_bytes.max(self.log.size());
    }

    fn reopen(&mut self) {
        if self.dice.bool() {
            self.save();
        }
        self.model = if self.dice.bool() {
            self.model.kill()
        } else {
            self.model.cut_power()
        };
        let (log, opened) = Log::open(Arc::new(self.model.clone())).expect("opens");
        self.appender = log.appender(&options());
        if !opened.unconfirmed.is_empty() {
            let again = opened.unconfirmed.iter().map(|entry| &**entry);
            self.appender.append(again, 0).expect("the disk works");
        }
        assert_eq!(log.next(), self.next, "all that was stored is there");
        // What was delivered and not saved comes again.
        self.due = opened.position.watermark();
        self.cursor = log.cursor(self.due);
        self.position = opened.position;
        self.log = log;
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options
}
