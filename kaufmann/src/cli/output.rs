//! What a command writes to standard output and to standard error.

use std::fmt;
use std::io::{self, Write};

use crate::base::error::{Error, ErrorKind};

/// Writes a line to stdout.
pub(crate) fn say(line: &dyn fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Turns an error of [`say`] into one of the command. A reader that has closed the pipe, as `head` does, is not an error.
pub(crate) fn unread(error: io::Error) -> Result<(), Error> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, "standard output cannot be written to").caused_by(error))
}

/// Writes a line to stderr.
pub(crate) fn complain(line: &dyn fmt::Display) {
    _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_not_an_error_and_a_full_disk_is_one() {
        assert!(unread(io::ErrorKind::BrokenPipe.into()).is_ok());
        let error = unread(io::ErrorKind::StorageFull.into()).unwrap_err();
        assert_eq!(error.kind().code(), 70);
    }
}
