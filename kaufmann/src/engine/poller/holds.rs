//! Topics that are not read for a while, because too many of their records could not be handled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;

use crate::assignment::Assignment;
use crate::assignment::Hold;
use crate::assignment::limit::Rules;
use crate::config::Config;

/// By their names. A topic stays held if its partitions are assigned anew.
#[derive(Debug)]
pub(super) struct Holds {
    topics: BTreeMap<String, Arc<Hold>>,
    /// How long a topic is held at first, and at most; `None` if none ever is.
    lengths: Option<(Duration, Duration)>,
}

impl Holds {
    pub(super) fn new(config: &Config) -> Self {
        let own = &config.dead_letter;
        Self {
            topics: BTreeMap::new(),
            lengths: Rules::new(own)
                .may_hold()
                .then_some((own.hold, own.hold_max.max(own.hold))),
        }
    }

    /// An assignment begins.
    pub(super) fn attach(&mut self, assignment: &Assignment) {
        let Some((first, longest)) = self.lengths else {
            return;
        };
        let hold = self
            .topics
            .entry(assignment.topic().to_owned())
            .or_insert_with(|| Arc::new(Hold::new(first, longest)));
        assignment.may_be_held(Arc::clone(hold));
    }

    /// Lets topics be read again whose time is over.
    pub(super) fn end(&self, now: Instant) {
        for (topic, hold) in &self.topics {
            if hold.end(now) {
                info!(topic, "the topic is read again");
            }
        }
    }

    /// When the next one is read again.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let rests = self.topics.values().filter_map(|hold| hold.rest(now));
        rests.min().map(|rest| now + rest)
    }
}

/// Whether an assignment's topic is not read for now.
pub(super) fn is_held(assignment: &Assignment, now: Instant) -> bool {
    assignment.hold().is_some_and(|hold| hold.rest(now).is_some())
}
