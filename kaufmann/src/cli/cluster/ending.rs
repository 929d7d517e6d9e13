//! The result of a service that has run, for the exit code.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::engine::runtime::Finished;
use crate::handler::Service;

/// Converts a schema error into an error of the start: a missing or incompatible schema ends the service only then; later, the
/// records that need it wait.
pub(crate) fn at_start<V: Service>(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Schema => {
            Error::new(ErrorKind::Start, format!("{} could not start", V::NAME)).caused_by(error)
        }
        _ => error,
    }
}

/// Returns an error if the service ended with unfinished work.
pub(crate) fn verdict(config: &Config, finished: &Finished) -> Result<(), Error> {
    if finished.drained {
        return Ok(());
    }
    let mut text = format!(
        "`shutdown_deadline` ({}) passed with work unfinished; the next instance will repeat it",
        humantime::format_duration(config.shutdown_deadline)
    );
    for line in &finished.blocked {
        text.push_str("\n  ");
        text.push_str(line);
    }
    Err(Error::new(ErrorKind::Unfinished, text))
}
