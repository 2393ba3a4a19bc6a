//! What a client says of what it receives, and what is done about it.

use super::rtcp::{self, Feedback};
use super::source::Source;
use super::{OLDEST, Outgoing};
use crate::packet::Dropped;
use crate::peer::Event;
use std::time::{Duration, Instant};

/// A packet is sent again not sooner than after a round trip, or this.
const AGAIN: Duration = Duration::from_millis(20);

impl Outgoing {
    /// Whether there are keys for what the client sends.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes RTCP of the client. Whether there is anything in it about what the client sends, or why it was thrown away.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, datagram: &[u8]) -> Result<bool, Dropped> {
        let Some(open) = &mut self.open else { return Ok(true) };
        let Some(plain) = open.rtcp(datagram) else { return Err(Dropped::ControlSeal) };
        self.hear_plain(now, &plain)
    }

    /// The same without its seal.
    pub(crate) fn hear_plain(&mut self, now: Instant, plain: &[u8]) -> Result<bool, Dropped> {
        let is_whole = rtcp::read(plain, &mut |feedback| self.hear(now, feedback));
        match rtcp::is_from_sender(plain) {
            false if !is_whole => Err(Dropped::ControlGarbage),
            is_for_stack => Ok(is_for_stack),
        }
    }

    fn hear(&mut self, now: Instant, feedback: Feedback<'_>) {
        match feedback {
            Feedback::Reception { ssrc, cumulative_lost, highest, last_report, since_last_report } => {
                let ntp = self.clock.ntp(now);
                let Some(source) = self.of(ssrc) else { return };
                source.heard.now = Some((highest, cumulative_lost));
                let middle = u32::try_from(ntp >> 16 & 0xffff_ffff).unwrap_or_default();
                let trip = middle.wrapping_sub(last_report).wrapping_sub(since_last_report);
                // In parts of 2^16 of a second; what is longer than a minute is no round trip.
                if last_report != 0 && trip < 60 << 16 {
                    source.heard.round_trip = Some(Duration::from_secs_f64(f64::from(trip) / 65_536.0));
                }
            }
            Feedback::Missing { ssrc, numbers } => {
                let Some(section) = self.section_of(ssrc) else { return };
                if let Some(source) = self.of(ssrc) {
                    source.heard.nacks += 1;
                }
                numbers.for_each(|number| self.repeat(now, section, number));
            }
            Feedback::KeyFrame { ssrc } => self.want_key_frame(ssrc),
            Feedback::FullIntra { ssrc, command } => {
                let Some(source) = self.of(ssrc) else { return };
                if source.heard.intra.replace(command) != Some(command) {
                    self.want_key_frame(ssrc);
                }
            }
            Feedback::Arrivals(arrivals) => {
                if let Some(estimator) = &mut self.estimator {
                    (self.is_counted, self.limit) = (true, None);
                    estimator.on_feedback(now, &arrivals);
                    self.last_estimate = estimator.estimate();
                    self.tell(now);
                    self.probe(now);
                }
            }
            Feedback::Limit { bits } => {
                if !self.is_counted {
                    self.limit = Some(bits);
                    // The last word counts, however many there are.
                    self.events.retain(|event| !matches!(event, Event::Bandwidth(_)));
                    self.events.push_back(Event::Bandwidth(bits));
                }
            }
        }
    }

    fn want_key_frame(&mut self, ssrc: u32) {
        let Some(section) = self.section_of(ssrc) else { return };
        if let Some(source) = self.of(ssrc) {
            source.heard.key_frames += 1;
            // A datagram has room for a hundred of the same wish.
            let is_it = |event: &Event| matches!(event, Event::KeyFrameWanted { section: of } if *of == section);
            if !self.events.iter().any(is_it) {
                self.events.push_back(Event::KeyFrameWanted { section });
            }
        }
    }

    /// The stream that comes from a source; of its retransmissions nothing is heard that matters.
    fn of(&mut self, ssrc: u32) -> Option<&mut Source> {
        self.sources.iter_mut().flatten().find(|source| source.ssrc == ssrc).map(Box::as_mut)
    }

    fn section_of(&self, ssrc: u32) -> Option<u16> {
        let is = |source: &Option<Box<Source>>| source.as_ref().is_some_and(|source| source.ssrc == ssrc);
        u16::try_from(self.sources.iter().position(is)?).ok()
    }

    /// Sends a packet again that the client misses.
    fn repeat(&mut self, now: Instant, section: u16, number: u16) {
        let millis = self.clock.millis(now);
        let (transport, sent) = self.stamp(now, section);
        let source = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut);
        let (Some(source), Some(seal)) = (source, &self.seal) else { return };
        let Some(sequence) = source.extended(number) else { return };
        let round_trip = source.heard.round_trip.unwrap_or_default();
        let Some(packet) = source.history.get(sequence) else { return };
        // What seems to be half of seven weeks ago was sent a moment early.
        let since = |at: u32| Duration::from_millis(u64::try_from(millis.wrapping_sub(at).cast_signed()).unwrap_or(0));
        let is_soon = packet.again > 0 && since(packet.again) < round_trip.max(AGAIN);
        if is_soon || since(packet.sent) > OLDEST.max(3 * round_trip) {
            return;
        }
        let Some(repeatable) = self.repeatable.checked_sub(packet.payload.len()) else { return };
        self.repeatable = repeatable;
        packet.again = millis;
        if let Some(datagram) = source.repeated(seal, sequence, transport, sent) {
            self.leaves(now, transport.is_some(), datagram);
        }
    }
}
