//! Runs the canonical-form and fingerprint cases of Apache Avro's `schema-tests.txt`, given as the argument:
//!
//! ```text
//! cargo run -p kaufmann-avro --example conformance -- path/to/share/test/data/schema-tests.txt
//! ```
//!
//! Exits with 1 if a case fails, 2 if the file cannot be read or holds no cases.

use std::process::ExitCode;

use kaufmann_avro::Schema;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        return complain("usage: conformance path/to/schema-tests.txt");
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return complain(&format!("cannot read {}: {error}", path.display())),
    };
    let (mut canonical, mut fingerprints) = (Tally::default(), Tally::default());
    let mut input = String::new();
    for (key, value) in entries(&text) {
        match key {
            "INPUT" => input = value,
            "canonical" => canonical.check(&input, &value, Schema::canonical),
            "fingerprint" => fingerprints.check(&input, &value, |schema| {
                schema.fingerprint().cast_signed().to_string()
            }),
            _ => return complain(&format!("unknown entry `{key}` in {}", path.display())),
        }
    }
    report(&format!("{canonical} canonical, {fingerprints} fingerprints"));
    match (canonical.all, fingerprints.all) {
        (0, _) | (_, 0) => complain("the file holds no cases"),
        _ if canonical.passed == canonical.all && fingerprints.passed == fingerprints.all => {
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

/// How many cases there are and how many passed.
#[derive(Default)]
struct Tally {
    passed: usize,
    all: usize,
}

impl Tally {
    fn check(&mut self, input: &str, expected: &str, found: impl Fn(&Schema) -> String) {
        self.all += 1;
        match Schema::parse(input).map(|schema| found(&schema)) {
            Ok(found) if found == expected => self.passed += 1,
            Ok(found) => report(&format!("{input}\n  expected {expected}\n  found    {found}")),
            Err(errors) => errors
                .iter()
                .for_each(|error| report(&format!("{input}\n  {error}"))),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.passed, self.all)
    }
}

/// The entries of the file: `<<KEY value` on one line, or `<<KEY` and lines up to one that says `KEY`.
fn entries(text: &str) -> Vec<(&str, String)> {
    let mut entries = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(entry) = line.strip_prefix("<<") else {
            continue;
        };
        match entry
            .split_once(' ')
            .filter(|(_, value)| !value.trim().is_empty())
        {
            Some((key, value)) => entries.push((key, value.trim().to_owned())),
            None => {
                let key = entry.trim();
                let value: Vec<_> = lines.by_ref().take_while(|line| line.trim() != key).collect();
                entries.push((key, value.join("\n")));
            }
        }
    }
    entries
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn report(line: &str) {
    println!("{line}");
}

fn complain(problem: &str) -> ExitCode {
    report(problem);
    ExitCode::from(2)
}
