//! How much a consumer prefetches, and how much memory that may take. Pure.

use crate::config::Config;
use crate::config::group::of_consumer;

/// librdkafka's bounds on what it fetches, for each partition.
///
/// Both bounds are needed: librdkafka fetches more while less than `queued` bytes wait, decompressed; a fetch is bounded as the broker
/// stores it, compressed. A response is decompressed as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Prefetch {
    /// `queued.max.messages.kbytes`, in bytes.
    queued: u64,
    /// `fetch.message.max.bytes`.
    packed: u64,
}

/// The names of the property that bounds one fetch.
const PACKED: [&str; 2] = ["fetch.message.max.bytes", "max.partition.fetch.bytes"];
const QUEUED: &str = "queued.max.messages.kbytes";

const KIB: u64 = 1024;

impl Prefetch {
    /// The bounds for a byte budget. The number of partitions is not known before the first rebalance, and librdkafka's bounds
    /// cannot change later: a 32nd of the budget keeps 32 partitions within it. A sixteenth of that is fetched at once, so
    /// that records compressed to a sixteenth take no more than the queue again.
    pub(crate) fn of_budget(max_bytes: usize) -> Self {
        let queued = (max_bytes as u64 / 32 / KIB).clamp(512, 8192) * KIB;
        let packed = queued / 16;
        Self { queued, packed }
    }

    /// The bounds with the properties that are set.
    pub(crate) fn of(config: &Config) -> Self {
        let ours = Self::of_budget(config.max_bytes);
        let set = |name: &str| {
            of_consumer(&config.kafka, name).and_then(|(_, value)| value.trim().parse::<u64>().ok())
        };
        Self {
            queued: set(QUEUED).map_or(ours.queued, |kib| kib.saturating_mul(KIB)),
            packed: PACKED.into_iter().find_map(set).unwrap_or(ours.packed),
        }
    }

    /// The properties for these bounds, except those that are set.
    pub(crate) fn properties(config: &Config) -> Vec<(&'static str, String)> {
        let ours = Self::of_budget(config.max_bytes);
        let is_set = |name: &&str| of_consumer(&config.kafka, name).is_some();
        let mut properties = vec![(QUEUED, (ours.queued / KIB).to_string())];
        // Two names of one property must not both be set.
        if !PACKED.iter().any(is_set) {
            properties.push((PACKED[0], ours.packed.to_string()));
        }
        properties
    }

    /// The upper bound of fetched bytes for this number of partitions, if all records are compressed to one `ratio`th.
    pub(crate) fn most(self, partitions: usize, ratio: u64) -> u64 {
        let one = self.queued.saturating_add(self.packed.saturating_mul(ratio));
        one.saturating_mul(partitions as u64)
    }

    /// How much memory this number of partitions may take, in words.
    pub(crate) fn describe(self, partitions: usize) -> String {
        let most = |ratio| size(self.most(partitions, ratio));
        format!(
            "at most {} of records, {} if batches shrink to a tenth, {} if to a hundredth, {} if to a thousandth",
            most(1),
            most(10),
            most(100),
            most(1000)
        )
    }
}

/// `27 MiB`
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let (shift, unit) = units
        .into_iter()
        .find(|(shift, _)| bytes >= 10 << shift)
        .unwrap_or((10, "KiB"));
    format!("{} {unit}", bytes.div_ceil(1 << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(kafka: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        let all = kafka.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        config.kafka.extend(all);
        config
    }

    #[test]
    fn the_prefetch_follows_the_byte_budget_within_bounds() {
        let of = |max_bytes| {
            let Prefetch { queued, packed } = Prefetch::of_budget(max_bytes);
            (queued / KIB, packed / KIB)
        };
        assert_eq!(of(64 << 20), (2048, 128));
        assert_eq!(of(1), (512, 32));
        assert_eq!(of(usize::MAX), (8192, 512));
    }

    #[test]
    fn set_properties_win_and_no_property_is_set_under_two_names() {
        let ours = config(&[]);
        assert_eq!(Prefetch::of(&ours), Prefetch::of_budget(ours.max_bytes));
        assert_eq!(Prefetch::properties(&ours).len(), 2);
        for name in PACKED {
            let set = config(&[(name, "4096"), ("consumer.queued.max.messages.kbytes", "8")]);
            assert_eq!(
                Prefetch::of(&set),
                Prefetch {
                    queued: 8192,
                    packed: 4096
                }
            );
            let properties = Prefetch::properties(&set);
            assert!(
                properties.iter().all(|(name, _)| !PACKED.contains(name)),
                "{properties:?}"
            );
        }
    }

    #[test]
    fn the_upper_bound_grows_with_partitions_and_with_compression() {
        let prefetch = Prefetch::of_budget(64 << 20);
        assert_eq!(prefetch.most(32, 16), 128 << 20);
        assert_eq!(prefetch.most(0, 1000), 0);
        assert_eq!(
            prefetch.describe(12),
            "at most 26 MiB of records, 39 MiB if batches shrink to a tenth, 174 MiB if to a hundredth, 1524 MiB if to a thousandth"
        );
        assert_eq!(prefetch.most(usize::MAX, u64::MAX), u64::MAX);
    }
}
