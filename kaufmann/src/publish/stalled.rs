//! Messages that the broker did not take, in the order of their keys. Pure: no clock, no I/O.
//!
//! The messages of one key of one topic leave in order. When one is refused, those behind it wait in a queue: they are sent
//! again in waves, the first wave the oldest message alone, to see whether the trouble is over. What was already on its way
//! when a message was refused cannot be held back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The order that a message belongs to: a topic and a key.
pub(super) type Lane = (Arc<str>, Vec<u8>);

/// Queues of what was refused, and of what stands behind it.
#[derive(Debug)]
pub(super) struct Stalled<T> {
    lanes: HashMap<Lane, Queue<T>>,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: VecDeque<T>,
    /// Messages of the wave that are not answered.
    under_way: usize,
    /// Those of the wave that were refused, in their order.
    refused: Vec<T>,
}

/// What to do next for a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Nothing: others of the wave are not answered yet, or another wave is planned already.
    Nothing,
    /// Send the oldest message after a back-off.
    Probe,
    /// Send all that waits now.
    Wave,
    /// The lane is free again.
    Free,
}

impl<T> Default for Stalled<T> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
        }
    }
}

impl<T> Stalled<T> {
    /// Puts a message behind those that wait; gives it back if none of its lane do.
    pub(super) fn park(&mut self, lane: &Lane, message: T) -> Result<(), T> {
        match self.lanes.get_mut(lane) {
            Some(queue) => {
                queue.waiting.push_back(message);
                Ok(())
            }
            None => Err(message),
        }
    }

    /// A message that was not part of a wave is refused. Such answers come in the order of the messages.
    pub(super) fn refuse(&mut self, lane: Lane, message: T) -> Next {
        let mut next = Next::Nothing;
        let queue = self.lanes.entry(lane).or_insert_with(|| {
            next = Next::Probe;
            Queue {
                waiting: VecDeque::new(),
                under_way: 0,
                refused: Vec::new(),
            }
        });
        queue.waiting.push_back(message);
        next
    }

    /// Takes the messages of the next wave: the oldest one, or all.
    pub(super) fn begin(&mut self, lane: &Lane, all: bool) -> Vec<T> {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return Vec::new();
        };
        let count = if all {
            queue.waiting.len()
        } else {
            queue.waiting.len().min(1)
        };
        queue.under_way = count;
        queue.waiting.drain(..count).collect()
    }

    /// A message of a wave is answered; `refused` gives it back.
    pub(super) fn answer(&mut self, lane: &Lane, refused: Option<T>) -> Next {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return Next::Nothing;
        };
        queue.refused.extend(refused);
        queue.under_way = queue.under_way.saturating_sub(1);
        if queue.under_way > 0 {
            return Next::Nothing;
        }
        if !queue.refused.is_empty() {
            for message in queue.refused.drain(..).rev() {
                queue.waiting.push_front(message);
            }
            return Next::Probe;
        }
        if queue.waiting.is_empty() {
            self.lanes.remove(lane);
            return Next::Free;
        }
        Next::Wave
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether nothing of this topic waits.
    pub(super) fn is_clear(&self, topic: &str) -> bool {
        self.lanes.keys().all(|(own, _)| **own != *topic)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane(key: u8) -> Lane {
        ("t".into(), vec![key])
    }

    #[test]
    fn what_stands_behind_a_refused_message_waits_for_it() {
        let mut stalled = Stalled::default();
        assert_eq!(stalled.park(&lane(1), 0), Err(0));
        assert_eq!(stalled.refuse(lane(1), 1), Next::Probe);
        assert_eq!(stalled.refuse(lane(1), 2), Next::Nothing);
        assert_eq!(stalled.park(&lane(1), 3), Ok(()));
        assert_eq!(stalled.park(&lane(2), 9), Err(9));
        assert_eq!(stalled.begin(&lane(1), false), [1]);
        assert_eq!(stalled.answer(&lane(1), Some(1)), Next::Probe);
        assert_eq!(stalled.begin(&lane(1), false), [1]);
        assert_eq!(stalled.answer(&lane(1), None), Next::Wave);
        assert_eq!(stalled.begin(&lane(1), true), [2, 3]);
        assert_eq!(stalled.answer(&lane(1), None), Next::Nothing);
        assert_eq!(stalled.answer(&lane(1), None), Next::Free);
        assert!(stalled.is_empty() && stalled.is_clear("t"));
    }

    proptest! {
        /// Messages are numbered as they are sent; the broker refuses some of those that reach it, and what it takes is noted.
        #[test]
        fn after_the_first_refusal_the_messages_of_a_key_arrive_in_their_order(verdicts in prop::collection::vec(any::<bool>(), 1..300)) {
            let mut stalled = Stalled::default();
            let mut arrived = Vec::new();
            let mut verdicts = verdicts.into_iter();
            let mut sent = 0;
            let mut next = stalled.refuse(lane(1), sent);
            loop {
                // Another message comes while a wave is planned.
                if sent < 40 {
                    sent += 1;
                    if let Err(number) = stalled.park(&lane(1), sent) {
                        arrived.push(number);
                    }
                }
                let wave = match next {
                    Next::Probe => stalled.begin(&lane(1), false),
                    Next::Wave => stalled.begin(&lane(1), true),
                    Next::Free if sent < 40 => continue,
                    Next::Free | Next::Nothing => break,
                };
                // Once one of a wave is refused so are those behind it, as in a batch.
                let mut refused = false;
                for number in wave {
                    refused |= !verdicts.next().unwrap_or(true);
                    next = stalled.answer(&lane(1), refused.then_some(number));
                    if !refused {
                        arrived.push(number);
                    }
                }
            }
            prop_assert_eq!(arrived, (0..=sent).collect::<Vec<_>>());
        }
    }
}
