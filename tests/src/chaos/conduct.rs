//! How a handler behaves: a function of the event's number and the seed, so that the oracle knows what to expect.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Dice;

/// How many events of a thousand meet a handler that behaves in this way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Manners {
    /// It waits for up to 1.5 s before it goes on.
    pub hang: u32,
    /// It never ends at its first attempt, perhaps at its second neither.
    pub stick: u32,
    /// It blocks its thread for up to 300 ms, as code that computes does.
    pub block: u32,
    /// It panics at its first attempt, perhaps at its second, too.
    pub panic: u32,
    /// It fills 32 MiB.
    pub allocate: u32,
    /// It fails at its first attempts, up to three.
    pub fail: u32,
    /// It says that the event cannot be handled at all.
    pub refuse: u32,
    /// It answers with 200 kB.
    pub large: u32,
}

/// What a handler does with one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
    /// What it should.
    Well,
    /// Waits.
    Hang(Duration),
    /// Never ends at this many attempts.
    Stick(u32),
    /// Blocks its thread.
    Block(Duration),
    /// Panics at this many attempts.
    Panic(u32),
    /// Fills so many bytes.
    Allocate(usize),
    /// Fails at this many attempts.
    Fail(u32),
    /// Refuses it.
    Refuse,
    /// Answers with so many bytes.
    Large(usize),
}

impl Manners {
    /// A few take long, so that there is always something unsettled below what is settled.
    #[must_use]
    pub fn uneven() -> Self {
        Self {
            hang: 10,
            ..Self::default()
        }
    }

    /// A bit of everything.
    #[must_use]
    pub fn mixed() -> Self {
        Self {
            hang: 6,
            stick: 2,
            block: 3,
            panic: 20,
            allocate: 5,
            fail: 30,
            refuse: 15,
            large: 0,
        }
    }

    /// What the handler does with the event of this number.
    #[must_use]
    pub fn conduct(&self, seed: u64, number: i64) -> Conduct {
        let mut dice = Dice::of(seed, number.unsigned_abs());
        let share = dice.between(0, 999);
        let mut upper = 0;
        let mut falls_in = |part: u32| {
            upper += u64::from(part);
            share < upper
        };
        if falls_in(self.hang) {
            Conduct::Hang(Duration::from_millis(dice.between(100, 1500)))
        } else if falls_in(self.stick) {
            Conduct::Stick(u32::try_from(dice.between(1, 2)).unwrap_or(1))
        } else if falls_in(self.block) {
            Conduct::Block(Duration::from_millis(dice.between(20, 300)))
        } else if falls_in(self.panic) {
            Conduct::Panic(u32::try_from(dice.between(1, 2)).unwrap_or(1))
        } else if falls_in(self.allocate) {
            Conduct::Allocate(32 << 20)
        } else if falls_in(self.fail) {
            Conduct::Fail(u32::try_from(dice.between(1, 3)).unwrap_or(1))
        } else if falls_in(self.refuse) {
            Conduct::Refuse
        } else if falls_in(self.large) {
            Conduct::Large(200_000)
        } else {
            Conduct::Well
        }
    }
}
