//! Bytes that change on the disk: what can be read is read, what cannot is named, and nothing else comes.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kaufmann_spool::files::model::{Call, Model};
use kaufmann_spool::{Entry, Id, Promise, Spool};

mod common;
use common::{PATIENCE, open, open_with, options};

/// Entries of different sizes and keys.
fn entry(content: u64) -> Entry {
    Entry {
        topic: "orders".to_owned(),
        key: Some((content % 7).to_le_bytes().to_vec()),
        payload: Some(
            content
                .to_le_bytes()
                .repeat(1 + usize::try_from(content % 9).unwrap_or_default()),
        ),
        ..Entry::default()
    }
}

fn fill(model: &Model, count: u64) {
    let spool = open(model);
    for content in 0..count {
        assert_eq!(spool.append(entry(content), PATIENCE), Ok(Promise::Stored));
    }
}

/// Reads all there is. The numbers of what came, each checked against what was stored.
fn read_all(spool: &Spool) -> Vec<u64> {
    let mut reader = spool.reader().expect("the only one");
    let mut numbers = Vec::new();
    while let Some((Id::Stored(number), read)) = reader.read(Duration::ZERO).expect("the disk works") {
        assert_eq!(read, entry(number), "entry {number}");
        numbers.push(number);
    }
    numbers
}

#[test]
fn damaged_bytes_cost_their_entries_only_and_are_named_and_counted() {
    for seed in 0..300 {
        let mut dice = Rng::with_seed(seed);
        let count = dice.u64(20..120);
        let model = Model::new(seed);
        fill(&model, count);
        let spools = names(&model);
        let broken = &spools[dice.usize(..spools.len())];
        let end = if dice.bool() { 1 } else { dice.usize(1..200) };
        model.damage(broken, |bytes| {
            let at = dice.usize(..bytes.len());
            for byte in bytes.iter_mut().skip(at).take(end) {
                *byte = dice.u8(..);
            }
        });
        let spool = open(&model);
        let numbers = read_all(&spool);
        assert!(numbers.is_sorted_by(|a, b| a < b), "seed {seed}: {numbers:?}");
        let damages = spool.damages();
        let named: Vec<u64> = damages.iter().flat_map(|damage| damage.lost.clone()).collect();
        let mut all = [&*numbers, &*named].concat();
        all.sort_unstable();
        assert_eq!(
            all,
            (0..count).collect::<Vec<_>>(),
            "seed {seed}: read or named, and not both"
        );
        assert_eq!(spool.snapshot().lost, named.len() as u64, "seed {seed}");
        for damage in &damages {
            assert_eq!(&damage.segment, broken, "seed {seed}: {damage}");
            let kept = damage.kept_as.as_deref().expect("a file with the bytes");
            assert!(all_names(&model).iter().any(|name| name == kept), "seed {seed}");
        }
        for number in numbers {
            spool.delivered(Id::Stored(number));
        }
        assert_eq!(
            spool.snapshot().depth,
            0,
            "seed {seed}: what is lost does not hold up the rest"
        );
    }
}

#[test]
fn a_missing_segment_is_reported() {
    let model = Model::new(1);
    fill(&model, 100);
    let gone = names(&model).remove(1);
    kaufmann_spool::files::Files::remove(&model, &gone).expect("it was there");
    let spool = open(&model);
    let numbers = read_all(&spool);
    let damage = spool.damages().remove(0);
    assert_eq!(numbers.len() as u64 + damage.lost.end - damage.lost.start, 100);
    assert!(damage.to_string().contains("ends too early"), "{damage}");
}

#[test]
fn a_bad_page_costs_its_entries_after_some_tries_and_a_disk_that_is_away_costs_none() {
    let mut options = options();
    options.segment_bytes = 64 << 10;
    let model = Model::new(1);
    let spool = open_with(&model, options);
    for content in 0..400 {
        assert_eq!(spool.append(entry(content), PATIENCE), Ok(Promise::Stored));
    }
    let mut reader = spool.reader().expect("the only one");
    model.fail(Some(Box::new(|call, _| {
        (call == Call::Read).then_some(ErrorKind::Other)
    })));
    for _ in 0..20 {
        reader.read(Duration::ZERO).expect_err("the disk is away");
        std::thread::sleep(Duration::from_millis(1));
    }
    model.fail(None);
    model.break_bytes(&names(&model)[0], 9_000..9_001);
    let mut came = Vec::new();
    while came.last() != Some(&399) {
        match reader.read(Duration::ZERO) {
            Ok(Some((Id::Stored(number), read))) => {
                assert_eq!(read, entry(number));
                came.push(number);
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    let lost = spool.snapshot().lost;
    assert!((1..100).contains(&lost), "a page of entries: {lost}");
    assert_eq!(came.len() as u64 + lost, 400);
    assert!(came.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_damaged_position_delivers_again_and_is_noted() {
    let model = Model::new(1);
    fill(&model, 30);
    let spool = open(&model);
    for number in read_all(&spool) {
        spool.delivered(Id::Stored(number));
    }
    drop(spool);
    model.damage("position", |bytes| bytes[12] ^= 1);
    let spool = open(&model);
    let notes = spool.notes();
    assert!(notes[0].contains("`position` is damaged"), "{notes:?}");
    // Only the newest segment was still there. Its last entry is written again first: nothing says that it was confirmed.
    let mut reader = spool.reader().expect("the only one");
    let mut last = None;
    while last != Some(29) {
        let (id, read) = reader
            .read(PATIENCE)
            .expect("the disk works")
            .expect("29 is there");
        let Id::Stored(number) = id else {
            panic!("nothing was parked")
        };
        assert_eq!(read, entry(number));
        last = Some(number);
    }
}

#[test]
fn a_file_of_a_later_version_is_refused_and_left_as_it_is() {
    for name in [None, Some("position")] {
        let model = Model::new(1);
        fill(&model, 3);
        let spool = open(&model);
        spool.delivered(Id::Stored(0));
        drop(spool);
        let name = name.map_or_else(|| names(&model).remove(0), str::to_owned);
        model.damage(&name, |bytes| {
            bytes[7] = 9;
            if name == "position" {
                let end = bytes.len() - 4;
                let crc = crc32c::crc32c(&bytes[..end]);
                bytes[end..].copy_from_slice(&crc.to_le_bytes());
            }
        });
        let error = Spool::open_on(Arc::new(model.clone()), options()).expect_err("a later version");
        assert!(error.to_string().contains("version 9"), "{error}");
        assert!(all_names(&model).contains(&name));
    }
}

#[test]
fn a_copy_of_a_segment_in_a_payload_is_not_taken_for_entries() {
    let other = Model::new(1);
    fill(&other, 5);
    let mut copy = Vec::new();
    other.damage(&names(&other)[0], |bytes| copy.clone_from(bytes));
    let model = Model::new(2);
    let mut options = options();
    options.segment_bytes = 16 << 10;
    let trojan = Entry {
        topic: "trojan".to_owned(),
        payload: Some(copy),
        ..Entry::default()
    };
    let spool = open_with(&model, options.clone());
    for _ in 0..3 {
        spool.append(trojan.clone(), PATIENCE).expect("stored");
    }
    drop(spool);
    // The first batch's header: now its payload is searched for the next one.
    model.damage(&names(&model)[0], |bytes| bytes[9] ^= 1);
    let spool = open_with(&model, options);
    let mut reader = spool.reader().expect("the only one");
    let mut numbers = Vec::new();
    while let Some((Id::Stored(number), read)) = reader.read(Duration::ZERO).expect("the disk works") {
        assert_eq!(read.topic, "trojan");
        numbers.push(number);
    }
    assert_eq!(numbers, [1, 2]);
}

fn all_names(model: &Model) -> Vec<String> {
    kaufmann_spool::files::Files::list(model).expect("the disk works")
}

/// The segments, oldest first.
fn names(model: &Model) -> Vec<String> {
    let mut names = all_names(model);
    names.retain(|name| name.ends_with(".spool"));
    names
}
