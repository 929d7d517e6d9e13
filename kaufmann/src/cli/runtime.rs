//! The async runtime of a command.

use crate::base::error::{Error, ErrorKind};
use crate::base::panics::{Panic, catch};
use crate::config::Config;

/// Runs a command on a runtime with the configured number of threads.
pub(super) fn block_on<T>(
    config: &Config,
    command: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name("kaufmann-worker");
    if config.worker_threads > 0 {
        builder.worker_threads(config.worker_threads);
    }
    let runtime = builder.build().map_err(|error| {
        Error::new(ErrorKind::Start, "the runtime's threads cannot be started").caused_by(error)
    })?;
    let result = catch(|| runtime.block_on(command));
    // A handler that never yields must not keep the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|panic| Err(panicked(&panic)))
}

pub(super) fn panicked(panic: &Panic) -> Error {
    Error::new(ErrorKind::Internal, format!("the command panicked: {panic}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_panics_has_failed() {
        let error = block_on::<()>(&Config::default(), async { panic!("a bug") }).unwrap_err();
        assert_eq!(
            (error.kind().code(), error.to_string().as_str()),
            (70, "the command panicked: a bug")
        );
    }
}
