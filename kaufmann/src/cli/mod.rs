//! The generated main: arguments → configuration → logs → runtime → `start` → the command.

use std::process::ExitCode;

use crate::base::error::{Error, ErrorKind, Report};
use crate::base::panics::catch;
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

mod arguments;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod asyncapi;
#[cfg(any(feature = "kafka", feature = "registry"))]
mod catalog;
#[cfg(all(feature = "kafka", feature = "registry"))]
mod cluster;
mod codes;
mod command;
mod commands;
mod completions;
mod config;
#[cfg(feature = "dev")]
mod dev;
mod logging;
#[cfg(any(feature = "kafka", feature = "registry"))]
mod options;
mod output;
#[cfg(feature = "registry")]
mod paint;
#[cfg(feature = "kafka")]
mod payload;
#[cfg(feature = "kafka")]
mod progress;
#[cfg(feature = "kafka")]
mod publish;
#[cfg(any(feature = "kafka", feature = "registry"))]
mod quietly;
mod rules;
mod run;
#[cfg(any(feature = "kafka", feature = "registry"))]
#[cfg_attr(not(feature = "dev"), path = "no_running_dev.rs")]
mod running_dev;
mod runtime;
#[cfg(feature = "registry")]
mod schema;
mod signals;
#[cfg(test)]
#[cfg_attr(
    not(feature = "kafka"),
    allow(dead_code, reason = "only commands about a cluster have snapshots")
)]
mod snapshot;
mod start;

use arguments::Invocation;
use command::Command;
use output::{print_error, print_line, unless_closed};

/// The function that `#[kaufmann::main]` calls: reads the command line and the configuration, sets up logs and runtime,
/// calls `start` for the state, and runs the command. Call it from your own `main` to do something before or after.
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
/// Other commands list theirs in their `--help` and in [the guide to operations](crate::guide::operations). For the commands of
/// `schema` and `topics`, and for `doctor`, they are: 0 no problem, 1 a problem, 2 unknown.
pub fn command_line<V: Service, R: Started<V::State>>(start: impl AsyncFnOnce(&Config) -> R) -> ExitCode {
    let commands = commands::all::<V, R, _>();
    let shapes: Vec<_> = commands.iter().map(|command| command.arguments.clone()).collect();
    let invocation = match arguments::parse::<V>(std::env::args_os(), shapes) {
        Ok(invocation) => invocation,
        Err(printed) => {
            // Help goes to stdout with exit code 0; a mistake goes to stderr with 2.
            if let Err(error) = printed.print().or_else(unless_closed) {
                print_error(&Report(&error));
                return error.exit_code();
            }
            return ExitCode::from(u8::try_from(printed.exit_code()).unwrap_or(2));
        }
    };
    let command = find(commands, &invocation);
    let error_code = command.as_ref().and_then(|command| command.error_code);
    let failed = match catch(|| execute(command, invocation, start)) {
        Ok(Ok(code)) => return code,
        Ok(Err(error)) => error,
        Err(panic) => runtime::panicked(&panic),
    };
    let code = error_code.map_or_else(|| failed.exit_code(), ExitCode::from);
    // The cause may be the user's own error, whose `Display` or `Drop` may panic.
    let shown = catch(|| {
        print_error(&Report(&failed));
        drop(failed);
    });
    if let Err(panic) = shown {
        print_error(&format_args!("error: printing the error panicked: {panic}"));
    }
    code
}

fn find<S>(commands: Vec<Command<S>>, invocation: &Invocation) -> Option<Command<S>> {
    let Invocation::Command { name, .. } = invocation else {
        return None;
    };
    let mut commands = commands.into_iter();
    commands.find(|command| command.arguments.get_name() == name)
}

fn execute<S>(command: Option<Command<S>>, invocation: Invocation, start: S) -> Result<ExitCode, Error> {
    match (invocation, command) {
        (Invocation::Completions(script), _) => print_line(&script)
            .or_else(unless_closed)
            .map(|()| ExitCode::SUCCESS),
        (Invocation::Command { matches, loader, .. }, Some(command)) => {
            (command.run)(&matches, loader.load()?, start)
        }
        (Invocation::Command { name, .. }, None) => {
            Err(Error::new(ErrorKind::Internal, format!("no command `{name}`")))
        }
    }
}
