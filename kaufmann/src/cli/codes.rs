//! Exit codes: what they mean for each command, as its `--help` and the guides list it.

/// The codes of a command, each with its meaning.
pub(super) type Codes = [(u8, &'static str)];

/// Those of `run` and of every command that has none of its own.
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

#[cfg(feature = "kafka")]
pub(super) const PUBLISH: &Codes = &[
    (0, "done"),
    (2, "the command line, the event or a payload is wrong"),
    (69, "there is no `dev` to publish to"),
    (
        70,
        "the brokers or the registry cannot be reached, or do not take it",
    ),
    (78, "the configuration is wrong, or does not say to which topic"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; it says how many the brokers have",
    ),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const LAG: &Codes = &[
    (0, "told; `--watch`: ended by Ctrl-C"),
    (1, "the lag is more than --fail-above"),
    (2, "the command line is wrong"),
    (69, "the cluster could not be asked"),
    (70, "the cluster failed on the way"),
    (78, "the configuration is wrong"),
    (130, "ended by Ctrl-C while no server answered, 143 by SIGTERM"),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const TAIL: &Codes = &[
    (0, "ended by Ctrl-C, --max or --until-end"),
    (2, "the command line is wrong"),
    (69, "the cluster could not be asked"),
    (
        70,
        "the registry could not be asked, or the cluster failed on the way",
    ),
    (78, "the configuration is wrong"),
    (130, "ended by Ctrl-C while no server answered, 143 by SIGTERM"),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const TOPICS: &Codes = &[
    (0, "the cluster is as declared"),
    (
        1,
        "it is not: changes wait, cannot be made, or a topic that the service needs is missing",
    ),
    (
        2,
        "could not tell: no cluster, or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM; what was made stands"),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const DLQ: &Codes = &[
    (0, "done"),
    (
        1,
        "some letters that were meant could not be sent back, and are still open",
    ),
    (
        2,
        "the command line is wrong, or names a letter that is not open; nothing was done",
    ),
    (69, "the cluster could not be asked"),
    (
        70,
        "failed on the way, or the registry could not be asked; the same command goes on",
    ),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the same command goes on",
    ),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const DRAIN: &Codes = &[
    (0, "no records are left that nobody reads"),
    (
        1,
        "records wait to be moved, or some could not be moved and are still there",
    ),
    (2, "the command line is wrong; nothing was done"),
    (69, "the cluster could not be asked"),
    (70, "failed on the way; the same command goes on"),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; the same command goes on",
    ),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const REPLAY: &Codes = &[
    (0, "done"),
    (1, "done, but some records could not be handled"),
    (2, "the command line is wrong"),
    (
        65,
        "too many could not be handled (`dead_letter.max_share`); `replay --resume` goes on",
    ),
    (
        69,
        "the cluster could not be asked, the service could not start, or the group has members",
    ),
    (70, "failed on the way; `replay --resume` goes on"),
    (
        75,
        "interrupted, and a handler did not end in time; `replay --resume` goes on",
    ),
    (78, "the configuration is wrong"),
    (
        130,
        "interrupted by Ctrl-C, 143 by SIGTERM; `replay --resume` goes on",
    ),
];

#[cfg(all(feature = "kafka", feature = "registry"))]
pub(super) const DOCTOR: &Codes = &[
    (0, "all fits; what is marked `!` may be meant"),
    (1, "something does not fit"),
    (
        2,
        "nothing is known to be wrong, but something could not be told; or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM"),
];

#[cfg(feature = "registry")]
pub(super) const SCHEMA: &Codes = &[
    (0, "fine"),
    (1, "incompatible"),
    (
        2,
        "could not tell: no lock, no registry, or the command line or the configuration is wrong",
    ),
    (130, "ended by Ctrl-C, 143 by SIGTERM"),
];

/// A command's codes below its help.
pub(super) fn help(codes: &Codes) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning) in codes {
        text.push_str(&format!("\n {code:>4}  {meaning}"));
    }
    text
}

#[cfg(test)]
#[cfg(all(feature = "kafka", feature = "registry"))]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The codes as a guide lists them.
    fn listed(codes: &Codes) -> String {
        let listed: Vec<_> = codes
            .iter()
            .map(|(code, meaning)| format!("**{code}** {meaning}"))
            .collect();
        words(&listed.join("; "))
    }

    #[test]
    fn the_guides_list_the_codes_that_help_lists() {
        let operations = words(include_str!("../docs/operations.md"));
        for codes in [RUN, PUBLISH, LAG, TAIL, TOPICS, DLQ, DRAIN, REPLAY, DOCTOR] {
            let listed = listed(codes);
            assert!(operations.contains(&listed), "operations.md lacks: {listed}");
        }
        let schema = words(include_str!("../docs/schema_commands.md"));
        assert!(
            schema.contains(&listed(SCHEMA)),
            "schema_commands.md lacks: {}",
            listed(SCHEMA)
        );
    }

    #[test]
    fn the_documentation_of_the_generated_main_has_the_codes_of_run() {
        let documented = include_str!("mod.rs");
        for (code, meaning) in RUN {
            let row = format!("/// | {code} | {meaning} |\n");
            assert!(documented.contains(&row), "{row}");
        }
    }

    #[test]
    fn codes_stand_below_each_other() {
        assert_eq!(
            help(&[(0, "fine"), (130, "ended")]),
            "Exit codes:\n    0  fine\n  130  ended"
        );
    }
}
