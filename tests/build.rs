//! Generates the events that the tests share, and those of the vectors.

#[path = "build/readers.rs"]
mod readers;

fn main() {
    kaufmann_codegen::compile("../schemas");
    readers::generate();
}
