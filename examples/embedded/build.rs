fn main() {
    kaufmann_codegen::compile("schemas");
}
