//! The findings, for text, JSON and exit code.

use std::process::ExitCode;

use serde::Serialize;

use crate::base::error::Error;
use crate::config::{Config, without_credentials};

/// All findings.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) brokers: Vec<String>,
    pub(super) registry: Vec<String>,
    pub(super) verdict: Verdict,
    pub(super) checks: Vec<Check>,
}

/// The verdict, which decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// 0
    Fit,
    /// 1
    Unfit,
    /// 2
    Unknown,
}

/// One check and its result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Check {
    /// What was checked: `settings`, `broker`, `topic` and so on.
    pub(super) check: &'static str,
    /// Which one: an address, a topic's name; `None` if there is only one.
    pub(super) subject: Option<String>,
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// How to fix it.
    pub(super) remedy: Option<String>,
}

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Fit,
    /// It works, but may not be intended.
    Warning,
    Unfit,
    /// There is no result, because something gave no answer.
    Unknown,
    /// It cannot be checked without side effects.
    Unchecked,
}

impl Report {
    pub(super) fn new(service: &str, config: &Config, checks: Vec<Check>) -> Self {
        let has = |state| checks.iter().any(|check| check.state == state);
        let verdict = match (has(State::Unfit), has(State::Unknown)) {
            (true, _) => Verdict::Unfit,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Fit,
        };
        Self {
            service: service.to_owned(),
            brokers: config.brokers.clone(),
            registry: config
                .registry
                .url
                .iter()
                .map(|url| without_credentials(url))
                .collect(),
            verdict,
            checks,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.verdict {
            Verdict::Fit => 0,
            Verdict::Unfit => 1,
            Verdict::Unknown => 2,
        })
    }

    /// The number of checks in this state.
    pub(super) fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }
}

impl Check {
    /// Adds a remedy, unless it has one.
    pub(super) fn or_remedy(mut self, remedy: &str) -> Self {
        self.remedy.get_or_insert_with(|| remedy.to_owned());
        self
    }
}

/// Creates checks of one kind and subject.
#[derive(Clone, Debug)]
pub(super) struct About {
    check: &'static str,
    subject: Option<String>,
}

/// A check without a subject.
pub(super) fn about(check: &'static str) -> About {
    About { check, subject: None }
}

/// A check of one of several subjects.
pub(super) fn about_one(check: &'static str, subject: impl Into<String>) -> About {
    About {
        check,
        subject: Some(subject.into()),
    }
}

impl About {
    pub(super) fn fit(&self, found: impl Into<String>) -> Check {
        self.check(State::Fit, found.into(), None)
    }

    pub(super) fn warning(&self, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        self.check(State::Warning, found.into(), Some(remedy.into()))
    }

    pub(super) fn unfit(&self, found: impl Into<String>, remedy: impl Into<String>) -> Check {
        self.check(State::Unfit, found.into(), Some(remedy.into()))
    }

    pub(super) fn unchecked(&self, found: impl Into<String>) -> Check {
        self.check(State::Unchecked, found.into(), None)
    }

    pub(super) fn unknown(&self, found: impl Into<String>) -> Check {
        self.check(State::Unknown, found.into(), None)
    }

    /// A check from an error, whose remedy follows its first semicolon.
    pub(super) fn error(&self, state: State, error: &Error) -> Check {
        self.text(state, &error.to_string())
    }

    /// A check from an error's text, whose remedy follows its first semicolon.
    pub(super) fn text(&self, state: State, text: &str) -> Check {
        match text.split_once("; ") {
            Some((found, remedy)) => self.check(state, found.to_owned(), Some(remedy.to_owned())),
            None => self.check(state, text.to_owned(), None),
        }
    }

    fn check(&self, state: State, found: String, remedy: Option<String>) -> Check {
        Check {
            check: self.check,
            subject: self.subject.clone(),
            state,
            found,
            remedy,
        }
    }
}
