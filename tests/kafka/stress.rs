//! Java's Avro reads what our types write for the stress schemas.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kaufmann_tests::rig::Rig;
use serde_json::{Value, json};

crate::tests![java_reads_the_output_of_every_stress_type_and_nothing_else];

/// `tests/stress` checks that these are what the types write now.
const WRITTEN: &str = "stress/written.jsonl";

fn java_reads_the_output_of_every_stress_type_and_nothing_else(rig: &Rig) -> Result<()> {
    let foreign = &rig.servers()?.foreign;
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join(WRITTEN);
    let answers = foreign.read_again(&written)?;
    for answer in &answers {
        assert_eq!(answer.wrong, [""; 0], "{}", answer.event);
    }
    let lines = fs::read_to_string(&written)?;
    let lines = lines.lines().map(serde_json::from_str);
    let mut lines = lines.collect::<Result<Vec<Value>, _>>()?;
    assert_eq!(answers.len(), lines.len(), "each line has its answer");

    // A byte less or more must be an error.
    let folder = tempfile::tempdir()?;
    let damaged = folder.path().join("damaged.jsonl");
    let mut text = String::new();
    for line in &mut lines {
        let data = line["data"].as_array().context("a list of data")?;
        let data = data.iter().filter_map(Value::as_str);
        let shorter = data
            .clone()
            .filter_map(|datum| datum.get(..datum.len().checked_sub(2)?));
        let longer = data.clone().map(|datum| format!("{datum}00"));
        line["data"] = json!(shorter.map(str::to_owned).chain(longer).collect::<Vec<_>>());
        text += &format!("{line}\n");
    }
    fs::write(&damaged, text)?;
    for (answer, line) in foreign.read_again(&damaged)?.iter().zip(&lines) {
        let data = line["data"].as_array().map(Vec::len);
        assert_eq!(
            Some(answer.wrong.len()),
            data,
            "{}: {:?}",
            answer.event,
            answer.wrong
        );
    }
    Ok(())
}
