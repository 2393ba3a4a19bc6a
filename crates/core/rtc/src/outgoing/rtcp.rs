//! RTCP about what goes to a subscriber: what it says about our streams, and what we say about them.
//!
//! Works on compound packets that are opened already (RFC 3550 section 6.1), or on parts of one (RFC 5506). What a client says
//! about its own streams is read by the stack and skipped here.

use crate::estimate::Arrivals;
use std::slice;

/// Most RTP numbers that are read out of one datagram, missing and arrived ones together. Feedback of a browser says something
/// about at most a thousand; what a few bytes can claim beyond that is left out.
pub(crate) const MAX_NUMBERS: usize = 4096;

/// Kinds of packets (RFC 3550 section 12.1, RFC 4585 section 6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const EXTENDED_REPORT: u8 = 207;

/// Formats of transport feedback (RFC 4585 section 6.2.1, draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
const NACK: u8 = 1;
const TRANSPORT_WIDE: u8 = 15;

/// Formats of payload feedback (RFC 4585 section 6.3, RFC 5104 section 4.3.1).
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;

/// What application feedback begins with if it is a limit (draft-alvestrand-rmcat-remb-03 section 2.2).
const REMB: u32 = u32::from_be_bytes(*b"REMB");

/// Microseconds of one tick of arrival times (transport-wide-cc section 3.1.5).
const TICK_MICROS: i64 = 250;

/// Something a subscriber says about what it receives.
#[derive(Debug)]
pub(crate) enum Feedback<'a> {
    /// How one of our sources arrives (RFC 3550 section 6.4.1).
    Reception {
        /// Our source.
        ssrc: u32,
        /// Lost since the start; less than zero if packets came twice.
        cumulative_lost: i32,
        /// Highest sequence number that arrived, with its rollovers.
        highest: u32,
        /// The middle of the NTP time of our latest report; 0 if there was none.
        last_report: u32,
        /// How long ago that arrived, in 65536ths of a second.
        since_last_report: u32,
    },
    /// Packets of one of our sources did not arrive (RFC 4585 section 6.2.1).
    Missing {
        /// Our source.
        ssrc: u32,
        /// Their sequence numbers.
        numbers: Numbers<'a>,
    },
    /// A picture cannot be decoded any more (RFC 4585 section 6.3.1).
    KeyFrame {
        /// Our source.
        ssrc: u32,
    },
    /// A key frame is asked for (RFC 5104 section 4.3.1).
    FullIntra {
        /// Our source.
        ssrc: u32,
        /// The same if the request is repeated, one more if it is another.
        command: u8,
    },
    /// When packets arrived, by their transport-wide numbers.
    Arrivals(Arrivals),
    /// All streams together should not be more (REMB).
    Limit {
        /// Bits per second.
        bits: u64,
    },
}

/// Reads a compound packet and hands over what it says about our streams, in its order.
///
/// What is of no known kind, or malformed in itself, is skipped; where a length does not fit the packet the reading ends. Returns
/// whether all lengths did.
pub(crate) fn read(packet: &[u8], each: &mut impl FnMut(Feedback<'_>)) -> bool {
    let (mut rest, mut budget) = (packet, MAX_NUMBERS);
    while let Some((part, after)) = Part::split(rest) {
        // A part that ends early is not worth more than what came out of it.
        let _ = part.read(&mut budget, each);
        rest = after;
    }
    rest.is_empty()
}

/// Whether something in a compound packet is about streams of the client's own: their time, their end, or a question about them
/// (RFC 3611 section 4.4).
pub(crate) fn is_from_sender(packet: &[u8]) -> bool {
    let mut rest = packet;
    while let Some((part, after)) = Part::split(rest) {
        if matches!(part.kind, SENDER_REPORT | GOODBYE | EXTENDED_REPORT) {
            return true;
        }
        rest = after;
    }
    false
}

/// One packet of a compound packet.
struct Part<'a> {
    kind: u8,
    /// Number of blocks, or format of the feedback.
    count: u8,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    /// Header, body without padding, and what follows (RFC 3550 section 6.4.1).
    fn split(packet: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([first, kind, length @ ..], rest) = packet.split_first_chunk::<4>()?;
        if first >> 6 != 2 {
            return None;
        }
        let (mut body, after) = rest.split_at_checked(4 * usize::from(u16::from_be_bytes(*length)))?;
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            body = body.get(..body.len().checked_sub(padding)?)?;
        }
        Some((Self { kind: *kind, count: first & 0x1f, body }, after))
    }

    fn read(&self, budget: &mut usize, each: &mut impl FnMut(Feedback<'_>)) -> Option<()> {
        match self.kind {
            // Between the sender and the blocks is what it says about its own stream.
            SENDER_REPORT => self.read_blocks(words::<6>(self.body)?.1, each),
            RECEIVER_REPORT => self.read_blocks(words::<1>(self.body)?.1, each),
            TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => {
                let ([_, ssrc], rest) = words(self.body)?;
                self.read_feedback(ssrc, rest, budget, each)?;
            }
            _ => {}
        }
        Some(())
    }

    fn read_blocks(&self, mut blocks: &[u8], each: &mut impl FnMut(Feedback<'_>)) {
        for _ in 0..self.count {
            let Some(([ssrc, lost, highest, _jitter, last_report, since_last_report], after)) = words(blocks) else {
                return;
            };
            // The lower 24 bits are a number with a sign.
            let cumulative_lost = (lost << 8).cast_signed() >> 8;
            each(Feedback::Reception { ssrc, cumulative_lost, highest, last_report, since_last_report });
            blocks = after;
        }
    }

    /// `ssrc` is the source it is about, `rest` what follows.
    fn read_feedback(
        &self,
        ssrc: u32,
        mut rest: &[u8],
        budget: &mut usize,
        each: &mut impl FnMut(Feedback<'_>),
    ) -> Option<()> {
        match (self.kind, self.count) {
            (TRANSPORT_FEEDBACK, NACK) => {
                let numbers = Numbers::read(rest, budget);
                if numbers.left > 0 {
                    each(Feedback::Missing { ssrc, numbers });
                }
            }
            (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => each(Feedback::Arrivals(read_arrivals(rest, budget)?)),
            (PAYLOAD_FEEDBACK, PLI) => each(Feedback::KeyFrame { ssrc }),
            (PAYLOAD_FEEDBACK, FIR) => {
                while let Some(([ssrc, command], after)) = words(rest) {
                    let [command, ..] = command.to_be_bytes();
                    each(Feedback::FullIntra { ssrc, command });
                    rest = after;
                }
            }
            (PAYLOAD_FEEDBACK, APPLICATION) => {
                let ([REMB, limit], _) = words(rest)? else { return None };
                // Eight bits of how many sources, six of exponent, 18 of mantissa.
                let bits = u128::from(limit & 0x3_ffff) << (limit >> 18 & 0x3f);
                each(Feedback::Limit { bits: u64::try_from(bits).unwrap_or(u64::MAX) });
            }
            _ => {}
        }
        Some(())
    }
}

/// The sequence numbers of a generic NACK: of each entry one and those of the 16 behind it whose bit is set.
#[derive(Debug, Clone)]
pub(crate) struct Numbers<'a> {
    entries: slice::Iter<'a, [u8; 4]>,
    first: u16,
    /// Bit n is for `first + n`.
    bits: u32,
    /// How many of all are handed out yet.
    left: usize,
}

impl<'a> Numbers<'a> {
    fn read(entries: &'a [u8], budget: &mut usize) -> Self {
        let entries = entries.as_chunks::<4>().0.iter();
        let all: usize = entries.clone().map(|[_, _, high, low]| 1 + ones(*high) + ones(*low)).sum();
        Self { entries, first: 0, bits: 0, left: take(budget, all) }
    }
}

impl Iterator for Numbers<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        self.left = self.left.checked_sub(1)?;
        if self.bits == 0 {
            let [high, low, behind @ ..] = *self.entries.next()?;
            self.first = u16::from_be_bytes([high, low]);
            self.bits = 1 | u32::from(u16::from_be_bytes(behind)) << 1;
        }
        let step = u16::try_from(self.bits.trailing_zeros()).ok()?;
        self.bits &= self.bits - 1;
        Some(self.first.wrapping_add(step))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// When packets arrived (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). `None` if it says less than it announces,
/// or uses a symbol that means nothing; else it is about one packet at least.
fn read_arrivals(bytes: &[u8], budget: &mut usize) -> Option<Arrivals> {
    let ([numbers, reference], rest) = words(bytes)?;
    let ([high, low, count @ ..], reference) = (numbers.to_be_bytes(), reference >> 8);
    let count = usize::from(u16::from_be_bytes(count));

    let (chunks, _) = rest.as_chunks::<2>();
    let (mut covered, mut used) = (0, 0);
    while covered < count {
        covered += Chunk::from(*chunks.get(used)?).length();
        used += 1;
    }
    let (chunks, mut deltas) = (&chunks[..used], &rest[2 * used..]);

    let count = take(budget, count);
    let mut arrivals = Vec::with_capacity(count);
    let mut ticks = 0;
    for symbol in chunks.iter().flat_map(|chunk| Chunk::from(*chunk).symbols()).take(count) {
        ticks += match symbol {
            0 => {
                arrivals.push(None);
                continue;
            }
            1 => {
                let (delta, after) = deltas.split_first()?;
                deltas = after;
                i64::from(*delta)
            }
            2 => {
                let (delta, after) = deltas.split_first_chunk()?;
                deltas = after;
                i64::from(i16::from_be_bytes(*delta))
            }
            _ => return None,
        };
        arrivals.push(Some(ticks * TICK_MICROS));
    }
    (!arrivals.is_empty()).then_some(Arrivals { first: u16::from_be_bytes([high, low]), reference, arrivals })
}

/// Whether some packets arrived (transport-wide-cc sections 3.1.3 and 3.1.4).
#[derive(Clone, Copy)]
enum Chunk {
    /// All of them alike.
    Run { symbol: u16, length: u16 },
    /// One bit each, the highest first.
    Bits(u16),
    /// Two bits each, the highest first.
    Pairs(u16),
}

impl From<[u8; 2]> for Chunk {
    fn from(bytes: [u8; 2]) -> Self {
        let bits = u16::from_be_bytes(bytes);
        match bits >> 14 {
            0 | 1 => Self::Run { symbol: bits >> 13, length: bits & 0x1fff },
            2 => Self::Bits(bits),
            _ => Self::Pairs(bits),
        }
    }
}

impl Chunk {
    fn length(self) -> usize {
        match self {
            Self::Run { length, .. } => usize::from(length),
            Self::Bits(_) => 14,
            Self::Pairs(_) => 7,
        }
    }

    fn symbols(self) -> impl Iterator<Item = u16> {
        (0..self.length()).map(move |at| match self {
            Self::Run { symbol, .. } => symbol,
            Self::Bits(bits) => bits >> (13 - at) & 1,
            Self::Pairs(bits) => bits >> (12 - 2 * at) & 3,
        })
    }
}

/// Appends a sender report and the name of its source: a compound packet, and with others before it a part of one.
///
/// `ntp` and `rtp` are one moment in both clocks, `ntp` in 2^-32 seconds since 1900; `packets` and `octets` count what was sent
/// since the start, octets without headers and padding (RFC 3550 section 6.4.1). A name is cut at 255 bytes (section 6.5).
pub(crate) fn sender_report(out: &mut Vec<u8>, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32, cname: &str) {
    header(out, 0, SENDER_REPORT, 6);
    out.extend(ssrc.to_be_bytes());
    out.extend(ntp.to_be_bytes());
    for word in [rtp, packets, octets] {
        out.extend(word.to_be_bytes());
    }

    let mut length = u8::try_from(cname.len()).unwrap_or(u8::MAX);
    while !cname.is_char_boundary(length.into()) {
        length -= 1;
    }
    // Source, kind and length of the item, the name, and at least one zero up to the border of a word.
    let words = 1 + (2 + u16::from(length)) / 4 + 1;
    header(out, 1, DESCRIPTION, words);
    let end = out.len() + 4 * usize::from(words);
    out.extend(ssrc.to_be_bytes());
    out.extend([1, length]);
    out.extend(cname.bytes().take(length.into()));
    out.resize(end, 0);
}

/// `words` of four bytes follow.
fn header(out: &mut Vec<u8>, count: u8, kind: u8, words: u16) {
    out.extend([0x80 | count, kind]);
    out.extend(words.to_be_bytes());
}

/// Up to `wanted` of what is left.
fn take(budget: &mut usize, wanted: usize) -> usize {
    let granted = wanted.min(*budget);
    *budget -= granted;
    granted
}

/// The first words of four bytes, and what follows.
fn words<const N: usize>(bytes: &[u8]) -> Option<([u32; N], &[u8])> {
    let (words, _) = bytes.as_chunks::<4>();
    let words = words.first_chunk::<N>()?;
    Some((words.map(u32::from_be_bytes), bytes.get(4 * N..)?))
}

fn ones(bits: u8) -> usize {
    (0..8).filter(|bit| bits >> bit & 1 == 1).count()
}

#[cfg(test)]
mod tests;
