//! A service of hundreds of handlers, each for an event of its own; the build script writes them.

use kaufmann::{Context, Event, Failure, handler};

use super::State;
use crate::events::bench::*;

include!(concat!(env!("OUT_DIR"), "/many.rs"));
