#![doc = include_str!("../docs/testing.md")]

mod act;
mod backend;
mod bench;
#[cfg(feature = "kafka")]
mod cluster;
#[cfg(not(feature = "kafka"))]
#[path = "no_cluster.rs"]
mod cluster;
mod envelope;
mod given;
mod order;
mod recorder;
mod then;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::time::Duration;

use tokio::time::Instant;

use self::act::Act;
use self::bench::Bench;
use crate::config::{Config, Mode};
use crate::handler::Service;
use crate::publish::Message;

/// The variable with the brokers on which tests run, instead of in memory.
const BROKERS: &str = "KAUFMANN_TEST_BROKERS";

/// A proptest strategy for any value of an event, derived from its schema. Needs the feature `proptest`.
///
/// [`kaufmann_avro::arbitrary`] documents the values and how they shrink; its [`values`](kaufmann_avro::arbitrary::values) does the same
/// for generated types that are not events.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::testing::any;
/// use proptest::prelude::{ProptestConfig, prop_assert, proptest};
///
/// proptest! {
///     # #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
///     // #[test]
///     fn a_long_address_is_no_problem(event in any::<user::Create>()) {
///         prop_assert!(event.email.chars().count() <= 16);
///     }
/// }
/// # a_long_address_is_no_problem();
/// ```
#[cfg(feature = "proptest")]
pub fn any<E: crate::handler::event::Event + Debug>() -> proptest::strategy::BoxedStrategy<E> {
    kaufmann_avro::arbitrary::values(E::INFO.schema)
}

/// A service under test: give it events, then state what you expect.
///
/// `given…` adds a record; `with_…` changes the last one. The first `then…` after that delivers the records and waits until they are
/// settled, including retries. The next `given…` starts a new round, in which earlier messages do not count. Within a round, each
/// published event satisfies one `then`.
///
/// Methods panic where an expectation fails, at the line of the test, with the given records and their results.
pub struct Kit<V: Service> {
    bench: Bench<V>,
    act: Act,
    /// The message that was checked last.
    last: Option<Message>,
    /// How often the same event was given.
    occurrences: HashMap<Vec<u8>, usize>,
    /// How long the last delivery took.
    took: Duration,
    /// Whether an expectation has failed already.
    has_failed: bool,
}

impl<V: Service> Kit<V> {
    /// A service with this state and the default configuration.
    ///
    /// # Panics
    ///
    /// Within an asynchronous runtime, because the kit has its own.
    #[must_use]
    #[track_caller]
    pub fn new(state: V::State) -> Self {
        Self::with_config(&Config::default(), state)
    }

    /// A service with this state. Schemas are registered and back-offs have no jitter, regardless of the configuration.
    ///
    /// # Panics
    ///
    /// Within an asynchronous runtime, because the kit has its own.
    #[must_use]
    #[track_caller]
    pub fn with_config(config: &Config, state: V::State) -> Self {
        Self::start(config, async |_| Ok::<_, Infallible>(state))
    }

    /// A service whose state is created within the kit's runtime, by the function under [`#[kaufmann::main]`](macro@crate::main) or
    /// another one.
    ///
    /// # Panics
    ///
    /// If the state cannot be created, or within an asynchronous runtime, because the kit has its own.
    #[must_use]
    #[track_caller]
    pub fn start<E: Display>(
        config: &Config,
        start: impl AsyncFnOnce(&Config) -> Result<V::State, E>,
    ) -> Self {
        // Nothing would read the retry topics, so a record ends with its last attempt.
        let mut config = config.clone().without_retry_topics();
        if config.group.is_empty() {
            config.group = V::NAME.to_lowercase();
        }
        config.registry.register = true;
        config.retry.jitter = 0.0;
        match Bench::new(config, start) {
            Ok(bench) => Self {
                bench,
                act: Act::default(),
                last: None,
                occurrences: HashMap::new(),
                took: Duration::ZERO,
                has_failed: false,
            },
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs the handlers as in a replay: [`Context::is_replay`](crate::Context::is_replay) is true, and messages are published, as with
    /// `replay --publish`. For a `start` function that checks the mode, use
    /// [`Config::with_mode`], which does this too.
    ///
    /// # Panics
    ///
    /// If something was delivered before.
    #[must_use]
    #[track_caller]
    pub fn in_replay(mut self) -> Self {
        self.bench.set_mode(Mode::Replay);
        self
    }

    /// Uses real time for the service's clock. For state that waits for something outside of the process: virtual time would advance
    /// while it waits, and timeouts would expire.
    #[must_use]
    pub fn in_real_time(mut self) -> Self {
        self.bench.real_time = true;
        self
    }
}

impl<V: Service> Kit<V> {
    #[track_caller]
    fn deliver(&mut self) {
        if self.act.delivered == self.act.given.len() {
            return;
        }
        let began: Instant = self.bench.now();
        let outcome = self.bench.deliver(&mut self.act);
        self.took = self.bench.now() - began;
        self.check_settled(outcome);
    }

    #[track_caller]
    fn check_settled(&mut self, outcome: Result<(), String>) {
        if let Err(error) = outcome {
            self.fail(&error);
        }
        if let Some(why) = self.act.ended.clone().filter(|_| !self.act.end_expected) {
            self.fail(&format!("the service has stopped: {why}"));
        }
    }

    /// Takes the first wanted message of this round that the test has not checked.
    fn take(&mut self, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let published = bench::published(&self.bench.recorder, &self.act);
        let unseen = |index: &usize| !self.act.looked_at.contains(index);
        let index = (0..published.len())
            .filter(unseen)
            .find(|index| wanted(&published[*index]))?;
        self.act.looked_at.insert(index);
        self.last = Some(published[index].clone());
        self.last.clone()
    }

    fn story(&self) -> String {
        let published = bench::published(&self.bench.recorder, &self.act);
        self.bench
            .block_on(self.act.story(&published, &*self.bench.registry))
    }

    /// Fails the test, with what happened.
    #[track_caller]
    fn fail(&mut self, what: &str) -> ! {
        self.has_failed = true;
        let story = self.story();
        panic!("{what}\n\n{story}");
    }

    /// Fails because the test is invalid.
    #[track_caller]
    fn refuse(&mut self, what: &str) -> ! {
        self.has_failed = true;
        panic!("{what}");
    }
}

/// Fails a test at its end if it has ignored a failure.
impl<V: Service> Drop for Kit<V> {
    fn drop(&mut self) {
        if self.has_failed {
            return;
        }
        if std::thread::panicking() {
            // An assertion of the test itself has failed, without the story.
            let story = self.story();
            #[expect(
                clippy::print_stderr,
                reason = "tests show it beside the panic, and only when they fail"
            )]
            {
                eprintln!("{story}");
            }
            return;
        }
        if let Some(given) = self.act.given.get(self.act.delivered) {
            let (name, at) = (&given.name, given.at);
            panic!("the `{name}` given at {at} was never delivered, because no `then` follows it");
        }
        if let Some(unexpected) = self.act.unexpected() {
            self.fail(&unexpected);
        }
    }
}

impl<V: Service> Debug for Kit<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit")
            .field("service", &V::NAME)
            .finish_non_exhaustive()
    }
}
