//! What happens in the meeting of two hundred: they come, storms pass over them, and it clears up.

use super::simulation::film::Codec;
use super::simulation::net::Weather;
use super::simulation::peer::{Coding, Kind, Knows};
use super::simulation::random::Random;
use super::simulation::world::{World, permission};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_request::Message as Request;

/// From so many subscriptions on a room is large.
const LARGE: usize = 20;

/// Sections of each kind a client brings; for more it is asked.
const SECTIONS: u32 = 4;

/// Every so many is an older client, which receives on a connection of its own.
const OLDER: usize = 5;

/// How long it storms.
pub(crate) const STORM: Duration = Duration::from_secs(6);

/// How often something happens to somebody meanwhile.
const STROKE: Duration = Duration::from_millis(60);

/// Time in which everything heals, also the estimates of lines that were narrow to the end, and in which it must then go well.
const HEALING: Duration = Duration::from_secs(8);
pub(crate) const CALM: Duration = Duration::from_secs(2);

/// Uplinks that carry sound and the smaller pictures, but not the larger ones besides, in bits per second.
pub(crate) const NARROW_UPLINKS: [u64; 2] = [110_000, 150_000];

/// One of so many who publish has such an uplink from the beginning of the storm on.
const NARROW: usize = 2;

/// How cameras are encoded, in turn; the first seed decides with which the lecture begins.
pub(crate) const CODINGS: [Coding; 6] = [
    Coding::VP8,
    Coding { codec: Codec::Vp9, scalable: true },
    Coding { codec: Codec::H264, scalable: false },
    Coding { codec: Codec::Av1, scalable: true },
    Coding { codec: Codec::Av1, scalable: false },
    Coding { codec: Codec::Vp9, scalable: false },
];

/// What clients know, in turn: some are newer than others.
const KNOWLEDGE: [Knows; 4] = [
    Knows::ALL,
    Knows { red: false, av1: false, ..Knows::ALL },
    Knows { red: false, h264: true, ..Knows::LITTLE },
    Knows { h264: false, ..Knows::ALL },
];

/// A meeting, and what was done to it.
pub(crate) struct Meeting {
    pub(crate) world: World,
    chance: Random,
    /// That of uplinks.
    uplink_chance: Random,
    /// The room of every client, by index.
    pub(crate) rooms: Vec<&'static str>,
    /// Clients whose sound is muted, and the number of the first sound after that.
    mutes: HashMap<usize, u32>,
    /// Those who may publish and mean to.
    pub(crate) publishers: HashSet<usize>,
    names: usize,
    /// When something happened to each client, and whether nothing can be said of its sound from then on.
    pub(crate) upsets: HashMap<usize, Vec<(Instant, bool)>>,
    /// What the uplinks were like, of those for whom that changed, and from when on.
    pub(crate) uplinks: HashMap<usize, Vec<(Instant, Weather)>>,
    /// Those whose way to them was narrow at a time: they may be left without pictures for a while.
    pub(crate) narrow_downlinks: HashSet<usize>,
    /// How many cameras there were.
    cameras: usize,
    pub(crate) log: Vec<String>,
}

impl Meeting {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            // Every other one with its large rooms on two shards.
            world: World::spread(seed, seed.is_multiple_of(2).then_some(LARGE)),
            chance: Random::new(seed),
            uplink_chance: Random::new(seed).branch(u64::MAX),
            rooms: Vec::new(),
            mutes: HashMap::new(),
            publishers: HashSet::new(),
            names: 0,
            upsets: HashMap::new(),
            uplinks: HashMap::new(),
            narrow_downlinks: HashSet::new(),
            cameras: usize::try_from(seed % 6).unwrap(),
            log: Vec::new(),
        }
    }

    pub(crate) fn come(&mut self, room: &'static str, knows: Knows, adapts: bool) -> usize {
        self.names += 1;
        let dual = self.names.is_multiple_of(OLDER);
        let kind = Kind { sections: SECTIONS, knows, adapts, dual };
        let index = self.world.join_with(&format!("p{}", self.names), room, kind);
        self.rooms.push(room);
        self.upset(index, false);
        index
    }

    /// Whoever comes next is a little different.
    fn knowledge(&self) -> Knows {
        KNOWLEDGE[self.names % KNOWLEDGE.len()]
    }

    /// Publishes in the next of the codecs it knows.
    pub(crate) fn publish(&mut self, index: usize) {
        let knows = self.world.peers[index].knows;
        let turn = CODINGS.iter().cycle().skip(self.cameras).take(CODINGS.len());
        let (passed, coding) = turn.enumerate().find(|(_, coding)| knows.takes(coding.codec)).unwrap();
        self.cameras = (self.cameras + passed + 1) % CODINGS.len();
        self.world.peers[index].publish(*coding);
        self.publishers.insert(index);
    }

    pub(crate) fn assemble(&mut self, rooms: &[(&'static str, usize, usize)]) {
        for (room, people, publish) in rooms.iter().copied() {
            for number in 0..people {
                let publishes = number < publish;
                let knows = if publishes { Knows::ALL } else { self.knowledge() };
                let index = self.come(room, knows, publishes);
                if publishes {
                    self.publishers.insert(index);
                }
            }
            self.world.run(Duration::from_millis(200));
        }
        self.world.run(Duration::from_secs(2));
        for index in self.sorted_publishers() {
            self.publish(index);
            self.world.run(Duration::from_millis(40));
        }
        self.world.run(Duration::from_secs(2));
    }

    pub(crate) fn sorted_publishers(&self) -> Vec<usize> {
        let mut publishers: Vec<usize> = self.publishers.iter().copied().collect();
        publishers.sort_unstable();
        publishers
    }

    pub(crate) fn storm(&mut self) {
        // Seldom does chance pick one of the few who publish, and it takes time to be seen what comes of that.
        let first = self.uplink_chance.below(NARROW);
        for index in self.sorted_publishers().into_iter().skip(first).step_by(NARROW) {
            let rate = self.narrow_uplink();
            self.upset(index, false);
            self.set_uplink(index, Weather { rate: Some(rate), ..Weather::FINE });
        }
        let end = self.world.now + STORM;
        while self.world.now < end {
            self.stroke();
            let pause = self.chance.up_to(STROKE * 2);
            self.world.run(pause);
        }
    }

    /// Something happens to somebody.
    fn stroke(&mut self) {
        let index = self.chance.below(self.world.peers.len());
        let kind = self.chance.below(100);
        if self.world.peers[index].over {
            return;
        }
        let at = self.world.now - self.world.start;
        let name = self.world.peers[index].name.clone();
        self.log.push(format!("{at:?} {name} {kind}"));
        self.world.peers[index].steady_since = self.world.now;
        self.upset(index, kind >= 25);
        match kind {
            0..25 => self.weather(index),
            25..40 => self.mute(index),
            40..60 => self.choose(index),
            60..68 => self.leave(index),
            68..76 => {
                let room = self.rooms[index];
                self.come(room, self.knowledge(), false);
            }
            76..84 => self.rights(index),
            84..92 => self.world.resume(index, self.rooms[index]),
            92..95 => self.world.change_network(index, self.rooms[index]),
            _ => self.publication(index),
        }
    }

    pub(crate) fn upset(&mut self, index: usize, ends: bool) {
        self.upsets.entry(index).or_default().push((self.world.now, ends));
    }

    fn weather(&mut self, index: usize) {
        let weather = match self.chance.below(6) {
            0 => Weather::FINE,
            1 => Weather { loss: 50, ..Weather::FINE },
            2 => Weather { jitter: Duration::from_millis(40), ..Weather::FINE },
            3 => Weather { delay: Duration::from_millis(100), ..Weather::FINE },
            4 => Weather { rate: Some(600_000), ..Weather::FINE },
            _ => Weather { loss: 20, jitter: Duration::from_millis(15), ..Weather::FINE },
        };
        let which = self.chance.below(3);
        let uplink = self.narrow_uplink();
        if which != 0 {
            // Clients that send more than fits are not this test's matter.
            let adapts = self.world.peers[index].adapts;
            let rate = weather.rate.filter(|_| adapts).map(|_| uplink);
            self.set_uplink(index, Weather { rate, ..weather });
        }
        if which != 1 {
            self.log.push(format!("{} gets in {weather:?}", self.world.peers[index].name));
            let [_, down] = self.world.lines(index);
            down.set(weather);
            self.narrow_downlinks.extend(weather.rate.map(|_| index));
        }
    }

    fn narrow_uplink(&mut self) -> u64 {
        NARROW_UPLINKS[self.uplink_chance.below(NARROW_UPLINKS.len())]
    }

    pub(crate) fn set_uplink(&mut self, index: usize, weather: Weather) {
        self.log.push(format!("{} sends in {weather:?}", self.world.peers[index].name));
        let [up, _] = self.world.lines(index);
        up.set(weather);
        self.uplinks.entry(index).or_default().push((self.world.now, weather));
    }

    fn mute(&mut self, index: usize) {
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        let peer = &mut peers[index];
        let Some(sid) = peer.camera.sid.clone() else { return };
        let muted = !peer.camera.muted;
        if muted {
            peer.request(engine, Request::Mute(lk::MuteTrackRequest { sid, muted }), now);
            peer.camera.muted = true;
            self.mutes.insert(index, peer.camera.sounds + 1);
            return;
        }
        // It went on speaking while it was muted. What is under way arrives before it is heard again.
        let Some(from) = self.mutes.remove(&index) else { return };
        let to = peer.camera.sounds + 1;
        peer.camera.muted_sounds.push((from, to));
        let next = peer.camera.next.take();
        self.world.run(Duration::from_millis(300));
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        let peer = &mut peers[index];
        peer.camera.next = next.map(|_| now);
        peer.request(engine, Request::Mute(lk::MuteTrackRequest { sid, muted }), now);
        peer.camera.muted = false;
    }

    fn choose(&mut self, index: usize) {
        // Ids are others each time.
        let mut tracks: Vec<(String, bool, String)> = Vec::new();
        for (sid, (owner, video)) in &self.world.peers[index].tracks {
            tracks.push((owner.clone(), *video, sid.clone()));
        }
        tracks.sort();
        if tracks.is_empty() {
            return;
        }
        let (owner, video, sid) = tracks[self.chance.below(tracks.len())].clone();
        let what = self.chance.below(4);
        let quality = i32::try_from(self.chance.below(3)).unwrap();
        self.log.push(format!("chooses {what} {quality} of {owner}, {video}"));
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        let request = if what == 0 {
            #[allow(deprecated)]
            Request::Subscription(lk::UpdateSubscription {
                track_sids: vec![sid],
                subscribe: quality > 0,
                ..Default::default()
            })
        } else {
            Request::TrackSetting(lk::UpdateTrackSettings {
                track_sids: vec![sid],
                disabled: video && what == 1,
                quality,
                ..Default::default()
            })
        };
        peers[index].request(engine, request, now);
    }

    fn leave(&mut self, index: usize) {
        if self.publishers.len() < 6 && self.publishers.contains(&index) {
            return;
        }
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        // Some vanish without a word.
        if self.chance.below(3) > 0 {
            peers[index].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
        }
        peers[index].over = true;
        self.publishers.remove(&index);
    }

    fn rights(&mut self, index: usize) {
        let deaf = self.world.peers[index].deaf_since.is_some();
        let rights = model::media::MediaPermission { subscribe: deaf, ..permission() };
        self.allow(index, rights);
        self.world.peers[index].deaf_since = (!deaf).then_some(self.world.now);
    }

    fn allow(&mut self, index: usize, rights: model::media::MediaPermission) {
        let room = model::RoomId::try_from(self.rooms[index]).unwrap();
        let who = model::Identity::try_from(self.world.peers[index].name.as_str()).unwrap();
        let now = self.world.now;
        self.world.engine.set_permission(&room, &who, rights, now);
    }

    fn publication(&mut self, index: usize) {
        if self.publishers.contains(&index) && self.publishers.len() > 6 {
            self.world.peers[index].unpublish();
            self.publishers.remove(&index);
            self.mutes.remove(&index);
        } else if self.publishers.len() < 16 {
            self.publish(index);
        }
    }

    /// The weather clears up, everybody is allowed everything, wants everything, and is heard.
    pub(crate) fn calm(&mut self) {
        for index in 0..self.world.peers.len() {
            if self.world.peers[index].over {
                continue;
            }
            let [_, down] = self.world.lines(index);
            down.set(Weather::FINE);
            self.set_uplink(index, Weather::FINE);
            self.allow(index, permission());
            self.world.peers[index].deaf_since = None;
            if self.world.peers[index].camera.muted {
                self.mute(index);
            }
        }
        self.world.run(Duration::from_secs(1));
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        for peer in peers.iter().filter(|peer| !peer.over) {
            let sids: Vec<String> = peer.tracks.keys().cloned().collect();
            for sid in &sids {
                let settings =
                    lk::UpdateTrackSettings { track_sids: vec![sid.clone()], quality: 2, ..Default::default() };
                peer.request(engine, Request::TrackSetting(settings), now);
            }
            #[allow(deprecated)]
            let all = lk::UpdateSubscription { track_sids: sids, subscribe: true, ..Default::default() };
            peer.request(engine, Request::Subscription(all), now);
        }
        self.world.run(HEALING);
    }

    /// Nothing is left of those who left.
    pub(crate) fn disperse(&mut self, faults: &mut Vec<String>) {
        let now = self.world.now;
        let World { engine, peers, .. } = &mut self.world;
        for peer in peers.iter_mut().filter(|peer| !peer.over) {
            peer.request(engine, Request::Leave(lk::LeaveRequest::default()), now);
            peer.over = true;
        }
        self.world.run(Duration::from_secs(90));
        let left = self.world.engine.holdings();
        if left != (media::Holdings { deadlines: left.deadlines, ..media::Holdings::default() }) || left.deadlines > 64
        {
            faults.push(format!("after all have left there is {left:?}"));
        }
    }
}
