//! Packets of publishers on their way to everybody who gets them.
//!
//! What arrives in one turn of the shard is gathered and handed out together, so that each subscriber is visited once for
//! all packets of a picture instead of once for each: the state of one connection fits the processor's cache, that of
//! hundreds does not.

use crate::engine::faults::Turn;
use crate::engine::{ConnectionKey, Engine, Timer, mark};
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

/// From so many subscribers on each one's connection is drained as soon as a picture is written to it.
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
    /// Hands out what has arrived, sound before pictures. `written` is called whenever there may be datagrams to send.
    pub(crate) fn hand_out(&mut self, at: Instant, written: &mut impl FnMut(&mut Outbox)) {
        let mut arrived = std::mem::take(&mut self.arrived);
        for sound in [true, false] {
            for run in arrived.chunk_by(Arrived::is_like).filter(|run| run[0].is_sound() == sound) {
                let mut turn = None;
                let work = || self.hand_out_run(&arrived, run, at, written, &mut turn);
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
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

    /// Hands out packets of one track, some of all there are. `turn` says to whom.
    fn hand_out_run(
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
        let (dirty, outbox, told, timers) = (&mut self.dirty, &mut self.outbox, &mut self.told, &mut self.timers);
        let packets = run.iter().map(|arrived| &arrived.packet);
        let reach = Reach { sessions: &mut room.sessions, post: &mut self.post, departs: at_once, turn };
        room.forward.packets(*track, packets, reach, at, |peer, session| {
            let key = ConnectionKey { room: from.room, peer, subscriber: session.subscriber.is_some() };
            let Some(line) = session.down().line() else { return };
            if !at_once {
                mark(dirty, &mut line.dirty, key);
                return;
            }
            drain_now(line, key, at, outbox, told, timers);
            written(outbox);
        });
        let mut news = News::default();
        room.forward.collect(*track, at, &mut news);
        self.spread(from.room, news, at);
    }
}
