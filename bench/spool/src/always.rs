//! `always` beside a loop that only writes and syncs batches of the same size.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use kaufmann_spool::{AppendError, Spool};

use crate::{entry, options};

/// The bytes of a batch, as the spool's.
const BATCH: usize = 1 << 20;
const BYTES: u64 = 512 << 20;

pub(crate) fn measure(folder: &Path) -> anyhow::Result<()> {
    let raw = raw(folder)?;
    let spooled = spooled(folder)?;
    println!(
        "always: {:.0} MB/s of the disk's {:.0} MB/s: {:.2}",
        spooled / 1e6,
        raw / 1e6,
        spooled / raw
    );
    Ok(())
}

/// What the disk writes, one `fdatasync` a batch, into an allocated file.
fn raw(folder: &Path) -> anyhow::Result<f64> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("raw");
    let file = File::create(&path)?;
    let zeros = vec![0; BATCH];
    for at in (0..BYTES).step_by(BATCH) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    let batch = vec![7; BATCH];
    let begun = Instant::now();
    for at in (0..BYTES).step_by(BATCH) {
        file.write_all_at(&batch, at)?;
        file.sync_data()?;
    }
    let rate = BYTES as f64 / begun.elapsed().as_secs_f64();
    std::fs::remove_dir_all(folder)?;
    Ok(rate)
}

fn spooled(folder: &Path) -> anyhow::Result<f64> {
    let spool = Spool::open(folder, options())?;
    let begun = Instant::now();
    let count = BYTES / 240;
    for number in 0..count {
        loop {
            match spool.offer(entry(number)) {
                Ok(ticket) => break ticket.detach(),
                Err(AppendError::SpoolFull { .. }) => std::thread::sleep(Duration::from_micros(100)),
                Err(error) => return Err(error.into()),
            }
        }
    }
    anyhow::ensure!(spool.flush(Duration::from_secs(120)), "not stored in time");
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = spool.snapshot().disk_bytes;
    drop(spool);
    std::fs::remove_dir_all(folder)?;
    Ok(bytes as f64 / seconds)
}
