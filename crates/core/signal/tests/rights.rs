//! Who may publish, receive and say what, and who is told of it.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::Identity;
use model::media::{CameraView, MediaPermission, ParticipantKind, Source, Sources};
use prost::Message;
use signal::{Codec, Connected, Dropped, MuteError, TrackChoice};
use support::{World, all, join_request, names};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

#[test]
fn publishing_without_the_right_is_refused_with_the_request() {
    let mut world = World::new();
    let ann = world.join_as("ann", MediaPermission { publish: Sources::NONE.with(Source::Microphone), ..all() });
    world.take(ann);
    let add = lk::AddTrackRequest {
        cid: "cam".into(),
        r#type: lk::TrackType::Video.into(),
        source: lk::TrackSource::Camera.into(),
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(add.clone()));
    let messages = world.take(ann);
    let Response::RequestResponse(refusal) = &messages[0] else { panic!("refused") };
    assert_eq!(refusal.reason(), lk::request_response::Reason::NotAllowed);
    assert_eq!(refusal.request, Some(lk::request_response::Request::AddTrack(add)));
}

#[test]
fn losing_a_right_takes_the_track_away_and_tells_its_owner() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.take(ann);
    world.take(bob);
    let now = world.now();
    world.room.set_permission(
        &who("ann"),
        MediaPermission { publish: Sources::NONE.with(Source::Microphone), ..all() },
        now,
    );
    world.settle();
    let messages = world.take(ann);
    assert!(
        messages.iter().any(|message| matches!(message, Response::TrackUnpublished(gone) if gone.track_sid == camera))
    );
    let Some(Response::Update(update)) = messages.iter().find(|message| matches!(message, Response::Update(_))) else {
        panic!("told of the permission")
    };
    assert_eq!(
        update.participants[0].permission.as_ref().unwrap().can_publish_sources,
        [i32::from(lk::TrackSource::Microphone)]
    );
    assert_eq!(world.live.len(), 1);
    let Response::Update(update) = &world.take(bob)[0] else { panic!("bob sees one track") };
    assert_eq!(update.participants[0].tracks.len(), 1);
    // The section still sends; nothing is published on it by itself.
    world.offer(ann, 9);
    assert_eq!(world.live.len(), 1);
}

#[test]
fn cameras_of_others_are_parked_for_those_who_may_see_moderators_only() {
    let mut world = World::new();
    let moderator = world.join_as("mod", MediaPermission { moderator: true, ..all() });
    let ann = world.join("ann");
    let of_moderator = world.publish(moderator, "cam", lk::TrackSource::Camera);
    let of_ann = world.publish(ann, "cam", lk::TrackSource::Camera);
    let microphone = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let bob = world.join_as("bob", MediaPermission { cameras: CameraView::Moderators, ..all() });
    let mut seen = world.tracks_of(bob);
    seen.sort();
    let mut expected = vec![of_moderator, microphone];
    expected.sort();
    assert_eq!(seen, expected);
    let told = |messages: Vec<Response>| -> Vec<(String, bool)> {
        messages
            .into_iter()
            .filter_map(|message| match message {
                Response::SubscriptionPermissionUpdate(update) => Some((update.track_sid, update.allowed)),
                _ => None,
            })
            .collect()
    };
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(told(world.take(bob)), [(of_ann.clone(), false)]);
    let now = world.now();
    world.room.set_permission(&who("bob"), all(), now);
    world.settle();
    world.offer(bob, 2);
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(told(world.take(bob)), [(of_ann.clone(), true)]);
    assert!(world.tracks_of(bob).contains(&of_ann));
    // Somebody who becomes a moderator is seen by those who see moderators only.
    let now = world.now();
    world.room.set_permission(&who("bob"), MediaPermission { cameras: CameraView::Moderators, ..all() }, now);
    world.settle();
    assert_eq!(world.bound_to(bob), 2);
    world.room.set_permission(&who("ann"), MediaPermission { moderator: true, ..all() }, now);
    world.settle();
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 3);
}

#[test]
fn a_resume_brings_back_no_right_that_was_taken_after_it_was_asked_for() {
    let mut world = World::new();
    let ann = world.join("ann");
    let now = world.now();
    let silent = MediaPermission { publish: Sources::NONE.with(Source::Camera), ..all() };
    world.room.set_permission(&who("ann"), silent, now);
    world.room.link_lost(ann, now);
    world.settle();

    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann));

    world.take(ann);
    let add = lk::AddTrackRequest {
        cid: "mic".into(),
        r#type: lk::TrackType::Audio.into(),
        source: lk::TrackSource::Microphone.into(),
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(add));
    assert!(!names(&world.take(ann)).contains(&"track_published"));
}

#[test]
fn a_client_that_chooses_itself_gets_what_it_asks_for() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let request = lk::JoinRequest {
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: false, ..Default::default() }),
        ..Default::default()
    };
    let (bob, _) = world.connect("bob", all(), false, &request);
    world.offers.insert(bob, support::placeholders());
    world.offer(bob, 1);
    assert_eq!(world.bound_to(bob), 0);
    let subscription = |subscribe| {
        let tracks = lk::ParticipantTracks { participant_sid: "x".into(), track_sids: vec![sid.clone()] };
        Request::Subscription(lk::UpdateSubscription {
            track_sids: vec![sid.clone()],
            subscribe,
            participant_tracks: vec![tracks],
        })
    };
    world.request(bob, subscription(true));
    world.offer(bob, 2);
    assert_eq!(world.bound_to(bob), 1);
    world.request(bob, subscription(false));
    assert_eq!(world.bound_to(bob), 0);
}

#[test]
fn a_publisher_chooses_its_audience() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.offer(cid, 2);
    let only_cid = lk::TrackPermission { participant_identity: "cid".into(), all_tracks: true, ..Default::default() };
    world.request(
        ann,
        Request::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![only_cid],
        }),
    );
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (0, 1));
}

#[test]
fn hidden_participants_are_seen_by_nobody() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let bot = world.join_as("bot", MediaPermission { hidden: true, ..all() });
    assert!(world.take(ann).is_empty());
    assert_eq!(world.room.participants().len(), 1);
    let bob = world.join("bob");
    let Response::Join(join) = &world.take(bob)[0] else { panic!("join") };
    assert_eq!(join.other_participants.len(), 1);
    world.request(bot, Request::Leave(lk::LeaveRequest::default()));
    assert!(!names(&world.take(ann)).contains(&"leave"));
    let told = world.take(bob);
    assert!(
        told.iter()
            .all(|message| !matches!(message, Response::Update(update) if update.participants[0].identity == "bot"))
    );
}

#[test]
fn muting_by_owner_and_by_order_is_told_to_all_and_unmuting_others_is_refused() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(ann);
    world.take(bob);
    let choice = TrackChoice::Source(Source::Microphone);
    assert_eq!(world.room.mute(&who("ann"), &choice, true), Ok(()));
    world.settle();
    assert!(names(&world.take(ann)).contains(&"mute"));
    let Response::Update(update) = &world.take(bob)[0] else { panic!("told") };
    assert!(update.participants[0].tracks[0].muted);
    assert_eq!(world.room.mute(&who("ann"), &choice, false), Err(MuteError::UnmuteRefused));
    assert_eq!(world.room.mute(&who("nobody"), &choice, true), Err(MuteError::NoParticipant));
    assert_eq!(world.room.mute(&who("bob"), &choice, true), Err(MuteError::NoTrack));
    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: false }));
    let Response::Update(update) = &world.take(bob)[0] else { panic!("told again") };
    assert!(!update.participants[0].tracks[0].muted);
    world.request(bob, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    assert!(names(&world.take(ann)).iter().all(|name| *name != "mute"), "others' tracks are not theirs to mute");
}

/// Ann, who has so many bytes of metadata and a microphone, toggles it twenty times a second. What Bob is told meanwhile: how often
/// it is muted or not, and how many bytes that is.
fn toggled(world: &mut World, metadata: usize, times: usize) -> ([signal::PeerKey; 2], String, Vec<bool>, usize) {
    let bob = world.join("bob");
    let request = lk::JoinRequest { metadata: "m".repeat(metadata), ..join_request() };
    let (ann, _) = world.connect("ann", all(), false, &request);
    world.offers.insert(ann, support::placeholders());
    world.offer(ann, 1);
    let now = world.now();
    world.room.connected(ann, now);
    world.settle();
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    // What joining and publishing cost is paid back.
    world.pass(std::time::Duration::from_secs(60));
    world.take(ann);
    world.take(bob);
    for time in 0..times {
        world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: time % 2 == 0 }));
        world.pass(std::time::Duration::from_millis(50));
    }
    let updates = world.take(bob).into_iter().filter_map(|message| match message {
        Response::Update(update) => Some(update),
        _ => None,
    });
    let updates: Vec<_> = updates.collect();
    let length = updates.iter().map(Message::encoded_len).sum();
    ([ann, bob], sid, updates.iter().map(|update| update.participants[0].tracks[0].muted).collect(), length)
}

#[test]
fn everybody_is_told_of_every_mute_at_once_unless_that_is_long() {
    let mut world = World::new();
    let (_, _, told, _) = toggled(&mut world, 2000, 200);
    assert_eq!(told.len(), 200);
    assert!(told.iter().enumerate().all(|(time, muted)| *muted == (time % 2 == 0)));

    for times in [200, 201] {
        let mut world = World::new();
        let ([_, bob], _, told, length) = toggled(&mut world, 512 * 1024, times);
        assert!((1..=3).contains(&told.len()), "{}", told.len());
        assert!(length < 2 * 1024 * 1024, "{length} bytes in ten seconds");
        world.pass(std::time::Duration::from_secs(20));
        let last = world.take(bob).into_iter().rev().find_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].tracks[0].muted),
            _ => None,
        });
        assert_eq!(last.or(told.last().copied()), Some(times % 2 == 1), "as it was wished last");
    }
}

#[test]
fn whoever_is_muted_by_order_while_their_unmuting_waits_is_muted() {
    let mut world = World::new();
    // The last wish is to be unmuted, and it waits.
    let ([ann, bob], sid, told, _) = toggled(&mut world, 512 * 1024, 20);
    assert_eq!(told, [true]);
    world.take(ann);

    assert_eq!(world.room.mute(&who("ann"), &TrackChoice::Sid(sid), true), Ok(()));
    world.settle();

    assert!(names(&world.take(ann)).contains(&"mute"), "the client has to know");
    world.pass(std::time::Duration::from_secs(20));
    assert!(world.take(bob).iter().all(
        |message| !matches!(message, Response::Update(update) if update.participants.iter().any(|info| info.tracks.iter().any(|track| !track.muted)))
    ));
}

#[test]
fn versions_of_a_participant_only_grow() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    let versions: Vec<u32> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].version),
            _ => None,
        })
        .collect();
    assert!(versions.len() >= 3 && versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
}

#[test]
fn data_carries_the_true_sender_and_reaches_only_those_meant() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let mut packet = lk::DataPacket {
        participant_identity: "cid".into(),
        participant_sid: "PA_forged".into(),
        sequence: 1,
        value: Some(lk::data_packet::Value::User(lk::UserPacket { payload: b"hi".to_vec(), ..Default::default() })),
        ..Default::default()
    };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(!world.data.contains_key(&ann));
    for receiver in [bob, cid] {
        let got = world.data.remove(&receiver).unwrap();
        assert_eq!(got.len(), 1, "a repeated sequence is dropped");
        let got = lk::DataPacket::decode(got[0].1.clone()).unwrap();
        assert_eq!(got.participant_identity, "ann");
        assert!(got.participant_sid.starts_with("PA_") && got.participant_sid != "PA_forged");
    }
    packet.destination_identities = vec!["cid".into()];
    world.room.message(ann, false, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.contains_key(&cid) && !world.data.contains_key(&bob));
}

#[test]
fn data_for_sids_reaches_those_of_them() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let Response::Join(join) = &world.take(cid)[0] else { panic!("join") };
    #[allow(deprecated)]
    let user = lk::UserPacket {
        destination_sids: vec![join.participant.as_ref().unwrap().sid.clone()],
        ..lk::UserPacket::default()
    };
    let packet = lk::DataPacket { value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.contains_key(&cid) && !world.data.contains_key(&bob));
}

#[test]
fn agents_write_down_what_others_say_and_speak_for_them() {
    use lk::data_packet::Value;
    use lk::data_stream::header::ContentHeader;
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let agent = world.join_kind("agent", ParticipantKind::Agent, all());
    let text = |content_header| lk::data_stream::Header { content_header, ..lk::data_stream::Header::default() };
    let said = |world: &mut World, from, value| {
        let packet = lk::DataPacket { participant_identity: "ann".into(), value: Some(value), ..Default::default() };
        let now = world.now();
        let dropped = world.room.message(from, true, &packet.encode_to_vec(), now);
        world.settle();
        let got = world.data.remove(&bob).and_then(|mut got| got.pop());
        assert_eq!(dropped.is_some(), got.is_none());
        got.map(|(_, message)| lk::DataPacket::decode(message).unwrap())
    };

    let transcription = Value::Transcription(lk::Transcription::default());
    assert_eq!(said(&mut world, ann, transcription.clone()), None);
    assert!(said(&mut world, agent, transcription).is_some_and(|packet| packet.participant_identity == "agent"));

    let chat = said(&mut world, agent, Value::ChatMessage(lk::ChatMessage::default())).unwrap();
    assert_eq!(chat.participant_identity, "ann");
    assert!(matches!(chat.value, Some(Value::ChatMessage(chat)) if chat.generated));
    let header = text(Some(ContentHeader::TextHeader(Default::default())));
    let stream = said(&mut world, agent, Value::StreamHeader(header.clone())).unwrap();
    assert_eq!(stream.participant_identity, "ann");
    assert!(matches!(stream.value, Some(Value::StreamHeader(lk::data_stream::Header {
        content_header: Some(ContentHeader::TextHeader(text)), ..
    })) if text.generated));
    let bytes = text(Some(ContentHeader::ByteHeader(Default::default())));
    assert_eq!(said(&mut world, agent, Value::StreamHeader(bytes)).unwrap().participant_identity, "agent");
    let forged = world.join("eve");
    assert_eq!(said(&mut world, forged, Value::StreamHeader(header)).unwrap().participant_identity, "eve");
    assert_eq!(said(&mut world, agent, Value::Metrics(lk::MetricsBatch::default())), None);
}

#[test]
fn recorders_are_no_audience_that_a_publisher_chooses() {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    let ann = world.join("ann");
    let recorder = world.join_kind("rec", ParticipantKind::Egress, all());
    let spy = world.join_as("spy", MediaPermission { hidden: true, ..all() });
    world.request(ann, Request::SubscriptionPermission(lk::SubscriptionPermission::default()));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    for (peer, tracks) in [(recorder, 1), (spy, 0)] {
        world.offer(peer, 2);
        assert_eq!(world.bound_to(peer), tracks);
    }
}

#[test]
fn what_is_not_passed_on_of_data_is_told_with_the_reason() {
    let mut world = World::new();
    let ann = world.join("ann");
    let mute = world.join_as("mute", MediaPermission { publish_data: false, ..all() });
    let now = world.now();
    let packet = lk::DataPacket {
        sequence: 1,
        value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
        ..Default::default()
    };
    let bytes = packet.encode_to_vec();
    assert_eq!(world.room.message(ann, true, &bytes, now), None);
    assert_eq!(world.room.message(ann, true, &bytes, now), None, "a repetition is no fault");
    assert_eq!(world.room.message(mute, true, &bytes, now), Some(Dropped::DataForbidden));
    assert_eq!(world.room.message(ann, true, &[0xff; 9], now), Some(Dropped::DataGarbage));
    assert_eq!(world.room.message(ann, true, &vec![0; 64 * 1024 + 1], now), Some(Dropped::DataTooLong));
    let last = (0..3000).map(|_| world.room.message(ann, false, &[0xff], now)).last().unwrap();
    assert_eq!(last, Some(Dropped::DataFlood));
    world.settle();

    let ping = |world: &mut World| {
        let bytes = lk::SignalRequest { message: Some(Request::Ping(1)) }.encode_to_vec();
        let message = signal::ClientMessage::read(&bytes).unwrap();
        world.room.client_message(ann, message, now)
    };
    let flood = (0..2000).map(|_| ping(&mut world)).find(Option::is_some).flatten();
    assert_eq!(flood, Some(Dropped::SignalFlood));
}

#[test]
fn data_of_the_silenced_and_of_the_hidden() {
    let mut world = World::new();
    let bob = world.join("bob");
    let ann = world.join_as("ann", MediaPermission { publish_data: false, ..all() });
    let bot = world.join_as("bot", MediaPermission { hidden: true, ..all() });
    let packet =
        lk::DataPacket { value: Some(lk::data_packet::Value::User(lk::UserPacket::default())), ..Default::default() };
    let now = world.now();
    world.room.message(ann, true, &packet.encode_to_vec(), now);
    world.settle();
    assert!(world.data.is_empty());
    world.room.message(bot, true, &packet.encode_to_vec(), now);
    world.settle();
    let got = lk::DataPacket::decode(world.data[&bob][0].1.clone()).unwrap();
    assert!(got.participant_identity.is_empty() && got.participant_sid.is_empty());
}

#[test]
fn a_resumed_client_gets_the_reliable_messages_it_missed() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let Response::Join(join) = &world.take(ann)[0] else { panic!("join") };
    let ann_sid = join.participant.as_ref().unwrap().sid.clone();
    let now = world.now();
    world.room.link_lost(bob, now);
    for sequence in 1..=3 {
        let packet = lk::DataPacket {
            sequence,
            value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
            ..Default::default()
        };
        world.room.message(ann, true, &packet.encode_to_vec(), now);
    }
    world.settle();
    world.data.clear();
    world.connect("bob", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    let seen = lk::DataChannelReceiveState { publisher_sid: ann_sid, last_seq: 1 };
    world.request(
        bob,
        Request::SyncState(lk::SyncState { datachannel_receive_states: vec![seen], ..Default::default() }),
    );
    let sequences: Vec<u32> =
        world.data[&bob].iter().map(|(_, bytes)| lk::DataPacket::decode(bytes.clone()).unwrap().sequence).collect();
    assert_eq!(sequences, [2, 3]);
}

/// Sends a reliable message of that number.
fn say(world: &mut World, from: signal::PeerKey, sequence: u32) {
    let packet = lk::DataPacket {
        sequence,
        value: Some(lk::data_packet::Value::User(lk::UserPacket::default())),
        ..Default::default()
    };
    let now = world.now();
    assert_eq!(world.room.message(from, sequence > 0, &packet.encode_to_vec(), now), None);
    world.settle();
}

fn heard(world: &mut World, by: signal::PeerKey) -> Vec<u32> {
    let got = world.data.remove(&by).unwrap_or_default().into_iter();
    got.map(|(_, bytes)| lk::DataPacket::decode(bytes).unwrap().sequence).collect()
}

#[test]
fn whoever_is_still_connecting_is_sent_what_is_reliable_since_they_came_and_nothing_before() {
    let mut world = World::new();
    let ann = world.join("ann");
    say(&mut world, ann, 1);
    let (bob, _) = world.connect("bob", all(), false, &join_request());
    say(&mut world, ann, 2);
    // Lossy, which is not worth to wait for.
    say(&mut world, ann, 0);
    assert_eq!(heard(&mut world, bob), [2]);

    world.offers.insert(bob, support::placeholders());
    world.offer(bob, 1);
    let now = world.now();
    world.room.connected(bob, now);
    world.settle();
    say(&mut world, ann, 3);
    assert_eq!(heard(&mut world, bob), [3]);

    // What a client says after a resume about others it never heard of brings nothing from before it came.
    world.request(bob, Request::SyncState(lk::SyncState::default()));
    assert_eq!(heard(&mut world, bob), [3]);
}

#[test]
fn whoever_stops_publishing_while_they_speak_is_silent_to_those_who_heard_them() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.room.speakers(&[(ann, 0.5)]);
    world.settle();
    world.take(bob);

    world.offers.get_mut(&ann).unwrap().last_mut().unwrap().sends = false;
    world.offer(ann, 3);

    let silent: Vec<bool> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::SpeakersChanged(changed) => Some(changed.speakers[0].active),
            _ => None,
        })
        .collect();
    assert_eq!(silent, [false]);
}

#[test]
fn speakers_are_told_to_those_who_hear_them() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let deaf = world.join_as("deaf", MediaPermission { subscribe: false, ..all() });
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    for peer in [ann, bob, deaf] {
        world.take(peer);
    }
    world.room.speakers(&[(ann, 0.5)]);
    world.settle();
    assert!(names(&world.take(ann)).contains(&"speakers_changed"));
    assert!(names(&world.take(bob)).contains(&"speakers_changed"));
    assert!(!names(&world.take(deaf)).contains(&"speakers_changed"));
    let late = world.join("late");
    assert!(names(&world.take(late)).contains(&"speakers_changed"));
}

#[test]
fn the_best_wanted_quality_goes_to_the_publisher_and_again_after_a_resume() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.publish(ann, "cam", lk::TrackSource::Camera);
    let track = world.live[0];
    world.take(ann);
    world.room.wanted_quality(track, Codec::Vp8, Some(1));
    world.room.wanted_quality(track, Codec::Vp8, Some(1));
    world.settle();
    let messages = world.take(ann);
    assert_eq!(messages.len(), 1);
    let Response::SubscribedQualityUpdate(update) = &messages[0] else { panic!("an update") };
    let flags: Vec<bool> = update.subscribed_codecs[0].qualities.iter().map(|quality| quality.enabled).collect();
    assert_eq!(flags, [true, true, false]);
    assert_eq!(update.subscribed_codecs[0].codec, "vp8");
    world.connect("ann", all(), false, &lk::JoinRequest { reconnect: true, ..join_request() });
    assert!(names(&world.take(ann)).contains(&"subscribed_quality_update"));
}

#[test]
fn an_audience_is_chosen_by_name_number_and_track_within_limits() {
    let mut world = World::new();
    let (ann, bob, cid) = (world.join("ann"), world.join("bob"), world.join("cid"));
    let mic = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.publish(ann, "cam", lk::TrackSource::Camera);
    world.pass(std::time::Duration::from_secs(1));
    world.offer(bob, 2);
    world.offer(cid, 2);
    let Response::Join(join) = world.take(bob).remove(0) else { panic!("join") };
    let bob_sid = join.participant.unwrap().sid;
    let chosen = |entries: Vec<lk::TrackPermission>| {
        Request::SubscriptionPermission(lk::SubscriptionPermission {
            all_participants: false,
            track_permissions: entries,
        })
    };
    let everything =
        |who: &str| lk::TrackPermission { participant_identity: who.into(), all_tracks: true, ..Default::default() };
    let one_of_bob =
        lk::TrackPermission { participant_sid: bob_sid, track_sids: vec![mic.clone()], ..Default::default() };
    world.request(ann, chosen(vec![one_of_bob, everything("cid"), lk::TrackPermission::default()]));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (1, 2));

    // Too many entries are refused, and what was chosen before stands.
    world.take(ann);
    world.request(ann, chosen((0..1001).map(|_| lk::TrackPermission::default()).collect()));
    assert!(refused(&mut world, ann));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (1, 2));
    world.request(ann, chosen((0..999).map(|_| lk::TrackPermission::default()).chain([everything("cid")]).collect()));
    assert!(!refused(&mut world, ann));
    assert_eq!((world.bound_to(bob), world.bound_to(cid)), (0, 2));
}

/// Whether a request was refused as too much.
fn refused(world: &mut World, peer: signal::PeerKey) -> bool {
    let limit = lk::request_response::Reason::LimitExceeded;
    world
        .take(peer)
        .iter()
        .any(|message| matches!(message, Response::RequestResponse(answer) if answer.reason() == limit))
}

#[test]
fn an_audience_that_changes_now_and_then_counts_at_once_and_of_one_that_flickers_the_last_choice() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.take(ann);
    let choose = |world: &mut World, all_participants| {
        let permission = lk::SubscriptionPermission { all_participants, ..Default::default() };
        world.request(ann, Request::SubscriptionPermission(permission));
    };
    // A few times a second for some seconds, as a teacher's hand may.
    for index in 0..30 {
        choose(&mut world, index % 2 == 1);
        world.pass(std::time::Duration::from_millis(250));
    }
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 1, "not put off");
    (0..51).for_each(|index| choose(&mut world, index % 2 == 1));
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(world.bound_to(bob), 0, "the last was nobody");
    (0..50).for_each(|index| choose(&mut world, index % 2 == 1));
    assert_eq!(world.bound_to(bob), 0, "too soon");
    world.pass(std::time::Duration::from_secs(1));
    world.offer(bob, 5);
    world.offer(bob, 6);
    assert_eq!(world.bound_to(bob), 1, "the last was everybody");
    assert!(!refused(&mut world, ann));
    assert!(world.gone.is_empty());
}

#[test]
fn tracks_are_added_as_fast_as_honest_clients_do_and_no_faster() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let add = |world: &mut World, cid: String| {
        world.request(ann, Request::AddTrack(lk::AddTrackRequest { cid, ..Default::default() }));
    };
    // Many at once, as after a reconnect.
    (0..19).for_each(|index| add(&mut world, format!("first{index}")));
    assert!(!refused(&mut world, ann));
    let refusals = |world: &mut World| {
        let messages = world.take(ann);
        messages.iter().filter(|message| matches!(message, Response::RequestResponse(_))).count()
    };
    (0..31).for_each(|_| add(&mut world, "first0".into()));
    assert_eq!(refusals(&mut world), 31, "the name is taken");
    add(&mut world, "first0".into());
    assert!(refused(&mut world, ann), "not even looked at");
    world.pass(std::time::Duration::from_secs(1));
    add(&mut world, "first0".into());
    assert!(!refused(&mut world, ann));
}

#[test]
fn what_a_resumed_client_no_longer_chooses_is_what_everybody_gets() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let mic = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    let not = lk::UpdateSubscription { track_sids: vec![mic.clone(), mic], ..Default::default() };
    world.request(bob, Request::Subscription(not));
    assert_eq!(world.bound_to(bob), 0);
    let state = lk::SyncState { subscription: Some(lk::UpdateSubscription::default()), ..Default::default() };
    world.request(bob, Request::SyncState(state));
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 1);
}
