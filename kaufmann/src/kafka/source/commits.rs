//! Commits, one after another: librdkafka answers each, and the answers keep the order of the calls.

use std::collections::VecDeque;

use rdkafka::TopicPartitionList;

use crate::kafka;
use crate::source::{Assignment, CommitOffset, SourceError, SourceEvent};

/// Commits that wait, and the one under way.
#[derive(Default)]
pub(super) struct Commits {
    waiting: VecDeque<Vec<CommitOffset>>,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    offsets: Vec<CommitOffset>,
    /// Set if some of them were left out.
    refused: Option<String>,
}

impl Commits {
    /// Adds a commit.
    pub(super) fn push(&mut self, offsets: Vec<CommitOffset>) {
        self.waiting.push_back(offsets);
    }

    /// Whether a commit is not answered yet.
    pub(super) fn pending(&self) -> bool {
        self.under_way.is_some() || !self.waiting.is_empty()
    }

    /// Begins the next commit unless one is under way; answers those that cannot begin.
    ///
    /// Offsets of assignments that are no longer `ours` are left out: the broker would take them, and put back the offset
    /// of the member that has the partition now.
    pub(super) fn start(
        &mut self,
        ours: impl Fn(&Assignment) -> bool,
        mut begin: impl FnMut(&TopicPartitionList) -> Result<(), String>,
    ) -> Vec<SourceEvent> {
        let mut answered = Vec::new();
        while self.under_way.is_none() {
            let Some(offsets) = self.waiting.pop_front() else {
                break;
            };
            let foreign = offsets
                .iter()
                .find(|offset| !ours(&offset.assignment))
                .map(|offset| {
                    let (topic, partition) = (offset.assignment.topic(), offset.assignment.partition());
                    format!("partition {partition} of topic `{topic}` is no longer ours")
                });
            let begun = list(offsets.iter().filter(|offset| ours(&offset.assignment)));
            let begun = begun.and_then(|list| {
                if list.count() == 0 {
                    Ok(false)
                } else {
                    begin(&list).map(|()| true)
                }
            });
            match begun {
                Ok(true) => {
                    let refused = foreign;
                    self.under_way = Some(UnderWay { offsets, refused });
                }
                Ok(false) => answered.push(answer(offsets, foreign.map_or(Ok(()), Err))),
                Err(error) => answered.push(answer(offsets, Err(error))),
            }
        }
        answered
    }

    /// The commit under way is answered.
    pub(super) fn answer(&mut self, result: Result<(), String>) -> Option<SourceEvent> {
        let UnderWay { offsets, refused } = self.under_way.take()?;
        Some(answer(offsets, result.and(refused.map_or(Ok(()), Err))))
    }

    /// Answers all that wait with an error.
    pub(super) fn refuse_all(&mut self, why: &str) -> Vec<SourceEvent> {
        let under_way = self.under_way.take().map(|under_way| under_way.offsets);
        under_way
            .into_iter()
            .chain(self.waiting.drain(..))
            .map(|offsets| answer(offsets, Err(why.into())))
            .collect()
    }
}

fn answer(offsets: Vec<CommitOffset>, result: Result<(), String>) -> SourceEvent {
    SourceEvent::Committed {
        offsets,
        result: result.map_err(SourceError::new),
    }
}

/// A list for one call; see `partitions::list`.
fn list<'a>(offsets: impl Iterator<Item = &'a CommitOffset>) -> Result<TopicPartitionList, String> {
    let mut list = TopicPartitionList::new();
    for offset in offsets {
        kafka::add_offset(&mut list, offset)?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rdkafka::Offset;

    use super::*;

    fn offsets(id: u64, offset: i64) -> Vec<CommitOffset> {
        vec![CommitOffset {
            assignment: Arc::new(Assignment::new(id, "t".into(), 0)),
            offset,
            metadata: None,
        }]
    }

    /// The offsets and whether they were committed.
    fn answers(events: impl IntoIterator<Item = SourceEvent>) -> Vec<(i64, bool)> {
        events
            .into_iter()
            .map(|event| match event {
                SourceEvent::Committed { offsets, result } => (offsets[0].offset, result.is_ok()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn one_commit_is_under_way_and_the_answers_keep_the_order() {
        let mut commits = Commits::default();
        let mut begun = Vec::new();
        commits.push(offsets(1, 10));
        commits.push(offsets(2, 20));
        for expected in [10, 20] {
            let answered = commits.start(
                |_| true,
                |list| {
                    begun.push(list.elements()[0].offset());
                    Ok(())
                },
            );
            assert!(answered.is_empty());
            assert!(commits.pending());
            assert_eq!(answers(commits.answer(Ok(()))), [(expected, true)]);
        }
        assert_eq!(begun, [Offset::Offset(10), Offset::Offset(20)]);
        assert!(!commits.pending());
    }

    #[test]
    fn what_is_no_longer_ours_is_not_committed_but_answered_in_its_turn() {
        let mut commits = Commits::default();
        commits.push(offsets(1, 10));
        commits.push(offsets(2, 20));
        let ours = |assignment: &Assignment| assignment.id() == 1;
        assert!(commits.start(ours, |_| Ok(())).is_empty());
        assert_eq!(answers(commits.answer(Ok(()))), [(10, true)]);
        let answered = commits.start(ours, |_| panic!("it is not ours"));
        assert_eq!(answers(answered), [(20, false)]);
        assert!(commits.answer(Ok(())).is_none());
    }

    #[test]
    fn a_commit_that_cannot_begin_is_answered_at_once() {
        let mut commits = Commits::default();
        commits.push(offsets(1, 10));
        commits.push(Vec::new());
        let answered = commits.start(|_| true, |_| Err("no".into()));
        assert_eq!(answered.len(), 2);
        assert!(!commits.pending());
    }
}
