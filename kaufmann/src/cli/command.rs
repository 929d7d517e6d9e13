//! One command, as the table of commands lists it.

use std::process::ExitCode;

use clap::ArgMatches;

use crate::base::error::Error;
use crate::config::Effective;

/// A command of a service whose `start` is an `S`.
pub(super) struct Command<S> {
    /// Its name, help and own flags; the configuration's flags are added.
    pub(super) arguments: clap::Command,
    /// Runs it with its arguments and the configuration.
    pub(super) run: fn(&ArgMatches, Effective, S) -> Result<ExitCode, Error>,
    /// The exit code for all its errors; `None`: each error has its own.
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
