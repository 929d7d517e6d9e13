//! Delivers messages in the order of their keys, sending them again until the broker has them, and reports when all messages of a
//! record are delivered.

use crate::record::names::{SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::base::control::Control;
use crate::base::error::ErrorKind;
use crate::base::panics::caught;
use crate::config::back_off::back_off;
use crate::config::{Config, RetryConfig};
use crate::publish::complaints::Complaints;
use crate::publish::dead_letter;
use crate::publish::stalled::{Lane, Next, Stalled};
use crate::publish::{Message, PublishErrorKind, Publisher, Rejected, Undelivered};

/// How long to wait before a full queue is tried again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// Called with `true` when all messages of a record are delivered, with `false` if one of them never will be.
pub(crate) type Delivered = Box<dyn Fn(bool) + Send + Sync>;

/// Messages in flight to the broker.
pub(super) struct Deliveries {
    publisher: Arc<dyn Publisher>,
    retry: RetryConfig,
    dead_letter_topic: Arc<str>,
    /// A permit for each message that may be in flight.
    outstanding: Semaphore,
    /// Whether any lane is stalled; the lock is taken only then.
    is_stalled: AtomicBool,
    stalled: Mutex<Stalled<Parked>>,
    complaints: Complaints,
    control: Arc<Control>,
    /// Cancelled when nothing can be delivered any more.
    ended: CancellationToken,
    runtime: tokio::runtime::Handle,
}

/// A message that waits for an earlier one that was refused.
struct Parked {
    message: Message,
    rest: Arc<Rest>,
    /// How often it has been sent.
    attempts: u32,
}

/// How many messages of one record are not answered yet.
pub(super) struct Rest {
    left: AtomicUsize,
    given_up: AtomicBool,
    delivered: Delivered,
}

impl Deliveries {
    /// Must be called within a runtime, on which messages are sent again.
    pub(super) fn new(config: &Config, publisher: Arc<dyn Publisher>, control: Arc<Control>) -> Arc<Self> {
        let outstanding = config.publish.max_outstanding.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            publisher,
            retry: config.retry.clone(),
            dead_letter_topic: config.dead_letter_topic().into(),
            outstanding: Semaphore::new(outstanding),
            is_stalled: AtomicBool::new(false),
            stalled: Mutex::default(),
            complaints: Complaints::default(),
            control,
            ended: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// Waits until one more message may be in flight.
    pub(super) async fn permit(&self) -> SemaphorePermit<'_> {
        self.outstanding
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    /// Delivers a message, sending it again until it arrives, before all later messages of its lane.
    pub(super) async fn deliver(self: &Arc<Self>, message: Message, rest: Arc<Rest>) {
        let permit = self.permit().await;
        let mut parked = Parked {
            message,
            rest,
            attempts: 0,
        };
        // While the queue is full, an earlier message of its lane may be refused, which it must not overtake.
        while let Err(back) = self.park(parked).or_else(|parked| self.try_send(parked, None)) {
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            parked = back;
        }
        // Not earlier: this future may be dropped while it waits, or the publisher may panic.
        permit.forget();
    }

    /// Sends a message once, waiting while the publisher's queue is full. `done` gets the result.
    pub(super) async fn queue(
        &self,
        message: Message,
        done: impl FnOnce(Result<(), Undelivered>) + Send + 'static,
    ) {
        let mut next = self.publisher.send(message, Box::new(done));
        while let Err(Rejected { message, done }) = next {
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            next = self.publisher.send(message, done);
        }
    }

    /// Waits until everything is delivered, for `timeout` at most. Returns `false` if something is left. Blocks.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        self.publisher.flush(timeout) && self.stalled().is_empty()
    }

    pub(super) fn back_off(&self, attempt: u32) -> Duration {
        back_off(&self.retry, attempt, crate::base::jitter::fraction())
    }

    /// Queues a message after the stalled ones of its lane; gives it back if there are none.
    fn park(&self, parked: Parked) -> Result<(), Parked> {
        if self.is_stalled.load(Ordering::Acquire)
            && let Some(lane) = lane(&parked.message)
        {
            return self.stalled().park(&lane, parked);
        }
        Err(parked)
    }

    /// Sends a message without an order, waiting while the queue is full.
    async fn send(self: &Arc<Self>, mut parked: Parked) {
        while let Err(back) = self.try_send(parked, None) {
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            parked = back;
        }
    }

    /// Sends a message; gives it back if the queue is full. `wave` is the lane, if the message is sent again.
    fn try_send(self: &Arc<Self>, parked: Parked, wave: Option<&Lane>) -> Result<(), Parked> {
        let Parked {
            message,
            rest,
            attempts,
        } = parked;
        let (deliveries, wave, answered) = (Arc::clone(self), wave.cloned(), Arc::clone(&rest));
        let done = move |result| {
            let control = Arc::clone(&deliveries.control);
            control.guard("the delivery of a message", || {
                deliveries.answered(result, answered, attempts + 1, wave);
            });
        };
        let sent = self.publisher.send(message, Box::new(done));
        sent.map_err(|Rejected { message, .. }| Parked {
            message,
            rest,
            attempts,
        })
    }

    /// Sends the next wave of a lane: its oldest message, or all that wait, until one of them is refused.
    async fn send_wave(self: Arc<Self>, lane: Lane, all: bool) {
        let mut wave = self.stalled().begin(&lane, all);
        while let Some(parked) = wave.pop_front() {
            if self.stalled().is_refused(&lane) {
                wave.push_front(parked);
                let next = self.stalled().take_back(&lane, wave);
                return self.go_on(lane, next, 1);
            }
            if let Err(back) = self.try_send(parked, Some(&lane)) {
                wave.push_front(back);
                tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            }
        }
    }

    /// Called from the publisher's threads.
    fn answered(
        self: Arc<Self>,
        result: Result<(), Undelivered>,
        rest: Arc<Rest>,
        attempts: u32,
        wave: Option<Lane>,
    ) {
        match result {
            Ok(()) => {
                self.outstanding.add_permits(1);
                rest.one_answered(true);
                if let Some(lane) = wave {
                    let next = self.stalled().answer(&lane, None);
                    self.go_on(lane, next, attempts);
                }
            }
            Err(Undelivered { error, .. }) if error.kind() == PublishErrorKind::Ended => {
                self.control.fail(ErrorKind::Publish, error.to_string());
                self.give_up(&rest);
                self.end();
            }
            Err(Undelivered { mut message, error }) => {
                self.complaints
                    .refused(&message.topic, &error, None, Instant::now().into_std());
                message.placement = message.placement.after_refusal();
                if error.kind() == PublishErrorKind::TooLarge
                    && let Some(dead_letter) =
                        dead_letter::retry_as_dead_letter(&message, attempts, &self.dead_letter_topic)
                {
                    warn!(
                        topic = &*message.topic,
                        source = %Source(&message),
                        "a record is too large for its retry topic; writing it to the dead-letter topic instead"
                    );
                    message = dead_letter;
                } else if error.kind() == PublishErrorKind::TooLarge
                    && let Some(shorter) = dead_letter::shortened(&message, attempts)
                {
                    warn!(
                        topic = &*message.topic,
                        payload = message.payload.as_ref().map_or(0, Vec::len),
                        source = %Source(&message),
                        "a dead letter is too large for its topic; writing it shortened, with a header that says so"
                    );
                    message = shorter;
                }
                self.refused(
                    Parked {
                        message,
                        rest,
                        attempts,
                    },
                    wave,
                );
            }
        }
    }

    fn give_up(&self, rest: &Rest) {
        self.outstanding.add_permits(1);
        rest.one_answered(false);
    }

    /// Gives up all waiting messages, because nothing can be delivered any more.
    fn end(&self) {
        self.ended.cancel();
        let waiting = self.stalled().take_all();
        for parked in waiting {
            self.give_up(&parked.rest);
        }
    }

    fn refused(self: Arc<Self>, parked: Parked, wave: Option<Lane>) {
        let attempts = parked.attempts;
        if let Some(lane) = wave {
            let next = self.stalled().answer(&lane, Some(parked));
            self.go_on(lane, next, attempts);
        } else if let Some(lane) = lane(&parked.message) {
            let next = {
                let mut stalled = self.stalled();
                self.is_stalled.store(true, Ordering::Release);
                stalled.refuse(lane.clone(), parked)
            };
            self.go_on(lane, next, attempts);
        } else {
            // It has no order.
            let delay = self.back_off(attempts);
            let own = Arc::clone(&self);
            self.spawn(async move {
                let ended = own.ended.clone().cancelled_owned();
                // Once the publisher has ended, sending fails at once; there is no need to wait.
                _ = tokio::time::timeout(delay, ended).await;
                own.send(parked).await;
            });
        }
    }

    fn go_on(self: Arc<Self>, lane: Lane, next: Next, attempts: u32) {
        let (delay, all) = match next {
            Next::Nothing => return,
            Next::Probe => (self.back_off(attempts), false),
            Next::Wave => (Duration::ZERO, true),
            Next::Free => return self.lane_recovered(&lane.0),
        };
        let own = Arc::clone(&self);
        self.spawn(async move {
            tokio::time::sleep(delay).await;
            own.send_wave(lane, all).await;
        });
    }

    /// Spawns a task. If it panics, its messages are never sent, so the service ends.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let control = Arc::clone(&self.control);
        self.runtime.spawn(async move {
            if let Err(panic) = caught(work).await {
                control.broken("the repetition of a message", &panic);
            }
        });
    }

    fn lane_recovered(&self, topic: &Arc<str>) {
        {
            let stalled = self.stalled();
            self.is_stalled.store(!stalled.is_empty(), Ordering::Release);
            if !stalled.is_clear(topic) {
                return;
            }
        }
        self.complaints.is_over(topic);
    }

    fn stalled(&self) -> MutexGuard<'_, Stalled<Parked>> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the record of a dead letter was read: `orders/3@17`.
struct Source<'a>(&'a Message);

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = |name| String::from_utf8_lossy(self.0.headers.get(name).unwrap_or_default());
        let (topic, partition) = (header(SOURCE_TOPIC), header(SOURCE_PARTITION));
        write!(f, "{topic}/{partition}@{}", header(SOURCE_OFFSET))
    }
}

fn lane(message: &Message) -> Option<Lane> {
    let (topic, partition, key) = message.lane()?;
    Some((Arc::clone(topic), partition, key.map(<[u8]>::to_vec)))
}

impl Rest {
    pub(super) fn new(messages: usize, delivered: Delivered) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(messages),
            given_up: AtomicBool::new(false),
            delivered,
        })
    }

    fn one_answered(&self, delivered: bool) {
        self.given_up.fetch_or(!delivered, Ordering::AcqRel);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.delivered)(!self.given_up.load(Ordering::Acquire));
        }
    }
}
