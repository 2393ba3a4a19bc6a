//! Big rooms: members whose connections are on other shards than their room.
//!
//! The room's shard has the machine and decides which packet goes to whom, as in any other room. Only the connections of some
//! members are elsewhere: their stacks decrypt and encrypt there, which is nearly all the work there is. What is said between
//! the two is carried by [`crate::post`].

use super::{ConnectionKey, Engine, FastMap, Room, RoomKey, Timer, mark};
use crate::far::{Far, Task, Word};
use crate::line::{Line, Place};
use crate::neighbours::Carrier;
use crate::post::Work;
use crate::registry::ShardIndex;
use signal::{MediaRoom, Now, PeerKey};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A room is big that has so many subscriptions, and its newcomers' connections are spread over all shards.
pub(crate) const SPREAD: usize = 300;

/// So many subscriptions are to be expected of everybody who is there, whatever is published by now: connections stay where they
/// are, and most people come to big rooms before anybody speaks.
const EXPECTED: usize = 5;

/// How often rooms are told when their members elsewhere were heard.
const GUESTS_TICK: Duration = Duration::from_millis(500);

/// Of the number of a room, the bits that count; those above are its shard's.
const COUNT_BITS: u32 = 24;

/// The first number of a shard's rooms.
pub(super) fn first_room(shard: ShardIndex) -> RoomKey {
    u32::try_from(shard).unwrap_or(0) << COUNT_BITS
}

/// The number of a shard's next room after that one.
pub(super) fn next_room(after: RoomKey) -> RoomKey {
    let counts = (1 << COUNT_BITS) - 1;
    (after & !counts) | (after.wrapping_add(1) & counts)
}

impl ConnectionKey {
    /// The shard that has its room.
    pub(crate) fn home(&self) -> ShardIndex {
        usize::try_from(self.room >> COUNT_BITS).unwrap_or(0)
    }
}

/// A connection of a room of another shard.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) line: Line,
    /// What its room was told: when it was last heard, and where it is.
    told: (Instant, Option<SocketAddr>),
}

pub(crate) type Guests = FastMap<ConnectionKey, Guest>;

/// The stack of a connection that is on this shard, whosever room it is of.
pub(crate) fn line_of<'a>(
    rooms: &'a mut FastMap<RoomKey, Room>,
    guests: &'a mut Guests,
    key: ConnectionKey,
) -> Option<&'a mut Line> {
    match rooms.get_mut(&key.room) {
        Some(room) => room.sessions.get_mut(&key.peer)?.connection(key.subscriber)?.line(),
        None => guests.get_mut(&key).map(|guest| &mut guest.line),
    }
}

/// What stands for a connection that is elsewhere.
fn far_of(rooms: &mut FastMap<RoomKey, Room>, key: ConnectionKey) -> Option<&mut Far> {
    rooms.get_mut(&key.room)?.sessions.get_mut(&key.peer)?.connection(key.subscriber)?.elsewhere()
}

impl Engine {
    /// From so many subscriptions on, or a fifth as many people, the connections of a room's newcomers are spread over all shards.
    pub fn set_spread(&mut self, subscriptions: usize) {
        self.spread_from = subscriptions;
    }

    /// Whether the connection is of a room of another shard.
    pub(crate) fn is_guest(&self, key: &ConnectionKey) -> bool {
        key.home() != self.shard
    }

    /// Where the connections of somebody who comes to a room are to be.
    pub(super) fn shard_for(&self, key: RoomKey) -> ShardIndex {
        let Some(room) = self.rooms.get(&key) else { return self.shard };
        let subscriptions: usize = room.forward.tracks.values().map(|track| track.downs.len()).sum();
        if subscriptions.max(EXPECTED * room.sessions.len()) < self.spread_from {
            return self.shard;
        }
        self.registry.emptiest(self.shard)
    }

    /// Hands what a connection elsewhere is to do to the post.
    pub(crate) fn dispatch(&mut self, key: ConnectionKey) {
        let Some(far) = far_of(&mut self.rooms, key) else { return };
        let shard = far.shard;
        for task in far.take_tasks() {
            self.post.task(shard, key, task);
        }
    }

    /// A connection elsewhere is over.
    pub(super) fn dismiss(&mut self, key: ConnectionKey, mut far: Far) {
        for task in far.take_tasks() {
            self.post.task(far.shard, key, task);
        }
        self.post.task(far.shard, key, Task::Close);
    }

    /// Something happened on a guest's connection that its room has to know.
    pub(crate) fn tell_home(&mut self, key: ConnectionKey, event: rtc::Event) {
        let home = key.home();
        let word = match event {
            rtc::Event::Packet(packet) => return self.post.packet(home, key, packet),
            rtc::Event::Report(report) if !report.up => {
                let packets = self.guests.get_mut(&key).map_or(0, |guest| guest.line.peer.queued(report.section));
                self.post.word(home, key, Word::Queued { section: report.section, packets });
                Word::Event(rtc::Event::Report(report))
            }
            event => Word::Event(event),
        };
        self.post.word(home, key, word);
    }

    /// A guest's connection cannot go on.
    pub(crate) fn end_guest(&mut self, key: ConnectionKey) {
        if self.drop_guest(key) {
            self.post.word(key.home(), key, Word::Died);
        }
    }

    fn drop_guest(&mut self, key: ConnectionKey) -> bool {
        let Some(guest) = self.guests.remove(&key) else { return false };
        self.drop_line(key, &guest.line);
        true
    }

    /// Gives up connections to which nothing can be carried, or from which.
    pub(crate) fn give_up(&mut self, at: Instant) {
        for key in self.post.take_given_up() {
            metrics::counter!("media_connections_failed_total", "reason" => "post").increment(1);
            if self.is_guest(&key) {
                self.end_guest(key);
            } else {
                self.serve(key.room, key.peer, at, |engine| engine.died(key, at));
            }
        }
    }

    /// By which way work for other shards leaves.
    pub(crate) fn set_carrier(&mut self, carrier: Carrier) {
        self.post.set_carrier(carrier);
    }

    /// Lets work for other shards leave. Whether some of it waits for room there.
    pub(crate) fn depart(&mut self) -> bool {
        self.post.depart(false)
    }

    /// Takes what another shard sent.
    pub(crate) fn take(&mut self, mut work: Work, at: Instant) {
        match work.key(0).filter(|_| work.for_many) {
            Some(first) => {
                if self.sweep.is_full(first.room) {
                    self.finish_sweep(first.room, at);
                }
                self.sweep.join(work.split_off());
            }
            None => self.write(&work, at),
        }
        for (key, task) in &work.tasks {
            if task.is_negotiation() {
                // What is on its way is for the sections as they are.
                self.finish_sweep(key.room, at);
            }
        }
        for (key, task) in std::mem::take(&mut work.tasks) {
            if catch_unwind(AssertUnwindSafe(|| self.carry_out_task(key, task, at))).is_err() {
                self.broken(key, at);
            }
        }
        for (key, word) in std::mem::take(&mut work.words) {
            if catch_unwind(AssertUnwindSafe(|| self.hear(key, word, at))).is_err() {
                self.broken(key, at);
            }
        }
        for (key, packet) in std::mem::take(&mut work.packets) {
            if catch_unwind(AssertUnwindSafe(|| self.event(key, rtc::Event::Packet(packet), at))).is_err() {
                self.broken(key, at);
            }
        }
    }

    /// Writes packets to clients.
    fn write(&mut self, work: &Work, at: Instant) {
        for (write, packet) in work.writes() {
            let Some(guest) = self.guests.get_mut(&write.key) else { continue };
            let line = &mut guest.line;
            match catch_unwind(AssertUnwindSafe(|| line.peer.write(at, write.section, &packet))) {
                Ok(true) => mark(&mut self.dirty, &mut line.dirty, write.key),
                Ok(false) => {}
                Err(_) => self.broken(write.key, at),
            }
        }
    }

    /// What a guest's room wants it to do.
    fn carry_out_task(&mut self, key: ConnectionKey, task: Task, at: Instant) {
        if let Task::Open = task {
            let line = Line::new(self.factory.peer(&self.addresses, &self.stream_addresses, at), at);
            if self.guests.is_empty() {
                self.timers.arm(Timer::Guests, at + GUESTS_TICK);
            }
            self.guests.insert(key, Guest { line, told: (at, None) });
            self.register(key);
            return;
        }
        if let Task::Close = task {
            self.drop_guest(key);
            return;
        }
        let Some(guest) = self.guests.get_mut(&key) else { return };
        let line = &mut guest.line;
        let word = match task {
            Task::Open | Task::Close => None,
            Task::AcceptOffer { round, sdp, plan } => {
                let answer = line.accept_offer(&sdp, &plan);
                Some(Word::Answered { round, answer, sections: line.sections() })
            }
            Task::MakeOffer { changes, ice_restart } => Some(Word::Offered(line.make_offer(&changes, ice_restart))),
            Task::SettleOffer { known } => {
                let answered = line.settle_offer(known.as_ref());
                Some(Word::Settled { answered, sections: line.sections() })
            }
            Task::AcceptAnswer { sdp } => {
                let taken = line.accept_answer(&sdp);
                Some(Word::Taken { taken, sections: line.sections() })
            }
            Task::Layers { section, layers } => {
                line.peer.set_layers(section, layers);
                None
            }
            Task::OnlyStreams(only) => {
                line.peer.offer_only_streams(only);
                None
            }
            Task::KeyFrame { section, layer, hard } => {
                line.peer.request_key_frame(section, layer, hard);
                None
            }
            Task::Seek(seek) => {
                line.seek(seek, at);
                None
            }
            Task::Data { channel, from, message } => {
                let taken = line.send(channel, from, message);
                (channel == rtc::Channel::Reliable && !taken).then_some(Word::Choked)
            }
            Task::Rest(until) => {
                line.rest(until);
                None
            }
            Task::Failed => {
                line.fail(at);
                None
            }
        };
        // It may have output now, or another name.
        self.register(key);
        if let Some(word) = word {
            self.post.word(key.home(), key, word);
        }
    }

    /// What a connection elsewhere has to say.
    fn hear(&mut self, key: ConnectionKey, word: Word, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        let (machine, sessions) = (&mut room.machine, &mut room.sessions);
        let Some(connection) = sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber))
        else {
            return;
        };
        let Some(far) = connection.elsewhere() else { return };
        match word {
            Word::Answered { round, answer, sections } => {
                if far.on_answered(round, sections) {
                    machine.answered(key.peer, answer, now);
                }
            }
            Word::Offered(offer) => {
                if far.on_offered() {
                    machine.offered(key.peer, offer, now);
                }
            }
            Word::Settled { answered, sections } => {
                far.note_sections(sections);
                settled(machine, key.peer, answered, now);
            }
            Word::Taken { taken, sections } => {
                far.on_taken(sections);
                machine.answer_taken(key.peer, taken, now);
            }
            Word::Event(event) => return self.event(key, event, at),
            Word::Queued { section, packets } => return far.note_queued(section, packets),
            Word::Heard { at, remote } => {
                (far.last_heard, far.remote) = (at, remote);
                return;
            }
            Word::Again => return self.heard_again(key, at),
            Word::Choked => machine.session_failed(key.peer, now),
            Word::Failed => return self.failed(key, at),
            Word::Died => return self.died(key, at),
        }
        self.settle(key.room, at);
    }

    /// Tells rooms when their members here were heard, and forgets those of rooms that died with their shard.
    pub(super) fn tend_guests(&mut self, at: Instant) {
        let registry = &self.registry;
        let orphans: Vec<ConnectionKey> =
            self.guests.keys().filter(|key| registry.is_dead(key.home())).copied().collect();
        for key in orphans {
            self.drop_guest(key);
        }
        let mut serving = None;
        let told = catch_unwind(AssertUnwindSafe(|| {
            for (key, guest) in &mut self.guests {
                serving = Some(*key);
                let now = (guest.line.last_heard(), guest.line.path.remote());
                if std::mem::replace(&mut guest.told, now) != now {
                    let word = Word::Heard { at: now.0, remote: now.1 };
                    self.post.word(key.home(), *key, word);
                }
            }
        }));
        // The others are told the next time.
        if let (Err(_), Some(key)) = (told, serving) {
            self.broken(key, at);
        }
        if !self.guests.is_empty() {
            self.timers.arm(Timer::Guests, at + GUESTS_TICK);
        }
    }

    /// Members whose connections died with another shard start over.
    pub(super) fn part_with_the_lost(&mut self, key: RoomKey, at: Instant) {
        let (now, registry) = (self.now(at), &self.registry);
        let Some(room) = self.rooms.get(&key) else { return };
        let is_lost = |place: &Place| matches!(place, Place::There(far) if registry.is_dead(far.shard));
        let lost = room.sessions.iter().filter(|(_, session)| is_lost(&session.publisher.place));
        let lost: Vec<(PeerKey, ())> = lost.map(|(peer, _)| (*peer, ())).collect();
        self.each(key, at, lost, |engine, peer, ()| {
            if let Some(room) = engine.rooms.get_mut(&key) {
                room.machine.session_failed(peer, now);
            }
        });
    }
}

/// Our last offer was settled, or by something that could not be taken.
pub(crate) fn settled(machine: &mut MediaRoom, peer: PeerKey, answered: Option<bool>, now: Now) {
    match answered {
        Some(answered) => machine.offer_settled(peer, answered, now),
        None => machine.session_failed(peer, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_room_says_whose_it_is_and_comes_round() {
        let key = |room| ConnectionKey { room, peer: PeerKey(1), subscriber: false };
        for shard in [0, 1, 63] {
            let first = first_room(shard);
            assert_eq!(key(first).home(), shard);
            assert_eq!(key(next_room(first)).home(), shard);
            let last = first + (1 << COUNT_BITS) - 1;
            assert_eq!((key(last).home(), next_room(last)), (shard, first));
        }
    }
}
