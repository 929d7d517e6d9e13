//! Random data of every schema through its generated types, and values for property tests: a test for each, named by its event.
//! `KAUFMANN_BLESS=1` replaces the stored values that Java reads.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeSet;

use kaufmann_avro::{Schema, arbitrary};
use kaufmann_stress::case::{CASES, Case};
use kaufmann_stress::datum::{Datum, Generator};
use kaufmann_stress::events;
use kaufmann_stress::samples::{self, Line};
use libtest_mimic::{Arguments, Trial};
use proptest::collection::vec;
use proptest::prelude::Arbitrary;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// How many data are generated of a schema.
const DATA: u32 = 64;

/// How many values the strategies generate of a schema.
const VALUES: u32 = 32;

/// The most choices of a datum, in bytes.
const CHOICES: usize = 1500;

/// The most values of a schema that are stored for Java, and the most bytes of all but the first.
const KEPT: (usize, usize) = (6, 1500);

/// An event whose data are too long to store some from Java.
const WITHOUT_SAMPLES: &str = "sizes.Large";

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = CASES
        .iter()
        .map(|case| Trial::test(format!("random_data_of::{}", case.name), || Ok(random(case)?)))
        .collect::<Vec<_>>();
    trials.extend(CASES.iter().map(|case| {
        Trial::test(format!("values_for_property_tests_of::{}", case.name), || {
            Ok(any(case)?)
        })
    }));
    let samples = samples::read(&samples::of_java()).unwrap();
    let kept = CASES.iter().filter(|case| case.name != WITHOUT_SAMPLES);
    trials.extend(kept.map(|case| {
        let line = samples.iter().find(|line| line.event == case.name).cloned();
        Trial::test(format!("samples_of_java_of::{}", case.name), move || {
            Ok(sample(case, line)?)
        })
    }));
    if std::env::var_os("KAUFMANN_BLESS").is_some() {
        let lines = CASES.iter().map(written).collect::<Result<Vec<_>, _>>().unwrap();
        samples::write(&samples::of_ours(), &lines).unwrap();
    }
    trials.push(Trial::test("what_java_reads_is_what_the_types_write", || {
        let kept = samples::read(&samples::of_ours())?;
        for (case, kept) in CASES.iter().zip(&kept) {
            if written(case)? != *kept {
                let at = case.defined_at;
                return Err(
                    format!("{at}: not what the types write; KAUFMANN_BLESS=1 writes it anew").into(),
                );
            }
        }
        assert_eq!(kept.len(), CASES.len());
        Ok(())
    }));
    trials.push(Trial::test("every_event_of_the_schemas_is_a_case", || {
        let cases = CASES.iter().map(|case| case.name).collect::<BTreeSet<_>>();
        // Records in fields of `recursive.Behind` are generated as types too.
        let parts = ["recursive.Json", "recursive.List"];
        let types = BTreeSet::from(events::ALL).into_iter().chain(parts);
        assert_eq!(cases, types.collect());
        assert_eq!(cases.len(), CASES.len());
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Fails with the smallest choices that still fail.
fn random(case: &Case) -> Result<(), String> {
    let generator = Generator::new(Schema::parse(case.schema).unwrap());
    let config = Config {
        cases: DATA,
        failure_persistence: None,
        ..Config::default()
    };
    let tried = TestRunner::new(config).run(&vec(u8::arbitrary(), 0..CHOICES), |choices| {
        let datum = generator.datum(&choices);
        case.check(&datum).map_err(TestCaseError::fail)
    });
    tried.map_err(|error| format!("{}: {error}", case.defined_at))
}

/// Encoded values from `kaufmann::testing::any` for an event.
fn any(case: &Case) -> Result<(), String> {
    let config = Config {
        cases: VALUES,
        failure_persistence: None,
        ..Config::default()
    };
    let values = arbitrary::data(&Schema::parse(case.schema).unwrap());
    let tried = TestRunner::new(config).run(&values, |plain| {
        let datum = Datum {
            blocks: plain.clone(),
            plain,
            beyond_json: false,
        };
        case.check(&datum).map_err(TestCaseError::fail)
    });
    tried.map_err(|error| format!("{}: {error}", case.defined_at))
}

/// The same values each time, as the owned type writes them.
fn written(case: &Case) -> Result<Line, String> {
    let mut runner = TestRunner::deterministic();
    let values = arbitrary::data(&Schema::parse(case.schema).unwrap());
    let (mut data, mut bytes) = (Vec::new(), 0);
    while data.len() < KEPT.0 {
        let plain = values.new_tree(&mut runner).unwrap().current();
        bytes += plain.len();
        if !data.is_empty() && bytes > KEPT.1 {
            break;
        }
        data.push(samples::hex(&(case.owned)(&plain)?));
    }
    Ok(Line {
        event: case.name.to_owned(),
        schema: Some(case.schema.to_owned()),
        data,
    })
}

/// `tests/foreign/Stress.java` has written them.
fn sample(case: &Case, line: Option<Line>) -> Result<(), String> {
    let line = line.ok_or("no samples; `tests/foreign/Stress.java` writes them")?;
    if line.data.is_empty() {
        return Err("an empty line of samples".to_owned());
    }
    for datum in line.data {
        let plain = samples::bytes(&datum).ok_or("not hexadecimal")?;
        case.check(&Datum {
            blocks: plain.clone(),
            plain,
            beyond_json: true,
        })?;
    }
    Ok(())
}
