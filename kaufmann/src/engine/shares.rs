//! Which shard gets the next permit, if there are fewer permits than keys that could run. Pure: no clock, no locks.
//!
//! Keys are spread over the shards by their hash, so some shards have more keys than others. If all shards had the same number of permits,
//! the keys of the fullest shard would fall behind, and in the end it would run alone with what is left. So a permit goes to the shard
//! with the fewest permits relative to what it could use: then all keys make equal progress.

/// The permits, and how many each shard has.
#[derive(Debug)]
pub(crate) struct Shares {
    free: usize,
    shards: Box<[Share]>,
    /// How many shards are queued.
    queued: usize,
    /// Counts the permits that were given.
    grants: u64,
}

#[derive(Clone, Copy, Default, Debug)]
struct Share {
    /// Permits that it has, including those in `granted`.
    held: usize,
    /// Permits that were granted to it while it was queued, and that it has not taken yet.
    granted: usize,
    /// How many more it could use; 0: it is not queued.
    wants: usize,
    /// The value of `grants` when it got its last one.
    last: u64,
}

impl Shares {
    pub(crate) fn new(permits: usize, shards: usize) -> Self {
        Self {
            free: permits,
            shards: vec![Share::default(); shards].into(),
            queued: 0,
            grants: 0,
        }
    }

    /// Takes a permit for a shard. If none is free, queues the shard as one that could use `wants`; 0: does not queue it.
    pub(crate) fn take(&mut self, shard: usize, wants: usize) -> bool {
        let share = &mut self.shards[shard];
        if share.granted > 0 {
            share.granted -= 1;
            return true;
        }
        if self.free > 0 {
            self.free -= 1;
            self.grants += 1;
            share.held += 1;
            share.last = self.grants;
            return true;
        }
        self.set_wants(shard, wants);
        false
    }

    /// Gives a shard's permit back. `wants` is how many it could use, if it is queued. Returns the shard that gets the permit.
    pub(crate) fn give_back(&mut self, shard: usize, wants: Option<usize>) -> Option<usize> {
        self.shards[shard].held -= 1;
        self.free += 1;
        if let Some(wants) = wants
            && self.shards[shard].wants > 0
        {
            self.set_wants(shard, wants);
        }
        self.grant()
    }

    /// Removes a shard from the queue. Returns a shard that gets one of the permits that were granted to it; to be called until it returns `None`.
    pub(crate) fn leave(&mut self, shard: usize) -> Option<usize> {
        self.set_wants(shard, 0);
        while self.shards[shard].granted > 0 {
            self.shards[shard].granted -= 1;
            self.shards[shard].held -= 1;
            self.free += 1;
            let other = self.grant();
            if other.is_some() {
                return other;
            }
        }
        None
    }

    fn grant(&mut self) -> Option<usize> {
        if self.queued == 0 || self.free == 0 {
            return None;
        }
        let (shard, _) = self
            .shards
            .iter()
            .enumerate()
            .filter(|(_, share)| share.wants > 0)
            .min_by(|(_, one), (_, other)| one.compare(other))?;
        self.free -= 1;
        self.grants += 1;
        let share = &mut self.shards[shard];
        share.held += 1;
        share.granted += 1;
        share.last = self.grants;
        let wants = share.wants - 1;
        self.set_wants(shard, wants);
        Some(shard)
    }

    fn set_wants(&mut self, shard: usize, wants: usize) {
        let share = &mut self.shards[shard];
        self.queued -= usize::from(share.wants > 0);
        share.wants = wants;
        self.queued += usize::from(wants > 0);
    }
}

impl Share {
    /// The smaller share is served first: the one with fewer permits relative to what it could use, then the one that was served longer ago.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        // a / (a + w) < b / (b + v), without a division.
        let own = self.held as u128 * (other.held + other.wants) as u128;
        let others = other.held as u128 * (self.held + self.wants) as u128;
        own.cmp(&others).then(self.last.cmp(&other.last))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::{BinaryHeap, VecDeque};

    use proptest::prelude::*;

    use super::*;
    use crate::engine::lanes::Lanes;

    #[test]
    fn a_permit_goes_to_the_shard_that_has_the_fewest_for_what_it_could_use() {
        let mut shares = Shares::new(4, 2);
        assert!((0..2).all(|shard| shares.take(shard, 9) && shares.take(shard, 9)));
        assert!(!shares.take(0, 2) && !shares.take(1, 10));
        assert_eq!(
            shares.give_back(0, Some(9)),
            Some(0),
            "one of ten is less than two of twelve"
        );
        assert!(shares.take(0, 8));
        assert_eq!(
            shares.give_back(1, Some(10)),
            Some(1),
            "one of eleven is less than two of ten"
        );
    }

    #[test]
    fn with_one_permit_shards_have_it_in_turn() {
        let mut shares = Shares::new(1, 3);
        assert!(shares.take(0, 5));
        assert!(!shares.take(1, 500) && !shares.take(2, 1) && !shares.take(0, 5));
        assert_eq!(shares.give_back(0, None), Some(1));
        assert!(shares.take(1, 499));
        assert!(!shares.take(1, 499));
        assert_eq!(shares.give_back(1, None), Some(2));
        assert!(shares.take(2, 0));
        assert_eq!(shares.give_back(2, None), Some(0));
    }

    proptest! {
        /// Shards ask, give back and leave in any order.
        #[test]
        fn no_permit_is_lost_nor_made_and_none_is_free_while_a_shard_is_queued(
            permits in 1..5usize,
            steps in prop::collection::vec((0..3usize, 0..4u8, 0..6usize), 1..300),
        ) {
            let mut shares = Shares::new(permits, 3);
            let mut held = [0; 3];
            for (shard, step, wants) in steps {
                match step {
                    0 | 1 => held[shard] += usize::from(shares.take(shard, wants)),
                    2 if held[shard] > 0 => {
                        held[shard] -= 1;
                        shares.give_back(shard, Some(wants));
                    }
                    3 => while shares.leave(shard).is_some() {},
                    _ => {}
                }
                let granted: usize = shares.shards.iter().map(|share| share.granted).sum();
                prop_assert_eq!(held.iter().sum::<usize>() + granted + shares.free, permits);
                let queued = shares.shards.iter().filter(|share| share.wants > 0).count();
                prop_assert_eq!(shares.queued, queued);
                prop_assert!(queued == 0 || shares.free == 0);
            }
        }
    }

    /// How long a handler takes, about.
    const HANDLER: u64 = 10_000;
    const KEYS: usize = 100;
    const RECORDS_OF_A_KEY: usize = 100;

    /// The part of a shard that decides what runs: its unread records, and its lanes.
    #[derive(Default)]
    struct Shard {
        unread: VecDeque<u64>,
        lanes: Lanes<u64>,
        ready: usize,
    }

    impl Shard {
        fn wants(&self) -> usize {
            self.unread.len() + self.ready
        }

        /// The lane of the record that starts under a permit.
        fn begin(&mut self) -> Option<u64> {
            loop {
                if let Some((lane, _)) = self.lanes.next(!self.unread.is_empty()) {
                    self.ready -= 1;
                    return Some(lane);
                }
                let lane = self.unread.pop_front()?;
                if !self.lanes.is_busy(lane) {
                    self.lanes.turn();
                    self.lanes.occupy(lane);
                    return Some(lane);
                }
                self.lanes.queue(lane, lane);
            }
        }

        fn end(&mut self, lane: u64) {
            self.ready += usize::from(self.lanes.has_waiting(lane));
            self.lanes.release(lane);
        }
    }

    /// Numbers that a seed decides.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            (self.0 >> 33) as usize % end
        }

        fn shuffle<T>(&mut self, list: &mut [T]) {
            (1..list.len()).for_each(|index| list.swap(index, self.below(index + 1)));
        }
    }

    /// How long all records take, relative to the ideal. `wants` returns how many permits a shard reports it could use.
    fn relative_to_ideal(seed: u64, permits: usize, wants: fn(&Shard) -> usize) -> f64 {
        let mut random = Random(seed);
        let mut shards: Vec<Shard> = (0..4).map(|_| Shard::default()).collect();
        let homes: Vec<usize> = (0..KEYS).map(|_| random.below(4)).collect();
        let mut records: Vec<usize> = (0..KEYS * RECORDS_OF_A_KEY).map(|number| number % KEYS).collect();
        random.shuffle(&mut records);
        for key in records {
            shards[homes[key]].unread.push_back(key as u64 + 1);
        }
        let mut shares = Shares::new(permits, 4);
        let (mut running, mut now, mut work) = (BinaryHeap::new(), 0, 0);
        // Shards that were woken, in a round each.
        let mut woken: VecDeque<usize> = (0..4).collect();
        loop {
            while let Some(number) = woken.pop_front() {
                let shard = &mut shards[number];
                let mut asked = false;
                while shard.wants() > 0 {
                    if !shares.take(number, wants(shard)) {
                        asked = true;
                        break;
                    }
                    let Some(lane) = shard.begin() else {
                        woken.extend(shares.give_back(number, Some(0)));
                        break;
                    };
                    let takes = HANDLER + random.below(HANDLER as usize / 20) as u64;
                    work += takes;
                    running.push(Reverse((now + takes, number, lane)));
                }
                while !asked && let Some(other) = shares.leave(number) {
                    woken.push_back(other);
                }
            }
            let Some(Reverse((at, number, lane))) = running.pop() else {
                break;
            };
            now = at;
            shards[number].end(lane);
            woken.extend(shares.give_back(number, Some(wants(&shards[number]))));
            woken.push_back(number);
        }
        let alone = work / KEYS as u64;
        now as f64 / (work / permits as u64).max(alone) as f64
    }

    fn worst(permits: usize, wants: fn(&Shard) -> usize) -> f64 {
        let each = (0..50).map(|seed| relative_to_ideal(seed, permits, wants));
        each.fold(0.0, f64::max)
    }

    #[test]
    fn however_keys_are_spread_over_shards_all_of_them_take_hardly_longer_than_the_ideal() {
        for permits in [20, 50, 100] {
            let worst = worst(permits, Shard::wants);
            assert!(worst <= 1.06, "{worst} with {permits} in flight");
        }
        // With the same share for each queued shard: the model shows the difference.
        let even = worst(50, |shard| shard.wants().min(1));
        assert!(even > 1.06, "{even}");
    }
}
