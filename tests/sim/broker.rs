//! The simulated broker as a producer sees it: it answers late, refuses messages, and stores those it accepts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaufmann::config::Delivery;
use kaufmann::publish::{
    Completion, Message, PublishError, PublishErrorKind, Publisher, Rejected, Transactions, Undelivered,
};
use tokio::time::Instant;

use crate::double::Double;
use crate::group::Group;
use crate::journal::{Sent, What};
use crate::service::{ASSIGNMENT, PLACES, assignment};
use crate::world::{World, lock};

mod transactions;

use transactions::Transaction;

const LETTERS: &str = "sim.dead-letter";

/// The producer of one member. Clones are the same.
#[derive(Clone)]
pub(crate) struct Producer {
    world: World,
    group: Group,
    member: usize,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Messages on their way, by topic and key: the order that Kafka keeps.
    lanes: BTreeMap<Lane, VecDeque<(Message, Completion)>>,
    on_the_way: usize,
    capacity: usize,
    keyless: u64,
    ended: bool,
    alive: bool,
    transaction: Transaction,
}

/// A topic and a key; messages without a key have a lane each.
type Lane = (Arc<str>, Option<Vec<u8>>, u64);

impl Producer {
    pub(crate) fn new(world: &World, group: &Group, member: usize) -> Self {
        let capacity = if world.chance(1, 4) { 3 } else { 10_000 };
        Self {
            world: world.clone(),
            group: group.clone(),
            member,
            state: Arc::new(Mutex::new(State {
                lanes: BTreeMap::new(),
                on_the_way: 0,
                capacity,
                keyless: 0,
                ended: false,
                alive: true,
                transaction: Transaction::default(),
            })),
        }
    }

    /// Delivers no more messages, and reports it.
    pub(crate) fn end(&self) {
        lock(&self.state).ended = true;
        self.world.note(self.member, What::Unpublished);
    }

    /// Its process was killed; messages on their way may still arrive.
    pub(crate) fn crash(&self) {
        lock(&self.state).alive = false;
    }

    /// Whether all it sends belongs to transactions.
    fn is_transactional(&self) -> bool {
        self.world.plan().settings.delivery == Delivery::ExactlyOnce
    }

    fn answer(&self, lane: &Lane) {
        if self.holds_back(lane) {
            return;
        }
        let (message, done, alive, ended) = {
            let mut state = lock(&self.state);
            let Some((message, done)) = state.lanes.get_mut(lane).and_then(VecDeque::pop_front) else {
                return;
            };
            state.on_the_way -= 1;
            (message, done, state.alive, state.ended)
        };
        let refused = if ended {
            Some(PublishErrorKind::Ended)
        } else {
            self.refuses(&message)
        };
        let sent = identity(&message);
        if self.is_transactional() && alive && !ended {
            return self.take_in(message, done, refused);
        }
        if !alive {
            // A transaction that lacks it can never be committed.
            self.tear();
            if refused.is_none() && !self.is_transactional() && self.world.chance(1, 2) {
                self.deliver(&message);
            }
            return;
        }
        if let Some(kind) = refused {
            let what = match kind {
                PublishErrorKind::Broker => What::Refused { message: sent },
                _ => What::Stopping,
            };
            self.world.note(self.member, what);
            let error = PublishError::new(kind, "this message was set to be refused");
            return done(Err(Undelivered { message, error }));
        }
        if self.world.double() != Double::LosesMessages {
            self.deliver(&message);
        }
        if self.world.double() == Double::DoublesMessages {
            self.world.note(self.member, What::Delivered { message: sent });
        }
        done(Ok(()));
    }

    /// The broker has a message.
    fn deliver(&self, message: &Message) {
        let sent = identity(message);
        self.world.note(self.member, What::Delivered { message: sent });
        self.group.put_off(self.member, message);
    }

    /// Why the broker refuses a message, if it does.
    fn refuses(&self, message: &Message) -> Option<PublishErrorKind> {
        if self.is_transactional()
            && let Some(kind) = self.refuses_in_transactions(message)
        {
            return Some(kind);
        }
        let weather = *self.world.weather();
        let letter = &*message.topic == LETTERS;
        let (until, percent) = if letter {
            weather.letters_refused
        } else {
            weather.replies_refused
        };
        let refused = Instant::now() < until && self.world.chance(u32::from(percent), 100);
        refused.then_some(PublishErrorKind::Broker)
    }
}

impl Publisher for Producer {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        let now = Instant::now();
        let weather = *self.world.weather();
        let lane = {
            let mut state = lock(&self.state);
            if !state.alive {
                return Ok(());
            }
            if state.on_the_way >= state.capacity || now < weather.full {
                return Err(Rejected { message, done });
            }
            let number = if message.key.is_none() {
                state.keyless += 1;
                state.keyless
            } else {
                0
            };
            let sent = identity(&message);
            self.world.note(self.member, What::Sent { message: sent });
            let lane = (Arc::clone(&message.topic), message.key.clone(), number);
            state.on_the_way += 1;
            state
                .lanes
                .entry(lane.clone())
                .or_default()
                .push_back((message, done));
            lane
        };
        let delay =
            weather.held.saturating_duration_since(now) + self.world.delay(Duration::from_millis(200));
        if delay.is_zero() {
            self.answer(&lane);
        } else {
            let producer = self.clone();
            self.world.after(delay, move || producer.answer(&lane));
        }
        Ok(())
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        self.is_transactional().then_some(self)
    }

    fn flush(&self, _timeout: Duration) -> bool {
        lock(&self.state).on_the_way == 0
    }
}

/// A message's content.
fn identity(message: &Message) -> Sent {
    if message.headers.get("kaufmann-error-class").is_some() {
        let offset = message.headers.get("kaufmann-source-offset").unwrap_or_default();
        return Sent::Letter {
            assignment: assignment(message.headers.get(ASSIGNMENT)),
            offset: String::from_utf8_lossy(offset).parse().unwrap(),
        };
    }
    // The id's frame, a short string, and a number as Avro writes it.
    let payload = message.payload.as_deref().unwrap_or_default();
    let rest = &payload[5..];
    let digits = &rest[1 + usize::from(rest[0] / 2)..];
    let zigzag = digits
        .iter()
        .rev()
        .fold(0u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    let (token, place) = (zigzag / 2 / PLACES, zigzag / 2 % PLACES);
    if place == PLACES - 1 {
        Sent::Aside { token }
    } else {
        Sent::Reply { token, number: place }
    }
}
