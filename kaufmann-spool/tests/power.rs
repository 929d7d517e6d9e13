//! The log when the power is cut, the process dies, or calls fail, against a model of what must be there.
//!
//! A seed decides what happens: batches are appended, entries are read and delivered, positions are saved, segments are trimmed,
//! calls fail, and now and then the power goes or the process dies and the folder is opened again. `KAUFMANN_SPOOL_SEEDS=0..1000000`
//! tries others.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;

use fastrand::Rng;
use kaufmann_spool::files::model::Model;
use kaufmann_spool::position::Position;
use kaufmann_spool::{Appender, Cursor, Encode, Entry, Log, Options};

/// The seeds that run if `KAUFMANN_SPOOL_SEEDS` is not set.
const SEEDS: Range<u64> = 0..100_000;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("KAUFMANN_SPOOL_SEEDS") else {
        return SEEDS;
    };
    let (from, to) = text
        .split_once("..")
        .expect("KAUFMANN_SPOOL_SEEDS is a range such as 0..1000");
    from.parse().expect("a number")..to.parse().expect("a number")
}

#[test]
fn what_is_stored_is_there_after_any_power_cut_and_nothing_comes_twice_or_out_of_order() {
    let seeds = seeds();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let seeds = seeds.clone();
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % threads == thread) {
                    if let Err(broken) = Run::new(seed).go() {
                        panic!("KAUFMANN_SPOOL_SEEDS={seed}..{}: {broken}", seed + 1);
                    }
                }
            });
        }
    });
}

/// The result of appending an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    Stored,
    /// No promise was given.
    Open,
}

struct Run {
    dice: Rng,
    model: Model,
    log: Log,
    appender: Appender,
    /// By each entry's content; every one is different.
    fates: BTreeMap<u64, Fate>,
    /// What was read and delivered, by number.
    delivered: BTreeMap<u64, u64>,
    /// What was delivered and is noted on the disk.
    noted: BTreeMap<u64, u64>,
    position: Position,
    /// Every entry's content, by its number, once it was read.
    contents: BTreeMap<u64, u64>,
    next_content: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let model = Model::new(seed);
        let (log, opened) = Log::open(Arc::new(model.clone())).expect("an empty folder");
        Self {
            dice: Rng::with_seed(seed),
            appender: log.appender(&options()),
            model,
            log,
            fates: BTreeMap::new(),
            delivered: BTreeMap::new(),
            noted: BTreeMap::new(),
            position: opened.position,
            contents: BTreeMap::new(),
            next_content: 0,
        }
    }

    fn go(mut self) -> Result<(), String> {
        for _ in 0..self.dice.u32(1..25) {
            match self.dice.u32(0..10) {
                0..=3 => self.append(),
                4..=5 => self.read(3)?,
                6 => self.save(),
                7 => self.break_calls(),
                8 => self.reopen(true, false)?,
                _ => self.reopen(false, false)?,
            }
        }
        let cut = self.dice.bool();
        self.reopen(cut, true)?;
        self.read(usize::MAX)?;
        self.judge()
    }

    /// Appends a batch, with a few retries.
    fn append(&mut self) {
        let count = self.dice.u64(1..5);
        let contents: Vec<u64> = (self.next_content..self.next_content + count).collect();
        self.next_content += count;
        let entries: Vec<Vec<u8>> = contents.iter().map(|content| encoded(*content)).collect();
        for content in &contents {
            self.fates.insert(*content, Fate::Open);
        }
        for _ in 0..self.dice.u32(1..4) {
            if self
                .appender
                .append(entries.iter().map(|entry| &**entry), 7)
                .is_ok()
            {
                for content in &contents {
                    self.fates.insert(*content, Fate::Stored);
                }
                return;
            }
        }
    }

    /// Reads on from what is delivered, and delivers some of it, not always in order.
    fn read(&mut self, most: usize) -> Result<(), String> {
        let mut cursor: Cursor = self.log.cursor(self.watermark());
        let mut last = None;
        let mut read = 0;
        while read < most {
            let next = match cursor.read() {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(_) if most == usize::MAX => return Err("the disk works, and reading fails".to_owned()),
                Err(_) => break,
            };
            let (number, entry) = match next {
                kaufmann_spool::Read::Entry { number, entry, .. } => (number, entry),
                kaufmann_spool::Read::Lost(damage) => {
                    return Err(format!("nothing was damaged, and {damage}"));
                }
            };
            if last.is_some_and(|last| number <= last) {
                return Err(format!("number {number} comes after {last:?}"));
            }
            last = Some(number);
            let content = content(&entry);
            if *self.contents.entry(number).or_insert(content) != content {
                return Err(format!("number {number} is another entry than before"));
            }
            if !self.delivered.contains_key(&number) && (most == usize::MAX || self.dice.u32(0..3) > 0) {
                self.delivered.insert(number, content);
                self.position.insert(number);
            }
            read += 1;
        }
        Ok(())
    }

    fn watermark(&self) -> u64 {
        self.position.watermark()
    }

    fn save(&mut self) {
        self.position.set_stored_to(self.log.next());
        if self.log.save(&self.position).is_ok() {
            self.noted.clone_from(&self.delivered);
            // What cannot be removed is removed another time.
            let _ = self.log.trim(self.position.watermark());
        }
    }

    /// Lets some of the next calls fail, or all of them for a while.
    fn break_calls(&mut self) {
        let from = self.model.calls() + self.dice.u64(1..8);
        let to = from + if self.dice.bool() { 1 } else { self.dice.u64(1..12) };
        let kinds = [
            ErrorKind::StorageFull,
            ErrorKind::Other,
            ErrorKind::ReadOnlyFilesystem,
        ];
        let kind = self.dice.choice(kinds).unwrap_or(ErrorKind::Other);
        self.model.fail(Some(Box::new(move |_, number| {
            (from..to).contains(&number).then_some(kind)
        })));
    }

    /// Opens the folder again: after a power cut, or after the process has died.
    fn reopen(&mut self, power: bool, last: bool) -> Result<(), String> {
        self.model = if power {
            self.model.cut_power()
        } else {
            self.model.kill()
        };
        let (log, opened) =
            Log::open(Arc::new(self.model.clone())).map_err(|error| format!("not opened: {error}"))?;
        self.appender = log.appender(&options());
        self.log = log;
        self.position = opened.position;
        // Either these are stored again, or the next process finds the same.
        let again = opened.unconfirmed.iter().map(|entry| &**entry);
        if !opened.unconfirmed.is_empty() && (last || self.dice.bool()) {
            self.appender
                .append(again, 7)
                .map_err(|error| format!("the disk works, and appending fails: {error}"))?;
        } else if !opened.unconfirmed.is_empty() {
            if self.dice.bool() {
                self.break_calls();
                let _ = self.appender.append(again, 7);
            }
            let power = self.dice.bool();
            return self.reopen(power, last);
        }
        // Numbers that were not read may be given to others.
        let position = &self.position;
        self.delivered.retain(|number, _| position.contains(*number));
        if let Some((number, _)) = self.noted.iter().find(|(number, _)| !position.contains(**number)) {
            return Err(format!("{number} was noted as delivered, and comes again"));
        }
        Ok(())
    }

    /// Everything that was stored was read, once, and in the order in which it was stored.
    fn judge(&self) -> Result<(), String> {
        let read: Vec<u64> = self.contents.values().copied().collect();
        if !read.is_sorted_by(|a, b| a < b) {
            return Err(format!("out of order, or twice: {read:?}"));
        }
        let missing = self
            .fates
            .iter()
            .find(|(content, fate)| **fate == Fate::Stored && !read.contains(content));
        match missing {
            Some((content, _)) => Err(format!(
                "entry {content} was stored, and is not there; read were {read:?}"
            )),
            None => Ok(()),
        }
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 512;
    options
}

fn encoded(content: u64) -> Vec<u8> {
    let entry = Entry {
        topic: "t".to_owned(),
        payload: Some(
            content
                .to_le_bytes()
                .repeat(1 + usize::try_from(content % 5).unwrap_or_default()),
        ),
        ..Entry::default()
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    bytes
}

fn content(entry: &Entry) -> u64 {
    let payload = entry.payload.as_deref().unwrap_or_default();
    payload
        .first_chunk()
        .map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}
