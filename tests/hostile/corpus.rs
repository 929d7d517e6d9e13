//! Every input that the fuzzer found worth keeping, and every one that it found a fault with.

use std::path::Path;

use super::fuzz;

/// Runs the inputs of a target.
fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs = files.map(|file| file.unwrap().path()).collect::<Vec<_>>();
    inputs.sort();
    assert!(inputs.len() >= 10, "{target} has {} inputs", inputs.len());
    for input in inputs {
        let bytes = std::fs::read(&input).unwrap();
        let checked = std::panic::catch_unwind(|| check(&bytes));
        assert!(checked.is_ok(), "{}: see the panic above", input.display());
    }
}

#[test]
fn a_schema_agrees_with_itself_or_is_refused() {
    run("schema", fuzz::schema);
}

#[test]
fn a_datum_is_the_same_to_all_who_read_it() {
    run("direct", fuzz::direct);
}

#[test]
fn another_writers_datum_is_the_same_to_all_who_read_it() {
    run("resolved", fuzz::resolved);
}

#[test]
fn a_payload_is_a_frame_or_none() {
    run("wire", fuzz::wire);
}

#[test]
fn a_segment_is_what_was_written_or_named_as_damaged() {
    run("spool", fuzz::spool);
}
