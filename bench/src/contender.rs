//! The contenders, each behind the same arguments.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::arguments::Contend;
use crate::checks::Checks;
use crate::workload::Kind;

mod batch;
mod by_hand;
mod ours;

/// Runs one contender over one workload and prints its report.
pub(crate) fn run(contend: &Contend) -> Result<()> {
    let checks = Arc::new(Checks::new(contend));
    let drain = contend.kind == Kind::Drain;
    match contend.name.as_str() {
        "kaufmann" if drain => ours::run::<ours::Owned>(contend, &checks)?,
        "kaufmann" => ours::run::<ours::OwnedSlow>(contend, &checks)?,
        "kaufmann-ref" if drain => ours::run::<ours::Borrowed>(contend, &checks)?,
        "kaufmann-ref" => ours::run::<ours::BorrowedSlow>(contend, &checks)?,
        "loop" => by_hand::one_by_one(contend, &checks, &[("fetch.queue.backoff.ms", "5")])?,
        "loop-large" => by_hand::one_by_one(contend, &checks, &by_hand::LARGE)?,
        "loop-default" => by_hand::one_by_one(contend, &checks, &[])?,
        "spawn" => by_hand::spawn(contend, &checks)?,
        "batch" => batch::run(contend, &checks)?,
        other => bail!("there is no contender `{other}`"),
    }
    println!("{}", serde_json::to_string(&checks.report(contend)?)?);
    Ok(())
}
