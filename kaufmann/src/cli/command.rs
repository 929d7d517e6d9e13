//! One command of the command line, as the table lists it.

use std::process::ExitCode;

use clap::ArgMatches;

use crate::base::error::Error;
use crate::config::Effective;

/// A command of a service whose `start` is an `S`.
pub(super) struct Command<S> {
    /// Its name, its help and its own flags; those of the configuration are added to them.
    pub(super) arguments: clap::Command,
    /// Runs it with its arguments and the configuration.
    pub(super) run: fn(&ArgMatches, Effective, S) -> Result<ExitCode, Error>,
    /// The exit code of all its errors, if that is not each error's own.
    pub(super) error_code: Option<u8>,
}

impl<S> Command<S> {
    /// A command whose errors have their own exit codes.
    pub(super) fn new(
        arguments: clap::Command,
        run: fn(&ArgMatches, Effective, S) -> Result<ExitCode, Error>,
    ) -> Self {
        Self {
            arguments,
            run,
            error_code: None,
        }
    }
}
