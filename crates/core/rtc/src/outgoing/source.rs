//! One stream to a client: its numbers, what was said of it, and what it may have to repeat.

use super::header::{self, Ends, Fields, Names};
use super::history::{History, Packet};
use super::srtp::Seal;
use crate::packet::Vp8Rewrite;
use crate::plan::Kind;
use std::time::{Duration, Instant};

/// So many numbers behind the highest are remembered one by one: more than whoever numbers still places late packets behind his.
/// What seems older is of numbers that began anew.
const WINDOW: u64 = 2048;
const WORDS: usize = 32;

/// Most bytes of padding in a packet (RFC 3550 section 5.1), kept a multiple of four.
const MAX_PADDING: u8 = 252;

/// A stream to a client.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) ssrc: u32,
    /// Its retransmissions.
    pub(super) rtx: u32,
    pub(super) kind: Kind,
    pub(super) cname: String,
    pub(super) names: Names,
    /// With which payload type padding may be sent, if the client takes retransmissions.
    pub(super) padding: Option<u8>,
    pub(super) history: History,
    placed: Placed,
    rtx_sequence: u64,
    /// Packets and bytes of payload, without retransmissions.
    pub(super) packets: u64,
    pub(super) octets: u64,
    /// The newest packet: when it was captured, its time in the stream, and when it left.
    pub(super) newest: Option<(Instant, u32, Instant)>,
    /// The client was told the time in it.
    pub(super) reported: bool,
    /// Packets of it that wait to be sent.
    pub(super) waiting: usize,
    pub(super) heard: Heard,
}

/// What the client said of a stream.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) key_frames: u64,
    pub(super) nacks: u64,
    /// The number of its last full intra request (RFC 5104 section 4.3.1).
    pub(super) intra: Option<u8>,
    pub(super) round_trip: Option<Duration>,
    /// Highest number and packets lost as last said, and as of the last report.
    pub(super) now: Option<(u32, i32)>,
    pub(super) before: Option<(u32, i32)>,
}

impl Heard {
    /// Share of packets lost since the last time this was asked.
    pub(super) fn loss(&mut self) -> Option<f32> {
        let (highest, lost) = self.now?;
        let before = self.before.replace((highest, lost));
        let (former, former_lost) = before?;
        let expected = highest.wrapping_sub(former);
        if expected == 0 || expected > u32::MAX / 2 {
            return None;
        }
        let lost = lost.saturating_sub(former_lost).max(0);
        let share = lost as f32 / expected as f32;
        Some(share.min(1.0))
    }
}

impl Source {
    /// `first` numbers its retransmissions, below 2^15.
    pub(crate) fn new(kind: Kind, ssrc: u32, rtx: u32, cname: String, first: u16) -> Self {
        Self {
            ssrc,
            rtx,
            kind,
            cname,
            names: Names::default(),
            padding: None,
            history: History::default(),
            placed: Placed::default(),
            rtx_sequence: u64::from(first & 0x7fff) + 1,
            packets: 0,
            octets: 0,
            newest: None,
            reported: false,
            waiting: 0,
            heard: Heard::default(),
        }
    }

    /// Under which number a packet is sent; `None` if that one was, or may have been.
    pub(super) fn place(&mut self, sequence: u64) -> Option<u64> {
        self.placed.place(sequence)
    }

    /// The extended number whose low bits a client names, as near below the highest as can be.
    pub(super) fn extended(&self, number: u16) -> Option<u64> {
        let highest = self.placed.highest?;
        let behind = u64::from(low(highest).wrapping_sub(number));
        highest.checked_sub(behind)
    }

    /// The clock of its time, in Hz.
    pub(super) fn rate(&self) -> u32 {
        match self.kind {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }

    /// A packet, sealed.
    pub(super) fn sealed(&self, seal: &Seal, packet: &Packet, number: Option<u16>, sent: Option<u32>) -> Vec<u8> {
        let ends = Some(&packet.ends);
        let mut out = Vec::with_capacity(header::room(ends) + packet.payload.len() + Seal::OVERHEAD);
        let fields = Fields {
            pt: packet.pt,
            marker: packet.marker,
            padded: false,
            sequence: low(packet.sequence),
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
            number,
            sent,
            level: packet.level,
            ends,
        };
        let length = header::write(&mut out, &self.names, &fields);
        put_payload(&mut out, packet);
        seal.rtp(&mut out, length, self.ssrc, packet.sequence);
        out
    }

    /// A packet that was sent before, as a retransmission (RFC 4588 section 4). `None` if it is not there or the client takes
    /// none.
    pub(super) fn repeated(
        &mut self,
        seal: &Seal,
        sequence: u64,
        number: Option<u16>,
        sent: Option<u32>,
    ) -> Option<Vec<u8>> {
        let packet = self.history.get(sequence)?;
        let pt = packet.repair?;
        let repeat = self.rtx_sequence;
        let out = repetition(seal, &self.names, packet, (pt, self.rtx, repeat), number, sent);
        self.rtx_sequence += 1;
        Some(out)
    }

    /// Something to fill the line with: one of the packets that were sent since a moment (in milliseconds of the clock), or
    /// nothing but padding. What is older would bring back what nobody can show any more.
    pub(super) fn filler(
        &mut self,
        seal: &Seal,
        (turn, since): (u64, u32),
        number: Option<u16>,
        sent: Option<u32>,
    ) -> Option<Vec<u8>> {
        let pt = self.padding?;
        let repeat = self.rtx_sequence;
        self.rtx_sequence += 1;
        if let Some(packet) = self.history.recent(turn).filter(|packet| packet.sent >= since)
            && let Some(pt) = packet.repair
        {
            return Some(repetition(seal, &self.names, packet, (pt, self.rtx, repeat), number, sent));
        }
        let mut out = Vec::with_capacity(header::room(None) + usize::from(MAX_PADDING) + Seal::OVERHEAD);
        let fields = Fields {
            pt,
            marker: false,
            padded: true,
            sequence: low(repeat),
            timestamp: self.newest.map_or(0, |(_, timestamp, _)| timestamp),
            ssrc: self.rtx,
            number,
            sent,
            level: None,
            ends: None,
        };
        let length = header::write(&mut out, &self.names, &fields);
        out.resize(out.len() + usize::from(MAX_PADDING) - 1, 0);
        out.push(MAX_PADDING);
        seal.rtp(&mut out, length, self.rtx, repeat);
        Some(out)
    }
}

/// A packet again, under the payload type, source and number of retransmissions.
fn repetition(
    seal: &Seal,
    names: &Names,
    packet: &Packet,
    (pt, ssrc, sequence): (u8, u32, u64),
    number: Option<u16>,
    sent: Option<u32>,
) -> Vec<u8> {
    let ends = Some(&packet.ends);
    let mut out = Vec::with_capacity(header::room(ends) + 2 + packet.payload.len() + Seal::OVERHEAD);
    let fields = Fields {
        pt,
        marker: packet.marker,
        padded: false,
        sequence: low(sequence),
        timestamp: packet.timestamp,
        ssrc,
        number,
        sent,
        level: packet.level,
        ends,
    };
    let length = header::write(&mut out, names, &fields);
    out.extend(low(packet.sequence).to_be_bytes());
    put_payload(&mut out, packet);
    seal.rtp(&mut out, length, ssrc, sequence);
    out
}

fn put_payload(out: &mut Vec<u8>, packet: &Packet) {
    let begin = out.len();
    out.extend_from_slice(&packet.payload);
    if let Some(rewrite) = packet.vp8 {
        renumber_vp8(&mut out[begin..], rewrite);
    }
}

/// The low sixteen bits of a number, as they travel.
pub(super) fn low(extended: u64) -> u16 {
    u16::try_from(extended & 0xffff).unwrap_or_default()
}

/// Puts other numbers into a VP8 payload descriptor (RFC 7741 section 4.2), where it has such.
fn renumber_vp8(payload: &mut [u8], rewrite: Vp8Rewrite) {
    let [first, second, rest @ ..] = payload else { return };
    if *first & 0x80 == 0 {
        return;
    }
    let (has_picture, has_base, has_key) = (*second & 0x80 != 0, *second & 0x40 != 0, *second & 0x30 != 0);
    let mut rest = rest.iter_mut();
    if has_picture {
        let Some(high) = rest.next() else { return };
        let long = *high & 0x80 != 0;
        let [new_high, new_low] = rewrite.picture_id.unwrap_or_default().to_be_bytes();
        if long {
            let Some(low) = rest.next() else { return };
            if rewrite.picture_id.is_some() {
                (*high, *low) = (0x80 | new_high & 0x7f, new_low);
            }
        } else if rewrite.picture_id.is_some() {
            // Seven bits stay seven.
            *high = new_low & 0x7f;
        }
    }
    if has_base {
        let Some(index) = rest.next() else { return };
        *index = rewrite.tl0_pic_idx.unwrap_or(*index);
    }
    if has_key {
        let Some(index) = rest.next() else { return };
        if let Some(key) = rewrite.key_idx {
            *index = *index & 0xe0 | key & 0x1f;
        }
    }
}

/// Sees to it that no number is used twice: two packets sealed alike would give the key away (RFC 7714 section 8.4).
#[derive(Debug, Default)]
struct Placed {
    highest: Option<u64>,
    /// What is added, since whoever numbers began anew.
    shift: u64,
    /// Which of the numbers up to the highest were used, by their low bits.
    used: [u64; WORDS],
}

impl Placed {
    fn place(&mut self, sequence: u64) -> Option<u64> {
        let placed = sequence.wrapping_add(self.shift);
        let Some(highest) = self.highest else {
            self.highest = Some(placed);
            self.mark(placed);
            return Some(placed);
        };
        if placed > highest {
            let skipped = placed - highest;
            if skipped >= WINDOW {
                self.used = [0; WORDS];
            } else {
                (highest + 1..placed).for_each(|number| self.clear(number));
            }
            self.highest = Some(placed);
            self.mark(placed);
            return Some(placed);
        }
        if highest - placed >= WINDOW {
            // Nobody is so late: the numbers began anew, and go on where they were.
            self.shift = (highest + 1).wrapping_sub(sequence);
            return self.place(sequence);
        }
        let (word, bit) = Self::position(placed);
        if self.used[word] & bit != 0 {
            return None;
        }
        self.mark(placed);
        Some(placed)
    }

    fn position(number: u64) -> (usize, u64) {
        let index = number % WINDOW;
        (usize::try_from(index / 64).unwrap_or_default(), 1 << (index % 64))
    }

    fn mark(&mut self, number: u64) {
        let (word, bit) = Self::position(number);
        self.used[word] |= bit;
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = Self::position(number);
        self.used[word] &= !bit;
    }
}

/// What of a packet travels beside the payload.
pub(super) fn ends(packet: &crate::packet::DownPacket<'_>) -> Ends {
    Ends::new(packet.extensions, packet.dependency, packet.playout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_used_twice() {
        let mut placed = Placed::default();
        assert_eq!(placed.place(100), Some(100));
        assert_eq!(placed.place(100), None);
        assert_eq!((placed.place(103), placed.place(102), placed.place(102)), (Some(103), Some(102), None));
        assert_eq!((placed.place(90), placed.place(90)), (Some(90), None), "late, but the first of that number");
        for sequence in 104..5000 {
            assert_eq!(placed.place(sequence), Some(sequence));
            assert_eq!(placed.place(sequence), None);
        }
        assert_eq!(placed.place(9000), Some(9000));
        assert_eq!((placed.place(8500), placed.place(8500)), (Some(8500), None));
        assert_eq!((placed.place(7000), placed.place(9001)), (Some(7000), Some(9001)), "late, and on time after it");
    }

    #[test]
    fn numbers_that_begin_anew_go_on() {
        let mut placed = Placed::default();
        placed.place(70_000);
        assert_eq!(placed.place(10), Some(70_001));
        assert_eq!(placed.place(10), None);
        assert_eq!((placed.place(12), placed.place(11)), (Some(70_003), Some(70_002)));
    }

    #[test]
    fn numbers_of_pictures_keep_their_length() {
        let rewrite = Vp8Rewrite { picture_id: Some(300), tl0_pic_idx: Some(9), key_idx: Some(31) };
        let mut long = [0x90, 0xf0, 0x80, 5, 1, 0x65, 7, 7];
        renumber_vp8(&mut long, rewrite);
        assert_eq!(long, [0x90, 0xf0, 0x81, 0x2c, 9, 0x7f, 7, 7]);
        let mut short = [0x80, 0x80, 5, 7];
        renumber_vp8(&mut short, rewrite);
        assert_eq!(short, [0x80, 0x80, 0x2c, 7]);
        let mut untouched = [0x90, 0xf0, 0x80, 5, 1, 0x65];
        renumber_vp8(&mut untouched, Vp8Rewrite::default());
        assert_eq!(untouched, [0x90, 0xf0, 0x80, 5, 1, 0x65]);
        for length in 0..4 {
            renumber_vp8(&mut long[..length], rewrite);
        }
        let mut plain = [0x10, 1, 2, 3];
        renumber_vp8(&mut plain, rewrite);
        assert_eq!(plain, [0x10, 1, 2, 3]);
    }

    #[test]
    fn loss_is_of_the_time_since_it_was_asked_last() {
        let mut heard = Heard { now: Some((100, 5)), ..Heard::default() };
        assert_eq!(heard.loss(), None, "of what before, nobody knows");
        heard.now = Some((200, 30));
        assert_eq!(heard.loss(), Some(0.25));
        assert_eq!(heard.loss(), None, "nothing new");
        heard.now = Some((300, 20));
        assert_eq!(heard.loss(), Some(0.0), "what was believed lost had come");
    }
}
