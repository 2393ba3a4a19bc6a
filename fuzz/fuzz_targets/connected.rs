#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_bodies::connected::run(input));
