//! Calls of our server API as they reach a LiveKit server, which is a note pad here, and what comes back of them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use media_livekit::LiveKit;
use model::SessionId;
use model::media::{MediaPermission, Source, Sources};
use ports::media::{MediaPlane, RemoveReason};
use ports::media_control::{ControlError, DataMessage, FREE_SESSION, MediaControl, ParticipantChange, RoomSettings};
use ports::outgoing::OutgoingError;
use prost::Message;
use server::{Server, ann, client, ok, room, told};
use wire::lk;

const MICROPHONE_ONLY: MediaPermission = MediaPermission {
    publish: Sources::NONE.with(Source::Microphone),
    publish_data: false,
    update_own: false,
    ..MediaPermission::FREE
};

fn free() -> SessionId {
    SessionId::try_from(FREE_SESSION).unwrap()
}

fn meeting() -> SessionId {
    SessionId::try_from("0192b3c4-0000-7000-8000-000000000000").unwrap()
}

fn plane(answers: Vec<Result<(u16, Bytes), OutgoingError>>) -> (Arc<Server>, Arc<LiveKit>) {
    let server = Server::with(answers);
    let plane = LiveKit::start(client(&server));
    (server, plane)
}

fn room01() -> lk::Room {
    lk::Room { name: "room01".into(), sid: "RM_1".into(), metadata: "theirs".into(), ..lk::Room::default() }
}

fn person(name: &str) -> lk::ParticipantInfo {
    lk::ParticipantInfo { identity: name.into(), ..lk::ParticipantInfo::default() }
}

fn rights(permission: MediaPermission) -> ParticipantChange {
    ParticipantChange { permission: Some(permission), ..ParticipantChange::default() }
}

fn refused(code: &str, text: &str) -> ControlError {
    ControlError::Refused { code: code.into(), text: text.into() }
}

#[tokio::test(start_paused = true)]
async fn a_free_room_is_made_as_the_caller_wants_it() {
    let (server, plane) = plane(vec![ok(&room01())]);
    let set = RoomSettings {
        empty_timeout: Some(Duration::from_secs(77)),
        departure_timeout: Some(Duration::from_secs(33)),
        max_participants: Some(9),
        metadata: Some("ours".into()),
        sync_streams: Some(true),
        playout_delay: Some((Duration::from_millis(200), Duration::from_secs(3))),
        only_new: false,
    };

    let made = plane.open_room(&room(), &free(), set).await.unwrap();

    assert_eq!(lk::Room::decode(made).unwrap(), room01());
    assert_eq!(server.methods(), ["CreateRoom"]);
    let expected = lk::CreateRoomRequest {
        name: "room01".into(),
        empty_timeout: 77,
        departure_timeout: 33,
        max_participants: 9,
        metadata: "ours".into(),
        sync_streams: true,
        min_playout_delay: 200,
        max_playout_delay: 3000,
        ..lk::CreateRoomRequest::default()
    };
    assert_eq!(server.request::<lk::CreateRoomRequest>(0), expected);
}

#[tokio::test(start_paused = true)]
async fn times_and_size_of_a_meetings_room_stay_and_a_room_that_is_there_is_described_at_most() {
    let list = |rooms| ok(&lk::ListRoomsResponse { rooms });
    let set = |only_new| RoomSettings {
        empty_timeout: Some(Duration::from_secs(1)),
        departure_timeout: Some(Duration::from_secs(1)),
        max_participants: Some(1),
        metadata: Some("ours".into()),
        only_new,
        ..RoomSettings::default()
    };

    let (server, there) = plane(vec![list(vec![room01()]), ok(&room01())]);
    there.open_room(&room(), &meeting(), set(false)).await.unwrap();
    assert_eq!(server.methods(), ["ListRooms", "UpdateRoomMetadata"]);
    assert_eq!(server.request::<lk::ListRoomsRequest>(0).names, ["room01"]);
    assert_eq!(server.request::<lk::UpdateRoomMetadataRequest>(1).metadata, "ours");

    let (server, new) = plane(vec![list(Vec::new()), ok(&room01())]);
    new.open_room(&room(), &meeting(), set(false)).await.unwrap();
    assert_eq!(server.methods(), ["ListRooms", "CreateRoom"]);
    let made: lk::CreateRoomRequest = server.request(1);
    assert_eq!((made.departure_timeout, made.max_participants, made.metadata.as_str()), (0, 0, "ours"));
    assert!(made.empty_timeout >= 3600, "the meeting closes it");

    let (server, old) = plane(vec![list(vec![room01()])]);
    let found = old.open_room(&room(), &free(), set(true)).await.unwrap();
    assert_eq!(lk::Room::decode(found).unwrap().metadata, "theirs");
    assert_eq!(server.methods(), ["ListRooms"], "a room that is there stays as it is");
}

#[tokio::test(start_paused = true)]
async fn rooms_are_listed_described_and_deleted() {
    let (server, plane) = plane(vec![
        ok(&lk::ListRoomsResponse { rooms: vec![room01(), lk::Room { name: "not ours".into(), ..room01() }] }),
        ok(&room01()),
        ok(&lk::DeleteRoomResponse {}),
    ]);

    let rooms = MediaControl::rooms(&*plane).await.unwrap();
    let names: Vec<_> = rooms.into_iter().map(|room| lk::Room::decode(room).unwrap().name).collect();
    assert_eq!(names, ["room01", "not ours"]);
    assert_eq!(server.request::<lk::ListRoomsRequest>(0).names, [""; 0]);
    let changed = plane.set_room_metadata(&room(), "new".into()).await.unwrap();
    assert_eq!(lk::Room::decode(changed).unwrap(), room01());
    let update: lk::UpdateRoomMetadataRequest = server.request(1);
    assert_eq!((update.room.as_str(), update.metadata.as_str()), ("room01", "new"));
    plane.delete_room(&room()).await.unwrap();
    assert_eq!(server.request::<lk::DeleteRoomRequest>(2).room, "room01");
    assert_eq!(server.methods(), ["ListRooms", "UpdateRoomMetadata", "DeleteRoom"]);
}

#[tokio::test(start_paused = true)]
async fn people_are_listed_hidden_ones_too_found_and_taken_out() {
    let permission = Some(lk::ParticipantPermission { hidden: true, ..lk::ParticipantPermission::default() });
    let hidden = lk::ParticipantInfo { permission, ..person("bot") };
    let (server, plane) = plane(vec![
        ok(&lk::ListParticipantsResponse { participants: vec![person("ann"), hidden] }),
        told(404, "not_found"),
        ok(&person("ann")),
        ok(&lk::RemoveParticipantResponse {}),
    ]);

    assert_eq!(plane.everybody(&room()).await.unwrap().len(), 2);
    assert_eq!(plane.everybody(&room()).await, Err(refused("not_found", "so")));
    let found = plane.participant(&room(), &ann()).await.unwrap();
    assert_eq!(lk::ParticipantInfo::decode(found).unwrap(), person("ann"));
    plane.remove_participant(&room(), &ann(), 1234).await.unwrap();

    assert_eq!(server.request::<lk::ListParticipantsRequest>(0).room, "room01");
    let asked = lk::RoomParticipantIdentity {
        room: "room01".into(),
        identity: "ann".into(),
        ..lk::RoomParticipantIdentity::default()
    };
    assert_eq!(server.request::<lk::RoomParticipantIdentity>(2), asked);
    let removal = lk::RoomParticipantIdentity { revoke_token_ts: 1234, ..asked };
    assert_eq!(server.request::<lk::RoomParticipantIdentity>(3), removal);
    let expected = ["ListParticipants", "ListParticipants", "GetParticipant", "RemoveParticipant"];
    assert_eq!(server.methods(), expected);
}

#[tokio::test(start_paused = true)]
async fn tracks_are_muted_by_sid_and_nobody_is_unmuted_whatever_that_server_would_do() {
    let track = |muted| lk::TrackInfo { sid: "TR_1".into(), muted, ..lk::TrackInfo::default() };
    let with = |muted| ok(&lk::ParticipantInfo { tracks: vec![track(muted)], ..person("ann") });

    let (server, plane1) = plane(vec![ok(&lk::MuteRoomTrackResponse { track: Some(track(true)) })]);
    let muted = plane1.mute_track(&room(), &ann(), "TR_1", true).await.unwrap();
    assert_eq!(lk::TrackInfo::decode(muted).unwrap(), track(true));
    let expected = lk::MuteRoomTrackRequest {
        room: "room01".into(),
        identity: "ann".into(),
        track_sid: "TR_1".into(),
        muted: true,
    };
    assert_eq!(server.request::<lk::MuteRoomTrackRequest>(0), expected);

    let (_, silent) = plane(vec![ok(&lk::MuteRoomTrackResponse { track: None })]);
    let unreadable = refused("internal", "the media server's answer names no track");
    assert_eq!(silent.mute_track(&room(), &ann(), "TR_1", true).await, Err(unreadable));

    for (answer, sid, outcome) in [
        (with(true), "TR_1", Err(ControlError::UnmuteRefused)),
        (with(false), "TR_1", Ok(Bytes::from(track(false).encode_to_vec()))),
        (with(false), "TR_2", Err(ControlError::NoTrack)),
    ] {
        let (server, plane) = plane(vec![answer]);
        assert_eq!(plane.mute_track(&room(), &ann(), sid, false).await, outcome);
        assert_eq!(server.methods(), ["GetParticipant"]);
    }
}

#[tokio::test(start_paused = true)]
async fn subscriptions_and_messages_are_carried_over_as_they_are() {
    let (server, plane) = plane(vec![ok(&lk::UpdateSubscriptionsResponse {}), ok(&lk::SendDataResponse {})]);

    plane.update_subscriptions(&room(), &ann(), vec!["TR_1".into(), "TR_2".into()], true).await.unwrap();
    let message = DataMessage {
        payload: "hello".into(),
        reliable: false,
        identities: vec!["ann".into()],
        sids: vec!["PA_1".into()],
        topic: Some("news".into()),
        nonce: Bytes::from_static(&[7; 16]),
    };
    plane.send_data(&room(), message.clone()).await.unwrap();
    plane.send_data(&room(), DataMessage { reliable: true, ..message }).await.unwrap();

    let expected = lk::UpdateSubscriptionsRequest {
        room: "room01".into(),
        identity: "ann".into(),
        track_sids: vec!["TR_1".into(), "TR_2".into()],
        subscribe: true,
        ..lk::UpdateSubscriptionsRequest::default()
    };
    assert_eq!(server.request::<lk::UpdateSubscriptionsRequest>(0), expected);
    #[allow(deprecated, reason = "older SDKs name receivers by sid")]
    let expected = lk::SendDataRequest {
        room: "room01".into(),
        data: "hello".into(),
        kind: lk::data_packet::Kind::Lossy.into(),
        destination_sids: vec!["PA_1".into()],
        destination_identities: vec!["ann".into()],
        topic: Some("news".into()),
        nonce: vec![7; 16],
    };
    assert_eq!(server.request::<lk::SendDataRequest>(1), expected);
    assert_eq!(server.request::<lk::SendDataRequest>(2).kind, i32::from(lk::data_packet::Kind::Reliable));
    assert_eq!(server.methods(), ["UpdateSubscriptions", "SendData", "SendData"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_of_no_meeting_is_changed_as_the_api_says() {
    let (server, plane) = plane(vec![ok(&person("ann"))]);
    let change = ParticipantChange {
        name: Some("Anna".into()),
        metadata: Some("m".into()),
        attributes: [("seat".into(), String::new())].into(),
        permission: Some(MediaPermission::FREE),
    };

    let changed = plane.update_participant(&room(), &ann(), change).await.unwrap();

    assert_eq!(lk::ParticipantInfo::decode(changed).unwrap(), person("ann"));
    let permission = lk::ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        can_update_metadata: true,
        ..lk::ParticipantPermission::default()
    };
    let expected = lk::UpdateParticipantRequest {
        room: "room01".into(),
        identity: "ann".into(),
        name: "Anna".into(),
        metadata: "m".into(),
        attributes: [("seat".into(), String::new())].into(),
        permission: Some(permission),
    };
    assert_eq!(server.request::<lk::UpdateParticipantRequest>(0), expected);
}

#[tokio::test(start_paused = true)]
async fn in_a_meeting_the_api_lifts_no_lock_and_no_unlock_lifts_what_it_said() {
    let (server, plane) = plane(vec![ok(&person("ann"))]);
    let sources = |number| {
        let update: lk::UpdateParticipantRequest = server.request(number);
        let permission = update.permission.unwrap();
        (permission.can_publish, permission.can_publish_sources)
    };
    let microphone = (true, vec![i32::from(lk::TrackSource::Microphone)]);

    plane.set_permission(&room(), &ann(), MICROPHONE_ONLY);
    plane.update_participant(&room(), &ann(), rights(MediaPermission::FREE)).await.unwrap();
    assert_eq!(sources(1), microphone, "the lock holds");

    let ceiling = ParticipantChange { metadata: Some("m".into()), ..rights(MICROPHONE_ONLY) };
    plane.update_participant(&room(), &ann(), ceiling).await.unwrap();
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    server.until_asked(4).await;
    assert_eq!(sources(3), microphone, "the ceiling holds");

    plane.remove(&room(), &ann(), RemoveReason::Left);
    server.until_asked(5).await;
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    server.until_asked(6).await;
    let back: lk::UpdateParticipantRequest = server.request(5);
    assert_eq!((sources(5), back.metadata.as_str()), (microphone, "m"), "also for whoever comes back");

    plane.close_room(&room());
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    server.until_asked(8).await;
    assert_eq!(sources(7), (true, Vec::new()), "the next meeting starts anew");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_refused_is_no_ceiling() {
    let (server, plane) = plane(vec![ok(&person("ann")), told(400, "invalid_argument"), ok(&person("ann"))]);
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);

    let answer = plane.update_participant(&room(), &ann(), rights(MICROPHONE_ONLY)).await;
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    server.until_asked(3).await;

    assert_eq!(answer, Err(refused("invalid_argument", "so")));
    let update: lk::UpdateParticipantRequest = server.request(2);
    assert!(update.permission.unwrap().can_publish_sources.is_empty(), "everything again");
}

#[tokio::test(start_paused = true)]
async fn refusals_come_back_with_code_and_text_and_are_not_asked_for_twice() {
    let text = |status: u16, code: &str, msg: &str| -> Result<(u16, Bytes), OutgoingError> {
        Ok((status, serde_json::json!({"code": code, "msg": msg}).to_string().into()))
    };
    for (answer, error) in [
        (text(404, "not_found", "requested room does not exist"), ControlError::NoRoom),
        (text(404, "not_found", "participant does not exist"), ControlError::NoParticipant),
        (text(404, "not_found", "track is not found"), ControlError::NoTrack),
        (text(404, "not_found", "no such thing"), refused("not_found", "no such thing")),
        (text(404, "bad_route", "no handler"), refused("bad_route", "no handler")),
        (text(400, "invalid_argument", "too long"), refused("invalid_argument", "too long")),
        (text(501, "unimplemented", "not here"), refused("unimplemented", "not here")),
        (text(503, "unavailable", "no response"), refused("unavailable", "no response")),
        (text(500, "internal", "oh"), refused("internal", "oh")),
        (text(401, "unauthenticated", "x"), refused("unauthenticated", "the media server does not take our key: x")),
        (
            text(403, "permission_denied", "x"),
            refused("permission_denied", "the media server does not take our key: x"),
        ),
        (text(400, "malformed", &"x".repeat(5000)), refused("malformed", &"x".repeat(1000))),
        (Ok((502, "<html>".into())), ControlError::Unavailable),
        (Err(OutgoingError::Failed("no route".into())), ControlError::Unavailable),
        (Err(OutgoingError::TooLarge), refused("internal", "the media server's answer is too large")),
        (Ok((200, "\u{7}".into())), refused("internal", "the media server's answer does not decode")),
    ] {
        let (server, plane) = plane(vec![answer]);
        assert_eq!(plane.set_room_metadata(&room(), String::new()).await, Err(error.clone()));
        assert_eq!(plane.update_participant(&room(), &ann(), rights(MediaPermission::FREE)).await, Err(error.clone()));
        assert_eq!(MediaControl::rooms(&*plane).await, Err(error));
        assert_eq!(server.methods().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_dead_server_than_livekits_callers_do() {
    let (server, plane) = plane(vec![Err(OutgoingError::Failed("no route".into()))]);
    let begun = tokio::time::Instant::now();

    assert_eq!(plane.participant(&room(), &ann()).await, Err(ControlError::Unavailable));

    assert!(begun.elapsed() < Duration::from_secs(1), "no second attempt");
    assert!(server.patience() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waited_too_long_in_line_is_not_made_behind_the_callers_back() {
    let (server, plane) = plane(vec![Err(OutgoingError::Failed("no route".into()))]);
    for _ in 0..10 {
        // Each is tried for more than a second.
        plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    }
    let begun = tokio::time::Instant::now();

    let answer = plane.update_participant(&room(), &ann(), rights(MICROPHONE_ONLY)).await;

    assert_eq!(answer, Err(ControlError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(10));
    plane.close_room(&room());
    server.until_asked(33).await;
    assert!(server.methods()[..30].iter().all(|method| method == "UpdateParticipant"));
    assert!(server.methods()[30..].iter().all(|method| method == "DeleteRoom"), "and no change in between");
}

#[tokio::test(start_paused = true)]
async fn however_many_changes_wait_the_meetings_half_of_the_line_is_free() {
    const HALF: usize = 512;
    let busy = Err(OutgoingError::Failed("no route".into()));
    let (server, plane) = plane(vec![busy, ok(&person("ann"))]);
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    // From now on it waits before it tries again, and nothing leaves the line.
    server.until_asked(1).await;

    let mut changes = tokio::task::JoinSet::new();
    for _ in 0..2 * HALF {
        let plane = plane.clone();
        changes.spawn(async move { plane.update_participant(&room(), &ann(), rights(MICROPHONE_ONLY)).await });
    }
    for _ in 0..HALF {
        assert_eq!(changes.join_next().await.unwrap().unwrap(), Err(ControlError::Unavailable), "refused at once");
    }
    for _ in 0..HALF - 1 {
        plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    }
    plane.close_room(&room());

    while let Some(change) = changes.join_next().await {
        assert!(change.unwrap().is_ok());
    }
    server.until_asked(2 + 2 * HALF).await;
    assert_eq!(server.methods().last().unwrap(), "DeleteRoom", "no order is lost");
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_noted_bound_the_change_that_follows_and_are_no_order() {
    let (server, plane) = plane(vec![ok(&person("ann"))]);

    plane.note_permission(&room(), &ann(), MICROPHONE_ONLY);
    plane.update_participant(&room(), &ann(), rights(MediaPermission::FREE)).await.unwrap();

    assert_eq!(server.methods(), ["UpdateParticipant"]);
    let update: lk::UpdateParticipantRequest = server.request(0);
    let microphone = i32::from(lk::TrackSource::Microphone);
    assert_eq!(update.permission.unwrap().can_publish_sources, [microphone]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_goes_out_without_the_attributes_that_the_api_set_and_those_follow() {
    let (server, plane) = plane(vec![ok(&person("ann"))]);
    let set = |value: String| ParticipantChange {
        attributes: [("seat".to_owned(), value)].into(),
        ..ParticipantChange::default()
    };
    plane.note_permission(&room(), &ann(), MediaPermission::FREE);
    plane.update_participant(&room(), &ann(), set("1".into())).await.unwrap();
    let too_much = plane.update_participant(&room(), &ann(), set("1".repeat(64 << 10))).await;
    assert_eq!(too_much, Err(ControlError::TooLarge("attributes")));

    plane.set_permission(&room(), &ann(), MICROPHONE_ONLY);
    server.until_asked(3).await;

    let [lock, rest] = [1, 2].map(|number| server.request::<lk::UpdateParticipantRequest>(number));
    assert!(lock.permission.is_some() && lock.attributes.is_empty());
    assert_eq!((rest.permission, rest.attributes), (None, [("seat".into(), "1".into())].into()));
}
