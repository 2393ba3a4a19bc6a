//! Ids as LiveKit's clients expect them: a prefix and twelve characters (media-protocol.md section 7.3).

/// Digits and letters without the ones that are mistaken for each other: 58 of them.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Makes ids from a seed. Unique within a node as long as every machine gets another seed; not secret.
#[derive(Debug)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of a SplitMix64 sequence.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `prefix` and twelve characters.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        let mut id = String::with_capacity(prefix.len() + 12);
        id.push_str(prefix);
        for _ in 0..12 {
            let index = usize::try_from(self.next() % 58).unwrap_or(0);
            id.push(char::from(ALPHABET[index]));
        }
        id
    }

    /// `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_a_prefix_and_twelve_letters_and_do_not_repeat() {
        let mut ids = Ids::new(7);
        let made: std::collections::HashSet<_> = (0..10_000).map(|_| ids.id("PA_")).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.len() == 15 && id[3..].bytes().all(|byte| byte.is_ascii_alphanumeric())));
    }
}
