//! `delivery = "exactly_once"`: a reader of committed messages sees each answer once, despite all faults.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use kaufmann_tests::chaos::Manners;
use kaufmann_tests::rig::{Cluster, Foreign, Network, wait_until};

use crate::instances::Rival;
use crate::scene::{DEADLINE, Scene};
use crate::stage::Stage;
use crate::workload::Load;

crate::tests![
    a_service_that_is_killed_while_it_works_answers_nothing_twice,
    kills_a_rival_and_a_broker_that_dies_while_handlers_fail_make_no_answer_twice,
    a_broker_that_is_away_for_longer_than_a_transaction_may_take_ends_the_service_and_no_answer_is_there_twice,
];

/// The proxy of the shared broker that this test closes.
const LATE: usize = 5;

fn a_service_that_is_killed_while_it_works_answers_nothing_twice(stage: &Stage) -> Result<()> {
    let mut scene = Scene::open(stage, "once-killed", Load::default())?;
    scene.short_sessions = true;
    scene.exactly_once = true;
    scene.start(0)?;
    scene.write()?;
    for _ in 0..4 {
        scene.begun(300)?;
        let exposed = scene.expose()?;
        scene.kill(0)?;
        scene.cover(&exposed)?;
        scene.start(0)?;
    }
    scene.begun(200)?;
    finish(scene)
}

fn kills_a_rival_and_a_broker_that_dies_while_handlers_fail_make_no_answer_twice(
    stage: &Stage,
) -> Result<()> {
    let cluster = Arc::new(Cluster::start(1, 0)?);
    let load = Load {
        seed: 11,
        manners: Manners {
            fail: 80,
            panic: 20,
            refuse: 20,
            ..Manners::default()
        },
        poison: 3,
        row: 5,
        ..Load::default()
    };
    let mut scene = Scene::open_on(stage, Arc::clone(&cluster), "once-all", load)?;
    scene.short_sessions = true;
    scene.exactly_once = true;
    for place in 0..2 {
        scene.start(place)?;
    }
    scene.client.wait_members(&scene.group, 2, DEADLINE)?;
    scene.write()?;
    scene.begun(200)?;
    let exposed = scene.expose()?;
    let rival = Rival::start(&scene, Duration::from_secs(1))?;
    for place in [0, 1, 0] {
        scene.begun(400)?;
        scene.kill(place)?;
        scene.begun(100)?;
        scene.start(place)?;
    }
    rival.end()?;
    scene.begun(200)?;
    cluster.kill(1);
    scene.written(300)?;
    cluster.restart(1)?;
    scene.begun(300)?;
    scene.cover(&exposed)?;
    finish(scene)
}

/// The broker aborts the abandoned transaction, so its messages do not count as answers.
fn a_broker_that_is_away_for_longer_than_a_transaction_may_take_ends_the_service_and_no_answer_is_there_twice(
    stage: &Stage,
) -> Result<()> {
    let load = Load {
        per_second: 60,
        ..Load::default()
    };
    let mut scene = Scene::open(stage, "once-late", load)?;
    scene.short_sessions = true;
    scene.exactly_once = true;
    // A transaction is open nearly always, and has many answers.
    scene.variables = vec![
        ("KAUFMANN_EXACTLY_ONCE_INTERVAL", "5s"),
        ("KAUFMANN_EXACTLY_ONCE_TIMEOUT", "10s"),
    ];
    scene.start_behind(0, LATE)?;
    scene.write()?;
    scene.begun(100)?;
    wait_until("a transaction should hold answers", DEADLINE, || {
        let committed: i64 = scene.client.committed(&scene.group, &scene.topic)?.values().sum();
        let begun = i64::try_from(scene.journal()?.len())?;
        Ok((begun > committed + 60).then_some(()))
    })?;
    let exposed = scene.expose()?;
    scene.door(LATE).set(Network::Cut);
    // After ten seconds, and at most ten more, the broker looks for transactions that take too long.
    scene.written(60 * 25)?;
    scene.cover(&exposed)?;
    scene.door(LATE).set(Network::Works);
    let late = scene.instance(0)?;
    let status = late.wait(DEADLINE)?;
    ensure!(status.code() == Some(70), "{status}\n{}", late.tail());
    ensure!(
        late.logs()
            .contains("a transaction took longer than `exactly_once.timeout`"),
        "{}",
        late.tail()
    );
    scene.kill(0)?;
    scene.start(0)?;
    scene.begun(100)?;
    finish(scene)
}

/// Ends the scene; then a foreign consumer reads the committed messages.
pub(crate) fn finish(scene: Scene) -> Result<()> {
    let (cluster, ground, topic) = (
        Arc::clone(&scene.cluster),
        Arc::clone(&scene.ground),
        scene.replies.clone(),
    );
    let account = scene.finish()?;
    let classes = tempfile::Builder::new().prefix("kaufmann-classes-").tempdir()?;
    let foreign = Foreign::prepare(classes.path())?;
    let expected = u64::try_from(account.answered)?;
    let read = foreign.consume_numbers(
        cluster.brokers(),
        &ground.registry.url(),
        &topic,
        ("key", "number"),
        expected,
        Duration::from_secs(60),
    )?;
    ensure!(
        (read.count, read.distinct, read.duplicates) == (expected, expected, 0),
        "of {expected} answers {} different ones were read, {} in all: {}",
        read.distinct,
        read.count,
        read.first_duplicate
    );
    ensure!(read.order_violations == 0, "{}", read.first_violation);
    Ok(())
}
