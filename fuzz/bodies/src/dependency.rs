//! Dependency descriptors, one after the other as a stream: two bytes of length, then the descriptor.

use sfu::dependency::{Dependencies, rewrite};

/// Most descriptors of one input.
const MOST: u32 = 64;

/// What is rewritten reads as it should, by whoever saw the same stream.
pub fn run(mut input: &[u8]) {
    let mut stream = Dependencies::new();
    let mut timestamp = 0;
    while let Some((length, rest)) = input.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (descriptor, rest) = rest.split_at(length);
        input = rest;
        timestamp += 3000;
        if timestamp > 3000 * MOST {
            return;
        }
        // Every other one comes late.
        let sequence = u64::from(timestamp / 3000) ^ 1;
        let Some(frame) = stream.read(descriptor, timestamp, sequence) else { continue };
        let wanted = stream.targets_within(&frame, 0, 1);
        let Some(sent) = rewrite(descriptor, &frame, 77, Some(wanted), stream.all_targets(&frame)) else { continue };
        let seen = stream.clone().read(sent.as_bytes(), timestamp, sequence).expect("readable as before");
        assert_eq!((seen.number, seen.active), (77, Some(wanted)));
        assert_eq!((seen.spatial, seen.temporal, seen.switches_up), (frame.spatial, frame.temporal, frame.switches_up));
    }
}
