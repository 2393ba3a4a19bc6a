//! Mutes that a LiveKit server missed. The server is a note pad here, with people in a room.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::time::Duration;

use media_livekit::LiveKit;
use metrics_exporter_prometheus::PrometheusBuilder;
use model::media::{MediaPermission, Source};
use ports::media::{MediaPlane, MuteError, TrackChoice};
use server::{Server, ann, client, now, ok, room, told};
use wire::lk;

const MICROPHONE: TrackChoice = TrackChoice::Source(Source::Microphone);

/// A microphone that began at a time in unix seconds.
fn microphone(sid: &str, muted: bool, since: i64) -> lk::TrackInfo {
    lk::TrackInfo {
        sid: sid.into(),
        source: lk::TrackSource::Microphone.into(),
        muted,
        version: Some(lk::TimedVersion { unix_micro: since * 1_000_000, ticks: 0 }),
        ..lk::TrackInfo::default()
    }
}

fn there(name: &str, joined_at: i64, tracks: Vec<lk::TrackInfo>) -> lk::ParticipantInfo {
    lk::ParticipantInfo { identity: name.into(), joined_at, tracks, ..lk::ParticipantInfo::default() }
}

/// Longer than every pause, and than a mute waits.
async fn much_later() {
    tokio::time::sleep(Duration::from_secs(300)).await;
}

/// What was muted of what was asked, each with whose it is.
fn muted(server: &Server) -> Vec<(String, String)> {
    let methods = server.methods();
    let mutes = methods.iter().enumerate().filter(|(_, method)| *method == "MutePublishedTrack");
    let requests = mutes.map(|(number, _)| server.request::<lk::MuteRoomTrackRequest>(number));
    requests.map(|request| (request.identity, request.track_sid)).collect()
}

fn pair(who: &str, sid: &str) -> (String, String) {
    (who.into(), sid.into())
}

#[tokio::test(start_paused = true)]
async fn a_mute_that_was_missed_reaches_the_server_when_it_is_back_and_once() {
    let tracks = vec![microphone("TR_1", false, 1)];
    let server = Server::holding(vec![there("ann", 1, tracks.clone()), there("bob", 1, tracks)]);
    let plane = LiveKit::start(client(&server));
    server.go();
    assert_eq!(plane.mute(&room(), &ann(), MICROPHONE, true).await, Err(MuteError::Unanswered));
    assert_eq!(plane.mute(&room(), &ann(), MICROPHONE, false).await, Err(MuteError::NoParticipant));

    server.come_back();
    server.until_asked(2).await;
    much_later().await;

    assert_eq!(server.methods(), ["ListParticipants", "MutePublishedTrack"]);
    assert_eq!(muted(&server), [pair("ann", "TR_1")]);
}

#[tokio::test(start_paused = true)]
async fn a_mute_is_forgotten_after_a_minute_and_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let server = Server::holding(vec![there("ann", 1, vec![microphone("TR_1", false, 1)])]);
    let plane = LiveKit::start(client(&server));
    server.go();
    plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
    much_later().await;

    server.come_back();
    much_later().await;

    assert_eq!(server.methods(), [""; 0]);
    assert!(figures.render().contains("plenum_media_orders_lost_total 1"), "{}", figures.render());
    assert!(figures.render().contains("plenum_media_rooms_behind 0"));
}

#[tokio::test(start_paused = true)]
async fn what_began_since_the_mute_stays_on() {
    let later = now() + 100;
    let server = Server::holding(Vec::new());
    let plane = LiveKit::start(client(&server));
    for people in [
        vec![there("ann", 1, vec![microphone("TR_2", false, later)])],
        vec![there("ann", later, vec![microphone("TR_2", false, 1)])],
        Vec::new(),
    ] {
        server.now_holds(people);
        server.go();
        plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
        server.come_back();
        much_later().await;
    }

    assert_eq!(server.methods(), ["ListParticipants"; 3]);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_seen_muted_and_unmuted_themselves_since_stays_on() {
    let server = Server::holding(vec![there("ann", 1, vec![microphone("TR_1", true, 1)])]);
    let plane = LiveKit::start(client(&server));
    server.go();
    plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
    server.come_back();
    server.until_asked(1).await;

    server.now_holds(vec![there("ann", 1, vec![microphone("TR_1", false, 1)])]);
    server.go();
    plane.set_permission(&room(), &ann(), MediaPermission::FREE);
    server.until_missed(6).await;
    server.come_back();
    much_later().await;

    assert_eq!(muted(&server), []);
    assert_eq!(server.methods().iter().filter(|method| *method == "ListParticipants").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mute_of_a_track_that_was_seen_is_for_that_track() {
    let both = |first| vec![microphone(first, false, 1), microphone("TR_2", false, now() + 100)];
    for (first, expected) in [("TR_1", vec![pair("ann", "TR_1")]), ("TR_0", Vec::new())] {
        let trouble = || told(503, "unavailable");
        let server = Server::with(vec![
            ok(&there("ann", 1, vec![microphone("TR_1", false, 1)])),
            told(404, "not_found"),
            trouble(),
            trouble(),
            trouble(),
            ok(&lk::ListParticipantsResponse { participants: vec![there("ann", now() + 100, both(first))] }),
            ok(&lk::MuteRoomTrackResponse::default()),
        ]);
        let plane = LiveKit::start(client(&server));
        assert_eq!(plane.mute(&room(), &ann(), MICROPHONE, true).await, Err(MuteError::Unanswered));
        server.until_asked(6).await;
        much_later().await;

        assert_eq!(server.methods()[5], "ListParticipants");
        assert_eq!(muted(&server)[3..], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mute_that_fails_again_is_tried_again_and_ends_with_the_meeting() {
    let server = Server::holding(vec![there("ann", 1, vec![microphone("TR_1", false, 1)])]);
    let plane = LiveKit::start(client(&server));
    server.go();
    plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
    // Three attempts by whoever asks, three by whoever sees to the room.
    server.until_missed(6).await;
    plane.close_room(&room());

    server.come_back();
    server.until_asked(1).await;
    much_later().await;
    assert_eq!(server.methods(), ["DeleteRoom"]);

    server.go();
    plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
    server.until_missed(15).await;
    server.come_back();
    server.until_asked(3).await;
    assert_eq!(muted(&server), [pair("ann", "TR_1")]);
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_muted_as_its_owner_is() {
    let server =
        Server::holding(vec![there("ann", 1, Vec::new()), there("ann-native", 1, vec![microphone("TR_1", false, 1)])]);
    let plane = LiveKit::start(client(&server));
    plane.note_permission(&room(), &ann(), MediaPermission::FREE);

    assert_eq!(plane.mute(&room(), &ann(), MICROPHONE, true).await, Ok(()));
    server.go();
    plane.mute(&room(), &ann(), MICROPHONE, true).await.unwrap_err();
    server.come_back();
    much_later().await;

    assert_eq!(muted(&server), [pair("ann-native", "TR_1"), pair("ann-native", "TR_1")]);
}
