//! A meeting put at rest, and back.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use model::media::{Source, Sources};
use prost::Message;
use room::{ClientSubject, LockService, MediaStep, Moderation, Whom};
use scene::moderating::*;
use scene::{Mail, chat, user};
use serde_json::Value;
use wire::livekit::TrackSource;
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

#[test]
fn a_meeting_at_rest_is_quiet_and_comes_back_as_it_was() {
    let mut scene = meeting(|new| {
        features(new).waiting_room_features = Some(pnm::WaitingRoomFeatures::default());
        new.metadata.default_lock_settings = Some(pnm::LockSettings::default());
    });
    scene.moderate("ana", lock(one("eva"), LockService::Chat, true)).unwrap();
    speaks(&mut scene, "ben");
    track(&mut scene, "ben", MediaStep::Published, TrackSource::ScreenShare, false);
    let (eva, room) = (person(&mut scene, "eva"), metadata(&mut scene));

    scene.moderate("ana", Moderation::Rest(true)).unwrap();

    assert_eq!(scene.muted, ["ben", "eva"]);
    assert!(scene.unpublished.contains(&(user("ben"), Sources::NONE.with(Source::Camera))));
    for source in [Source::Microphone, Source::ScreenShare, Source::ScreenShareAudio] {
        assert!(!publishes(&scene, "ben", source) && publishes(&scene, "ana", source), "{source:?}");
    }
    assert!(!said(&mut scene, "ben", "eva", "m1") && said(&mut scene, "ana", "eva", "m2"));
    let message = chat("ben", "m3", "to everybody", scene.now().unix_ms);
    scene.publish("ben", ClientSubject::Chat, message.encode_to_vec());
    assert!(scene.heard("eva").is_empty());
    scene.join("dan");
    assert_eq!(person(&mut scene, "dan")["wait_for_approval"], true);

    let mut scene = scene.restart(Duration::from_secs(1));
    for id in ["ana", "ben", "eva", "dan"] {
        scene.connect(id);
    }
    assert!(metadata(&mut scene)["extra_data"]["plenum_panic"].is_string());
    scene.moderate("ana", Moderation::Rest(false)).unwrap();

    let without_ids = |mut value: Value| {
        value.as_object_mut().unwrap().remove("metadata_id");
        value
    };
    assert_eq!(without_ids(person(&mut scene, "eva"))["lock_settings"]["lock_chat"], eva["lock_settings"]["lock_chat"]);
    assert_eq!(without_ids(metadata(&mut scene)), without_ids(room));
    assert!(said(&mut scene, "ben", "ana", "m4") && publishes(&scene, "ben", Source::ScreenShare));
    assert!(publishes(&scene, "ben", Source::Microphone));
}

#[test]
fn nothing_is_taken_of_those_who_are_gone_when_a_meeting_is_put_at_rest() {
    let mut scene = meeting(|_| {});
    scene.admit("dan", |_| {}).unwrap();
    scene.drop_socket("ben");
    scene.secs(60);
    scene.unpublished.clear();

    scene.moderate("ana", Moderation::Rest(true)).unwrap();

    assert_eq!(scene.muted, ["eva"]);
    assert!(scene.unpublished.iter().all(|(who, _)| *who == user("eva")), "{:?}", scene.unpublished);
    scene.connect("ben");
    assert!(!publishes(&scene, "ben", Source::Microphone), "for when they come back");
}

#[test]
fn two_moderators_may_put_the_meeting_at_rest_and_either_brings_it_back_as_it_was_before_the_first() {
    let mut scene = meeting(|new| {
        features(new).waiting_room_features = Some(pnm::WaitingRoomFeatures::default());
        new.metadata.default_lock_settings = Some(pnm::LockSettings::default());
    });
    scene.join_admin("cem");
    scene.moderate("ana", lock(one("eva"), LockService::Chat, true)).unwrap();
    scene.moderate("cem", Moderation::Rest(false)).unwrap();
    assert!(
        !scene.take_mail("ben").iter().any(|mail| mail.event == Event::RoomMetadataUpdate),
        "nothing to bring back"
    );
    scene.moderate("ana", Moderation::Rest(true)).unwrap();
    let since = metadata(&mut scene)["extra_data"]["plenum_panic"].clone();
    // Somebody gets loud again.
    scene.moderate("ana", lock(Whom::All, LockService::Chat, false)).unwrap();
    scene.moderate("ana", lock(one("ben"), LockService::Microphone, false)).unwrap();
    speaks(&mut scene, "ben");
    scene.muted.clear();
    scene.secs(1);

    scene.moderate("cem", Moderation::Rest(true)).unwrap();

    assert!(scene.muted.contains(&"ben".to_owned()));
    assert!(!publishes(&scene, "ben", Source::Microphone) && !said(&mut scene, "ben", "eva", "m1"));
    let extra = metadata(&mut scene)["extra_data"].clone();
    assert_eq!((&extra["plenum_panic"], &extra["plenum_panic_by"]), (&since, &Value::from("ana")));

    scene.moderate("cem", Moderation::Rest(false)).unwrap();
    scene.moderate("ana", Moderation::Rest(false)).unwrap();

    assert!(said(&mut scene, "ben", "ana", "m2") && publishes(&scene, "ben", Source::Microphone));
    assert_eq!(person(&mut scene, "eva")["lock_settings"]["lock_chat"], true, "as before the first");
    assert_eq!(metadata(&mut scene)["extra_data"].get("plenum_panic"), None);
}

#[test]
fn what_concerns_moderators_alone_is_told_them_alone() {
    let mut scene = meeting(|_| {});
    scene.moderate("ana", Moderation::Rest(true)).unwrap();
    scene.moderate("ana", Moderation::Remove { user: user("eva"), msg: String::new(), block: true }).unwrap();

    let last = |mail: Vec<Mail>| -> Value {
        let update = mail.into_iter().rev().find(|mail| mail.event == Event::RoomMetadataUpdate).unwrap();
        serde_json::from_str::<Value>(&update.msg).unwrap()["extra_data"].clone()
    };
    let (ana, ben) = (last(scene.take_mail("ana")), last(scene.take_mail("ben")));
    assert_eq!((&ana["plenum_blocked"], &ana["plenum_panic_by"]), (&"1".into(), &"ana".into()));
    assert_eq!((ben.get("plenum_blocked"), ben.get("plenum_panic_by")), (None, None));
    assert!(ben["plenum_panic"].is_string());
}
