//! What a signal means that comes after the first one.

use std::time::Duration;

/// Signals this close to the first one belong to the same stop: `timeout`, supervisors and wrappers send theirs to the child and
/// then to its group, and a terminal sends its own besides.
const ONE_STOP: Duration = Duration::from_millis(250);

/// How long a command that is over may take to end its process.
const LINGER: Duration = Duration::from_secs(5);

/// What a further signal does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    /// The same stop is wished for once more.
    Same,
    /// A person does not want to wait for what runs.
    Hurry,
    /// There is nothing left to finish.
    End,
}

/// Only SIGINT hurries, because a person sends it, who sees what it does. The others are sent by programs, which repeat them.
pub(super) fn again(is_interrupt: bool, since_first: Duration, since_over: Option<Duration>) -> Again {
    match since_over {
        Some(since) if since > if is_interrupt { ONE_STOP } else { LINGER } => Again::End,
        Some(_) => Again::Same,
        None if is_interrupt && since_first > ONE_STOP => Again::Hurry,
        None => Again::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATER: Duration = Duration::from_secs(60);

    #[test]
    fn only_sigint_hurries_and_not_in_the_same_moment() {
        assert_eq!(again(false, SOON, None), Again::Same);
        assert_eq!(again(false, LATER, None), Again::Same);
        assert_eq!(again(true, SOON, None), Again::Same);
        assert_eq!(again(true, LATER, None), Again::Hurry);
    }

    #[test]
    fn a_command_that_is_over_is_ended_by_a_repeated_signal_only_if_it_lingers() {
        assert_eq!(again(false, LATER, Some(SOON)), Again::Same);
        assert_eq!(again(false, LATER, Some(LATER)), Again::End);
        assert_eq!(again(true, LATER, Some(SOON)), Again::Same);
        assert_eq!(again(true, LATER, Some(ONE_STOP * 2)), Again::End);
    }
}
