//! Stops the service: it reads no more records, or ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::base::error::ErrorKind;
use crate::base::panics::{Panic, catch};
use crate::base::waker::Waker;

/// Shuts a service down from outside, step by step, for programs that embed it.
///
/// ```no_run
/// # async fn run<Accounts: kaufmann::Service<State = ()>>(
/// #     builder: kaufmann::Builder<Accounts>, no_more_traffic: impl Future<Output = ()>
/// # ) -> Result<(), kaufmann::Error> {
/// let handle = kaufmann::Handle::new();
/// let service = builder.handle(&handle).run(std::future::pending());
/// let steps = async {
///     no_more_traffic.await;
///     handle.quiet(); // records in flight are finished and committed; the partitions stay here
///     // … the rest of the program gets ready to end …
///     handle.drain(); // the group is left, and `run` returns
/// };
/// let (finished, ()) = tokio::join!(service, steps);
/// assert!(finished?.drained);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Handle(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    quiet: AtomicBool,
    drain: CancellationToken,
    waker: OnceLock<Waker>,
}

impl Handle {
    /// A handle of a service that does not run yet. Calls before the start take effect at the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads no more records. Those already read are handled, retried and committed as before, and the service stays in its group with
    /// its partitions: no other member reads them meanwhile, and their lag grows. Only a restart undoes it.
    pub fn quiet(&self) {
        self.0.quiet.store(true, Ordering::Release);
        if let Some(waker) = self.0.waker.get() {
            waker.wake();
        }
    }

    /// Ends the service as its `shutdown` does: it reads no more records, finishes those in flight within `shutdown_deadline`,
    /// commits and leaves the group.
    pub fn drain(&self) {
        self.quiet();
        self.0.drain.cancel();
    }

    /// Waits until [`drain`](Self::drain) is called.
    pub(crate) async fn draining(&self) {
        self.0.drain.cancelled().await;
    }
}

/// Ends the service; shared by all parts that may do so.
#[derive(Debug)]
pub(crate) struct Control {
    stopping: AtomicBool,
    abandoned: AtomicBool,
    /// Whether a part of the service has panicked, and perhaps lost records.
    broken: AtomicBool,
    failure: Mutex<Option<(ErrorKind, String)>>,
    waker: Waker,
    handle: Handle,
}

impl Control {
    pub(crate) fn new(waker: Waker, handle: Handle) -> Self {
        // A handle may serve several services one after another; each also polls it, so the first waker is enough.
        _ = handle.0.waker.set(waker.clone());
        Self {
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            failure: Mutex::default(),
            waker,
            handle,
        }
    }

    /// Ends the service: it reads no more records and finishes those in flight.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ends the service at once, without waiting for records in flight.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ends the service because of an error; the first one is kept.
    pub(crate) fn fail(&self, kind: ErrorKind, error: String) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert((kind, error));
        self.stop();
    }

    /// Ends the service because a part of it panicked: other parts would wait for it forever.
    pub(crate) fn broken(&self, part: &str, panic: &Panic) {
        self.broken.store(true, Ordering::Release);
        let text = format!(
            "{part} panicked: {panic}; the service stops, and the next instance handles uncommitted records again"
        );
        self.fail(ErrorKind::Internal, text);
        // Last, because it may be the program's subscriber that panics.
        _ = catch(|| {
            error!(
                part,
                error = panic.text(),
                place = panic.place(),
                backtrace = panic.backtrace(),
                "a part of the service panicked; the service stops"
            );
        });
    }

    /// Runs a part of the service's work; a panic in it ends the service.
    pub(crate) fn guard(&self, part: &str, work: impl FnOnce()) {
        if let Err(panic) = catch(work) {
            self.broken(part, &panic);
        }
    }

    /// Whether a part of the service has panicked.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Whether no more records are read.
    pub(crate) fn is_quiet(&self) -> bool {
        self.handle.0.quiet.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The error that ended the service, if one did.
    pub(crate) fn failure(&self) -> Option<(ErrorKind, String)> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
