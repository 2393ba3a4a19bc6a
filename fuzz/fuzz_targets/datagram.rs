#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz_bodies::datagram::run(input));
