//! Messages that the broker refused, in the order of their keys. Pure: no clock, no I/O.
//!
//! The messages of one key of one topic leave in order. When one is refused, the later ones wait in a queue: they are sent
//! again in waves. The first wave is the oldest message alone, to check whether the trouble is over. Messages that were already
//! in flight when one was refused cannot be held back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A lane, whose messages keep their order: a topic, the partition if the key does not choose it, and a key.
pub(super) type Lane = (Arc<str>, Option<i32>, Option<Vec<u8>>);

/// The queues of the lanes that wait for a refused message.
#[derive(Debug)]
pub(super) struct Stalled<T> {
    lanes: HashMap<Lane, Queue<T>>,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: VecDeque<T>,
    /// How many of the waiting messages have been sent before; they come before those that never were.
    returned: usize,
    /// Messages of the wave that are not answered yet.
    in_flight: usize,
    /// Messages of the wave that were refused, in order.
    refused: Vec<T>,
}

/// What to do next for a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Nothing: other messages of the wave are not answered yet, or another wave is planned already.
    Nothing,
    /// Send the oldest message after a back-off.
    Probe,
    /// Send all waiting messages now.
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
    /// Queues a message after the waiting ones; gives it back if its lane has none.
    pub(super) fn park(&mut self, lane: &Lane, message: T) -> Result<(), T> {
        match self.lanes.get_mut(lane) {
            Some(queue) => {
                queue.waiting.push_back(message);
                Ok(())
            }
            None => Err(message),
        }
    }

    /// Notes the refusal of a message that was not part of a wave. Such answers come in the order of the messages.
    pub(super) fn refuse(&mut self, lane: Lane, message: T) -> Next {
        let mut next = Next::Nothing;
        let queue = self.lanes.entry(lane).or_insert_with(|| {
            next = Next::Probe;
            Queue {
                waiting: VecDeque::new(),
                returned: 0,
                in_flight: 0,
                refused: Vec::new(),
            }
        });
        // Messages that were queued since the first refusal are younger than this one.
        queue.waiting.insert(queue.returned, message);
        queue.returned += 1;
        next
    }

    /// Takes the messages of the next wave: the oldest one, or all.
    pub(super) fn begin(&mut self, lane: &Lane, all: bool) -> VecDeque<T> {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return VecDeque::new();
        };
        let count = if all {
            queue.waiting.len()
        } else {
            queue.waiting.len().min(1)
        };
        queue.in_flight = count;
        queue.returned = queue.returned.saturating_sub(count);
        queue.waiting.drain(..count).collect()
    }

    /// Notes the answer to a message of a wave; `refused` is the message if it was refused.
    pub(super) fn answer(&mut self, lane: &Lane, refused: Option<T>) -> Next {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return Next::Nothing;
        };
        queue.refused.extend(refused);
        queue.in_flight = queue.in_flight.saturating_sub(1);
        self.ended(lane)
    }

    /// Whether a message of the wave was refused; then the rest must not be sent.
    pub(super) fn is_refused(&self, lane: &Lane) -> bool {
        self.lanes
            .get(lane)
            .is_some_and(|queue| !queue.refused.is_empty())
    }

    /// Takes back the unsent messages of a wave.
    pub(super) fn take_back(&mut self, lane: &Lane, left: VecDeque<T>) -> Next {
        if let Some(queue) = self.lanes.get_mut(lane) {
            queue.in_flight = queue.in_flight.saturating_sub(left.len());
            for message in left.into_iter().rev() {
                queue.waiting.push_front(message);
            }
        }
        self.ended(lane)
    }

    /// What to do next, if the wave is over.
    fn ended(&mut self, lane: &Lane) -> Next {
        let Some(queue) = self.lanes.get_mut(lane) else {
            return Next::Nothing;
        };
        if queue.in_flight > 0 {
            return Next::Nothing;
        }
        if !queue.refused.is_empty() {
            queue.returned += queue.refused.len();
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

    /// Takes all waiting messages, and removes the lanes.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let queues = std::mem::take(&mut self.lanes).into_values();
        queues
            .flat_map(|queue| queue.refused.into_iter().chain(queue.waiting))
            .collect()
    }

    /// Whether no message waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Whether no message for this topic waits.
    pub(super) fn is_clear(&self, topic: &str) -> bool {
        self.lanes.keys().all(|(own, ..)| **own != *topic)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn lane(key: u8) -> Lane {
        ("t".into(), None, Some(vec![key]))
    }

    #[test]
    fn later_messages_wait_for_a_refused_one() {
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

    #[test]
    fn messages_in_flight_come_before_those_queued_after_them() {
        let mut stalled = Stalled::default();
        assert_eq!(stalled.refuse(lane(1), 1), Next::Probe);
        assert_eq!(stalled.park(&lane(1), 3), Ok(()));
        assert_eq!(stalled.refuse(lane(1), 2), Next::Nothing);
        assert_eq!(stalled.begin(&lane(1), false), [1]);
        assert_eq!(stalled.answer(&lane(1), None), Next::Wave);
        assert_eq!(stalled.begin(&lane(1), true), [2, 3]);
    }

    #[test]
    fn the_rest_of_a_wave_waits_for_the_refused_message() {
        let mut stalled = Stalled::default();
        stalled.refuse(lane(1), 1);
        stalled.begin(&lane(1), false);
        for number in 2..5 {
            stalled.park(&lane(1), number).unwrap();
        }
        stalled.answer(&lane(1), None);
        let mut wave = stalled.begin(&lane(1), true);
        assert_eq!(wave.pop_front(), Some(2));
        assert!(!stalled.is_refused(&lane(1)));
        assert_eq!(stalled.answer(&lane(1), Some(2)), Next::Nothing);
        assert!(stalled.is_refused(&lane(1)));
        assert_eq!(stalled.take_back(&lane(1), wave), Next::Probe);
        assert_eq!(stalled.begin(&lane(1), false), [2]);
        assert_eq!(stalled.answer(&lane(1), None), Next::Wave);
        assert_eq!(stalled.begin(&lane(1), true), [3, 4]);
    }

    #[test]
    fn all_waiting_messages_are_taken_in_the_order_of_their_lane_and_the_lanes_are_removed() {
        let mut stalled = Stalled::default();
        for number in 1..4 {
            stalled.refuse(lane(1), number);
        }
        stalled.begin(&lane(1), true);
        stalled.answer(&lane(1), Some(1));
        assert_eq!(stalled.park(&lane(1), 4), Ok(()));
        assert_eq!(stalled.take_all(), [1, 4]);
        // Messages in flight are answered later.
        assert_eq!(stalled.answer(&lane(1), None), Next::Nothing);
        assert!(stalled.is_empty());
    }

    proptest! {
        /// Messages of one key, numbered in order, and a broker that answers late and in order, and refuses some.
        #[test]
        fn a_message_is_sent_only_when_all_earlier_ones_have_arrived_or_are_in_flight(
            steps in prop::collection::vec((0..3u8, any::<bool>()), 1..400),
        ) {
            let mut stalled = Stalled::default();
            let mut on_the_way: VecDeque<(usize, bool)> = VecDeque::new();
            let mut arrived = BTreeSet::new();
            let (mut came, mut planned, mut wave) = (0, Next::Nothing, VecDeque::new());
            // After the steps the broker accepts everything, until nothing is left.
            let rest = std::iter::repeat_n([(1, false), (2, false)], 3_000).flatten();
            for (step, refuses) in steps.into_iter().chain(rest) {
                let mut sent = None;
                let next = match step {
                    0 => {
                        sent = stalled.park(&lane(1), came).err().map(|number| (number, false));
                        came += 1;
                        Next::Nothing
                    }
                    1 => match on_the_way.pop_front() {
                        Some((number, true)) if refuses => stalled.answer(&lane(1), Some(number)),
                        Some((number, false)) if refuses => stalled.refuse(lane(1), number),
                        Some((number, in_wave)) => {
                            arrived.insert(number);
                            if in_wave { stalled.answer(&lane(1), None) } else { Next::Nothing }
                        }
                        None => Next::Nothing,
                    },
                    _ if matches!(planned, Next::Probe | Next::Wave) => {
                        wave = stalled.begin(&lane(1), planned == Next::Wave);
                        planned = Next::Nothing;
                        Next::Nothing
                    }
                    _ if !wave.is_empty() && stalled.is_refused(&lane(1)) => {
                        stalled.take_back(&lane(1), std::mem::take(&mut wave))
                    }
                    _ => {
                        sent = wave.pop_front().map(|number| (number, true));
                        Next::Nothing
                    }
                };
                if next != Next::Nothing {
                    planned = next;
                }
                if let Some((number, _)) = sent {
                    let on_its_way = |earlier: &usize| on_the_way.iter().any(|(other, _)| other == earlier);
                    let behind = (0..number).find(|earlier| !arrived.contains(earlier) && !on_its_way(earlier));
                    prop_assert_eq!(behind, None, "{} was sent", number);
                }
                on_the_way.extend(sent);
            }
            prop_assert_eq!(arrived.len(), came);
            prop_assert!(stalled.is_empty());
        }
    }
}
