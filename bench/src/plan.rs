//! The order of the rounds, and the time left. Each workload has its first round before any has its second, so that an interrupted
//! run has figures of all workloads, and the runs behind a median are spread over time.

use std::fmt;
use std::time::{Duration, Instant};

/// One round of one workload, by its index in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) workload: usize,
    pub(crate) round: usize,
}

/// The rounds still to run.
pub(crate) struct Plan {
    started: Instant,
    limit: Option<Duration>,
    turns: Vec<Turn>,
    /// Seconds of a round, by workload: first an estimate, then by the round before.
    takes: Vec<f64>,
    /// Rounds for which no time was left.
    pub(crate) left_out: Vec<Turn>,
}

impl Plan {
    /// `workloads`: the number of rounds of each, and the estimated seconds of one.
    pub(crate) fn new(workloads: &[(usize, f64)], limit: Option<Duration>) -> Self {
        let most = workloads.iter().map(|&(rounds, _)| rounds).max().unwrap_or(0);
        let of_round = |round: usize| {
            let all = workloads.iter().enumerate();
            all.filter(move |(_, (rounds, _))| round < *rounds)
                .map(move |(workload, _)| Turn { workload, round })
        };
        // `next` takes from the end.
        let mut turns: Vec<Turn> = (0..most).flat_map(of_round).collect();
        turns.reverse();
        Self {
            started: Instant::now(),
            limit,
            turns,
            takes: workloads.iter().map(|&(_, seconds)| seconds).collect(),
            left_out: Vec::new(),
        }
    }

    /// The next round for which there is time. A first round always runs.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        while let Some(turn) = self.turns.pop() {
            let end = self.started.elapsed() + Duration::from_secs_f64(self.takes[turn.workload]);
            if turn.round == 0 || self.limit.is_none_or(|limit| end <= limit) {
                return Some(turn);
            }
            self.left_out.push(turn);
        }
        None
    }

    /// Sets how long the next round of this workload will take.
    pub(crate) fn expect(&mut self, turn: Turn, time: Duration) {
        self.takes[turn.workload] = time.as_secs_f64();
    }

    /// The prefix of a line of progress.
    pub(crate) fn clock(&self, turn: Turn) -> Clock {
        let so_far = self.started.elapsed();
        let seconds = |turn: &Turn| self.takes[turn.workload];
        let left = self.turns.iter().map(seconds).sum::<f64>() + seconds(&turn);
        let end = so_far + Duration::from_secs_f64(left);
        let bound = self.limit.filter(|_| turn.round > 0);
        Clock {
            so_far,
            end: bound.map_or(end, |limit| end.min(limit)),
        }
    }
}

/// `[ 3:20 of about 24:10]`
pub(crate) struct Clock {
    so_far: Duration,
    end: Duration,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = |time: Duration| (time.as_secs() / 60, time.as_secs() % 60);
        let ((minutes, seconds), (end_minutes, end_seconds)) = (parts(self.so_far), parts(self.end));
        write!(
            f,
            "[{minutes:2}:{seconds:02} of about {end_minutes}:{end_seconds:02}]"
        )
    }
}
