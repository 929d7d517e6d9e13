//! Asks the brokers what takes a while to know: whether what was wrong works again, as librdkafka says when a broker goes and
//! not when it comes back; and where a log begins and ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::{ClientEvent, Shared, SourceContext};
use super::out_of_range::OutOfRange;
use super::trouble::Trouble;
use crate::config::Config;

/// How long one question may take, and how long to wait before the next.
const QUESTION: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);

/// A thread that asks while there is something to ask; it starts with the first question.
#[derive(Default)]
pub(super) struct Prober {
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    wrong: BTreeSet<Trouble>,
    /// Offsets that are gone from logs whose bounds are to be asked for.
    gone: Vec<OutOfRange>,
    stop: bool,
}

impl Prober {
    /// Asks until the trouble is over, if asking can tell, and then says so.
    pub(super) fn watch(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        config: &Config,
        remedy: Trouble,
    ) {
        if !matches!(remedy, Trouble::Brokers | Trouble::Topic(_)) {
            return;
        }
        self.ask(consumer, shared, config, |state| _ = state.wrong.insert(remedy));
    }

    /// Asks where the log begins and ends, and says so; or, if no broker answers in time, that it is not known.
    pub(super) fn bounds(
        &mut self,
        consumer: &Arc<BaseConsumer<SourceContext>>,
        shared: &Arc<Shared>,
        config: &Config,
        gone: OutOfRange,
    ) {
        self.ask(consumer, shared, config, |state| state.gone.push(gone));
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
                Err(error) => tracing::warn!(%error, "cannot watch for the brokers to come back"),
            }
        }
    }

    /// Ends the thread; takes a question's time at most.
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
            state.wrong.is_empty() && state.gone.is_empty() && !state.stop
        });
        let (wrong, gone) = {
            let mut state = idle.unwrap_or_else(PoisonError::into_inner);
            (state.wrong.clone(), std::mem::take(&mut state.gone))
        };
        for gone in gone {
            if lock().stop {
                return;
            }
            let bounds = consumer
                .fetch_watermarks(&gone.topic, gone.partition, QUESTION)
                .ok();
            shared.push(ClientEvent::Bounds(gone, bounds));
            shared.wake();
        }
        for remedy in wrong {
            if lock().stop {
                return;
            }
            if works(consumer, &remedy, any_topic) {
                lock().wrong.remove(&remedy);
                shared.push(ClientEvent::Well(remedy));
                shared.wake();
            }
        }
        let paused = changed.wait_timeout_while(lock(), PAUSE, |state| !state.stop && state.gone.is_empty());
        if paused.unwrap_or_else(PoisonError::into_inner).0.stop {
            return;
        }
    }
}

fn works(consumer: &BaseConsumer<SourceContext>, remedy: &Trouble, any_topic: &str) -> bool {
    match remedy {
        Trouble::Brokers => consumer.fetch_metadata(Some(any_topic), QUESTION).is_ok(),
        Trouble::Topic(topic) => {
            let answer = consumer.fetch_metadata(Some(topic), QUESTION);
            let known = answer.is_ok_and(|metadata| {
                metadata
                    .topics()
                    .iter()
                    .any(|topic| topic.error().is_none() && !topic.partitions().is_empty())
            });
            // Only an answer about all topics makes the group look at its subscription again.
            known && consumer.fetch_metadata(None, QUESTION).is_ok()
        }
        Trouble::Group | Trouble::Partition(..) => false,
    }
}
