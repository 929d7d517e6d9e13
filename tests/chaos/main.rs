//! The tests under faults: `cargo test -p kaufmann-tests --features kafka --test chaos`. Which faults, and what must hold
//! in each run, is in `README.md` beside this file.

mod oracle;
mod scene;
mod schedule;
mod stage;
mod workload;

mod brokers;
mod exactly_once;
mod handlers;
mod instances;
mod mixed;
mod network;
mod oracle_test;
mod registry;
mod topics;

use std::io::Write;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use stage::Stage;

/// A test: its name and what it does.
type Test = (&'static str, fn(&Stage) -> anyhow::Result<()>);

/// Names functions of this module as tests.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<crate::Test> {
            vec![$((concat!(module_path!(), "::", stringify!($name)), $name)),*]
        }
    };
}
pub(crate) use tests;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::from_args();
    // For ever, because a test that hangs beyond its deadline still uses it; `end` ends the servers.
    let stage: &'static Stage = Box::leak(Box::default());
    let tests = [
        oracle_test::tests(),
        schedule::tests(),
        instances::tests(),
        brokers::tests(),
        network::tests(),
        registry::tests(),
        handlers::tests(),
        topics::tests(),
        exactly_once::tests(),
    ];
    let single = tests.into_iter().flatten().map(|(name, test)| {
        let name = name.trim_start_matches("chaos::").to_owned();
        trial(name, move || test(stage))
    });
    let mixed = mixed::seeds()?.into_iter().flat_map(|seed| {
        let run = move |exactly_once| move || mixed::run(stage, seed, exactly_once);
        [
            trial(format!("mixed::seed_{seed}"), run(false)),
            trial(format!("mixed::exactly_once_seed_{seed}"), run(true)),
        ]
    });
    let conclusion = libtest_mimic::run(&arguments, single.chain(mixed).collect());
    stage.end();
    Ok(conclusion.exit_code())
}

fn trial(name: String, test: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> Trial {
    let shown = name.clone();
    // The error and its causes, without the backtrace: the test's name says where to look.
    let report = move |error: anyhow::Error| -> Failed {
        let text: String = error.chain().map(|cause| format!("{cause}\n")).collect();
        // At once, because a night's seeds take long.
        // A line that cannot be printed is in the text that follows, too.
        let _ = std::io::stdout().write_all(format!("{shown} fails: {text}").as_bytes());
        text.into()
    };
    Trial::test(name, move || test().map_err(report))
}
