//! An entry that cannot be delivered is parked with its key, and all others are delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Duration;

use fastrand::Rng;
use kaufmann_spool::files::model::{Call, Model};
use kaufmann_spool::{Id, Message, Reader, Spool};

mod common;
use common::{PATIENCE, content, key, keyed as entry, open, open_with, options};

fn next(reader: &mut Reader) -> (Id, Message) {
    reader
        .read(PATIENCE)
        .expect("the disk works")
        .expect("it is there")
}

/// Delivers all there is.
fn drain(spool: &Spool, reader: &mut Reader) -> Vec<u64> {
    let mut came = Vec::new();
    while let Some((id, entry)) = reader.read(Duration::ZERO).expect("the disk works") {
        came.push(content(&entry));
        spool.delivered(id);
    }
    came
}

#[test]
fn one_that_cannot_be_delivered_parks_its_key_only_and_comes_first_when_it_is_released() {
    let spool = open(&Model::new(0));
    for content in 0..9 {
        spool
            .append(entry(["a", "b", "c"][content % 3], content as u64), PATIENCE)
            .expect("stored");
    }
    let mut reader = spool.reader().expect("the only one");
    let (id, first) = next(&mut reader);
    spool.park(id, &first, "too large").expect("the disk works");
    assert_eq!(drain(&spool, &mut reader), [1, 2, 4, 5, 7, 8]);
    let parked = spool.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].count, &*parked[0].reason), (3, "too large"));
    assert_eq!(parked[0].key.as_deref(), Some(&b"a"[..]));
    let status = spool.snapshot();
    assert_eq!((status.parked, status.depth), (3, 0));
    spool.append(entry("a", 9), PATIENCE).expect("stored");
    assert!(spool.release(parked[0].id));
    assert_eq!(drain(&spool, &mut reader), [0, 3, 6, 9]);
    assert_eq!(spool.parked(), []);
}

#[test]
fn what_is_refused_again_is_parked_again_with_the_rest_of_its_key() {
    let spool = open(&Model::new(0));
    for content in 0..4 {
        spool.append(entry("a", content), PATIENCE).expect("stored");
    }
    let mut reader = spool.reader().expect("the only one");
    let (id, first) = next(&mut reader);
    spool.park(id, &first, "no rights").expect("the disk works");
    assert_eq!(drain(&spool, &mut reader), []);
    let group = spool.parked()[0].id;
    assert!(spool.release(group));
    let (id, again) = next(&mut reader);
    assert_eq!(content(&again), 0);
    spool.park(id, &again, "still no rights").expect("the disk works");
    assert_eq!(drain(&spool, &mut reader), []);
    let parked = spool.parked().remove(0);
    assert_eq!(
        (parked.count, &*parked.reason, parked.released),
        (4, "still no rights", false)
    );
    assert!(spool.release(group));
    assert_eq!(drain(&spool, &mut reader), [0, 1, 2, 3]);
}

#[test]
fn entries_without_a_key_are_parked_alone_and_a_group_can_be_dropped() {
    let spool = open(&Model::new(0));
    for content in 0..4 {
        spool.append(entry("", content), PATIENCE).expect("stored");
    }
    let mut reader = spool.reader().expect("the only one");
    for _ in 0..2 {
        let (id, refused) = next(&mut reader);
        spool.park(id, &refused, "too large").expect("the disk works");
    }
    assert_eq!(drain(&spool, &mut reader), [2, 3]);
    let parked = spool.parked();
    assert_eq!(parked.iter().map(|group| group.count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(spool.drop_parked(parked[0].id), 1);
    assert_eq!(spool.drop_parked(parked[0].id), 0);
    assert!(!spool.release(parked[0].id));
    assert!(spool.release(parked[1].id));
    assert_eq!(drain(&spool, &mut reader), [1]);
}

#[test]
fn the_limit_of_parked_bytes_stops_the_reader_until_there_is_space() {
    let mut options = options();
    options.max_parked = 150;
    let spool = open_with(&Model::new(0), options);
    for content in 0..10 {
        spool.append(entry("a", content), PATIENCE).expect("stored");
    }
    let mut reader = spool.reader().expect("the only one");
    let (id, first) = next(&mut reader);
    spool.park(id, &first, "too large").expect("there is room");
    let error = reader.read(Duration::ZERO).expect_err("the bound");
    assert!(error.to_string().contains("`max_parked` is 150"), "{error}");
    assert_eq!(
        spool.drop_parked(spool.parked()[0].id) + spool.snapshot().depth,
        10
    );
    let rest = drain(&spool, &mut reader);
    assert!(
        rest.ends_with(&[8, 9]) && rest.is_sorted(),
        "what was not parked comes: {rest:?}"
    );
}

#[test]
fn a_reader_that_waits_is_woken_by_a_release() {
    let spool = open(&Model::new(0));
    spool.append(entry("a", 1), PATIENCE).expect("stored");
    let mut reader = spool.reader().expect("the only one");
    let (id, first) = next(&mut reader);
    spool.park(id, &first, "no topic").expect("the disk works");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| content(&next(&mut reader).1));
        assert!(spool.release(spool.parked()[0].id));
        assert_eq!(waiting.join().expect("no panic"), 1);
    });
}

/// Keys are refused and accepted at random, the process dies and the disk fails; at the end all keys are accepted and released.
#[test]
fn no_key_loses_its_order_or_an_entry_whatever_is_refused_and_whenever_the_process_dies() {
    for seed in 0..400 {
        let mut dice = Rng::with_seed(seed);
        let mut model = Model::new(seed);
        let mut stored: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
        let mut came: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
        let mut contents = 0..;
        for _ in 0..dice.u32(1..5) {
            let spool = open(&model);
            let mut reader = spool.reader().expect("the only one");
            let bad: BTreeSet<u8> = (0..dice.u8(0..4)).map(|_| dice.u8(b'a'..b'f')).collect();
            if dice.bool() {
                let from = model.calls() + dice.u64(1..60);
                let fails =
                    move |call, number| (call != Call::Open && number == from).then_some(ErrorKind::Other);
                model.fail(Some(Box::new(fails)));
            }
            for _ in 0..dice.u32(1..40) {
                let lane = [dice.u8(b'a'..b'f')];
                let name = std::str::from_utf8(&lane).expect("a letter");
                let content = contents.next().expect("endless");
                spool
                    .append(entry(name, content), PATIENCE)
                    .expect("the disk works again");
                stored.entry(lane.to_vec()).or_default().push(content);
                if dice.u32(0..5) == 0 {
                    let parked = spool.parked();
                    if let Some(group) = dice.choice(&parked) {
                        assert!(spool.release(group.id));
                    }
                }
                while dice.bool() {
                    let Ok(Some((id, entry))) = reader.read(Duration::ZERO) else {
                        break;
                    };
                    if bad.contains(&key(&entry)[0]) {
                        while spool.park(id, &entry, "refused").is_err() {}
                    } else {
                        came.entry(key(&entry).to_vec())
                            .or_default()
                            .push(common::content(&entry));
                        spool.delivered(id);
                    }
                }
            }
            model.fail(None);
            if dice.bool() {
                drop(reader);
                drop(spool);
            } else {
                model = model.kill();
            }
        }
        let spool = open(&model);
        let mut reader = spool.reader().expect("the only one");
        loop {
            for group in spool.parked() {
                assert!(spool.release(group.id));
            }
            let Some((id, entry)) = reader.read(Duration::from_millis(2)).expect("the disk works") else {
                let status = spool.snapshot();
                if status.depth + status.parked == 0 {
                    break;
                }
                continue;
            };
            came.entry(key(&entry).to_vec())
                .or_default()
                .push(common::content(&entry));
            spool.delivered(id);
        }
        for (key, stored) in stored {
            let came = came.remove(&key).unwrap_or_default();
            let mut seen = BTreeSet::new();
            let first: Vec<u64> = came
                .iter()
                .copied()
                .filter(|content| seen.insert(*content))
                .collect();
            assert_eq!(first, stored, "seed {seed}, key {key:?}");
        }
    }
}
