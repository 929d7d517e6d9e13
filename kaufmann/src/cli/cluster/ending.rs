//! How a service that has run is judged: as an exit code sees it.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::engine::runtime::Finished;
use crate::handler::Service;

/// A schema that is missing or does not fit stops a service only at its start: later, what needs it waits.
pub(crate) fn at_start<V: Service>(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Schema => {
            Error::new(ErrorKind::Start, format!("{} could not start", V::NAME)).caused_by(error)
        }
        _ => error,
    }
}

/// Whether a service ended as it should.
pub(crate) fn verdict(config: &Config, finished: &Finished) -> Result<(), Error> {
    if finished.drained {
        return Ok(());
    }
    let mut text = format!(
        "`shutdown_deadline` ({}) passed with work unfinished, which will be done again by the next instance",
        humantime::format_duration(config.shutdown_deadline)
    );
    for line in &finished.blocked {
        text.push_str("\n  ");
        text.push_str(line);
    }
    Err(Error::new(ErrorKind::Unfinished, text))
}
