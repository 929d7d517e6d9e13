//! How the service is told to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::ErrorKind;
use crate::source::Waker;

/// The switch that ends the service, shared by everyone who may turn it.
#[derive(Debug)]
pub(crate) struct Control {
    stopping: AtomicBool,
    abandoned: AtomicBool,
    failure: Mutex<Option<(ErrorKind, String)>>,
    waker: Waker,
}

impl Control {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            failure: Mutex::default(),
            waker,
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

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
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
