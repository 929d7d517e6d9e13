#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kaufmann_fuzz::spool(input));
