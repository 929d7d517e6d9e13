//! Generates the events that the tests share.

fn main() {
    kaufmann_codegen::compile("../schemas");
}
