//! Generates the events that the tests share, those that two versions of a service have, and those of the vectors.

#[path = "build/lived.rs"]
mod lived;
#[path = "build/readers.rs"]
mod readers;

fn main() {
    kaufmann_codegen::compile("../schemas");
    lived::generate();
    readers::generate();
}
