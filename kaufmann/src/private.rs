//! Used by generated code, expanded macros and the simulation in `tests/sim`. Not a public interface: it changes without notice.

pub use kaufmann_avro as avro;
pub use serde;

pub use crate::config::OnFailure;
pub use crate::engine::simulation::Simulation;
pub use crate::handler::batch::{BatchPayload, BatchReturned, Decoded};
pub use crate::handler::check::{
    POISON, Placed, declared, earlier, exhaustive, listed_once, not_handled, or_poison,
};
pub use crate::handler::context::Context;
pub use crate::handler::event::{Body, Event, EventInfo, Payload};
pub use crate::handler::failure::{Class, ClassedError, Failure, HandlerError};
pub use crate::handler::input::{AnyRecord, Same};
pub use crate::handler::limits::Limits;
pub use crate::handler::maybe_boxed::{LIMIT, MaybeBoxed, future_size, future_size1};
pub use crate::handler::outcome::{EmitOne, Outcome, Returned, Success};
pub use crate::handler::tombstone::{Keyed, TombstonePayload, keys};
pub use crate::handler::{Handler, HandlerEntry, HandlerInfo, Service, SharedState};

/// The outcome of a record whose payload is not a value of its schema.
#[must_use]
pub fn undecodable(error: avro::DecodeError) -> Outcome {
    Outcome::undecodable(error)
}

/// The outcome of a tombstone whose key cannot be read.
#[must_use]
pub fn keyless(failure: Failure) -> Outcome {
    Outcome::failed(failure)
}

/// The failure of an error with this class.
pub fn classed(error: impl ClassedError, class: Class) -> Failure {
    Failure::classed(error.boxed(), class)
}

/// The outcome in code for a handler or a service that has a compile error; it never runs.
#[must_use]
pub fn poisoned() -> Outcome {
    Outcome::done()
}

/// Where the datum begins in this payload; `Ok(None)` for a tombstone. For the fuzzer.
///
/// # Errors
///
/// The reason, if the payload is not framed.
pub fn frame(payload: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)]) -> Result<Option<usize>, String> {
    let record = crate::Record::of(&crate::record::RawRecord {
        offset: 0,
        timestamp: None,
        key: None,
        payload,
        headers,
    });
    match crate::record::wire::frame(&record) {
        Ok(frame) => Ok(frame.map(|frame| frame.body)),
        Err(reason) => Err(reason.to_string()),
    }
}

/// Panics about a handler's index that the service's table does not have.
///
/// # Panics
///
/// Always.
pub fn no_such_handler(handler: u32) -> ! {
    panic!("the service has no handler {handler}")
}

#[cfg(feature = "cli")]
pub use with_cli::main;
#[cfg(not(feature = "cli"))]
pub use without_cli::main;

#[cfg(feature = "cli")]
mod with_cli {
    use std::process::ExitCode;

    use crate::{Config, Service, Started};

    /// Called by `#[kaufmann::main]`. No code of the program has run yet, so the panic hook is still free.
    pub fn main<V: Service, R: Started<V::State>>(start: impl AsyncFnOnce(&Config) -> R) -> ExitCode {
        crate::log_panics();
        crate::command_line::<V, R>(start)
    }
}

#[cfg(not(feature = "cli"))]
mod without_cli {
    use std::io::Write;
    use std::process::ExitCode;

    use crate::{Config, Service, Started};

    /// Called by `#[kaufmann::main]` if there is no command line.
    pub fn main<V: Service, R: Started<V::State>>(start: impl AsyncFnOnce(&Config) -> R) -> ExitCode {
        drop(start);
        let _ = writeln!(
            std::io::stderr(),
            "error: {} was built without kaufmann's feature `cli`",
            V::NAME
        );
        ExitCode::FAILURE
    }
}
