//! Records that wait because their handler's own `max_in_flight` is reached.
//!
//! They wait in order of arrival, and hold no permit of the service meanwhile. A free permit goes to the shard in which most wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Context;

use super::Work;
use crate::engine::attempt::Start;
use crate::engine::policy::Policy;
use crate::engine::pool::Pool;

/// A permit of a handler's own bound; `None` if it has no bound.
pub(super) type HandlerPermit = Option<HeldPermit>;

/// A permit of a handler's own bound, given back when it is dropped.
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
    /// By the handler's index in the service's list; empty if no handler has a bound or takes batches.
    gates: Vec<Option<Gate>>,
    /// Which handlers take batches; empty if `gates` is.
    batches: Vec<bool>,
    waiting: usize,
}

#[derive(Debug)]
struct Gate {
    pool: Arc<Pool>,
    shard: usize,
    /// The permit of the first one that waits, if it was granted.
    granted: HandlerPermit,
    waiting: VecDeque<Work>,
}

/// Why a record does not run at once.
#[derive(Debug)]
pub(super) enum Wait {
    /// All permits of its handler are in use.
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

    /// Takes a permit of a record's handler, or returns why the record must wait.
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
            // Those that wait already come first.
            Some(gate) if !gate.waiting.is_empty() => Err(Wait::HandlerPermit),
            Some(gate) if gate.pool.try_take(gate.shard) => Ok(Some(gate.permit())),
            Some(_) => Err(Wait::HandlerPermit),
        }
    }

    /// Queues a record for a permit.
    pub(super) fn queue(&mut self, work: Work) {
        if let Some(gate) = self.gate(&work.start) {
            gate.waiting.push_back(work);
            self.waiting += 1;
        }
    }

    /// Whether a permit was granted to one that waits; if not, the task is woken when one is.
    pub(super) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if self.waiting == 0 {
            return false;
        }
        let mut ready = false;
        for gate in self.gates.iter_mut().flatten() {
            // All are polled, so that each of them wakes the task.
            ready |= gate.poll(cx);
        }
        ready
    }

    /// Takes a record that got a permit.
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

    /// Removes and returns those for which `pick` is true.
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

    /// Returns the permit for one that was taken from the pool.
    fn permit(&self) -> HeldPermit {
        HeldPermit {
            pool: Arc::clone(&self.pool),
            shard: self.shard,
        }
    }

    /// Leaves the pool's queue, as fewer wait now: other shards cannot use a permit that is granted and not taken. If some still wait, `poll`
    /// queues again.
    fn rest(&mut self) {
        if self.waiting.is_empty() {
            self.granted = None;
        }
        self.pool.leave(self.shard);
    }
}
