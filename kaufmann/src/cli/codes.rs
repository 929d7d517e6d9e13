//! Exit codes: their meaning for each command, as `--help` and the guides list them.

/// The codes of a command, each with its meaning.
pub(super) type Codes = [(u8, &'static str)];

/// The codes of `run`, and of every command without a list of its own.
pub(super) const RUN: &Codes = &[
    (0, "done; `run` and `dev`: drained after a signal"),
    (2, "the command line is wrong"),
    (
        65,
        "too many records could not be handled (`dead_letter.max_share`, `dead_letter.max_consecutive`)",
    ),
    (69, "could not start"),
    (70, "failed while running; `dev --once`: a sample was not handled"),
    (75, "the shutdown's deadline passed with work unfinished"),
    (78, "the configuration is wrong"),
    (
        130,
        "ended at once by a second SIGINT, or by a signal before the start (143: SIGTERM, 129: SIGHUP); `dev --once`: interrupted",
    ),
];

/// A command's codes, as shown at the end of its help.
pub(super) fn help(codes: &Codes) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning) in codes {
        text.push_str(&format!("\n {code:>4}  {meaning}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_of_the_generated_main_has_the_codes_of_run() {
        let documented = include_str!("mod.rs");
        for (code, meaning) in RUN {
            let row = format!("/// | {code} | {meaning} |\n");
            assert!(documented.contains(&row), "{row}");
        }
    }

    #[test]
    fn codes_are_aligned() {
        assert_eq!(
            help(&[(0, "fine"), (130, "ended")]),
            "Exit codes:\n    0  fine\n  130  ended"
        );
    }
}
