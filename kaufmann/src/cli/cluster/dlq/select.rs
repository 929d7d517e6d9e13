//! Selects dead letters. Pure.

use crate::publish::dead_letter::opened::DeadLetter;

/// The selected dead letters; an empty field selects all.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::cli::cluster) struct Selection {
    /// `partition@offset` in the dead-letter topic.
    pub(in crate::cli::cluster) ids: Vec<(i32, i64)>,
    pub(in crate::cli::cluster) events: Vec<String>,
    pub(in crate::cli::cluster) handlers: Vec<String>,
    pub(in crate::cli::cluster) keys: Vec<String>,
    /// Texts, one of which the error must contain.
    pub(in crate::cli::cluster) errors: Vec<String>,
    /// Whether all are selected explicitly.
    pub(in crate::cli::cluster) all: bool,
}

/// Reads `0@17`, also with the topic before it: `orders.dead-letter/0@17`.
pub(in crate::cli::cluster) fn id(text: &str) -> Result<(i32, i64), String> {
    let last = text.rsplit('/').next().unwrap_or(text);
    let read = last.split_once('@').and_then(|(partition, offset)| {
        let (partition, offset): (i32, i64) = (partition.parse().ok()?, offset.parse().ok()?);
        (partition >= 0 && offset >= 0).then_some((partition, offset))
    });
    read.ok_or_else(|| {
        "expected PARTITION@OFFSET, such as 0@17, as `dlq list` and `dlq show` print it".to_owned()
    })
}

impl Selection {
    /// Whether nothing is selected.
    pub(in crate::cli::cluster) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(in crate::cli::cluster) fn has(
        &self,
        partition: i32,
        offset: i64,
        key: Option<&str>,
        dead_letter: &DeadLetter,
    ) -> bool {
        let among = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
        };
        let failure = &dead_letter.failure;
        (self.ids.is_empty() || self.ids.contains(&(partition, offset)))
            && among(&self.events, failure.event.as_deref())
            && among(&self.handlers, failure.handler.as_deref())
            && among(&self.keys, key)
            && (self.errors.is_empty()
                || self
                    .errors
                    .iter()
                    .any(|part| failure.error.contains(part.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::dead_letter::opened::FailureDetails;

    #[test]
    fn an_id_is_a_partition_and_an_offset() {
        assert_eq!(id("0@17"), Ok((0, 17)));
        assert_eq!(id("g.dead-letter/3@9"), Ok((3, 9)));
        assert!(id("17").is_err() && id("-1@2").is_err() && id("a@b").is_err());
    }

    #[test]
    fn all_conditions_must_hold() {
        let dead_letter = DeadLetter {
            failure: FailureDetails {
                position: "d/0@17".to_owned(),
                class: "failed".to_owned(),
                error: "no ledger".to_owned(),
                attempts: None,
                event: Some("shop.order_placed".to_owned()),
                handler: None,
                time: None,
                source: None,
            },
            history: Vec::new(),
            payload_cut: None,
            headers_cut: false,
        };
        let has = |selection: &Selection| selection.has(0, 17, Some("ada"), &dead_letter);
        let mut selection = Selection::default();
        assert!(selection.is_empty() && has(&selection));
        selection.errors = vec!["ledger".to_owned()];
        selection.events = vec!["shop.order_placed".to_owned()];
        selection.keys = vec!["ada".to_owned()];
        selection.ids = vec![(0, 17), (1, 1)];
        assert!(has(&selection) && !selection.is_empty());
        selection.handlers = vec!["orders::placed".to_owned()];
        assert!(!has(&selection));
    }
}
