//! Hostile redundant audio: the primary block always lies within its packet.

/// One packet.
pub fn run(payload: &[u8]) {
    if let Some(primary) = sfu::red::primary(payload) {
        assert!(!payload[primary.range].is_empty());
        assert!(primary.payload_type < 128);
    }
}
