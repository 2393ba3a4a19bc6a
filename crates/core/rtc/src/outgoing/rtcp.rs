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
/// What is of no known kind, or malformed in itself, is skipped; where a length does not fit the packet the reading ends.
pub(crate) fn read(packet: &[u8], each: &mut impl FnMut(Feedback<'_>)) {
    let (mut rest, mut budget) = (packet, MAX_NUMBERS);
    while let Some((part, after)) = Part::split(rest) {
        // A part that ends early is not worth more than what came out of it.
        let _ = part.read(&mut budget, each);
        rest = after;
    }
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn report_blocks_are_read_from_either_report() {
        let block = hex("0000002a 40 fffffe 00010005 00000007 11223344 00010000");
        let said = "Reception { ssrc: 42, cumulative_lost: -2, highest: 65541, \
                    last_report: 287454020, since_last_report: 65536 }";

        let receiver = [hex("81c90007 00000001"), block.clone()].concat();
        assert_eq!(said_in(&receiver), [said]);
        let sender =
            [hex("82c80012 00000001 0000000000000002 00000003 00000004 00000005"), block.clone(), block].concat();
        assert_eq!(said_in(&sender), [said, said]);
    }

    #[test]
    fn lost_packets_have_a_sign() {
        for (bytes, lost) in [("007fffff", 0x7f_ffff), ("00800000", -0x80_0000), ("ff000000", 0)] {
            let block = ["81c90007 00000001 0000002a", bytes, "00000000 00000000 00000000 00000000"].concat();
            let mut read_lost = None;
            read(&hex(&block), &mut |feedback| {
                if let Feedback::Reception { cumulative_lost, .. } = feedback {
                    read_lost = Some(cumulative_lost);
                }
            });
            assert_eq!(read_lost, Some(lost));
        }
    }

    #[test]
    fn blocks_are_read_as_far_as_they_go_and_are_counted() {
        let two = [hex("9fc9000d 00000001"), vec![0; 48]].concat();
        assert_eq!(said_in(&two).len(), 2);
        let uncounted = [hex("80c9000d 00000001"), vec![0; 48]].concat();
        assert_eq!(said_in(&uncounted).len(), 0);
    }

    #[test]
    fn missing_numbers_are_spread_out_and_start_over() {
        let nack = hex("81cd0005 00000001 0000002a 0010 8001 fffe 0003 0005 0000");
        assert_eq!(said_in(&nack), ["missing of 42: [16, 17, 32, 65534, 65535, 0, 5]"]);
        let empty = hex("81cd0002 00000001 0000002a");
        assert_eq!(said_in(&empty).len(), 0);
    }

    #[test]
    fn key_frames_are_asked_for_in_two_ways() {
        let pli = hex("81ce0002 00000001 0000002a");
        assert_eq!(said_in(&pli), ["KeyFrame { ssrc: 42 }"]);
        let fir = hex("84ce0006 00000001 00000000 0000002a 07000000 0000002b ff000000");
        assert_eq!(said_in(&fir), ["FullIntra { ssrc: 42, command: 7 }", "FullIntra { ssrc: 43, command: 255 }"]);
    }

    #[test]
    fn limits_are_mantissa_and_exponent() {
        for (limit, bits) in [("020bd090", 1_000_000), ("00000001", 1), ("01ffffff", u64::MAX), ("00000000", 0)] {
            let remb = ["8fce0006 00000001 00000000 52454d42", limit, "0000002a 0000002b"].concat();
            assert_eq!(said_in(&hex(&remb)), [format!("Limit {{ bits: {bits} }}")]);
        }
        let other = hex("8fce0004 00000001 00000000 52454d43 00000001");
        assert_eq!(said_in(&other).len(), 0);
    }

    /// A run of two that did not arrive, seven of two bits (0xd842: 1201002), fourteen of one bit (0xa001).
    const ARRIVALS: &str = "00000001 00000000 0005 0017 000102 09 0002 d842 a001 04 fffc ff 0101 00 01";

    #[test]
    fn arrivals_are_read_in_all_three_forms() {
        let mut arrivals = vec![None, None, Some(1000), Some(0), None, Some(63_750), None, None, Some(128_000)];
        arrivals.push(Some(128_000));
        arrivals.resize(22, None);
        arrivals.push(Some(128_250));
        let expected = Arrivals { first: 5, reference: 0x102, arrivals };

        for (header, padding) in [("8fcd0008", "0000"), ("afcd0008", "0002")] {
            let packet = hex(&[header, ARRIVALS, padding].concat());
            assert_eq!(arrivals_in(&packet), slice::from_ref(&expected));
        }
    }

    #[test]
    fn arrivals_that_are_incomplete_are_skipped_and_the_rest_is_read() {
        let whole = hex(&[ARRIVALS, "0000"].concat());
        let pli = hex("81ce0002 00000001 0000002a");
        for cut in (0..whole.len() - 4).step_by(4) {
            let length = u16::try_from(cut / 4).unwrap().to_be_bytes();
            let packet = [&hex("8fcd")[..], &length, &whole[..cut], &pli].concat();
            assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{cut} bytes of it");
        }
        for (what, arrivals) in [
            ("nothing", "0005 0000 000102 09 0000 0000"),
            ("a symbol without meaning", "0005 0001 000102 09 6001 0404"),
            ("another one", "0005 0007 000102 09 f000 0404"),
            ("runs of nothing", "0005 0001 000102 09 0000 2000"),
        ] {
            let packet = [hex(&["8fcd0005 00000001 00000000", arrivals].concat()), pli.clone()].concat();
            assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{what}");
        }
    }

    #[test]
    fn no_datagram_says_more_than_so_many_numbers() {
        let runs = hex("8fcd0009 00000001 00000000 0005 ffff 000102 09 1fff1fff 1fff1fff 1fff1fff 1fff1fff 1fff0000");
        let read = arrivals_in(&[runs.clone(), runs.clone()].concat());
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].arrivals, vec![None; MAX_NUMBERS]);

        let mut nack = hex("81cd0102 00000001 0000002a");
        nack.extend([0xff; 4 * 256]);
        let (mut lists, mut numbers) = (0, 0);
        super::read(&[nack.clone(), nack, runs].concat(), &mut |feedback| match feedback {
            Feedback::Missing { numbers: list, .. } => {
                lists += 1;
                assert_eq!(list.size_hint(), (list.clone().count(), Some(list.clone().count())));
                numbers += list.count();
            }
            _ => panic!("nothing is left for {feedback:?}"),
        });
        assert_eq!((lists, numbers), (1, MAX_NUMBERS));
    }

    #[test]
    fn what_is_unknown_is_skipped() {
        let packet = hex("80c80006 00000001 0000000000000002 00000003 00000004 00000005
             81ca0003 00000001 01016100 00000000
             80cf0002 00000001 00000000
             83cd0003 00000001 0000002a 01020304
             82ce0003 00000001 0000002a 01020304
             81cb0001 00000001
             80d10000
             81ce0002 00000001 0000002a");
        assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"]);
    }

    #[test]
    fn reading_ends_where_lengths_do_not_fit() {
        let pli = hex("81ce0002 00000001 0000002a");
        for broken in ["81ce0009 00000001", "41ce0001 00000001", "a1ce0001 00000009", "a1ce0000", "81ce00"] {
            let packet = [pli.clone(), hex(broken), pli.clone()].concat();
            assert_eq!(said_in(&packet), ["KeyFrame { ssrc: 42 }"], "{broken}");
        }
        assert_eq!(said_in(&pli[..8]).len(), 0);
    }

    #[test]
    fn a_report_is_written_with_the_name_of_its_source() {
        let mut out = Vec::new();
        sender_report(&mut out, 0x0102_0304, 0x1122_3344_5566_7788, 9, 10, 11, "abc");
        assert_eq!(
            out,
            hex("80c80006 01020304 11223344 55667788 00000009 0000000a 0000000b
                 81ca0003 01020304 0103 616263 000000")
        );
        assert_eq!(said_in(&out).len(), 0);
    }

    #[test]
    fn what_is_about_the_streams_of_the_client_is_told_apart() {
        let block = "81c90007 00000001 0000002a 40fffffe 00010005 00000007 11223344 00010000";
        assert!(!is_from_sender(&hex(&[block, "81ca0002 00000001 00000000", "81ce0002 00000001 0000002a"].concat())));
        for own in
            ["80c80006 00000001 0000000000000002 000000030000000400000005", "81cb0001 00000001", "80cf0001 00000001"]
        {
            assert!(is_from_sender(&hex(&[block, own].concat())), "{own}");
            assert!(!is_from_sender(&hex(&["81c90008", own].concat())), "behind something that is cut off");
        }
    }

    #[test]
    fn a_name_of_any_length_ends_with_a_zero_at_the_border_of_a_word() {
        for length in 0..300 {
            let mut out = Vec::new();
            sender_report(&mut out, 1, 2, 3, 4, 5, &"x".repeat(length));
            let kept = length.min(255);
            let (_, names) = Part::split(&out).unwrap();
            let (part, after) = Part::split(names).unwrap();
            assert!(part.kind == DESCRIPTION && part.count == 1 && after.is_empty());
            assert_eq!(usize::from(part.body[5]), kept);
            let zeros = &part.body[6 + kept..];
            assert!((1..=4).contains(&zeros.len()) && zeros.iter().all(|byte| *byte == 0));
        }
        let mut out = Vec::new();
        sender_report(&mut out, 1, 2, 3, 4, 5, &"é".repeat(200));
        assert_eq!(out[28 + 9], 254, "no half of a letter");
    }

    #[test]
    fn several_reports_follow_each_other() {
        let mut out = Vec::new();
        for ssrc in 1..=3 {
            sender_report(&mut out, ssrc, 2, 3, 4, 5, "someone");
        }
        let (mut rest, mut kinds) = (&out[..], Vec::new());
        while let Some((part, after)) = Part::split(rest) {
            kinds.push(part.kind);
            rest = after;
        }
        assert_eq!(kinds, [200, 202, 200, 202, 200, 202]);
        assert!(rest.is_empty());
    }

    proptest! {
        #[test]
        fn garbage_is_read_without_harm(packet in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(numbers_in(&packet) <= MAX_NUMBERS);
        }

        /// The same where headers are right, so that what is inside is looked at.
        #[test]
        fn parts_with_garbage_are_read_without_harm(
            parts in prop::collection::vec((200..208_u8, any::<u8>(), prop::collection::vec(any::<[u8; 4]>(), 0..20)), 0..8),
        ) {
            let mut packet = Vec::new();
            for (kind, count, body) in parts {
                header(&mut packet, count & 0x3f, kind, u16::try_from(body.len()).unwrap());
                packet.extend(body.as_flattened());
            }
            prop_assert!(numbers_in(&packet) <= MAX_NUMBERS);
        }

        /// Whatever arrived, and in whatever forms that is written, it is read as it was.
        #[test]
        fn arrivals_come_back_as_they_were_written(
            (first, reference) in (any::<u16>(), 0..1_u32 << 24),
            deltas in prop::collection::vec(
                prop_oneof![Just(None), (0..256_i16).prop_map(Some), any::<i16>().prop_map(Some)],
                1..100,
            ),
            repeats in 1..20_usize,
            forms in prop::collection::vec(0..3_u8, 1..20),
        ) {
            let deltas: Vec<_> = deltas.iter().flat_map(|delta| vec![*delta; repeats]).take(MAX_NUMBERS).collect();
            let mut ticks = 0;
            let arrivals = deltas.iter().map(|delta| {
                let delta = i64::from((*delta)?);
                ticks += delta;
                Some(ticks * TICK_MICROS)
            });
            let expected = Arrivals { first, reference, arrivals: arrivals.collect() };

            let packet = written(first, reference, &deltas, &forms);

            prop_assert_eq!(arrivals_in(&packet), [expected]);
        }
    }

    /// Everything that a packet says, in order.
    fn said_in(packet: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        read(packet, &mut |feedback| {
            said.push(match feedback {
                Feedback::Missing { ssrc, numbers } => format!("missing of {ssrc}: {:?}", numbers.collect::<Vec<_>>()),
                other => format!("{other:?}"),
            });
        });
        said
    }

    fn arrivals_in(packet: &[u8]) -> Vec<Arrivals> {
        let mut all = Vec::new();
        read(packet, &mut |feedback| {
            if let Feedback::Arrivals(arrivals) = feedback {
                all.push(arrivals);
            }
        });
        all
    }

    fn numbers_in(packet: &[u8]) -> usize {
        let mut count = 0;
        read(packet, &mut |feedback| match feedback {
            Feedback::Missing { numbers, .. } => count += numbers.count(),
            Feedback::Arrivals(arrivals) => count += arrivals.arrivals.len(),
            _ => {}
        });
        count
    }

    /// Transport feedback; chunks take the given forms in turn where they can, and the one with two bits where not.
    fn written(first: u16, reference: u32, deltas: &[Option<i16>], forms: &[u8]) -> Vec<u8> {
        let symbol = |delta: &Option<i16>| match delta {
            None => 0_u16,
            Some(0..=255) => 1,
            Some(_) => 2,
        };
        let symbols: Vec<u16> = deltas.iter().map(symbol).collect();
        let packed = |symbols: &[u16], width: usize, most: usize| {
            let bits = symbols.iter().fold(0, |bits, symbol| bits << width | symbol);
            (bits << (width * (most - symbols.len())), symbols.len())
        };
        let mut body = [0, 0, 0, 1, 0, 0, 0, 0].to_vec();
        body.extend(first.to_be_bytes());
        body.extend(u16::try_from(deltas.len()).unwrap().to_be_bytes());
        body.extend((reference << 8 | 3).to_be_bytes());
        let (mut rest, mut forms) = (&symbols[..], forms.iter().cycle());
        while let Some(symbol) = rest.first() {
            let one_bit = &rest[..rest.len().min(14)];
            let (chunk, used) = match forms.next() {
                Some(0) => {
                    let run = rest.iter().take_while(|next| *next == symbol).count();
                    (symbol << 13 | u16::try_from(run).unwrap(), run)
                }
                Some(1) if one_bit.iter().all(|symbol| *symbol < 2) => {
                    let (bits, used) = packed(one_bit, 1, 14);
                    (0x8000 | bits, used)
                }
                _ => {
                    let (bits, used) = packed(&rest[..rest.len().min(7)], 2, 7);
                    (0xc000 | bits, used)
                }
            };
            body.extend(chunk.to_be_bytes());
            rest = &rest[used..];
        }
        for delta in deltas.iter().flatten() {
            match u8::try_from(*delta) {
                Ok(small) => body.push(small),
                Err(_) => body.extend(delta.to_be_bytes()),
            }
        }
        body.resize(body.len().next_multiple_of(4), 0);
        let mut packet = Vec::new();
        header(&mut packet, TRANSPORT_WIDE, TRANSPORT_FEEDBACK, u16::try_from(body.len() / 4).unwrap());
        packet.extend(body);
        packet
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap()).collect()
    }
}
