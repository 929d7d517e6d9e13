//! The schedule of faults: a function of the seed.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use kaufmann_tests::chaos::Dice;

use crate::stage::Stage;

crate::tests![
    the_same_seed_makes_the_same_schedule_and_another_one_another,
    each_fault_ends_before_the_schedule_and_no_two_affect_the_same_part,
];

/// The number of instances, each behind its own proxy.
pub(crate) const INSTANCES: usize = 2;
/// The time without faults at the beginning and at the end.
const CALM: u64 = 1500;
/// The longest time between the beginnings of two faults.
const PAUSE: u64 = 2500;

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// An instance is killed, and started again at the end.
    Kill(usize),
    /// An instance is told to stop, and started again at the end.
    Deploy(usize),
    /// A broker is killed, and started again at the end.
    Broker(usize),
    /// An instance is cut off from the brokers.
    Cut(usize),
    /// Traffic between an instance and the brokers stalls.
    Stall(usize),
    /// Traffic between them is delayed.
    Slow(usize),
    /// The brokers' halves of an instance's connections are closed.
    HalfClose(usize),
    /// Another member joins and leaves.
    Rival,
    /// The registry answers with an error.
    RegistryFails,
    /// The registry does not answer.
    RegistryMute,
    /// The registry cannot be reached.
    RegistryGone,
    /// The topic gets more partitions.
    Grow,
    /// The reply topic refuses large replies.
    SmallReplies,
    /// An instance is killed and replaced by one whose logs go to a full disk, which is redeployed at the end.
    FullDisk(usize),
}

/// The parts that can have only one fault at a time.
#[derive(PartialEq, Eq)]
enum Place {
    Instance(usize),
    Network(usize),
    Brokers,
    Rival,
    Registry,
    Topic,
    Replies,
}

/// A fault and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// The schedule of a seed, for this duration and number of brokers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Schedule {
    pub(crate) faults: Vec<Planned>,
    pub(crate) length: Duration,
}

impl Fault {
    fn place(self) -> Place {
        match self {
            Self::Kill(instance) | Self::Deploy(instance) | Self::FullDisk(instance) => {
                Place::Instance(instance)
            }
            Self::Cut(door) | Self::Stall(door) | Self::Slow(door) | Self::HalfClose(door) => {
                Place::Network(door)
            }
            Self::Broker(_) => Place::Brokers,
            Self::Rival => Place::Rival,
            Self::RegistryFails | Self::RegistryMute | Self::RegistryGone => Place::Registry,
            Self::Grow => Place::Topic,
            Self::SmallReplies => Place::Replies,
        }
    }

    /// Whether it may repeat records. A rebalance is enough: records waiting for a retry are given up, and those
    /// settled after them are repeated, too.
    pub(crate) fn repeats(self) -> bool {
        !matches!(
            self,
            Self::RegistryFails | Self::RegistryMute | Self::RegistryGone
        )
    }

    /// Whether handlers may go on without commits, or from one rebalance to the next, as long as it lasts. Otherwise they cannot go
    /// beyond what was unsettled when it began, and there is a rebalance when it ends.
    pub(crate) fn leaves_handlers_alone(self) -> bool {
        matches!(
            self,
            Self::Broker(_) | Self::Slow(_) | Self::Rival | Self::Grow | Self::SmallReplies
        )
    }

    fn draw(dice: &mut Dice, brokers: usize) -> Self {
        let mut below = |count: usize| usize::try_from(dice.roll() % count.max(1) as u64).unwrap_or(0);
        let instance = below(INSTANCES);
        match below(13) {
            0 | 1 => Self::Kill(instance),
            2 => Self::Deploy(instance),
            3 | 4 => Self::Broker(1 + below(brokers)),
            5 => Self::Cut(instance),
            6 => Self::Stall(instance),
            7 => Self::Slow(instance),
            8 => Self::HalfClose(instance),
            9 => Self::Rival,
            10 => [Self::RegistryFails, Self::RegistryMute, Self::RegistryGone][below(3)],
            11 => Self::FullDisk(instance),
            _ => Self::Grow,
        }
    }
}

impl Schedule {
    pub(crate) fn new(seed: u64, length: Duration, brokers: usize) -> Self {
        let mut dice = Dice::of(seed, 1);
        let end = u64::try_from(length.as_millis())
            .unwrap_or(u64::MAX)
            .max(3 * CALM)
            - CALM;
        let mut faults: Vec<Planned> = Vec::new();
        let mut now = CALM;
        loop {
            now += dice.between(100, PAUSE);
            let from = Duration::from_millis(now);
            let to = Duration::from_millis(now + dice.between(300, 6000));
            let fault = Fault::draw(&mut dice, brokers);
            if now >= end {
                break;
            }
            let to = to.min(Duration::from_millis(end));
            let taken = |other: &Planned| other.to >= from && other.fault.place() == fault.place();
            let grown = fault == Fault::Grow && faults.iter().any(|other| other.fault == Fault::Grow);
            if !grown && !faults.iter().any(taken) {
                faults.push(Planned { fault, from, to });
            }
        }
        Self { faults, length }
    }
}

impl Schedule {
    /// The same, while replies are refused: from time to time, or from some point to the end.
    pub(crate) fn with_refusals(mut self, seed: u64) -> Self {
        let mut dice = Dice::of(seed, 3);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let end = millis(self.length).max(3 * CALM) - CALM;
        let mut now = CALM + dice.between(0, 3000);
        while now < end {
            let time = if dice.between(0, 5) == 0 {
                end
            } else {
                dice.between(500, 8000)
            };
            let to = (now + time).min(end);
            self.faults.push(Planned {
                fault: Fault::SmallReplies,
                from: Duration::from_millis(now),
                to: Duration::from_millis(to),
            });
            now = to + dice.between(1000, 8000);
        }
        self
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Planned { fault, from, to } in &self.faults {
            write!(f, " {:.1}-{:.1} {fault:?};", from.as_secs_f32(), to.as_secs_f32())?;
        }
        Ok(())
    }
}

fn the_same_seed_makes_the_same_schedule_and_another_one_another(_: &Stage) -> Result<()> {
    let schedule = |seed| Schedule::new(seed, Duration::from_secs(60), 3);
    for seed in 0..100 {
        ensure!(schedule(seed) == schedule(seed), "seed {seed}");
        ensure!(schedule(seed) != schedule(seed + 1), "seed {seed}");
    }
    Ok(())
}

fn each_fault_ends_before_the_schedule_and_no_two_affect_the_same_part(_: &Stage) -> Result<()> {
    for seed in 0..1000 {
        let schedule = Schedule::new(seed, Duration::from_secs(20), 1).with_refusals(seed);
        let refuses = |planned: &Planned| planned.fault == Fault::SmallReplies;
        ensure!(schedule.faults.iter().any(refuses), "seed {seed} refuses nothing");
        ensure!(!schedule.faults.is_empty(), "seed {seed} has no fault");
        for (index, one) in schedule.faults.iter().enumerate() {
            ensure!(
                one.from < one.to && one.to < schedule.length,
                "seed {seed}: {one:?}"
            );
            let shares = |other: &&Planned| other.fault.place() == one.fault.place() && other.from <= one.to;
            let other = schedule.faults[index + 1..].iter().find(shares);
            ensure!(other.is_none(), "seed {seed}: {one:?} and {other:?}");
        }
    }
    Ok(())
}
