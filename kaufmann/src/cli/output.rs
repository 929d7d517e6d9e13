//! A command's output to standard output and standard error.

use std::fmt;
use std::io::{self, Write};

use crate::base::error::{Error, ErrorKind};

/// Writes a line to stdout.
pub(crate) fn print_line(line: &dyn fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Converts an error of [`print_line`] into an error of the command. A pipe that its reader has closed, as `head` does, is not an error.
pub(crate) fn unless_closed(error: io::Error) -> Result<(), Error> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, "cannot write to standard output").caused_by(error))
}

/// Writes a line to stderr.
pub(crate) fn print_error(line: &dyn fmt::Display) {
    _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_not_an_error_and_a_full_disk_is_one() {
        assert!(unless_closed(io::ErrorKind::BrokenPipe.into()).is_ok());
        let error = unless_closed(io::ErrorKind::StorageFull.into()).unwrap_err();
        assert_eq!(error.kind().code(), 70);
    }
}
