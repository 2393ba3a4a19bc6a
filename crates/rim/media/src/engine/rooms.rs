//! The regular work of rooms, and their end.

use super::{ConnectionKey, Engine, RoomKey, Timer};
use crate::budget;
use crate::forward::News;
use crate::line::{Line, Place};
use crate::outputs;
use crate::session::Connection;
use model::RoomId;
use ports::media::MediaEventKind;
use sfu::level::SPEAKER_INTERVAL;
use signal::PeerKey;
use std::time::{Duration, Instant};

/// Regular work of a room: layer liveness, key frames, dynacast.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The same while nobody publishes.
const IDLE_TICK: Duration = Duration::from_secs(1);

/// Nothing heard for so long: the connection failed (media-protocol.md section 4.5).
const SILENCE: Duration = Duration::from_secs(15);

impl Engine {
    pub(super) fn room_timeout(&mut self, key: RoomKey, at: Instant) {
        let now = self.now(at);
        let mut news = News::default();
        let mut silent = Vec::new();
        let Some(room) = self.rooms.get_mut(&key) else { return };
        room.machine.handle_timeout(now);
        self.part_with_the_lost(key, now);
        let Some(room) = self.rooms.get_mut(&key) else { return };
        if room.next_tick <= at {
            room.next_tick = at + if room.forward.tracks.is_empty() { IDLE_TICK } else { TICK };
            room.forward.tick(at, &mut news);
            for peer in budget::share(room, at, &mut news) {
                let Some(session) = room.sessions.get_mut(&peer) else { continue };
                let subscriber = session.subscriber.is_some();
                session.down().mark(&mut self.dirty, ConnectionKey { room: key, peer, subscriber });
            }
            for (peer, session) in room.sessions.iter_mut().filter(|(_, session)| session.inside.is_none()) {
                for subscriber in [false, true] {
                    let Some(connection) = session.connection(subscriber) else { continue };
                    if connection.connected
                        && !connection.failed
                        && at.duration_since(connection.last_heard()) > SILENCE
                    {
                        silent.push(ConnectionKey { room: key, peer: *peer, subscriber });
                    }
                }
            }
        }
        if room.next_speakers <= at {
            room.next_speakers = at + SPEAKER_INTERVAL;
            let changed = room.speakers.update(room.forward.levels(at));
            let changed: Vec<(PeerKey, f32)> = changed
                .into_iter()
                .map(|speaker| (speaker.who, if speaker.active { speaker.level } else { 0.0 }))
                .collect();
            if !changed.is_empty() {
                room.machine.speakers(&changed);
                self.note_speakers(key, &changed, at);
            }
        }
        let Some(room) = self.rooms.get_mut(&key) else { return };
        if room.next_quality <= at {
            room.next_quality = at + sfu::quality::WINDOW;
            let sessions = &room.sessions;
            let heard = |peer: PeerKey| {
                sessions.get(&peer).is_some_and(|session| {
                    at.saturating_duration_since(session.publisher.last_heard()) < sfu::quality::WINDOW
                })
            };
            let scores = room.forward.scores(at, heard);
            for (peer, score) in scores {
                let quality = sfu::quality::quality(score);
                room.machine.quality(peer, quality as u8, sfu::quality::mean_opinion(score));
                if let Some(session) = room.sessions.get_mut(&peer) {
                    session.watch.score = Some(score);
                }
            }
            self.keep_diaries(key, at);
        }
        for key in silent {
            self.failed(key, at);
        }
        self.spread(key, news, at);
        self.settle(key, at);
        self.tend_insiders(key, at);
    }

    /// Carries out what a room's machine wants, sets its timer, and drops it when nobody is left.
    pub(crate) fn settle(&mut self, key: RoomKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let after = outputs::carry_out(room, now, &self.events);
        for (peer, protocol) in after.switches {
            self.switch(key, peer, protocol, at);
        }
        for peer in after.gone {
            self.close_watch(key, peer, at);
            self.drop_session(key, peer);
        }
        for (peer, subscriber) in after.touched {
            self.register(ConnectionKey { room: key, peer, subscriber });
        }
        self.spread(key, after.news, at);
        if let Some(room) = self.rooms.get(&key) {
            let due = [room.machine.poll_timeout(), Some(room.next_tick)].into_iter().flatten().min();
            if let Some(due) = due {
                self.timers.arm(Timer::Room(key), due);
            }
        }
        self.drop_if_over(key);
    }

    pub(crate) fn drop_session(&mut self, room_key: RoomKey, peer: PeerKey) {
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let Some(session) = room.sessions.remove(&peer) else { return };
        metrics::gauge!("media_sessions").decrement(1.0);
        if let Some((id, _)) = &session.link {
            self.links.remove(id);
        }
        let shard = match &session.publisher.place {
            Place::Here(_) => self.shard,
            Place::There(far) => far.shard,
        };
        self.registry.session_ended(shard);
        let both = [(false, Some(session.publisher)), (true, session.subscriber)];
        for (subscriber, connection) in both {
            let key = ConnectionKey { room: room_key, peer, subscriber };
            match connection {
                Some(Connection { place: Place::Here(line), .. }) => self.drop_line(key, &line),
                Some(Connection { place: Place::There(far), .. }) => self.dismiss(key, far),
                None => {}
            }
        }
    }

    /// Nobody calls or wakes a connection of this shard any more.
    pub(super) fn drop_line(&mut self, key: ConnectionKey, line: &Line) {
        self.timers.forget(&Timer::Connection(key));
        for ufrag in line.ufrags.iter() {
            self.demux.by_ufrag.remove(ufrag);
            self.registry.forget_name(ufrag);
        }
        for address in line.addresses.iter() {
            if self.demux.by_address.get(address) == Some(&key) {
                self.demux.by_address.remove(address);
            }
        }
    }

    pub(crate) fn has_room(&self, id: &RoomId) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn drop_if_over(&mut self, key: RoomKey) {
        if self.rooms.get(&key).is_some_and(|room| room.machine.is_over() && room.sessions.is_empty()) {
            self.drop_room(key);
        }
    }

    pub(super) fn drop_room(&mut self, key: RoomKey) {
        let Some(room) = self.rooms.remove(&key) else { return };
        outputs::report_room(&room, MediaEventKind::Closed, &self.events);
        self.by_id.remove(&room.id);
        self.registry.gone(&room.id, self.shard);
        self.timers.forget(&Timer::Room(key));
    }
}
