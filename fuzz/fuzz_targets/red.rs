//! Hostile redundant audio: the primary block always lies within its packet.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    if let Some(primary) = sfu::red::primary(payload) {
        assert!(!payload[primary.range].is_empty());
        assert!(primary.payload_type < 128);
    }
});
