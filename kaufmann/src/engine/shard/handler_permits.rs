//! Records that wait because enough of their handler run already: its own `max_in_flight`.
//!
//! They wait in the order in which they came, and hold no permit of the service meanwhile. A place goes to the shard in which most wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Context;

use super::Work;
use crate::engine::attempt::Start;
use crate::engine::policy::Policy;
use crate::engine::pool::Pool;

/// What a running handler holds of its own bound, if it has one.
pub(super) type HandlerPermit = Option<HeldPermit>;

/// A place of a handler's own; free again when it is dropped.
#[derive(Debug)]
pub(super) struct HeldPermit {
    pool: Arc<Pool>,
    shard: usize,
}

impl Drop for HeldPermit {
    fn drop(&mut self) {
        self.pool.give_back(self.shard, None);
    }
}

#[derive(Debug)]
pub(super) struct HandlerPermits {
    /// By the handler's place in the service's list; empty if no handler has a bound or takes batches.
    gates: Vec<Option<Gate>>,
    /// Which handlers take batches; empty if `gates` is.
    batches: Vec<bool>,
    waiting: usize,
}

#[derive(Debug)]
struct Gate {
    pool: Arc<Pool>,
    shard: usize,
    /// What was granted to the first of those that wait.
    granted: HandlerPermit,
    waiting: VecDeque<Work>,
}

/// Why a record does not run at once.
#[derive(Debug)]
pub(super) enum Wait {
    /// All places of its handler are taken.
    HandlerPermit,
    /// Its handler takes batches.
    Batch,
}

impl HandlerPermits {
    pub(super) fn new(policies: &[Policy], shard: usize) -> Self {
        let gate = |policy: &Policy| policy.permits.clone().map(|pool| Gate::new(pool, shard));
        let open = |policy: &Policy| policy.permits.is_none() && policy.batch.is_none();
        let bounded = if policies.iter().all(open) { &[] } else { policies };
        Self {
            gates: bounded.iter().map(gate).collect(),
            batches: bounded.iter().map(|policy| policy.batch.is_some()).collect(),
            waiting: 0,
        }
    }

    /// A place for a record's handler.
    #[inline]
    pub(super) fn enter(&mut self, start: &Start) -> Result<HandlerPermit, Wait> {
        if self.gates.is_empty() {
            return Ok(None);
        }
        self.enter_gate(start)
    }

    fn enter_gate(&mut self, start: &Start) -> Result<HandlerPermit, Wait> {
        if let Start::Handler(handler, _) = start
            && self.batches.get(*handler as usize) == Some(&true)
        {
            return Err(Wait::Batch);
        }
        match self.gate(start) {
            None => Ok(None),
            // Who waits already comes first.
            Some(gate) if !gate.waiting.is_empty() => Err(Wait::HandlerPermit),
            Some(gate) if gate.pool.try_take(gate.shard) => Ok(Some(gate.permit())),
            Some(_) => Err(Wait::HandlerPermit),
        }
    }

    /// Lets a record wait for a place.
    pub(super) fn queue(&mut self, work: Work) {
        if let Some(gate) = self.gate(&work.start) {
            gate.waiting.push_back(work);
            self.waiting += 1;
        }
    }

    /// Whether a place was granted to one that waits; if not, the task is woken when it is.
    pub(super) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if self.waiting == 0 {
            return false;
        }
        let mut ready = false;
        for gate in self.gates.iter_mut().flatten() {
            // Each is asked, so that each wakes the task.
            ready |= gate.poll(cx);
        }
        ready
    }

    /// Takes one to which a place was granted.
    pub(super) fn pop(&mut self) -> Option<(Work, HandlerPermit)> {
        let gate = self
            .gates
            .iter_mut()
            .flatten()
            .find(|gate| gate.granted.is_some() && !gate.waiting.is_empty())?;
        self.waiting -= 1;
        Some((gate.waiting.pop_front()?, gate.granted.take()))
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// All that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Work> {
        self.gates.iter().flatten().flat_map(|gate| &gate.waiting)
    }

    /// Takes those away for which `pick` is true.
    pub(super) fn take(&mut self, pick: impl Fn(&Work) -> bool) -> Vec<Work> {
        let mut taken = Vec::new();
        for gate in self.gates.iter_mut().flatten() {
            let (out, keep) = std::mem::take(&mut gate.waiting).into_iter().partition(&pick);
            gate.waiting = keep;
            taken.extend::<VecDeque<Work>>(out);
            gate.rest();
        }
        self.waiting -= taken.len();
        taken
    }

    fn gate(&mut self, start: &Start) -> Option<&mut Gate> {
        self.gates.get_mut(start.handler()? as usize)?.as_mut()
    }
}

impl Gate {
    fn new(pool: Arc<Pool>, shard: usize) -> Self {
        Self {
            pool,
            shard,
            granted: None,
            waiting: VecDeque::new(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if self.granted.is_none()
            && !self.waiting.is_empty()
            && self.pool.take(self.shard, self.waiting.len(), cx.waker())
        {
            self.granted = Some(self.permit());
        }
        self.granted.is_some()
    }

    /// A place that was taken.
    fn permit(&self) -> HeldPermit {
        HeldPermit {
            pool: Arc::clone(&self.pool),
            shard: self.shard,
        }
    }

    /// Leaves the line, as fewer wait now: what is granted and not fetched is lost to the other shards. Who still waits asks again.
    fn rest(&mut self) {
        if self.waiting.is_empty() {
            self.granted = None;
        }
        self.pool.leave(self.shard);
    }
}
