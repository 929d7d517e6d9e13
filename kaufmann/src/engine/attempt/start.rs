//! What an attempt at a record does.

use std::sync::{Arc, Mutex, PoisonError};

use kaufmann_avro::resolve::Plan;

use crate::handler::failure_kind::FailureKind;
use crate::handler::gathered::Gathered;
use crate::handler::outcome::Outcome;
use crate::record::wire::SchemaKey;

/// What an attempt does.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// Runs this handler. The plan tells how the record is read, if its writer had another schema.
    Handler(u32, Option<Arc<Plan>>),
    /// Runs the handler of a batch.
    Batch(Arc<Gathered>),
    /// Runs no handler.
    WithoutHandler(WithoutHandler),
}

/// What an attempt does that runs no handler.
#[derive(Clone, Debug)]
pub(crate) enum WithoutHandler {
    /// Requests the writer's schema; the registry has answered this many times that it does not know it.
    LookUp(SchemaKey, u32),
    /// Ends a record that no handler can take.
    Undecodable(Arc<str>),
    /// Ends a record whose handler has failed for the last time.
    Exhausted(Arc<Exhausted>),
    /// Ends each record of a batch as its handler returned.
    Conclude(Arc<Conclusion>),
}

impl From<WithoutHandler> for Start {
    fn from(what: WithoutHandler) -> Self {
        Self::WithoutHandler(what)
    }
}

impl Start {
    /// The handler that runs, if one does.
    pub(crate) fn handler(&self) -> Option<u32> {
        match self {
            Self::Handler(handler, _) => Some(*handler),
            Self::Batch(batch) => Some(batch.handler),
            Self::WithoutHandler(_) => None,
        }
    }

    /// The handler that it is about, whether that runs or has run.
    pub(crate) fn concerns(&self) -> Option<u32> {
        match self {
            Self::WithoutHandler(WithoutHandler::Exhausted(reason)) => reason.handler,
            Self::WithoutHandler(WithoutHandler::Conclude(conclusion)) => Some(conclusion.batch.handler),
            other => other.handler(),
        }
    }

    /// The batch, if it is about one.
    pub(crate) fn batch(&self) -> Option<&Arc<Gathered>> {
        match self {
            Self::Batch(batch) => Some(batch),
            Self::WithoutHandler(WithoutHandler::Conclude(conclusion)) => Some(&conclusion.batch),
            _ => None,
        }
    }

    /// Whether the registry must answer before a handler is known.
    pub(crate) fn is_look_up(&self) -> bool {
        matches!(self, Self::WithoutHandler(WithoutHandler::LookUp(..)))
    }
}

/// How a handler failed for the last time.
#[derive(Debug)]
pub(crate) struct Exhausted {
    pub(crate) class: FailureKind,
    pub(crate) error: String,
    pub(crate) handler: Option<u32>,
    /// Whether it would have been tried again, had not too many other records waited.
    pub(crate) cut_short: bool,
    /// How the record is read, if its writer had another schema.
    pub(super) plan: Option<Arc<Plan>>,
}

/// A batch whose handler has run, and what it said of each record.
#[derive(Debug)]
pub(crate) struct Conclusion {
    pub(crate) batch: Arc<Gathered>,
    outcomes: Mutex<Vec<Outcome>>,
}

impl Conclusion {
    pub(crate) fn new(batch: Arc<Gathered>, outcomes: Vec<Outcome>) -> Self {
        Self {
            batch,
            outcomes: Mutex::new(outcomes),
        }
    }

    /// Takes the outcomes. Once.
    pub(super) fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
