//! A registry that is slow, fails, or is unavailable, while producers use schemas that the service has not seen yet.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Fault, Network, wait_until};

use crate::scene::{DEADLINE, Scene};
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    a_slow_registry_delays_only_records_with_unknown_schemas,
    a_registry_that_answers_with_errors_is_asked_until_it_answers,
    an_unavailable_registry_is_waited_for,
    a_registry_that_never_answers_is_waited_for,
];

/// A new schema once a second.
fn load() -> Load {
    Load {
        per_second: 200,
        schema_every: 200,
        ..Load::default()
    }
}

fn a_slow_registry_delays_only_records_with_unknown_schemas(stage: &Stage) -> Result<()> {
    let scene = Scene::open(stage, "registry-slow", load())?;
    scene
        .registry_network
        .set(Network::Slow(Duration::from_millis(400)));
    survive(scene, |_| Ok(()))
}

fn a_registry_that_answers_with_errors_is_asked_until_it_answers(stage: &Stage) -> Result<()> {
    let scene = Scene::open(stage, "registry-503", load())?;
    survive(scene, |scene| {
        for status in [503, 500, 429] {
            scene.registry.set(Fault::Status(status));
            let refused = scene.registry.refused();
            wait_until("the registry should be asked", DEADLINE, || {
                scene.assert_running()?;
                Ok((scene.registry.refused() >= refused + 5).then_some(()))
            })
            .with_context(|| scene.tails())?;
        }
        scene.registry.set(Fault::Forward);
        Ok(())
    })
}

fn an_unavailable_registry_is_waited_for(stage: &Stage) -> Result<()> {
    let scene = Scene::open(stage, "registry-gone", load())?;
    survive(scene, |scene| {
        scene.registry_network.set(Network::Cut);
        scene.written(800)?;
        scene.registry_network.set(Network::Works);
        Ok(())
    })
}

fn a_registry_that_never_answers_is_waited_for(stage: &Stage) -> Result<()> {
    let scene = Scene::open(stage, "registry-mute", load())?;
    survive(scene, |scene| {
        scene.registry_network.set(Network::Stalls);
        scene.written(800)?;
        scene.registry_network.set(Network::Works);
        Ok(())
    })
}

/// Handles some records, then the fault, then the rest: each once, since only time was lost.
fn survive(mut scene: Scene, fault: impl FnOnce(&mut Scene) -> Result<()>) -> Result<()> {
    scene.start(0)?;
    scene.write()?;
    scene.begun(200)?;
    fault(&mut scene)?;
    scene.begun(400)?;
    let account = scene.finish()?;
    ensure!(account.letters == 0 && account.duplicates == 0, "{account}");
    Ok(())
}
