//! All faults at random: two instances, handlers that behave badly, poison, new schemas, and a schedule of a seed.
//!
//! `KAUFMANN_CHAOS_SEED` is a seed or a range of them such as `1..20`, both included; `KAUFMANN_CHAOS_SECONDS` says how long
//! each may go on.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kaufmann_tests::chaos::{Dice, Manners};
use kaufmann_tests::rig::{Cluster, Fault as Answer, Network};

use crate::instances::Rival;
use crate::scene::{DEADLINE, Exposed, PARTITIONS, Scene};
use crate::schedule::{Fault, INSTANCES, Planned, Schedule};
use crate::stage::Stage;
use crate::workload::Load;

const SEED: &str = "KAUFMANN_CHAOS_SEED";
const SECONDS: &str = "KAUFMANN_CHAOS_SECONDS";
/// What runs if nobody says otherwise.
const USUAL_SEEDS: std::ops::RangeInclusive<u64> = 1..=3;
const USUAL_SECONDS: u64 = 14;

/// The seeds to run.
pub(crate) fn seeds() -> Result<Vec<u64>> {
    let Some(text) = variable(SEED) else {
        return Ok(USUAL_SEEDS.collect());
    };
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let number = |text: &str| text.trim_start_matches('=').parse::<u64>();
    let seeds = number(first).and_then(|first| Ok((first..=number(last)?).collect()));
    seeds.with_context(|| format!("{SEED} is `{text}`, expected a number or a range such as 1..20"))
}

fn seconds() -> Result<u64> {
    let Some(text) = variable(SECONDS) else {
        return Ok(USUAL_SECONDS);
    };
    text.parse()
        .with_context(|| format!("{SECONDS} is `{text}`, expected a number of seconds"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Runs a seed.
pub(crate) fn run(stage: &Stage, seed: u64) -> Result<()> {
    // Every third seed has a cluster.
    let brokers = if seed.is_multiple_of(3) { 3 } else { 1 };
    let schedule = Schedule::new(seed, Duration::from_secs(seconds()?), brokers);
    let line = format!("seed {seed}, {brokers} brokers:{schedule}\n");
    std::io::stdout().write_all(line.as_bytes())?;
    let story = || {
        format!(
            "{SEED}={seed} {SECONDS}={} repeats:{schedule}",
            schedule.length.as_secs()
        )
    };

    let cluster = Arc::new(Cluster::start(brokers, INSTANCES)?);
    let mut dice = Dice::of(seed, 2);
    let load = Load {
        seed,
        manners: Manners::mixed(),
        keys_a_partition: dice.between(2, 30),
        per_second: u32::try_from(dice.between(100, 300))?,
        poison: 3,
        row: dice.between(1, 40),
        schema_every: 300,
    };
    let mut scene = Scene::open_on(stage, Arc::clone(&cluster), &format!("seed-{seed}"), load)?;
    scene.zombies = true;
    scene.short_sessions = true;
    for instance in 0..INSTANCES {
        scene.start_behind(instance, instance)?;
    }
    scene
        .client
        .wait_members(&scene.group, INSTANCES, DEADLINE)
        .with_context(|| scene.tails())?;
    scene.write()?;
    let mut torment = Torment {
        scene,
        cluster,
        rival: None,
        exposed: BTreeMap::new(),
        known: Exposed::default(),
        brokers_away: false,
    };
    torment.go_through(&schedule).with_context(story)?;
    torment.scene.finish().with_context(story)?;
    Ok(())
}

struct Torment {
    scene: Scene,
    cluster: Arc<Cluster>,
    rival: Option<Rival>,
    /// What was committed when the faults began that go on now, by their numbers.
    exposed: BTreeMap<usize, Exposed>,
    /// What is known to be committed.
    known: Exposed,
    /// Whether there is a broker that cannot be asked.
    brokers_away: bool,
}

impl Torment {
    fn go_through(&mut self, schedule: &Schedule) -> Result<()> {
        let begins = schedule
            .faults
            .iter()
            .enumerate()
            .map(|(number, planned)| (planned.from, true, number));
        let ends = schedule
            .faults
            .iter()
            .enumerate()
            .map(|(number, planned)| (planned.to, false, number));
        let mut events: Vec<_> = begins.chain(ends).collect();
        events.sort_unstable();
        let start = Instant::now();
        for (at, begins, number) in events {
            std::thread::sleep(at.saturating_sub(start.elapsed()));
            let Planned { fault, .. } = schedule.faults[number];
            let done = if begins {
                self.begin(number, fault)
            } else {
                self.end(number, fault)
            };
            done.with_context(|| format!("{fault:?}"))?;
        }
        std::thread::sleep(schedule.length.saturating_sub(start.elapsed()));
        Ok(())
    }

    fn begin(&mut self, number: usize, fault: Fault) -> Result<()> {
        if fault.repeats() {
            let exposed = self.expose();
            self.exposed.insert(number, exposed);
        }
        let scene = &mut self.scene;
        match fault {
            Fault::Kill(instance) => scene.kill(instance)?,
            Fault::Deploy(instance) => scene.stop_in_any_state(instance)?,
            Fault::Broker(node) => {
                self.cluster.kill(node);
                self.brokers_away = true;
            }
            Fault::Cut(door) => scene.door(door).set(Network::Cut),
            Fault::Stall(door) => scene.door(door).set(Network::Stalls),
            Fault::Slow(door) => scene.door(door).set(Network::Slow(Duration::from_millis(100))),
            Fault::HalfClose(door) => scene.door(door).half_close(),
            Fault::Rival => {
                let stay = Duration::from_secs(1);
                self.rival = Some(Rival::start(
                    scene.cluster.brokers(),
                    &scene.group,
                    &scene.topic,
                    stay,
                )?);
            }
            Fault::RegistryFails => scene.registry.set(Answer::Status(503)),
            Fault::RegistryMute => scene.registry_network.set(Network::Stalls),
            Fault::RegistryGone => scene.registry_network.set(Network::Cut),
            Fault::Grow => {}
        }
        Ok(())
    }

    /// What is committed, or what was when somebody could be asked.
    fn expose(&mut self) -> Exposed {
        if !self.brokers_away
            && let Ok(exposed) = self.scene.expose()
        {
            self.known = exposed;
        }
        self.known.clone()
    }

    fn end(&mut self, number: usize, fault: Fault) -> Result<()> {
        let scene = &mut self.scene;
        match fault {
            Fault::Kill(instance) | Fault::Deploy(instance) => scene.start_behind(instance, instance)?,
            Fault::Broker(node) => {
                self.cluster.restart(node)?;
                self.brokers_away = false;
            }
            Fault::Cut(door) | Fault::Stall(door) | Fault::Slow(door) => scene.door(door).set(Network::Works),
            Fault::HalfClose(_) => {}
            Fault::Rival => {
                if let Some(rival) = self.rival.take() {
                    rival.end()?;
                }
            }
            Fault::RegistryFails => scene.registry.set(Answer::Forward),
            Fault::RegistryMute | Fault::RegistryGone => scene.registry_network.set(Network::Works),
            // A broker may be away that would have to do it; then it is left.
            Fault::Grow => {
                if !self.brokers_away && scene.client.grow_topic(&scene.topic, PARTITIONS + 2).is_ok() {
                    scene.workload()?.spread_over(PARTITIONS + 2);
                }
            }
        }
        if let Some(exposed) = self.exposed.remove(&number) {
            scene.cover(&exposed)?;
        }
        Ok(())
    }
}
