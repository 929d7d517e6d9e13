//! Topics that change under a service: more partitions, or another topic of the same name.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Network, wait_until};

use crate::scene::{DEADLINE, PARTITIONS, Scene};
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    partitions_that_are_added_are_handled_too,
    partitions_that_are_added_after_a_rebalance_repeat_nothing,
    a_topic_that_is_deleted_and_created_again_is_handled_from_its_beginning,
    a_topic_that_is_replaced_unnoticed_is_handled_from_its_beginning,
];

/// The proxy of the shared broker that this test closes.
const REPLACED: usize = 4;

/// During a rebalance of the old ones: the client rejoins without waiting for the revoked partitions, and these are lost.
fn partitions_that_are_added_are_handled_too(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "grow", Load::default())?;
    scene.start(0)?;
    scene.start(1)?;
    scene.write()?;
    scene.begun(200)?;
    let exposed = scene.expose()?;
    grow(&mut scene)?;
    scene.cover(&exposed)?;
    handled_everywhere(scene)
}

fn partitions_that_are_added_after_a_rebalance_repeat_nothing(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "grow2", Load::default())?;
    scene.start(0)?;
    scene.start(1)?;
    scene.write()?;
    let handling = |scene: &Scene| {
        let entries = scene.journal()?;
        let incarnations: BTreeSet<u32> = entries.iter().map(|entry| entry.incarnation).collect();
        Ok((incarnations.len() == 2).then_some(()))
    };
    wait_until("both instances should handle", DEADLINE, || handling(&scene))
        .with_context(|| scene.tails())?;
    scene.begun(200)?;
    grow(&mut scene)?;
    handled_everywhere(scene)
}

fn grow(scene: &mut Scene) -> Result<()> {
    scene.client.grow_topic(&scene.topic, PARTITIONS + 3)?;
    scene.workload()?.spread_over(PARTITIONS + 3);
    Ok(())
}

fn handled_everywhere(mut scene: Scene) -> Result<()> {
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

/// The broker deletes the group's offsets along with the topic. All records of the new one must be handled,
/// whatever offsets the old one had reached.
fn a_topic_that_is_deleted_and_created_again_is_handled_from_its_beginning(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "anew", Load::default())?;
    scene.start(0)?;
    let scene = replaced(scene, Scene::make_topic_anew)?;
    scene.finish()?;
    Ok(())
}

/// The same, but the service never sees the time without a topic.
fn a_topic_that_is_replaced_unnoticed_is_handled_from_its_beginning(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "replaced", Load::default())?;
    scene.start_behind(0, REPLACED)?;
    let mut scene = replaced(scene, |scene| {
        scene.door(REPLACED).set(Network::Stalls);
        scene.make_topic_anew()?;
        scene.door(REPLACED).set(Network::Works);
        Ok(())
    })?;
    let logs = scene.instance(0)?.logs();
    ensure!(logs.contains("goes back to this offset"), "{}", scene.tails());
    scene.finish()?;
    Ok(())
}

/// Handles some records, replaces the topic, and handles more.
fn replaced(mut scene: Scene, replace: impl FnOnce(&mut Scene) -> Result<()>) -> Result<Scene> {
    scene.write()?;
    scene.begun(400)?;
    scene.settle()?;
    replace(&mut scene)?;
    scene.write()?;
    scene.begun(200)?;
    Ok(scene)
}
