//! Topics that change under a service: more partitions, or another topic of the same name.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::chaos::Step;
use kaufmann_tests::rig::{Network, wait_until};

use crate::scene::{DEADLINE, PARTITIONS, Scene};
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    partitions_that_are_added_are_handled_too,
    a_topic_that_is_removed_and_made_anew_is_handled_from_its_beginning,
    a_topic_that_is_replaced_behind_the_services_back_is_handled_from_its_beginning,
];

/// The door of the shared broker that is closed here.
const REPLACED: usize = 4;

fn partitions_that_are_added_are_handled_too(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "grow", Load::default())?;
    scene.start(0)?;
    scene.start(1)?;
    scene.write()?;
    scene.begun(200)?;
    scene.client.grow_topic(&scene.topic, PARTITIONS + 3)?;
    scene.workload()?.spread_over(PARTITIONS + 3);
    let has_all = |scene: &Scene| {
        let seen: BTreeSet<i32> = scene.journal()?.iter().map(|entry| entry.partition).collect();
        Ok((seen.len() == 7).then_some(()))
    };
    wait_until("the new partitions should be handled", DEADLINE, || {
        has_all(&scene)
    })
    .with_context(|| scene.tails())?;
    scene.begun(300)?;
    scene.finish()?;
    Ok(())
}

/// The broker forgets what the group had committed along with the topic. What was not handled by then is gone with it; all
/// that is written to the new topic must be handled, whatever offsets the old one had reached.
fn a_topic_that_is_removed_and_made_anew_is_handled_from_its_beginning(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "anew", Load::default())?;
    scene.start(0)?;
    replace(scene, |scene| {
        scene.client.delete_topic(&scene.topic)?;
        scene.client.create_topic(&scene.topic, PARTITIONS, &[])
    })
}

/// The same, but the service never sees the time between the topics.
fn a_topic_that_is_replaced_behind_the_services_back_is_handled_from_its_beginning(
    stage: &Stage,
) -> Result<()> {
    let mut scene = Scene::open(stage, "replaced", Load::default())?;
    scene.start_behind(0, REPLACED)?;
    replace(scene, |scene| {
        scene.door(REPLACED).set(Network::Stalls);
        scene.client.delete_topic(&scene.topic)?;
        scene.client.create_topic(&scene.topic, PARTITIONS, &[])?;
        scene.door(REPLACED).set(Network::Works);
        Ok(())
    })
}

/// Handles some, has the topic replaced, and handles all of the new one.
fn replace(mut scene: Scene, replace: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
    scene.write()?;
    scene.begun(400)?;
    scene.settle()?;
    let before = scene.journal()?.len();
    replace(&scene)?;
    scene.write()?;
    scene.begun(200)?;
    let written = scene.settle()?;
    let journal = scene.journal()?;
    let done: BTreeSet<i64> = journal[before..]
        .iter()
        .filter(|entry| entry.step == Step::Done)
        .map(|entry| entry.number)
        .collect();
    ensure!(
        done.len() == written.len(),
        "{} of {} records of the new topic were handled\n{}",
        done.len(),
        written.len(),
        scene.tails()
    );
    scene.stop(0)
}
