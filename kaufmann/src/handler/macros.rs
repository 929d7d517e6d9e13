//! The macros, with their documentation: it stands here because its examples need the runtime.

/// Makes an `async fn` the handler of an event.
///
/// The function stays what it is, so a unit test calls it like any other. Beside it, in the namespace of types, the attribute
/// puts a twin of the same name, which [`service!`](crate::service) lists; a handler that no list has is reported by rustc as
/// never used.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// use events::user;
/// use kaufmann::{Context, Failure, handler};
///
/// pub struct App {
///     domain: String,
/// }
///
/// #[handler(event = "user.create")]
/// pub async fn create(event: user::Create, cx: &Context<App>) -> Result<user::Created, Failure> {
///     if !event.email.ends_with(&cx.state.domain) {
///         return Err(Failure::new("not one of ours").skip());
///     }
///     Ok(user::Created { email: event.email }) // published; `user.create` is settled once the broker has it
/// }
///
/// // A test of the function needs no broker:
/// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
/// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let std::task::Poll::Ready(output) = std::pin::pin!(future).poll(&mut cx) else { panic!("pending") };
/// #     output
/// # }
/// let cx = Context::detached(App { domain: "@example.org".to_owned() });
/// let created = block_on(create(user::Create { email: "ann@example.org".to_owned() }, &cx));
/// assert_eq!(created.unwrap().email, "ann@example.org");
/// ```
///
/// # Arguments
///
/// | argument | says |
/// |---|---|
/// | `event = "user.create"` | the name of the event. The payload's type says the same; that the two agree is checked when the program is built |
/// | `tombstone` | the handler takes the event's tombstones, a `Tombstone<E>`, instead of the event: see [`guide::tombstones`](crate::guide::tombstones) |
/// | `catch_all` | instead of `event`: the handler takes the records that no other handler of the service takes |
/// | `emits = [user::Audited]` | the types of events that the function publishes with [`Context::publish`](crate::Context::publish). Those that it returns are known from its type |
/// | `timeout = "30s"` | how long one attempt may take, from `"1ns"` on; then its future is dropped at the `await` where it stands, and the attempt counts as failed. Else `handler.timeout` of the configuration says it, by default nothing does |
/// | `retries = 3` | how often a record is tried again after its first failure; `0`: never. Else `retry.max_attempts` says it, which counts the first attempt too |
/// | `backoff = "1s"`, `backoff = "1s..5m"` | how long a record waits before it is tried again: for the first time, and at most. Else `retry.initial` and `retry.max` say it; `retry.factor` and `retry.jitter` hold for all |
/// | `on_failure = "stop"` | what becomes of a record that this handler cannot handle: `"dead_letter"`, `"error_event"`, `"both"` or `"stop"`. Else `on_failure` of the configuration says it |
/// | `max_in_flight = 5` | how many of this handler run at once in the process, at least 1. What waits for its turn takes none of the places that the service's `max_in_flight` counts |
/// | `batch = 100` | that the function takes up to so many events at once, at least 1: see [`guide::batches`](crate::guide::batches) |
/// | `linger = "50ms"` | how long a batch waits for more events after its first one. Else it takes what is there |
///
/// # The function
///
/// It is an `async fn` without type parameters whose future is `Send`. It takes
///
/// 1. the payload: the generated struct, or its form that borrows from the record; for a catch-all a
///    [`Record`](crate::Record) or `&Record`; with `tombstone` a [`Tombstone`](crate::Tombstone); with `batch` a `Vec` or a [`Batch`](crate::Batch) of the struct. It may be taken apart
///    by a pattern;
/// 2. if it wants, `&Context<S>`, where `S` is the state of the service. An alias of that type works if its name ends in
///    `Context`. A handler without a context runs in services of any state.
///
/// It returns `Result<T, E>`, or an [`Outcome`](crate::Outcome) that says all in its own words.
///
/// | `T` | means |
/// |---|---|
/// | `()` | the record is settled |
/// | an event, an `Option` or a `Vec` of one | it is published, then the record is settled |
/// | a tuple of up to four of these | all of them are published, then the record is settled |
/// | [`Outcome`](crate::Outcome) | what it says |
///
/// A function that takes batches returns `Result<(), E>` or `Result<Vec<Outcome>, E>`.
///
/// `E` says what becomes of the record otherwise. It is [`Failure`](crate::Failure), which `?` makes of any error, or a type that
/// derives [`HandlerError`](macro@crate::HandlerError).
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// # use kaufmann::{Failure, Record, handler};
/// #[handler(event = "user.delete")]
/// pub async fn delete(user::DeleteRef { email }: user::DeleteRef<'_>) -> Result<Option<user::Created>, Failure> {
///     Ok(email.is_empty().then(|| user::Created { email: "nobody".to_owned() }))
/// }
///
/// #[handler(catch_all)]
/// pub async fn others(record: &Record) -> Result<(), Failure> {
///     println!("{} bytes in {}", record.payload().unwrap_or_default().len(), record.topic());
///     Ok(())
/// }
/// ```
///
/// # What it cannot do
///
/// A handler cannot have the name of a type or module that is defined or imported where the handler is, and it cannot be a method:
/// shared state is in `cx.state`. With `KAUFMANN_MACROS_DEBUG=1` in its environment the compiler prints what the macros of
/// this crate expand to.
pub use kaufmann_macros::handler;

/// Declares a service: its state, and the list of its handlers.
///
/// It makes a type without fields that implements [`Service`](crate::Service), with the attributes and the visibility it is
/// declared with.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # pub struct App;
/// mod users {
/// #   use super::{App, events::user};
/// #   use kaufmann::{Context, Failure, handler};
///     #[handler(event = "user.create")]
///     pub async fn create(event: user::Create, cx: &Context<App>) -> Result<(), Failure> {
///         /* … */
/// #       let _ = (event, cx);
///         Ok(())
///     }
/// #   #[handler(event = "user.delete")]
/// #   pub async fn delete(_: user::Delete) -> Result<(), Failure> { Ok(()) }
/// }
/// # fn main() {
///
/// kaufmann::service! {
///     /// Keeps the account projection current.
///     pub struct Accounts {
///         state: App,
///         handlers: [users::create, users::delete],
///         exhaustive: events,
///         ignore: [events::user::Created],
///     }
/// }
///
/// let events: Vec<_> = <Accounts as kaufmann::Service>::HANDLERS.iter().filter_map(|entry| entry.event).collect();
/// assert_eq!(events[0].name, "user.create");
/// # }
/// ```
///
/// | key | value |
/// |---|---|
/// | `state` | the type that the handlers share as `cx.state`; `()` if they share nothing. It is `Send`, `Sync` and `'static` |
/// | `handlers` | paths of functions that have [`#[handler]`](macro@crate::handler), of this crate or another. `#[cfg]` and doc comments may stand before a path. One of a function without the attribute is rustc's E0573, "expected type, found function": a path is looked up as a type, and rustc's own text cannot be replaced |
/// | `exhaustive` | optional: the generated module. Every event in it must then have a handler of its own, but for records that are [parts of others](crate::guide::schemas); a catch-all does not count |
/// | `ignore` | optional, with `exhaustive`: the types of events that need no handler |
///
/// An event has at most one handler in a service, and there is at most one catch-all. The list of handlers may be empty, as a
/// new service's is, or one's whose handlers are all left out by `#[cfg]`: every record is then one without a handler.
pub use kaufmann_macros::service;

/// Makes `fn main` of a service's program: command line, configuration, runtime, signals and shutdown.
///
/// The function below it makes the state. It may borrow the [`Config`](crate::Config), and returns `Result<S, E>`, where `S` is
/// the state of the service and `E` any error; the program then prints the error and its causes, and exits with a code of
/// its own for that. The function may have any name but `main`.
///
/// ```
/// # pub struct App;
/// # impl App { async fn connect(_: &kaufmann::Config) -> Result<Self, std::io::Error> { Ok(Self) } }
/// # kaufmann::service! { pub struct Accounts { state: App, handlers: [] } }
/// # mod program {
/// # use super::{Accounts, App};
/// #[kaufmann::main(Accounts)]
/// async fn start(config: &kaufmann::Config) -> Result<App, std::io::Error> {
///     App::connect(config).await
/// }
/// # }
/// # fn main() {}
/// ```
pub use kaufmann_macros::main;

/// Derives [`HandlerError`](trait@crate::HandlerError): each variant of an enum says what becomes of the record.
///
/// The type must be a [`std::error::Error`] that can be sent between threads. On a struct the attribute stands on the struct.
///
/// | attribute | the record |
/// |---|---|
/// | `#[retry]` | is tried again after the back-off |
/// | `#[retry_after("30s")]` | is tried again after this time |
/// | `#[dead_letter]` | goes to the dead-letter topic at once |
/// | `#[skip]` | is settled as if it had been handled |
/// | `#[fatal]` | stops the service, and is read again by the next one |
///
/// ```
/// use kaufmann::{Class, Failure, HandlerError};
///
/// #[derive(Debug, HandlerError)]
/// enum Charge {
///     #[retry_after("30s")]
///     Busy,
///     #[dead_letter]
///     NoCard { number: u32 },
/// }
/// # impl std::fmt::Display for Charge {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("no") }
/// # }
/// # impl std::error::Error for Charge {} // or derive `thiserror::Error`
///
/// assert_eq!(Failure::of(Charge::NoCard { number: 1 }).class(), Class::DeadLetter);
/// # let _ = Charge::Busy;
/// ```
///
/// `?` in a function that returns [`Failure`](crate::Failure) turns such an error into one that is retried, whatever its
/// class: write `.map_err(Failure::of)?` there, or let the handler return the enum.
pub use kaufmann_macros::HandlerError;
