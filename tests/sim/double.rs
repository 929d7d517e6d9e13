//! Breaks of the rules, made on purpose, to see that the oracle finds them.

use std::time::Duration;

use kaufmann::config::Ordering;

use crate::plan::Settings;

/// What is wrong with a part of the simulated world, or with the configuration that the service is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Double {
    /// Nothing.
    Honest,
    /// Each commit is one offset too far.
    CommitsTooFar,
    /// A record is never handed over.
    DropsARecord,
    /// Two records have each other's content.
    SwapsRecords,
    /// The broker says it has a message, and does not.
    LosesMessages,
    /// The broker keeps a message twice.
    DoublesMessages,
    /// What an aborted transaction held stays.
    KeepsWhatIsAborted,
    /// A commit waits for messages that arrive only when it has ended.
    WaitsForWhatIsHeldBack,
    /// Commits are answered and not kept.
    ForgetsCommits,
    /// Who is assigned a partition is not told what was committed ahead.
    ForgetsWhatIsAhead,
    /// Nothing orders records.
    Disorder,
    /// More handlers run than may.
    TooManyInFlight,
    /// More records are unsettled than may be.
    TooManyUnsettled,
    /// More bytes are unsettled than may be.
    TooManyBytes,
    /// Partitions are released as if there were no time to finish.
    ReleasesAtOnce,
}

impl Double {
    /// What the service is given instead of the plan's settings.
    pub(crate) fn settings(self, mut settings: Settings) -> Settings {
        match self {
            Self::Disorder => settings.ordering = Ordering::None,
            Self::TooManyInFlight => settings.max_in_flight += 1,
            Self::TooManyUnsettled => settings.max_unsettled += 1,
            Self::TooManyBytes => settings.max_bytes *= 4,
            Self::ReleasesAtOnce => settings.revoke_deadline = Duration::ZERO,
            _ => {}
        }
        settings
    }
}
