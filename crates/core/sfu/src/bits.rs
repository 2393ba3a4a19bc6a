//! Single bits of a byte string, most significant first.

/// Reads bits from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bits were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// An unsigned number of at most 32 bits.
    pub(crate) fn bits(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    /// A number below `bound`, in as few bits as that takes (`ns(n)` of the AV1 formats).
    pub(crate) fn below(&mut self, bound: u32) -> Option<u32> {
        let width = u32::BITS - bound.leading_zeros();
        let short = (1u32 << width) - bound;
        let value = self.bits(width as usize - 1)?;
        if value < short { Some(value) } else { Some((value << 1) - short + self.bits(1)?) }
    }
}

/// Appends bits to a buffer that does not grow.
#[derive(Debug)]
pub(crate) struct BitWriter<const BYTES: usize> {
    bytes: [u8; BYTES],
    at: usize,
}

impl<const BYTES: usize> BitWriter<BYTES> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; BYTES], at: 0 }
    }

    /// `None` if the buffer is full.
    pub(crate) fn flag(&mut self, bit: bool) -> Option<()> {
        let byte = self.bytes.get_mut(self.at / 8)?;
        *byte |= u8::from(bit) << (7 - self.at % 8);
        self.at += 1;
        Some(())
    }

    pub(crate) fn bits(&mut self, value: u32, count: usize) -> Option<()> {
        (0..count).rev().try_for_each(|bit| self.flag(value >> bit & 1 == 1))
    }

    /// Copies `count` bits.
    pub(crate) fn copy(&mut self, from: &mut BitReader<'_>, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.flag(from.flag()?))
    }

    /// What was written, filled up to whole bytes with zeros.
    pub(crate) fn into_parts(self) -> ([u8; BYTES], usize) {
        let length = self.at.div_ceil(8);
        (self.bytes, length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_below_a_bound_take_few_bits() {
        // n = 5: 0, 1 and 2 take two bits, 3 and 4 three.
        let read = |byte: u8| {
            let mut bits = BitReader::new(std::slice::from_ref(&byte));
            let value = BitReader::below(&mut bits, 5).unwrap();
            let used = bits.position();
            (value, used)
        };
        assert_eq!([0x00, 0x40, 0x80, 0xc0, 0xe0].map(read), [(0, 2), (1, 2), (2, 2), (3, 3), (4, 3)]);
        assert_eq!(BitReader::new(&[]).below(1), Some(0), "only one number is below one");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec((any::<u32>(), 1usize..=32), 0..8)) {
            let mut out = BitWriter::<32>::new();
            for (value, count) in &numbers {
                out.bits(*value, *count).unwrap();
            }
            let (bytes, length) = out.into_parts();
            let mut bits = BitReader::new(&bytes[..length]);
            for (value, count) in &numbers {
                let mask = u32::MAX >> (32 - count);
                prop_assert_eq!(bits.bits(*count), Some(value & mask));
            }
        }
    }
}
