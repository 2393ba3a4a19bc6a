//! Orders to be muted, against clients that put the server right wherever it differs from them, as LiveKit's do.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::media::{MediaPermission, Source};
use prost::Message;
use signal::{Connected, PeerKey, RemoveReason, TrackChoice};
use std::time::Duration;
use support::{World, all, join_request, names, seconds, who};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// A client with one track, which it takes for muted or not by itself.
struct Client {
    peer: PeerKey,
    sid: String,
    muted: bool,
    /// It has a publication of that sid.
    knows: bool,
    /// While it resumes it says nothing; this is what it will say.
    resuming: bool,
    waits: Vec<bool>,
}

impl Client {
    fn new(peer: PeerKey, sid: String) -> Self {
        Self { peer, sid, muted: false, knows: true, resuming: false, waits: Vec::new() }
    }

    /// Reads what it was sent, and answers.
    fn read(&mut self, world: &mut World) {
        loop {
            let messages = world.take(self.peer);
            if messages.is_empty() {
                return;
            }
            for message in messages {
                match message {
                    Response::Mute(mute) if self.knows && mute.sid == self.sid => self.set(world, mute.muted),
                    Response::Update(update) if self.knows => {
                        let tracks = update.participants.iter().flat_map(|info| &info.tracks);
                        let differs = |track: &lk::TrackInfo| track.sid == self.sid && track.muted != self.muted;
                        if tracks.into_iter().any(differs) {
                            self.say(world, self.muted);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn set(&mut self, world: &mut World, muted: bool) {
        if std::mem::replace(&mut self.muted, muted) != muted {
            self.say(world, muted);
        }
    }

    fn say(&mut self, world: &mut World, muted: bool) {
        if self.resuming {
            self.waits.push(muted);
        } else {
            world.request(self.peer, Request::Mute(lk::MuteTrackRequest { sid: self.sid.clone(), muted }));
        }
    }

    fn resumed(&mut self, world: &mut World) {
        self.resuming = false;
        for muted in std::mem::take(&mut self.waits) {
            self.say(world, muted);
        }
    }
}

/// How somebody else was told that Ann's tracks are, in order.
fn seen(world: &mut World, by: PeerKey) -> Vec<bool> {
    let updates = world.take(by).into_iter().filter_map(|message| match message {
        Response::Update(update) => Some(update),
        _ => None,
    });
    let of_ann = updates.flat_map(|update| update.participants).filter(|info| info.identity == "ann");
    of_ann.flat_map(|info| info.tracks).map(|track| track.muted).collect()
}

fn order(world: &mut World, choice: &TrackChoice) {
    let now = world.now();
    assert_eq!(world.room.mute(&who("ann"), choice, true, now), Ok(()));
    world.settle();
}

fn microphone() -> TrackChoice {
    TrackChoice::Source(Source::Microphone)
}

/// Something about Ann that has nothing to do with her tracks changes, and she is told too.
fn change_ann(world: &mut World, moderator: bool) {
    let now = world.now();
    world.room.set_permission(&who("ann"), MediaPermission { moderator, ..all() }, now);
    world.settle();
}

fn scene() -> (World, Client, PeerKey) {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(ann);
    world.take(bob);
    (world, Client::new(ann, sid), bob)
}

#[test]
fn an_order_reaches_the_client_before_what_it_would_contradict() {
    let (mut world, mut ann, bob) = scene();
    order(&mut world, &microphone());
    assert_eq!(names(&world.inbox[&ann.peer].iter().cloned().collect::<Vec<_>>())[..2], ["mute", "update"]);
    ann.read(&mut world);
    change_ann(&mut world, true);
    world.pass(seconds(10));
    ann.read(&mut world);
    assert!(ann.muted);
    assert!(seen(&mut world, bob).iter().all(|muted| *muted));

    // Confirmed: from then on it is the owner's again, at once.
    ann.set(&mut world, false);
    assert_eq!(seen(&mut world, bob), [false]);
    assert!(!names(&world.take(ann.peer)).contains(&"mute"));
}

#[test]
fn what_a_client_says_before_it_carried_out_an_order_does_not_count() {
    let (mut world, mut ann, bob) = scene();
    order(&mut world, &microphone());
    world.take(ann.peer);
    // It had not come round to it.
    ann.say(&mut world, false);
    ann.read(&mut world);
    assert!(ann.muted, "told again");
    world.pass(seconds(10));
    assert!(seen(&mut world, bob).iter().all(|muted| *muted));
}

#[test]
fn an_order_that_is_never_confirmed_stands_for_five_seconds() {
    let (mut world, mut ann, bob) = scene();
    order(&mut world, &microphone());
    world.pass(Duration::from_millis(4900));
    let told = names(&world.take(ann.peer));
    assert_eq!(told.iter().filter(|name| **name == "mute").count(), 5, "once and every second");
    ann.say(&mut world, false);
    assert_eq!(seen(&mut world, bob), [true]);

    world.pass(Duration::from_millis(200));
    world.take(ann.peer);
    change_ann(&mut world, true);
    assert!(!names(&world.take(ann.peer)).contains(&"mute"));
    ann.say(&mut world, false);
    assert_eq!(seen(&mut world, bob), [true, false]);
}

#[test]
fn an_order_that_was_given_while_the_socket_was_away_is_carried_out_at_the_resume() {
    for known in [true, false] {
        let (mut world, mut ann, bob) = scene();
        if known {
            let now = world.now();
            world.room.link_lost(ann.peer, now);
        }
        // Or the network is gone, the socket is not yet.
        order(&mut world, &microphone());
        world.pass(seconds(40));
        world.take(ann.peer);
        ann.resuming = true;
        // The user had unmuted meanwhile; that waits, too.
        ann.waits.push(false);
        let request = lk::JoinRequest { reconnect: true, ..join_request() };
        assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann.peer));
        ann.read(&mut world);
        world.pass(seconds(12));
        ann.read(&mut world);
        ann.resumed(&mut world);
        ann.read(&mut world);
        world.pass(seconds(30));
        ann.read(&mut world);
        assert!(ann.muted);
        assert!(seen(&mut world, bob).iter().all(|muted| *muted), "known: {known}");
    }
}

#[test]
fn an_order_given_before_the_client_knows_its_publication_is_carried_out_when_it_does() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    // As rooms do that begin muted: the answer is still on its way to the client.
    order(&mut world, &microphone());
    world.take(bob);
    let mut ann = Client { knows: false, ..Client::new(ann, sid) };
    ann.read(&mut world);
    ann.knows = true;
    change_ann(&mut world, true);
    ann.read(&mut world);
    assert!(ann.muted, "with what it is told next");
    assert!(seen(&mut world, bob).iter().all(|muted| *muted));

    let (mut world, mut ann, bob) = scene();
    ann.knows = false;
    order(&mut world, &microphone());
    ann.read(&mut world);
    ann.knows = true;
    world.pass(seconds(1));
    ann.read(&mut world);
    assert!(ann.muted, "or a second later");
    assert!(seen(&mut world, bob).iter().all(|muted| *muted));
}

#[test]
fn an_order_that_was_not_confirmed_counts_for_the_next_connection_once() {
    for known in [true, false] {
        let (mut world, ann, _) = scene();
        if known {
            let now = world.now();
            world.room.link_lost(ann.peer, now);
        }
        order(&mut world, &microphone());
        world.pass(seconds(30));
        // It gave the session up and made a new one.
        let ann = world.join("ann");
        let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
        let mut ann = Client::new(ann, sid);
        let camera = world.publish(ann.peer, "cam", lk::TrackSource::Camera);
        world.pass(seconds(1));
        ann.read(&mut world);
        assert!(ann.muted, "known: {known}");
        let info = world.room.participant(&who("ann")).unwrap();
        let tracks = lk::ParticipantInfo::decode(info).unwrap().tracks;
        let muted = |sid: &str| tracks.iter().find(|track| track.sid == sid).map(|one| one.muted);
        assert_eq!((muted(&ann.sid), muted(&camera)), (Some(true), Some(false)), "the camera is another matter");

        // What it publishes after that is its own.
        let second = world.publish(ann.peer, "second", lk::TrackSource::Microphone);
        let mut second = Client::new(ann.peer, second);
        world.pass(seconds(1));
        second.read(&mut world);
        assert!(!second.muted);
    }
}

#[test]
fn an_order_that_was_confirmed_or_is_old_ends_with_the_connection() {
    for (confirmed, pause) in [(true, 5), (false, 150)] {
        let (mut world, mut ann, _) = scene();
        order(&mut world, &microphone());
        if confirmed {
            ann.read(&mut world);
            assert!(ann.muted);
        }
        let now = world.now();
        world.room.remove(&who("ann"), RemoveReason::Left, now);
        world.pass(seconds(pause));
        let ann = world.join("ann");
        world.publish(ann, "mic", lk::TrackSource::Microphone);
        assert!(!names(&world.take(ann)).contains(&"mute"), "confirmed: {confirmed}");
    }
}

#[test]
fn all_tracks_of_a_source_are_muted_and_those_to_come_come_out_muted() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.publish(ann, "second", lk::TrackSource::Microphone);
    world.publish(ann, "cam", lk::TrackSource::Camera);
    let add =
        lk::AddTrackRequest { cid: "third".into(), source: lk::TrackSource::Microphone.into(), ..Default::default() };
    world.request(ann, Request::AddTrack(add));
    world.take(bob);

    order(&mut world, &microphone());
    let update = |world: &mut World| {
        let mut updates = world.take(bob);
        let Some(Response::Update(update)) = updates.pop() else { panic!("told") };
        update.participants[0].tracks.iter().map(|track| track.muted).collect::<Vec<_>>()
    };
    assert_eq!(update(&mut world), [true, true, false]);

    world.take(ann);
    world.pass(seconds(8));
    let offers = world.offers.get_mut(&ann).unwrap();
    offers.push(support::section("900", signal::Kind::Audio, "third"));
    world.offer(ann, 9);
    assert_eq!(update(&mut world), [true, true, false, true]);
    let told = world.take(ann);
    let third = told.iter().rev().find_map(|message| match message {
        Response::Update(update) => Some(update.participants[0].tracks[3].sid.clone()),
        _ => None,
    });
    let ordered = |message: &Response| matches!(message, Response::Mute(mute) if Some(&mute.sid) == third.as_ref());
    assert!(told.iter().any(ordered), "its client has to know");
}
