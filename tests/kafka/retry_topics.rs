//! Retry topics, on Apache Kafka.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use kaufmann::publish::KafkaPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Context, Event, Failure, Handle, Outgoing, Runtime, handler, service};
use kaufmann_tests::rig::{Record, Rig, wait_until};

use crate::shop::DEADLINE;

kaufmann::include_events!();
use events::test::Numbered;

crate::tests![records_wait_in_their_retry_topics_while_others_go_on_and_end_as_dead_letters_of_their_source];

const GROUP: &str = "delayed";
const TOPIC: &str = "delayed-in";
const DELAYS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(3)];
const RETRIES: [&str; 2] = ["delayed.retry.2s", "delayed.retry.3s"];
const LETTERS: &str = "delayed.dead-letter";
/// Attempts before a record moves to a retry topic.
const ATTEMPTS: u32 = 2;
/// The number of other records.
const OTHERS: i64 = 200;

/// The attempts at each key, with their numbers.
type Attempts = BTreeMap<String, Vec<(u32, Instant)>>;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Attempts>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `later` succeeds from its third attempt on, `never` does not.
#[handler(event = "test.numbered")]
async fn numbered(event: Numbered, cx: &Context<Seen>) -> Result<(), Failure> {
    let attempt = (cx.attempt(), Instant::now());
    cx.state
        .lock()
        .entry(event.key.clone())
        .or_default()
        .push(attempt);
    match event.key.as_str() {
        "never" => Err("never".into()),
        "later" if attempt.0 <= ATTEMPTS => Err("not yet".into()),
        _ => Ok(()),
    }
}

service! {
    struct Delayed {
        state: Seen,
        handlers: [numbered],
    }
}

fn records_wait_in_their_retry_topics_while_others_go_on_and_end_as_dead_letters_of_their_source(
    rig: &Rig,
) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    for topic in [TOPIC, RETRIES[0], RETRIES[1], LETTERS] {
        client.create_topic(topic, 2, &[])?;
    }
    let mut config = Config::default();
    config.brokers = vec![servers.kafka.brokers()];
    config.group = GROUP.to_owned();
    config.topics = vec![TOPIC.to_owned()];
    config.retry.max_attempts = ATTEMPTS;
    config.retry.initial = Duration::from_millis(10);
    config.retry.topics.delays = DELAYS.to_vec();
    let (registry, seen, handle) = (EmbeddedRegistry::new(), Seen::default(), Handle::new());
    let id = registry.add(Numbered::INFO.full_name, Numbered::INFO.schema)?;
    let record = |key: &str, number| {
        let event = Numbered {
            key: key.to_owned(),
            number,
        };
        let payload = [&[0], &id.to_be_bytes()[..], &Outgoing::new(&event).datum].concat();
        Record {
            partition: -1,
            ..Record::new(Some(key), Some(payload)).with_header("shop", "north")
        }
    };
    client.produce(TOPIC, &[record("later", 0), record("never", 0)])?;
    let others: Vec<_> = (0..OTHERS)
        .map(|number| record(&format!("other-{}", number % 10), number))
        .collect();
    client.produce(TOPIC, &others)?;

    let service = Runtime::<Delayed>::builder(seen.clone())
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .publisher(KafkaPublisher::new(&config)?)
        .registry(registry)
        .handle(&handle);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        anyhow::Ok(runtime.block_on(service.run(std::future::pending()))?)
    });
    let letters = wait_until("the letter should be there", DEADLINE, || {
        Ok(Some(client.read(LETTERS)?).filter(|letters| !letters.is_empty()))
    })?;
    // Each is settled in its own topic, and nothing is left.
    for topic in [TOPIC, RETRIES[0], RETRIES[1]] {
        client.wait_committed(GROUP, topic, DEADLINE)?;
    }
    handle.drain();
    wait_until("the service should end", DEADLINE, || {
        Ok(thread.is_finished().then_some(()))
    })?;
    let finished = thread.join().map_err(|_| anyhow!("the service panicked"))??;
    ensure!(finished.drained);

    let seen = seen.lock();
    let numbers = |key: &str| -> Vec<u32> { seen[key].iter().map(|(attempt, _)| *attempt).collect() };
    ensure!(numbers("later") == [1, 2, 3], "{:?}", numbers("later"));
    ensure!(numbers("never") == [1, 2, 3, 4], "{:?}", numbers("never"));
    for (place, delay) in DELAYS.iter().enumerate() {
        let attempts = &seen["never"];
        let waited = attempts[place + 2].1 - attempts[place + 1].1;
        // Timestamps have milliseconds.
        ensure!(
            waited + Duration::from_millis(2) >= *delay,
            "{waited:?} instead of {delay:?}"
        );
    }
    let handled: usize = seen
        .iter()
        .filter(|(key, _)| key.starts_with("other"))
        .map(|(_, all)| all.len())
        .sum();
    ensure!(handled == usize::try_from(OTHERS)?, "{handled}");
    let waited: Vec<_> = RETRIES
        .iter()
        .map(|topic| Ok(client.read(topic)?.len()))
        .collect::<Result<_>>()?;
    ensure!(waited == [2, 1], "{waited:?}");

    let [letter] = letters.as_slice() else {
        return Err(anyhow!("{} letters", letters.len()));
    };
    let original = record("never", 0);
    ensure!(letter.key == original.key && letter.value == original.value);
    ensure!(letter.header("shop").as_deref() == Some("north"));
    ensure!(letter.header("kaufmann-source-topic").as_deref() == Some(TOPIC));
    ensure!(letter.header("kaufmann-error-attempts").as_deref() == Some("4"));
    let history: Vec<_> = letter
        .headers
        .iter()
        .filter(|(name, _)| name == "kaufmann-history")
        .collect();
    ensure!(history.len() == 2, "{history:?}");
    Ok(())
}
