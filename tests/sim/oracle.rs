//! The oracle: checks whether a run was allowed. It knows the plan and the journal, nothing of the runtime.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use kaufmann::config::{Delivery, Ordering};

use crate::ahead::{Ranges, contain};
use crate::group::{COMMIT_DELAY, number_of};
use crate::journal::{Entry, How, Sent, What};
use crate::plan::{Fault, Item, Kind, Plan};

/// The time of a commit beyond its interval and the group's delay: the poller's pause, and its rounds.
const SLACK: Duration = Duration::from_millis(500);

/// A broken rule, and its position in the journal.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Violation {
    pub(crate) entry: usize,
    pub(crate) rule: Rule,
    pub(crate) text: String,
}

/// The rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// Each record is handled, skipped, or a dead letter.
    Complete,
    /// In the end everything is committed, and all services stop cleanly.
    Finished,
    /// A handler gets the record at its offset, with the right attempt, and not again after it succeeded.
    Faithful,
    /// Handlers run in the order of records; a fault may rewind, nothing skips ahead.
    Order,
    /// No record of an ended assignment starts or is committed.
    Fenced,
    /// A committed record is settled, and offsets never move back.
    Settled,
    /// Only records that a fault left uncommitted are handled twice.
    Duplicates,
    /// The bounds hold.
    Bounds,
    /// A reply is delivered once for each attempt that made it, in the order of the causes.
    Replies,
}

/// Judges a run.
pub(crate) fn judge(plan: &Plan, journal: &[Entry]) -> Vec<Violation> {
    let mut oracle = Oracle::new(plan);
    for (index, entry) in journal.iter().enumerate() {
        oracle.index = index;
        oracle.see(entry);
    }
    oracle.end();
    oracle.violations
}

struct Oracle<'a> {
    plan: &'a Plan,
    index: usize,
    now: u64,
    assignments: BTreeMap<u64, Assignment>,
    attempts: HashMap<u64, Attempt>,
    messages: HashMap<Sent, Stage>,
    /// The replies of an assignment's key, by the offset of their cause and their number.
    replies: BTreeMap<(u64, u8), BTreeMap<(i64, u64), Sent>>,
    committed: Vec<i64>,
    /// What was committed ahead of that.
    committed_ahead: Vec<Ranges>,
    /// Records that any member has handled.
    done: HashSet<(i32, i64)>,
    letters: HashSet<(i32, i64)>,
    /// When members crashed.
    crashed: HashMap<usize, u64>,
    /// When members began to stop, on request or by themselves.
    stopping: HashMap<usize, u64>,
    /// Members whose publisher has ended.
    unpublished: HashSet<usize>,
    /// When commits were refused last.
    refused: u64,
    refusing: usize,
    registry_fails: bool,
    violations: Vec<Violation>,
}

struct Assignment {
    member: usize,
    partition: i32,
    from: i64,
    /// What was committed ahead of that.
    ahead: Ranges,
    unsettled: BTreeMap<i64, usize>,
    /// Records without a handler that may not have been reached: a shard reaches them only while it
    /// has a permit, and some only when the registry has answered.
    unsure: BTreeSet<i64>,
    next: i64,
    /// The token of the running attempt.
    running: BTreeMap<i64, u64>,
    /// The attempts of each record, and the end of the last one.
    tried: HashMap<i64, (u32, Option<How>)>,
    /// Records that were handled, settled or not.
    done: BTreeSet<i64>,
    /// The watermarks and when they were reached.
    history: Vec<(u64, i64)>,
    told: Option<u64>,
    told_lost: bool,
    taken: bool,
    released: bool,
}

struct Attempt {
    assignment: u64,
    offset: i64,
    undelivered: u64,
    replies: u64,
}

/// How far a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    OnItsWay,
    Refused,
    Delivered,
}

impl<'a> Oracle<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            index: 0,
            now: 0,
            assignments: BTreeMap::new(),
            attempts: HashMap::new(),
            messages: HashMap::new(),
            replies: BTreeMap::new(),
            committed: vec![0; plan.partitions.len()],
            committed_ahead: vec![Ranges::new(); plan.partitions.len()],
            done: HashSet::new(),
            letters: HashSet::new(),
            crashed: HashMap::new(),
            stopping: HashMap::new(),
            unpublished: HashSet::new(),
            refused: 0,
            refusing: 0,
            registry_fails: plan
                .faults
                .iter()
                .any(|(_, fault)| matches!(fault, Fault::RegistryDown(_))),
            violations: Vec::new(),
        }
    }

    fn demand(&mut self, holds: bool, rule: Rule, text: impl FnOnce() -> String) {
        if !holds {
            let entry = self.index;
            let text = text();
            self.violations.push(Violation { entry, rule, text });
        }
    }

    fn see(&mut self, entry: &Entry) {
        self.now = entry.at;
        match &entry.what {
            What::Assigned {
                assignment,
                partition,
                from,
                ahead,
            } => self.assigned(entry.member, *assignment, *partition, *from, ahead),
            What::Told { assignment, lost } => {
                let own = self.own(*assignment);
                own.told.get_or_insert(entry.at);
                own.told_lost |= lost;
            }
            What::Taken { assignment } => self.taken(*assignment),
            What::Released { assignment } => self.released(*assignment),
            What::Read {
                assignment,
                offset,
                size,
            } => self.read(*assignment, *offset, *size),
            What::Passed { assignment, offset } => {
                let own = self.own(*assignment);
                own.next = own.next.max(*offset);
            }
            What::Begun {
                assignment,
                offset,
                attempt,
                token,
                number,
            } => self.begun(*assignment, *offset, *attempt, *token, *number),
            What::Published { token } => self.published(*token),
            What::Ended { token, how } => self.handled(*token, *how),
            What::Sent { message } => self.sent(entry.member, *message),
            What::Refused { message } => _ = self.messages.insert(*message, Stage::Refused),
            What::Delivered { message } => self.delivered(*message),
            What::CommitAsked {
                assignment,
                offset,
                ahead,
            } => self.commit_asked(*assignment, *offset, ahead),
            What::Committed {
                assignment,
                offset,
                ahead,
            } => self.was_committed(*assignment, *offset, ahead),
            What::CommitsFail(failing) => {
                self.refusing = if *failing {
                    self.refusing + 1
                } else {
                    self.refusing.saturating_sub(1)
                };
                self.refused = entry.at;
            }
            What::Left | What::Together | What::Done | What::Waits { .. } => {}
            What::Stopped { drained } => self.stopped(entry.member, *drained),
            What::Crashed => _ = self.crashed.insert(entry.member, entry.at),
            What::Unpublished => _ = self.unpublished.insert(entry.member),
            What::Stopping => _ = self.stopping.entry(entry.member).or_insert(entry.at),
        }
    }

    fn own(&mut self, assignment: u64) -> &mut Assignment {
        self.assignments.get_mut(&assignment).expect("it was assigned")
    }

    fn item(&self, partition: i32, offset: i64) -> Option<&'a Item> {
        let log = &self.plan.partitions[partition as usize];
        let index = log.binary_search_by_key(&offset, |item| item.offset).ok()?;
        Some(&log[index])
    }

    /// Whether a record with a handler is between the committed offset and the one that could be. After the last of those it is
    /// harmless if a record without a handler is read again.
    fn is_short(&self, partition: i32, committed: i64, watermark: i64) -> bool {
        let log = &self.plan.partitions[partition as usize];
        log.iter()
            .filter(|item| (committed..watermark).contains(&item.offset))
            .any(|item| !item.kind.is_unwanted())
    }

    fn assigned(&mut self, member: usize, assignment: u64, partition: i32, from: i64, ahead: &[(i64, i64)]) {
        let next = self.plan.partitions[partition as usize]
            .iter()
            .find(|item| item.offset >= from)
            .map_or(from, |item| item.offset);
        let own = Assignment {
            member,
            partition,
            from,
            ahead: ahead.to_vec(),
            unsettled: BTreeMap::new(),
            unsure: BTreeSet::new(),
            next,
            running: BTreeMap::new(),
            tried: HashMap::new(),
            done: BTreeSet::new(),
            history: Vec::new(),
            told: None,
            told_lost: false,
            taken: false,
            released: false,
        };
        self.assignments.insert(assignment, own);
    }

    fn read(&mut self, assignment: u64, offset: i64, size: usize) {
        let settings = self.plan.settings;
        let own = self.own(assignment);
        let (member, partition, next) = (own.member, own.partition, own.next);
        own.unsettled.insert(offset, size);
        own.next = offset + 1;
        // The next record of the log, even after a gap.
        let log = &self.plan.partitions[partition as usize];
        let skipped = log.iter().any(|item| (next..offset).contains(&item.offset));
        self.demand(!skipped && offset >= next, Rule::Faithful, || {
            format!("offset {offset} follows {next}")
        });
        let kind = self.item(partition, offset).map(|item| item.kind);
        let own = self.own(assignment);
        if contain(&own.ahead, offset) {
            return self.settle(assignment, offset);
        }
        let unsettled = own.unsettled.len();
        if kind.is_some_and(Kind::is_unwanted) {
            // No handler takes it: it may be settled at once.
            own.unsure.insert(offset);
            self.settle(assignment, offset);
            self.done.insert((partition, offset));
            return;
        }
        self.demand(unsettled <= settings.max_unsettled, Rule::Bounds, || {
            format!("{unsettled} records of partition {partition} are unsettled")
        });
        let held: Vec<_> = self
            .assignments
            .values()
            .filter(|own| own.member == member && own.told.is_none())
            .flat_map(|own| own.unsettled.values().copied())
            .collect();
        let (bytes, before) = (held.iter().sum::<usize>(), held.iter().sum::<usize>() - size);
        // The size of a record is known only when it is read, so one of all partitions may exceed the bound.
        self.demand(before < settings.max_bytes, Rule::Bounds, || {
            format!("{bytes} bytes are unsettled, {before} before this record")
        });
    }

    fn begun(&mut self, assignment: u64, offset: i64, attempt: u32, token: u64, number: i64) {
        let settings = self.plan.settings;
        let Some(own) = self.assignments.get_mut(&assignment) else {
            return self.demand(false, Rule::Fenced, || {
                format!("{offset} was handled under no assignment")
            });
        };
        let (member, partition) = (own.member, own.partition);
        let fenced = own.released || own.told_lost;
        let was_ahead = contain(&own.ahead, offset);
        let before = own.tried.get(&offset).map_or(0, |(attempt, _)| *attempt);
        let again = own.done.contains(&offset)
            || own.running.contains_key(&offset)
            || !own.unsettled.contains_key(&offset);
        own.tried.insert(offset, (attempt, None));
        own.running.insert(offset, token);
        let running: Vec<_> = own.running.keys().copied().collect();
        let (tried, done) = (attempt == before + 1, own.done.clone());
        self.attempts.insert(
            token,
            Attempt {
                assignment,
                offset,
                undelivered: 0,
                replies: 0,
            },
        );
        let place = format!("{partition}@{offset}");
        self.demand(!was_ahead, Rule::Duplicates, || {
            format!("{place} began again, though it was committed ahead")
        });
        self.demand(!fenced, Rule::Fenced, || {
            format!("{place} began when it was no longer ours")
        });
        self.demand(number == number_of(partition, offset), Rule::Faithful, || {
            format!("{place} is {number}")
        });
        self.demand(!again, Rule::Faithful, || {
            format!("{place} began again under one assignment")
        });
        self.demand(tried, Rule::Faithful, || {
            format!("attempt {attempt} at {place} follows {before}")
        });
        let all = self
            .assignments
            .values()
            .filter(|own| own.member == member)
            .map(|own| own.running.len())
            .sum::<usize>();
        self.demand(all <= settings.max_in_flight, Rule::Bounds, || {
            format!("{all} handlers run")
        });
        let same_lane = self.lane(partition, offset);
        self.surely_reached(assignment, offset);
        for other in running.iter().filter(|other| **other != offset) {
            self.demand(!same_lane(*other), Rule::Order, || {
                format!("{place} runs beside {other}")
            });
        }
        let log = &self.plan.partitions[partition as usize];
        for item in log
            .iter()
            .take_while(|item| item.offset < offset)
            .filter(|item| same_lane(item.offset))
        {
            let is_done = item.kind.is_poison() || self.done.contains(&(partition, item.offset));
            self.demand(is_done, Rule::Order, || {
                format!("{place} began before {} was done", item.offset)
            });
        }
        let ahead = done.range(offset + 1..).find(|other| same_lane(**other)).copied();
        self.demand(ahead.is_none(), Rule::Order, || {
            format!("{place} began after {ahead:?} of its key")
        });
        let own = &self.assignments[&assignment];
        let skipped = log
            .iter()
            .filter(|item| item.offset > offset && !item.kind.is_unwanted() && same_lane(item.offset))
            .find(|item| contain(&own.ahead, item.offset))
            .map(|item| item.offset);
        self.demand(skipped.is_none(), Rule::Order, || {
            format!("{place} began again, and {skipped:?} of its key will not, which was committed ahead")
        });
    }

    /// A record began, so its shard has reached those before it. A record of another key may have started while the registry was
    /// asked for a schema.
    fn surely_reached(&mut self, assignment: u64, offset: i64) {
        let one_shard = self.plan.settings.shards == 1;
        let own = &self.assignments[&assignment];
        let (partition, same_lane) = (own.partition, self.lane(own.partition, offset));
        let is_tombstone = |other| {
            self.item(partition, other)
                .is_some_and(|item| item.kind == Kind::Tombstone)
        };
        let reached: Vec<_> = own
            .unsure
            .range(..offset)
            .copied()
            .filter(|other| same_lane(*other) || one_shard && is_tombstone(*other))
            .collect();
        let own = self.own(assignment);
        for other in reached {
            own.unsure.remove(&other);
        }
    }

    /// Whether records of this partition are handled one after another with this one.
    fn lane(&self, partition: i32, offset: i64) -> impl Fn(i64) -> bool + use<'a> {
        let plan = self.plan;
        let key = move |offset: i64| {
            let log = &plan.partitions[partition as usize];
            let index = log.binary_search_by_key(&offset, |item| item.offset).ok();
            index.and_then(|index| log[index].key)
        };
        move |other| match plan.settings.ordering {
            Ordering::Key => key(offset).is_some() && key(other) == key(offset),
            Ordering::Partition => true,
            Ordering::None => false,
        }
    }

    /// In transactions, events that a handler publishes itself belong to its record's messages.
    fn published(&mut self, token: u64) {
        if self.plan.settings.delivery == Delivery::ExactlyOnce
            && let Some(attempt) = self.attempts.get_mut(&token)
        {
            attempt.undelivered += 1;
        }
    }

    fn handled(&mut self, token: u64, how: How) {
        let Some(attempt) = self.attempts.get_mut(&token) else {
            return;
        };
        let (assignment, offset) = (attempt.assignment, attempt.offset);
        if let How::Done(replies) = how {
            attempt.undelivered += replies;
            attempt.replies = replies;
        } else {
            attempt.undelivered = 0;
        }
        let waits = attempt.undelivered > 0;
        let own = self.own(assignment);
        own.running.remove(&offset);
        if let Some((_, ended)) = own.tried.get_mut(&offset) {
            *ended = Some(how);
        }
        let (member, partition) = (own.member, own.partition);
        if how == How::Fatal {
            self.stopping.entry(member).or_insert(self.now);
        }
        let own = self.own(assignment);
        let is_done = matches!(how, How::Done(_) | How::Skipped | How::DeadLetter);
        if is_done {
            own.done.insert(offset);
            self.done.insert((partition, offset));
        }
        if how == How::Skipped || matches!(how, How::Done(_)) && !waits {
            self.settle(assignment, offset);
        }
    }

    fn settle(&mut self, assignment: u64, offset: i64) {
        let now = self.now;
        let own = self.own(assignment);
        own.unsettled.remove(&offset);
        let watermark = own.sure_watermark();
        if own.history.last().is_none_or(|(_, last)| *last < watermark) {
            own.history.push((now, watermark));
        }
    }

    /// A reply is sent only when those before it, of its key, have arrived or are on their way; but to a publisher that has ended
    /// in any order.
    fn sent(&mut self, member: usize, message: Sent) {
        self.messages.insert(message, Stage::OnItsWay);
        let Sent::Reply { token, number } = message else {
            return;
        };
        let cause = self.attempts.get(&token).and_then(|attempt| {
            let own = self.assignments.get(&attempt.assignment)?;
            let key = self.item(own.partition, attempt.offset)?.key?;
            Some((attempt.assignment, key, attempt.offset))
        });
        let Some((assignment, key, offset)) = cause.filter(|_| self.plan.settings.ordering != Ordering::None)
        else {
            return;
        };
        let lane = self.replies.entry((assignment, key)).or_default();
        lane.insert((offset, number), message);
        let refused = |earlier: &&Sent| self.messages.get(*earlier) == Some(&Stage::Refused);
        let overtaken = lane
            .range(..(offset, number))
            .map(|(_, earlier)| earlier)
            .find(refused)
            .copied();
        let in_turn = overtaken.is_none() || self.unpublished.contains(&member);
        self.demand(in_turn, Rule::Replies, || {
            format!("{message:?} overtakes {overtaken:?}, which was refused")
        });
    }

    fn delivered(&mut self, message: Sent) {
        let again = self.messages.insert(message, Stage::Delivered) == Some(Stage::Delivered);
        self.demand(!again, Rule::Replies, || {
            format!("{message:?} was delivered twice")
        });
        match message {
            Sent::Aside { .. } if self.plan.settings.delivery != Delivery::ExactlyOnce => {}
            Sent::Letter { assignment, offset } => {
                let partition = self.own(assignment).partition;
                self.letters.insert((partition, offset));
                self.done.insert((partition, offset));
                self.settle(assignment, offset);
            }
            Sent::Aside { token } | Sent::Reply { token, .. } => {
                let Some(attempt) = self.attempts.get_mut(&token) else {
                    return self.demand(false, Rule::Replies, || format!("{message:?} has no cause"));
                };
                attempt.undelivered = attempt.undelivered.saturating_sub(1);
                let (assignment, offset, left) = (attempt.assignment, attempt.offset, attempt.undelivered);
                if left == 0 {
                    self.settle(assignment, offset);
                }
            }
        }
    }

    fn commit_asked(&mut self, assignment: u64, offset: i64, ahead: &[(i64, i64)]) {
        let own = self.own(assignment);
        let (watermark, partition) = (own.watermark(), own.partition);
        let fenced = own.released || own.told_lost;
        self.demand(!fenced, Rule::Fenced, || {
            format!("{partition}@{offset} is committed and no longer ours")
        });
        self.demand(offset <= watermark, Rule::Settled, || {
            format!("{partition}@{offset} is committed, but {watermark} is not settled")
        });
        let own = &self.assignments[&assignment];
        let log = &self.plan.partitions[partition as usize];
        let unsettled = log
            .iter()
            .map(|item| item.offset)
            .find(|offset| contain(ahead, *offset) && !own.is_settled(*offset));
        let wanted = log.iter().filter(|item| !item.kind.is_unwanted());
        let overtaken = own.unsettled.keys().find_map(|waits| {
            let same_lane = self.lane(partition, *waits);
            let mut later = wanted
                .clone()
                .filter(|item| item.offset > *waits && same_lane(item.offset));
            let later = later.find(|item| contain(ahead, item.offset))?;
            Some((*waits, later.offset))
        });
        self.demand(unsettled.is_none(), Rule::Settled, || {
            format!("{partition}@{unsettled:?} is committed ahead, but it is not settled")
        });
        self.demand(overtaken.is_none(), Rule::Order, || {
            format!("{partition}@{overtaken:?} are of one key: the later is committed ahead, the earlier is not settled")
        });
    }

    fn was_committed(&mut self, assignment: u64, offset: i64, ahead: &[(i64, i64)]) {
        let own = self.own(assignment);
        own.unsure = own.unsure.split_off(&offset);
        let partition = own.partition;
        self.committed_ahead[partition as usize] = ahead.to_vec();
        let before = std::mem::replace(&mut self.committed[partition as usize], offset);
        self.demand(before <= offset, Rule::Settled, || {
            format!("what is committed of {partition} went back from {before} to {offset}")
        });
    }

    /// The group took it away: records settled a while ago must be committed.
    fn taken(&mut self, assignment: u64) {
        let interval = self.plan.settings.commit_interval + COMMIT_DELAY * 2 + SLACK;
        let own = self.own(assignment);
        own.taken = true;
        let member = own.member;
        // A crashed member commits nothing.
        let end = self.crashed.get(&member).copied().unwrap_or(self.now);
        let since = end.saturating_sub(interval.as_micros() as u64);
        let calm = self.refusing == 0 && self.refused < since;
        let own = self.own(assignment);
        let (partition, released) = (own.partition, own.released);
        let due = own
            .history
            .iter()
            .rev()
            .find(|(at, _)| *at < since)
            .map_or(0, |(_, watermark)| *watermark);
        let committed = self.committed[partition as usize];
        let short = self.is_short(partition, committed, due);
        self.demand(!calm || released || !short, Rule::Duplicates, || {
            format!(
                "{partition} was taken away with {committed} committed, though {due} was reached long before"
            )
        });
    }

    /// The member gave it back: handled records must be committed, and gaps filled, unless it had no time.
    fn released(&mut self, assignment: u64) {
        let own = self.own(assignment);
        own.released = true;
        let own = &self.assignments[&assignment];
        if own.told.is_none() || own.taken || own.told_lost {
            return;
        }
        let (partition, watermark, sure) = (own.partition, own.watermark(), own.sure_watermark());
        let late = self.is_late(own, 1);
        let forgotten = self.forgotten(own);
        let above = own.done.range(watermark + 1..).next().copied();
        let excused = self.is_late(own, 2) || self.registry_fails || self.is_troubled(own, watermark);
        let committed = self.committed[partition as usize];
        let short = self.is_short(partition, committed, sure);
        self.demand(late || !short, Rule::Duplicates, || {
            format!("{partition} was released with {committed} committed instead of {sure}")
        });
        self.demand(late || forgotten.is_none(), Rule::Duplicates, || {
            format!("{partition} was released, and that {forgotten:?} is settled was not committed ahead")
        });
        self.demand(above.is_none() || excused, Rule::Duplicates, || {
            format!("{partition} was released with {above:?} handled above {watermark}, which was not begun")
        });
    }

    /// A settled record with a handler that the next member will handle again.
    fn forgotten(&self, own: &Assignment) -> Option<i64> {
        let partition = own.partition as usize;
        let ahead = &self.committed_ahead[partition];
        let wanted = self.plan.partitions[partition]
            .iter()
            .filter(|item| self.plan.settings.commit_ahead && !item.kind.is_unwanted());
        wanted
            .map(|item| item.offset)
            .filter(|offset| (self.committed[partition]..own.next).contains(offset))
            .filter(|offset| own.is_settled(*offset) && !contain(ahead, *offset))
            // Later records of its lane are repeated along with it.
            .find(|offset| {
                let same_lane = self.lane(own.partition, *offset);
                !own.unsettled
                    .range(..offset)
                    .any(|(earlier, _)| same_lane(*earlier))
            })
    }

    /// Whether this share of the member's time to give an assignment back is over. If it stops meanwhile, what is left
    /// of that is all it has.
    fn is_late(&self, own: &Assignment, part: u32) -> bool {
        let settings = self.plan.settings;
        let over = |since: Option<u64>, time: Duration| {
            since.is_some_and(|since| Duration::from_micros(self.now - since) >= time / part)
        };
        let stopping = self.stopping.get(&own.member).copied();
        over(own.told, settings.revoke_deadline) || over(stopping, settings.shutdown_deadline)
    }

    /// Whether a record failed, runs, or waits for its messages.
    fn is_troubled(&self, own: &Assignment, offset: i64) -> bool {
        own.done.contains(&offset)
            || own.running.contains_key(&offset)
            || matches!(own.tried.get(&offset), Some((_, Some(How::Failed | How::Fatal))))
            || self
                .item(own.partition, offset)
                .is_some_and(|item| item.kind.is_poison())
    }

    fn stopped(&mut self, member: usize, drained: Option<bool>) {
        let left: Vec<_> = self
            .assignments
            .values()
            .filter(|own| own.member == member && !own.taken && !own.released && !own.told_lost)
            .filter(|own| own.next > own.from && (!own.done.is_empty() || !own.unsettled.is_empty()))
            .map(|own| (own.partition, own.sure_watermark()))
            .collect();
        for (partition, watermark) in left {
            let committed = self.committed[partition as usize];
            let lie = drained == Some(true) && self.is_short(partition, committed, watermark);
            self.demand(!lie, Rule::Duplicates, || {
                format!("a member says it drained {partition}, but {committed} is committed instead of {watermark}")
            });
        }
    }

    fn end(&mut self) {
        let plan = self.plan;
        for (partition, log) in (0i32..).zip(&plan.partitions) {
            for item in log {
                let place = (partition, item.offset);
                let written = if item.kind.is_poison() {
                    &self.letters
                } else {
                    &self.done
                };
                let is_there = written.contains(&place);
                self.demand(is_there, Rule::Complete, || {
                    format!(
                        "nothing became of {place:?}, {:?} with key {:?}",
                        item.kind, item.key
                    )
                });
            }
            let end = plan.end(partition as usize);
            let committed = self.committed[partition as usize];
            self.demand(committed == end, Rule::Finished, || {
                format!("{committed} of {partition} is committed in the end instead of {end}")
            });
        }
        self.replies_are_complete();
    }

    /// If an attempt counted and its member did not fail, all its replies were delivered.
    fn replies_are_complete(&mut self) {
        let missing: Vec<_> = self
            .attempts
            .values()
            .filter(|attempt| {
                let own = &self.assignments[&attempt.assignment];
                attempt.undelivered > 0 && !own.unsettled.contains_key(&attempt.offset)
            })
            .map(|attempt| attempt.offset)
            .collect();
        self.demand(missing.is_empty(), Rule::Replies, || {
            format!("replies to {missing:?} are missing")
        });
    }
}

impl Assignment {
    /// What may be committed: the lowest unsettled offset, or the one after the newest record and what was settled ahead of it.
    fn watermark(&self) -> i64 {
        let mut end = self.next;
        while let Some((_, to)) = self.ahead.iter().find(|(from, to)| (*from..=*to).contains(&end)) {
            end = to + 1;
        }
        self.unsettled.keys().next().copied().unwrap_or(end)
    }

    /// Whether a record after the start of reading is settled.
    fn is_settled(&self, offset: i64) -> bool {
        contain(&self.ahead, offset) || offset < self.next && !self.unsettled.contains_key(&offset)
    }

    /// What must be committed eventually: the same, but not beyond records that may not have been reached.
    fn sure_watermark(&self) -> i64 {
        let unsure = self.unsure.first().copied();
        unsure.map_or(self.watermark(), |unsure| unsure.min(self.watermark()))
    }
}
