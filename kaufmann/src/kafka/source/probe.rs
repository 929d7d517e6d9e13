//! A thread that asks the brokers: whether a trouble is over, because librdkafka reports when a broker goes away but not when it
//! comes back; and for the bounds of logs.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::{ClientEvent, Shared, SourceContext};
use super::out_of_range::OutOfRange;
use super::trouble::Trouble;
use crate::config::Config;

/// How long one request may take, and how long to wait before the next.
const REQUEST: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);

/// The thread; it starts with the first request, and idles while there is nothing to ask.
#[derive(Default)]
pub(super) struct Prober {
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    troubles: BTreeSet<Trouble>,
    /// Offsets that are missing from their logs, whose bounds will be requested.
    missing: Vec<OutOfRange>,
    stop: bool,
}

impl Prober {
    /// Asks until the trouble is over, and reports that; only for troubles that asking can show to be over.
    pub(super) fn watch(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        config: &Config,
        trouble: Trouble,
    ) {
        if !matches!(trouble, Trouble::Brokers | Trouble::Topic(_)) {
            return;
        }
        self.ask(consumer, shared, config, |state| {
            _ = state.troubles.insert(trouble);
        });
    }

    /// Requests the log's bounds and reports them, or reports `None` if no broker answers in time.
    pub(super) fn bounds(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        config: &Config,
        missing: OutOfRange,
    ) {
        self.ask(consumer, shared, config, |state| state.missing.push(missing));
    }

    fn ask(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        config: &Config,
        what: impl FnOnce(&mut State),
    ) {
        let (state, changed) = &*self.state;
        what(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
        if self.thread.is_none() {
            let state = Arc::clone(&self.state);
            let (consumer, shared) = (Arc::clone(consumer), Arc::clone(shared));
            let topic = config.topics.first().cloned().unwrap_or_default();
            let thread = thread::Builder::new().name("kaufmann-probe".into());
            let work = move || shared.guard("kaufmann-probe", || ask(&state, &consumer, &shared, &topic));
            match thread.spawn(work) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => tracing::warn!(%error, "no thread to check when the brokers are back"),
            }
        }
    }

    /// Ends the thread, within the time of one request.
    pub(super) fn stop(mut self) {
        let (state, changed) = &*self.state;
        state.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported.
            let _ = thread.join();
        }
    }
}

fn ask(
    state: &(Mutex<State>, Condvar),
    consumer: &BaseConsumer<SourceContext>,
    shared: &Shared,
    any_topic: &str,
) {
    let (state, changed) = state;
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let idle = changed.wait_while(lock(), |state| {
            state.troubles.is_empty() && state.missing.is_empty() && !state.stop
        });
        let (troubles, missing) = {
            let mut state = idle.unwrap_or_else(PoisonError::into_inner);
            (state.troubles.clone(), std::mem::take(&mut state.missing))
        };
        for missing in missing {
            if lock().stop {
                return;
            }
            let bounds = consumer
                .fetch_watermarks(&missing.topic, missing.partition, REQUEST)
                .ok();
            shared.push(ClientEvent::Bounds(missing, bounds));
            shared.wake();
        }
        for trouble in troubles {
            if lock().stop {
                return;
            }
            if is_over(consumer, &trouble, any_topic) {
                lock().troubles.remove(&trouble);
                shared.push(ClientEvent::Recovered(trouble));
                shared.wake();
            }
        }
        let paused =
            changed.wait_timeout_while(lock(), PAUSE, |state| !state.stop && state.missing.is_empty());
        if paused.unwrap_or_else(PoisonError::into_inner).0.stop {
            return;
        }
    }
}

fn is_over(consumer: &BaseConsumer<SourceContext>, trouble: &Trouble, any_topic: &str) -> bool {
    match trouble {
        Trouble::Brokers => consumer.fetch_metadata(Some(any_topic), REQUEST).is_ok(),
        Trouble::Topic(topic) => {
            let answer = consumer.fetch_metadata(Some(topic), REQUEST);
            let known = answer.is_ok_and(|metadata| {
                metadata
                    .topics()
                    .iter()
                    .any(|topic| topic.error().is_none() && !topic.partitions().is_empty())
            });
            // Only metadata of all topics makes the group check its subscription again.
            known && consumer.fetch_metadata(None, REQUEST).is_ok()
        }
        Trouble::Group | Trouble::Partition(..) => false,
    }
}
