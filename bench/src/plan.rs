//! In which order rounds run, and how much time is left: each workload has its first round before any has its second, so that a run
//! that is cut short has something of all, and a median is of figures that lie apart.

use std::fmt;
use std::time::{Duration, Instant};

/// One round of one workload, by its place in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) workload: usize,
    pub(crate) round: usize,
}

/// What is to run yet.
pub(crate) struct Plan {
    started: Instant,
    limit: Option<Duration>,
    turns: Vec<Turn>,
    /// How many seconds a round takes, by workload: a guess, and then what the one before lets expect.
    takes: Vec<f64>,
    /// What was left out for its time.
    pub(crate) left_out: Vec<Turn>,
}

impl Plan {
    /// `workloads`: how many rounds each has, and how many seconds one of them may take.
    pub(crate) fn new(workloads: &[(usize, f64)], limit: Option<Duration>) -> Self {
        let most = workloads.iter().map(|&(rounds, _)| rounds).max().unwrap_or(0);
        let of_round = |round: usize| {
            let all = workloads.iter().enumerate();
            all.filter(move |(_, (rounds, _))| round < *rounds)
                .map(move |(workload, _)| Turn { workload, round })
        };
        // The next one is the last.
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

    /// The next one for which there is time. There always is for a first one.
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

    /// So long the round after this one will take.
    pub(crate) fn expect(&mut self, turn: Turn, time: Duration) {
        self.takes[turn.workload] = time.as_secs_f64();
    }

    /// What to say in front of a line.
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
