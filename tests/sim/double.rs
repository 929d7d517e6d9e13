//! Intended violations, to check that the oracle finds them.

use std::time::Duration;

use kaufmann::config::Ordering;

use crate::plan::Settings;

/// An error in a part of the simulated world, or in the service's configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Double {
    /// Nothing.
    Honest,
    /// Each commit is one offset too far.
    CommitsTooFar,
    /// A record is never handed over.
    DropsARecord,
    /// Two records have swapped contents.
    SwapsRecords,
    /// The broker confirms a message that it does not have.
    LosesMessages,
    /// The broker keeps a message twice.
    DoublesMessages,
    /// Messages of an aborted transaction stay.
    KeepsWhatIsAborted,
    /// A commit waits for messages that arrive only after it.
    WaitsForWhatIsHeldBack,
    /// Commits are answered and not kept.
    ForgetsCommits,
    /// A new owner does not get what was committed ahead.
    ForgetsWhatIsAhead,
    /// Nothing orders records.
    Disorder,
    /// More handlers run than allowed.
    TooManyInFlight,
    /// More records are unsettled than allowed.
    TooManyUnsettled,
    /// More bytes are unsettled than allowed.
    TooManyBytes,
    /// Partitions are released as if there were no time to finish.
    ReleasesAtOnce,
}

impl Double {
    /// The service's settings, instead of the plan's.
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
