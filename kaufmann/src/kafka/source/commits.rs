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
    /// Those that went apart and are not answered.
    apart: Vec<Vec<CommitOffset>>,
    /// Whether what librdkafka answers next went apart.
    taken_over: bool,
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
        self.under_way.is_some() || !self.waiting.is_empty() || !self.apart.is_empty()
    }

    /// Takes what is under way and what waits, to commit it in another way; nothing if that is going on already, or if there is nothing.
    /// What is no longer `ours` is left out. What librdkafka answers to it later counts no more.
    pub(super) fn take_for_transaction(
        &mut self,
        ours: impl Fn(&Assignment) -> bool,
    ) -> Option<Vec<CommitOffset>> {
        if !self.apart.is_empty() {
            return None;
        }
        if let Some(under_way) = self.under_way.take() {
            self.taken_over = true;
            self.apart.push(under_way.offsets);
        }
        self.apart.extend(self.waiting.drain(..));
        let mut latest = Vec::<CommitOffset>::new();
        for offset in self
            .apart
            .iter()
            .flatten()
            .filter(|offset| ours(&offset.assignment))
        {
            latest.retain(|other| other.assignment.id() != offset.assignment.id());
            latest.push(offset.clone());
        }
        (!self.apart.is_empty()).then_some(latest)
    }

    /// What went apart is answered.
    pub(super) fn answer_transaction(&mut self, result: &Result<(), SourceError>) -> Vec<SourceEvent> {
        let apart = self.apart.drain(..);
        apart.map(|offsets| answer(offsets, result.clone())).collect()
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
                Ok(false) => answered.push(answer(offsets, foreign.map_or(Ok(()), refuse))),
                Err(error) => answered.push(answer(offsets, refuse(error))),
            }
        }
        answered
    }

    /// The commit under way is answered.
    pub(super) fn answer(&mut self, result: Result<(), SourceError>) -> Option<SourceEvent> {
        if std::mem::take(&mut self.taken_over) {
            return None;
        }
        let UnderWay { offsets, refused } = self.under_way.take()?;
        Some(answer(offsets, result.and(refused.map_or(Ok(()), refuse))))
    }

    /// Answers all that wait with an error.
    pub(super) fn refuse_all(&mut self, why: &str) -> Vec<SourceEvent> {
        let under_way = self.under_way.take().map(|under_way| under_way.offsets);
        under_way
            .into_iter()
            .chain(self.waiting.drain(..))
            .chain(self.apart.drain(..))
            .map(|offsets| answer(offsets, refuse(why.into())))
            .collect()
    }
}

fn answer(offsets: Vec<CommitOffset>, result: Result<(), SourceError>) -> SourceEvent {
    SourceEvent::Committed { offsets, result }
}

fn refuse(why: String) -> Result<(), SourceError> {
    Err(SourceError::new(why))
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
    fn what_goes_apart_is_answered_once_and_its_latest_offsets_are_committed() {
        let mut commits = Commits::default();
        commits.push(offsets(1, 10));
        assert!(commits.start(|_| true, |_| Ok(())).is_empty());
        commits.push(offsets(2, 20));
        commits.push(offsets(1, 11));
        let apart = commits
            .take_for_transaction(|_| true)
            .expect("three commits wait");
        let latest: Vec<_> = apart
            .iter()
            .map(|own| (own.assignment.id(), own.offset))
            .collect();
        assert_eq!(latest, [(2, 20), (1, 11)]);
        commits.push(offsets(1, 12));
        assert!(
            commits.take_for_transaction(|_| true).is_none(),
            "one after another"
        );
        assert!(commits.answer(Ok(())).is_none(), "it went apart");
        let answered = commits.answer_transaction(&Ok(()));
        assert_eq!(answers(answered), [(10, true), (20, true), (11, true)]);
        assert!(commits.pending());
        assert_eq!(
            commits.take_for_transaction(|_| true).expect("one waits").len(),
            1
        );
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
