//! `completions`: a shell's completions of the program's commands and flags.

use clap::{Arg, ArgMatches, Command, value_parser};

/// The command's name.
pub(super) const NAME: &str = "completions";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Prints a shell's completions of this program's commands and flags")
        .after_help("Example:\n  completions bash > ~/.local/share/bash-completion/completions/PROGRAM")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(clap_complete::Shell))
                .help("The shell"),
        )
}

/// The script for a shell.
pub(super) fn script(matches: &ArgMatches, mut whole: Command, program: &str) -> String {
    let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") else {
        return String::new();
    };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut whole, program, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
