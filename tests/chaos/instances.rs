//! Instances of the service that come, go, and are killed.

use std::time::Duration;

use anyhow::{Result, ensure};
use kaufmann_tests::chaos::Manners;
use rustix::process::Signal;

use crate::scene::{DEADLINE, PARTITIONS, Scene};
use crate::stage::Stage;
use crate::workload::Load;

mod rival;

pub(crate) use rival::Rival;

crate::tests![
    a_service_that_is_killed_while_it_works_continues_from_its_commit,
    a_deploy_over_three_instances_repeats_nothing,
    repeated_stop_signals_do_not_cut_a_drain_short_and_repeat_nothing,
    a_rival_that_joins_and_leaves_every_second_repeats_nothing,
];

fn a_service_that_is_killed_while_it_works_continues_from_its_commit(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "killed", Load::default())?;
    scene.short_sessions = true;
    scene.start(0)?;
    scene.write()?;
    for _ in 0..3 {
        scene.begun(400)?;
        let exposed = scene.expose()?;
        scene.kill(0)?;
        scene.cover(&exposed)?;
        scene.start(0)?;
    }
    scene.begun(200)?;
    scene.finish()?;
    Ok(())
}

fn a_deploy_over_three_instances_repeats_nothing(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "deploy", Load::default())?;
    for place in 0..3 {
        scene.start(place)?;
    }
    scene.client.wait_members(&scene.group, 3, DEADLINE)?;
    scene.write()?;
    scene.begun(100)?;
    for place in 0..3 {
        scene.stop(place)?;
        scene.start(place)?;
        scene.begun(150)?;
    }
    // No fault allows repetitions: a deploy must not repeat a single record.
    scene.finish()?;
    Ok(())
}

fn repeated_stop_signals_do_not_cut_a_drain_short_and_repeat_nothing(stage: &Stage) -> Result<()> {
    let load = Load {
        manners: Manners {
            hang: 100,
            ..Manners::default()
        },
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "asked-again", load)?;
    scene.start(0)?;
    scene.write()?;
    for _ in 0..3 {
        scene.begun(200)?;
        scene.ask_to_stop(0)?;
        let instance = scene.instance(0)?;
        instance.wait_log("SIGTERM: finishing the work in flight", DEADLINE)?;
        // As a supervisor does in its last stage, and a wrapper that forwards its group's signals.
        for pause in [0, 100, 300] {
            std::thread::sleep(Duration::from_millis(pause));
            // It may have ended in between, as it should.
            _ = instance.signal(Signal::TERM);
        }
        let status = instance.wait(DEADLINE)?;
        ensure!(status.success(), "{status}: {}", instance.tail());
        scene.start(0)?;
    }
    scene.begun(100)?;
    // No fault allows repetitions: each drain has finished its running records.
    scene.finish()?;
    Ok(())
}

fn a_rival_that_joins_and_leaves_every_second_repeats_nothing(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "rival", Load::default())?;
    scene.start(0)?;
    scene.write()?;
    scene.begun(100)?;
    let rival = Rival::start(&scene, Duration::from_secs(1))?;
    let before = rival.stays();
    scene.written(300 * 8)?;
    let (stays, partitions) = rival.end()?;
    ensure!(
        stays > before && partitions > 0 && partitions <= stays * usize::try_from(PARTITIONS)?,
        "the rival was no rival: {stays} stays, {partitions} partitions"
    );
    scene.finish()?;
    Ok(())
}
