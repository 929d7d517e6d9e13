//! `cargo kaufmann`: creates a service that builds and passes its tests, and adds events to a service.
//!
//! Nothing is written until everything is decided: arguments → a plan of files → the files.

mod arguments;
mod error;

mod names;
mod plan;
mod template;

mod add;
mod new;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use arguments::Action;
use error::Error;

/// The exit code after an error; a wrong command line ends with 2.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let invocation = match arguments::parse(arguments()) {
        Ok(invocation) => invocation,
        Err(shown) => {
            // Help goes to standard output and exits with 0. A closed pipe is not an error here.
            _ = shown.print();
            return ExitCode::from(u8::try_from(shown.exit_code()).unwrap_or(2));
        }
    };
    let result = match &invocation.action {
        Action::New(request) => new::run(request, invocation.dry_run),
        Action::Add(request) => add::run(request, invocation.dry_run),
    };
    match result.and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// The arguments without `kaufmann`, which Cargo passes first to its subcommands.
fn arguments() -> impl Iterator<Item = OsString> {
    let mut arguments = std::env::args_os();
    let program = arguments.next();
    let mut arguments = arguments.peekable();
    arguments.next_if(|first| first == "kaufmann");
    program.into_iter().chain(arguments)
}

fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(format!(
            "the command succeeded, but its report cannot be printed: {error}"
        ))),
        _ => Ok(()),
    }
}
