//! The packet path of sound.
//!
//! Redundant packets (RFC 2198) go as they are to whoever reads them. The others get what is in them, and what a lost packet
//! held out of the one behind it.

use super::Up;
use super::down::{Down, Outgoing, Way};
use rtc::{Codec, Extensions, UpPacket};
use sfu::layers::Layer;
use sfu::munger::Rtp;
use sfu::red::{self, Arrival};
use signal::PeerKey;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a redundant packet holds for those who do not read it.
struct Stripped {
    sound: Arc<[u8]>,
    /// The packet before, and how much older it is in ticks, if that one was lost.
    lost: Option<(Arc<[u8]>, u32)>,
}

impl Stripped {
    /// `None` if there is nothing in it.
    fn new(payload: &[u8], arrival: Arrival) -> Option<Self> {
        let cut = |range: std::ops::Range<usize>| payload.get(range).map(Arc::from);
        let sound = cut(red::primary(payload)?.range)?;
        let previous = red::previous(payload).filter(|_| arrival == Arrival::Gap);
        Some(Self { sound, lost: previous.and_then(|previous| Some((cut(previous.range)?, previous.behind))) })
    }
}

impl Up {
    pub(super) fn sound(&mut self, packet: &UpPacket, way: &mut Way<'_, impl FnMut(PeerKey, bool)>) {
        let redundant = packet.codec == Codec::Red;
        let arrival = self.gaps.on_packet(packet.sequence);
        // Made once, when the first of those needs it.
        let mut stripped: Option<Option<Stripped>> = None;
        let reports = self.encodings[0].reports;
        let mut filled = false;
        for down in self.downs.iter_mut().filter(|down| !down.setting.disabled && down.ready) {
            let rtp = Rtp { seq: packet.sequence, timestamp: packet.timestamp };
            if !redundant || down.takes.contains(Codec::Red) {
                if arrival == Arrival::Repeated && !down.takes.contains(Codec::Red) {
                    continue;
                }
                if let Some(out) = down.place(rtp, &reports, way.now) {
                    down.send(packet, &Outgoing::new(packet, out, way.wallclock), way);
                }
                continue;
            }
            let held = stripped.get_or_insert_with(|| Stripped::new(&packet.payload, arrival));
            let Some(held) = held else {
                down.munger.skip(rtp.seq);
                continue;
            };
            if arrival == Arrival::Repeated {
                continue;
            }
            if let Some((sound, behind)) = held.lost.as_ref().filter(|_| down.following) {
                let before = Rtp { seq: rtp.seq - 1, timestamp: rtp.timestamp.wrapping_sub(*behind) };
                if let Some(out) = down.munger.forward(before, way.now) {
                    let earlier = Duration::from_secs_f64(f64::from(*behind) / f64::from(super::AUDIO_CLOCK));
                    let wallclock = way.wallclock.checked_sub(earlier).unwrap_or(way.wallclock);
                    let extensions = Extensions::default();
                    let of = Outgoing::new(packet, out, wallclock);
                    let out =
                        Outgoing { codec: Codec::Opus, payload: sound, marker: false, extensions: &extensions, ..of };
                    down.send(packet, &out, way);
                    filled = true;
                }
            }
            if let Some(out) = down.place(rtp, &reports, way.now) {
                let of = Outgoing::new(packet, out, way.wallclock);
                let out = Outgoing { codec: Codec::Opus, payload: &held.sound, ..of };
                down.send(packet, &out, way);
            }
        }
        if filled {
            self.gaps.fill(packet.sequence - 1);
        }
    }
}

impl Down {
    /// The numbers of the next packet of sound.
    fn place(&mut self, rtp: Rtp, reports: &sfu::munger::Reports, now: Instant) -> Option<Rtp> {
        if self.following {
            return self.munger.forward(rtp, now);
        }
        let out = self.munger.switch(Layer::Low, rtp, reports, now);
        self.following = out.is_some();
        out
    }
}
