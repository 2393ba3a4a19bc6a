//! What the fuzzer found or was given, replayed without one.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use sfu::codec::Codec;
use sfu::dependency::Dependencies;
use sfu::vp8::Vp8;
use sfu::vp9::Vp9;
use std::path::Path;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn payloads_cut_anywhere_are_read_or_refused() {
    for whole in ["vp8", "h264", "red", "vp9", "av1", "dependency"].into_iter().flat_map(corpus) {
        for start in 0..whole.len().min(8) {
            for end in start..=whole.len() {
                let payload = &whole[start..end];
                if let Some(vp8) = Vp8::parse(payload) {
                    assert!(vp8.header_len < payload.len());
                }
                if let Some(vp9) = Vp9::parse(payload) {
                    assert!(vp9.header_len <= payload.len());
                }
                let _ = Dependencies::new().read(payload, 0, 0);
                let _ = Codec::H264.starts_key_frame(payload);
                let _ = Codec::Av1.starts_key_frame(payload);
                if let Some(primary) = sfu::red::primary(payload) {
                    assert!(!payload[primary.range].is_empty());
                }
            }
        }
    }
}
