//! Header extensions, read and written: of both forms and of all kinds, of packets that were made up.
//!
//! The first five bytes of the input are how the client numbers its extensions; then come packets, each with its length in two
//! bytes in front of it. What the highest bits of that say: the packet is as it is, or its elements alone are there, in the form of
//! one byte or of two; whether they are written again, as what goes to somebody.

use rtc::plain::{Guard, Numbers, SOURCES, Sending, elements};
use rtc::{Codec, DownPacket, Extensions};
use std::sync::Arc;
use std::time::Instant;

/// Most packets of one input.
const STEPS: usize = 64;

/// Longest packet.
const LONGEST: u16 = 1400;

/// Half of all transport-wide numbers.
const HALF: u32 = 1 << 15;

/// What goes in front of the elements: both forms (RFC 8285 sections 4.2 and 4.3).
const FORMS: [[u8; 2]; 2] = [[0xbe, 0xde], [0x10, 0]];

/// One client and its packets.
pub fn run(input: &[u8]) {
    let Some((numbers, mut rest)) = input.split_first_chunk::<5>() else { return };
    let [mid, number, sent, level, dependency] = numbers.map(|id| id & 15);
    let numbers = Numbers { mid, number, sent, level, dependency };
    let now = Instant::now();
    let (mut guard, mut sending) = (Guard::new(numbers), Sending::new(numbers, now));
    let mut newest: Option<u16> = None;
    for step in 0..STEPS {
        let Some((head, after)) = rest.split_first_chunk::<2>() else { break };
        let head = u16::from_be_bytes(*head);
        let length = usize::from((head & 0x7ff) % LONGEST).min(after.len());
        let (bytes, left) = after.split_at(length);
        rest = left;
        let packet = match head >> 14 {
            0 | 1 => bytes.to_vec(),
            form => with_elements(FORMS[usize::from(form & 1)], bytes),
        };
        let found: Vec<(u8, &[u8])> = elements(&packet).collect();
        let all: usize = found.iter().map(|(_, value)| value.len() + 1).sum();
        assert!(all <= packet.len());
        assert_eq!(found, read(&packet), "as by the standard");
        if guard.admits(&packet) {
            newest = count(&mut guard, numbers, &found, newest);
        }
        if head & 0x2000 != 0 {
            write(&mut sending, numbers, now, 100 + step, &found, bytes);
        }
    }
}

/// A packet of those elements alone.
fn with_elements(form: [u8; 2], elements: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend(form);
    packet.extend(u16::try_from(elements.len().div_ceil(4)).unwrap_or(0).to_be_bytes());
    packet.extend(elements);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet
}

/// Another reading, byte by byte: what a stack may find.
fn read(packet: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let Some(first) = packet.first().filter(|first| **first & 0x10 != 0) else { return found };
    let start = 12 + 4 * usize::from(first & 15);
    let Some(head) = packet.get(start..start + 4) else { return found };
    let end = start + 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    let two = head[0] == 0x10 && head[1] >> 4 == 0;
    if end > packet.len() || !(two || head[..2] == FORMS[0]) {
        return found;
    }
    let mut at = start + 4;
    while at < end {
        if packet[at] == 0 {
            at += 1;
            continue;
        }
        let (id, length, head) = match two {
            true if at + 1 < end => (packet[at], usize::from(packet[at + 1]), 2),
            true => break,
            false => (packet[at] >> 4, usize::from(packet[at] & 15) + 1, 1),
        };
        if !two && id == 15 || at + head + length > end {
            break;
        }
        found.push((id, &packet[at + head..at + head + length]));
        at += head + length;
    }
    found
}

/// The stack finds a transport-wide number where the client puts it, the last one of several, and extends it by the largest: none
/// that was admitted may lie before zero.
fn count(guard: &mut Guard, numbers: Numbers, found: &[(u8, &[u8])], newest: Option<u16>) -> Option<u16> {
    let is_it = |(id, value): &&(u8, &[u8])| *id == numbers.number && value.len() >= 2;
    // One number for two things is the last of them.
    let is_clear = ![numbers.sent, numbers.level, numbers.dependency].contains(&numbers.number);
    let last = found.iter().rfind(is_it).filter(|_| numbers.number != 0 && is_clear);
    let Some((_, value)) = last else { return newest };
    let number = u16::from_be_bytes([value[0], value[1]]);
    if let Some(before) = newest {
        let is_below_zero = u32::from(before) < HALF && u32::from(number) > u32::from(before) + HALF;
        assert!(!is_below_zero, "{number} after {before}");
    }
    guard.note_unsealed(number);
    // From half of all on there is nothing below zero any more, which is as if it stayed there.
    Some(newest.map_or(number, |before| before.max(number)))
}

/// What goes to somebody can be read, and holds what it should.
fn write(
    sending: &mut Sending,
    numbers: Numbers,
    now: Instant,
    sequence: usize,
    found: &[(u8, &[u8])],
    instead: &[u8],
) {
    let level = found.first().and_then(|(_, value)| value.first()).copied();
    let descriptor = found.last().map(|(_, value)| *value).filter(|value| !value.is_empty());
    let extensions = Extensions::inside(level, descriptor);
    let other = (1..256).contains(&instead.len()).then_some(instead);
    let payload: Arc<[u8]> = vec![0x90; 10].into();
    let packet = DownPacket {
        codec: Codec::Av1,
        profile: 0,
        sequence: u64::try_from(sequence).unwrap_or(0),
        timestamp: 3000,
        wallclock: now,
        marker: true,
        payload: &payload,
        vp8: None,
        extensions: &extensions,
        dependency: other,
        playout: None,
    };
    assert!(sending.write(now, 0, &packet));
    let datagram = sending.poll_datagram().expect("what is not paced leaves at once");
    assert_eq!(datagram[8..12], SOURCES[0].to_be_bytes());
    let written: Vec<_> = elements(&datagram).collect();
    assert_eq!(written, read(&datagram), "as by the standard");
    let value = |id: u8| written.iter().find(|(of, _)| *of == id).map(|(_, value)| *value);
    if numbers.dependency != 0 {
        assert_eq!(value(numbers.dependency), other.or(descriptor));
    }
}
