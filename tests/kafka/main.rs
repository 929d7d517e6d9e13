//! The tests against Apache Kafka and a Confluent registry: `cargo test -p kaufmann-tests --features kafka --test kafka`.

mod shop;

mod accounts;
mod batches;
mod compatibility;
mod dlq;
mod doctor;
mod end_to_end;
mod exactly_once;
mod failures;
mod gaps;
mod instances;
mod interrupted;
mod kit;
mod lag;
mod lived;
mod liveness;
mod memory;
mod moved;
mod offsets;
mod once;
mod partitioning;
mod poison;
mod producer;
mod rebalances;
mod replay;
mod retry_topics;
mod rights;
mod schemas;
mod self_test;
mod stranded;
mod stress;
mod tail;
mod taken_away;
mod topics;
mod trouble;

use std::process::ExitCode;

use kaufmann_tests::rig::Rig;
use libtest_mimic::{Arguments, Failed, Trial};

/// A test: its name and what it does.
type Test = (&'static str, fn(&Rig) -> anyhow::Result<()>);

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
    if self_test::is_victim() {
        return self_test::victim();
    }
    if once::is_service() {
        return once::serve();
    }
    let arguments = Arguments::from_args();
    // For ever, because a test that hangs beyond its deadline still uses it; `end` ends the servers.
    let rig: &'static Rig = Box::leak(Box::default());
    let tests = [
        self_test::tests(),
        accounts::tests(),
        batches::tests(),
        compatibility::tests(),
        dlq::tests(),
        doctor::tests(),
        end_to_end::tests(),
        exactly_once::tests(),
        taken_away::tests(),
        failures::tests(),
        gaps::tests(),
        instances::tests(),
        interrupted::tests(),
        kit::tests(),
        lag::tests(),
        lived::tests(),
        liveness::tests(),
        moved::tests(),
        memory::tests(),
        offsets::tests(),
        once::tests(),
        partitioning::tests(),
        rebalances::tests(),
        poison::tests(),
        replay::tests(),
        retry_topics::tests(),
        rights::tests(),
        producer::tests(),
        schemas::tests(),
        stranded::tests(),
        stress::tests(),
        tail::tests(),
        topics::tests(),
        trouble::tests(),
    ];
    let trials = tests.into_iter().flatten().map(|(name, test)| {
        let name = name.trim_start_matches("kafka::");
        Trial::test(name, move || {
            test(rig).map_err(|error| Failed::from(report(&error)))
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    rig.end();
    Ok(conclusion.exit_code())
}

/// The error and its causes, without the backtrace: the test's name says where to look.
fn report(error: &anyhow::Error) -> String {
    error.chain().map(|cause| format!("{cause}\n")).collect()
}
