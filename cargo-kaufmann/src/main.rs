//! `cargo kaufmann`: makes a service that builds and passes its tests, and adds events to one.
//!
//! Nothing is written before all of it is decided: arguments → a plan of files → the files.

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

/// What a refusal ends with; a wrong command line ends with 2.
const REFUSED: u8 = 1;

fn main() -> ExitCode {
    let invocation = match arguments::parse(arguments()) {
        Ok(invocation) => invocation,
        Err(said) => {
            // Help goes to stdout and ends well. Who does not read it knows it.
            _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    let said = match &invocation.action {
        Action::New(request) => new::run(request, invocation.dry_run),
        Action::Add(request) => add::run(request, invocation.dry_run),
    };
    match said.and_then(|text| say(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(REFUSED)
        }
    }
}

/// Cargo gives its commands their own name as the first argument.
fn arguments() -> impl Iterator<Item = OsString> {
    let mut arguments = std::env::args_os();
    let program = arguments.next();
    let mut arguments = arguments.peekable();
    arguments.next_if(|first| first == "kaufmann");
    program.into_iter().chain(arguments)
}

fn say(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(format!("what was done cannot be printed: {error}")))
        }
        _ => Ok(()),
    }
}
