//! The macros, with their documentation: it is here because its examples need the runtime.

/// Makes an `async fn` the handler of an event.
///
/// The function stays as written, so a unit test calls it like any other. The attribute adds a type of the same name, which
/// [`service!`](crate::service) lists; rustc reports a handler that no service lists as never used.
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
/// | argument | meaning |
/// |---|---|
/// | `event = "user.create"` | the name of the event. That it is the event of the payload's type is checked when the program is built |
/// | `tombstone` | the handler takes the event's tombstones, a `Tombstone<E>`, instead of the event: see [`guide::tombstones`](crate::guide::tombstones) |
/// | `catch_all` | instead of `event`: the handler takes the records that no other handler of the service takes |
/// | `emits = [user::Audited]` | the types of events that the function publishes with [`Context::publish`](crate::Context::publish). Those that it returns are known from its return type |
/// | `timeout = "30s"` | how long one attempt may take, at least `"1ns"`; after that its future is dropped at its current `await`, and the attempt counts as failed. Default: `handler.timeout` of the configuration, which is not set by default |
/// | `retries = 3` | how often a record is tried again after its first failure; `0`: never. Default: `retry.max_attempts`, which counts the first attempt too |
/// | `backoff = "1s"`, `backoff = "1s..5m"` | how long a record waits before it is tried again: the first time, and at most. Default: `retry.initial` and `retry.max`; `retry.factor` and `retry.jitter` apply to all handlers |
/// | `on_failure = "stop"` | what becomes of a record that this handler cannot handle: `"dead_letter"`, `"error_event"`, `"both"` or `"stop"`. Default: `on_failure` of the configuration |
/// | `max_in_flight = 5` | how many calls of this handler run at once in the process, at least 1. A record that waits for its turn does not count towards the service's `max_in_flight` |
/// | `batch = 100` | the function takes up to this many events at once, at least 1: see [`guide::batches`](crate::guide::batches) |
/// | `linger = "50ms"` | how long a batch waits for more events after its first one. Default: it does not wait |
///
/// # The function
///
/// It is an `async fn` without type parameters whose future is `Send`. It takes
///
/// 1. the payload: the generated struct, or its form that borrows from the record; for a catch-all a
///    [`Record`](crate::Record) or `&Record`; with `tombstone` a [`Tombstone`](crate::Tombstone); with `batch` a `Vec` or a [`Batch`](crate::Batch) of the struct. The argument may be a
///    pattern;
/// 2. optionally, `&Context<S>`, where `S` is the state of the service. An alias of that type works if its name ends in
///    `Context`. A handler without a context runs in services of any state.
///
/// It returns `Result<T, E>`, or an [`Outcome`](crate::Outcome) to decide each case itself.
///
/// | `T` | meaning |
/// |---|---|
/// | `()` | the record is settled |
/// | an event, an `Option` or a `Vec` of one | it is published, then the record is settled |
/// | a tuple of up to four of these | all of them are published, then the record is settled |
/// | [`Outcome`](crate::Outcome) | the outcome decides |
///
/// A function that takes batches returns `Result<(), E>` or `Result<Vec<Outcome>, E>`.
///
/// `E` decides what becomes of the record after an error. It is [`Failure`](crate::Failure), into which `?` converts any error, or
/// a type that derives [`HandlerError`](macro@crate::HandlerError).
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
/// # Limits
///
/// A handler cannot have the name of a type or module that is defined or imported where the handler is, and it cannot be a method:
/// shared state is in `cx.state`. With `KAUFMANN_MACROS_DEBUG=1` in its environment the compiler prints the expansions of this
/// crate's macros.
pub use kaufmann_macros::handler;

/// Declares a service: its state, and the list of its handlers.
///
/// It defines a type without fields that implements [`Service`](crate::Service), with the attributes and the visibility of the
/// declaration.
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
/// | `handlers` | paths of functions that have [`#[handler]`](macro@crate::handler), of this crate or another. `#[cfg]` and doc comments may precede a path. The path of a function without the attribute is rustc's error E0573, "expected type, found function": paths are looked up as types, and rustc's own text cannot be replaced |
/// | `exhaustive` | optional: the generated module. Every event in it must then have a handler of its own, except records that are [parts of others](crate::guide::schemas); a catch-all does not count |
/// | `ignore` | optional, with `exhaustive`: the types of events that need no handler |
///
/// An event has at most one handler in a service, and there is at most one catch-all. The list of handlers may be empty, as in a
/// new service, or where `#[cfg]` leaves out all handlers: no record then has a handler.
pub use kaufmann_macros::service;

/// Generates `fn main` of a service's program: command line, configuration, runtime, signals and shutdown.
///
/// The function below it creates the state. It may borrow the [`Config`](crate::Config), and returns `Result<S, E>`, where `S` is
/// the state of the service and `E` any error. On an error the program prints it with its causes, and exits with the code for
/// that. The function may have any name but `main`.
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

/// Derives [`HandlerError`](trait@crate::HandlerError): each variant of an enum decides what becomes of the record.
///
/// The type must be a [`std::error::Error`] that can be sent between threads. Of a struct, the struct itself has the attribute.
///
/// | attribute | the record |
/// |---|---|
/// | `#[retry]` | is tried again after the back-off |
/// | `#[retry_after("30s")]` | is tried again after this time |
/// | `#[dead_letter]` | goes to the dead-letter topic at once |
/// | `#[skip]` | is settled as if it had been handled |
/// | `#[fatal]` | stops the service, and is read again by the next instance |
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
/// `?` in a function that returns [`Failure`](crate::Failure) turns such an error into a failure that is retried, whatever the
/// error's class: write `.map_err(Failure::of)?` there, or let the handler return the enum.
pub use kaufmann_macros::HandlerError;
