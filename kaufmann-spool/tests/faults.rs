//! A disk that fails: each call once, a disk that is away for a while, one that is full.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use kaufmann_spool::files::model::{Call, Model};
use kaufmann_spool::{AppendError, Promise, Spool};

mod common;
use common::{PATIENCE, content, entry, open, open_with, options};

/// Stores and delivers, opens again half-way, and counts. All that happens is in order, so a call has the same number in each run.
fn run(model: &Model, fail: impl FnOnce(&Model)) -> u64 {
    let mut came = BTreeSet::new();
    let mut stored = BTreeSet::new();
    fail(model);
    for half in 0..2 {
        let spool = match Spool::open_on(Arc::new(model.clone()), options()) {
            Ok(spool) => spool,
            // The service does not start; it is started again.
            Err(_) => open(model),
        };
        let mut reader = spool.reader().expect("the only one");
        for content in half * 20..half * 20 + 20 {
            spool
                .append(entry(content), PATIENCE)
                .expect("the fault is over before the time is");
            assert!(stored.insert(content));
        }
        loop {
            match reader.read(Duration::ZERO) {
                Ok(Some((number, entry))) => {
                    came.insert(common::content(&entry));
                    spool.delivered(number);
                }
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(spool.snapshot().lost, 0, "{:?}", spool.damages());
    }
    assert_eq!(came, stored);
    let calls = model.calls();
    model.fail(None);
    let spool = open(model);
    let depth = spool.snapshot().depth;
    assert!(
        depth <= 20,
        "what could not be noted at the end comes again, no more: {depth}"
    );
    calls
}

#[test]
fn any_call_may_fail_once_and_nothing_that_is_stored_is_missing() {
    let calls = run(&Model::new(0), |_| ());
    assert!(calls > 100, "a run makes calls: {calls}");
    for at in 0..calls + 20 {
        for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
            run(&Model::new(at), |model| {
                model.fail(Some(Box::new(move |_, number| (number == at).then_some(kind))));
            });
        }
    }
}

#[test]
fn each_kind_of_call_may_fail_for_a_while_and_the_spool_recovers() {
    use Call::{Create, Free, Open, Read, Remove, Rename, SetLen, Size, Sync, SyncFolder, Write};
    for call in [
        Create, Open, Rename, Remove, SyncFolder, Free, Read, Write, Sync, SetLen, Size,
    ] {
        let model = Model::new(0);
        let spool = open(&model);
        let mut reader = spool.reader().expect("the only one");
        for content in 0..10 {
            spool.append(entry(content), PATIENCE).expect("the disk works");
        }
        model.fail(Some(Box::new(move |made, _| {
            (made == call).then_some(ErrorKind::Other)
        })));
        let (mut refused, mut open) = (BTreeSet::new(), BTreeSet::new());
        for content in 10..40 {
            match spool.append(entry(content), Duration::from_millis(5)) {
                Ok(_) => {}
                Err(AppendError::SpoolFull { reason, .. }) => {
                    assert!(!reason.is_empty());
                    refused.insert(content);
                }
                // Its deadline passed while the thread was in a call.
                Err(AppendError::Unanswered { .. }) => {
                    open.insert(content);
                }
                Err(error) => panic!("{call:?}: {error}"),
            }
        }
        let _ = reader.read(Duration::ZERO);
        model.fail(None);
        for content in 40..50 {
            spool
                .append(entry(content), PATIENCE)
                .expect("the disk works again");
        }
        drop(reader);
        let mut reader = spool.reader().expect("the only one");
        let mut came = Vec::new();
        while let Ok(Some((_, entry))) = reader.read(Duration::ZERO) {
            came.push(content(&entry));
        }
        let expected: Vec<u64> = (0..50)
            .filter(|content| !refused.contains(content))
            .filter(|content| !open.contains(content) || came.contains(content))
            .collect();
        assert_eq!(came, expected, "{call:?}: in order, and none that was refused");
        assert_eq!(spool.trouble(), None, "{call:?}");
    }
}

#[test]
fn a_full_disk_refuses_new_entries_keeps_the_stored_ones_and_accepts_again_when_there_is_space() {
    let model = Model::new(0);
    model.set_capacity(4_096);
    let spool = open(&model);
    let mut stored = 0;
    let error = loop {
        match spool.append(entry(stored), Duration::from_millis(20)) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(stored > 10, "{stored}");
    let text = error.to_string();
    assert!(text.contains("bytes free"), "{text}");
    assert!(spool.trouble().is_some());
    let mut reader = spool.reader().expect("the only one");
    for expected in 0..stored {
        let (number, entry) = reader
            .read(Duration::ZERO)
            .expect("it can be read")
            .expect("it is there");
        assert_eq!(content(&entry), expected);
        spool.delivered(number);
    }
    spool
        .append(entry(stored), PATIENCE)
        .expect("what is delivered makes room");
    assert_eq!(spool.trouble(), None);
}

#[test]
fn the_bound_of_bytes_is_kept_and_named() {
    let mut options = options();
    options.max_bytes = 4 * options.segment_bytes;
    let max = options.max_bytes;
    let model = Model::new(0);
    let spool = open_with(&model, options);
    let error = loop {
        if let Err(error) = spool.append(entry(1), Duration::from_millis(20)) {
            break error.to_string();
        }
        assert!(spool.snapshot().disk_bytes <= max);
    };
    assert!(error.contains("`max_bytes` = 4096"), "{error}");
}

/// Holds each sync until the sender is dropped; the receiver hears when one begins.
fn hold_syncs(model: &Model) -> (Sender<()>, Receiver<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    model.fail(Some(Box::new(move |call, _| {
        if call == Call::Sync {
            let _ = begun.send(());
            let _ = wait.recv();
        }
        None
    })));
    (go, begins)
}

#[test]
fn a_write_that_hangs_is_reported_as_unanswered() {
    let model = Model::new(0);
    let spool = open(&model);
    let (go, begins) = hold_syncs(&model);
    let ticket = spool.offer(entry(1)).expect("there is room");
    begins.recv().expect("the write begins");
    let error = ticket.wait(Duration::from_millis(1)).expect_err("it hangs");
    assert!(matches!(error, AppendError::Unanswered { .. }), "{error}");
    drop(go);
    let mut reader = spool.reader().expect("the only one");
    let (_, came) = reader
        .read(PATIENCE)
        .expect("the disk works")
        .expect("it was stored after all");
    assert_eq!(came, entry(1));
}

#[test]
fn entries_that_wait_while_a_write_is_under_way_share_the_next_sync() {
    let model = Model::new(0);
    let spool = open(&model);
    let (go, begins) = hold_syncs(&model);
    let first = spool.offer(entry(0)).expect("room");
    begins.recv().expect("the write begins");
    let more: Vec<_> = (1..1_000)
        .map(|content| spool.offer(entry(content)).expect("room"))
        .collect();
    drop(go);
    assert_eq!(first.wait(PATIENCE), Ok(Promise::Stored));
    for ticket in more {
        assert_eq!(ticket.wait(PATIENCE), Ok(Promise::Stored));
    }
    assert_eq!(begins.try_iter().count(), 1, "one sync for 999 entries");
}
