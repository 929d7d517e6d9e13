//! One attempt at a batch: its handler runs once for all records, and then each record has an end of its own.

use std::collections::HashSet;
use std::sync::Arc;

use super::finish::{BatchFinish, End, Finish, MemberEnd, Retry, log_panic};
use super::start::{Conclusion, Start};
use crate::assignment::lane::UNORDERED;
use crate::base::panics::caught;
use crate::engine::link::Link;
use crate::engine::settle::settle_now;
use crate::handler::Service;
use crate::handler::batch::repeated;
use crate::handler::context::Context;
use crate::handler::failure::Failure;
use crate::handler::failure_kind::FailureKind;
use crate::handler::gathered::{Gathered, Member};
use crate::handler::observer::Settled;
use crate::handler::outcome::{Outcome, OutcomeKind};

/// Runs the handler of a batch.
pub(super) async fn handle<V: Service>(cx: &mut Context<V::State>, batch: Arc<Gathered>) -> Finish {
    let (handler, count) = (batch.handler, batch.members.len());
    cx.set_batch(Some(Arc::clone(&batch)));
    let outcome = V::dispatch(handler, cx).await;
    cx.set_batch(None);
    match outcome.0 {
        OutcomeKind::Batch(each) if each.len() == count => handled(batch, each),
        _ => {
            let failure = Failure::new("the batch handler returned no outcome for its records");
            handled(batch, repeated(&failure, count))
        }
    }
}

fn handled(batch: Arc<Gathered>, outcomes: Vec<Outcome>) -> Finish {
    Finish::Batch(Box::new(BatchFinish::Handled(batch, outcomes)))
}

/// Ends each record of a batch as its handler returned. Records of a lane after one that is tried again are handled again after it,
/// whatever their outcome: else it would be overtaken.
pub(super) async fn conclude(link: &Arc<Link>, conclusion: &Conclusion) -> Finish {
    let outcomes = conclusion.take();
    let batch = &conclusion.batch;
    let mut held = HashSet::new();
    let mut ends = Vec::with_capacity(outcomes.len());
    for (member, Outcome(outcome)) in batch.members.iter().zip(outcomes) {
        let Member { record, attempt } = member;
        let lane = record.lane();
        let is_held = held.contains(&lane);
        // An error of the program may panic when it is shown or dropped. That concerns its own record only: others are settled.
        let concluded = caught(conclude_member(link, batch.handler, member, outcome, is_held)).await;
        let mut end = concluded.unwrap_or_else(|panic| {
            let start = Start::Handler(batch.handler, record.plan().cloned());
            let error = log_panic(link, &start, record, *attempt, &panic);
            MemberEnd::Record(Retry::of(start, FailureKind::Panicked, error).into())
        });
        if let (MemberEnd::Record(End::Settled), true) = (&end, link.commits_ahead) {
            // At once: the messages of a later one may be delivered before the batch is over.
            settle_now(&link.settlements, record);
            end = MemberEnd::Record(End::Handed);
        }
        if lane != UNORDERED
            && matches!(
                end,
                MemberEnd::After | MemberEnd::Record(End::Retry(_) | End::Held(_) | End::Fatal)
            )
        {
            held.insert(lane);
        }
        ends.push(end);
    }
    Finish::Batch(Box::new(BatchFinish::Concluded(Arc::clone(batch), ends)))
}

/// Ends one record of a batch. `is_held`: one of its lane before it is tried again.
async fn conclude_member(
    link: &Arc<Link>,
    handler: u32,
    member: &Member,
    outcome: OutcomeKind,
    is_held: bool,
) -> MemberEnd {
    let Member { record, attempt } = member;
    let end = match outcome {
        OutcomeKind::Failed(failure) if failure.is_retried() => {
            super::failed(link, &failure, record, handler, *attempt).await
        }
        _ if is_held => return MemberEnd::After,
        OutcomeKind::Done => {
            observe_done(link, handler, member);
            End::Settled
        }
        outcome => super::conclude(link, outcome, Vec::new(), record, handler, *attempt).await,
    };
    MemberEnd::Record(end)
}

/// Reports to the observer that a record was handled, and that nothing was published for it.
pub(crate) fn observe_done(link: &Link, handler: u32, member: &Member) {
    link.observe(&member.record, Some(handler), Settled::Handled { published: &[] });
}
