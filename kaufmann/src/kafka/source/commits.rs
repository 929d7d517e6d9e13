//! Commits, one at a time: librdkafka answers each, and the answers keep the order of the calls.

use std::collections::VecDeque;

use rdkafka::TopicPartitionList;

use crate::kafka;
use crate::source::{Assignment, CommitOffset, SourceError, SourceEvent};

/// Waiting commits, and the one in progress.
#[derive(Default)]
pub(super) struct Commits {
    waiting: VecDeque<Vec<CommitOffset>>,
    in_progress: Option<InProgress>,
    /// Those that are committed in a transaction and not answered yet.
    in_transaction: Vec<Vec<CommitOffset>>,
    /// Whether librdkafka's next answer belongs to a commit that was moved to a transaction.
    taken_over: bool,
}

struct InProgress {
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
        self.in_progress.is_some() || !self.waiting.is_empty() || !self.in_transaction.is_empty()
    }

    /// Takes the commits in progress and waiting, to commit them in a transaction; `None` if one is in progress already, or if there are
    /// no commits. Assignments that are no longer `ours` are left out. librdkafka's later answers to them are ignored.
    pub(super) fn take_for_transaction(
        &mut self,
        ours: impl Fn(&Assignment) -> bool,
    ) -> Option<Vec<CommitOffset>> {
        if !self.in_transaction.is_empty() {
            return None;
        }
        if let Some(in_progress) = self.in_progress.take() {
            self.taken_over = true;
            self.in_transaction.push(in_progress.offsets);
        }
        self.in_transaction.extend(self.waiting.drain(..));
        let mut latest = Vec::<CommitOffset>::new();
        for offset in self
            .in_transaction
            .iter()
            .flatten()
            .filter(|offset| ours(&offset.assignment))
        {
            latest.retain(|other| other.assignment.id() != offset.assignment.id());
            latest.push(offset.clone());
        }
        (!self.in_transaction.is_empty()).then_some(latest)
    }

    /// Answers the commits that were made in a transaction.
    pub(super) fn answer_transaction(&mut self, result: &Result<(), SourceError>) -> Vec<SourceEvent> {
        let taken = self.in_transaction.drain(..);
        taken.map(|offsets| answer(offsets, result.clone())).collect()
    }

    /// Begins the next commit unless one is in progress; answers those that cannot begin.
    ///
    /// Offsets of assignments that are no longer `ours` are left out: the broker would accept them, and set back the offset
    /// of the member that has the partition now.
    pub(super) fn start(
        &mut self,
        ours: impl Fn(&Assignment) -> bool,
        mut begin: impl FnMut(&TopicPartitionList) -> Result<(), String>,
    ) -> Vec<SourceEvent> {
        let mut answered = Vec::new();
        while self.in_progress.is_none() {
            let Some(offsets) = self.waiting.pop_front() else {
                break;
            };
            let foreign = offsets
                .iter()
                .find(|offset| !ours(&offset.assignment))
                .map(|offset| {
                    let (topic, partition) = (offset.assignment.topic(), offset.assignment.partition());
                    format!("partition {partition} of topic `{topic}` is no longer assigned to this member")
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
                    self.in_progress = Some(InProgress { offsets, refused });
                }
                Ok(false) => answered.push(answer(offsets, foreign.map_or(Ok(()), refuse))),
                Err(error) => answered.push(answer(offsets, refuse(error))),
            }
        }
        answered
    }

    /// Answers the commit in progress.
    pub(super) fn answer(&mut self, result: Result<(), SourceError>) -> Option<SourceEvent> {
        if std::mem::take(&mut self.taken_over) {
            return None;
        }
        let InProgress { offsets, refused } = self.in_progress.take()?;
        Some(answer(offsets, result.and(refused.map_or(Ok(()), refuse))))
    }

    /// Answers all commits with an error.
    pub(super) fn refuse_all(&mut self, why: &str) -> Vec<SourceEvent> {
        let in_progress = self.in_progress.take().map(|in_progress| in_progress.offsets);
        in_progress
            .into_iter()
            .chain(self.waiting.drain(..))
            .chain(self.in_transaction.drain(..))
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
    fn one_commit_is_in_progress_and_the_answers_keep_the_order() {
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
    fn a_lost_assignment_is_not_committed_but_answered_in_its_turn() {
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
    fn commits_in_a_transaction_are_answered_once_and_their_latest_offsets_are_committed() {
        let mut commits = Commits::default();
        commits.push(offsets(1, 10));
        assert!(commits.start(|_| true, |_| Ok(())).is_empty());
        commits.push(offsets(2, 20));
        commits.push(offsets(1, 11));
        let taken = commits
            .take_for_transaction(|_| true)
            .expect("three commits wait");
        let latest: Vec<_> = taken
            .iter()
            .map(|own| (own.assignment.id(), own.offset))
            .collect();
        assert_eq!(latest, [(2, 20), (1, 11)]);
        commits.push(offsets(1, 12));
        assert!(
            commits.take_for_transaction(|_| true).is_none(),
            "one after another"
        );
        assert!(commits.answer(Ok(())).is_none(), "it is in a transaction");
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
