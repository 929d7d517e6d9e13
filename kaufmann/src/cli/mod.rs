//! The generated main: arguments → configuration → logs → runtime → `start` → the command.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::base::error::{Error, ErrorKind, Report};
use crate::base::panics::{Panic, catch, caught};
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

#[cfg(all(feature = "kafka", feature = "registry"))]
mod age;
mod arguments;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod asyncapi;
#[cfg(any(feature = "kafka", feature = "registry"))]
pub(crate) mod catalog;
mod codes;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod columns;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod decoder;
#[cfg(feature = "dev")]
pub(crate) mod dev;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod dlq;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod doctor;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod drain;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod lag;
pub(crate) mod logging;
#[cfg(feature = "registry")]
pub(crate) mod paint;
#[cfg(feature = "kafka")]
pub(crate) mod payload;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod position;
#[cfg(feature = "kafka")]
mod progress;
#[cfg(feature = "kafka")]
pub(crate) mod publish;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod replay;
mod rules;
pub(crate) mod run;
#[cfg(feature = "registry")]
mod schema;
mod show;
#[cfg(all(feature = "kafka", feature = "registry"))]
pub(crate) mod shown;
mod signals;
#[cfg(test)]
#[cfg(feature = "kafka")]
mod snapshot;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod stranded;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod tail;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod topics;

use arguments::{Action, Invocation};
pub(crate) use signals::Signals;

/// What `#[kaufmann::main]` expands to a call of: reads the command line and the configuration, sets up logs and runtime,
/// calls `start` for the state, and does what the command says. For a main of your own that does something before or after.
///
/// ```no_run
/// # struct Accounts;
/// # impl kaufmann::Service for Accounts {
/// #     type State = ();
/// #     const NAME: &'static str = "Accounts";
/// #     const HANDLERS: &'static [kaufmann::HandlerEntry] = &[];
/// #     async fn dispatch(_: u32, _: &kaufmann::Context<()>) -> kaufmann::Outcome { kaufmann::Outcome::done() }
/// # }
/// async fn start(config: &kaufmann::Config) -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// fn main() -> std::process::ExitCode {
///     kaufmann::command_line::<Accounts, _>(start)
/// }
/// ```
///
/// | exit code | meaning |
/// |---|---|
/// | 0 | done; `run` and `dev`: drained after a signal |
/// | 2 | the command line is wrong |
/// | 65 | too many records could not be handled (`dead_letter.max_share`, `dead_letter.max_consecutive`) |
/// | 69 | could not start |
/// | 70 | failed while running; `dev --once`: a sample was not handled |
/// | 75 | the shutdown's deadline passed with work unfinished |
/// | 78 | the configuration is wrong |
/// | 130 | ended at once by a second SIGINT, or by a signal before the start (143: SIGTERM, 129: SIGHUP); `dev --once`: interrupted |
///
/// Other commands list theirs in their `--help` and in [the guide to operations](crate::guide::operations); for those of `schema`
/// and `topics`, and for `doctor`, they are 0 fine, 1 not, 2 could not tell.
pub fn command_line<V: Service, R: Started<V::State>>(start: impl AsyncFnOnce(&Config) -> R) -> ExitCode {
    let invocation = match arguments::parse::<V>(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(said) => {
            // Help goes to stdout and ends well; a mistake goes to stderr and does not.
            if let Err(error) = said.print().or_else(unread) {
                complain(&Report(&error));
                return error.exit_code();
            }
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    let could_not_tell = invocation.could_not_tell();
    let failed = match catch(|| execute::<V, R>(invocation, start)) {
        Ok(Ok(code)) => return code,
        Ok(Err(error)) => error,
        Err(panic) => panicked(&panic),
    };
    let code = if could_not_tell {
        ExitCode::from(2)
    } else {
        failed.exit_code()
    };
    // The cause may be an error of the program, which may panic when it is shown or dropped.
    let told = catch(|| {
        complain(&Report(&failed));
        drop(failed);
    });
    if let Err(panic) = told {
        complain(&format_args!("error: the text of an error panicked: {panic}"));
    }
    code
}

fn panicked(panic: &Panic) -> Error {
    Error::new(ErrorKind::Internal, format!("the command panicked: {panic}"))
}

fn execute<V: Service, R: Started<V::State>>(
    invocation: Invocation,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<ExitCode, Error> {
    if let Action::Completions { script } = &invocation.action {
        return say(script).or_else(unread).map(|()| ExitCode::SUCCESS);
    }
    let effective = invocation.loader.load()?;
    let config = effective.config.clone();
    let done = match invocation.action {
        Action::Config { format } => show::print::<V>(&effective, format),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::AsyncApi => return asyncapi::run::<V>(&config),
        // They need no configuration, and are printed already.
        Action::Completions { .. } => Ok(()),
        Action::Run => {
            config.check_run()?;
            logging::init(&config.log, logging::DEFAULT_FILTER)?;
            block_on(&config, run::run::<V, R>(&config, start))
        }
        #[cfg(feature = "kafka")]
        Action::Publish(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(
                &config,
                publish::publish::<V>(config.without_transactions(), request),
            );
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Lag(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, lag::run::<V>(config.clone(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Tail(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, tail::run::<V>(config.clone(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Topics(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, topics::run::<V>(config.clone(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Dlq(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, dlq::run::<V>(config.without_transactions(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Drain(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, drain::run::<V>(config.without_transactions(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Doctor(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, doctor::run::<V>(config.clone(), request));
        }
        #[cfg(all(feature = "kafka", feature = "registry"))]
        Action::Replay(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(
                &config,
                replay::run::<V, R>(config.without_transactions(), request, start),
            );
        }
        #[cfg(feature = "dev")]
        Action::Dev(options) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(
                &config,
                crate::cli::dev::dev::<V, R>(config.clone(), options, start),
            );
        }
        #[cfg(feature = "registry")]
        Action::Schema(request) => {
            logging::init(&config.log, logging::QUIET_FILTER)?;
            return block_on(&config, schema::run::<V>(config.clone(), request));
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs a command on a runtime that is as the configuration says.
fn block_on<T>(config: &Config, command: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
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

/// With `dev`, turns a configuration to the `dev` of this service that runs in this folder.
#[cfg(any(feature = "kafka", feature = "registry"))]
#[cfg_attr(
    not(feature = "dev"),
    allow(
        clippy::extra_unused_type_parameters,
        reason = "without the feature there is no such command"
    )
)]
fn turn_to_dev<V: Service>(config: &mut Config, dev: bool) -> Result<(), Error> {
    #[cfg(feature = "dev")]
    if dev {
        crate::cli::dev::Running::find::<V>()?.apply(config);
    }
    #[cfg(not(feature = "dev"))]
    if dev {
        let text = "this program is built without kaufmann's feature `dev`, so there is no `dev` to ask; leave --dev out";
        return Err(Error::new(ErrorKind::Usage, text));
    }
    #[cfg(not(feature = "dev"))]
    let _ = config;
    Ok(())
}

/// Calls `start`, unless the user has enough of waiting.
pub(crate) async fn state<V: Service, R: Started<V::State>>(
    config: &Config,
    start: impl AsyncFnOnce(&Config) -> R,
    signals: &Signals,
) -> Result<V::State, Error> {
    let starting = caught(async { start(config).await.started() });
    let started = tokio::select! {
        started = starting => started.unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into())),
        () = signals.first() => signals.end_at_once("stopped before the service had started"),
    };
    started.map_err(|error| {
        // A start that refuses its settings is a matter of configuration, not of the environment.
        let kind = match error.downcast_ref::<Error>() {
            Some(known) if known.kind() == ErrorKind::Configuration => ErrorKind::Configuration,
            _ => ErrorKind::Start,
        };
        Error::new(kind, format!("{} could not start", V::NAME)).caused_by(error)
    })
}

/// Writes a line to stdout.
pub(crate) fn say(line: &dyn fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// What it means that a line could not be written: a reader that has gone away, as `head` does, is no error.
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

    struct Nothing;

    impl Service for Nothing {
        type State = ();
        const NAME: &'static str = "Nothing";
        const HANDLERS: &'static [crate::HandlerEntry] = &[];

        async fn dispatch(_: u32, _: &crate::Context<()>) -> crate::Outcome {
            crate::Outcome::done()
        }
    }

    #[test]
    fn a_start_that_panics_is_a_service_that_could_not_start() {
        let config = Config::default();
        let start = async |_: &Config| -> Result<(), String> { panic!("no database") };
        let starting = async {
            let signals = Signals::ask()?;
            state::<Nothing, _>(&config, start, &signals).await
        };
        let error = block_on(&config, starting).unwrap_err();
        let told = "error: Nothing could not start\n  caused by: it panicked: no database";
        assert_eq!(
            (error.kind().code(), Report(&error).to_string().as_str()),
            (69, told)
        );
    }

    #[test]
    fn a_command_that_panics_has_failed() {
        let error = block_on::<()>(&Config::default(), async { panic!("a bug") }).unwrap_err();
        assert_eq!(
            (error.kind().code(), error.to_string().as_str()),
            (70, "the command panicked: a bug")
        );
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_error_and_a_full_disk_is_one() {
        assert!(unread(io::ErrorKind::BrokenPipe.into()).is_ok());
        let error = unread(io::ErrorKind::StorageFull.into()).unwrap_err();
        assert_eq!(error.kind().code(), 70);
    }
}
