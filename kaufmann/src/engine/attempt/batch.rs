//! One attempt at a batch: its handler runs once for all records, and then each record has an end of its own.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Finish, Start, event_name, panicked};
use crate::assignment::Report;
use crate::assignment::lane::UNORDERED;
use crate::base::panics::caught;
use crate::engine::link::Link;
use crate::handler::Service;
use crate::handler::batch::repeated;
use crate::handler::context::Context;
use crate::handler::failure::Failure;
use crate::handler::gathered::{Gathered, Member};
use crate::handler::observer::Settled;
use crate::handler::outcome::{Outcome, OutcomeKind};

/// A batch whose handler has run, and what it said of each record.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) batch: Arc<Gathered>,
    outcomes: Mutex<Vec<Outcome>>,
}

impl Conclusion {
    pub(crate) fn new(batch: Arc<Gathered>, outcomes: Vec<Outcome>) -> Self {
        Self {
            batch,
            outcomes: Mutex::new(outcomes),
        }
    }
}

/// Runs the handler of a batch.
pub(super) async fn handle<V: Service>(cx: &mut Context<V::State>, batch: Arc<Gathered>) -> Finish {
    let (handler, count) = (batch.handler, batch.members.len());
    cx.set_batch(Some(batch));
    let outcome = V::dispatch(handler, cx).await;
    cx.set_batch(None);
    match outcome.0 {
        OutcomeKind::Batch(each) if each.len() == count => Finish::Batch(Box::new((each,))),
        _ => {
            let failure = Failure::new("the handler of a batch said nothing of it");
            Finish::Batch(Box::new((repeated(&failure, count),)))
        }
    }
}

/// Ends each record of a batch as its handler said. What stands in its lane behind one that is tried again is handled again
/// after it, whatever was said of it: else it would be overtaken.
pub(super) async fn conclude(link: &Arc<Link>, conclusion: &Conclusion) -> Finish {
    let outcomes = std::mem::take(&mut *conclusion.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
    let mut held = HashSet::new();
    let mut finishes = Vec::with_capacity(outcomes.len());
    for (member, Outcome(verdict)) in conclusion.batch.members.iter().zip(outcomes) {
        let Member { record, attempt } = member;
        let lane = record.lane();
        let handler = conclusion.batch.handler;
        let is_held = held.contains(&lane);
        // An error of the program may panic when it is shown or dropped. That concerns its own record only: others are settled.
        let mut finish = match caught(conclude_member(link, handler, member, verdict, is_held)).await {
            Ok(finish) => finish,
            Err(panic) => {
                let start = Start::Handler(handler, record.plan().cloned());
                panicked(link, &start, record, *attempt, &panic)
            }
        };
        if let (Finish::Settled, true) = (&finish, link.commits_ahead) {
            // At once: the messages of one behind it may be delivered before the batch is over.
            let assignment = record.assignment();
            assignment.handed(record.offset());
            assignment
                .in_turn()
                .settle(lane, Report::settled(record), &link.settlements);
            finish = Finish::Handed;
        }
        if lane != UNORDERED
            && matches!(
                finish,
                Finish::Retry(_) | Finish::Held(_) | Finish::Fatal | Finish::Again
            )
        {
            held.insert(lane);
        }
        finishes.push(finish);
    }
    Finish::Concluded(Box::new((finishes,)))
}

/// Ends one record of a batch. `is_held`: one of its lane before it is tried again.
async fn conclude_member(
    link: &Arc<Link>,
    handler: u32,
    member: &Member,
    verdict: OutcomeKind,
    is_held: bool,
) -> Finish {
    let Member { record, attempt } = member;
    match verdict {
        OutcomeKind::Failed(failure) if failure.is_retried() => {
            super::failed(link, &failure, record, handler, *attempt).await
        }
        _ if is_held => Finish::Again,
        OutcomeKind::Done => {
            say_done(link, handler, member);
            Finish::Settled
        }
        verdict => super::conclude(link, verdict, Vec::new(), record, handler, *attempt).await,
    }
}

/// Tells the observer that a record was handled and led to nothing.
pub(crate) fn say_done(link: &Link, handler: u32, member: &Member) {
    if let Some(observer) = &link.observer {
        observer.settled(
            &member.record,
            event_name(link, handler),
            Settled::Handled { published: &[] },
        );
    }
}
