//! Sessions that go on with another socket, against held time: what is said again, what was missed, what starts over.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use prost::Message;
use signal::Connected;
use std::time::Duration;
use support::{World, all, join_request, names, seconds};
use wire::lk;
use wire::lk::participant_info::State;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn an_unknown_resume_is_sent_to_a_full_reconnect() {
    let mut world = World::new();
    let request = lk::JoinRequest { reconnect: true, participant_sid: "PA_unknown".into(), ..join_request() };
    let (_, connected) = world.connect("ann", all(), false, &request);
    let Connected::Refused(message) = connected else { panic!("refused") };
    let Some(Response::Leave(leave)) = lk::SignalResponse::decode(message).unwrap().message else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
    assert!(leave.can_reconnect);
    assert!(world.room.is_empty());
}

#[test]
fn a_resume_goes_on_with_the_session_and_tells_what_was_missed() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let sid = world.publish(bob, "mic", lk::TrackSource::Microphone);
    world.offer(ann, 2);
    let joined = world.take(ann);
    let Response::Join(join) = &joined[0] else { panic!("join") };
    let own_sid = join.participant.as_ref().unwrap().sid.clone();
    let now = world.now();
    world.room.link_lost(ann, now);
    world.settle();
    assert!(world.gone.is_empty(), "media goes on");
    world.pass(seconds(3));
    world.request(cid, Request::Leave(lk::LeaveRequest::default()));
    assert!(world.take(ann).is_empty(), "nothing is sent without a socket");
    let request = lk::JoinRequest { reconnect: true, participant_sid: own_sid, ..join_request() };
    let (_, connected) = world.connect("ann", all(), false, &request);
    assert_eq!(connected, Connected::Resumed(ann));
    let messages = world.take(ann);
    assert_eq!(names(&messages)[..4], ["reconnect", "update", "update", "room_update"]);
    let Response::Update(left) = &messages[1] else { panic!("who left") };
    assert_eq!((left.participants[0].identity.as_str(), left.participants[0].state()), ("cid", State::Disconnected));
    let Response::Update(here) = &messages[2] else { panic!("who is here") };
    assert_eq!(here.participants.len(), 2);
    assert!(here.participants.iter().any(|info| info.tracks.iter().any(|track| track.sid == sid)));
    assert_eq!(world.bound_to(ann), 1, "the subscription is still there");
    // The client restarts ICE; the sections stay as they are.
    world.request(ann, Request::SyncState(lk::SyncState::default()));
    world.offer(ann, 3);
    assert_eq!(world.tracks_of(ann), [sid]);
}

#[test]
fn a_sync_state_with_foreign_tracks_starts_over() {
    let mut world = World::new();
    let ann = world.join("ann");
    let foreign = lk::TrackPublishedResponse {
        cid: "x".into(),
        track: Some(lk::TrackInfo { sid: "TR_foreign".into(), ..Default::default() }),
    };
    world.request(ann, Request::SyncState(lk::SyncState { publish_tracks: vec![foreign], ..Default::default() }));
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.reason(), lk::DisconnectReason::StateMismatch);
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
}

#[test]
fn a_socket_lost_before_media_ends_the_session_and_afterwards_does_not() {
    let mut world = World::new();
    let (ann, _) = world.connect("ann", all(), false, &join_request());
    let now = world.now();
    world.room.link_lost(ann, now);
    world.settle();
    assert_eq!(world.gone, [ann]);
    let bob = world.join("bob");
    let now = world.now();
    world.room.link_lost(bob, now);
    world.settle();
    world.pass(seconds(120));
    assert_eq!(world.gone, [ann]);
    let now = world.now();
    world.room.connection_failed(bob, now);
    world.settle();
    world.pass(seconds(4));
    assert_eq!(world.gone, [ann]);
    world.pass(seconds(2));
    assert_eq!(world.gone, [ann, bob]);
    assert!(world.room.is_empty());
}

#[test]
fn a_failed_connection_asks_for_a_resume() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let now = world.now();
    world.room.connection_failed(ann, now);
    world.settle();
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Resume);
    assert!(world.gone.is_empty());
}

#[test]
fn an_open_round_does_not_cut_the_time_to_resume_after_a_failed_connection_short() {
    for dual in [true, false] {
        let mut world = World::new();
        let bob = if dual {
            an_open_offer(&mut world).0
        } else {
            let (ann, bob) = (world.join("ann"), world.join("bob"));
            for cid in ["a", "b", "c", "d"] {
                world.publish(ann, cid, lk::TrackSource::Microphone);
            }
            world.pass(seconds(1));
            assert!(names(&world.take(bob)).contains(&"media_sections_requirement"));
            bob
        };
        // Whether it is answered would be looked at in a moment.
        world.pass(seconds(12));
        let now = world.now();
        world.room.connection_failed(bob, now);
        world.settle();
        world.pass(Duration::from_millis(4900));
        assert!(world.gone.is_empty(), "dual: {dual}");
        let request = lk::JoinRequest { reconnect: true, ..join_request() };
        assert_eq!(world.connect("bob", all(), dual, &request).1, Connected::Resumed(bob));
    }
}

#[test]
fn an_offer_lost_with_the_socket_is_made_anew_after_the_resume() {
    for told in [true, false] {
        let mut world = World::new();
        let (bob, sid) = an_open_offer(&mut world);
        let now = world.now();
        world.room.link_lost(bob, now);
        world.settle();
        assert!(offers(&resume_dual(&mut world, "bob")).is_empty(), "first the client says what it knows");
        if told {
            let description = |sdp: &str| Some(lk::SessionDescription { sdp: sdp.into(), ..Default::default() });
            let state =
                lk::SyncState { offer: description("offer 1"), answer: description("answer"), ..Default::default() };
            world.request(bob, Request::SyncState(state));
        } else {
            world.pass(seconds(9));
        }
        let messages = world.take(bob);
        assert_eq!(offers(&messages), [(3, "offer 3", 1)]);
        assert_eq!(world.bound_to(bob), 0);
        world.request(bob, answer(3));
        assert_eq!(world.bound_to(bob), 1, "{sid}");
        world.pass(seconds(20));
        assert!(world.gone.is_empty());
    }
}

#[test]
fn an_answer_lost_with_the_socket_is_taken_from_the_state_of_the_resumed_client() {
    let mut world = World::new();
    let (bob, _) = an_open_offer(&mut world);
    // The old socket is not even known to be lost.
    assert!(offers(&resume_dual(&mut world, "bob")).is_empty());
    let description = |sdp: &str| Some(lk::SessionDescription { sdp: sdp.into(), ..Default::default() });
    let state = lk::SyncState { offer: description("offer 2"), answer: description("answer"), ..Default::default() };
    world.request(bob, Request::SyncState(state));
    assert_eq!(world.bound_to(bob), 1);
    assert_eq!(offers(&world.take(bob)), [(3, "offer 3", 1)], "the restart of ICE");
}

#[test]
fn an_offer_goes_on_with_a_client_whose_line_takes_seconds_to_say_that_it_knows_it() {
    for answers in [false, true] {
        let mut world = World::new();
        let (bob, first) = an_open_offer(&mut world);
        assert!(offers(&resume_dual(&mut world, "bob")).is_empty());
        // What happens meanwhile waits as well.
        let cid = world.join("cid");
        let second = world.publish(cid, "mic", lk::TrackSource::Microphone);
        world.pass(seconds(2));
        assert!(offers(&world.take(bob)).is_empty());

        if answers {
            world.request(bob, answer(2));
        } else {
            let description = |sdp: &str| Some(lk::SessionDescription { sdp: sdp.into(), ..Default::default() });
            let state =
                lk::SyncState { offer: description("offer 2"), answer: description("answer"), ..Default::default() };
            world.request(bob, Request::SyncState(state));
        }
        let messages = world.take(bob);
        assert_eq!(offers(&messages), [(3, "offer 3", 2)], "the restart of ICE");
        let [mids] = messages
            .iter()
            .filter_map(|message| match message {
                Response::Offer(offer) => Some(&offer.mid_to_track_id),
                _ => None,
            })
            .collect::<Vec<_>>()[..]
        else {
            panic!("one offer")
        };
        assert_eq!((mids.get("s1"), mids.get("s2")), (Some(&first), Some(&second)));
        world.request(bob, Request::SyncState(lk::SyncState::default()));
        world.pass(seconds(10));
        assert!(offers(&world.take(bob)).is_empty(), "nothing is taken back");
        world.request(bob, answer(3));
        assert_eq!(world.bound_to(bob), 2);
        assert!(world.gone.is_empty());
    }
}

#[test]
fn a_resume_without_an_open_offer_restarts_ice_at_once() {
    let mut world = World::new();
    let (bob, _) = an_open_offer(&mut world);
    world.request(bob, answer(2));
    assert_eq!(offers(&resume_dual(&mut world, "bob")), [(3, "offer 3", 1)]);
}

#[test]
fn who_left_while_a_dead_socket_still_looked_alive_is_told_at_the_resume() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    world.request(ann, Request::Ping(1));
    world.pass(seconds(10));
    // The network of ann is gone, the socket is not yet.
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));
    world.request(cid, Request::Leave(lk::LeaveRequest::default()));
    world.join("cid");
    world.pass(seconds(5));
    world.take(ann);
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    world.connect("ann", all(), false, &request);
    let messages = world.take(ann);
    let Response::Update(left) = &messages[1] else { panic!("who left") };
    let left: Vec<_> = left.participants.iter().map(|info| (info.identity.as_str(), info.state())).collect();
    assert_eq!(left, [("bob", State::Disconnected)], "cid is here again");
}

#[test]
fn who_left_long_ago_is_told_to_whoever_was_away_for_longer() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.pass(seconds(5));
    let now = world.now();
    world.room.link_lost(ann, now);
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));
    let cid = world.join("cid");
    for _ in 0..60 {
        world.pass(seconds(5));
        world.request(cid, Request::Ping(1));
        let now = world.now();
        world.room.handle_timeout(now);
    }
    world.take(ann);
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann));
    let messages = world.take(ann);
    let Response::Update(left) = &messages[1] else { panic!("who left") };
    let left: Vec<_> = left.participants.iter().map(|info| (info.identity.as_str(), info.state())).collect();
    assert_eq!(left, [("bob", State::Disconnected)]);
}

#[test]
fn whoever_cannot_be_told_of_all_who_left_starts_over() {
    for leavers in [1000, 1001] {
        let mut world = World::new();
        let (ann, cid) = (world.join("ann"), world.join("cid"));
        world.pass(seconds(5));
        let now = world.now();
        world.room.link_lost(ann, now);
        for number in 0..leavers {
            let (bob, _) = world.connect(&format!("bob{number}"), all(), false, &join_request());
            world.request(bob, Request::Leave(lk::LeaveRequest::default()));
        }
        world.pass(seconds(1));
        world.request(cid, Request::Ping(1));
        let request = lk::JoinRequest { reconnect: true, ..join_request() };
        let resumed = world.connect("ann", all(), false, &request).1;
        assert_eq!(matches!(resumed, Connected::Refused(_)), leavers > 1000, "{leavers}");
        assert_eq!(world.gone.contains(&ann), leavers > 1000);
        // Those who were here when the first of them left and were heard since need not.
        assert_eq!(world.connect("cid", all(), false, &request).1, Connected::Resumed(cid));
    }
}

#[test]
fn a_resumed_client_learns_who_speaks_and_who_fell_silent() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    world.room.speakers(&[(bob, 0.5), (cid, 0.5)]);
    world.room.speakers(&[(cid, 0.0)]);
    world.settle();
    world.take(ann);
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    world.connect("ann", all(), false, &request);
    let levels: Vec<Vec<f32>> = world
        .take(ann)
        .into_iter()
        .filter_map(|message| match message {
            Response::SpeakersChanged(changed) => Some(changed.speakers.iter().map(|speaker| speaker.level).collect()),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [[0.0, 0.5, 0.0]]);
}

#[test]
fn a_resumed_client_learns_what_is_paused_now_and_what_it_may_receive_now() {
    use model::media::{CameraView, MediaPermission};
    let moderators_only = MediaPermission { cameras: CameraView::Moderators, ..all() };
    let identity = model::Identity::try_from("bob").unwrap();
    for hidden_meanwhile in [true, false] {
        let mut world = World::new();
        let ann = world.join("ann");
        let moderator = world.join_as("mod", MediaPermission { moderator: true, ..all() });
        let permissions = [all(), moderators_only];
        let [before, after] = if hidden_meanwhile { permissions } else { [moderators_only, all()] };
        let bob = world.join_as("bob", before);
        world.publish(ann, "mic", lk::TrackSource::Microphone);
        let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
        let paused = world.publish(moderator, "cam", lk::TrackSource::Camera);
        let shown = world.publish(moderator, "screen", lk::TrackSource::ScreenShare);
        world.offer(bob, 2);
        world.pass(seconds(1));
        let [_, _, paused_key, shown_key] = world.live[..] else { panic!("four tracks") };
        world.room.stream_state(bob, shown_key, true);
        world.settle();
        world.take(bob);

        let now = world.now();
        world.room.link_lost(bob, now);
        world.room.stream_state(bob, paused_key, true);
        world.room.stream_state(bob, shown_key, false);
        world.room.set_permission(&identity, after, now);
        world.settle();
        world.pass(seconds(1));
        assert!(world.take(bob).is_empty());
        world.connect("bob", after, false, &lk::JoinRequest { reconnect: true, ..join_request() });
        let first = world.take(bob);
        world.pass(seconds(1));
        let later = world.take(bob);

        let states: Vec<_> = first
            .iter()
            .filter_map(|message| match message {
                Response::StreamStateUpdate(update) => Some(&update.stream_states),
                _ => None,
            })
            .collect();
        let [states] = states[..] else { panic!("one message") };
        let states: Vec<_> = states.iter().map(|info| (info.track_sid.clone(), info.state())).collect();
        let active = |sid: &String| (sid.clone(), lk::StreamState::Active);
        let mut expected = vec![(paused, lk::StreamState::Paused), active(&shown)];
        if !hidden_meanwhile {
            expected.insert(0, active(&camera));
        }
        assert_eq!(states, expected, "pictures that are received, and no sound");
        let told: Vec<_> = later
            .into_iter()
            .filter_map(|message| match message {
                Response::SubscriptionPermissionUpdate(update) => Some((update.track_sid, update.allowed)),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(camera, !hidden_meanwhile)]);
    }
}

#[test]
fn what_was_told_of_permissions_on_a_socket_that_died_is_told_again() {
    use model::media::{CameraView, MediaPermission};
    let mut world = World::new();
    let ann = world.join("ann");
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    let moderators_only = MediaPermission { cameras: CameraView::Moderators, ..all() };
    let bob = world.join_as("bob", moderators_only);
    let told = |world: &mut World| {
        world.pass(seconds(1));
        let mut messages = world.take(bob);
        messages.retain(|message| matches!(message, Response::SubscriptionPermissionUpdate(_)));
        let [Response::SubscriptionPermissionUpdate(update)] = messages.as_slice() else { panic!("once") };
        (update.track_sid.clone(), update.allowed)
    };
    assert_eq!(told(&mut world), (camera.clone(), false));
    // Nobody knows yet that the socket is dead.
    world.connect("bob", moderators_only, false, &lk::JoinRequest { reconnect: true, ..join_request() });
    assert_eq!(told(&mut world), (camera.clone(), false));
    let now = world.now();
    world.room.set_permission(&model::Identity::try_from("bob").unwrap(), all(), now);
    world.settle();
    assert_eq!(told(&mut world), (camera.clone(), true));
    world.connect("bob", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    assert_eq!(told(&mut world), (camera, true));
}

#[test]
fn a_section_whose_inactive_answer_was_lost_says_so_again_before_it_carries_another_track() {
    for lost in [true, false] {
        let mut world = World::new();
        let (ann, bob) = (world.join("ann"), world.join("bob"));
        world.publish(ann, "mic", lk::TrackSource::Microphone);
        world.offer(bob, 2);
        let mid = world.bound.keys().find(|(peer, _)| *peer == bob).unwrap().1.clone();
        world.request(ann, Request::Leave(lk::LeaveRequest::default()));
        // Nobody knows whether this answer is read.
        world.offer(bob, 3);
        if !lost {
            world.offer(bob, 4);
        }
        let now = world.now();
        world.room.link_lost(bob, now);
        let cid = world.join("cid");
        let sid = world.publish(cid, "mic", lk::TrackSource::Microphone);
        // All other sections for sound are closed.
        let others = world.offers.get_mut(&bob).unwrap().iter_mut().filter(|section| section.mid != mid);
        others.for_each(|section| section.receives = false);
        world.connect("bob", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
        world.take(bob);
        world.offer(bob, 5);
        assert_eq!(world.tracks_of(bob).contains(&sid), !lost);
        // The room asks for another offer at once, and that brings the track.
        assert_eq!(names(&world.take(bob)).contains(&"media_sections_requirement"), lost);
        world.offer(bob, 6);
        assert_eq!(world.tracks_of(bob), [sid]);
    }
}

fn answer(id: u32) -> Request {
    Request::Answer(lk::SessionDescription { r#type: "answer".into(), id, ..Default::default() })
}

/// Bob has two connections, all offers answered; ann publishes and the offer with her track stays open.
fn an_open_offer(world: &mut World) -> (signal::PeerKey, String) {
    let ann = world.join("ann");
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    world.request(bob, answer(1));
    let now = world.now();
    world.room.connected(bob, now);
    world.settle();
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    let offered = world.take(bob);
    let Some(Response::Offer(offer)) = offered.last() else { panic!("an offer") };
    assert_eq!(offer.sdp, "offer 2");
    (bob, sid)
}

fn resume_dual(world: &mut World, who: &str) -> Vec<Response> {
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    let (_, connected) = world.connect(who, all(), true, &request);
    let Connected::Resumed(peer) = connected else { panic!("resumed") };
    world.take(peer)
}

fn offers(messages: &[Response]) -> Vec<(u32, &str, usize)> {
    fn offer(message: &Response) -> Option<(u32, &str, usize)> {
        match message {
            Response::Offer(offer) => Some((offer.id, offer.sdp.as_str(), offer.mid_to_track_id.len())),
            _ => None,
        }
    }
    messages.iter().filter_map(offer).collect()
}
