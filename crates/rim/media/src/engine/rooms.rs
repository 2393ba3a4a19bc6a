//! The regular work of rooms, and their end.

#[cfg(test)]
use super::faults;
use super::faults::Turn;
use super::{ConnectionKey, Engine, RoomKey, Timer};
use crate::budget;
use crate::forward::News;
use crate::line::{Line, Place};
use crate::outputs::{self, After};
use crate::session::Connection;
use model::{Identity, RoomId};
use ports::media::MediaEventKind;
use sfu::level::SPEAKER_INTERVAL;
use signal::PeerKey;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Regular work of a room: layer liveness, key frames, dynacast.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The same while nobody publishes.
const IDLE_TICK: Duration = Duration::from_secs(1);

/// Nothing heard for so long: the connection failed (media-protocol.md section 4.5).
const SILENCE: Duration = Duration::from_secs(15);

impl Engine {
    /// The regular work of a room, in parts that may each panic for one session while the others are done.
    pub(super) fn room_timeout(&mut self, key: RoomKey, at: Instant) {
        let now = self.now(at);
        self.guarded(key, at, |engine| {
            if let Some(room) = engine.rooms.get_mut(&key) {
                room.machine.handle_timeout(now);
            }
        });
        self.part_with_the_lost(key, at);
        let (mut news, mut silent) = (News::default(), Vec::new());
        self.by_turns(key, at, |engine, turn| silent = engine.tick(key, at, &mut news, turn));
        self.by_turns(key, at, |engine, turn| engine.tell_speakers(key, at, turn));
        self.by_turns(key, at, |engine, turn| engine.close_windows(key, at, turn));
        let silent = silent.into_iter().map(|connection| (connection.peer, connection));
        self.each(key, at, silent, |engine, _, connection| engine.failed(connection, at));
        self.guarded(key, at, |engine| {
            engine.spread(key, news, at);
            engine.settle(key, at);
        });
        self.tend_insiders(key, at);
    }

    /// Layers, key frames, shares of the bandwidth. Returns which connections are silent.
    fn tick(&mut self, key: RoomKey, at: Instant, news: &mut News, turn: &mut Turn) -> Vec<ConnectionKey> {
        let mut silent = Vec::new();
        let Some(room) = self.rooms.get_mut(&key).filter(|room| room.next_tick <= at) else { return silent };
        room.next_tick = at + if room.forward.tracks.is_empty() { IDLE_TICK } else { TICK };
        room.forward.tick(at, news, turn);
        for peer in budget::share(room, at, news, turn) {
            *turn = Some(peer);
            let Some(session) = room.sessions.get_mut(&peer) else { continue };
            #[cfg(test)]
            faults::trip(faults::Point::Share, &session.identity);
            let subscriber = session.subscriber.is_some();
            session.down().mark(&mut self.dirty, ConnectionKey { room: key, peer, subscriber });
        }
        for (peer, session) in room.sessions.iter_mut().filter(|(_, session)| session.inside.is_none()) {
            *turn = Some(*peer);
            #[cfg(test)]
            faults::trip(faults::Point::Liveness, &session.identity);
            for subscriber in [false, true] {
                let Some(connection) = session.connection(subscriber) else { continue };
                if connection.connected && !connection.failed && at.duration_since(connection.last_heard()) > SILENCE {
                    silent.push(ConnectionKey { room: key, peer: *peer, subscriber });
                }
            }
        }
        *turn = None;
        silent
    }

    /// Who speaks.
    fn tell_speakers(&mut self, key: RoomKey, at: Instant, turn: &mut Turn) {
        let Some(room) = self.rooms.get_mut(&key).filter(|room| room.next_speakers <= at) else { return };
        room.next_speakers = at + SPEAKER_INTERVAL;
        let changed = room.speakers.update(room.forward.levels(at, turn));
        let changed: Vec<(PeerKey, f32)> = changed
            .into_iter()
            .map(|speaker| (speaker.who, if speaker.active { speaker.level } else { 0.0 }))
            .collect();
        if changed.is_empty() {
            return;
        }
        room.machine.speakers(&changed);
        for (peer, level) in changed {
            *turn = Some(peer);
            self.note_speaker(key, peer, level, at);
        }
        *turn = None;
    }

    /// How good everybody's connection was.
    fn close_windows(&mut self, key: RoomKey, at: Instant, turn: &mut Turn) {
        let Some(room) = self.rooms.get_mut(&key).filter(|room| room.next_quality <= at) else { return };
        room.next_quality = at + sfu::quality::WINDOW;
        let sessions = &room.sessions;
        let heard = |peer: PeerKey| sessions.get(&peer).is_some_and(|session| session.is_heard(at));
        let scores = room.forward.scores(at, heard, turn);
        // With whom no tracks are exchanged there is only whether anything arrives.
        let trackless = sessions.iter().filter(|(peer, session)| session.watch.was_up() && !scores.contains_key(peer));
        for (peer, session) in trackless {
            *turn = Some(*peer);
            let score = if session.is_heard(at) { sfu::quality::BEST } else { sfu::quality::LOST };
            let quality = sfu::quality::quality(score);
            room.machine.quality(*peer, quality as u8, sfu::quality::mean_opinion(score));
        }
        for session in room.sessions.values_mut() {
            session.watch.score = None;
        }
        for (peer, score) in scores {
            *turn = Some(peer);
            let quality = sfu::quality::quality(score);
            room.machine.quality(peer, quality as u8, sfu::quality::mean_opinion(score));
            if let Some(session) = room.sessions.get_mut(&peer) {
                session.watch.score = Some(score);
            }
        }
        self.keep_diaries(key, at, turn);
        *turn = None;
    }

    /// Carries out what a room's machine wants, sets its timer, and drops it when nobody is left. Whoever something panics
    /// for is put out. What is nobody's in particular goes on to panic in whoever settles the room.
    pub(crate) fn settle(&mut self, key: RoomKey, at: Instant) {
        let mut after = After { may_change: !self.sweep.is_at(key), ..After::default() };
        let settled = self.carry_out_all(key, at, &mut after);
        self.turns(key, after.switches, |engine, peer, protocol| engine.switch(key, peer, protocol, at));
        let gone = after.gone.iter().map(|peer| (*peer, ()));
        self.turns(key, gone, |engine, peer, ()| engine.close_watch(key, peer, at));
        for peer in after.gone {
            self.tell_left_once(key, peer, &mut after.told_left);
            self.drop_session(key, peer);
        }
        self.turns(key, after.touched, |engine, peer, subscriber| {
            engine.register(ConnectionKey { room: key, peer, subscriber });
        });
        if let Err(cause) = settled {
            resume_unwind(cause);
        }
        self.spread(key, after.news, at);
        if let Some(room) = self.rooms.get(&key) {
            let due = [room.machine.poll_timeout(), Some(room.next_tick)].into_iter().flatten().min();
            if let Some(due) = due {
                self.timers.arm(Timer::Room(key), due);
            }
        }
        self.drop_if_over(key);
        self.mend(at);
    }

    /// Carries the outputs of a room's machine out, those after one that panics too.
    fn carry_out_all(&mut self, key: RoomKey, at: Instant, after: &mut After) -> std::thread::Result<()> {
        let now = self.now(at);
        loop {
            let Some(room) = self.rooms.get_mut(&key) else { return Ok(()) };
            let (events, mut turn) = (&self.events, None);
            let done = catch_unwind(AssertUnwindSafe(|| outputs::carry_out(room, now, events, after, &mut turn)));
            match (done, turn) {
                (Err(_), Some(peer)) => self.strike(key, peer),
                (Ok(()), _) if after.held.is_some() => {
                    // What is on its way is for the sections as they are.
                    self.finish_sweep(key, at);
                    after.may_change = true;
                }
                (done, _) => return done,
            }
        }
    }

    /// A session is over: if the machine came to say so to itself but not to the meeting, that is told here.
    fn tell_left_once(&self, key: RoomKey, peer: PeerKey, told: &mut Vec<Identity>) {
        let Some(room) = self.rooms.get(&key) else { return };
        let Some(session) = room.sessions.get(&peer) else { return };
        match told.iter().position(|told| *told == session.identity) {
            Some(index) => drop(told.swap_remove(index)),
            None => self.tell_left(room, session),
        }
    }

    pub(crate) fn drop_session(&mut self, room_key: RoomKey, peer: PeerKey) {
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let Some(session) = room.sessions.remove(&peer) else { return };
        if let Some((id, _)) = &session.link {
            self.links.remove(id);
        }
        let shard = match &session.publisher.place {
            Place::Here(_) => self.shard,
            Place::There(far) => far.shard,
        };
        self.registry.session_ended(self.shard, shard);
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
