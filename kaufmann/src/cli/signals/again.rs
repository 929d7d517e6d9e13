//! The effect of a signal after the first one.

use std::time::Duration;

/// Signals this close to the first one count as part of it: `timeout`, supervisors and wrappers signal the child and then its
/// group, and a terminal sends its own as well.
const ONE_STOP: Duration = Duration::from_millis(250);

/// How long the process may take to exit after its command is over.
const LINGER: Duration = Duration::from_secs(5);

/// The effect of a further signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    /// A repetition, which is ignored.
    Same,
    /// End at once: a person does not want to wait for the work in flight.
    Hurry,
    /// End at once: there is nothing left to finish.
    End,
}

/// Only SIGINT cuts the work short, because a person sends it. The others are sent by programs, which repeat them.
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
