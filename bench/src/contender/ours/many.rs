//! A service of hundreds of handlers, each with its own event; the build script generates them.

use kaufmann::{Context, Event, Failure, handler};

use super::State;
use crate::events::bench::*;

include!(concat!(env!("OUT_DIR"), "/many.rs"));
