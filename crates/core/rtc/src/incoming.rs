//! What the stack has to say, in the words of this crate: packets, reports, messages.

use crate::packet::{Dropped, Extensions, Report, SenderReport, Traffic, UpPacket};
use crate::peer::{Channel, Event, Peer};
use crate::plan::Kind;
use std::time::{Duration, Instant, SystemTime};
use str0m::Event as StackEvent;
use str0m::net::Protocol;
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::stats::PeerStats;

/// Longest payload that is taken, in bytes: what encoders send fits an Ethernet frame, and the stack has no more than 2000
/// for a packet with everything that is put in front of it on the way out.
const MAX_PAYLOAD: usize = 1500;

/// Who comes so much too early or too late is no jitter: the stream stood still or its clock began anew.
const MAX_DEVIATION: Duration = Duration::from_secs(1);

/// Sources whose place has to be looked up again, at most. A client has a few for each track.
const MAX_FORMER: usize = 256;

/// A jump of the numbers beyond this is no loss: the stream begins anew (RFC 3550 appendix A.1, `MAX_DROPOUT`).
const MAX_GAP: u64 = 3000;

/// Where packets of a source belong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) section: u16,
    pub(crate) layer: u8,
    pub(crate) alone: bool,
    arrived: Arrived,
}

/// How many packets of a stream came, of how many, and how evenly. The stack lets each number pass once, those that were sent
/// again too, so what was repaired is not lost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arrived {
    highest: Option<u64>,
    expected: u64,
    received: u64,
    /// Expected and lost as of the last report.
    before: (u64, u64),
    rhythm: Rhythm,
}

/// When a packet was sent, by the clock of its stream, and when it came.
#[derive(Debug, Clone, Copy)]
struct Moment {
    timestamp: u32,
    /// Ticks of the timestamp in a second.
    clock: u32,
    arrival: Instant,
}

/// How evenly the packets of a stream come (RFC 3550 section 6.4.1 and appendix A.8). The stack's own figure is also of what
/// came twice or was sent again, with which browsers look for bandwidth, and says nothing of the network.
#[derive(Debug, Clone, Copy, Default)]
struct Rhythm {
    newest: Option<Moment>,
    /// In microseconds.
    jitter: f64,
    /// It is of packets that came since it was asked last.
    is_fresh: bool,
}

impl Rhythm {
    /// A packet came whose number is higher than all before.
    fn note(&mut self, now: Moment) {
        let Some(before) = self.newest else {
            self.newest = Some(now);
            return;
        };
        // Packets of one picture are sent one after another: the first counts.
        if now.timestamp == before.timestamp {
            return;
        }
        self.newest = Some(now);
        let sent = f64::from(now.timestamp.wrapping_sub(before.timestamp).cast_signed()) / f64::from(now.clock);
        let came = now.arrival.saturating_duration_since(before.arrival);
        let deviation = (came.as_secs_f64() - sent).abs();
        if deviation < MAX_DEVIATION.as_secs_f64() {
            self.jitter += (deviation * 1e6 - self.jitter) / 16.0;
            self.is_fresh = true;
        }
    }

    /// The jitter, if anything came since it was asked last.
    fn read(&mut self) -> Option<Duration> {
        std::mem::take(&mut self.is_fresh).then(|| Duration::from_secs_f64(self.jitter / 1e6))
    }
}

impl Arrived {
    /// A packet with that extended number came.
    fn note(&mut self, number: u64, moment: Moment) {
        let highest = self.highest.unwrap_or(number.wrapping_sub(1));
        let ahead = number.wrapping_sub(highest);
        let behind = highest.wrapping_sub(number);
        self.received += 1;
        if behind <= MAX_GAP {
            return;
        }
        self.highest = Some(number);
        if ahead <= MAX_GAP {
            self.expected += ahead;
        } else {
            self.expected += 1;
            self.rhythm.newest = None;
        }
        self.rhythm.note(moment);
    }

    /// Share of packets lost since the last time this was asked; `None` if there was none to lose.
    fn loss(&mut self) -> Option<f32> {
        let lost = self.expected.saturating_sub(self.received);
        let (expected_before, lost_before) = std::mem::replace(&mut self.before, (self.expected, lost));
        let expected = self.expected - expected_before;
        let lost = lost.saturating_sub(lost_before);
        #[allow(clippy::cast_precision_loss)]
        let share = lost as f32 / expected as f32;
        (expected > 0).then(|| share.min(1.0))
    }
}

impl Peer {
    pub(crate) fn translate(&mut self, event: StackEvent, now: Instant) -> Option<Event> {
        match event {
            StackEvent::Connected => {
                // Only now: before, the client was not known to be the one that described itself.
                if let Some(keys) = self.keys.get() {
                    self.outgoing.set_keys(keys, now);
                }
                Some(Event::Connected)
            }
            StackEvent::RtpPacket(packet) => {
                self.unread = self.unread.saturating_sub(1);
                if let Some(number) = packet.header.ext_vals.transport_cc {
                    self.numbers.note_unsealed(number);
                }
                Some(self.packet(packet).map_or_else(Event::Dropped, Event::Packet))
            }
            StackEvent::ChannelOpen(id, label) => {
                let channel = Channel::from_label(&label)?;
                self.channels.insert(id, channel);
                Some(Event::ChannelOpen(channel))
            }
            StackEvent::ChannelData(data) => {
                let channel = *self.channels.get(&data.id)?;
                Some(Event::Message(channel, data.data))
            }
            StackEvent::ChannelClose(id) => {
                self.channels.remove(&id);
                None
            }
            StackEvent::MediaIngressStats(stats) => {
                let section = *self.by_mid.get(&stats.mid)?;
                let (packets, rtt) = (stats.packets, stats.rtt);
                let layer = stats.rid.and_then(|rid| self.sections[usize::from(section)].layer_of(&rid)).unwrap_or(0);
                // The stack's own loss is of the time since its last receiver report, which is a part of the interval.
                let mut streams = self.streams.values_mut();
                let stream = streams.find(|stream| (stream.section, stream.layer) == (section, layer));
                let (loss, jitter) =
                    stream.map_or((None, None), |stream| (stream.arrived.loss(), stream.arrived.rhythm.read()));
                let (bytes, nacks, key_frames_asked) = (stats.bytes, stats.nacks, stats.plis + stats.firs);
                let report =
                    Report { section, up: true, layer, packets, bytes, key_frames_asked, nacks, loss, jitter, rtt };
                Some(Event::Report(report))
            }
            StackEvent::PeerStats(stats) => {
                let (loss, round_trip) = self.outgoing.quality();
                // What nothing was heard of in the interval is of another time.
                let round_trip = round_trip.filter(|_| loss.is_some());
                let of_all = traffic(&stats);
                let bytes_in = of_all.bytes_in + self.kept;
                let bytes_out = of_all.bytes_out + self.outgoing.bytes();
                Some(Event::Traffic(Traffic { bytes_in, bytes_out, loss, rtt: round_trip.or(of_all.rtt), ..of_all }))
            }
            StackEvent::Closed => Some(Event::Closed),
            _ => None,
        }
    }

    fn packet(&mut self, packet: RtpPacket) -> Result<UpPacket, Dropped> {
        if packet.payload.len() > MAX_PAYLOAD {
            return Err(Dropped::TooLong);
        }
        let ssrc = packet.header.ssrc;
        if !self.streams.contains_key(&ssrc) {
            self.discover(ssrc).ok_or(Dropped::OddSource)?;
        }
        let stream = self.streams.get_mut(&ssrc).ok_or(Dropped::OddSource)?;
        let section = &self.sections[usize::from(stream.section)];
        let clock = if section.kind == Kind::Audio { 48_000 } else { 90_000 };
        let moment = Moment { timestamp: packet.header.timestamp, clock, arrival: packet.timestamp };
        stream.arrived.note(*packet.seq_no, moment);
        let format = section.formats.iter().find(|format| format.pt == packet.header.payload_type);
        let format = format.ok_or(Dropped::OddFormat)?;
        let sender_report = packet.last_sender_info.map(|info| SenderReport {
            ntp_micros: info
                .ntp_time
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0)),
            rtp: low_bits(info.rtp_time.numer()),
        });
        Ok(UpPacket {
            section: stream.section,
            layer: stream.layer,
            alone: stream.alone,
            codec: format.codec,
            profile: format.profile,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            arrival: packet.timestamp,
            captured: None,
            audio_level: packet.header.ext_vals.audio_level.map(i8::unsigned_abs),
            sender_report,
            extensions: Extensions::end_to_end(packet.header.ext_vals, format.codec),
            payload: packet.payload,
        })
    }

    /// Where packets of such streams belong may have changed.
    pub(crate) fn forget_streams(&mut self, which: impl Fn(&Stream) -> bool) {
        // Whoever takes other sources at every negotiation loses a moment's figures.
        if self.former.len() > MAX_FORMER {
            self.former.clear();
        }
        let gone = self.streams.extract_if(|_, stream| which(stream));
        self.former.extend(gone.map(|(source, stream)| (source, stream.arrived)));
    }

    /// Finds out where packets of a source belong; `None` if nowhere.
    fn discover(&mut self, ssrc: Ssrc) -> Option<()> {
        let (mid, rid) = {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let section = *self.by_mid.get(&mid)?;
        let layer = match rid.as_deref() {
            None => 0,
            Some(rid) => self.sections[usize::from(section)].layer_of(rid)?,
        };
        let arrived = self.former.remove(&ssrc).unwrap_or_default();
        let stream = Stream { section, layer, alone: rid.is_none(), arrived };
        // One source per layer: a new one replaces the old.
        self.streams.retain(|_, known| known.section != section || known.layer != layer);
        self.streams.insert(ssrc, stream);
        Some(())
    }
}

fn traffic(stats: &PeerStats) -> Traffic {
    let pair = stats.selected_candidate_pair.as_ref();
    Traffic {
        bytes_in: stats.peer_bytes_rx,
        bytes_out: stats.peer_bytes_tx,
        rtt: stats.rtt.or_else(|| pair.and_then(|pair| pair.current_round_trip_time)),
        loss: None,
        remote: pair.map(|pair| pair.remote.addr),
        local: pair.map(|pair| pair.local.addr),
        transport: pair.map_or("", |pair| match pair.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::SslTcp => "ssltcp",
            Protocol::Tls => "tls",
        }),
    }
}

/// RTP numbers count modulo 2^32.
fn low_bits(extended: u64) -> u32 {
    u32::try_from(extended & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of video, by number and timestamp, that came so many milliseconds after the first; and the jitter in microseconds.
    #[derive(Default)]
    struct Scene(Arrived);

    impl Scene {
        fn came(&mut self, begun: Instant, packets: impl IntoIterator<Item = (u64, u32, u64)>) -> Option<u128> {
            for (number, timestamp, millis) in packets {
                let arrival = begun + Duration::from_millis(millis);
                self.0.note(number, Moment { timestamp, clock: 90_000, arrival });
            }
            self.0.rhythm.read().map(|jitter| jitter.as_micros())
        }
    }

    /// Three packets each of so many pictures, 40 ms apart, that come as they were sent.
    fn film(pictures: std::ops::Range<u32>) -> impl Iterator<Item = (u64, u32, u64)> {
        pictures.flat_map(|picture| {
            let at = u64::from(picture);
            (0..3).map(move |part| (3 * at + part, picture.wrapping_mul(3600), 40 * at + 4 * part))
        })
    }

    #[test]
    fn loss_is_of_all_packets_since_it_was_asked_last() {
        let mut arrived = Arrived::default();
        let moment = Moment { timestamp: 0, clock: 90_000, arrival: Instant::now() };
        let mut losses = |numbers: &mut dyn Iterator<Item = u64>| {
            numbers.for_each(|number| arrived.note(number, moment));
            arrived.loss()
        };

        assert_eq!(losses(&mut (70_000..70_100)), Some(0.0));
        assert_eq!(losses(&mut (0..0)), None, "nobody knows");
        assert_eq!(losses(&mut (70_100..70_200).filter(|number| number % 4 != 0)), Some(0.25));
        assert_eq!(losses(&mut [70_104, 70_108, 70_200].into_iter()), Some(0.0), "what was believed lost had come");
        assert_eq!(losses(&mut (70_201..70_301).rev()), Some(0.0), "in any order");
        assert_eq!(losses(&mut (70_301..70_401).skip(99)), Some(0.99));
        assert_eq!(losses(&mut (140_001..140_101)), Some(0.0), "it begins anew");
        assert_eq!(losses(&mut (5..55)), Some(0.0), "it begins anew below");
        assert_eq!(losses(&mut (55..105).filter(|number| number % 2 == 0)), Some(0.5));
    }

    #[test]
    fn pictures_that_come_as_they_were_sent_have_no_jitter() {
        assert_eq!(Scene::default().came(Instant::now(), film(0..100)), Some(0));
    }

    #[test]
    fn what_comes_late_or_again_is_no_jitter() {
        let begun = Instant::now();
        let mut scene = Scene::default();
        let late = film(0..100).map(|(number, timestamp, millis)| (number, timestamp, millis + 700));

        // Every packet but the first of each picture is lost and sent again 700 ms later, as are some of the first.
        let first = film(0..100).filter(|(number, ..)| number % 3 == 0);
        let mut all: Vec<_> = first.chain(late.filter(|(number, ..)| number % 3 != 0 || number % 5 == 0)).collect();
        all.sort_by_key(|(_, _, millis)| *millis);
        // Behind the last picture there is none that could have gone by.
        all.truncate(all.iter().rposition(|(number, ..)| *number == 297).unwrap() + 1);

        assert_eq!(scene.came(begun, all), Some(0));
    }

    #[test]
    fn jitter_is_how_much_the_time_between_pictures_differs() {
        let uneven = film(0..500).map(|(number, timestamp, millis)| {
            let picture = number / 3;
            (number, timestamp, millis + if picture % 2 == 0 { 0 } else { 10 })
        });

        assert_eq!(Scene::default().came(Instant::now(), uneven), Some(10_000), "always ten milliseconds");
    }

    #[test]
    fn a_stream_that_stands_still_or_stood_still_has_no_jitter() {
        let begun = Instant::now();
        let mut scene = Scene::default();
        assert_eq!(scene.came(begun, film(0..50)), Some(0));
        assert_eq!(scene.came(begun, []), None, "nothing came");

        let paused = film(50..100).map(|(number, timestamp, millis)| (number, timestamp, millis + 90_000));
        assert_eq!(scene.came(begun, paused), Some(0), "its clock stood still with it");
        let anew = film(0..50).map(|(number, timestamp, millis)| (number + (1 << 20), timestamp, millis + 200_000));
        assert_eq!(scene.came(begun, anew), Some(0), "it begins anew");
    }

    #[test]
    fn jitter_goes_on_where_timestamps_wrap() {
        let around = film(0..50).map(|(number, timestamp, millis)| (number, timestamp.wrapping_sub(90_000), millis));

        assert_eq!(Scene::default().came(Instant::now(), around), Some(0));
    }
}
