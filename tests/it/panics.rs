//! Panics: each affects only its own record, or ends the service with the name of the part. Nothing waits for ever.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::panic::panic_any;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use kaufmann::config::Delivery;
use kaufmann::publish::{
    Answer, Completion, MemoryPublisher, Message, PublishError, PublishErrorKind, Publisher, Rejected,
    TransactionError, Transactions, Undelivered,
};
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{
    Assignment, CommitOffset, Member, MemoryFeed, MemoryRecord, MemorySource, Sink, Source, SourceError,
    SourceEvent, Waker, memory,
};
use kaufmann::{
    Batch, Builder, Config, Context, Error, ErrorKind, Event, Failure, Finished, HandlerError, Observer,
    Outcome, Record, Runtime, Service, Settled, handler, service,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing_subscriber::util::SubscriberInitExt;

use crate::events::test::{Doubled, Ignored, Numbered};
use crate::rig::{TOPIC, config, eventually};

/// Panics when it is dropped, with another one of these, this many times.
struct Nasty(usize);

impl Drop for Nasty {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            panic_any(Nasty(left));
        }
    }
}

fn nasty() -> Box<dyn Any + Send> {
    Box::new(Nasty(3))
}

/// An error whose every method panics.
#[derive(Debug)]
struct NastyError;

impl fmt::Display for NastyError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_any(Nasty(3));
    }
}

impl std::error::Error for NastyError {}

impl Drop for NastyError {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_any(Nasty(3));
        }
    }
}

/// Its drop panics while it waits for ever.
struct Unending;

impl Future for Unending {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Unending {
    fn drop(&mut self) {
        panic_any(Nasty(3));
    }
}

/// How often each number was begun.
#[derive(Default)]
struct Begun([AtomicUsize; 16]);

impl Begun {
    fn count(&self, number: i64) -> usize {
        self.0[number as usize].load(SeqCst)
    }
}

/// Each number panics in its own way the first time.
#[handler(event = "test.numbered", timeout = "50ms")]
async fn numbered(event: Numbered, cx: &Context<Arc<Begun>>) -> Result<Option<Doubled>, Failure> {
    cx.state.0[event.number as usize].fetch_add(1, SeqCst);
    if cx.attempt() > 1 {
        return Ok(None);
    }
    match event.number {
        1 => std::panic::resume_unwind(nasty()),
        2 => {
            tokio::task::yield_now().await;
            panic_any(Nasty(3));
        }
        3 => Unending.await,
        4 => {
            let _dropped_while_it_unwinds = Unending;
            return Ok(None);
        }
        5 => return Err(Failure::new(NastyError)),
        6 => return Err(Failure::new(NastyError).dead_letter()),
        7 => return Err(Wrong.into_failure()),
        _ => {}
    }
    Ok(None)
}

struct Wrong;

impl HandlerError for Wrong {
    fn into_failure(self) -> Failure {
        panic_any(Nasty(3));
    }
}

service! {
    /// Panics in every way.
    struct Panicky {
        state: Arc<Begun>,
        handlers: [numbered],
    }
}

/// A service with one assigned partition.
struct Stage {
    feed: MemoryFeed,
    registry: EmbeddedRegistry,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Finished, Error>>,
}

impl Stage {
    fn start<V: Service>(state: V::State, config: &Config) -> Self {
        Self::with::<V>(state, config, |builder, source| {
            builder.source(source).publisher(MemoryPublisher::new())
        })
    }

    fn with<V: Service>(
        state: V::State,
        config: &Config,
        parts: impl FnOnce(Builder<V>, MemorySource) -> Builder<V>,
    ) -> Self {
        let (source, feed) = memory();
        let registry = EmbeddedRegistry::new();
        let (stop, stopped) = oneshot::channel();
        feed.assign(TOPIC, 0);
        let builder = Runtime::<V>::builder(state)
            .config(config)
            .registry(registry.clone());
        let service = parts(builder, source).run(async { _ = stopped.await });
        Self {
            feed,
            registry,
            stop,
            running: tokio::spawn(service),
        }
    }

    async fn send(&self, key: &str, number: i64) {
        let event = Numbered {
            key: key.into(),
            number,
        };
        let payload = framed(&self.registry, &event).await;
        self.feed.push(TOPIC, 0, MemoryRecord::new(payload).key(key));
    }

    async fn committed(&self, offset: i64) {
        let what = format!("offset {offset} to be committed");
        eventually(&what, || self.feed.committed(TOPIC, 0) == Some(offset)).await;
    }

    async fn stop(self) -> Result<Finished, Error> {
        _ = self.stop.send(());
        self.running.await.unwrap()
    }

    /// Waits until the service ends by itself, and returns the reason.
    async fn fails(self) -> Error {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.running).await;
        ended.expect("the service ends by itself").unwrap().unwrap_err()
    }
}

async fn framed<E: Event>(registry: &EmbeddedRegistry, event: &E) -> Vec<u8> {
    let id = registry.register(E::NAME, E::INFO.schema).await.unwrap();
    let mut payload = vec![0];
    payload.extend(id.to_be_bytes());
    event.encode(&mut payload);
    payload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_may_panic_in_any_way_and_only_its_own_record_is_retried() {
    let begun = Arc::new(Begun::default());
    let stage = Stage::start::<Panicky>(Arc::clone(&begun), &config());
    for number in 0..9 {
        stage.send(&format!("k{number}"), number).await;
    }
    // Afterwards every shard still handles other records.
    for key in 0..64 {
        stage.send(&format!("after{key}"), 9).await;
    }
    stage.committed(9 + 64).await;
    let counts: Vec<_> = (0..10).map(|number| begun.count(number)).collect();
    assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 2, 1, 64]);
    assert!(stage.stop().await.unwrap().drained);
}

#[handler(event = "test.numbered")]
async fn endless(_: Numbered, cx: &Context<Arc<Begun>>) -> Result<(), Failure> {
    cx.state.0[0].fetch_add(1, SeqCst);
    Unending.await;
    Ok(())
}

service! {
    /// Waits for ever, and panics when it is dropped.
    struct Endless {
        state: Arc<Begun>,
        handlers: [endless],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_panic_when_they_are_dropped_at_the_end_do_not_keep_the_service() {
    let mut config = config();
    config.shutdown_deadline = Duration::from_millis(50);
    let begun = Arc::new(Begun::default());
    let stage = Stage::start::<Endless>(Arc::clone(&begun), &config);
    for key in 0..20 {
        stage.send(&format!("k{key}"), 0).await;
    }
    eventually("all to begin", || begun.count(0) == 20).await;
    let finished = stage.stop().await.unwrap();
    assert!(!finished.drained && finished.blocked.len() == 20, "{finished:?}");
}

#[handler(event = "test.numbered", batch = 4, linger = "1h")]
async fn four(batch: Batch<Numbered>, cx: &Context<Arc<Begun>>) -> Result<Vec<Outcome>, Failure> {
    let outcome = |event: &Numbered, attempt| {
        cx.state.0[event.number as usize].fetch_add(1, SeqCst);
        match (event.number, attempt) {
            (1, 1) => Outcome::failed(Failure::new(NastyError)),
            (2, 1) => Outcome::failed(Failure::new(NastyError).dead_letter()),
            _ => Outcome::done(),
        }
    };
    Ok(batch
        .iter()
        .map(|item| outcome(&item.event, item.attempt()))
        .collect())
}

service! {
    /// Takes four at once.
    struct Fours {
        state: Arc<Begun>,
        handlers: [four],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_batch_only_the_records_whose_error_panics_are_retried() {
    let mut config = config();
    config.ordering = kaufmann::config::Ordering::Partition;
    let begun = Arc::new(Begun::default());
    let stage = Stage::start::<Fours>(Arc::clone(&begun), &config);
    for number in [0, 3, 1, 2] {
        stage.send(&format!("k{number}"), number).await;
    }
    stage.committed(4).await;
    assert_eq!([begun.count(0), begun.count(3)], [1, 1]);
    assert!(begun.count(1) >= 2 && begun.count(2) >= 2);
    stage.stop().await.unwrap();
}

/// Panics in each of its methods.
struct NastyObserver(Arc<AtomicUsize>);

impl Observer for NastyObserver {
    fn settled(&self, _: &Record, _: Option<&str>, _: Settled<'_>) {
        self.0.fetch_add(1, SeqCst);
        panic_any(Nasty(3));
    }

    fn retrying(&self, _: &Record, _: Option<&str>, _: u32, _: Duration, _: &str) {
        self.0.fetch_add(1, SeqCst);
        panic_any(Nasty(3));
    }
}

#[handler(event = "test.numbered")]
async fn replies(event: Numbered, cx: &Context<Arc<Begun>>) -> Result<Option<Doubled>, Failure> {
    cx.state.0[event.number as usize].fetch_add(1, SeqCst);
    match event.number {
        0 => Ok(None),
        1 if cx.attempt() == 1 => Err("once".into()),
        2 => Err(Failure::new("never").dead_letter()),
        3 => Err(Failure::new("of no matter").skip()),
        number => Ok(Some(Doubled {
            key: event.key,
            number,
        })),
    }
}

service! {
/// Ends in each possible way.
    struct Replies {
        state: Arc<Begun>,
        handlers: [replies],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_that_panics_does_not_change_a_records_result() {
    let (begun, told) = (Arc::new(Begun::default()), Arc::new(AtomicUsize::new(0)));
    let publisher = MemoryPublisher::new();
    let (observer, sent) = (NastyObserver(Arc::clone(&told)), publisher.clone());
    let stage = Stage::with::<Replies>(Arc::clone(&begun), &config(), |builder, source| {
        builder.source(source).publisher(sent).observer(observer)
    });
    for number in 0..5 {
        stage.send(&format!("k{number}"), number).await;
    }
    let ignored = framed(&stage.registry, &Ignored { note: "n".into() }).await;
    stage.feed.push(TOPIC, 0, MemoryRecord::new(ignored).key("k"));
    stage.committed(6).await;
    let counts: Vec<_> = (0..5).map(|number| begun.count(number)).collect();
    assert_eq!(counts, [1, 2, 1, 1, 1]);
    assert_eq!((told.load(SeqCst), publisher.messages().len()), (7, 3));
    assert!(stage.stop().await.unwrap().drained);
}

/// A subscriber's writer that panics at the first line with this text.
struct NastyWriter(&'static str, Arc<AtomicUsize>);

impl Write for NastyWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(line).contains(self.0) && self.1.fetch_add(1, SeqCst) == 0 {
            panic_any(Nasty(3));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// On the test's own thread, on which the shards run.
fn subscribe(text: &'static str) -> impl Drop {
    let panics = Arc::new(AtomicUsize::new(0));
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || NastyWriter(text, Arc::clone(&panics)))
        .finish()
        .set_default()
}

#[tokio::test]
async fn a_panic_in_a_shard_ends_the_service_with_the_shards_name_soon() {
    let _subscribed = subscribe("trying again");
    let begun = Arc::new(Begun::default());
    let stage = Stage::start::<Replies>(Arc::clone(&begun), &config());
    stage.send("k0", 0).await;
    stage.committed(1).await;
    stage.send("k1", 1).await;
    for key in 0..64 {
        stage.send(&format!("after{key}"), 0).await;
    }
    let feed = stage.feed.clone();
    let error = stage.fails().await;
    assert_eq!((error.kind(), error.kind().code()), (ErrorKind::Internal, 70));
    let text = error.to_string();
    assert!(
        text.starts_with("shard ") && text.contains(" panicked: (no message)"),
        "{text}"
    );
    assert_eq!(
        feed.committed(TOPIC, 0),
        Some(1),
        "the record that was lost is handled again"
    );
    assert!(feed.is_closed());
}

/// A source that panics in `read`.
struct NastySource(MemorySource);

impl Source for NastySource {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        self.0.start(waker)
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        self.0.events(events);
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        self.0.read(assignment, max, &mut |record| {
            _ = sink(record);
            if record.key == Some(b"bang") {
                panic!("no more records");
            }
            ControlFlow::Continue(())
        })
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        self.0.commit(offsets);
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        self.0.release(assignments);
    }

    fn close(&mut self, patience: Duration) {
        self.0.close(patience);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_poller_ends_the_service_with_its_message() {
    let stage = Stage::with::<Replies>(Arc::default(), &config(), |builder, source| {
        builder
            .source(NastySource(source))
            .publisher(MemoryPublisher::new())
    });
    stage.send("k", 0).await;
    stage.committed(1).await;
    stage.send("bang", 0).await;
    let error = stage.fails().await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(
        error
            .to_string()
            .starts_with("the poller panicked: no more records"),
        "{error}"
    );
}

/// Refuses the first message, and panics at the second attempt.
struct NastyPublisher(AtomicUsize);

impl Publisher for NastyPublisher {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        assert!(self.0.fetch_add(1, SeqCst) == 0, "no more messages");
        let error = PublishError::new(PublishErrorKind::Broker, "not now");
        done(Err(Undelivered { message, error }));
        Ok(())
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_a_message_is_sent_again_ends_the_service() {
    let stage = Stage::with::<Replies>(Arc::default(), &config(), |builder, source| {
        builder
            .source(source)
            .publisher(NastyPublisher(AtomicUsize::new(0)))
    });
    stage.send("k", 4).await;
    let error = stage.fails().await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    let text = error.to_string();
    assert!(
        text.starts_with("the repetition of a message panicked: no more messages"),
        "{text}"
    );
}

/// Takes messages, and drops the answer to a commit, as a panicking thread does.
struct NoAnswer(MemoryPublisher);

impl Publisher for NoAnswer {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        self.0.send(message, done)
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }
}

impl Transactions for NoAnswer {
    fn prepare(&self, done: Answer) {
        self.0.transactions().unwrap().prepare(done);
    }

    fn begin(&self) -> Result<(), TransactionError> {
        self.0.transactions().unwrap().begin()
    }

    fn commit(&self, _: Vec<CommitOffset>, _: Member, done: Answer) {
        std::thread::spawn(move || drop(done));
    }

    fn abort(&self, done: Answer) {
        self.0.transactions().unwrap().abort(done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_end_without_an_answer_end_the_service() {
    let mut config = config();
    config.delivery = Delivery::ExactlyOnce;
    let stage = Stage::with::<Replies>(Arc::default(), &config, |builder, source| {
        builder.source(source).publisher(NoAnswer(MemoryPublisher::new()))
    });
    stage.send("k", 4).await;
    let error = stage.fails().await;
    assert_eq!(error.kind(), ErrorKind::Publish);
    assert!(error.to_string().contains("ended without an answer"), "{error}");
}

struct NastyState;

impl Drop for NastyState {
    fn drop(&mut self) {
        panic_any(Nasty(3));
    }
}

service! {
    /// Its state panics when it is dropped.
    struct Stateful {
        state: NastyState,
        handlers: [],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_panics_when_it_is_dropped_is_an_error_of_a_service_that_has_finished() {
    let stage = Stage::start::<Stateful>(NastyState, &config());
    stage.feed.push(TOPIC, 0, MemoryRecord::tombstone());
    stage.committed(1).await;
    let error = stage.stop().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the drop of the service's state panicked"),
        "{error}"
    );
    assert_eq!(error.kind().code(), 70);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_shutdown_future_ends_the_service() {
    let (source, feed) = memory();
    let service = Runtime::<Replies>::builder(Arc::default())
        .config(&config())
        .source(source)
        .publisher(MemoryPublisher::new())
        .registry(EmbeddedRegistry::new())
        .run(async { panic_any(Nasty(3)) });
    let ended = tokio::time::timeout(Duration::from_secs(20), service).await;
    let error = ended.expect("the service ends by itself").unwrap_err();
    assert!(
        error.to_string().starts_with("the shutdown future panicked"),
        "{error}"
    );
    assert!(feed.is_closed());
}

/// Set in the process in which [`a_panic_is_a_log_event_with_its_record_and_nothing_else_on_stderr`] runs its service.
const ROLE: &str = "KAUFMANN_TEST_PANICS_CHILD";

#[test]
fn a_panic_is_a_log_event_with_its_record_and_nothing_else_on_stderr() {
    if std::env::var_os(ROLE).is_some() {
        return panic_as_a_program_does();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("panics::a_panic_is_a_log_event_with_its_record_and_nothing_else_on_stderr")
        .env(ROLE, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{stderr}");
    let lines: Vec<serde_json::Value> = stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}")))
        .collect();
    let of = |message: &str| {
        let mut found = lines.iter().filter(|line| line["message"] == message);
        let line = found.next().unwrap_or_else(|| panic!("{message}: {stderr}"));
        assert!(found.next().is_none(), "{message} once: {stderr}");
        line
    };
    let line = of("the handler panicked");
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["error"], "no number 7");
    assert_eq!(line["event"], "test.numbered");
    assert_eq!(line["handler"], "loud");
    let place = (
        &line["topic"],
        &line["partition"],
        &line["offset"],
        &line["attempt"],
    );
    assert_eq!(place, (&TOPIC.into(), &0.into(), &0.into(), &1.into()));
    assert!(line["place"].as_str().unwrap().contains("panics.rs:"), "{line}");
    let line = of("a thread panicked");
    assert_eq!(
        (&line["thread"], &line["error"]),
        (&"helper".into(), &"beside".into())
    );
}

#[handler(event = "test.numbered")]
async fn loud(event: Numbered, cx: &Context<()>) -> Result<(), Failure> {
    assert!(cx.attempt() > 1, "no number {}", event.number);
    Ok(())
}

service! {
    /// Panics once.
    struct Loud {
        state: (),
        handlers: [loud],
    }
}

fn panic_as_a_program_does() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(io::stderr)
        .init();
    kaufmann::log_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Stage::start::<Loud>((), &config());
        stage.send("k", 7).await;
        stage.committed(1).await;
        stage.stop().await.unwrap();
    });
    let helper = std::thread::Builder::new().name("helper".to_owned());
    assert!(helper.spawn(|| panic!("beside")).unwrap().join().is_err());
}
