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
use crate::timers::Timers;
use rtc::UpPacket;
use signal::TrackKey;
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

/// From so many subscribers on packets go to one after the other instead of being written to all before any leaves.
const MANY: usize = 16;

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

impl Engine {
    /// Hands out what has arrived, sound before pictures.
    pub(crate) fn hand_out(&mut self, at: Instant) {
        let mut arrived = std::mem::take(&mut self.arrived);
        for sound in [true, false] {
            for run in arrived.chunk_by(Arrived::is_like).filter(|run| run[0].is_sound() == sound) {
                let mut turn = None;
                let done = catch_unwind(AssertUnwindSafe(|| self.hand_out_run(run, at, &mut turn)));
                if let Some(work) = self.post.take_own(|| self.sweep.spare()) {
                    self.sweep.join(work);
                }
                if done.is_err() {
                    let from = run[0].from;
                    self.broken(ConnectionKey { peer: turn.unwrap_or(from.peer), ..from }, at);
                }
                self.take_told(at);
            }
        }
        self.post.depart(false);
        arrived.clear();
        // Its place is used again.
        if self.arrived.is_empty() {
            self.arrived = arrived;
        }
    }

    /// Hands out packets of one track. What is for many joins the sweep; to others it is written now and leaves when their connections
    /// are drained. `turn` says to whom.
    fn hand_out_run(&mut self, run: &[Arrived], at: Instant, turn: &mut Turn) {
        let Some(Arrived { from, track, .. }) = run.first() else { return };
        let Some(room) = self.rooms.get_mut(&from.room) else { return };
        let many = room.forward.is_for_many(*track, MANY);
        if many {
            if self.sweep.is_full(from.room) {
                self.finish_sweep(from.room, at);
            }
            self.post.depart(false);
        }
        let Some(room) = self.rooms.get_mut(&from.room) else { return };
        let (sessions, post, dirty) = (&mut room.sessions, &mut self.post, &mut self.dirty);
        let reach = Reach { sessions, post, departs: many, gathers: many.then_some(from.room), turn };
        let packets = run.iter().map(|arrived| &arrived.packet);
        room.forward.packets(*track, packets, reach, at, |peer, session| {
            let key = ConnectionKey { room: from.room, peer, subscriber: session.subscriber.is_some() };
            if let Some(line) = session.down().line() {
                mark(dirty, &mut line.dirty, key);
            }
        });
        let mut news = News::default();
        room.forward.collect(*track, at, &mut news);
        self.spread(from.room, news, at);
    }

    /// Goes on with what is on its way to many, until so many packets have left and all for whose turn it is. `written` is called
    /// whenever there may be datagrams to send.
    pub(crate) fn sweep(&mut self, at: Instant, most: usize, written: &mut impl FnMut(&mut Outbox)) {
        let mut count = 0;
        while count < most
            && let Some(key) = self.sweep.turn(None)
        {
            count += self.write_swept(key, at);
            if let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) {
                drain_now(line, key, at, &mut self.outbox, &mut self.told, &mut self.timers);
                written(&mut self.outbox);
            }
        }
        self.sweep.pass();
        self.take_told(at);
    }

    /// Lets nothing of a room stay on its way to many: it is written, and leaves when the connections are drained.
    pub(crate) fn finish_sweep(&mut self, room: RoomKey, at: Instant) {
        while let Some(key) = self.sweep.turn(Some(room)) {
            self.write_swept(key, at);
            if let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) {
                mark(&mut self.dirty, &mut line.dirty, key);
            }
        }
    }

    /// Writes what is on its way to a connection. Returns how many packets that were.
    fn write_swept(&mut self, key: ConnectionKey, at: Instant) -> usize {
        let mut line = line_of(&mut self.rooms, &mut self.guests, key);
        let mut count = 0;
        let write = || {
            self.sweep.packets(key, |write, packet| {
                count += 1;
                if let Some(line) = &mut line {
                    line.peer.write(at, write.section, packet);
                }
            });
        };
        if catch_unwind(AssertUnwindSafe(write)).is_err() {
            self.told.push((key, Told::Broken));
        }
        count
    }
}
