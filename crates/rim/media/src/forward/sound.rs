//! The packet path of sound.
//!
//! Redundant packets (RFC 2198) go as they are to whoever reads them. The others get what is in them, and what a lost packet
//! held out of the one behind it.

use super::choice::waves;
use super::down::{Arrival as Arrived, Down, Outgoing, Subscriber, Way};
use super::{Forward, Up};
use crate::session::Session;
use rtc::{Codec, Extensions};
use sfu::layers::Layer;
use sfu::munger::{Reports, Rtp};
use sfu::red::{self, Arrival};
use signal::{PeerKey, TrackKey};
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

/// A packet of sound on its way to everybody who gets it.
pub(super) struct Sounding<'a> {
    pub(super) key: TrackKey,
    arrival: Arrived<'a>,
    order: Arrival,
    reports: Reports,
    /// Made once, when the first of those needs it who do not read redundant packets.
    stripped: Option<Option<Stripped>>,
    /// A lost packet was in it, and somebody was sent that.
    filled: bool,
}

impl Up {
    /// Takes note of a packet that is about to be sent.
    pub(super) fn sounding<'a>(&mut self, key: TrackKey, arrival: Arrived<'a>) -> Sounding<'a> {
        let order = self.gaps.on_packet(arrival.packet.sequence);
        if order == Arrival::Restart {
            // Nobody's numbers lead from the former ones to these.
            self.downs.iter_mut().for_each(Down::begin_anew);
        }
        Sounding { key, arrival, order, reports: self.encodings[0].reports, stripped: None, filled: false }
    }
}

impl Forward {
    /// Sends a packet of each of some tracks to everybody who gets them.
    pub(super) fn serve(&mut self, round: &mut [Sounding<'_>], way: &mut Way<'_, impl FnMut(PeerKey, &mut Session)>) {
        let tracks = &mut self.tracks;
        let is_far = |sounding: &Sounding<'_>| tracks.get(&sounding.key).is_some_and(|track| track.far > 0);
        for far in waves(round.iter().any(is_far)) {
            for sounding in &mut *round {
                let Some(track) = tracks.get_mut(&sounding.key) else { continue };
                for down in track.downs.iter_mut().filter(|down| down.far == far && down.hears()) {
                    way.visit(down.peer, |to| down.sound(sounding, to));
                }
            }
            if far {
                way.depart();
            }
        }
        for sounding in round.iter().filter(|sounding| sounding.filled) {
            if let Some(track) = tracks.get_mut(&sounding.key) {
                track.gaps.fill(sounding.arrival.packet.sequence - 1);
            }
        }
    }
}

impl Down {
    fn hears(&self) -> bool {
        self.ready && !self.setting.disabled
    }

    /// Sends a packet as the subscriber reads it.
    fn sound(&mut self, sounding: &mut Sounding<'_>, to: &mut Subscriber<'_>) {
        let Sounding { arrival, order, reports, stripped, filled, .. } = sounding;
        let packet = arrival.packet;
        let reads_redundant = self.takes.contains(Codec::Red);
        if packet.codec != Codec::Red || reads_redundant {
            if (*order != Arrival::Repeated || reads_redundant)
                && let Some(out) = self.place(arrival.rtp(), reports, to.now)
            {
                self.send(packet, &Outgoing::new(arrival, out), to);
            }
            return;
        }
        match stripped.get_or_insert_with(|| Stripped::new(&packet.payload, *order)) {
            None => self.munger.skip(packet.sequence),
            Some(held) if *order != Arrival::Repeated => *filled |= self.unfold(arrival, held, reports, to),
            Some(_) => {}
        }
    }

    /// Sends what a redundant packet holds to one who does not read such. Returns whether a lost packet was among it.
    fn unfold(&mut self, arrival: &Arrived<'_>, held: &Stripped, reports: &Reports, to: &mut Subscriber<'_>) -> bool {
        let (packet, rtp, now) = (arrival.packet, arrival.rtp(), to.now);
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
    fn place(&mut self, rtp: Rtp, reports: &Reports, now: Instant) -> Option<Rtp> {
        if self.following {
            return self.munger.forward(rtp, now);
        }
        let out = self.munger.switch(Layer::Low, rtp, reports, now);
        self.following = out.is_some();
        out
    }
}
