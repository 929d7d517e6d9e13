//! A timeout that holds also while handlers block every thread.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

/// Waits for a future for up to `patience`; `None` if it takes longer. If it `can_block`, a thread counts the time, because the runtime's
/// timers stop while handlers block all of its workers.
pub(super) async fn timeout<T>(
    patience: Duration,
    can_block: bool,
    future: impl Future<Output = T>,
) -> Option<T> {
    let (done, waiting) = mpsc::channel::<()>();
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
    // Ends the thread's wait.
    drop(done);
    result
}
