//! Packets of publishers on their way to everybody who gets them.
//!
//! What arrives in one turn of the shard is gathered and handed out together, so that each subscriber is visited once for
//! all packets of a picture instead of once for each: the state of one connection fits the processor's cache, that of
//! hundreds does not.

use crate::engine::faults::Turn;
use crate::engine::guests::line_of;
use crate::engine::{ConnectionKey, Engine, RoomKey, Timer, mark};
use crate::forward::News;
use crate::forward::Reach;
use crate::line::{Line, Outbox, Told};
use crate::session::Session;
use crate::timers::Timers;
use rtc::UpPacket;
use signal::{PeerKey, TrackKey};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A packet that waits to be handed out.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// Who sent it.
    pub(crate) from: ConnectionKey,
    /// The track it belongs to.
    pub(crate) track: TrackKey,
    pub(crate) packet: UpPacket,
}

impl Arrived {
    fn is_sound(&self) -> bool {
        matches!(self.packet.codec, rtc::Codec::Opus | rtc::Codec::Red)
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.from, self.track) == (other.from, other.track)
    }
}

/// From so many subscribers on each one's connection is drained as soon as a picture is written to it.
const MANY: usize = 16;

/// Most tracks whose sound is handed out together.
const MOST_AT_ONCE: usize = 32;

/// Of how many of these the sound can be handed out together, from the first one on: it is of one room, and of each track there is
/// one packet, because what follows has the numbers after it.
fn round_length(arrived: &[Arrived]) -> usize {
    let joins = |place: usize| {
        let next = &arrived[place];
        let before = || arrived[..place].iter().filter(|one| one.is_sound());
        !next.is_sound() || next.from.room == arrived[0].from.room && before().all(|one| !one.is_like(next))
    };
    (1..arrived.len().min(MOST_AT_ONCE)).find(|place| !joins(*place)).unwrap_or(arrived.len().min(MOST_AT_ONCE))
}

/// Lets a connection say what was written to it.
pub(crate) fn drain_now(
    line: &mut Line,
    key: ConnectionKey,
    at: Instant,
    outbox: &mut Outbox,
    told: &mut Vec<(ConnectionKey, Told)>,
    timers: &mut Timers<Timer>,
) {
    match catch_unwind(AssertUnwindSafe(|| line.drain(key, at, outbox, told))) {
        Ok(Some(due)) => timers.arm(Timer::Connection(key), due),
        Ok(None) => {}
        Err(_) => told.push((key, Told::Broken)),
    }
}

/// What becomes of what was written to connections of a room.
struct Leaving<'a, W> {
    room: RoomKey,
    at: Instant,
    /// It leaves now, or else when all is written.
    at_once: bool,
    dirty: &'a mut Vec<ConnectionKey>,
    outbox: &'a mut Outbox,
    told: &'a mut Vec<(ConnectionKey, Told)>,
    timers: &'a mut Timers<Timer>,
    /// Called whenever there may be datagrams to send.
    written: &'a mut W,
}

impl<W: FnMut(&mut Outbox)> Leaving<'_, W> {
    fn take(&mut self, peer: PeerKey, session: &mut Session) {
        let key = ConnectionKey { room: self.room, peer, subscriber: session.subscriber.is_some() };
        let Some(line) = session.down().line() else { return };
        if !self.at_once {
            mark(self.dirty, &mut line.dirty, key);
            return;
        }
        drain_now(line, key, self.at, self.outbox, self.told, self.timers);
        (self.written)(self.outbox);
    }
}

impl Engine {
    /// Hands out what has arrived, sound before pictures. `written` is called whenever there may be datagrams to send.
    pub(crate) fn hand_out(&mut self, at: Instant, written: &mut impl FnMut(&mut Outbox)) {
        let mut arrived = std::mem::take(&mut self.arrived);
        let mut begin = 0;
        while let Some(first) = arrived[begin..].iter().position(Arrived::is_sound) {
            let rest = &arrived[begin + first..];
            let round = &rest[..round_length(rest)];
            if self.sweep.is_full() {
                self.sweep(at, usize::MAX, written);
            }
            begin += first + round.len();
            self.guarded_for(round[0].from, at, |engine, turn| engine.hand_out_sounds(&arrived, round, at, turn));
        }
        for run in arrived.chunk_by(Arrived::is_like).filter(|run| !run[0].is_sound()) {
            self.guarded_for(run[0].from, at, |engine, turn| {
                engine.hand_out_pictures(&arrived, run, at, written, turn)
            });
        }
        self.post.depart(false);
        arrived.clear();
        // Its place is used again.
        if self.arrived.is_empty() {
            self.arrived = arrived;
        }
    }

    /// Does something for whoever it says its turn it is, or else for who sent it: a panic is theirs.
    fn guarded_for(&mut self, from: ConnectionKey, at: Instant, work: impl FnOnce(&mut Self, &mut Turn)) {
        let mut turn = None;
        if catch_unwind(AssertUnwindSafe(|| work(self, &mut turn))).is_err() {
            self.broken(ConnectionKey { peer: turn.unwrap_or(from.peer), ..from }, at);
        }
        self.take_told(at);
    }

    /// Hands out a packet of each of some tracks of one room: the sound in `round`, which begins with one, out of all there is. Where
    /// that is for many it joins the sweep.
    fn hand_out_sounds(&mut self, all: &[Arrived], round: &[Arrived], at: Instant, turn: &mut Turn) {
        let Some(key) = round.first().map(|arrived| arrived.from.room) else { return };
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let sounds = || round.iter().filter(|arrived| arrived.is_sound());
        let many = sounds().any(|arrived| room.forward.subscribers(arrived.track) >= MANY);
        let at_once = many && all.iter().all(|other| other.from.room != key || other.is_sound());
        if at_once {
            self.post.depart(false);
        }
        let (sessions, post) = (&mut room.sessions, &mut self.post);
        let reach = Reach { sessions, post, departs: at_once, gathers: at_once.then_some(key), turn };
        let packets = sounds().map(|arrived| (arrived.track, &arrived.packet));
        room.forward.sounds(packets, reach, at, |peer, session| {
            let key = ConnectionKey { room: key, peer, subscriber: session.subscriber.is_some() };
            if let Some(line) = session.down().line() {
                mark(&mut self.dirty, &mut line.dirty, key);
            }
        });
        if let Some(work) = self.post.take_own(|| self.sweep.spare()) {
            self.sweep.join(work);
        }
    }

    /// Goes on with what is on its way to many, to as many of them as `most`. `written` is called whenever there may be datagrams to
    /// send.
    pub(crate) fn sweep(&mut self, at: Instant, most: usize, written: &mut impl FnMut(&mut Outbox)) {
        for _ in 0..most {
            let Some(key) = self.sweep.turn() else { break };
            if self.write_swept(key, at) {
                let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else { continue };
                drain_now(line, key, at, &mut self.outbox, &mut self.told, &mut self.timers);
                written(&mut self.outbox);
            }
        }
        self.take_told(at);
    }

    /// Lets nothing stay on its way to many: it is written, and leaves when the connections are drained.
    pub(crate) fn finish_sweep(&mut self, at: Instant) {
        while let Some(key) = self.sweep.turn() {
            if self.write_swept(key, at)
                && let Some(line) = line_of(&mut self.rooms, &mut self.guests, key)
            {
                mark(&mut self.dirty, &mut line.dirty, key);
            }
        }
    }

    /// Writes what is on its way to a connection. Whether that has something to send.
    fn write_swept(&mut self, key: ConnectionKey, at: Instant) -> bool {
        let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else {
            self.sweep.packets(key, |_, _| {});
            return false;
        };
        let mut sent = false;
        let write = || self.sweep.packets(key, |write, packet| sent |= line.peer.write(at, write.section, packet));
        if catch_unwind(AssertUnwindSafe(write)).is_err() {
            self.broken(key, at);
            return false;
        }
        sent
    }

    /// Hands out packets of one track of pictures, some of all there are. `turn` says to whom.
    fn hand_out_pictures(
        &mut self,
        all: &[Arrived],
        run: &[Arrived],
        at: Instant,
        written: &mut impl FnMut(&mut Outbox),
        turn: &mut Turn,
    ) {
        let Some(Arrived { from, track, .. }) = run.first() else { return };
        let Some(room) = self.rooms.get_mut(&from.room) else { return };
        // Where packets of other tracks follow for the same people, all are written first: a connection that is drained has
        // to settle each time.
        let at_once = room.forward.subscribers(*track) >= MANY
            && all.iter().all(|other| other.from.room != from.room || other.is_like(&run[0]));
        if at_once {
            self.post.depart(false);
        }
        let (sessions, post) = (&mut room.sessions, &mut self.post);
        let reach = Reach { sessions, post, departs: at_once, gathers: None, turn };
        let mut leaving = Leaving {
            room: from.room,
            at,
            at_once,
            dirty: &mut self.dirty,
            outbox: &mut self.outbox,
            told: &mut self.told,
            timers: &mut self.timers,
            written,
        };
        let packets = run.iter().map(|arrived| &arrived.packet);
        room.forward.pictures(*track, packets, reach, at, |peer, session| leaving.take(peer, session));
        let mut news = News::default();
        room.forward.collect(*track, at, &mut news);
        self.spread(from.room, news, at);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rtc::Codec;

    /// A packet as it arrives.
    pub(crate) fn packet(codec: Codec, sequence: u64, payload: u8, now: Instant) -> UpPacket {
        UpPacket {
            section: 0,
            layer: 0,
            alone: true,
            codec,
            profile: 0,
            sequence,
            timestamp: 1,
            marker: false,
            payload: [payload].into(),
            arrival: now,
            captured: None,
            audio_level: None,
            sender_report: None,
            extensions: rtc::Extensions::default(),
        }
    }

    /// Packets of these rooms and tracks, those of pictures too, as they arrive.
    fn arrived(packets: &[(RoomKey, u64, Codec)]) -> Vec<Arrived> {
        let of = |(room, track, codec): &(RoomKey, u64, Codec)| Arrived {
            from: ConnectionKey { room: *room, peer: PeerKey(*track), subscriber: false },
            track: TrackKey(*track),
            packet: packet(*codec, 1, 0, Instant::now()),
        };
        packets.iter().map(of).collect()
    }

    #[test]
    fn sound_is_handed_out_together_that_is_of_one_room_and_of_different_tracks() {
        use Codec::{Opus, Red, Vp8};
        let length = |packets: &[(RoomKey, u64, Codec)]| round_length(&arrived(packets));
        assert_eq!(length(&[(1, 1, Opus)]), 1);
        assert_eq!(length(&[(1, 1, Opus), (1, 2, Red), (1, 3, Opus)]), 3);
        assert_eq!(length(&[(1, 1, Opus), (1, 2, Opus), (1, 1, Opus)]), 2, "the second one of a track is later");
        assert_eq!(length(&[(1, 1, Opus), (2, 2, Opus)]), 1);
        assert_eq!(length(&[(1, 1, Opus), (2, 3, Vp8), (1, 3, Vp8), (1, 2, Opus)]), 4, "pictures are left out");
        let many: Vec<_> = (0..100).map(|track| (1, track, Opus)).collect();
        assert_eq!(length(&many), MOST_AT_ONCE);
    }
}
