//! Leaving the group within a deadline, even if the brokers do not answer.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;

use super::KafkaSource;
use super::context::{ClientEvent, SourceContext};
use super::probe::Prober;
use super::resume::Resumer;
use crate::source::SourceError;

/// Waits for the answers to the pending commits, for at most half of the time that is left.
pub(super) fn finish_commits(
    source: &mut KafkaSource,
    consumer: &BaseConsumer<SourceContext>,
    deadline: Instant,
) {
    let deadline = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
    let mut others = Vec::new();
    while source.commits.pending() && Instant::now() < deadline {
        drop(consumer.poll(Duration::from_millis(20)));
        while let Some(event) = source.shared.next() {
            match event {
                ClientEvent::Committed(result) => {
                    drop(
                        source
                            .commits
                            .answer(result.map_err(|code| SourceError::new(code.to_string()))),
                    );
                    source.commit_next(consumer);
                }
                ClientEvent::CommittedInTransaction(result) => {
                    source.committed_in_transaction(consumer, result);
                }
                other => others.push(other),
            }
        }
    }
    // Open rebalances; they are declined next.
    for other in others {
        source.shared.push(other);
    }
    if source.commits.pending() {
        tracing::warn!("the last commit was not answered in time; its records will be handled again");
    }
}

/// Destroys the consumer, which leaves the group, on a thread of its own: librdkafka may block there for a session.
pub(super) fn leave(
    consumer: Arc<BaseConsumer<SourceContext>>,
    prober: Prober,
    resumer: Resumer,
    deadline: Instant,
) {
    let Some(left) = begin_to_leave(consumer, prober, resumer) else {
        return;
    };
    match left.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
        Err(RecvTimeoutError::Timeout) => tracing::warn!(
            "leaving the group timed out; the coordinator removes this member after session.timeout.ms"
        ),
    }
}

/// Like [`leave`], without waiting. The returned channel disconnects when the consumer is destroyed.
pub(super) fn begin_to_leave(
    consumer: Arc<BaseConsumer<SourceContext>>,
    prober: Prober,
    resumer: Resumer,
) -> Option<Receiver<()>> {
    let (done, left) = mpsc::channel();
    let leaving = move || {
        // They hold the consumer too, and dropping its last owner blocks.
        prober.stop();
        resumer.stop();
        drop(consumer);
        let _ = done.send(());
    };
    let thread = thread::Builder::new()
        .name("kaufmann-close".into())
        .spawn(leaving);
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread for leaving the group; left it without a deadline");
        return None;
    }
    Some(left)
}
