//! The contenders built into this program, each with the same arguments.

use std::sync::Arc;

use anyhow::{Result, bail};
use bench_checks::{Checks, Contend, Kind, Order};
use kaufmann::config::Ordering;

mod batch;
mod by_hand;
mod ours;
mod producing;

/// Runs one contender over one workload and prints its report.
pub(crate) fn run(contend: &Contend) -> Result<()> {
    let order = match contend.name.as_str() {
        "kaufmann-partition" => Order::Partition,
        "kaufmann-none" | "spawn" => Order::None,
        _ => Order::Key,
    };
    let checks = Arc::new(Checks::new(contend, order));
    match contend.name.as_str() {
        "kaufmann" | "kaufmann-once" => ours(contend, &checks, Ordering::Key)?,
        "kaufmann-partition" => ours(contend, &checks, Ordering::Partition)?,
        "kaufmann-none" => ours(contend, &checks, Ordering::None)?,
        "kaufmann-ref" if contend.kind == Kind::Drain => {
            ours::run::<ours::Borrowed>(contend, &checks, Ordering::Key)?;
        }
        "kaufmann-ref" => ours::run::<ours::BorrowedSlow>(contend, &checks, Ordering::Key)?,
        "loop" => by_hand::one_by_one(contend, &checks, &[("fetch.queue.backoff.ms", "5")])?,
        "loop-large" => by_hand::one_by_one(contend, &checks, &by_hand::LARGE)?,
        "loop-default" => by_hand::one_by_one(contend, &checks, &[])?,
        "spawn" => by_hand::spawn(contend, &checks)?,
        "batch" => batch::run(contend, &checks)?,
        "pipeline" => producing::pipeline(contend, &checks, false)?,
        "pipeline-envelope" => producing::pipeline(contend, &checks, true)?,
        "by-hand" => producing::publish(contend, &checks)?,
        other => bail!("unknown contender `{other}`"),
    }
    checks.print(contend)
}

fn ours(contend: &Contend, checks: &Arc<Checks>, ordering: Ordering) -> Result<()> {
    match contend.kind {
        #[cfg(feature = "many")]
        Kind::Drain if contend.handlers > 1 => ours::run::<ours::Many>(contend, checks, ordering),
        Kind::Drain => ours::run::<ours::Owned>(contend, checks, ordering),
        Kind::Sleep | Kind::Cpu | Kind::Slow | Kind::Live | Kind::Window => {
            ours::run::<ours::OwnedSlow>(contend, checks, ordering)
        }
        Kind::Reply => ours::run::<ours::Replying>(contend, checks, ordering),
        Kind::Publish => ours::run::<ours::Publishing>(contend, checks, ordering),
    }
}
