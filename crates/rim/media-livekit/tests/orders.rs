//! Orders as they reach a LiveKit server, which is a note pad here.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use media_livekit::{LiveKit, Refusal};
use model::media::{CameraView, MediaPermission, Source, Sources};
use ports::media::{MediaPlane, MuteError, RemoveReason, TrackChoice};
use ports::outgoing::OutgoingError;
use prost::Message;
use server::{Server, ann, client, now, ok, room, told};
use wire::lk;
use wire::token::VideoGrant;

const MICROPHONE_ONLY: MediaPermission = MediaPermission {
    publish: Sources::NONE.with(Source::Microphone),
    subscribe: true,
    publish_data: false,
    hidden: false,
    update_own: false,
    moderator: false,
    cameras: CameraView::Everyone,
};

#[tokio::test(start_paused = true)]
async fn orders_of_a_room_reach_the_server_in_their_order() {
    let server = Server::with(vec![ok(&lk::ParticipantInfo::default())]);
    let plane = LiveKit::start(client(&server));

    plane.set_permission(&room(), &ann(), MICROPHONE_ONLY);
    plane.remove(&room(), &ann(), RemoveReason::Duplicate);
    plane.remove(&room(), &ann(), RemoveReason::Left);
    plane.close_room(&room());
    server.until_asked(3).await;

    assert_eq!(server.methods(), ["UpdateParticipant", "RemoveParticipant", "DeleteRoom"]);
    let update: lk::UpdateParticipantRequest = server.request(0);
    let permission = update.permission.unwrap();
    assert_eq!((update.identity.as_str(), permission.can_publish), ("ann", true));
    assert_eq!(permission.can_publish_sources, [i32::from(lk::TrackSource::Microphone)]);
    let removal: lk::RoomParticipantIdentity = server.request(1);
    assert!((now() - removal.revoke_token_ts).abs() < 5, "whoever left may come back with a new token");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_network_spoils_is_made_again_and_one_that_is_refused_is_not() {
    let broken = || Err(OutgoingError::Failed("no route".into()));
    let grant = || VideoGrant { room_create: true, ..VideoGrant::default() };

    let server = Server::with(vec![broken(), told(503, "unavailable"), ok(&lk::Room::default())]);
    assert!(client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await.is_ok());
    assert_eq!(server.methods().len(), 3);

    for code in ["deadline_exceeded", "aborted", "unknown"] {
        let server = Server::with(vec![told(500, code), ok(&lk::Room::default())]);
        assert!(client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await.is_ok(), "{code}");
    }

    let server = Server::with(vec![broken()]);
    let answer = client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await;
    assert_eq!(answer, Err(Refusal::Unreachable("the request failed: no route".into())));
    assert_eq!(server.methods().len(), 3, "and then no more");

    let server = Server::with(vec![told(401, "unauthenticated")]);
    let answer = client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await;
    assert_eq!(answer, Err(Refusal::Refused { code: "unauthenticated".into(), text: "so".into() }));
    assert_eq!(server.methods().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_track_to_mute_is_looked_up_and_nobody_is_unmuted() {
    let track = |muted| lk::TrackInfo {
        sid: "TR_1".into(),
        source: lk::TrackSource::Microphone.into(),
        muted,
        ..lk::TrackInfo::default()
    };
    let with = |muted| ok(&lk::ParticipantInfo { tracks: vec![track(muted)], ..lk::ParticipantInfo::default() });
    let microphone = || TrackChoice::Source(Source::Microphone);

    // There is no twin.
    let nobody = || told(404, "not_found");
    let server = Server::with(vec![with(false), nobody(), ok(&lk::MuteRoomTrackResponse::default())]);
    let plane = LiveKit::start(client(&server));
    assert_eq!(plane.mute(&room(), &ann(), microphone(), true).await, Ok(()));
    let mute: lk::MuteRoomTrackRequest = server.request(2);
    assert_eq!((mute.track_sid.as_str(), mute.muted), ("TR_1", true));

    let several = lk::ParticipantInfo {
        tracks: vec![track(false), track(true), lk::TrackInfo { sid: "TR_2".into(), ..track(false) }],
        ..lk::ParticipantInfo::default()
    };
    let muted = || ok(&lk::MuteRoomTrackResponse::default());
    let server = Server::with(vec![ok(&several), nobody(), muted(), muted()]);
    let plane = LiveKit::start(client(&server));
    assert_eq!(plane.mute(&room(), &ann(), microphone(), true).await, Ok(()));
    let muted = [2, 3].map(|index| server.request::<lk::MuteRoomTrackRequest>(index).track_sid);
    assert_eq!(muted, ["TR_1", "TR_2"], "all that are on");

    for (answer, choice, muted, outcome) in [
        (with(true), microphone(), true, Ok(())),
        (with(true), microphone(), false, Err(MuteError::UnmuteRefused)),
        (with(false), TrackChoice::Sid("TR_2".into()), true, Err(MuteError::NoTrack)),
        (told(404, "not_found"), microphone(), true, Err(MuteError::NoParticipant)),
    ] {
        let server = Server::with(vec![answer, nobody()]);
        let plane = LiveKit::start(client(&server));
        assert_eq!(plane.mute(&room(), &ann(), choice, muted).await, outcome);
        assert_eq!(server.methods(), ["GetParticipant"; 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn hidden_participants_are_left_out() {
    let person = |identity: &str, hidden| lk::ParticipantInfo {
        identity: identity.into(),
        permission: Some(lk::ParticipantPermission { hidden, ..lk::ParticipantPermission::default() }),
        ..lk::ParticipantInfo::default()
    };
    let participants = vec![person("ann", false), person("bot", true)];
    let server = Server::with(vec![ok(&lk::ListParticipantsResponse { participants })]);

    let list = LiveKit::start(client(&server)).participants(&room()).await;

    let names: Vec<_> = list.into_iter().map(|one| lk::ParticipantInfo::decode(one).unwrap().identity).collect();
    assert_eq!(names, ["ann"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_came_back_is_not_sent_out_by_an_older_order() {
    let server = Server::with(vec![ok(&lk::ParticipantInfo::default())]);
    let plane = LiveKit::start(client(&server));

    plane.remove(&room(), &ann(), RemoveReason::Left);
    plane.set_permission(&room(), &ann(), MICROPHONE_ONLY);
    server.until_asked(1).await;
    plane.close_room(&room());
    server.until_asked(2).await;

    assert_eq!(server.methods(), ["UpdateParticipant", "DeleteRoom"]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_opened_again_is_waited_for_and_closed_late_only_for_those_who_were_there() {
    let there = |identity: &str, joined_at| lk::ParticipantInfo {
        identity: identity.into(),
        joined_at,
        ..lk::ParticipantInfo::default()
    };
    let participants = vec![there("old", 1), there("new", i64::MAX)];
    let list = lk::ListParticipantsResponse { participants };

    let server = Server::with(vec![ok(&lk::DeleteRoomResponse {})]);
    let plane = LiveKit::start(client(&server));
    plane.close_room(&room());
    assert!(plane.settle(&room()).await);
    assert_eq!(server.methods(), ["DeleteRoom"]);

    let silent = Server::with(vec![ok(&list), ok(&lk::RemoveParticipantResponse {})]);
    let plane = LiveKit::start(client(&silent));
    plane.close_room(&room());
    silent.hold();
    assert!(!plane.settle(&room()).await, "it does not answer");
    silent.until_asked(3).await;
    assert_eq!(silent.methods(), ["DeleteRoom", "ListParticipants", "RemoveParticipant"]);
    assert_eq!(silent.request::<lk::RoomParticipantIdentity>(2).identity, "old");
}
