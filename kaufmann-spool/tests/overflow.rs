//! Memory first, the disk when entries are not delivered: promises, bounds, and the order of keys wherever an entry is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use fastrand::Rng;
use kaufmann_spool::files::model::{Call, Model};
use kaufmann_spool::{AppendError, Id, Mode, Options, Promise, Reader, Spool, Ticket};

mod common;
use common::{PATIENCE, content, entry, key, keyed, open_with};

/// Entries stay in memory for as long as any test lasts, unless something else sends them to the disk.
fn options() -> Options {
    let mut options = common::options();
    options.mode = Mode::Overflow;
    options.spill_after = Duration::from_secs(600);
    options
}

fn open(model: &Model) -> Spool {
    open_with(model, options())
}

fn read(reader: &mut Reader) -> (Id, u64) {
    let (id, entry) = reader
        .read(PATIENCE)
        .expect("the disk works")
        .expect("it is there");
    (id, content(&entry))
}

#[test]
fn while_entries_are_delivered_they_never_touch_the_disk() {
    let model = Model::new(0);
    let spool = open(&model);
    let mut reader = spool.reader().expect("the only one");
    let calls = model.calls();
    for number in 0..1_000 {
        let ticket = spool.offer(entry(number)).expect("space");
        let (id, came) = read(&mut reader);
        assert_eq!((id, came), (Id::Memory(number), number));
        spool.delivered(id);
        assert_eq!(ticket.wait(PATIENCE), Ok(Promise::Delivered));
    }
    assert_eq!(model.calls(), calls);
    let snapshot = spool.snapshot();
    assert_eq!(
        (snapshot.delivered, snapshot.stored, snapshot.depth),
        (1_000, 0, 0)
    );
    assert_eq!((snapshot.memory_bytes, snapshot.to_disk), (0, false));
}

#[test]
fn without_a_reader_or_while_it_is_away_entries_are_stored_at_once() {
    let spool = open(&Model::new(0));
    assert_eq!(spool.append(entry(0), PATIENCE), Ok(Promise::Stored));
    let mut reader = spool.reader().expect("the only one");
    let (id, _) = read(&mut reader);
    spool.delivered(id);
    spool.set_away(true);
    assert_eq!(spool.append(entry(1), PATIENCE), Ok(Promise::Stored));
    assert_eq!(spool.snapshot().depth, 1);
    spool.set_away(false);
    let (id, came) = read(&mut reader);
    assert_eq!((id, came), (Id::Stored(1), 1));
    spool.delivered(id);
}

#[test]
fn an_entry_that_is_not_delivered_in_time_is_stored_and_not_read_twice() {
    let mut options = options();
    options.spill_after = Duration::from_millis(5);
    let spool = open_with(&Model::new(0), options);
    let mut reader = spool.reader().expect("the only one");
    let first = spool.offer(entry(0)).expect("space");
    let (id, _) = read(&mut reader);
    assert_eq!(
        first.wait(PATIENCE),
        Ok(Promise::Stored),
        "while it is being delivered"
    );
    assert!(reader.read(Duration::ZERO).expect("the disk works").is_none());
    assert_eq!(spool.snapshot().depth, 1);
    spool.delivered(id);
    spool.delivered(id);
    assert_eq!((spool.snapshot().depth, spool.snapshot().delivered), (0, 1));
}

#[test]
fn an_entry_that_is_delivered_while_it_is_written_is_not_read_again() {
    let model = Model::new(0);
    let spool = open(&model);
    let mut reader = spool.reader().expect("the only one");
    let ticket = spool.offer(entry(0)).expect("space");
    let (id, _) = read(&mut reader);
    let (begun, begins) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    model.fail(Some(Box::new(move |call, _| {
        if call == Call::Sync {
            let _ = begun.send(());
            let _ = wait.recv();
        }
        None
    })));
    spool.set_away(true);
    begins.recv().expect("the write begins");
    spool.delivered(id);
    assert_eq!(ticket.wait(PATIENCE), Ok(Promise::Delivered));
    drop(go);
    assert!(spool.flush(PATIENCE));
    assert_eq!(spool.snapshot().depth, 0);
    assert!(reader.read(Duration::ZERO).expect("the disk works").is_none());
}

#[test]
fn memory_half_full_sends_entries_to_the_disk_and_they_come_in_order() {
    let mut options = options();
    options.max_memory = 4_000;
    let spool = open_with(&Model::new(0), options.clone());
    let mut reader = spool.reader().expect("the only one");
    for number in 0..200 {
        append(&spool, number).detach();
        assert!(spool.snapshot().memory_bytes <= options.max_memory as u64);
    }
    assert!(spool.snapshot().stored > 100, "{:?}", spool.snapshot());
    for number in 0..200 {
        let (id, came) = read(&mut reader);
        assert_eq!(came, number);
        spool.delivered(id);
    }
    assert_eq!(spool.snapshot().depth, 0);
}

/// Offers until there is space.
fn append(spool: &Spool, number: u64) -> Ticket {
    loop {
        match spool.offer(entry(number)) {
            Ok(ticket) => return ticket,
            Err(AppendError::SpoolFull { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn once_all_on_the_disk_is_read_entries_stay_in_memory_again() {
    let model = Model::new(0);
    let spool = open(&model);
    let mut reader = spool.reader().expect("the only one");
    spool.set_away(true);
    for number in 0..10 {
        assert_eq!(spool.append(entry(number), PATIENCE), Ok(Promise::Stored));
    }
    spool.set_away(false);
    for number in 0..10 {
        let (id, came) = read(&mut reader);
        assert_eq!((id, came), (Id::Stored(number), number));
        spool.delivered(id);
    }
    assert!(reader.read(Duration::ZERO).expect("the disk works").is_none());
    assert!(!spool.snapshot().to_disk);
    let ticket = spool.offer(entry(10)).expect("space");
    let (id, came) = read(&mut reader);
    assert!(matches!(id, Id::Memory(_)), "{id:?}");
    assert_eq!(came, 10);
    spool.delivered(id);
    assert_eq!(ticket.wait(PATIENCE), Ok(Promise::Delivered));
}

#[test]
fn a_broken_disk_refuses_what_is_not_delivered_and_delivery_goes_on_without_it() {
    let mut options = options();
    options.max_memory = 4_000;
    let model = Model::new(0);
    let spool = open_with(&model, options);
    let mut reader = spool.reader().expect("the only one");
    model.fail(Some(Box::new(|_, _| Some(ErrorKind::ReadOnlyFilesystem))));
    let mut accepted = 0;
    let error = loop {
        match spool.offer(entry(accepted)) {
            Ok(ticket) => ticket.detach(),
            Err(error) => break error,
        }
        accepted += 1;
    };
    assert!(matches!(error, AppendError::SpoolFull { .. }), "{error}");
    let error = loop {
        let error = spool
            .append(entry(accepted), Duration::from_millis(5))
            .expect_err("memory is full");
        if error.to_string().contains("read-only") {
            break error;
        }
    };
    assert!(error.to_string().contains("mount it for writing"), "{error}");
    assert!(spool.snapshot().in_trouble && spool.snapshot().refused > 1);
    for number in 0..accepted {
        let (id, came) = read(&mut reader);
        assert_eq!((id, came), (Id::Memory(number), number));
        spool.delivered(id);
    }
    assert_eq!(spool.snapshot().depth, 0);
    model.fail(None);
    spool.set_away(true);
    assert_eq!(spool.append(entry(accepted), PATIENCE), Ok(Promise::Stored));
    assert_eq!(spool.trouble(), None);
}

#[test]
fn a_bound_on_age_refuses_new_entries_and_drops_none() {
    let mut options = options();
    options.max_age = Some(Duration::from_millis(3));
    let spool = open_with(&Model::new(0), options);
    assert_eq!(spool.append(entry(0), PATIENCE), Ok(Promise::Stored));
    while spool
        .snapshot()
        .oldest
        .is_none_or(|age| age <= Duration::from_millis(3))
    {
        std::thread::yield_now();
    }
    let error = spool
        .append(entry(1), Duration::from_millis(5))
        .expect_err("the first one waits for too long")
        .to_string();
    assert!(error.contains("`max_age`"), "{error}");
    let mut reader = spool.reader().expect("the only one");
    let (id, came) = read(&mut reader);
    assert_eq!(came, 0);
    spool.delivered(id);
    spool.set_away(true);
    assert_eq!(spool.append(entry(2), PATIENCE), Ok(Promise::Stored));
}

#[test]
fn an_entry_that_is_parked_from_memory_was_stored_and_its_key_follows_it() {
    let spool = open(&Model::new(0));
    let mut reader = spool.reader().expect("the only one");
    let tickets: Vec<Ticket> = [("a", 0), ("b", 1), ("a", 2), ("b", 3)]
        .map(|(key, content)| spool.offer(keyed(key, content)).expect("space"))
        .into();
    let (id, first) = reader
        .read(PATIENCE)
        .expect("the disk works")
        .expect("it is there");
    spool.park(id, &first, "too large").expect("the disk works");
    for expected in [1, 3] {
        let (id, came) = read(&mut reader);
        assert_eq!(came, expected);
        spool.delivered(id);
    }
    assert!(reader.read(Duration::ZERO).expect("the disk works").is_none());
    let promises: Vec<_> = tickets.into_iter().map(|ticket| ticket.wait(PATIENCE)).collect();
    use Promise::{Delivered, Stored};
    assert_eq!(promises, [Stored, Delivered, Stored, Delivered].map(Ok));
    let snapshot = spool.snapshot();
    assert_eq!((snapshot.parked, snapshot.parked_keys, snapshot.depth), (2, 1, 0));
}

#[test]
fn what_is_in_memory_is_stored_when_the_spool_is_closed_and_when_it_is_flushed() {
    let model = Model::new(0);
    let spool = open(&model);
    let mut reader = spool.reader().expect("the only one");
    let tickets: Vec<Ticket> = (0..3).map(|number| append(&spool, number)).collect();
    let (id, _) = read(&mut reader);
    spool.delivered(id);
    assert!(spool.flush(PATIENCE));
    assert_eq!(spool.snapshot().in_memory, 0);
    let last = append(&spool, 3);
    drop(reader);
    drop(spool);
    let promises: Vec<_> = tickets
        .into_iter()
        .chain([last])
        .map(|ticket| ticket.wait(PATIENCE))
        .collect();
    use Promise::{Delivered, Stored};
    assert_eq!(promises, [Delivered, Stored, Stored, Stored].map(Ok));
    let spool = open(&model);
    let mut reader = spool.reader().expect("the only one");
    assert_eq!([1, 2, 3].map(|_| read(&mut reader).1), [1, 2, 3]);
}

#[test]
fn a_withdrawn_entry_is_neither_stored_nor_delivered() {
    let spool = open(&Model::new(0));
    let mut reader = spool.reader().expect("the only one");
    drop(spool.offer(entry(0)));
    let ticket = spool.offer(entry(1)).expect("space");
    let (id, came) = read(&mut reader);
    assert_eq!(came, 1);
    spool.delivered(id);
    assert_eq!(ticket.wait(PATIENCE), Ok(Promise::Delivered));
    assert_eq!(spool.snapshot().memory_bytes, 0);
}

#[test]
fn a_second_reader_gets_what_the_first_has_not_reported() {
    let spool = open(&Model::new(0));
    let mut reader = spool.reader().expect("the only one");
    let mut tickets: Vec<Ticket> = (0..4).map(|number| append(&spool, number)).collect();
    let ids = [0, 1, 2].map(|_| read(&mut reader).0);
    spool.delivered(ids[1]);
    drop(reader);
    let mut reader = spool.reader().expect("the only one again");
    assert_eq!([0, 1, 2].map(|_| read(&mut reader).1), [0, 2, 3]);
    assert_eq!(tickets.remove(1).wait(PATIENCE), Ok(Promise::Delivered));
}

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("KAUFMANN_SPOOL_SEEDS") else {
        return 0..1_500;
    };
    let (from, to) = text
        .split_once("..")
        .expect("KAUFMANN_SPOOL_SEEDS is a range such as 0..1000");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// Entries are appended, delivered late and out of order, the consumer is away, the disk fails, the process dies, the power goes.
#[test]
fn no_key_loses_its_order_or_a_stored_entry_on_its_way_through_memory_and_disk() {
    // They wait more than they compute.
    const THREADS: u64 = 8;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for seed in seeds().filter(|seed| seed % THREADS == thread) {
                    Run::new(seed).go();
                }
            });
        }
    });
}

struct Run {
    seed: u64,
    dice: Rng,
    model: Model,
    options: Options,
    next: u64,
    /// By key: what was stored, so that it must come.
    stored: BTreeMap<Vec<u8>, BTreeSet<u64>>,
    /// By key: what came, in order.
    came: BTreeMap<Vec<u8>, Vec<u64>>,
    delivered: BTreeSet<u64>,
    /// What was refused for certain.
    refused: BTreeSet<u64>,
    /// Whether writes failed in this life: the disk may have them all the same, and the next process finds them.
    broke: bool,
    /// What was refused and may have been such a write.
    in_doubt: BTreeSet<u64>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let mut options = options();
        options.max_memory = [1_500, 4_000, 100_000][dice.usize(..3)];
        options.spill_after = [
            Duration::ZERO,
            Duration::from_micros(300),
            Duration::from_secs(600),
        ][dice.usize(..3)];
        Self {
            seed,
            dice,
            model: Model::new(seed),
            options,
            next: 0,
            stored: BTreeMap::new(),
            came: BTreeMap::new(),
            delivered: BTreeSet::new(),
            refused: BTreeSet::new(),
            broke: false,
            in_doubt: BTreeSet::new(),
        }
    }

    fn go(mut self) {
        for _ in 0..self.dice.u32(1..4) {
            self.life();
        }
        let spool = open_with(&self.model, self.options.clone());
        let mut reader = spool.reader().expect("the only one");
        while spool.snapshot().depth > 0 {
            if let Some((id, _)) = self.read(&mut reader, Duration::from_millis(2)) {
                spool.delivered(id);
            }
        }
        assert_eq!(spool.snapshot().lost, 0, "seed {}", self.seed);
        self.judge();
    }

    /// One process.
    fn life(&mut self) {
        let spool = open_with(&self.model, self.options.clone());
        let mut reader = self.dice.bool().then(|| spool.reader().expect("the only one"));
        let mut tickets: Vec<(u64, Vec<u8>, Ticket)> = Vec::new();
        let mut flying: Vec<(Id, u64)> = Vec::new();
        for _ in 0..self.dice.u32(1..80) {
            match self.dice.u32(0..24) {
                0..=9 => self.append(&spool, &mut tickets),
                10..=16 => {
                    if let Some(reader) = &mut reader {
                        flying.extend(self.read(reader, Duration::ZERO));
                    }
                }
                17..=20 => {
                    if !flying.is_empty() {
                        let (id, number) = flying.swap_remove(self.dice.usize(..flying.len()));
                        spool.delivered(id);
                        self.delivered.insert(number);
                    }
                }
                21 => spool.set_away(self.dice.bool()),
                22 if self.dice.u32(0..4) == 0 => {
                    // What it had is read again.
                    flying.clear();
                    reader = None;
                    reader = spool.reader().or(reader);
                }
                22 => self.break_calls(),
                _ => std::thread::sleep(Duration::from_micros(self.dice.u64(0..400))),
            }
        }
        self.end(spool, reader, tickets);
    }

    fn end(&mut self, spool: Spool, reader: Option<Reader>, tickets: Vec<(u64, Vec<u8>, Ticket)>) {
        let model = self.model.clone();
        if std::mem::take(&mut self.broke) {
            self.in_doubt.append(&mut self.refused);
        }
        match self.dice.u32(0..3) {
            0 => {
                model.fail(None);
                drop((reader, spool));
            }
            // Callers that wait after this get no answer.
            1 => self.model = model.kill(),
            _ => self.model = model.cut_power(),
        }
        for (number, key, ticket) in tickets {
            match ticket.wait(Duration::ZERO) {
                Ok(Promise::Stored) => {
                    self.stored.entry(key).or_default().insert(number);
                }
                Ok(Promise::Delivered) => assert!(self.delivered.contains(&number), "seed {}", self.seed),
                Err(_) => {}
            }
        }
    }

    fn append(&mut self, spool: &Spool, tickets: &mut Vec<(u64, Vec<u8>, Ticket)>) {
        let key = ["a", "b", "c"][self.dice.usize(..3)];
        let number = self.next;
        self.next += 1;
        if self.dice.bool() {
            match spool.offer(keyed(key, number)) {
                Ok(ticket) => tickets.push((number, key.as_bytes().to_vec(), ticket)),
                Err(_) => {
                    self.refused.insert(number);
                }
            }
            return;
        }
        match spool.append(keyed(key, number), Duration::from_micros(self.dice.u64(0..2_000))) {
            Ok(Promise::Stored) => {
                self.stored
                    .entry(key.as_bytes().to_vec())
                    .or_default()
                    .insert(number);
            }
            Ok(Promise::Delivered) => panic!("seed {}: {number} was not delivered", self.seed),
            Err(AppendError::SpoolFull { .. }) => {
                self.refused.insert(number);
            }
            Err(AppendError::Unanswered { .. }) => {}
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    fn read(&mut self, reader: &mut Reader, patience: Duration) -> Option<(Id, u64)> {
        let (id, entry) = reader.read(patience).ok()??;
        let number = content(&entry);
        assert!(
            !self.refused.contains(&number),
            "seed {}: {number} was refused",
            self.seed
        );
        self.came.entry(key(&entry).to_vec()).or_default().push(number);
        Some((id, number))
    }

    fn break_calls(&mut self) {
        self.broke = true;
        let from = self.model.calls() + self.dice.u64(1..8);
        let to = from + self.dice.u64(1..12);
        self.model.fail(Some(Box::new(move |call, number| {
            let fails = !matches!(call, Call::Open | Call::Read | Call::Size);
            (fails && (from..to).contains(&number)).then_some(ErrorKind::Other)
        })));
    }

    /// All that was stored came, and each key in its order, where an entry came first.
    fn judge(&self) {
        for (key, stored) in &self.stored {
            let came = self.came.get(key).cloned().unwrap_or_default();
            let missing: Vec<_> = stored.iter().filter(|number| !came.contains(number)).collect();
            assert!(
                missing.is_empty(),
                "seed {}: {missing:?} of {key:?}, of {came:?}",
                self.seed
            );
        }
        for (key, came) in &self.came {
            let mut seen = BTreeSet::new();
            let accepted = came.iter().filter(|number| !self.in_doubt.contains(number));
            let first: Vec<_> = accepted.filter(|number| seen.insert(**number)).collect();
            assert!(
                first.is_sorted(),
                "seed {}: the order of {key:?}: {came:?}",
                self.seed
            );
        }
    }
}
