//! What the parts of a running service share.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::RetryConfig;
use crate::control::Control;
use crate::handler::HandlerEntry;
use crate::observer::Observer;
use crate::publish::Outbound;
use crate::schemas::Schemas;
use crate::settle::Settlements;

/// What the parts of a running service share.
pub(crate) struct Link {
    pub(crate) handlers: &'static [HandlerEntry],
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) settlements: Arc<Settlements>,
    pub(crate) control: Arc<Control>,
    /// A permit for each event that may run.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) retry: RetryConfig,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
