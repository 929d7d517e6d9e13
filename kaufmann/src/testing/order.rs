//! Shuffles records into another order in which Kafka might deliver them. Pure.

use std::collections::HashMap;
use std::hash::Hash;

/// The indices of the given keys, shuffled by the seed: the indices of each key stay in order; between keys, and without a key, any order
/// is possible.
pub(super) fn another<K: Eq + Hash>(keys: &[Option<K>], seed: u64) -> Vec<usize> {
    let mut lanes: HashMap<&K, Vec<usize>> = HashMap::new();
    let mut order: Vec<Vec<usize>> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        match key {
            Some(key) => lanes.entry(key).or_default().push(index),
            None => order.push(vec![index]),
        }
    }
    order.extend(lanes.into_values());
    // The map's own order does not depend on the seed.
    order.sort();
    let mut random = SplitMix64(seed);
    let mut shuffled = Vec::with_capacity(keys.len());
    let mut left = keys.len();
    while left > 0 {
        // Each remaining record is equally likely, so the probability of a lane is proportional to its length.
        let mut at = random.below(left);
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

/// A pseudo-random generator.
struct SplitMix64(u64);

impl SplitMix64 {
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
        fn every_index_occurs_once_and_those_of_a_key_are_in_order(
            keys in prop::collection::vec(prop::option::of(0..4_u8), 0..30),
            seed: u64,
        ) {
            let order = another(&keys, seed);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..keys.len()).collect::<Vec<_>>());
            for key in 0..4 {
                prop_assert!(order.iter().filter(|index| keys[**index] == Some(key)).is_sorted());
            }
            prop_assert_eq!(another(&keys, seed), order);
        }
    }

    #[test]
    fn every_order_that_kafka_allows_occurs() {
        let keys = [Some('a'), Some('a'), Some('b'), None];
        let orders: std::collections::BTreeSet<_> = (0..1_000).map(|seed| another(&keys, seed)).collect();
        // Of the 4! orders, half have the two records of `a` in the wrong order.
        assert_eq!(orders.len(), 12);
    }
}
