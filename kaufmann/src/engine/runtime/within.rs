//! Deadlines of the end.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

/// Waits for a future, for so long at most. If it `can_block`, a thread counts the time: while handlers block every worker of the runtime,
/// its timers stand still.
pub(super) async fn within<T>(
    patience: Duration,
    can_block: bool,
    future: impl Future<Output = T>,
) -> Option<T> {
    let (over, waiting) = mpsc::channel::<()>();
    let time = async move {
        if can_block {
            _ = tokio::task::spawn_blocking(move || waiting.recv_timeout(patience)).await;
        } else {
            tokio::time::sleep(patience).await;
        }
    };
    let result = tokio::select! {
        biased;
        result = future => Some(result),
        () = time => None,
    };
    // The thread waits no longer.
    drop(over);
    result
}
