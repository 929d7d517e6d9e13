//! Handlers that behave badly, records that cannot be handled, and logs that cannot be written.

use anyhow::{Result, ensure};
use kaufmann_tests::chaos::Manners;

use crate::scene::Scene;
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    handlers_that_hang_or_never_end_are_waited_for_or_retried,
    handlers_that_panic_are_retried,
    handlers_that_fail_at_random_are_retried_and_refused_records_become_dead_letters,
    handlers_that_fill_memory_or_block_a_thread_lose_nothing,
    poison_in_a_row_becomes_dead_letters_in_a_row,
    logs_that_cannot_be_written_stop_nothing,
];

/// Every write to it fails as on a full disk.
pub(crate) const FULL_DISK: &str = "/dev/full";

fn handlers_that_hang_or_never_end_are_waited_for_or_retried(stage: &Stage) -> Result<()> {
    let manners = Manners {
        hang: 30,
        stick: 5,
        ..Manners::default()
    };
    behave(stage, "hang", manners)
}

fn handlers_that_panic_are_retried(stage: &Stage) -> Result<()> {
    let manners = Manners {
        panic: 100,
        ..Manners::default()
    };
    behave(stage, "panic", manners)
}

fn handlers_that_fail_at_random_are_retried_and_refused_records_become_dead_letters(
    stage: &Stage,
) -> Result<()> {
    let manners = Manners {
        fail: 100,
        refuse: 50,
        ..Manners::default()
    };
    behave(stage, "fail", manners)
}

fn handlers_that_fill_memory_or_block_a_thread_lose_nothing(stage: &Stage) -> Result<()> {
    let manners = Manners {
        block: 10,
        allocate: 50,
        ..Manners::default()
    };
    behave(stage, "greedy", manners)
}

fn poison_in_a_row_becomes_dead_letters_in_a_row(stage: &Stage) -> Result<()> {
    let load = Load {
        seed: 5,
        poison: 5,
        row: 60,
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "poison", load)?;
    scene.start(0)?;
    scene.write()?;
    scene.begun(1000)?;
    let account = scene.finish()?;
    ensure!(account.letters >= 60 && account.duplicates == 0, "{account}");
    Ok(())
}

fn logs_that_cannot_be_written_stop_nothing(stage: &Stage) -> Result<()> {
    let load = Load {
        seed: 7,
        manners: Manners {
            refuse: 50,
            ..Manners::default()
        },
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "full-disk", load)?;
    // Each dead letter is a line of the log.
    scene.log_to(Some(FULL_DISK));
    scene.start(0)?;
    scene.write()?;
    scene.begun(500)?;
    let account = scene.finish()?;
    ensure!(account.letters > 0 && account.duplicates == 0, "{account}");
    Ok(())
}

/// No process dies, so no record may be repeated, however the handlers behave.
fn behave(stage: &Stage, name: &str, manners: Manners) -> Result<()> {
    let load = Load {
        seed: 1,
        manners,
        ..Load::default()
    };
    let mut scene = Scene::open(stage, name, load)?;
    scene.start(0)?;
    scene.write()?;
    scene.begun(1200)?;
    let account = scene.finish()?;
    ensure!(account.duplicates == 0, "{account}");
    Ok(())
}
