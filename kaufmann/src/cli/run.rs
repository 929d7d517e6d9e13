//! `run`: runs the service on a real cluster until a signal.

use std::process::ExitCode;

use super::command::Command;
use super::runtime::block_on;
use super::{codes, logging};
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

#[cfg_attr(
    not(all(feature = "kafka", feature = "registry")),
    path = "run/unavailable.rs"
)]
mod service;

pub(super) fn entry<V: Service, R: Started<V::State>, S: AsyncFnOnce(&Config) -> R>() -> Command<S> {
    let arguments = clap::Command::new("run")
        .about("Runs the service on a real cluster until a signal (SIGINT, SIGTERM)")
        .after_long_help(codes::help(codes::RUN));
    Command::new(arguments, |_, effective, start| {
        let config = effective.config;
        config.check_run()?;
        logging::init(&config.log, logging::DEFAULT_FILTER)?;
        block_on(&config, service::run::<V, R>(&config, start)).map(|()| ExitCode::SUCCESS)
    })
}
