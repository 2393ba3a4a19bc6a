//! Who is told of whom in a big room, and when (media-protocol.md section 11.2), against held time.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::Identity;
use model::media::{MediaPermission, ParticipantKind};
use proptest::prelude::*;
use prost::Message;
use signal::{Connect, JoinRequest, PeerKey};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{World, all, join_request, names};
use wire::lk;
use wire::lk::participant_info::State;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// The shortest and the longest time for which newcomers may be gathered.
const SOON: Duration = Duration::from_millis(49);
const WINDOW: Duration = Duration::from_millis(100);

/// So many people are a crowd.
const CROWD: usize = 50;

/// A room with as many people as make it big, who heard everything there was to hear. The first of them.
fn crowd() -> (World, PeerKey) {
    let mut world = World::new();
    let people: Vec<PeerKey> = (0..CROWD).map(|number| world.join(&format!("p{number}"))).collect();
    world.pass(Duration::from_secs(10));
    people.iter().for_each(|peer| drop(world.take(*peer)));
    world.encoded.clear();
    (world, people[0])
}

impl World {
    /// Somebody's socket is there, nothing else yet.
    fn come(&mut self, who: &str) -> PeerKey {
        self.connect(who, all(), false, &join_request()).0
    }

    fn connected(&mut self, peer: PeerKey) {
        let now = self.now();
        self.room.connected(peer, now);
        self.settle();
    }

    /// What somebody was told of others since the last look: one list per message.
    fn told(&mut self, peer: PeerKey) -> Vec<Vec<(String, State)>> {
        let updates = self.take(peer).into_iter().filter_map(|message| match message {
            Response::Update(update) => Some(update.participants),
            _ => None,
        });
        let entry = |info: lk::ParticipantInfo| (info.identity.clone(), info.state());
        updates.map(|infos| infos.into_iter().map(entry).collect()).collect()
    }

    fn told_after_window(&mut self, peer: PeerKey) -> Vec<Vec<(String, State)>> {
        self.pass(WINDOW);
        self.told(peer)
    }
}

fn one(who: &str, state: State) -> Vec<(String, State)> {
    vec![(who.to_owned(), state)]
}

#[test]
fn newcomers_of_a_big_room_are_told_together_in_one_message_that_is_encoded_once() {
    let (mut world, ann) = crowd();
    for number in 0..20 {
        world.join(&format!("new{number}"));
    }
    world.encoded.clear();
    world.pass(SOON);
    assert!(world.told(ann).is_empty(), "not yet");

    let told = world.told_after_window(ann);

    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [20]);
    assert!(told[0].iter().all(|(_, state)| *state == State::Active), "as they are by then");
    let update = |bytes: &&bytes::Bytes| {
        let message = lk::SignalResponse::decode((*bytes).clone()).unwrap().message;
        matches!(message, Some(Response::Update(_)))
    };
    assert_eq!(world.encoded.iter().filter(update).count(), 1, "for all seventy");
    assert!(world.told_after_window(ann).is_empty(), "and not again");
}

#[test]
fn in_a_small_room_everybody_is_told_at_once() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let bob = world.come("bob");
    assert_eq!(world.told(ann), [one("bob", State::Joined)]);
    world.connected(bob);
    assert_eq!(world.told(ann), [one("bob", State::Active)]);
}

#[test]
fn the_newcomer_itself_knows_everybody_at_once_also_those_who_are_still_gathered() {
    let (mut world, _) = crowd();
    world.come("bob");
    let cid = world.come("cid");
    let Some(Response::Join(join)) = world.take(cid).into_iter().next() else { panic!("join is first") };
    assert_eq!(join.other_participants.len(), CROWD + 1);
}

#[test]
fn whoever_leaves_before_they_were_announced_never_came_but_for_those_who_came_after_them() {
    let (mut world, ann) = crowd();
    let bob = world.come("bob");
    let cid = world.come("cid");
    world.take(cid);
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));

    assert_eq!(world.told(cid), [one("bob", State::Disconnected)], "cid saw bob");
    assert_eq!(world.told_after_window(ann), [one("cid", State::Joined)]);
}

#[test]
fn whoever_leaves_after_they_were_announced_is_told_gone_at_once() {
    let (mut world, ann) = crowd();
    let bob = world.come("bob");
    assert_eq!(world.told_after_window(ann), [one("bob", State::Joined)]);
    world.connected(bob);
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));

    assert_eq!(world.told(ann), [one("bob", State::Disconnected)]);
    assert!(world.told_after_window(ann).is_empty(), "nobody rises from the dead");
}

#[test]
fn somebody_who_comes_twice_in_a_moment_is_there_once() {
    let (mut world, ann) = crowd();
    let first = world.come("bob");
    let cid = world.come("cid");
    world.take(cid);
    world.come("bob");
    assert_eq!(world.gone, [first]);
    assert_eq!(world.told(cid), [one("bob", State::Disconnected)]);

    let told = world.told_after_window(ann);
    assert_eq!(told.concat().iter().filter(|(who, _)| who == "bob").count(), 1);
    assert_eq!(world.told(cid).concat().last(), Some(&("bob".to_owned(), State::Joined)));
}

#[test]
fn whoever_publishes_is_told_at_once_with_their_track_and_not_again() {
    let (mut world, ann) = crowd();
    let bob = world.come("bob");
    world.offers.insert(bob, support::placeholders());
    world.offer(bob, 1);
    let sid = world.publish(bob, "mic", lk::TrackSource::Microphone);

    let messages = world.take(ann);
    let Some(Response::Update(update)) = messages.first() else { panic!("an update: {:?}", names(&messages)) };
    assert_eq!(update.participants[0].tracks[0].sid, sid);
    assert!(world.told_after_window(ann).is_empty());
    world.connected(bob);
    assert_eq!(world.told(ann), [one("bob", State::Active)], "publishers do not wait");
}

#[test]
fn changes_of_rights_and_descriptions_are_told_at_once_and_hiding_ends_all() {
    let (mut world, ann) = crowd();
    let bob = world.come("bob");
    let update = lk::UpdateParticipantMetadata { name: "Bob".into(), ..Default::default() };
    world.request(bob, Request::UpdateMetadata(update));
    assert_eq!(world.told(ann), [one("bob", State::Joined)]);
    assert!(world.told_after_window(ann).is_empty());

    world.come("cid");
    let now = world.now();
    let who = |name: &str| Identity::try_from(name).unwrap();
    world.room.set_permission(&who("cid"), MediaPermission { publish_data: false, ..all() }, now);
    world.settle();
    assert_eq!(world.told(ann), [one("cid", State::Joined)]);

    let spy = world.come("spy");
    world.room.set_permission(&who("spy"), MediaPermission { hidden: true, ..all() }, now);
    world.settle();
    world.connected(spy);
    assert!(world.told_after_window(ann).is_empty(), "nobody ever saw it");
    world.room.set_permission(&who("spy"), all(), now);
    world.settle();
    assert_eq!(world.told(ann), [one("spy", State::Active)]);
}

#[test]
fn nobody_hears_from_somebody_they_know_nothing_of() {
    let (mut world, ann) = crowd();
    let bob = world.come("bob");
    world.connected(bob);
    let packet =
        lk::DataPacket { value: Some(lk::data_packet::Value::User(lk::UserPacket::default())), ..Default::default() };
    let now = world.now();
    world.room.message(bob, true, &packet.encode_to_vec(), now);
    world.settle();
    assert_eq!(world.data[&ann].len(), 1);
    assert_eq!(world.told(ann), [one("bob", State::Active)]);
}

#[test]
fn whoever_comes_back_meanwhile_is_told_of_those_who_are_gathered_and_of_their_end() {
    let (mut world, ann) = crowd();
    let now = world.now();
    world.room.link_lost(ann, now);
    let bob = world.come("bob");
    world.connect("p0", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    assert!(world.told(ann).concat().contains(&("bob".to_owned(), State::Joined)));
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(world.told(ann), [one("bob", State::Disconnected)]);
}

#[test]
fn long_news_are_cut_at_128_kib() {
    let (mut world, ann) = crowd();
    come_at_length(&mut world, 10, 30 * 1024);
    assert_eq!(world.told_after_window(ann).iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
}

#[test]
fn more_people_than_an_answer_to_a_join_can_hold_follow_before_anything_else() {
    let mut world = World::new();
    come_at_length(&mut world, 5, 300 * 1024);
    let description = lk::SessionDescription { r#type: "offer".into(), id: 1, ..Default::default() };
    let request = lk::JoinRequest { publisher_offer: Some(description), ..join_request() };
    let (bob, _) = world.connect("bob", all(), false, &request);

    let messages = world.take(bob);

    assert_eq!(names(&messages), ["join", "update", "update", "answer"]);
    let Response::Join(join) = &messages[0] else { panic!("join") };
    assert_eq!(join.other_participants.len(), 3);
}

/// So many people come with so much metadata.
fn come_at_length(world: &mut World, people: u64, length: usize) {
    for number in 0..people {
        let connect = Connect {
            key: PeerKey(1000 + number),
            identity: Identity::try_from(format!("long{number}").as_str()).unwrap(),
            name: String::new(),
            metadata: "m".repeat(length),
            attributes: BTreeMap::new(),
            permission: all(),
            dual: false,
            relays: Vec::new(),
            relay_only: false,
            kind: ParticipantKind::Standard,
            kind_details: Vec::new(),
            request: JoinRequest::read(&[]).unwrap(),
        };
        let now = world.now();
        world.room.connect(connect, now).unwrap();
        world.settle();
    }
}

/// What happens to one of a few people who come and go.
#[derive(Debug, Clone, Copy)]
enum Step {
    Come,
    Connected,
    Publish,
    Speak,
    Rename,
    Hide,
    Show,
    LoseSocket,
    Resume,
    Leave,
    Wait,
}

fn any_step() -> impl Strategy<Value = (Step, usize)> {
    use Step::{Come, Connected, Hide, Leave, LoseSocket, Publish, Rename, Resume, Show, Speak, Wait};
    let steps = [Come, Come, Connected, Publish, Speak, Rename, Hide, Show, LoseSocket, Resume, Leave, Wait];
    (proptest::sample::select(steps.to_vec()), 0..4usize)
}

/// Those who come and go, and what each client believes: by identity, the sid and the state.
struct Views {
    world: World,
    keys: BTreeMap<usize, PeerKey>,
    believed: BTreeMap<PeerKey, BTreeMap<String, (String, State)>>,
    away: Vec<PeerKey>,
}

impl Views {
    fn of_crowd() -> Self {
        let mut world = World::new();
        for number in 0..CROWD {
            let peer = world.come(&format!("p{number}"));
            world.connected(peer);
        }
        let mut views = Self { world, keys: BTreeMap::new(), believed: BTreeMap::new(), away: Vec::new() };
        views.read();
        views
    }

    fn step(&mut self, step: Step, who: usize) {
        let (name, now) = (format!("r{who}"), self.world.now());
        let identity = Identity::try_from(name.as_str()).unwrap();
        match (step, self.keys.get(&who).copied()) {
            (Step::Wait, _) => self.world.pass(Duration::from_millis(30)),
            (Step::Come, _) => {
                let peer = self.world.come(&name);
                self.world.offers.insert(peer, support::placeholders());
                self.keys.insert(who, peer);
            }
            (_, None) => {}
            (Step::Connected, Some(peer)) => self.world.room.connected(peer, now),
            (Step::Publish, Some(peer)) => {
                let add = lk::AddTrackRequest { cid: "mic".into(), ..Default::default() };
                self.world.request(peer, Request::AddTrack(add));
                if let Some(offers) = self.world.offers.get_mut(&peer) {
                    offers.push(support::section("20", signal::Kind::Audio, "mic"));
                }
                self.world.offer(peer, 2);
            }
            (Step::Speak, Some(peer)) => {
                self.world.room.message(peer, false, &lk::DataPacket::default().encode_to_vec(), now);
            }
            (Step::Rename, Some(peer)) => {
                let update = lk::UpdateParticipantMetadata { name: "new".into(), ..Default::default() };
                self.world.request(peer, Request::UpdateMetadata(update));
            }
            (Step::Hide, Some(_)) => {
                self.world.room.set_permission(&identity, MediaPermission { hidden: true, ..all() }, now);
            }
            (Step::Show, Some(_)) => self.world.room.set_permission(&identity, all(), now),
            (Step::LoseSocket, Some(peer)) => {
                self.world.room.link_lost(peer, now);
                self.away.push(peer);
            }
            (Step::Resume, Some(peer)) => {
                self.world.connect(&name, all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
                self.away.retain(|away| *away != peer);
            }
            (Step::Leave, Some(peer)) => self.world.request(peer, Request::Leave(lk::LeaveRequest::default())),
        }
        self.world.settle();
        let gone = &self.world.gone;
        self.keys.retain(|_, peer| !gone.contains(peer));
        self.read();
    }

    /// Every client takes in what it was told, as livekit-client does.
    fn read(&mut self) {
        for (peer, messages) in std::mem::take(&mut self.world.inbox) {
            let believed = self.believed.entry(peer).or_default();
            let resumed = messages.iter().any(|message| matches!(message, Response::Reconnect(_)));
            for message in messages {
                let infos = match message {
                    Response::Join(join) => join.other_participants.into_iter().chain(join.participant).collect(),
                    Response::Update(update) => update.participants,
                    _ => Vec::new(),
                };
                for info in infos {
                    let state = info.state();
                    if state != State::Disconnected {
                        believed.insert(info.identity, (info.sid, state));
                        continue;
                    }
                    // By identity: whoever is told gone too late takes the one who came after them along.
                    let former = believed.remove(&info.identity);
                    let is_the_one = former.map_or(resumed, |(sid, _)| sid == info.sid);
                    assert!(is_the_one, "{} is told gone and was not there", info.identity);
                }
            }
        }
    }

    fn assert_true(&self) {
        let everybody: Vec<lk::ParticipantInfo> =
            self.world.room.everybody().into_iter().map(|info| lk::ParticipantInfo::decode(info).unwrap()).collect();
        let is_hidden = |info: &lk::ParticipantInfo| info.permission.as_ref().is_some_and(|rights| rights.hidden);
        for (peer, believed) in &self.believed {
            if self.world.gone.contains(peer) || self.away.contains(peer) {
                continue;
            }
            let own = |info: &lk::ParticipantInfo| {
                self.keys.iter().any(|(who, key)| key == peer && info.identity == format!("r{who}"))
            };
            let expected: BTreeMap<_, _> = everybody
                .iter()
                .filter(|info| own(info) || !is_hidden(info))
                .map(|info| (info.identity.clone(), (info.sid.clone(), info.state())))
                .collect();
            assert_eq!(*believed, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever order people come and go in, nobody is told of an end that is none, and in the end everybody believes what is
    /// true.
    #[test]
    fn everybody_ends_up_believing_what_is_true(steps in prop::collection::vec(any_step(), 0..40)) {
        let mut views = Views::of_crowd();
        for (step, who) in steps {
            views.step(step, who);
        }
        views.world.pass(WINDOW);
        views.read();
        views.assert_true();
    }
}
