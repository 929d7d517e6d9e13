//! How the service is told to take no more records, and to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::base::error::ErrorKind;
use crate::base::panics::{Panic, catch};
use crate::base::waker::Waker;

/// Steers a service from outside, for programs that run it inside of themselves: the steps of a shutdown one by one.
///
/// ```no_run
/// # async fn run<Accounts: kaufmann::Service<State = ()>>(
/// #     builder: kaufmann::Builder<Accounts>, no_more_traffic: impl Future<Output = ()>
/// # ) -> Result<(), kaufmann::Error> {
/// let handle = kaufmann::Handle::new();
/// let service = builder.handle(&handle).run(std::future::pending());
/// let steps = async {
///     no_more_traffic.await;
///     handle.quiet(); // what runs goes on and is committed; the partitions stay here
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
    /// A handle of a service that does not run yet. What it is told before is done at the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no more records. Those that were taken are handled, retried and committed as before, and the service stays in its
    /// group with its partitions: nobody else reads them meanwhile, and their lag grows. There is no way back but a new start.
    pub fn quiet(&self) {
        self.0.quiet.store(true, Ordering::Release);
        if let Some(waker) = self.0.waker.get() {
            waker.wake();
        }
    }

    /// Ends the service as its `shutdown` does: takes no more records, finishes what runs within `shutdown_deadline`, commits
    /// and leaves the group.
    pub fn drain(&self) {
        self.quiet();
        self.0.drain.cancel();
    }

    /// Waits until the service is to end.
    pub(crate) async fn draining(&self) {
        self.0.drain.cancelled().await;
    }
}

/// The switch that ends the service, shared by everyone who may turn it.
#[derive(Debug)]
pub(crate) struct Control {
    stopping: AtomicBool,
    abandoned: AtomicBool,
    /// Whether a part of the service is gone, and perhaps records with it.
    broken: AtomicBool,
    failure: Mutex<Option<(ErrorKind, String)>>,
    waker: Waker,
    handle: Handle,
}

impl Control {
    pub(crate) fn new(waker: Waker, handle: Handle) -> Self {
        // One handle may be given to several services one after another; each is asked anyway when it looks by itself.
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

    /// Ends the service: no record is taken any more, those that run are finished.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ends the service at once: nobody waits for what runs any more.
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

    /// Ends the service because a part of it panicked: what waits for that part would wait forever.
    pub(crate) fn broken(&self, part: &str, panic: &Panic) {
        self.broken.store(true, Ordering::Release);
        let text = format!(
            "{part} panicked: {panic}; the service stops, and what is not committed is handled again by the next instance"
        );
        self.fail(ErrorKind::Internal, text);
        // Last, because the program's subscriber may be what panics.
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

    /// Does a part of the service's work; its panic ends the service.
    pub(crate) fn guard(&self, part: &str, work: impl FnOnce()) {
        if let Err(panic) = catch(work) {
            self.broken(part, &panic);
        }
    }

    /// Whether a part of the service is gone.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Whether no more records are to be taken.
    pub(crate) fn is_quiet(&self) -> bool {
        self.handle.0.quiet.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// What made the service end, if it was an error.
    pub(crate) fn failure(&self) -> Option<(ErrorKind, String)> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
