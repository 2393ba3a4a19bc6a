//! What somebody says of what it receives, once its seal is off: reports, what it misses, key frames, limits and arrivals, as
//! compound packets of any shape. Nothing it says makes us send more than a multiple of what it gets, or never rest.
//!
//! The input is a row of steps: one byte says what happens, two more how long it is, and then it follows.

use rtc::plain::{Numbers, REPAIRS, SOURCES, Sending};
use rtc::{Codec, DownPacket, Event, Extensions, Vp8Rewrite};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::rtp::rtcp::Rtcp;

/// Most steps of one input.
const STEPS: usize = 100;

/// Longest packet.
const LONGEST: usize = 1400;

/// What may be sent again at once, in bytes, and how many deadlines may pass in a step.
const REPEATED: usize = 300_000;
const DEADLINES: usize = 20_000;

/// With an allowance for each packet's header and seal.
const OVERHEAD: usize = 100;

/// One client.
pub fn run(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let mut scene = Scene::new(*first);
    for _ in 0..STEPS {
        let [what, high, low, after @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])) % LONGEST;
        let (bytes, left) = after.split_at(length.min(after.len()));
        rest = left;
        match what & 7 {
            0..=2 => scene.hear(bytes),
            3 => scene.hear(&whole(bytes)),
            4 => (0..=length % 50).for_each(|_| scene.write(0, bytes)),
            5 => scene.write(1, bytes),
            6 => scene.pass(Duration::from_millis(u64::try_from(length).unwrap_or(0))),
            _ => scene.change(*what >> 3, length),
        }
        scene.drain();
    }
    scene.pass(Duration::from_secs(10));
    scene.drain();
}

/// A packet whose length is what it says, about the stream of pictures: more of what is made up is read then.
fn whole(bytes: &[u8]) -> Vec<u8> {
    let mut packet = bytes.to_vec();
    packet.resize(bytes.len().next_multiple_of(4).max(12), 0);
    packet[0] = 0x80 | packet[0] & 0x1f;
    packet[1] = 200 + packet[1] % 8;
    let words = u16::try_from(packet.len() / 4 - 1).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet[8..12].copy_from_slice(&SOURCES[0].to_be_bytes());
    packet
}

struct Scene {
    ours: Sending,
    now: Instant,
    sequence: u64,
    /// Bytes that were written, and that left as retransmissions or padding.
    written: usize,
    repeated: usize,
    /// Padding is asked for, which is sent beside.
    pads: bool,
}

impl Scene {
    fn new(bits: u8) -> Self {
        let number = |bit: u8, id: u8| if bits & bit == 0 { id } else { 0 };
        let numbers = Numbers { mid: 4, number: number(1, 3), sent: number(2, 2), ..Numbers::default() };
        let now = Instant::now();
        let mut scene =
            Self { ours: Sending::new(numbers, now), now, sequence: 100, written: 0, repeated: 0, pads: false };
        scene.ours.pace(bits & 4 != 0);
        (0..20).for_each(|_| scene.write(0, &[0x90; 1000]));
        scene.write(1, &[1; 80]);
        scene
    }

    fn write(&mut self, section: u16, payload: &[u8]) {
        self.sequence += 1;
        self.written += payload.len() + OVERHEAD;
        let payload: Arc<[u8]> = payload.into();
        let packet = DownPacket {
            codec: if section == 0 { Codec::Vp8 } else { Codec::Opus },
            profile: 0,
            sequence: self.sequence,
            timestamp: 3000,
            wallclock: self.now,
            marker: true,
            payload: &payload,
            vp8: Some(Vp8Rewrite::default()),
            extensions: &Extensions::default(),
            dependency: None,
            playout: None,
        };
        self.ours.write(self.now, section, &packet);
    }

    fn hear(&mut self, control: &[u8]) {
        // What is not for us is for the stack, which reads all there is.
        if self.ours.hear(self.now, control) == Ok(true) {
            let _ = Rtcp::try_from(control);
        }
        self.ours.poll_timeout();
    }

    fn change(&mut self, how: u8, length: usize) {
        self.ours.pace(how & 1 != 0);
        self.pads |= how & 2 != 0;
        let bits = u64::try_from(length).unwrap_or(0) * 10_000;
        self.ours.seek_bandwidth(self.now, if how & 2 != 0 { bits.min(500_000) } else { 0 }, bits);
        // What is looked for is sent beside what is written.
        self.pads |= bits > 0;
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for turn in 0.. {
            let Some(due) = self.ours.poll_timeout().filter(|due| *due <= end) else { break };
            assert!(turn < DEADLINES, "time does not pass");
            self.now = due.max(self.now);
            self.ours.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(datagram) = self.ours.poll_datagram() {
            let source =
                datagram.get(8..12).map_or(0, |bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            if source == REPAIRS && !matches!(datagram[1], 192..=223) {
                self.repeated += datagram.len();
            }
        }
        assert!(self.pads || self.repeated <= REPEATED + self.written, "{} for {}", self.repeated, self.written);
        let mut wishes = 0;
        while let Some(event) = self.ours.poll_event() {
            match event {
                // What the client itself says is a wish, and may be anything.
                Event::Bandwidth(_) | Event::Traffic(_) => {}
                Event::Report(report) => {
                    assert!(report.loss.is_none_or(|loss| (0.0..=1.0).contains(&loss)), "{report:?}");
                }
                Event::KeyFrameWanted { section } => {
                    wishes += 1;
                    assert!(section < 2 && wishes <= 2, "the same wish again");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
