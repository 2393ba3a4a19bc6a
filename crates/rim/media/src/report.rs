//! The state of a room's media as the operator sees it.

use crate::detour;
use crate::engine::{Engine, FastMap, Room};
use crate::forward::{Down, Up};
use crate::session::{Connection, Session};
use model::media::Source;
use model::{Identity, RoomId};
use ports::media::report::{
    ConnectionReport, ConnectionState, EncodingReport, Flow, MOST_TRACKS, Page, ParticipantReport, RoomReport,
    RoomSummary, SubscriptionReport, TrackReport,
};
use sfu::layers::SPATIAL;
use signal::{Kind, PeerKey, TrackKey};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What the stack last reported of each stream of a connection. It counts for as long as a section is used, and a client may publish
/// one track after another on one.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<(bool, u16, u8), More>);

/// What was counted of a stream, or since the last report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct More {
    packets: u64,
    bytes: u64,
    pub(crate) key_frames_asked: u64,
    pub(crate) nacks: u64,
}

impl Known {
    /// The stream that is sent on a section is another one from now on.
    pub(crate) fn begin(&mut self, section: u16) {
        self.0.retain(|(up, of, _), _| *up || *of != section);
    }

    /// What is new since the last report of that stream.
    pub(crate) fn take(&mut self, report: &rtc::Report) -> More {
        let &rtc::Report { packets, bytes, key_frames_asked, nacks, .. } = report;
        let all = More { packets, bytes, key_frames_asked, nacks };
        let before = self.0.insert((report.up, report.section, report.layer), all);
        // One that has fewer packets is another one.
        let before = before.filter(|before| before.packets <= packets).unwrap_or_default();
        More {
            packets: packets - before.packets,
            bytes: bytes.saturating_sub(before.bytes),
            key_frames_asked: key_frames_asked.saturating_sub(before.key_frames_asked),
            nacks: nacks.saturating_sub(before.nacks),
        }
    }
}

/// What was reported of a track's stream, and how fast it was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauge {
    flow: Flow,
    at: Option<Instant>,
}

impl Gauge {
    /// A report came, of which so much is new.
    pub(crate) fn take(&mut self, report: &rtc::Report, more: More, now: Instant) {
        let since = self.at.map(|at| now.saturating_duration_since(at)).filter(|since| !since.is_zero());
        let millis = |since: Duration| u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
        self.flow = Flow {
            packets: self.flow.packets + more.packets,
            bytes: self.flow.bytes + more.bytes,
            bits_per_second: since.map(|since| more.bytes.saturating_mul(8000) / millis(since)),
            loss: report.loss,
            jitter: report.jitter,
            key_frames_asked: self.flow.key_frames_asked + more.key_frames_asked,
            nacks: self.flow.nacks + more.nacks,
        };
        self.at = Some(now);
    }
}

impl Engine {
    /// The rooms that exist now.
    pub fn room_list(&self) -> Vec<RoomSummary> {
        let mut rooms: Vec<RoomSummary> = self.rooms.values().map(summary).collect();
        rooms.sort_unstable_by(|a, b| a.room.cmp(&b.room));
        rooms
    }

    /// Everything that can be told of a page of a room's participants.
    pub fn room_report(&mut self, room: &RoomId, page: Page, at: Instant) -> Option<RoomReport> {
        let room = self.rooms.values_mut().find(|known| known.id == *room)?;
        let peers = room.peers_of(page);
        let mut told = room.tracks_of(&peers);
        let participants = peers.iter().filter_map(|peer| {
            let (published, received) = told.remove(peer).unwrap_or_default();
            Some(participant(room.sessions.get(peer)?, at, published, received))
        });
        Some(RoomReport {
            room: room.id.clone(),
            session: room.session.clone(),
            total: room.sessions.len(),
            from: page.from,
            participants: participants.collect(),
        })
    }
}

/// What somebody sends and receives.
type Told = (Vec<TrackReport>, Vec<SubscriptionReport>);

impl Room {
    /// Who is on a page, in the order in which they came.
    fn peers_of(&self, page: Page) -> Vec<PeerKey> {
        let mut peers: Vec<PeerKey> = self.sessions.keys().copied().collect();
        peers.sort_unstable();
        let mut peers: Vec<PeerKey> = peers.into_iter().skip(page.from).take(page.most.clamp(1, Page::MOST)).collect();
        let mut entries: FastMap<PeerKey, usize> = peers.iter().map(|peer| (*peer, 0)).collect();
        for up in self.forward.tracks.values() {
            if let Some(count) = entries.get_mut(&up.owner) {
                *count += up.encodings.len();
            }
            for down in &up.downs {
                if let Some(count) = entries.get_mut(&down.peer) {
                    *count += 1;
                }
            }
        }
        let mut sum = 0;
        let fit = peers.iter().take_while(|peer| {
            sum += entries.get(peer).copied().unwrap_or(0);
            sum <= MOST_TRACKS
        });
        let fit = fit.count();
        // Somebody has to be on it, or there would be no next one.
        peers.truncate(fit.max(1));
        peers
    }

    /// What each of them sends and receives, in the order in which it was published.
    fn tracks_of(&mut self, peers: &[PeerKey]) -> FastMap<PeerKey, Told> {
        let mut told: FastMap<PeerKey, Told> = peers.iter().map(|peer| (*peer, Told::default())).collect();
        let mut tracks: Vec<(&TrackKey, &Up)> = self.forward.tracks.iter().collect();
        tracks.sort_unstable_by_key(|(key, _)| **key);
        let named = tracks.into_iter().filter_map(|(key, up)| Some((self.machine.track_label(*key)?, up)));
        for ((sid, source), up) in named {
            if let Some((published, _)) = told.get_mut(&up.owner) {
                published.push(track(up, sid, source));
            }
            let Some(owner) = self.sessions.get(&up.owner).map(|session| session.identity.clone()) else { continue };
            for down in &up.downs {
                let Some((_, received)) = told.get_mut(&down.peer) else { continue };
                let Some(session) = self.sessions.get_mut(&down.peer) else { continue };
                let queued = session.down().queued(down.section);
                received.push(subscription(up, down, (sid.to_owned(), source, owner.clone()), queued));
            }
        }
        told
    }
}

fn summary(room: &Room) -> RoomSummary {
    RoomSummary {
        room: room.id.clone(),
        session: room.session.clone(),
        participants: room.sessions.len(),
        tracks: room.forward.tracks.len(),
        subscriptions: room.forward.tracks.values().map(|track| track.downs.len()).sum(),
    }
}

fn participant(
    session: &Session,
    at: Instant,
    published: Vec<TrackReport>,
    received: Vec<SubscriptionReport>,
) -> ParticipantReport {
    ParticipantReport {
        identity: session.identity.clone(),
        signalling: session.link.is_some(),
        interruptions: session.watch.resumes,
        score: session.watch.score,
        estimate: session.budget.estimate(),
        connections: connections(session, at),
        published,
        received,
    }
}

fn connections(session: &Session, at: Instant) -> Vec<ConnectionReport> {
    let both = [(false, Some(&session.publisher)), (true, session.subscriber.as_ref())];
    both.into_iter().filter_map(|(subscriber, one)| Some(connection(one?, subscriber, at))).collect()
}

fn connection(connection: &Connection, subscriber: bool, at: Instant) -> ConnectionReport {
    let traffic = connection.traffic.as_ref();
    // The stack knows only the way it likes best; the client may have chosen another.
    let remote = connection.remote().or_else(|| traffic.and_then(|traffic| traffic.remote));
    let detour = remote.as_ref().and_then(detour::kind);
    ConnectionReport {
        subscriber,
        state: match (connection.connected, connection.failed) {
            (_, true) => ConnectionState::Failed,
            (true, false) => ConnectionState::Connected,
            (false, false) => ConnectionState::Connecting,
        },
        transport: match detour {
            Some(detour::Kind::Stream) => "tcp",
            Some(detour::Kind::Relayed) => "relay",
            None => traffic.map_or("", |traffic| traffic.transport),
        },
        local: traffic.and_then(|traffic| traffic.local),
        // What stands for another way is nobody's address.
        remote: remote.filter(|_| detour.is_none()),
        silent_for: at.saturating_duration_since(connection.last_heard()),
        round_trip: traffic.and_then(|traffic| traffic.rtt),
        loss: traffic.and_then(|traffic| traffic.loss),
        bytes_in: traffic.map_or(0, |traffic| traffic.bytes_in),
        bytes_out: traffic.map_or(0, |traffic| traffic.bytes_out),
    }
}

fn track(up: &Up, sid: &str, source: Source) -> TrackReport {
    let encodings = up.encodings.iter().map(|encoding| EncodingReport {
        codec: encoding.codec.mime(),
        running: encoding.running(),
        scalable: encoding.is_scalable(),
        flows: encoding
            .gauges
            .iter()
            .take(if up.kind == Kind::Audio || encoding.is_scalable() { 1 } else { SPATIAL })
            .map(|gauge| gauge.flow)
            .collect(),
    });
    TrackReport {
        sid: sid.to_owned(),
        source,
        muted: up.is_muted(),
        wanted: up.wanted().filter(|_| up.kind == Kind::Video),
        subscribers: up.downs.len(),
        encodings: encodings.collect(),
    }
}

fn subscription(
    up: &Up,
    down: &Down,
    (sid, source, owner): (String, Source, Identity),
    queued: usize,
) -> SubscriptionReport {
    let (layer, target) = if up.kind == Kind::Audio { (None, None) } else { down.layers() };
    SubscriptionReport {
        sid,
        owner,
        source,
        layer,
        target,
        paused: down.is_paused(),
        disabled: down.is_disabled(),
        queued,
        flow: down.gauge.flow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(section: u16, packets: u64, key_frames_asked: u64) -> rtc::Report {
        let (loss, jitter, rtt) = (None, None, None);
        let (bytes, nacks) = (packets * 1000, key_frames_asked * 2);
        rtc::Report { section, up: false, layer: 0, packets, bytes, key_frames_asked, nacks, loss, jitter, rtt }
    }

    #[test]
    fn what_one_track_after_another_on_a_section_is_asked_for_is_counted_once() {
        let mut known = Known::default();
        let start = Instant::now();
        let mut first = Gauge::default();
        for (second, (packets, asked)) in [(100, 3), (200, 4)].into_iter().enumerate() {
            let report = report(0, packets, asked);
            let more = known.take(&report);
            first.take(&report, more, start + Duration::from_secs(second as u64));
        }
        assert_eq!((first.flow.packets, first.flow.key_frames_asked, first.flow.nacks), (200, 4, 8));
        assert_eq!(first.flow.bits_per_second, Some(800_000));

        let mut second = Gauge::default();
        let next = report(0, 210, 5);
        let more = known.take(&next);
        assert_eq!((more.key_frames_asked, more.nacks), (1, 2));
        second.take(&next, more, start + Duration::from_secs(3));
        assert_eq!((second.flow.packets, second.flow.bytes, second.flow.key_frames_asked), (10, 10_000, 1));

        assert_eq!(known.take(&report(1, 50, 2)).key_frames_asked, 2, "another section");
        known.begin(1);
        assert_eq!(known.take(&report(1, 60, 3)).key_frames_asked, 3, "another stream to the client");
        assert_eq!(known.take(&report(0, 20, 1)).key_frames_asked, 1, "a section that counts anew");
    }

    #[test]
    fn a_rate_is_known_from_the_second_report_on() {
        let (mut known, mut gauge, begun) = (Known::default(), Gauge::default(), Instant::now());
        assert_eq!(gauge.flow.bits_per_second, None);
        let rates = [(5, 900), (10, 1000), (15, 1000)].map(|(seconds, packets)| {
            let report = report(0, packets, 0);
            let more = known.take(&report);
            gauge.take(&report, more, begun + Duration::from_secs(seconds));
            gauge.flow.bits_per_second
        });
        assert_eq!(rates, [None, Some(160_000), Some(0)]);
    }
}
