//! Runs commands that print their results, with only warnings in the log.

use std::process::ExitCode;

use super::logging;
use super::runtime::block_on;
use crate::base::error::Error;
use crate::config::{Config, Effective};

/// The log filter if `log.filter` is not set.
const FILTER: &str = "warn";

/// Runs a command that prints its results, with only warnings in the log.
pub(super) fn quietly<F>(effective: Effective, command: impl FnOnce(Config) -> F) -> Result<ExitCode, Error>
where
    F: Future<Output = Result<ExitCode, Error>>,
{
    let config = effective.config;
    logging::init(&config.log, FILTER)?;
    block_on(&config.clone(), command(config))
}
