//! Panics: caught so that they end no more than they must, and reported as log events.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::task::Poll;

thread_local! {
    /// How many calls of [`catch`] are active on this thread. The code that catches a panic also reports it.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
    /// Where the panic that is being caught happened.
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Where a panic happened.
#[derive(Debug)]
struct Scene {
    place: String,
    backtrace: Option<String>,
}

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Panic {
    text: String,
    scene: Option<Scene>,
}

impl Panic {
    /// The panic of a payload that was caught. The payload is the program's: it may panic when it is dropped, and that is caught too.
    pub(crate) fn of(payload: Box<dyn Any + Send>) -> Self {
        let scene = SCENE.take();
        let text = text_of(&*payload).to_owned();
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // Its drop might panic again, and so on; leaked, it cannot.
            std::mem::forget(another);
        }
        Self { text, scene }
    }

    /// The message.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// `src/users.rs:17:5`, if [`log_panics`] has been called.
    pub(crate) fn place(&self) -> Option<&str> {
        self.scene.as_ref().map(|scene| &*scene.place)
    }

    /// The backtrace, if `RUST_BACKTRACE` enables it.
    pub(crate) fn backtrace(&self) -> Option<&str> {
        self.scene.as_ref()?.backtrace.as_deref()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.place().map_or(Ok(()), |place| write!(f, " (at {place})"))
    }
}

/// Runs `work` and catches its panic.
///
/// State that a panic leaves half-done is dropped by the caller, or shared as after a panic in a spawned task.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let _within = Within::enter();
    catch_unwind(AssertUnwindSafe(work)).map_err(Panic::of)
}

/// Runs a future and catches its panic, and that of dropping it.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = Box::pin(future);
    let result = poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    let result = result.await;
    match catch(|| drop(future)) {
        Ok(()) => result,
        Err(panic) => result.and(Err(panic)),
    }
}

/// This thread catches panics until it is dropped.
struct Within;

impl Within {
    fn enter() -> Self {
        CATCHING.set(CATCHING.get() + 1);
        Self
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        CATCHING.set(CATCHING.get() - 1);
    }
}

/// Logs each panic of the process as an event instead of printing it to standard error: the message as `error`, and where it
/// happened as `place`; with `RUST_BACKTRACE=1` also `backtrace`. The event of a panicking handler names its record.
///
/// [`macro@crate::main`] calls it. A hand-written main may call it too; it replaces the process's panic hook. Without a
/// `tracing` subscriber the text goes to standard error as before.
pub fn log_panics() {
    std::panic::set_hook(Box::new(report));
}

fn report(info: &PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    // On a thread that ends the variable may be destroyed already.
    let is_caught = CATCHING.try_with(Cell::get).is_ok_and(|depth| depth > 0);
    if is_caught {
        // Reported by the code that catches it, which knows more. It may be a subscriber that panics: do not call it here.
        SCENE.set(Some(Scene { place, backtrace }));
        return;
    }
    let current = std::thread::current();
    let (thread, error) = (current.name().unwrap_or("unnamed"), text_of(info.payload()));
    if tracing::dispatcher::has_been_set() {
        tracing::error!(thread, error, place, backtrace, "a thread panicked");
    } else {
        _ = writeln!(
            std::io::stderr(),
            "thread `{thread}` panicked at {place}: {error}"
        );
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, with another one of these, this many times.
    struct Nasty(usize);

    impl Drop for Nasty {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                panic_any(Nasty(left));
            }
        }
    }

    #[test]
    fn a_panic_whose_payload_panics_when_it_is_dropped_is_caught_like_any_other() {
        for depth in [0, 1, 2, 50] {
            let panic = catch(|| panic_any(Nasty(depth))).map(|(): ()| ()).unwrap_err();
            assert_eq!(panic.text(), "(no message)");
        }
        assert_eq!(CATCHING.get(), 0);
    }

    #[test]
    fn a_panic_has_its_text() {
        let of = |work: fn()| catch(work).unwrap_err().text;
        assert_eq!(of(|| panic!("plain")), "plain");
        assert_eq!(of(|| panic!("{} and {}", 1, 2)), "1 and 2");
        assert_eq!(catch(|| 7).unwrap(), 7);
    }

    #[tokio::test]
    async fn a_future_may_panic_when_it_is_polled_and_when_it_is_dropped() {
        struct Unpolled;
        impl Drop for Unpolled {
            fn drop(&mut self) {
                panic_any(Nasty(3));
            }
        }
        let polled = caught(async { panic_any(Nasty(3)) }).await;
        assert!(polled.map(|(): ()| ()).is_err());
        let held = Unpolled;
        let dropped = caught(poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(1)
        }));
        assert!(dropped.await.is_err());
        assert_eq!(caught(async { 7 }).await.unwrap(), 7);
    }
}
