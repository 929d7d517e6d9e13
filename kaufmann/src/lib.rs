#![doc = include_str!("docs/crate.md")]

// The rooms, from the ground up: a room imports only rooms above its line here. `tests/rooms` checks it.
mod base;

pub mod config;

mod assignment;

mod record;

mod handler;

mod schema;

pub mod source {
    //! Where records come from: the [`Source`] trait, an in-memory source and the one on Kafka.
    //!
    //! One thread, the poller, drives a source: it polls it for events and for records in turn, and no call blocks.
    //! At a bound the poller does not read a partition; nothing is ever paused.

    mod contract;
    #[cfg(all(feature = "cli", feature = "kafka", feature = "registry"))]
    pub(crate) mod history;
    mod memory;

    pub use self::contract::*;
    pub use self::memory::{MemoryFeed, MemoryRecord, MemorySource, memory};
    #[cfg(feature = "kafka")]
    pub use crate::kafka::KafkaSource;
}

pub mod publish {
    //! Where events go: the [`Publisher`] trait, an in-memory publisher and the one on Kafka; and what turns a handler's event into
    //! a Kafka message: topic, frame and headers.

    pub(crate) mod callback;
    mod capacity;
    mod complaints;
    pub(crate) mod dead_letter;
    mod deliveries;
    pub(crate) mod envelope;
    pub(crate) mod error_event;
    mod memory;
    mod muted;
    mod outbound;
    pub(crate) mod partitions;
    pub(crate) mod producer;
    mod publisher;
    pub(crate) mod retry_topics;
    pub(crate) mod routes;
    mod set_aside;
    mod stage;
    mod stalled;
    mod transactions;

    pub(crate) use self::deliveries::Delivered;
    pub use self::memory::MemoryPublisher;
    pub(crate) use self::muted::Muted;
    pub(crate) use self::outbound::Outbound;
    pub use self::producer::{Counts, Delivery, Producer};
    pub use self::publisher::*;
    pub(crate) use self::stage::Stage;
    pub use self::transactions::{Answer, TransactionError, TransactionErrorKind, Transactions};
    pub use crate::handler::publish_error::{PublishError, PublishErrorKind};
    #[cfg(feature = "kafka")]
    pub use crate::kafka::KafkaPublisher;
    pub use crate::record::{Message, MessageHeaders, Placement};
}

mod engine;

#[cfg(feature = "kafka")]
mod kafka;

#[cfg(feature = "cli")]
mod cli;

#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[path = "docs/guide.rs"]
pub mod guide;

pub use base::control::Handle;
pub use base::error::{BoxError, Error, ErrorKind};
pub use base::panics::log_panics;
#[cfg(feature = "cli")]
pub use cli::command_line;
pub use config::Config;
pub use engine::runtime::{Builder, Finished, Runtime};
pub use handler::batch::{Batch, Item};
pub use handler::context::{Context, State};
pub use handler::event::{self, Event, EventInfo, Payload};
pub use handler::failure::{Class, Failure, HandlerError};
pub use handler::limits::Limits;
pub use handler::macros::{HandlerError, handler, main, service};
pub use handler::observer::{Observer, Settled};
pub use handler::outcome::{Choice, Outcome, Outgoing, Partitioned, Publishable, WithHeaders};
pub use handler::seen::Seen;
pub use handler::start::Started;
pub use handler::tombstone::{Keyed, Tombstone};
pub use handler::{Handler, HandlerEntry, HandlerInfo, Service, SharedState, emitted};
pub use publish::Producer;
pub use record::{Headers, Record};
pub use schema::registry;

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
