//! Brokers that die.

use std::sync::Arc;

use anyhow::Result;
use kaufmann_tests::rig::Cluster;

use crate::scene::Scene;
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    a_broker_that_is_killed_and_comes_back_loses_nothing,
    a_cluster_that_loses_a_leader_goes_on_with_the_others,
];

fn a_broker_that_is_killed_and_comes_back_loses_nothing(stage: &Stage) -> Result<()> {
    let cluster = Arc::new(Cluster::start(1, 0)?);
    let mut scene = Scene::open_on(stage, Arc::clone(&cluster), "broker", Load::default())?;
    scene.short_sessions = true;
    scene.start(0)?;
    scene.write()?;
    scene.begun(400)?;
    let exposed = scene.expose()?;
    cluster.kill(1);
    scene.cover(&exposed)?;
    // It is away while the producer and the handlers have work.
    scene.written(300)?;
    cluster.restart(1)?;
    scene.begun(200)?;
    scene.finish()?;
    Ok(())
}

fn a_cluster_that_loses_a_leader_goes_on_with_the_others(stage: &Stage) -> Result<()> {
    let cluster = Arc::new(Cluster::start(3, 0)?);
    let mut scene = Scene::open_on(stage, Arc::clone(&cluster), "leader", Load::default())?;
    scene.short_sessions = true;
    scene.start(0)?;
    scene.start(1)?;
    scene.write()?;
    scene.begun(300)?;
    let exposed = scene.expose()?;
    let leader = scene.client.leader(&scene.topic, 0)?;
    cluster.kill(leader);
    // Others become leaders, and everything goes on while it is away.
    scene.begun(600)?;
    scene.cover(&exposed)?;
    cluster.restart(leader)?;
    scene.finish()?;
    Ok(())
}
