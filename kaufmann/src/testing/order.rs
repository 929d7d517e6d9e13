//! Another order in which Kafka might have delivered the same records. Pure.

use std::collections::HashMap;
use std::hash::Hash;

/// The places of the given keys in another order, which the seed decides: those of one key stay in theirs, between keys, and
/// where there is none, everything is possible.
pub(super) fn another<K: Eq + Hash>(keys: &[Option<K>], seed: u64) -> Vec<usize> {
    let mut lanes: HashMap<&K, Vec<usize>> = HashMap::new();
    let mut order: Vec<Vec<usize>> = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        match key {
            Some(key) => lanes.entry(key).or_default().push(place),
            None => order.push(vec![place]),
        }
    }
    order.extend(lanes.into_values());
    // The map's own order is of no seed.
    order.sort();
    let mut chance = Chance(seed);
    let mut shuffled = Vec::with_capacity(keys.len());
    let mut left = keys.len();
    while left > 0 {
        // Each record that is left is as likely as any other, so a lane is as likely as it is long.
        let mut at = chance.below(left);
        for lane in &mut order {
            if at < lane.len() {
                shuffled.push(lane.remove(0));
                break;
            }
            at -= lane.len();
        }
        left -= 1;
    }
    shuffled
}

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_is_there_once_and_those_of_a_key_are_in_order(
            keys in prop::collection::vec(prop::option::of(0..4_u8), 0..30),
            seed: u64,
        ) {
            let order = another(&keys, seed);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..keys.len()).collect::<Vec<_>>());
            for key in 0..4 {
                prop_assert!(order.iter().filter(|place| keys[**place] == Some(key)).is_sorted());
            }
            prop_assert_eq!(another(&keys, seed), order);
        }
    }

    #[test]
    fn every_order_that_kafka_allows_comes_up() {
        let keys = [Some('a'), Some('a'), Some('b'), None];
        let orders: std::collections::BTreeSet<_> = (0..1_000).map(|seed| another(&keys, seed)).collect();
        // 4! orders, half of which have the two of `a` the wrong way round.
        assert_eq!(orders.len(), 12);
    }
}
