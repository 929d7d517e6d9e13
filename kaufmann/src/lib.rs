#![doc = include_str!("docs/crate.md")]

// In the order in which a record flows: source → poller → shard → attempt → handler → outcome → settle → commit.
pub mod source;

mod assignment;
mod fence;
mod record;

mod poller;
mod round;

mod lanes;
mod retry;
mod shard;

mod schemas;
mod watchdog;
mod wire;

mod attempt;
mod context;
pub mod event;
mod handler;

mod failure;
mod hold;
mod limit;
mod outcome;
mod tombstone;

pub mod publish;

mod commit;
mod settle;

// What stands beside the flow.
mod runtime;

mod brief;
mod chance;
pub mod config;
mod control;
mod error;
#[cfg(any(feature = "dev", feature = "testing"))]
mod happening;
mod link;
mod macros;
mod misfit;
mod observer;
mod panics;
mod pool;
pub mod registry;
mod seen;
mod shares;
mod simulation;
mod start;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod topic;
mod wall;

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "dev")]
mod dev;
#[cfg(feature = "cli")]
mod telemetry;

#[cfg(test)]
mod interleavings;

#[cfg(feature = "kafka")]
mod ffi;
#[cfg(feature = "kafka")]
mod kafka;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(feature = "cli")]
pub use cli::command_line;
pub use config::Config;
pub use context::{Context, State};
pub use control::Handle;
pub use error::{Error, ErrorKind};
pub use event::{Event, EventInfo, Payload};
pub use failure::{BoxError, Class, Failure, HandlerError};
pub use handler::batch::{Batch, Item};
pub use handler::limits::Limits;
pub use handler::{Handler, HandlerEntry, HandlerInfo, Service, SharedState, emitted};
pub use macros::{HandlerError, handler, main, service};
pub use observer::{Observer, Settled};
pub use outcome::{Choice, Outcome, Outgoing, Partitioned, Publishable, WithHeaders};
pub use panics::log_panics;
pub use publish::Producer;
pub use record::{Headers, Record};
pub use runtime::{Builder, Finished, Runtime};
pub use seen::Seen;
pub use start::Started;
pub use tombstone::{Keyed, Tombstone};

pub mod guide;

/// Avro types that have no counterpart in the standard library.
///
/// With kaufmann's features `jiff`, `chrono`, `time`, `rust_decimal` and `bigdecimal` they convert to and from the types of these
/// crates, exactly or not at all: [`kaufmann_avro::logical::foreign`].
pub mod types {
    pub use kaufmann_avro::Uuid;
    pub use kaufmann_avro::logical::foreign::ConversionError;
    pub use kaufmann_avro::logical::{
        BigDecimal, Date, Decimal, Duration, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos,
        TimeMicros, TimeMillis, TimestampMicros, TimestampMillis, TimestampNanos,
    };
}

/// Brings in the events that the build script generated: `pub mod events { … }`.
#[macro_export]
macro_rules! include_events {
    () => {
        $crate::include_events!("events.rs");
    };
    ($file:literal) => {
        #[allow(missing_docs, unreachable_pub, dead_code)]
        pub mod events {
            ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", $file));
        }
    };
}
