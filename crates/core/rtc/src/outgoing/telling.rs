//! What is told: the client what time it is in each stream, the owner how it arrives and what the way carries.

use super::{Outgoing, rtcp};
use crate::packet::Report;
use crate::peer::Event;
use crate::plan::Kind;
use std::time::{Duration, Instant};

/// How often the client hears the time of each stream, with pictures and of sound alone (RFC 3550 section 6.4.1).
const REPORTS: Duration = Duration::from_secs(1);
const SOUND_REPORTS: u32 = 3;

/// A stream that has sent nothing for so long is not reported on.
const REPORTED: Duration = Duration::from_secs(10);

/// Most bytes of a datagram with reports.
const REPORT_BYTES: usize = 1100;

/// A change of the estimate of one in so many is told; a smaller one once a second.
const TOLD: u64 = 50;
const TOLD_AFTER: Duration = Duration::from_secs(1);

impl Outgoing {
    /// Tells of the estimate, if it changed.
    pub(super) fn tell(&mut self, now: Instant) {
        let Some(estimator) = &self.estimator else { return };
        if self.seal.is_none() || !self.sources.iter().flatten().any(|source| source.names.number.is_some()) {
            return;
        }
        let estimate = estimator.estimate();
        let is_news = self.told.is_none_or(|(told, at)| {
            let differs = estimate.abs_diff(told);
            differs > told / TOLD || (differs > 0 && at + TOLD_AFTER <= now)
        });
        if is_news {
            self.told = Some((estimate, now));
            self.events.push_back(Event::Bandwidth(estimate));
        }
    }

    /// Says what time it is in each stream.
    pub(super) fn report(&mut self, now: Instant) {
        let Some(seal) = &mut self.seal else { return };
        let ntp = self.clock.ntp(now);
        let sound_too = self.reports.is_multiple_of(SOUND_REPORTS);
        let mut plain = Vec::new();
        let mut any = false;
        for source in self.sources.iter_mut().flatten() {
            let Some((captured, timestamp, _)) = source.newest.filter(|(_, _, at)| *at + REPORTED > now) else {
                continue;
            };
            any = true;
            if std::mem::replace(&mut source.reported, true) && source.kind == Kind::Audio && !sound_too {
                continue;
            }
            let ticks = |time: Duration| {
                let ticks = time.as_secs_f64() * f64::from(source.rate());
                ticks as u32
            };
            // The clock of the sender is known by what arrived of it, and may be ahead.
            let (since, until) = (now.saturating_duration_since(captured), captured.saturating_duration_since(now));
            let rtp = timestamp.wrapping_add(ticks(since)).wrapping_sub(ticks(until));
            let count = |all: u64| u32::try_from(all & 0xffff_ffff).unwrap_or_default();
            let (packets, octets) = (count(source.packets), count(source.octets));
            rtcp::sender_report(&mut plain, source.ssrc, ntp, rtp, packets, octets, &source.cname);
            if plain.len() > REPORT_BYTES {
                let mut datagram = std::mem::take(&mut plain);
                seal.rtcp(&mut datagram);
                self.datagrams.push_back(datagram);
            }
        }
        if !plain.is_empty() {
            seal.rtcp(&mut plain);
            self.datagrams.push_back(plain);
        }
        self.reports = self.reports.wrapping_add(1);
        self.next_report = any.then_some(now + REPORTS);
    }

    pub(super) fn tell_statistics(&mut self) {
        for (section, source) in (0..).zip(&mut self.sources) {
            let Some(source) = source.as_mut().filter(|source| source.packets > 0) else { continue };
            let loss = source.heard.loss();
            self.events.push_back(Event::Report(Report {
                section,
                up: false,
                layer: 0,
                packets: source.packets,
                bytes: source.octets,
                key_frames_asked: source.heard.key_frames,
                nacks: source.heard.nacks,
                loss,
                jitter: None,
                rtt: source.heard.round_trip,
            }));
        }
    }
}
