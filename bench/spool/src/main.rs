//! The spool measured: a backlog opened and drained, `always` beside what the disk allows, `overflow` beside memory alone.
//!
//! `cargo run --release -p spool -- FOLDER [GIGABYTES] [ROUNDS]`. The folder must be on a disk; what is written is removed.

mod always;
mod backlog;
mod overflow;

use std::path::PathBuf;

use anyhow::Context;
use kaufmann_spool::{Entry, Options};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .context("the first argument is a folder on a disk")?,
    );
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (gigabytes, rounds) = (number(10)?, number(5)?);
    std::fs::create_dir_all(&folder)?;
    for round in 1..=rounds {
        println!("round {round}");
        overflow::measure()?;
        overflow::measure_at(50_000)?;
        always::measure(&folder.join("always"))?;
    }
    backlog::measure(&folder.join("backlog"), gigabytes << 30)
}

/// An entry of 200 bytes of payload; every hundredth has the same key.
fn entry(number: u64) -> Entry {
    let mut payload = vec![7; 200];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    Entry {
        topic: "orders".to_owned(),
        key: Some((number % 100).to_le_bytes().to_vec()),
        payload: Some(payload),
        ..Entry::default()
    }
}

/// The number in an entry.
fn number(entry: &Entry) -> Option<u64> {
    let bytes = entry.payload.as_deref()?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

fn options() -> Options {
    let mut options = Options::default();
    options.max_bytes = 64 << 30;
    options.keep_free = 1 << 30;
    options
}
