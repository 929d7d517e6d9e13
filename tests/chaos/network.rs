//! The network between service and brokers is cut, stalls, or works in one direction only.

use std::time::Duration;

use anyhow::{Result, ensure};
use kaufmann_tests::rig::Network;

use crate::scene::{DEADLINE, Scene};
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    an_instance_that_is_cut_off_is_replaced_and_comes_back,
    a_service_whose_network_stalls_for_half_a_minute_goes_on_afterwards,
    half_closed_connections_are_opened_again,
    a_slow_network_only_slows,
];

/// The proxies of the shared broker, one for each test.
const CUT: usize = 0;
const STALLS: usize = 1;
const HALF: usize = 2;
const SLOW: usize = 3;

fn an_instance_that_is_cut_off_is_replaced_and_comes_back(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "cut", Load::default())?;
    scene.zombies = true;
    scene.short_sessions = true;
    scene.start_behind(0, CUT)?;
    scene.start(1)?;
    scene.client.wait_members(&scene.group, 2, DEADLINE)?;
    scene.write()?;
    scene.begun(300)?;
    let exposed = scene.expose()?;
    scene.door(CUT).set(Network::Cut);
    scene.cover(&exposed)?;
    // The group gives its partitions to the other instance.
    scene.client.wait_members(&scene.group, 1, DEADLINE)?;
    scene.begun(300)?;
    scene.door(CUT).set(Network::Works);
    scene.client.wait_members(&scene.group, 2, DEADLINE)?;
    scene.begun(200)?;
    scene.finish()?;
    Ok(())
}

fn a_service_whose_network_stalls_for_half_a_minute_goes_on_afterwards(stage: &Stage) -> Result<()> {
    // Few records, so that those written meanwhile are handled soon.
    let load = Load {
        per_second: 60,
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "stall", load)?;
    scene.zombies = true;
    scene.short_sessions = true;
    scene.start_behind(0, STALLS)?;
    scene.write()?;
    scene.begun(100)?;
    let exposed = scene.expose()?;
    scene.door(STALLS).set(Network::Stalls);
    scene.cover(&exposed)?;
    scene.client.wait_members(&scene.group, 0, DEADLINE)?;
    scene.written(60 * 30)?;
    scene.door(STALLS).set(Network::Works);
    scene.begun(100)?;
    scene.finish()?;
    Ok(())
}

fn half_closed_connections_are_opened_again(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "half", Load::default())?;
    scene.start_behind(0, HALF)?;
    scene.write()?;
    for _ in 0..5 {
        scene.begun(200)?;
        scene.door(HALF).half_close();
    }
    scene.begun(200)?;
    // Losing a connection does not end the membership: no record may be repeated.
    let account = scene.finish()?;
    ensure!(account.duplicates == 0, "{account}");
    Ok(())
}

fn a_slow_network_only_slows(stage: &Stage) -> Result<()> {
    let load = Load {
        per_second: 100,
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "slow", load)?;
    scene.start_behind(0, SLOW)?;
    scene.write()?;
    scene.begun(100)?;
    scene.door(SLOW).set(Network::Slow(Duration::from_millis(150)));
    scene.begun(500)?;
    scene.door(SLOW).set(Network::Works);
    let account = scene.finish()?;
    ensure!(account.duplicates == 0, "{account}");
    Ok(())
}
