//! The tasks that run the handlers.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FusedFuture, FutureExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use super::timeout::timeout;
use crate::base::control::Control;
use crate::base::error::ErrorKind;
use crate::base::panics::Panic;
use crate::engine::attempt::attempt;
use crate::engine::link::Link;
use crate::engine::poller::{Ending, Repeats};
use crate::engine::shard::{Command, Inbox, Shard};
use crate::engine::simulation::Simulation;
use crate::handler::Service;
use crate::handler::context::State;

/// How long the shards may take to report what runs in them, and to end.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);

/// The tasks that run the handlers.
pub(super) struct Shards {
    pub(super) inboxes: Vec<Arc<Inbox>>,
    pub(super) tasks: JoinSet<()>,
}

impl Shards {
    pub(super) fn spawn<V: Service>(
        link: &Arc<Link>,
        state: &Arc<V::State>,
        simulation: Option<&Simulation>,
    ) -> Self {
        let inboxes: Vec<Arc<Inbox>> = (0..link.shards).map(|_| Arc::default()).collect();
        let mut tasks = JoinSet::new();
        for (number, inbox) in inboxes.iter().enumerate() {
            let state = State::new(Arc::clone(state), Some(Box::new(Arc::clone(link))));
            let shard = Shard::new(number, Arc::clone(link), Arc::clone(inbox), state, attempt::<V>);
            // A shard limits its own time; tokio's budget would cut short handlers that use many of tokio's resources.
            match simulation {
                None => tasks.spawn(tokio::task::unconstrained(shard)),
                Some(simulation) => tasks.spawn(tokio::task::unconstrained(simulation.interleave(shard))),
            };
        }
        Self { inboxes, tasks }
    }

    /// Describes what runs, one line each. A shard whose handler never yields cannot answer: its line is that of `blocking`.
    pub(super) async fn describe_running(
        &self,
        blocking: Vec<(usize, String)>,
        can_block: bool,
    ) -> Vec<String> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for inbox in &self.inboxes {
            inbox.send(Command::Report(sender.clone()));
        }
        drop(sender);
        let mut silent: BTreeSet<usize> = (0..self.inboxes.len()).collect();
        let mut lines = Vec::new();
        let collect = async {
            while let Some((shard, of_shard)) = receiver.recv().await {
                silent.remove(&shard);
                lines.extend(of_shard);
            }
        };
        if timeout(REPORT_PATIENCE, can_block, collect).await.is_none() {
            let is_silent = |(shard, _): &(usize, String)| silent.contains(shard);
            let before = lines.len();
            lines.extend(blocking.into_iter().filter(is_silent).map(|(_, line)| line));
            if lines.len() == before {
                lines.push(format!(
                    "{} shards do not answer, and no handler runs in them",
                    silent.len()
                ));
            }
            lines.push("and the records queued behind them".to_owned());
        }
        lines
    }

    /// Waits for the end of the poller, and requests it when `shutdown` is ready. No shard ends before that.
    ///
    /// All of it is done here, not in tasks: handlers may block every worker of the runtime.
    pub(super) async fn run_until_ended(
        &mut self,
        poller: &mut oneshot::Receiver<Result<Ending, Panic>>,
        shutdown: impl Future<Output = Result<(), Panic>>,
        control: &Control,
    ) -> Ending {
        let mut shutdown = std::pin::pin!(shutdown.fuse());
        loop {
            tokio::select! {
                biased;
                ending = &mut *poller => return ending_of(ending, control),
                requested = &mut shutdown, if !shutdown.is_terminated() => match requested {
                    Ok(()) => control.stop(),
                    Err(panic) => control.broken("the shutdown future", &panic),
                },
                Some(joined) = self.tasks.join_next() => fail_on_end(joined, control),
            }
        }
    }

    /// Ends all shards, and waits for them briefly.
    pub(super) async fn end(mut self, control: &Control, can_block: bool) {
        for inbox in &self.inboxes {
            inbox.send(Command::End);
        }
        let all = async {
            while let Some(joined) = self.tasks.join_next().await {
                if joined.is_err() {
                    fail_on_end(joined, control);
                }
            }
        };
        _ = timeout(REPORT_PATIENCE, can_block, all).await;
    }
}

/// Returns how the poller ended. If it panicked, the service fails.
fn ending_of(ended: Result<Result<Ending, Panic>, oneshot::error::RecvError>, control: &Control) -> Ending {
    match ended {
        Ok(Ok(ending)) => return ending,
        Ok(Err(panic)) => control.broken("the poller", &panic),
        Err(_) => control.fail(
            ErrorKind::Internal,
            "the poller ended without a result".to_owned(),
        ),
    }
    Ending {
        settled: 0,
        drained: false,
        end: tokio::time::Instant::now().into_std(),
        blocking: Vec::new(),
        repeats: Repeats::default(),
    }
}

/// Fails the service because a shard's task ended before its `End`, or panicked when it was dropped.
fn fail_on_end(joined: Result<(), JoinError>, control: &Control) {
    match joined.map_err(JoinError::try_into_panic) {
        Err(Ok(payload)) => control.broken("a shard's task", &Panic::of(payload)),
        Ok(()) | Err(Err(_)) => control.fail(
            ErrorKind::Internal,
            "a shard's task ended unexpectedly".to_owned(),
        ),
    }
}
