//! Records that wait until their batch is full or its linger is over.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::engine::attempt::Start;
use crate::engine::policy::{BatchPolicy, Policy};
use crate::handler::gathered::{Gathered, Member};

/// The batches that a shard gathers, one for each handler that takes batches.
#[derive(Debug)]
pub(super) struct Gathers {
    /// By the handler's index in the service's list; empty if none takes batches.
    by_handler: Vec<Option<Gather>>,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug)]
struct Gather {
    policy: BatchPolicy,
    members: Vec<Member>,
    /// The lanes of its members.
    lanes: HashSet<u64>,
    /// When it runs even if it is not full.
    due: Instant,
}

impl Gathers {
    /// Must be called within a runtime, whose clock it uses.
    pub(super) fn new(policies: &[Policy]) -> Self {
        let gather = |policy: &Policy| policy.batch.map(Gather::new);
        let by_handler = if policies.iter().any(|policy| policy.batch.is_some()) {
            policies.iter().map(gather).collect()
        } else {
            Vec::new()
        };
        Self {
            by_handler,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    /// Whether the batch that a record would join has a record of this lane.
    pub(super) fn joins(&self, start: &Start, lane: u64) -> bool {
        if self.by_handler.is_empty() {
            return false;
        }
        let Start::Handler(handler, _) = start else {
            return false;
        };
        let gather = self.by_handler.get(*handler as usize).and_then(Option::as_ref);
        gather.is_some_and(|gather| gather.lanes.contains(&lane))
    }

    /// Adds a record to its handler's batch, and returns the batch if it is full. `hurry`: the batch is due at once.
    pub(super) fn push(&mut self, handler: u32, member: Member, hurry: bool) -> Option<Arc<Gathered>> {
        let gather = self.by_handler.get_mut(handler as usize)?.as_mut()?;
        if gather.members.is_empty() {
            gather.due = Instant::now() + gather.policy.linger;
        }
        if hurry {
            gather.due = Instant::now();
        }
        gather.lanes.insert(member.record.lane());
        gather.members.push(member);
        (gather.members.len() >= gather.policy.size).then(|| gather.take(handler))
    }

    /// Whether a batch is due; if not, the task is woken when one is.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(due) = self.filled().map(|(_, gather)| gather.due).min() else {
            return false;
        };
        if due <= Instant::now() {
            return true;
        }
        if self.timer.deadline() != due {
            self.timer.as_mut().reset(due);
        }
        self.timer.as_mut().poll(cx) == Poll::Ready(())
    }

    /// Takes the batch that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Arc<Gathered>> {
        let (handler, _) = self.filled().min_by_key(|(_, gather)| gather.due)?;
        let gather = self.by_handler.get_mut(handler)?.as_mut()?;
        Some(gather.take(u32::try_from(handler).ok()?))
    }

    /// Makes all batches due.
    pub(super) fn hurry(&mut self) {
        let now = Instant::now();
        for gather in self.by_handler.iter_mut().flatten() {
            gather.due = now;
        }
    }

    /// Removes the records for which `keep` is false, and returns each with whether it frees its lane: none of that lane is left.
    pub(super) fn retain(&mut self, keep: impl Fn(&Member) -> bool) -> Vec<(Member, bool)> {
        let mut taken = Vec::new();
        for gather in self.by_handler.iter_mut().flatten() {
            let (kept, gone): (Vec<_>, Vec<_>) =
                std::mem::take(&mut gather.members).into_iter().partition(&keep);
            gather.lanes = kept.iter().map(|member| member.record.lane()).collect();
            gather.members = kept;
            for member in gone {
                // Only the first one that is removed of a lane frees it.
                let last = gather.lanes.insert(member.record.lane());
                taken.push((member, last));
            }
            gather.lanes = gather.members.iter().map(|member| member.record.lane()).collect();
        }
        taken
    }

    /// Whether no batch is gathered.
    pub(super) fn is_empty(&self) -> bool {
        self.filled().next().is_none()
    }

    /// All records that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_handler
            .iter()
            .flatten()
            .flat_map(|gather| &gather.members)
    }

    fn filled(&self) -> impl Iterator<Item = (usize, &Gather)> {
        let each = self.by_handler.iter().enumerate();
        each.filter_map(|(handler, gather)| Some((handler, gather.as_ref()?)))
            .filter(|(_, gather)| !gather.members.is_empty())
    }
}

impl Gather {
    fn new(policy: BatchPolicy) -> Self {
        Self {
            policy,
            members: Vec::new(),
            lanes: HashSet::new(),
            due: Instant::now(),
        }
    }

    fn take(&mut self, handler: u32) -> Arc<Gathered> {
        self.lanes.clear();
        Gathered::new(handler, std::mem::take(&mut self.members))
    }
}
