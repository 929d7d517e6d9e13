//! Loads a configuration with the checks of the other modules.

use crate::base::error::Error;
use crate::cli::logging;
use crate::config::check::loaded::Rules;
use crate::config::{Effective, Loader};

const RULES: Rules = Rules {
    #[cfg(feature = "kafka")]
    kafka: crate::kafka::mistakes,
    #[cfg(not(feature = "kafka"))]
    kafka: |_| Vec::new(),
    log_filter: logging::check,
};

impl Loader {
    /// Loads the configuration from all layers.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, a key or variable is unknown, or a value is invalid for its key. All mistakes are
    /// reported at once, each with its position, what was found and what was expected.
    pub fn load(self) -> Result<Effective, Error> {
        self.load_by(&RULES)
    }
}
