//! The range of offsets to replay in each partition, and its form in a commit's metadata. Pure.

use std::collections::BTreeMap;

use crate::kafka::cluster::TopicPartition;

const PREFIX: &str = "kaufmann-replay/1:";

/// The range of offsets `from..to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    pub(super) fn len(self) -> u64 {
        u64::try_from(self.to - self.from).unwrap_or(0)
    }

    /// The metadata of the committed offset, from which `--resume` reads the end.
    pub(super) fn metadata(self) -> String {
        format!("{PREFIX}{}", self.to)
    }

    /// The rest of a span, from the committed offset and its metadata.
    pub(super) fn resume(committed: i64, metadata: &str) -> Option<Self> {
        let to = metadata.strip_prefix(PREFIX)?.parse().ok()?;
        Some(Self { from: committed, to })
    }
}

/// Whether the beginning is after the end in every partition.
pub(super) fn is_after(from: &BTreeMap<TopicPartition, i64>, to: &BTreeMap<TopicPartition, i64>) -> bool {
    let mut from = from.iter();
    from.len() > 0 && from.all(|(topic_partition, from)| to.get(topic_partition).is_some_and(|to| from > to))
}

/// The non-empty spans between these offsets.
pub(super) fn spans(
    from: &BTreeMap<TopicPartition, i64>,
    to: &BTreeMap<TopicPartition, i64>,
) -> BTreeMap<TopicPartition, Span> {
    let spans = from.iter().filter_map(|(topic_partition, from)| {
        let span = Span {
            from: *from,
            to: *to.get(topic_partition)?,
        };
        (span.from < span.to).then(|| (topic_partition.clone(), span))
    });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn metadata_is_read_back(from in 0i64..1000, to in 0i64..1000) {
            let span = Span { from, to };
            prop_assert_eq!(Span::resume(from, &span.metadata()), Some(span));
        }
    }

    #[test]
    fn a_beginning_is_after_the_end_only_if_it_is_so_in_every_partition() {
        let at = |first, second| {
            BTreeMap::from([
                (TopicPartition::new("t", 0), first),
                (TopicPartition::new("t", 1), second),
            ])
        };
        assert!(is_after(&at(5, 9), &at(4, 8)));
        assert!(!is_after(&at(5, 9), &at(4, 9)));
        assert!(!is_after(&at(5, 9), &at(6, 8)));
        assert!(!is_after(&BTreeMap::new(), &BTreeMap::new()));
    }

    #[test]
    fn other_metadata_is_ignored_and_empty_spans_are_left_out() {
        assert_eq!(Span::resume(5, ""), None);
        assert_eq!(Span::resume(5, "kaufmann/1:AAAA"), None);
        let at = |offset| BTreeMap::from([(TopicPartition::new("t", 0), offset)]);
        assert!(spans(&at(5), &at(5)).is_empty() && spans(&at(6), &at(5)).is_empty());
        assert_eq!(
            spans(&at(4), &at(6)).values().map(|span| span.len()).sum::<u64>(),
            2
        );
    }
}
