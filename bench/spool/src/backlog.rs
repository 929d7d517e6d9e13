//! A large backlog: how long it takes to open, how much memory that needs, and that it drains in order.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kaufmann_spool::{AppendError, Spool};

use crate::{entry, number, options};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(folder: &Path, bytes: u64) -> anyhow::Result<()> {
    if std::env::var("SPOOL_DRAIN").is_ok() {
        return drain(folder);
    }
    let count = fill(folder, bytes)?;
    // A process of its own, so that the memory of filling does not count.
    let program = std::env::current_exe()?;
    let folder_of_all = folder.parent().context("it has a parent")?;
    let status = Command::new(program)
        .arg(folder_of_all)
        .args(["0", "0"])
        .env("SPOOL_DRAIN", count.to_string())
        .status()?;
    std::fs::remove_dir_all(folder)?;
    ensure!(status.success(), "the drain failed");
    Ok(())
}

fn fill(folder: &Path, bytes: u64) -> anyhow::Result<u64> {
    let spool = Spool::open(folder, options())?;
    let begun = Instant::now();
    let mut count = 0;
    while count % 1_000 > 0 || spool.snapshot().disk_bytes < bytes {
        match spool.offer(entry(count)) {
            Ok(ticket) => {
                count += 1;
                ticket.detach();
            }
            Err(AppendError::SpoolFull { .. }) => std::thread::sleep(Duration::from_micros(100)),
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(spool.flush(PATIENCE), "not stored in time");
    let seconds = begun.elapsed().as_secs_f64();
    println!("backlog: {count} entries in {bytes} bytes stored in {seconds:.1} s");
    Ok(count)
}

fn drain(folder: &Path) -> anyhow::Result<()> {
    let expected: u64 = std::env::var("SPOOL_DRAIN")?.parse()?;
    let begun = Instant::now();
    let spool = Spool::open(folder, options())?;
    let opened = begun.elapsed();
    let mut reader = spool.reader().context("the first one")?;
    let begun = Instant::now();
    let mut count = 0;
    while count < expected {
        let (id, entry) = reader.read(PATIENCE)?.context("it is there")?;
        ensure!(number(&entry) == Some(count), "entry {count} is another one");
        spool.delivered(id);
        count += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "backlog: opened in {opened:?}, {count} entries in order in {seconds:.1} s, peak {} MB",
        peak_memory()? >> 20
    );
    Ok(())
}

fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("VmHWM")?.parse::<u64>()? << 10)
}
