//! Events with headers of the service's own.

use super::{Outgoing, Publishable};
use crate::handler::event::EventInfo;
use crate::record::MessageHeaders;
use crate::record::names;

/// An event together with headers of the service's own, beside those of CloudEvents: what [`Publishable::with_header`] makes. A handler
/// returns it, in an `Option`, a `Vec` or a tuple too, and [`Context::publish`](crate::Context::publish) and
/// [`Producer::publish`](crate::Producer::publish) take it, like the event itself.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::{Context, Failure, Publishable, WithHeaders, handler};
///
/// #[handler(event = "user.create")]
/// async fn create(event: user::Create, cx: &Context<()>) -> Result<WithHeaders<user::Created>, Failure> {
///     // The cause's tenant is passed on.
///     let tenant = cx.record().header("tenant").unwrap_or(b"none");
///     Ok(user::Created { email: event.email }
///         .with_header("tenant", tenant)
///         .with_header("region", "eu"))
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
pub struct WithHeaders<P> {
    event: P,
    headers: MessageHeaders,
}

impl<P> WithHeaders<P> {
    /// An event without headers of its own yet.
    #[must_use]
    pub fn new(event: P) -> Self {
        Self {
            event,
            headers: MessageHeaders::default(),
        }
    }

    /// Adds a header. A name may occur several times, as in Kafka.
    ///
    /// # Panics
    ///
    /// If the name is empty, or one that kaufmann writes itself: `ce_id` and the other headers of [CloudEvents](crate::publish),
    /// `content-type`, and all that begin with `kaufmann-`.
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        assert!(!name.is_empty(), "a header needs a name");
        assert!(
            !names::is_ours(name),
            "the header `{name}` is written by kaufmann; choose another name"
        );
        self.headers.push(name, Some(value.as_ref()));
        self
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &P {
        &self.event
    }

    /// The headers that were added.
    #[must_use]
    pub fn headers(&self) -> &MessageHeaders {
        &self.headers
    }
}

impl<P: Publishable> Publishable for WithHeaders<P> {
    const INFO: &'static EventInfo = P::INFO;

    fn outgoing(&self) -> Outgoing {
        let mut outgoing = self.event.outgoing();
        outgoing.headers.append(&self.headers);
        outgoing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_kaufmann_writes_is_refused() {
        for name in [
            "",
            "ce_id",
            "ce_type",
            "content-type",
            "ce_causationid",
            "kaufmann-error",
            "kaufmann-x",
        ] {
            let made = std::panic::catch_unwind(|| WithHeaders::new(()).with_header(name, "x"));
            assert!(made.is_err(), "{name}");
        }
        for name in ["tenant", "traceparent", "ce_subject", "x-kaufmann"] {
            let made = WithHeaders::new(()).with_header(name, "x");
            assert_eq!(made.headers().get(name), Some(&b"x"[..]));
        }
    }
}
