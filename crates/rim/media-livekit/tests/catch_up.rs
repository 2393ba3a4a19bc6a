//! What a LiveKit server missed reaches it later, as far as it is still wanted. The server is a note pad here, with people in a
//! room.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::sync::Arc;
use std::time::Duration;

use media_livekit::LiveKit;
use metrics_exporter_prometheus::PrometheusBuilder;
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, SessionId};
use ports::media::{MediaPlane, RemoveReason, RestoredPerson, Standing};
use ports::media_control::{FREE_SESSION, MediaControl, ParticipantChange, RoomSettings};
use server::{Server, client, now, ok, room, told, until};
use wire::lk;

const MICROPHONE_ONLY: MediaPermission =
    MediaPermission { publish: Sources::NONE.with(Source::Microphone), publish_data: false, ..MediaPermission::FREE };

fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

/// Somebody in the room with every right, since a time in unix seconds.
fn there(name: &str, joined_at: i64) -> lk::ParticipantInfo {
    let permission = lk::ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        can_update_metadata: true,
        ..lk::ParticipantPermission::default()
    };
    lk::ParticipantInfo {
        identity: name.into(),
        joined_at,
        permission: Some(permission),
        ..lk::ParticipantInfo::default()
    }
}

/// A server with these people, and a plane whose orders are carried out.
fn house(people: Vec<lk::ParticipantInfo>) -> (Arc<Server>, Arc<LiveKit>) {
    let server = Server::holding(people);
    let plane = LiveKit::start(client(&server));
    (server, plane)
}

/// Longer than every pause: whatever is to come has come.
async fn much_later() {
    tokio::time::sleep(Duration::from_secs(300)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_and_a_removal_that_were_missed_reach_the_server_when_it_is_back_and_nobody_else_is_touched() {
    let before = now() - 100;
    let people = ["ann", "bob", "cyd", "agent", "Somebody, else!"].map(|name| there(name, before)).to_vec();
    let (server, plane) = house([people, vec![there("dan", now() + 100)]].concat());
    for name in ["ann", "bob", "cyd", "dan"] {
        plane.note_permission(&room(), &who(name), MediaPermission::FREE);
    }
    server.go();
    plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    plane.remove(&room(), &who("bob"), RemoveReason::Left);
    plane.remove(&room(), &who("dan"), RemoveReason::Left);
    server.until_missed(9).await;
    much_later().await;

    server.come_back();
    let back = tokio::time::Instant::now();
    server.until_asked(3).await;
    assert!(back.elapsed() < Duration::from_secs(15), "at the next beat of its pulse");
    much_later().await;

    let mut methods = server.methods();
    assert_eq!(methods.remove(0), "ListParticipants");
    methods.sort();
    assert_eq!(methods, ["RemoveParticipant", "UpdateParticipant"]);
    let lock = server.methods().iter().position(|method| method == "UpdateParticipant").unwrap();
    let lock: lk::UpdateParticipantRequest = server.request(lock);
    let microphone = i32::from(lk::TrackSource::Microphone);
    assert_eq!((lock.identity.as_str(), lock.permission.unwrap().can_publish_sources), ("ann", vec![microphone]));
    let removal = server.methods().iter().position(|method| method == "RemoveParticipant").unwrap();
    let removal: lk::RoomParticipantIdentity = server.request(removal);
    assert_eq!(removal.identity, "bob");
    assert!((now() - removal.revoke_token_ts).abs() < 60, "the tokens since the removal are good");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_meeting_that_was_missed_reaches_the_server_once() {
    let (server, plane) = house(vec![there("ann", 1)]);
    plane.note_permission(&room(), &who("ann"), MediaPermission::FREE);
    server.go();
    plane.close_room(&room());
    server.until_missed(6).await;

    server.come_back();
    server.until_asked(1).await;
    much_later().await;

    assert_eq!(server.methods(), ["DeleteRoom"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_wanted_last_is_what_the_server_gets() {
    let (server, plane) = house(vec![there("ann", 1), there("bob", 1)]);
    server.go();
    plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    plane.set_permission(&room(), &who("ann"), MediaPermission::FREE);
    plane.remove(&room(), &who("bob"), RemoveReason::Left);
    server.until_missed(9).await;
    plane.note_permission(&room(), &who("bob"), MediaPermission::FREE);

    server.come_back();
    server.until_asked(1).await;
    much_later().await;

    assert_eq!(server.methods(), ["ListParticipants"], "both have what they are to have");
}

#[tokio::test(start_paused = true)]
async fn trouble_of_the_server_is_waited_out_and_a_refusal_is_counted_and_not_repeated() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let list = ok(&lk::ListParticipantsResponse { participants: vec![there("ann", 1)] });
    let trouble = || told(503, "unavailable");
    let server = Server::with(vec![trouble(), trouble(), trouble(), list, told(400, "invalid_argument")]);
    let plane = LiveKit::start(client(&server));
    plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    until(|| figures.render().contains("plenum_media_rooms_behind 1")).await;
    assert!(!figures.render().contains("plenum_media_orders_lost_total"), "it may still be carried out");

    until(|| figures.render().contains("plenum_media_rooms_behind 0")).await;
    much_later().await;

    assert_eq!(server.methods()[2..], ["UpdateParticipant", "ListParticipants", "UpdateParticipant"]);
    assert!(figures.render().contains("plenum_media_orders_lost_total 1"), "{}", figures.render());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_server_does_not_know_yet_loses_nothing() {
    let closed = ok(&lk::DeleteRoomResponse {});
    let server = Server::with(vec![told(401, "unauthenticated"), told(403, "permission_denied"), closed]);
    let plane = LiveKit::start(client(&server));

    plane.close_room(&room());
    server.until_asked(3).await;
    much_later().await;

    assert_eq!(server.methods(), ["DeleteRoom"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_opened_anew_is_not_closed_later_and_whoever_came_since_stays() {
    let (server, plane) = house(vec![there("old", 1), there("new", i64::MAX)]);
    server.go();
    plane.close_room(&room());
    server.until_missed(3).await;
    assert!(!plane.settle(&room()).await, "it cannot be closed");
    plane.note_permission(&room(), &who("new"), MediaPermission::FREE);

    server.come_back();
    server.until_asked(2).await;
    much_later().await;

    assert_eq!(server.methods(), ["ListParticipants", "RemoveParticipant"]);
    assert_eq!(server.request::<lk::RoomParticipantIdentity>(1).identity, "old");
}

#[tokio::test(start_paused = true)]
async fn whoever_opens_a_room_whose_close_was_missed_need_not_wait_for_the_next_attempt() {
    let (server, plane) = house(Vec::new());
    server.go();
    plane.close_room(&room());
    server.until_missed(6).await;
    server.come_back();

    assert!(plane.settle(&room()).await);
    assert_eq!(server.methods(), ["DeleteRoom"]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_the_api_opens_is_not_closed_for_the_meeting_before() {
    let (server, plane) = house(vec![there("old", 1)]);
    server.go();
    plane.close_room(&room());
    server.until_missed(3).await;
    let free = SessionId::try_from(FREE_SESSION).unwrap();
    let begun = tokio::time::Instant::now();
    let opened = plane.open_room(&room(), &free, RoomSettings::default()).await;
    assert!(opened.is_err() && begun.elapsed() < Duration::from_secs(2));

    server.come_back();
    plane.open_room(&room(), &free, RoomSettings::default()).await.unwrap();
    server.until_asked(3).await;
    much_later().await;

    assert_eq!(server.methods(), ["CreateRoom", "ListParticipants", "RemoveParticipant"]);
    plane.close_room(&room());
    plane.open_room(&room(), &free, RoomSettings::default()).await.unwrap();
    assert_eq!(server.methods()[3..], ["DeleteRoom", "CreateRoom"], "without trouble it is closed first");
}

#[tokio::test(start_paused = true)]
async fn orders_for_which_the_line_has_no_space_are_made_up_for() {
    const WAITING: usize = 1024;
    let (server, plane) = house(vec![there("ann", 1)]);
    server.go();
    for _ in 0..=WAITING {
        plane.set_permission(&room(), &who("ann"), MediaPermission::FREE);
    }
    plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    server.until_missed(1).await;

    server.come_back();
    server.until_asked(WAITING).await;
    much_later().await;

    let last = server.methods().len() - 1;
    let lock: lk::UpdateParticipantRequest = server.request(last);
    assert_eq!(lock.permission.unwrap().can_publish_sources, [i32::from(lk::TrackSource::Microphone)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_before_wanted_of_a_meeting_is_compared_with_what_the_server_has() {
    let mut sat = there("cyd", 1);
    sat.attributes.insert("seat".into(), "1".into());
    let (server, plane) =
        house(vec![there("ann", 1), there("bob", 1), sat, there("dan", 1), there("fay", 8), there("agent", 1)]);
    let ceiling = ParticipantChange {
        attributes: [("seat".into(), "1".into())].into(),
        permission: Some(MICROPHONE_ONLY),
        ..ParticipantChange::default()
    };
    let person = |name, standing, said| RestoredPerson { who: who(name), standing, said };

    plane.restore(
        &room(),
        vec![
            person("ann", Standing::In(MediaPermission::FREE), None),
            person("bob", Standing::Out { since: 7 }, None),
            person("cyd", Standing::In(MediaPermission::FREE), Some(ceiling.clone())),
            person("dan", Standing::Neither, None),
            person("eve", Standing::Out { since: 7 }, None),
            person("fay", Standing::Out { since: 7 }, None),
        ],
    );
    server.until_asked(3).await;
    much_later().await;

    let mut methods = server.methods();
    methods[1..].sort();
    assert_eq!(methods, ["ListParticipants", "RemoveParticipant", "UpdateParticipant"]);
    let update = server.methods().iter().position(|method| method == "UpdateParticipant").unwrap();
    let update: lk::UpdateParticipantRequest = server.request(update);
    assert_eq!((update.identity.as_str(), update.attributes.len()), ("cyd", 0), "the seat is known there");
    let removal: lk::RoomParticipantIdentity =
        server.request(if server.methods()[1] == "RemoveParticipant" { 1 } else { 2 });
    assert_eq!(removal.identity, "bob");
    assert_eq!(plane.word(&room(), &who("cyd")), Some(ceiling));
}

#[tokio::test(start_paused = true)]
async fn of_a_meeting_that_ended_in_a_process_before_only_its_own_people_go() {
    let end = now() - 100;
    let (server, plane) = house(vec![there("old", end - 1), there("new", end)]);
    server.go();
    plane.restore_end(&room(), end);
    server.until_missed(3).await;
    assert!(!plane.settle(&room()).await, "they may still be there");

    server.come_back();
    server.until_asked(2).await;
    much_later().await;

    assert_eq!(server.methods(), ["ListParticipants", "RemoveParticipant"]);
    let removal: lk::RoomParticipantIdentity = server.request(1);
    assert_eq!((removal.identity.as_str(), removal.revoke_token_ts), ("old", end));
    assert!(plane.settle(&room()).await);
}

#[tokio::test(start_paused = true)]
async fn of_a_meeting_that_ended_in_a_process_before_nobody_stays_in_the_next_one() {
    let end = now() - 100;
    let mut ann = there("ann", end);
    ann.permission.as_mut().unwrap().can_publish = false;
    let (server, plane) = house(vec![there("old", end - 1), ann, there("agent", end)]);

    plane.restore(
        &room(),
        vec![RestoredPerson { who: who("ann"), standing: Standing::In(MICROPHONE_ONLY), said: None }],
    );
    plane.restore_end(&room(), end);
    server.until_asked(3).await;
    much_later().await;

    let methods = server.methods();
    let of = |method: &str| methods.iter().filter(|asked| *asked == method).count();
    assert_eq!((of("RemoveParticipant"), of("UpdateParticipant"), of("DeleteRoom")), (1, 1, 0), "{methods:?}");
    let removal = methods.iter().position(|method| method == "RemoveParticipant").unwrap();
    assert_eq!(server.request::<lk::RoomParticipantIdentity>(removal).identity, "old");
}

#[tokio::test(start_paused = true)]
async fn a_big_room_is_cleared_by_some_calls_at_a_time() {
    let (server, plane) = house((0..40).map(|number| there(&format!("p{number}"), 1)).collect());
    server.be_slow(Duration::from_secs(1));

    plane.restore_end(&room(), now());
    server.until_asked(41).await;
    much_later().await;

    assert_eq!((server.methods().len(), server.most_at_once()), (41, 8));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_what_is_in_line_and_not_for_a_server_that_is_gone() {
    let (server, plane) = house(Vec::new());
    server.be_slow(Duration::from_millis(100));
    for _ in 0..9 {
        plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    }
    plane.finish().await;
    assert_eq!(server.methods().len(), 9);

    server.go();
    plane.close_room(&room());
    plane.close_room(&room());
    plane.close_room(&room());
    let begun = tokio::time::Instant::now();
    plane.finish().await;
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_twins_of_people_are_brought_to_what_their_owners_are_to_have() {
    let people = ["ann", "ann-native", "bob-native", "agent-native"].map(|name| there(name, 1)).to_vec();
    let (server, plane) = house(people);
    let person = |name, standing| RestoredPerson { who: who(name), standing, said: None };
    plane.restore(
        &room(),
        vec![person("ann", Standing::In(MediaPermission::FREE)), person("bob", Standing::Out { since: 7 })],
    );
    server.until_asked(3).await;
    much_later().await;
    let told_of = |from: usize| {
        let methods = server.methods();
        let mut told: Vec<_> = (from..methods.len())
            .filter(|number| methods[*number] != "ListParticipants")
            .map(|number| match methods[number].as_str() {
                "RemoveParticipant" => server.request::<lk::RoomParticipantIdentity>(number).identity + " goes",
                _ => {
                    let update: lk::UpdateParticipantRequest = server.request(number);
                    let permission = update.permission.unwrap();
                    let publishes = permission.can_publish_sources.len();
                    format!("{} receives: {}, publishes: {publishes}", update.identity, permission.can_subscribe)
                }
            })
            .collect();
        told.sort();
        told
    };
    assert_eq!(told_of(0), ["ann-native receives: false, publishes: 0", "bob-native goes"], "0 is everything");

    let before = server.methods().len();
    plane.set_permission(&room(), &who("ann"), MICROPHONE_ONLY);
    plane.remove(&room(), &who("bob"), RemoveReason::Removed);
    server.until_asked(before + 3).await;
    let expected = ["ann receives: true, publishes: 1", "ann-native receives: false, publishes: 1", "bob goes"];
    assert_eq!(told_of(before), expected, "bob's is gone");

    let before = server.methods().len();
    plane.remove(&room(), &who("ann"), RemoveReason::Removed);
    server.until_asked(before + 2).await;
    assert_eq!(told_of(before), ["ann goes", "ann-native goes"]);
}
