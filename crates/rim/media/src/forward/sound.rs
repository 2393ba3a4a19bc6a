//! The packet path of sound.
//!
//! Redundant packets (RFC 2198) go as they are to whoever reads them. The others get what is in them, and what a lost packet
//! held out of the one behind it.

use super::Up;
use super::down::{Arrival as Arrived, Down, Outgoing, Subscriber, Way};
use crate::session::Session;
use rtc::{Codec, Extensions};
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
    pub(super) fn sound(&mut self, arrival: &Arrived<'_>, way: &mut Way<'_, impl FnMut(PeerKey, &mut Session)>) {
        let packet = arrival.packet;
        let redundant = packet.codec == Codec::Red;
        let order = self.gaps.on_packet(packet.sequence);
        if order == Arrival::Restart {
            // Nobody's numbers lead from the former ones to these.
            self.downs.iter_mut().for_each(Down::begin_anew);
        }
        // Made once, when the first of those needs it.
        let mut stripped: Option<Option<Stripped>> = None;
        let reports = self.encodings[0].reports;
        let mut filled = false;
        let now = way.now;
        for far in self.waves() {
            for down in self.downs.iter_mut().filter(|down| down.far == far && !down.setting.disabled && down.ready) {
                if !redundant || down.takes.contains(Codec::Red) {
                    if order == Arrival::Repeated && !down.takes.contains(Codec::Red) {
                        continue;
                    }
                    if let Some(out) = down.place(arrival.rtp(), &reports, now) {
                        way.visit(down.peer, |to| down.send(packet, &Outgoing::new(arrival, out), to));
                    }
                    continue;
                }
                let held = stripped.get_or_insert_with(|| Stripped::new(&packet.payload, order));
                let Some(held) = held else {
                    down.munger.skip(packet.sequence);
                    continue;
                };
                if order != Arrival::Repeated {
                    way.visit(down.peer, |to| filled |= down.unfold(arrival, held, &reports, now, to));
                }
            }
            if far {
                way.depart();
            }
        }
        if filled {
            self.gaps.fill(packet.sequence - 1);
        }
    }
}

impl Down {
    /// Sends what a redundant packet holds to one who does not read such. Returns whether a lost packet was among it.
    fn unfold(
        &mut self,
        arrival: &Arrived<'_>,
        held: &Stripped,
        reports: &sfu::munger::Reports,
        now: Instant,
        to: &mut Subscriber<'_>,
    ) -> bool {
        let (packet, rtp) = (arrival.packet, arrival.rtp());
        let mut filled = false;
        if let Some((sound, behind)) = held.lost.as_ref().filter(|_| self.following) {
            let before = Rtp { seq: rtp.seq - 1, timestamp: rtp.timestamp.wrapping_sub(*behind) };
            if let Some(out) = self.munger.forward(before, now) {
                let earlier = Duration::from_secs_f64(f64::from(*behind) / f64::from(super::AUDIO_CLOCK));
                let wallclock = arrival.wallclock.checked_sub(earlier).unwrap_or(arrival.wallclock);
                let extensions = Extensions::default();
                let of = Outgoing::new(arrival, out);
                let out = Outgoing {
                    codec: Codec::Opus,
                    payload: sound,
                    marker: false,
                    extensions: &extensions,
                    wallclock,
                    ..of
                };
                self.send(packet, &out, to);
                filled = true;
            }
        }
        if let Some(out) = self.place(rtp, reports, now) {
            let of = Outgoing::new(arrival, out);
            let out = Outgoing { codec: Codec::Opus, payload: &held.sound, ..of };
            self.send(packet, &out, to);
        }
        filled
    }

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
