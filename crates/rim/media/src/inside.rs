//! Participants inside the process. The room's machine knows them as anybody else, with sections and subscriptions; where
//! others have a peer connection they have a queue.

mod frames;

use crate::arrivals::Arrived;
use crate::convert;
#[cfg(test)]
use crate::engine::faults;
use crate::engine::{ConnectionKey, Engine, Room, RoomKey, refused};
use crate::forward::News;
use crate::plane::LinkId;
use crate::session::{Connection, Session};
use bytes::Bytes;
use frames::{Got, Own};
use model::Identity;
use model::media::ParticipantKind;
use ports::media::inside::{
    InsideEnd, InsideItem, InsideJoin, InsideKind, InsideOrder, InsideRefusal, ItemSender, SentFrame,
};
use ports::media::{ConnectError, MediaJoin, Topology};
use rtc::DownPacket;
use signal::inside::{SeenTrack, Told};
use signal::{ClientMessage, Connected, JoinRequest, Kind, Now, OfferedSection, PeerKey};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Most sections of one insider: of either kind as many as tracks are received by who records, and those of its own.
const MAX_SECTIONS: usize = 4200;

/// What an insider has instead of a peer connection.
#[derive(Debug)]
pub(crate) struct Inside {
    identity: Identity,
    items: ItemSender,
    /// Which section is which, by number.
    sections: Vec<OfferedSection>,
    /// Sections of tracks that are no more: those the room has been told of, and those it will be.
    free: Vec<u16>,
    freed: Vec<u16>,
    /// Its own tracks, by its names for them.
    own: HashMap<String, Own>,
    /// Sids of its own tracks, by name.
    sids: HashMap<String, String>,
    /// The tracks it gets, by section.
    gets: HashMap<u16, Got>,
    /// Who is there, by sid.
    people: BTreeMap<String, Person>,
    /// Tracks of others, by sid.
    seen: BTreeMap<String, Seen>,
    offers: u32,
    /// Sections changed since the last offer.
    changed: bool,
    /// Sections whose track needs a key frame because something of it was left out.
    pub(crate) broken: Vec<u16>,
    /// What it was told of its own tracks and is to confirm: sid, muted.
    mutes: Vec<(String, bool)>,
}

/// Somebody, as last told.
#[derive(Debug)]
struct Person {
    identity: String,
    speaks: bool,
}

/// A track of somebody else's, as last told.
#[derive(Debug)]
struct Seen {
    owner: String,
    track: SeenTrack,
    /// It was received before: when it is again, something in between is missing.
    received: bool,
}

impl Inside {
    fn new(identity: Identity, items: ItemSender) -> Self {
        Self {
            identity,
            items,
            sections: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            own: HashMap::new(),
            sids: HashMap::new(),
            gets: HashMap::new(),
            people: BTreeMap::new(),
            seen: BTreeMap::new(),
            offers: 0,
            // The room asks for sections only after a first offer.
            changed: true,
            broken: Vec::new(),
            mutes: Vec::new(),
        }
    }

    pub(crate) fn sections(&self) -> &[OfferedSection] {
        &self.sections
    }

    /// A section for a track of its own; `None` if it has too many.
    fn place(&mut self, kind: Kind, track: &str) -> Option<u16> {
        let is_of_kind = |number: &u16| self.sections.get(usize::from(*number)).is_some_and(|one| one.kind == kind);
        let Some(which) = self.free.iter().position(is_of_kind) else { return self.add(kind, true, track) };
        let number = self.free.swap_remove(which);
        let section = self.sections.get_mut(usize::from(number))?;
        (section.sends, section.track) = (true, track.to_owned());
        self.changed = true;
        Some(number)
    }

    /// Adds a section. Its name is its number.
    fn add(&mut self, kind: Kind, sends: bool, track: &str) -> Option<u16> {
        if self.sections.len() >= MAX_SECTIONS {
            return None;
        }
        let number = u16::try_from(self.sections.len()).ok()?;
        let track = track.to_owned();
        self.sections.push(OfferedSection { mid: number.to_string(), kind, sends, receives: !sends, track });
        self.changed = true;
        Some(number)
    }

    /// The number of a section.
    pub(crate) fn section(&self, mid: &str) -> Option<u16> {
        mid.parse().ok().filter(|number| usize::from(*number) < self.sections.len())
    }

    /// A packet of a track it gets.
    pub(crate) fn deliver(&mut self, section: u16, packet: &DownPacket<'_>, now: Instant) {
        let Some(got) = self.gets.get_mut(&section) else { return };
        if got.deliver(packet, &self.items, now) && !self.broken.contains(&section) {
            self.broken.push(section);
        }
    }

    /// Somebody needs a key frame of what it sends on a section.
    pub(crate) fn key_frame_wanted(&self, section: u16) {
        let name = self.own.iter().find(|(_, own)| own.section == section).map(|(name, _)| name.clone());
        if let Some(name) = name {
            self.items.push(InsideItem::KeyFrameWanted { name });
        }
    }

    /// It is put out because of a fault.
    pub(crate) fn left(&self) {
        self.items.push(InsideItem::Left(InsideEnd::StartOver));
    }

    /// The room says something to it.
    pub(crate) fn tell(&mut self, message: &Bytes) {
        for told in signal::inside::told(message) {
            match told {
                Told::Participant { identity, sid, gone, tracks } => {
                    self.note(&identity, tracks);
                    if !gone {
                        self.people.entry(sid).or_insert(Person { identity, speaks: false });
                    } else if self.people.remove(&sid).is_some_and(|person| person.speaks) {
                        // The room says nothing of that; clients forget everything of whoever is gone.
                        self.items.push(InsideItem::Speaking { owner: identity, level: 0.0 });
                    }
                }
                Told::Speaking { sid, level } => {
                    let known = self.people.get_mut(&sid);
                    // The room tells whoever speaks of itself, too.
                    if let Some(person) = known.filter(|person| person.identity != self.identity.as_str()) {
                        person.speaks = level > 0.0;
                        self.items.push(InsideItem::Speaking { owner: person.identity.clone(), level });
                    }
                }
                Told::Sections(audios, videos) => {
                    // Where none is missing those there are become free, or others are put on them, with the next offer.
                    self.changed = true;
                    for (count, kind) in [(audios, Kind::Audio), (videos, Kind::Video)] {
                        for _ in 0..count {
                            self.add(kind, false, "");
                        }
                    }
                }
                Told::Accepted { cid, sid } => {
                    self.sids.insert(cid.clone(), sid.clone());
                    self.items.push(InsideItem::Published { name: cid, sid });
                }
                Told::Refused { cid, why } => {
                    self.retire(&cid);
                    self.items.push(InsideItem::Refused { name: cid, why: convert::inside_refusal(why) });
                }
                Told::Unpublished { sid } => {
                    if let Some(name) = self.name_of(&sid) {
                        self.retire(&name);
                    }
                    self.items.push(InsideItem::Unpublished { sid });
                }
                Told::Muted { sid, muted } => {
                    self.mutes.push((sid.clone(), muted));
                    self.items.push(InsideItem::Muted { sid, muted });
                }
                Told::Wanted { sid, yes } => {
                    let Some(name) = self.name_of(&sid) else { continue };
                    let own = self.own.get_mut(&name);
                    if own.is_some_and(|own| own.wanted.replace(yes) != Some(yes)) {
                        self.items.push(InsideItem::Wanted { name, yes });
                    }
                }
                Told::Left(why) => {
                    self.items.push(InsideItem::Left(convert::inside_end(why)));
                }
            }
        }
    }

    /// Its name for a track of its own.
    fn name_of(&self, sid: &str) -> Option<String> {
        self.sids.iter().find(|(_, known)| *known == sid).map(|(name, _)| name.clone())
    }

    /// A track of its own is no more.
    fn retire(&mut self, name: &str) {
        self.sids.remove(name);
        if let Some(own) = self.own.remove(name)
            && let Some(section) = self.sections.get_mut(usize::from(own.section))
        {
            section.sends = false;
            self.freed.push(own.section);
            self.changed = true;
        }
    }

    /// The room has been told of all sections as they are.
    fn settled(&mut self) {
        self.free.append(&mut self.freed);
    }

    fn note(&mut self, identity: &str, tracks: Vec<SeenTrack>) {
        let gone: Vec<String> = self
            .seen
            .iter()
            .filter(|(sid, seen)| seen.owner == identity && !tracks.iter().any(|track| track.sid == **sid))
            .map(|(sid, _)| sid.clone())
            .collect();
        for sid in gone {
            self.seen.remove(&sid);
            self.items.push(InsideItem::TrackGone { sid });
        }
        for track in tracks {
            if self.sids.values().any(|own| *own == track.sid) {
                continue;
            }
            let known = self.seen.get(&track.sid);
            if known.is_none_or(|seen| seen.track != track) {
                let received = known.is_some_and(|seen| seen.received);
                let seen = Seen { owner: identity.to_owned(), track: track.clone(), received };
                self.seen.insert(track.sid.clone(), seen);
                self.items.push(InsideItem::Track {
                    sid: track.sid,
                    owner: identity.to_owned(),
                    source: Some(track.source),
                    audio: track.kind == Kind::Audio,
                    name: track.name,
                    format: track.codec.map(frames::format),
                    size: track.size,
                    muted: track.muted,
                    encrypted: track.encrypted,
                });
            }
        }
    }

    /// On a section it receives that track from now on, or nothing.
    pub(crate) fn gets(&mut self, section: u16, sid: Option<&str>) {
        if let Some(former) = self.gets.remove(&section) {
            self.items.push(InsideItem::Receiving { sid: former.sid().to_owned(), yes: false });
        }
        if let Some(sid) = sid {
            let again = self.seen.get_mut(sid).is_some_and(|seen| std::mem::replace(&mut seen.received, true));
            self.gets.insert(section, Got::new(sid, again));
            self.items.push(InsideItem::Receiving { sid: sid.to_owned(), yes: true });
        }
    }
}

/// The plan of an insider's sections.
pub(crate) fn answer_offer(room: &mut Room, peer: PeerKey, now: Now) -> bool {
    let Some(inside) = room.sessions.get(&peer).and_then(|session| session.inside.as_ref()) else { return false };
    let offered = inside.sections().to_vec();
    room.machine.plan(peer, &offered, now);
    room.machine.answered(peer, Some(String::new()), now);
    true
}

impl Engine {
    /// Lets an insider in. Its orders come under the number that is returned.
    ///
    /// # Errors
    /// The plane is stopping, it comes too often, the room is full, or the room of that name is another session's.
    pub fn enter(&mut self, join: &InsideJoin, items: ItemSender, at: Instant) -> Result<u64, ConnectError> {
        let kind = match join.kind {
            InsideKind::Ingress => ParticipantKind::Ingress,
            InsideKind::Egress => ParticipantKind::Egress,
            InsideKind::Sip => ParticipantKind::Sip,
            InsideKind::Agent => ParticipantKind::Agent,
        };
        let join = MediaJoin {
            room: join.room.clone(),
            session: join.session.clone(),
            identity: join.identity.clone(),
            name: join.name.clone(),
            metadata: join.metadata.clone(),
            attributes: join.attributes.clone(),
            permission: join.permission,
            request: Bytes::new(),
            topology: Topology::Single,
            relays: Vec::new(),
            relay_only: false,
            kind,
            kind_details: Vec::new(),
        };
        self.takes(&join, at)?;
        let now = self.now(at);
        // What a client asks for was just looked up with the meeting; an insider may have begun to enter long before.
        if self.is_anothers(&join.room, &join.session) {
            refused("taken");
            return Err(ConnectError::Taken);
        }
        let (room_key, peer, idle) = self.place_for(&join, now);
        let connection = Connection::new(idle, at);
        let Some(room) = self.rooms.get_mut(&room_key) else { return Err(ConnectError::Unavailable) };
        let entered = room.machine.has_place_for(&join.identity, join.takes_no_place())
            && room.machine.connect(convert::connect(peer, &join, JoinRequest::inside()), now) == Ok(Connected::New);
        if !entered {
            refused("room");
            self.settle(room_key, at);
            return Err(ConnectError::NoPlace);
        }
        let mut session = Session::new(join.identity.clone(), connection, at);
        session.publisher.connected = true;
        session.inside = Some(Inside::new(join.identity.clone(), items));
        room.sessions.insert(peer, session);
        metrics::counter!("media_joins_total").increment(1);
        let link = self.link_to(room_key, peer);
        self.settle(room_key, at);
        self.came_up(ConnectionKey { room: room_key, peer, subscriber: false }, at);
        self.renegotiate_insider(room_key, peer, at);
        Ok(link)
    }

    /// An insider wants something.
    pub fn inside_order(&mut self, link: u64, order: InsideOrder, at: Instant) {
        let Some((key, peer)) = self.links.get(&link).copied() else { return };
        if !matches!(order, InsideOrder::Send { .. }) {
            // What it sent before comes before.
            self.hand_out(at);
        }
        self.serve(key, peer, at, |engine| match order {
            InsideOrder::Send { name, frame } => engine.send_inside(key, peer, &name, &frame, at),
            order => {
                engine.carry_out(key, peer, order, at);
                engine.renegotiate_insider(key, peer, at);
            }
        });
    }

    /// An insider is gone.
    pub fn inside_gone(&mut self, link: LinkId, at: Instant) {
        let Some((key, peer)) = self.links.remove(&link) else { return };
        self.hand_out(at);
        self.serve(key, peer, at, |engine| engine.say_for(key, peer, ClientMessage::leave(), at));
    }

    fn carry_out(&mut self, key: RoomKey, peer: PeerKey, order: InsideOrder, at: Instant) {
        #[cfg(test)]
        if let Some(session) = self.rooms.get(&key).and_then(|room| room.sessions.get(&peer)) {
            faults::trip(faults::Point::Order, &session.identity);
        }
        // It may have read of a mute already, and this answer it.
        self.confirm_mutes(key, peer, at);
        let Some(inside) = self.insider(key, peer) else { return };
        let message = match order {
            InsideOrder::Publish { name, source, format, size, stereo } => {
                let (kind, signalled) = frames::signalled(format);
                if inside.own.contains_key(&name) {
                    return;
                }
                let Some(section) = inside.place(kind, &name) else {
                    inside.items.push(InsideItem::Refused { name, why: InsideRefusal::TooMany });
                    return;
                };
                inside.own.insert(name.clone(), Own::new(section, format));
                ClientMessage::add_track(&name, source, signalled, size, stereo)
            }
            InsideOrder::Unpublish { name } => return inside.retire(&name),
            InsideOrder::Mute { name, muted } => {
                let Some(sid) = inside.sids.get(&name) else { return };
                ClientMessage::mute(sid, muted)
            }
            InsideOrder::Subscribe { sid, wanted } => return self.subscribe(key, peer, sid, wanted, at),
            InsideOrder::Quality { sid, quality } => ClientMessage::quality(&sid, quality),
            InsideOrder::KeyFrame { sid } => {
                let section = inside.gets.iter().find(|(_, got)| got.sid() == sid).map(|(section, _)| *section);
                return if let Some(section) = section {
                    self.want_key_frame(key, peer, section, at)
                };
            }
            InsideOrder::Send { .. } => return,
        };
        self.say_for(key, peer, message, at);
    }

    /// Whoever is not to have a track is told at once; who is when it begins.
    fn subscribe(&mut self, key: RoomKey, peer: PeerKey, sid: String, wanted: bool, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let receives = room.machine.subscribe(peer, &sid, wanted, now);
        self.settle(key, at);
        if let Some(inside) = self.insider(key, peer).filter(|_| wanted && !receives) {
            inside.items.push(InsideItem::Receiving { sid, yes: false });
        }
    }

    fn insider(&mut self, key: RoomKey, peer: PeerKey) -> Option<&mut Inside> {
        self.rooms.get_mut(&key)?.sessions.get_mut(&peer)?.inside.as_mut()
    }

    fn say_for(&mut self, key: RoomKey, peer: PeerKey, message: ClientMessage, at: Instant) {
        let now = self.now(at);
        if let Some(room) = self.rooms.get_mut(&key) {
            room.machine.client_message(peer, message, now);
        }
        self.settle(key, at);
    }

    /// An insider was told how tracks of its own are, and the room has its word that it was.
    fn confirm_mutes(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        let Some(inside) = self.insider(key, peer) else { return };
        for (sid, muted) in std::mem::take(&mut inside.mutes) {
            self.say_for(key, peer, ClientMessage::mute(&sid, muted), at);
        }
    }

    /// Offers again if the sections changed, until they no longer do.
    pub(crate) fn renegotiate_insider(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        // Each round asks for sections at most once more.
        for _ in 0..4 {
            let Some(inside) = self.insider(key, peer) else { return };
            if !std::mem::take(&mut inside.changed) {
                return;
            }
            inside.offers += 1;
            let offer = ClientMessage::offer(inside.offers);
            self.say_for(key, peer, offer, at);
            if let Some(inside) = self.insider(key, peer).filter(|inside| !inside.changed) {
                inside.settled();
            }
        }
    }

    /// Insiders of a room who need more sections than they have, lost their way in a track, were muted or do not read.
    pub(crate) fn tend_insiders(&mut self, key: RoomKey, at: Instant) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let (mut waiting, mut stuck) = (Vec::new(), Vec::new());
        for (peer, session) in &mut room.sessions {
            let Some(inside) = &mut session.inside else { continue };
            if inside.items.is_stuck() {
                stuck.push((*peer, ()));
            } else if inside.changed || !inside.broken.is_empty() || !inside.mutes.is_empty() {
                waiting.push((*peer, std::mem::take(&mut inside.broken)));
            }
        }
        let now = self.now(at);
        self.each(key, at, stuck, |engine, peer, ()| {
            tracing::warn!("an insider that reads nothing of what it is told is put out");
            if let Some(room) = engine.rooms.get_mut(&key) {
                room.machine.session_failed(peer, now);
            }
            engine.settle(key, at);
        });
        self.each(key, at, waiting, |engine, peer, broken| {
            engine.confirm_mutes(key, peer, at);
            engine.renegotiate_insider(key, peer, at);
            for section in broken {
                engine.want_key_frame(key, peer, section, at);
            }
        });
    }

    fn want_key_frame(&mut self, key: RoomKey, peer: PeerKey, section: u16, at: Instant) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let track = room
            .sessions
            .get(&peer)
            .and_then(|session| session.publisher.downs.get(usize::from(section)).copied().flatten());
        let Some(track) = track else { return };
        let mut news = News::default();
        room.forward.key_frame_wanted(track, peer);
        room.forward.collect(track, at, &mut news);
        self.spread(key, news, at);
    }

    fn send_inside(&mut self, key: RoomKey, peer: PeerKey, name: &str, frame: &SentFrame, at: Instant) {
        let Some(session) = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer)) else { return };
        session.publisher.heard(at);
        let Some(own) = session.inside.as_mut().and_then(|inside| inside.own.get_mut(name)) else { return };
        let Some(track) = session.publisher.ups.get(usize::from(own.section)).copied().flatten() else {
            self.counters.unpublished.increment(1);
            return;
        };
        let from = ConnectionKey { room: key, peer, subscriber: false };
        match own.packets(frame, at) {
            Ok(packets) => self.arrived.extend(packets.into_iter().map(|packet| Arrived { from, track, packet })),
            Err(error) => {
                tracing::debug!(%error, "an insider's frame was not sent");
                metrics::counter!("media_inside_frames_refused_total").increment(1);
            }
        }
    }
}
