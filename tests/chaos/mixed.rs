//! All faults at random: two instances, handlers that behave badly, poison, new schemas, and a schedule of a seed.
//!
//! `KAUFMANN_CHAOS_SEED` is a seed or a range such as `1..20`, both included; `KAUFMANN_CHAOS_SECONDS` sets how long
//! each runs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kaufmann_tests::chaos::{Dice, Manners};
use kaufmann_tests::rig::{Cluster, Fault as Answer, Network};

use crate::exactly_once::finish;
use crate::handlers::FULL_DISK;
use crate::instances::Rival;
use crate::scene::{DEADLINE, Exposed, PARTITIONS, Protocol, Scene};
use crate::schedule::{Fault, INSTANCES, Planned, Schedule};
use crate::stage::Stage;
use crate::workload::Load;

const SEED: &str = "KAUFMANN_CHAOS_SEED";
const SECONDS: &str = "KAUFMANN_CHAOS_SECONDS";
/// The default seeds.
const USUAL_SEEDS: std::ops::RangeInclusive<u64> = 1..=3;
const USUAL_SECONDS: u64 = 14;

/// The size limit of the reply topic while it refuses large replies, and otherwise.
const LIMIT: &str = "100000";
const NO_LIMIT: &str = "1048588";

/// The log line of an instance that has partitions.
const ASSIGNED: &str = "\"message\":\"assigned\"";

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
pub(crate) fn run(stage: &Stage, seed: u64, exactly_once: bool) -> Result<()> {
    let length = Duration::from_secs(seconds()?);
    let mut cast = Cast::new(seed, length)?;
    cast.exactly_once = exactly_once;
    // The metadata of commits would be applied to the new topic.
    cast.anew &= !exactly_once;
    let mut schedule = Schedule::new(seed, length, cast.brokers);
    if exactly_once {
        // One refused reply aborts a whole transaction.
        cast.load.manners.large = 8;
        schedule = schedule.with_refusals(seed);
    }
    let line = format!("seed {seed}, {cast}:{schedule}\n");
    std::io::stdout().write_all(line.as_bytes())?;
    let story = || {
        let seconds = length.as_secs();
        format!("{SEED}={seed} {SECONDS}={seconds} repeats {cast}:{schedule}")
    };
    let mut torment = Torment::open(stage, seed, &cast).with_context(story)?;
    torment.go_through(&schedule).with_context(story)?;
    if exactly_once {
        return finish(torment.scene).with_context(story);
    }
    torment.scene.finish().with_context(story)?;
    Ok(())
}

/// The participants: a function of the seed.
struct Cast {
    brokers: usize,
    protocol: Protocol,
    commit_ahead: bool,
    /// Whether the topic is replaced, unnoticed by an instance, before the faults begin.
    anew: bool,
    exactly_once: bool,
    load: Load,
}

impl Cast {
    fn new(seed: u64, length: Duration) -> Result<Self> {
        let mut dice = Dice::of(seed, 2);
        let protocols = [Protocol::Cooperative, Protocol::Eager, Protocol::Broker];
        let per_second = u32::try_from(dice.between(100, 300))?;
        let anew = dice.between(0, 2) == 0;
        Ok(Self {
            // Every third seed has a cluster.
            brokers: if seed.is_multiple_of(3) { 3 } else { 1 },
            protocol: protocols[usize::try_from(dice.between(0, 2))?],
            commit_ahead: dice.between(0, 3) > 0,
            anew,
            exactly_once: false,
            load: Load {
                seed,
                manners: Manners::mixed(),
                keys_a_partition: dice.between(2, 30),
                per_second,
                most: usize::try_from(u64::from(per_second) * length.as_secs())?,
                poison: 3,
                row: dice.between(1, 40),
                schema_every: 300,
            },
        })
    }
}

impl fmt::Display for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            brokers, protocol, ..
        } = self;
        let ahead = if self.commit_ahead {
            ""
        } else {
            ", commits nothing ahead"
        };
        let anew = if self.anew { ", a topic made anew" } else { "" };
        let once = if self.exactly_once { ", exactly once" } else { "" };
        write!(f, "{brokers} brokers, {protocol:?}{ahead}{anew}{once}")
    }
}

struct Torment {
    scene: Scene,
    cluster: Arc<Cluster>,
    rival: Option<Rival>,
    /// By fault: what was committed when it began, for running faults that do not affect handlers.
    exposed: BTreeMap<usize, Exposed>,
    /// The same for faults that are over, without a commit since.
    uncovered: Vec<Exposed>,
    /// What is known to be committed.
    known: Exposed,
    /// The broker that was killed last, until it takes connections again.
    away: Option<usize>,
}

impl Torment {
    /// Has the instances at work, and the workload.
    fn open(stage: &Stage, seed: u64, cast: &Cast) -> Result<Self> {
        let cluster = Arc::new(Cluster::start(cast.brokers, INSTANCES)?);
        let once = if cast.exactly_once { "once-" } else { "" };
        let name = format!("seed-{once}{seed}");
        let mut scene = Scene::open_on(stage, Arc::clone(&cluster), &name, cast.load.clone())?;
        scene.zombies = true;
        scene.short_sessions = true;
        scene.protocol = cast.protocol;
        scene.commit_ahead = cast.commit_ahead;
        scene.exactly_once = cast.exactly_once;
        for instance in 0..INSTANCES {
            scene.start_behind(instance, instance)?;
            // Describing a group does not show one that the broker assigns.
            scene.instance(instance)?.wait_log(ASSIGNED, DEADLINE)?;
        }
        scene.write()?;
        if cast.anew {
            scene.begun(100)?;
            scene.settle()?;
            scene.door(0).set(Network::Stalls);
            scene.make_topic_anew()?;
            scene.door(0).set(Network::Works);
            scene.write()?;
        }
        Ok(Self {
            scene,
            cluster,
            rival: None,
            exposed: BTreeMap::new(),
            uncovered: Vec::new(),
            known: Exposed::default(),
            away: None,
        })
    }

    fn go_through(&mut self, schedule: &Schedule) -> Result<()> {
        let faults = || schedule.faults.iter().enumerate();
        let begins = faults().map(|(number, planned)| (planned.from, true, number));
        let ends = faults().map(|(number, planned)| (planned.to, false, number));
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
        self.cluster.wait_ready()?;
        self.limit_replies(NO_LIMIT)?;
        std::mem::take(&mut self.uncovered)
            .iter()
            .try_for_each(|exposed| self.scene.cover(exposed))
    }

    fn begin(&mut self, number: usize, fault: Fault) -> Result<()> {
        let exposed = fault.repeats().then(|| self.expose()).transpose()?;
        let scene = &mut self.scene;
        match fault {
            Fault::Kill(instance) => scene.kill(instance)?,
            Fault::Deploy(instance) => scene.ask_to_stop(instance)?,
            Fault::FullDisk(instance) => {
                scene.kill(instance)?;
                scene.log_to(Some(FULL_DISK));
                scene.start_behind(instance, instance)?;
                scene.log_to(None);
            }
            Fault::Broker(node) => {
                self.cluster.kill(node);
                self.away = Some(node);
            }
            Fault::Cut(door) => scene.door(door).set(Network::Cut),
            Fault::Stall(door) => scene.door(door).set(Network::Stalls),
            Fault::Slow(door) => scene.door(door).set(Network::Slow(Duration::from_millis(100))),
            Fault::HalfClose(door) => scene.door(door).half_close(),
            Fault::Rival => self.rival = Some(Rival::start(scene, Duration::from_secs(1))?),
            Fault::RegistryFails => scene.registry.set(Answer::Status(503)),
            Fault::RegistryMute => scene.registry_network.set(Network::Stalls),
            Fault::RegistryGone => scene.registry_network.set(Network::Cut),
            // The responsible broker may be away; then nothing is refused.
            Fault::SmallReplies => {
                if self.brokers_answer() {
                    _ = self.limit_replies(LIMIT);
                }
            }
            Fault::Grow => {}
        }
        match exposed {
            Some(exposed) if fault.leaves_handlers_alone() => _ = self.exposed.insert(number, exposed),
            Some(exposed) => self.scene.cover(&exposed)?,
            None => {}
        }
        Ok(())
    }

    fn end(&mut self, number: usize, fault: Fault) -> Result<()> {
        let scene = &mut self.scene;
        match fault {
            Fault::Kill(instance) => scene.start_behind(instance, instance)?,
            Fault::Deploy(instance) => {
                scene.wait_stopped(instance)?;
                scene.start_behind(instance, instance)?;
            }
            Fault::FullDisk(instance) => {
                scene.ask_to_stop(instance)?;
                scene.wait_stopped(instance)?;
                scene.start_behind(instance, instance)?;
            }
            Fault::Broker(node) => self.cluster.launch(node)?,
            Fault::Cut(door) | Fault::Stall(door) | Fault::Slow(door) => scene.door(door).set(Network::Works),
            Fault::HalfClose(_) => {}
            Fault::Rival => {
                if let Some(rival) = self.rival.take() {
                    rival.end()?;
                }
            }
            Fault::RegistryFails => scene.registry.set(Answer::Forward),
            Fault::RegistryMute | Fault::RegistryGone => scene.registry_network.set(Network::Works),
            // Otherwise it is done when the schedule ends.
            Fault::SmallReplies => {
                if self.brokers_answer() {
                    _ = self.limit_replies(NO_LIMIT);
                }
            }
            // The responsible broker may be away; then it is skipped.
            Fault::Grow => {
                if self.brokers_answer() {
                    let scene = &self.scene;
                    if scene.client.grow_topic(&scene.topic, PARTITIONS + 2).is_ok() {
                        scene.workload()?.spread_over(PARTITIONS + 2);
                    }
                }
            }
        }
        if fault.leaves_handlers_alone() {
            self.uncovered.extend(self.exposed.remove(&number));
            self.look_for_commits()
        } else if fault.repeats() {
            let exposed = self.expose()?;
            self.scene.cover(&exposed)
        } else {
            Ok(())
        }
    }

    /// The committed offsets, or the last known ones.
    fn expose(&mut self) -> Result<Exposed> {
        self.look_for_commits()?;
        Ok(self.known.clone())
    }

    /// Requests the committed offsets, if a broker answers. Once commits go on, handlers are past the records that were there
    /// while they did not.
    fn look_for_commits(&mut self) -> Result<()> {
        if self.brokers_answer()
            && let Ok(exposed) = self.scene.expose()
        {
            self.known = exposed;
        }
        let (known, scene) = (&self.known, &mut self.scene);
        for exposed in self.uncovered.extract_if(.., |exposed| *exposed != *known) {
            scene.cover(&exposed)?;
        }
        Ok(())
    }

    /// How large a batch of replies may be.
    fn limit_replies(&self, bytes: &str) -> Result<()> {
        let scene = &self.scene;
        scene
            .client
            .configure_topic(&scene.replies, "max.message.bytes", bytes)
    }

    fn brokers_answer(&mut self) -> bool {
        self.away = self.away.filter(|node| !self.cluster.listens(*node));
        self.away.is_none()
    }
}
