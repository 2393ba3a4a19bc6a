//! The media player: who starts it, who drives it, and where a late joiner begins.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use model::policy::Denial;
use prost::Message;
use room::{ClientSubject, MediaUrl, PlayerRefusal, Request};
use scene::{Scene, data, user};
use wire::pnm::{self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event};

fn meeting(change: impl FnOnce(&mut pnm::RoomCreateFeatures)) -> Scene {
    let mut scene = Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.external_media_player_features =
            Some(pnm::ExternalMediaPlayerFeatures { is_allow: true, ..Default::default() });
        change(features);
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ben");
    scene
}

fn play(scene: &mut Scene, by: &str, seek_to: Option<f64>) -> Result<(), PlayerRefusal> {
    let url = MediaUrl::parse("https://video.example.org/a.mp4", "").unwrap();
    let now = scene.now();
    let done = scene.room.play_media(now, &user(by), url, seek_to);
    scene.drain();
    done
}

fn drive(scene: &mut Scene, who: &str, event: &str) {
    scene.publish(who, ClientSubject::Data, data(who, Body::ExternalMediaPlayerEvents, event).encode_to_vec());
}

/// What a client that asks who is here is told of the player.
fn told(scene: &mut Scene, who: &str) -> Vec<(String, serde_json::Value)> {
    scene.take_mail(who);
    scene.request(who, Request::JoinedUsers);
    let private = scene.take_mail(who).into_iter().filter(|mail| mail.event == Event::DeliveryPrivateData);
    private
        .map(|mail| pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()).unwrap())
        .filter(|message| message.r#type() == Body::ExternalMediaPlayerEvents)
        .map(|message| (message.from_user_id, serde_json::from_str(&message.message).unwrap()))
        .collect()
}

fn event(action: &str, seconds: f64) -> serde_json::Value {
    serde_json::json!({ "action": action, "seekTo": seconds })
}

#[test]
fn a_moderator_starts_and_stops_it_for_everybody() {
    let mut scene = meeting(|_| {});
    play(&mut scene, "ana", None).unwrap();
    let mail = scene.take_mail("ben");
    let started = r#""is_active":true,"shared_by":"ana","url":"https://video.example.org/a.mp4""#;
    assert!(mail[0].event == Event::RoomMetadataUpdate && mail[0].msg.contains(started), "{}", mail[0].msg);

    let now = scene.now();
    scene.room.stop_media(now, &user("ana")).unwrap();
    scene.drain();
    let mail = scene.take_mail("ben");
    assert!(mail[0].msg.contains(r#""external_media_player_features":{"is_allow":true,"is_active":false"#));
    assert!(!scene.journal.contains_key("player"));
}

#[test]
fn attendees_start_nothing_and_a_room_without_a_player_plays_nothing() {
    let mut scene = meeting(|_| {});
    assert_eq!(play(&mut scene, "ben", None), Err(PlayerRefusal::Denied(Denial::NotModerator)));
    let mut scene = meeting(|features| features.external_media_player_features = None);
    assert_eq!(play(&mut scene, "ana", None), Err(PlayerRefusal::Denied(Denial::FeatureOff)));
}

#[test]
fn a_late_joiner_begins_where_the_presenter_is() {
    let mut scene = meeting(|_| {});
    play(&mut scene, "ana", None).unwrap();
    assert_eq!(told(&mut scene, "ben"), [], "at its beginning there is nothing to tell");

    drive(&mut scene, "ana", r#"{"action":"play","seekTo":60}"#);
    scene.secs(3);
    scene.join("eva");
    let expected = ["seeked", "play"].map(|action| ("ana".to_owned(), event(action, 63.0)));
    assert_eq!(told(&mut scene, "eva"), expected);

    drive(&mut scene, "ana", r#"{"action":"pause","seekTo":64.5}"#);
    scene.secs(3);
    let expected = ["seeked", "pause"].map(|action| ("ana".to_owned(), event(action, 64.5)));
    assert_eq!(told(&mut scene, "ben"), expected);
    assert_eq!(told(&mut scene, "ana")[0].0, "system", "nobody listens to themselves");
}

#[test]
fn whoever_comes_back_is_told_too() {
    let mut scene = meeting(|_| {});
    play(&mut scene, "ana", Some(5.0)).unwrap();
    scene.drop_socket("ben");
    drive(&mut scene, "ana", r#"{"action":"play","seekTo":10}"#);
    scene.secs(2);
    scene.connect("ben");

    let private = scene.take_mail("ben").into_iter().filter(|mail| mail.event == Event::DeliveryPrivateData);
    let last = private.last().unwrap();
    let message = pnm::DataChannelMessage::decode(last.bin_msg.as_slice()).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&message.message).unwrap(), event("play", 12.0));
}

#[test]
fn only_the_presenter_moves_it_and_it_survives_a_restart() {
    let mut scene = meeting(|_| {});
    play(&mut scene, "ana", None).unwrap();
    drive(&mut scene, "ana", r#"{"action":"play","seekTo":30}"#);
    drive(&mut scene, "ben", r#"{"action":"seeked","seekTo":9000}"#);

    let mut scene = scene.restart(Duration::from_secs(10));
    scene.connect("ben");
    assert_eq!(told(&mut scene, "ben")[1].1, event("play", 40.0));
}

#[test]
fn what_is_encrypted_is_not_followed() {
    let mut scene = meeting(|features| {
        features.end_to_end_encryption_features =
            Some(pnm::EndToEndEncryptionFeatures { is_enabled: true, ..Default::default() });
    });
    play(&mut scene, "ana", Some(5.0)).unwrap();
    drive(&mut scene, "ana", r#"{"action":"play","seekTo":30}"#);
    assert_eq!(told(&mut scene, "ben"), []);
}
