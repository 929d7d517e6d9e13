//! The result of a command, for text, JSON and exit code.

use std::process::ExitCode;

use serde::Serialize;

use super::plan::{Change, ChangeKind, State, TopicPlan};

/// The result of a command.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) command: &'static str,
    pub(super) service: String,
    pub(super) brokers: Vec<String>,
    pub(super) verdict: Verdict,
    pub(super) topics: Vec<TopicPlan>,
}

/// The verdict, which decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// 0: the cluster is as declared.
    Same,
    /// 1: it is not.
    Different,
}

impl Report {
    pub(super) fn new(
        command: &'static str,
        service: &str,
        brokers: &[String],
        topics: Vec<TopicPlan>,
    ) -> Self {
        let is_same = topics.iter().all(TopicPlan::is_as_declared);
        Self {
            command,
            service: service.to_owned(),
            brokers: brokers.to_vec(),
            verdict: if is_same {
                Verdict::Same
            } else {
                Verdict::Different
            },
            topics,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Same => ExitCode::SUCCESS,
            Verdict::Different => ExitCode::from(1),
        }
    }

    /// All changes.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.topics.iter().flat_map(|topic| &topic.changes)
    }
}

impl TopicPlan {
    fn is_as_declared(&self) -> bool {
        let is_there = matches!(self.state, State::Same | State::Created | State::Altered);
        is_there && self.changes.iter().all(|change| change.kind == ChangeKind::Done)
    }
}
