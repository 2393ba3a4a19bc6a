//! Message and metadata ids from a seed, so that a replay makes the same ones.

use uuid::Builder;

/// Makes version 4 UUIDs from a seeded generator (SplitMix64). They are unique, not secret: nothing is authorised by
/// knowing one.
#[derive(Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn uuid(&mut self) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_be_bytes());
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}
