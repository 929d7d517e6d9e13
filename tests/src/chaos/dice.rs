//! Chance that is the same for the same seed, on every machine.

/// A sequence of numbers that follows from its seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for one of many things of the same seed.
    #[must_use]
    pub fn of(seed: u64, thing: u64) -> Self {
        let mut dice = Self(seed ^ thing.wrapping_mul(0xd134_2543_de82_ef95));
        dice.roll();
        dice
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` to `to`, both included.
    ///
    /// # Panics
    ///
    /// If `to` is less than `from`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        assert!(from <= to, "there is no number from {from} to {to}");
        from + self.roll() % (to - from + 1)
    }

    /// True `share` times of a thousand.
    pub fn per_mille(&mut self, share: u32) -> bool {
        self.roll() % 1000 < u64::from(share)
    }
}
