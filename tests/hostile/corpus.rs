//! Every input that the fuzzer kept, and every one with which it found a bug.

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
fn all_readers_decode_the_same_datum() {
    run("direct", fuzz::direct);
}

#[test]
fn all_readers_decode_the_same_datum_of_another_writer() {
    run("resolved", fuzz::resolved);
}

#[test]
fn a_payload_is_a_frame_or_an_error() {
    run("wire", fuzz::wire);
}

#[test]
fn a_segment_is_what_was_written_or_named_as_damaged() {
    run("spool", fuzz::spool);
}
