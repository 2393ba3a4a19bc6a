//! The signalling machine against held time: order of messages, negotiation rounds, resumes, the end.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::Identity;
use model::media::Source;
use prost::Message;
use signal::{Connected, EventKind, Kind, RemoveReason};
use std::time::Duration;
use support::{World, all, join_request, names, section};
use wire::lk;
use wire::lk::participant_info::State;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn the_first_message_is_join_and_the_offer_of_the_request_is_answered_next() {
    let mut world = World::new();
    let mut request = join_request();
    request.publisher_offer =
        Some(lk::SessionDescription { r#type: "offer".into(), sdp: "x".into(), id: 7, ..Default::default() });
    let (key, connected) = world.connect("ann", all(), false, &request);
    assert_eq!(connected, Connected::New);
    let messages = world.take(key);
    assert_eq!(names(&messages), ["join", "answer"]);
    let Response::Join(join) = &messages[0] else { panic!("join is first") };
    let participant = join.participant.as_ref().unwrap();
    assert!(participant.sid.starts_with("PA_") && participant.sid.len() == 15);
    assert_eq!(join.room.as_ref().unwrap().name, "room");
    assert!(!join.server_info.as_ref().unwrap().version.is_empty());
    assert!(!join.subscriber_primary);
    let Response::Answer(answer) = &messages[1] else { panic!("then the answer") };
    assert_eq!(answer.id, 7);
}

#[test]
fn a_late_joiner_learns_of_a_track_before_the_description_that_carries_it() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let bob = world.join("bob");
    let messages = world.take(bob);
    let Response::Join(join) = &messages[0] else { panic!("join is first") };
    assert_eq!(join.other_participants[0].tracks[0].sid, sid);
    assert_eq!(world.tracks_of(bob), std::slice::from_ref(&sid));
    assert_eq!(world.bound_to(bob), 1);
    let down = world.plans[&bob].iter().find_map(|plan| plan.down.clone()).unwrap();
    assert_eq!(down.stream, format!("{}|{sid}", join.other_participants[0].sid));
}

#[test]
fn a_new_track_is_announced_then_sections_are_required_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    let messages = world.take(bob);
    let names = names(&messages);
    assert_eq!(names.iter().filter(|name| **name == "media_sections_requirement").count(), 1);
    assert!(
        names.iter().position(|name| *name == "update")
            < names.iter().position(|name| *name == "media_sections_requirement")
    );
    let Some(Response::MediaSectionsRequirement(required)) = messages.last() else { panic!("the requirement is last") };
    assert_eq!((required.num_audios, required.num_videos), (0, 0), "three of each are free");
    world.offer(bob, 5);
    assert_eq!(world.tracks_of(bob).len(), 2);
    assert!(world.tracks_of(bob).contains(&camera));
}

#[test]
fn more_tracks_than_sections_ask_for_the_missing_ones_only() {
    let mut world = World::new();
    let bob = world.join("bob");
    for index in 0..5 {
        let peer = world.join(&format!("p{index}"));
        world.publish(peer, "cam", lk::TrackSource::Camera);
    }
    world.take(bob);
    world.offer(bob, 2);
    let messages = world.take(bob);
    let Some(Response::MediaSectionsRequirement(required)) = messages.last() else { panic!("a requirement follows") };
    assert_eq!((required.num_audios, required.num_videos), (0, 2));
    world.add_sections(bob, 0, 2);
    assert_eq!(world.bound_to(bob), 5);
    world.pass(seconds(3));
    assert!(!names(&world.take(bob)).contains(&"media_sections_requirement"));
}

#[test]
fn a_section_says_inactive_once_before_it_carries_another_track() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "cam", lk::TrackSource::Camera);
    world.offer(bob, 2);
    let first = world.bound.keys().find(|(peer, _)| *peer == bob).unwrap().1.clone();
    // Unpublish: the section of the camera goes quiet; then publish another.
    for own in world.offers.get_mut(&ann).unwrap().iter_mut().filter(|own| own.sends) {
        own.sends = false;
    }
    world.offer(ann, 3);
    assert_eq!(world.bound_to(bob), 0);
    let second = world.publish(ann, "cam2", lk::TrackSource::Camera);
    world.offer(bob, 3);
    let plan = world.plans[&bob].clone();
    assert!(plan.iter().find(|plan| plan.mid == first).unwrap().down.is_none(), "it drains");
    assert_eq!(world.tracks_of(bob), [second], "another section takes the new track meanwhile");
    world.offer(bob, 4);
    let third = world.publish(ann, "cam3", lk::TrackSource::ScreenShare);
    world.offer(bob, 5);
    let plan = world.plans[&bob].clone();
    assert_eq!(plan.iter().find(|plan| plan.mid == first).unwrap().down.as_ref().unwrap().track, third);
}

#[test]
fn unpublishing_is_told_to_everybody() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(bob);
    world.offers.get_mut(&ann).unwrap().last_mut().unwrap().sends = false;
    world.offer(ann, 3);
    let messages = world.take(bob);
    let Response::Update(update) = &messages[0] else { panic!("an update") };
    assert!(update.participants[0].tracks.is_empty());
    assert!(world.live.is_empty());
    assert!(world.events.contains(&("ann".into(), EventKind::Unpublished { sid, source: Source::Microphone })));
}

#[test]
fn the_same_identity_again_replaces_the_former_session() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let (again, connected) = world.connect("ann", all(), false, &join_request());
    assert_eq!(connected, Connected::New);
    let farewell = world.take(ann);
    let Some(Response::Leave(leave)) = farewell.last() else { panic!("the former one is told") };
    assert_eq!(leave.reason(), lk::DisconnectReason::DuplicateIdentity);
    assert_eq!(leave.action(), lk::leave_request::Action::Disconnect);
    assert!(world.closed.contains(&ann) && world.gone == [ann]);
    let states: Vec<State> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].state()),
            _ => None,
        })
        .collect();
    assert_eq!(states, [State::Disconnected, State::Joined]);
    assert!(names(&world.take(again)).contains(&"join"));
}

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
fn whoever_never_connects_is_out_after_a_minute() {
    let mut world = World::new();
    let (ann, _) = world.connect("ann", all(), false, &join_request());
    world.pass(seconds(59));
    assert!(world.gone.is_empty());
    world.pass(seconds(2));
    assert_eq!(world.gone, [ann]);
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.reason(), lk::DisconnectReason::JoinFailure);
    assert!(world.events.iter().all(|(_, kind)| *kind == EventKind::Aborted), "nobody saw this participant connected");
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
fn somebody_who_closes_the_connection_and_then_leaves_is_gone_at_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let now = world.now();
    world.room.connection_closed(ann, now);
    world.settle();
    world.take(ann);
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(world.gone, [ann]);

    let now = world.now();
    world.room.connection_closed(bob, now);
    world.room.link_lost(bob, now);
    world.settle();
    assert_eq!(world.gone, [ann, bob], "closing both is a goodbye as well");
}

#[test]
fn somebody_who_closes_the_connection_and_says_nothing_starts_over() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(ann);
    for peer in [ann, bob] {
        let now = world.now();
        world.room.connection_closed(peer, now);
        // What arrives late does not open it again.
        world.room.connected(peer, now);
        world.room.connection_failed(peer, now);
        world.settle();
    }
    assert!(world.take(ann).iter().all(|message| !matches!(message, Response::Leave(_))));
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    let (_, connected) = world.connect("bob", all(), false, &request);
    assert!(matches!(connected, Connected::Refused(_)), "nothing is left to resume");
    assert_eq!(world.gone, [bob]);
    world.pass(seconds(1));
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
    assert_eq!(world.gone, [bob, ann]);
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
            world.pass(seconds(2));
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
fn a_newcomer_learns_quality_and_voice_of_whom_it_hears() {
    let mut world = World::new();
    let (ann, silent) = (world.join("ann"), world.join("silent"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.room.speakers(&[(ann, 0.5)]);
    world.room.quality(ann, 0, 1.0);
    world.room.quality(silent, 0, 1.0);
    world.settle();
    let bob = world.join("bob");
    let messages = world.take(bob);
    let qualities: Vec<usize> = messages
        .iter()
        .filter_map(|message| match message {
            Response::ConnectionQuality(update) => Some(update.updates.len()),
            _ => None,
        })
        .collect();
    assert_eq!(qualities, [1]);
    assert_eq!(names(&messages).iter().filter(|name| **name == "speakers_changed").count(), 1);
}

#[test]
fn settings_outlive_the_subscription_and_off_means_off() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "cam", lk::TrackSource::Camera);
    let track = world.live[0];
    let subscription = |subscribe| {
        Request::Subscription(lk::UpdateSubscription { track_sids: vec![sid.clone()], subscribe, ..Default::default() })
    };
    let quality = |quality: lk::VideoQuality| {
        Request::TrackSetting(lk::UpdateTrackSettings {
            track_sids: vec![sid.clone()],
            quality: quality.into(),
            ..Default::default()
        })
    };
    world.request(bob, subscription(false));
    world.request(bob, quality(lk::VideoQuality::Medium));
    world.request(bob, subscription(true));
    world.offer(bob, 2);
    world.offer(bob, 3);
    assert_eq!(world.settings[&(bob, track)].quality, 1, "asked for before the subscription");
    world.request(bob, quality(lk::VideoQuality::Off));
    assert!(world.settings[&(bob, track)].disabled);
    for subscribe in [false, true] {
        world.request(bob, subscription(subscribe));
        world.offer(bob, 4);
        world.offer(bob, 5);
    }
    assert!(world.settings[&(bob, track)].disabled, "and again after another");
}

#[test]
fn two_connections_are_offered_data_first_and_one_offer_at_a_time() {
    let mut world = World::new();
    let ann = world.join("ann");
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    let messages = world.take(bob);
    assert_eq!(names(&messages)[..2], ["join", "offer"]);
    let Response::Join(join) = &messages[0] else { panic!("join") };
    assert!(join.subscriber_primary && join.fast_publish);
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    assert!(!names(&world.take(bob)).contains(&"offer"), "the first is not answered yet");
    let answer = |id| Request::Answer(lk::SessionDescription { r#type: "answer".into(), id, ..Default::default() });
    world.request(bob, answer(1));
    let messages = world.take(bob);
    let Some(Response::Offer(offer)) = messages.last() else { panic!("the next offer") };
    assert_eq!(offer.id, 2);
    assert_eq!(offer.mid_to_track_id.values().next(), Some(&sid));
    assert_eq!(world.bound_to(bob), 0);
    world.request(bob, answer(1));
    assert_eq!(world.bound_to(bob), 0, "an answer to an older offer counts for nothing");
    world.request(bob, answer(2));
    assert_eq!(world.bound_to(bob), 1);
}

#[test]
fn an_offer_without_an_answer_ends_in_a_full_reconnect() {
    let mut world = World::new();
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    world.pass(seconds(16));
    let messages = world.take(bob);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
}

#[test]
fn removal_and_the_end_of_the_room_are_final() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let now = world.now();
    world.room.remove(&who("ann"), RemoveReason::Removed, now);
    world.settle();
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(
        (leave.reason(), leave.action()),
        (lk::DisconnectReason::ParticipantRemoved, lk::leave_request::Action::Disconnect)
    );
    world.room.close(now);
    world.settle();
    let messages = world.take(bob);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.reason(), lk::DisconnectReason::RoomDeleted);
    assert!(world.room.is_empty());
    assert_eq!(world.events.iter().filter(|(_, kind)| *kind == EventKind::Left).count(), 2);
}

#[test]
fn a_name_has_as_many_characters_in_any_script() {
    let connect = |name: String| signal::Connect {
        key: signal::PeerKey(99),
        identity: who("x"),
        name,
        metadata: String::new(),
        attributes: std::collections::BTreeMap::new(),
        permission: all(),
        dual: true,
        relays: Vec::new(),
        relay_only: false,
        request: signal::JoinRequest::read(&[]).unwrap(),
    };
    let mut world = World::new();
    let now = world.now();
    for letter in ["n", "山", "👍"] {
        assert!(world.room.connect(connect(letter.repeat(255)), now).is_ok(), "{letter}");
        assert_eq!(world.room.connect(connect(letter.repeat(257)), now), Err(signal::ConnectError::Malformed));
    }
}

#[test]
fn pings_are_answered_with_our_time() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    world.request(ann, Request::PingReq(lk::Ping { timestamp: 42, rtt: 7 }));
    let Response::PongResp(pong) = &world.take(ann)[0] else { panic!("pong") };
    assert_eq!((pong.last_ping_timestamp, pong.timestamp), (42, 1_700_000_000_000));
}

#[test]
fn a_flood_of_offers_or_messages_harms_the_flooder_only() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let cid = world.join("cid");
    for id in 0..100 {
        world.offer(bob, id);
    }
    let messages = world.take(bob);
    assert!(matches!(messages.last(), Some(Response::Leave(_))));
    assert!(!world.gone.contains(&ann));
    for _ in 0..5000 {
        world.request(ann, Request::Ping(1));
    }
    let messages = world.take(ann);
    assert!(messages.len() < 1200);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
    assert!(!world.gone.contains(&cid));
}

#[test]
fn a_flood_of_bytes_starts_the_flooder_over() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = "x".repeat(60_000);
    for _ in 0..200 {
        world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: true }));
    }
    assert_eq!(world.gone, [ann]);
}

#[test]
fn garbage_closes_the_socket_and_the_session_can_be_resumed() {
    let mut world = World::new();
    let ann = world.join("ann");
    let now = world.now();
    world.room.request(ann, &[0x0a, 0xff], now);
    world.settle();
    assert_eq!((world.closed.as_slice(), world.gone.as_slice()), (&[ann][..], &[][..]));
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann));
    world.room.request(ann, &[0xfa, 0x07, 1, 0], now);
    world.settle();
    assert_eq!(world.closed, [ann], "a message from the future is passed over");
}

#[test]
fn a_join_request_adds_no_more_tracks_than_may_wait() {
    let mut world = World::new();
    let add = |index: usize| lk::AddTrackRequest { cid: index.to_string(), ..Default::default() };
    let request = lk::JoinRequest { add_track_requests: (0..1000).map(add).collect(), ..join_request() };
    let (ann, _) = world.connect("ann", all(), false, &request);
    let messages = world.take(ann);
    assert_eq!(names(&messages).iter().filter(|name| **name == "track_published").count(), 20);
    assert_eq!(messages.len(), 21, "the rest is not even refused");
}

#[test]
fn sections_match_tracks_by_id_before_age() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    for cid in ["one", "two"] {
        let add = lk::AddTrackRequest { cid: cid.into(), r#type: lk::TrackType::Audio.into(), ..Default::default() };
        world.request(ann, Request::AddTrack(add));
    }
    let offers = world.offers.get_mut(&ann).unwrap();
    offers.push(section("20", Kind::Audio, "two"));
    offers.push(section("21", Kind::Audio, "renamed by the platform"));
    world.offer(ann, 2);
    let bob = world.join("bob");
    let Response::Join(join) = &world.take(bob)[0] else { panic!("join") };
    let tracks = &join.other_participants[0].tracks;
    let cid_of = |mid: &str| tracks.iter().find(|track| track.mid == mid).unwrap().codecs[0].cid.clone();
    assert_eq!((cid_of("20").as_str(), cid_of("21").as_str()), ("two", "one"));
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(bytes: Vec<u8>, join: Vec<u8>) {
        let mut world = World::new();
        let ann = world.join("ann");
        let now = world.now();
        world.room.request(ann, &bytes, now);
        world.room.message(ann, true, &bytes, now);
        world.settle();
        if let Ok(request) = signal::JoinRequest::read(&join) {
            let connect = signal::Connect {
                key: signal::PeerKey(99), identity: who("x"), name: String::new(), metadata: String::new(),
                attributes: std::collections::BTreeMap::new(), permission: all(), dual: true, relays: Vec::new(), relay_only: false, request,
            };
            let _ = world.room.connect(connect, now);
            world.settle();
        }
        world.pass(seconds(100));
    }
}

#[test]
fn a_section_whose_track_was_taken_away_does_not_get_the_next_one() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "cam", lk::TrackSource::Camera);
    let now = world.now();
    let screen_only = model::media::MediaPermission { publish: [Source::ScreenShare].into_iter().collect(), ..all() };
    world.room.set_permission(&who("ann"), screen_only, now);
    world.settle();
    assert!(world.live.is_empty());
    // The camera goes on sending on its section while the screen asks for one.
    let screen = world.publish(ann, "screen", lk::TrackSource::ScreenShare);
    world.take(bob);
    let cid = world.join("cid");
    let Response::Join(join) = &world.take(cid)[0] else { panic!("join") };
    let info = join.other_participants.iter().find(|info| info.identity == "ann").unwrap();
    assert_eq!(info.tracks.len(), 1);
    let own = world.offers[&ann].iter().find(|section| section.track == "screen").unwrap();
    assert_eq!((&info.tracks[0].sid, &info.tracks[0].mid), (&screen, &own.mid));
}

#[test]
fn sections_that_never_come_are_asked_for_again_and_then_the_client_starts_over() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    let asked = |world: &mut World| {
        names(&world.take(bob)).iter().filter(|name| **name == "media_sections_requirement").count()
    };
    world.pass(seconds(1));
    assert_eq!(asked(&mut world), 1);
    world.pass(seconds(5));
    assert_eq!(asked(&mut world), 1);
    world.pass(seconds(5));
    assert_eq!(asked(&mut world), 1);
    assert!(world.gone.is_empty());
    world.pass(seconds(5));
    assert_eq!(world.gone, [bob]);
    let Some(Response::Leave(leave)) = world.take(bob).pop() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
}

#[test]
fn sections_that_are_not_needed_any_more_are_not_waited_for() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    world.pass(seconds(60));
    assert!(!world.gone.contains(&bob));
}

#[test]
fn a_subscription_to_nothing_is_answered() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let update = |subscribe| {
        Request::Subscription(lk::UpdateSubscription {
            track_sids: vec!["TR_gone".into()],
            subscribe,
            participant_tracks: vec![lk::ParticipantTracks {
                track_sids: vec!["TR_gone".into()],
                ..Default::default()
            }],
        })
    };
    world.request(ann, update(false));
    assert!(world.take(ann).is_empty());
    world.request(ann, update(true));
    let messages = world.take(ann);
    let [Response::SubscriptionResponse(answer)] = messages.as_slice() else { panic!("one answer: {messages:?}") };
    assert_eq!((answer.track_sid.as_str(), answer.err()), ("TR_gone", lk::SubscriptionError::SeTrackNotfound));
}

#[test]
fn the_numbers_of_a_room_are_told_once_for_many_changes() {
    let mut world = World::new();
    let ann = world.join("ann");
    for index in 0..5 {
        world.join(&format!("p{index}"));
    }
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(ann);
    world.pass(seconds(8));
    let rooms: Vec<lk::Room> = world
        .take(ann)
        .into_iter()
        .filter_map(|message| match message {
            Response::RoomUpdate(update) => update.room,
            _ => None,
        })
        .collect();
    assert_eq!(rooms.iter().map(|room| (room.num_participants, room.num_publishers)).collect::<Vec<_>>(), [(6, 1)]);
}

#[test]
#[allow(deprecated)]
fn layers_keep_their_proportion_through_many_sizes() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let layers = [(0, 320, 180), (1, 640, 360), (2, 1280, 720)].map(|(quality, width, height)| lk::VideoLayer {
        quality,
        width,
        height,
        ..Default::default()
    });
    let add = lk::AddTrackRequest {
        cid: "cam".into(),
        r#type: lk::TrackType::Video.into(),
        source: lk::TrackSource::Camera.into(),
        width: 1280,
        height: 720,
        layers: layers.to_vec(),
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(add));
    let offers = world.offers.get_mut(&ann).unwrap();
    offers.push(section("20", Kind::Video, "cam"));
    world.offer(ann, 2);
    let sid = world
        .take(ann)
        .into_iter()
        .find_map(|message| match message {
            Response::TrackPublished(published) => Some(published.track.unwrap().sid),
            _ => None,
        })
        .unwrap();
    for (width, height) in [(7, 3), (33, 17), (1280, 720)] {
        let update = lk::UpdateLocalVideoTrack { track_sid: sid.clone(), width, height };
        world.request(ann, Request::UpdateVideoTrack(update));
    }
    let Some(Response::Update(update)) = world.take(ann).pop() else { panic!("an update") };
    let sizes: Vec<_> =
        update.participants[0].tracks[0].layers.iter().map(|layer| (layer.width, layer.height)).collect();
    assert_eq!(sizes, [(320, 180), (640, 360), (1280, 720)]);
}

#[test]
fn a_flood_of_data_reaches_nobody_and_ends_nothing() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let packet = lk::DataPacket {
        value: Some(lk::data_packet::Value::User(lk::UserPacket { payload: vec![1], ..Default::default() })),
        ..Default::default()
    };
    let now = world.now();
    for _ in 0..10_000 {
        world.room.message(ann, false, &packet.encode_to_vec(), now);
    }
    world.settle();
    assert_eq!(world.data.remove(&bob).unwrap().len(), 2000);
    let mut addressed = packet;
    addressed.destination_identities = vec![String::new(); 30_000];
    world.pass(seconds(5));
    let now = world.now();
    world.room.message(ann, false, &addressed.encode_to_vec(), now);
    assert!(!world.room.has_output());
    assert!(world.gone.is_empty());
}
