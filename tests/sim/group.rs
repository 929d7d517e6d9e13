//! The simulated consumer group: partitions, their owners, and committed offsets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaufmann::Outgoing;
use kaufmann::publish::Message;
use kaufmann::source::{
    Assignment, CommitOffset, Member, RawRecord, Sink, Source, SourceError, SourceEvent, Waker,
};
use tokio::time::Instant;

use crate::ahead::ranges;
use crate::double::Double;
use crate::events::test::{Ignored, Numbered};
use crate::journal::What;
use crate::plan::{Item, Kind};
use crate::service::{ASSIGNMENT, Registry};
use crate::world::{World, lock};

/// The topic that the services consume.
pub(crate) const TOPIC: &str = "in";
/// The longest that a commit takes.
pub(crate) const COMMIT_DELAY: Duration = Duration::from_millis(200);

/// The group. Clones are the same.
#[derive(Clone)]
pub(crate) struct Group {
    world: World,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The slot of each partition now, and the one it shall move to.
    partitions: Vec<Partition>,
    members: Vec<MemberState>,
    /// The member in each slot, while one runs there.
    slots: Vec<Option<usize>>,
    assignments: u64,
    payloads: Vec<Vec<Payload>>,
    /// The records in the retry topics, whose partitions come after the plan's.
    waiting: Vec<Vec<Message>>,
}

struct Partition {
    owner: Option<Arc<Assignment>>,
    wanted: usize,
    committed: Option<i64>,
    /// The metadata committed with it.
    metadata: Option<String>,
}

/// Key and payload of a record.
type Payload = (Option<Vec<u8>>, Option<Vec<u8>>);

#[derive(Default)]
struct MemberState {
    waker: Option<Waker>,
    events: VecDeque<SourceEvent>,
    /// Assignments that were not released, with the next record to read.
    held: BTreeMap<u64, Held>,
    commits: VecDeque<Vec<CommitOffset>>,
    alive: bool,
}

struct Held {
    assignment: Arc<Assignment>,
    /// The partition's index among all.
    number: usize,
    position: usize,
    /// Where reading began, and then the offset up to which the member knows that it has read.
    passed: i64,
    revoked: bool,
    lost: bool,
}

impl Group {
    pub(crate) fn new(world: &World, registry: &Registry) -> Self {
        let plan = world.plan();
        let topics = plan.settings.retry_topics.len();
        let partitions = (0..plan.partitions.len() + topics)
            .map(|number| Partition {
                owner: None,
                wanted: number % plan.instances,
                committed: None,
                metadata: None,
            })
            .collect();
        let mut payloads: Vec<Vec<_>> = (0i32..)
            .zip(&plan.partitions)
            .map(|(partition, log)| {
                log.iter()
                    .map(|item| payload(partition, item, registry))
                    .collect()
            })
            .collect();
        if world.double() == Double::SwapsRecords
            && let [first, second, ..] = &mut payloads[0][..]
        {
            std::mem::swap(first, second);
        }
        Self {
            world: world.clone(),
            state: Arc::new(Mutex::new(State {
                partitions,
                members: Vec::new(),
                slots: vec![None; plan.instances],
                assignments: 0,
                payloads,
                waiting: vec![Vec::new(); topics],
            })),
        }
    }

    /// A member joins in a slot.
    pub(crate) fn join(&self, slot: usize) -> (usize, GroupSource) {
        let mut state = lock(&self.state);
        let member = state.members.len();
        state.members.push(MemberState {
            alive: true,
            ..MemberState::default()
        });
        state.slots[slot] = Some(member);
        let source = GroupSource {
            group: self.clone(),
            member,
        };
        (member, source)
    }

    /// Whether everything that was written is committed.
    pub(crate) fn is_done(&self) -> bool {
        let state = lock(&self.state);
        state
            .partitions
            .iter()
            .take(self.world.plan().partitions.len())
            .enumerate()
            .all(|(number, partition)| partition.committed.unwrap_or(0) == self.world.plan().end(number))
            && state.partitions[self.world.plan().partitions.len()..]
                .iter()
                .zip(&state.waiting)
                .all(|(partition, log)| partition.committed.unwrap_or(0) == log.len() as i64)
    }

    /// Appends a message to its retry topic, if it goes to one, and records its position.
    pub(crate) fn put_off(&self, member: usize, message: &Message) {
        let topics = self.world.plan().settings.config().retry_topics();
        let topic = topics.iter().position(|(name, _)| **name == *message.topic);
        let header = |name| {
            let text = message.headers.get(name).map(String::from_utf8_lossy);
            text.and_then(|text| text.parse::<i64>().ok())
        };
        let place = header("kaufmann-source-partition").zip(header("kaufmann-source-offset"));
        let Some((partition, offset)) = place.filter(|_| !topics.is_empty()) else {
            return;
        };
        let at = topic.map_or(0, |topic| {
            let log = &mut lock(&self.state).waiting[topic];
            log.push(message.clone());
            log.len() as i64 - 1
        });
        let waits = What::Waits {
            topic: topic.unwrap_or(topics.len()),
            at,
            place: (partition as i32, offset),
        };
        self.world.note(member, waits);
        self.wake_all();
    }

    /// Wakes all members: something was written.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<_> = lock(&self.state)
            .members
            .iter()
            .filter_map(|member| member.waker.clone())
            .collect();
        wakers.iter().for_each(Waker::wake);
    }

    /// Moves a partition to a slot; its owner must give it back.
    pub(crate) fn move_to(&self, partition: usize, to: usize) {
        let mut state = lock(&self.state);
        state.partitions[partition].wanted = to;
        if let Some(assignment) = state.partitions[partition].owner.clone() {
            state.revoke(&assignment, false);
        }
    }

    /// Takes a partition away from its owner, which notices it later.
    pub(crate) fn lose(&self, partition: usize, to: usize, told_after: Duration) {
        let mut state = lock(&self.state);
        state.partitions[partition].wanted = to;
        if let Some(assignment) = state.partitions[partition].owner.take() {
            let taken = What::Taken {
                assignment: assignment.id(),
            };
            self.world
                .note(state.holder(&assignment).unwrap_or_default(), taken);
            let group = self.clone();
            self.world
                .after(told_after, move || lock(&group.state).revoke(&assignment, true));
        }
        drop(state);
        self.assign();
    }

    /// A member was killed. The group notices it after a while.
    pub(crate) fn crashed(&self, slot: usize, member: usize) {
        {
            let mut state = lock(&self.state);
            state.members[member].alive = false;
            state.members[member].waker = None;
            state.slots[slot] = None;
        }
        let group = self.clone();
        self.world
            .after(self.world.delay(Duration::from_secs(1)), move || {
                group.forget(member);
            });
    }

    /// A member has stopped.
    pub(crate) fn stopped(&self, slot: usize, member: usize) {
        lock(&self.state).slots[slot] = None;
        self.forget(member);
    }

    /// Gives everything that a member had to others.
    fn forget(&self, member: usize) {
        let mut state = lock(&self.state);
        let held = std::mem::take(&mut state.members[member].held);
        state.members[member].alive = false;
        for assignment in held.keys() {
            if let Some(partition) = state.owned(*assignment) {
                partition.owner = None;
                self.world.note(
                    member,
                    What::Taken {
                        assignment: *assignment,
                    },
                );
            }
        }
        drop(state);
        self.assign();
    }

    /// Gives partitions without an owner to their intended members, or to any member.
    pub(crate) fn assign(&self) {
        let mut state = lock(&self.state);
        let mut given: BTreeMap<usize, Vec<Arc<Assignment>>> = BTreeMap::new();
        for number in 0..state.partitions.len() {
            if state.partitions[number].owner.is_some() {
                continue;
            }
            let wanted = state.partitions[number].wanted;
            let there = |slot: &Option<usize>| slot.filter(|member| state.members[*member].waker.is_some());
            let Some(member) = there(&state.slots[wanted]).or_else(|| state.slots.iter().find_map(there))
            else {
                continue;
            };
            // A member learns of a lost partition before it gets the partition again.
            let stale: Vec<_> = state.members[member]
                .held
                .values()
                .filter(|held| held.number == number)
                .map(|held| Arc::clone(&held.assignment))
                .collect();
            for assignment in stale {
                state.revoke(&assignment, true);
            }
            given
                .entry(member)
                .or_default()
                .push(state.give(&self.world, number, member));
        }
        for (member, assignments) in given {
            state.members[member].happen(SourceEvent::Assigned(assignments));
        }
    }

    /// Answers the oldest commit of a member.
    fn answer_commit(&self, member: usize) {
        let mut state = lock(&self.state);
        let Some(offsets) = state.members[member].commits.pop_front() else {
            return;
        };
        let failing = Instant::now() < self.world.weather().commits_fail;
        // A commit with a lost answer may have been made anyway, and so may the last one of a killed member.
        let lost = failing || !state.members[member].alive;
        let mut result = Ok(());
        if lost {
            result = Err(SourceError::new("this commit was set to fail"));
        }
        if (!lost || self.world.chance(1, 3)) && self.world.double() != Double::ForgetsCommits {
            for commit in &offsets {
                if !state.keep(&self.world, member, commit) {
                    result = Err(SourceError::new("not the owner"));
                }
            }
        }
        state.members[member].happen(SourceEvent::Committed { offsets, result });
    }
}

/// A member's identity in transactions.
struct Known {
    group: Group,
    member: usize,
}

/// Commits offsets together with what `delivers` records, both or neither; `false` if the member has lost one of the partitions.
pub(crate) fn commit_together(by: &Member, offsets: &[CommitOffset], delivers: impl FnOnce()) -> bool {
    let Known { group, member } = by.known_by().unwrap();
    let owns = |offset: &CommitOffset| lock(&group.state).owned(offset.assignment.id()).is_some();
    if !offsets.iter().all(owns) {
        return false;
    }
    delivers();
    let mut state = lock(&group.state);
    for commit in offsets {
        if group.world.double() != Double::ForgetsCommits {
            group.world.note(*member, asked(commit));
            state.keep(&group.world, *member, commit);
        }
    }
    group.world.note(*member, What::Together);
    true
}

fn asked(commit: &CommitOffset) -> What {
    What::CommitAsked {
        assignment: commit.assignment.id(),
        offset: commit.offset,
        ahead: ranges(commit.metadata.as_deref()),
    }
}

impl State {
    /// Stores a committed offset; `false` if the committing member is not the owner.
    fn keep(&mut self, world: &World, member: usize, commit: &CommitOffset) -> bool {
        let Some(partition) = self.owned(commit.assignment.id()) else {
            return false;
        };
        partition.committed = Some(commit.offset);
        partition.metadata.clone_from(&commit.metadata);
        let committed = What::Committed {
            assignment: commit.assignment.id(),
            offset: commit.offset,
            ahead: ranges(commit.metadata.as_deref()),
        };
        world.note(member, committed);
        true
    }

    fn owned(&mut self, assignment: u64) -> Option<&mut Partition> {
        self.partitions
            .iter_mut()
            .find(|partition| partition.owner.as_ref().is_some_and(|own| own.id() == assignment))
    }

    fn holder(&self, assignment: &Assignment) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.held.contains_key(&assignment.id()))
    }

    fn revoke(&mut self, assignment: &Arc<Assignment>, lost: bool) {
        let Some(member) = self.holder(assignment) else {
            return;
        };
        let member = &mut self.members[member];
        let Some(held) = member.held.get_mut(&assignment.id()) else {
            return;
        };
        if held.lost || (held.revoked && !lost) {
            return;
        }
        (held.revoked, held.lost) = (true, lost);
        let assignments = vec![Arc::clone(assignment)];
        member.happen(SourceEvent::Revoked { assignments, lost });
    }

    fn give(&mut self, world: &World, number: usize, member: usize) -> Arc<Assignment> {
        self.assignments += 1;
        let own = world.plan().partitions.len();
        let (topic, partition) = match number.checked_sub(own) {
            None => (TOPIC.to_owned(), number as i32),
            Some(retry) => (
                world.plan().settings.config().retry_topics().swap_remove(retry).0,
                0,
            ),
        };
        let assignment = Arc::new(Assignment::new(self.assignments, topic.into(), partition));
        assignment.identify([1; 16]);
        let partition = &mut self.partitions[number];
        partition.owner = Some(Arc::clone(&assignment));
        let from = partition.committed.unwrap_or(0);
        if let Some(metadata) = &partition.metadata
            && world.double() != Double::ForgetsWhatIsAhead
        {
            assignment.resume(from, metadata.as_str());
        }
        let assigned = What::Assigned {
            assignment: assignment.id(),
            partition: number as i32,
            from,
            ahead: ranges(partition.metadata.as_deref()),
        };
        world.note(member, assigned);
        let held = Held {
            assignment: Arc::clone(&assignment),
            number,
            position: world.plan().partitions.get(number).map_or(from as usize, |log| {
                log.partition_point(|item| item.offset < from)
            }),
            passed: from,
            revoked: false,
            lost: false,
        };
        self.members[member].held.insert(assignment.id(), held);
        assignment
    }
}

impl MemberState {
    fn happen(&mut self, event: SourceEvent) {
        self.events.push_back(event);
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

/// A member's source.
pub(crate) struct GroupSource {
    group: Group,
    member: usize,
}

impl GroupSource {
    fn wake_later(&self, delay: Duration) {
        let (group, member) = (self.group.clone(), self.member);
        self.group.world.after(delay, move || {
            let waker = lock(&group.state).members[member].waker.clone();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
    }
}

impl Source for GroupSource {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        lock(&self.group.state).members[self.member].waker = Some(waker);
        let group = self.group.clone();
        let world = self.group.world.clone();
        world.after(world.delay(Duration::from_millis(100)), move || group.assign());
        Ok(())
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        let mut state = lock(&self.group.state);
        for event in state.members[self.member].events.drain(..) {
            if let SourceEvent::Revoked { assignments, lost } = &event {
                for assignment in assignments {
                    let told = What::Told {
                        assignment: assignment.id(),
                        lost: *lost,
                    };
                    self.group.world.note(self.member, told);
                }
            }
            events.push(event);
        }
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let world = &self.group.world;
        let mut state = lock(&self.group.state);
        let State {
            members,
            payloads,
            waiting,
            ..
        } = &mut *state;
        let Some(held) = members[self.member].held.get_mut(&assignment.id()) else {
            return 0;
        };
        let number = held.number;
        if let Some(retry) = number.checked_sub(payloads.len()) {
            return world.read_waiting(self.member, held, &waiting[retry], max, sink);
        }
        let now = world.elapsed();
        let items = &world.plan().partitions[number][held.position..];
        let there = items.iter().take_while(|item| item.at <= now).count();
        if held.revoked || there == 0 {
            return 0;
        }
        if world.chance(1, 8) {
            // They are still on their way.
            self.wake_later(world.delay(Duration::from_millis(300)));
            return 0;
        }
        let count = if world.chance(1, 2) {
            there
        } else {
            1 + world.number(there)
        }
        .min(max);
        let id = assignment.id().to_be_bytes();
        let mut records = 0;
        for item in &items[..count] {
            let (key, payload) = &payloads[number][held.position];
            held.position += 1;
            if world.double() == Double::DropsARecord
                && item.kind == Kind::Event
                && number == 0
                && held.position == 3
            {
                continue;
            }
            let padding = vec![0; item.padding];
            let headers = [(ASSIGNMENT, Some(&id[..])), ("padding", Some(&padding[..]))];
            let raw = RawRecord {
                offset: item.offset,
                timestamp: Some(0),
                key: key.as_deref(),
                payload: payload.as_deref(),
                headers: &headers,
            };
            let read = What::Read {
                assignment: assignment.id(),
                offset: item.offset,
                size: size(&raw),
            };
            world.note(self.member, read);
            records += 1;
            if sink(&raw).is_break() {
                break;
            }
        }
        records
    }

    fn position(&mut self, assignment: &Assignment) -> Option<i64> {
        let plan = self.group.world.plan();
        let mut state = lock(&self.group.state);
        let held = state.members[self.member].held.get_mut(&assignment.id())?;
        let log = plan.partitions.get(held.number);
        let position = match log {
            None => held.position as i64,
            Some(log) if held.position == log.len() => plan.end(held.number),
            Some(log) => log[..held.position].last().map_or(0, |item| item.offset + 1),
        };
        if held.revoked || position <= held.passed {
            return None;
        }
        held.passed = position;
        if log.is_some() {
            let passed = What::Passed {
                assignment: assignment.id(),
                offset: position,
            };
            self.group.world.note(self.member, passed);
        }
        Some(position)
    }

    fn commit(&mut self, mut offsets: Vec<CommitOffset>) {
        for commit in &mut offsets {
            if self.group.world.double() == Double::CommitsTooFar {
                commit.offset += 1;
            }
            self.group.world.note(self.member, asked(commit));
        }
        lock(&self.group.state).members[self.member]
            .commits
            .push_back(offsets);
        let (group, member) = (self.group.clone(), self.member);
        let delay = self.group.world.delay(COMMIT_DELAY);
        self.group.world.after(delay, move || group.answer_commit(member));
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        let mut state = lock(&self.group.state);
        for assignment in assignments {
            if state.members[self.member].held.remove(&assignment.id()).is_none() {
                continue;
            }
            let released = What::Released {
                assignment: assignment.id(),
            };
            self.group.world.note(self.member, released);
            if let Some(partition) = state.owned(assignment.id()) {
                partition.owner = None;
            }
        }
        drop(state);
        let group = self.group.clone();
        let world = &self.group.world;
        world.after(world.delay(Duration::from_millis(100)), move || group.assign());
    }

    fn member(&self) -> Option<Member> {
        let (group, member) = (self.group.clone(), self.member);
        Some(Member::new(Known { group, member }))
    }

    fn close(&mut self, _patience: Duration) {
        self.group.world.note(self.member, What::Left);
        let mut state = lock(&self.group.state);
        state.members[self.member].waker = None;
    }
}

impl World {
    /// Hands over the records of a retry topic.
    fn read_waiting(
        &self,
        member: usize,
        held: &mut Held,
        log: &[Message],
        max: usize,
        sink: &mut Sink<'_>,
    ) -> usize {
        let from = held.position;
        while !held.revoked
            && held.position - from < max
            && let Some(message) = log.get(held.position)
        {
            let id = held.assignment.id().to_be_bytes();
            let mut headers: Vec<_> = message.headers.iter().collect();
            headers.push((ASSIGNMENT, Some(&id[..])));
            let raw = RawRecord {
                offset: held.position as i64,
                timestamp: Some(0),
                key: message.key.as_deref(),
                payload: message.payload.as_deref(),
                headers: &headers,
            };
            held.position += 1;
            let read = What::Read {
                assignment: held.assignment.id(),
                offset: raw.offset,
                size: size(&raw),
            };
            self.note(member, read);
            if sink(&raw).is_break() {
                break;
            }
        }
        held.position - from
    }
}

fn payload(partition: i32, item: &Item, registry: &Registry) -> Payload {
    let key = item.key.map(|key| vec![b'k', key]);
    let framed = |frame: [u8; 5], datum: &[u8]| Some([&frame[..], datum].concat());
    let numbered = Outgoing::new(&Numbered {
        key: format!("k{}", item.key.unwrap_or_default()),
        number: number_of(partition, item.offset),
    });
    let frame = registry.frame::<Numbered>();
    let payload = match item.kind {
        Kind::Event => framed(frame, &numbered.datum),
        Kind::Ignored => framed(
            registry.frame::<Ignored>(),
            &Outgoing::new(&Ignored { note: "x".into() }).datum,
        ),
        Kind::Tombstone => None,
        Kind::Unframed => Some(b"no frame".to_vec()),
        Kind::UnknownSchema => framed([0, 0, 0, 9, 9], &numbered.datum),
        Kind::Truncated => framed(frame, &numbered.datum[..1]),
    };
    (key, payload)
}

/// An event's own description of its record.
pub(crate) fn number_of(partition: i32, offset: i64) -> i64 {
    offset * 1_000 + i64::from(partition)
}

/// The record that an event names.
pub(crate) fn place_of(number: i64) -> (i32, i64) {
    ((number % 1_000) as i32, number / 1_000)
}

/// The bytes of a record that count, without the constant part.
fn size(raw: &RawRecord<'_>) -> usize {
    let headers: usize = raw
        .headers
        .iter()
        .map(|(name, value)| 8 + name.len() + value.map_or(0, <[u8]>::len))
        .sum();
    raw.key.map_or(0, <[u8]>::len) + raw.payload.map_or(0, <[u8]>::len) + headers
}
