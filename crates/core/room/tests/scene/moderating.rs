//! What tests about moderators say and ask.

use model::media::Source;
use prost::Message;
use room::{LockService, MediaStep, Moderation, OnMedia, Whom};
use serde_json::Value;
use wire::livekit::{TrackInfo, TrackSource};
use wire::plenum::{self, notice::What};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

use super::{Mail, Scene, user};

/// Ana moderates, Ben and Eva attend; the mail so far is read.
pub(crate) fn meeting(change: impl FnOnce(&mut room::NewRoom)) -> Scene {
    let mut scene = Scene::new(change);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.mail.clear();
    scene
}

pub(crate) fn features(new: &mut room::NewRoom) -> &mut pnm::RoomCreateFeatures {
    new.metadata.room_features.as_mut().unwrap()
}

pub(crate) fn lock(whom: Whom, service: LockService, locked: bool) -> Moderation {
    Moderation::Lock { whom, service, locked }
}

pub(crate) fn one(id: &str) -> Whom {
    Whom::One(user(id))
}

pub(crate) fn person(scene: &mut Scene, id: &str) -> Value {
    let person = scene.room.view().around.into_iter().find(|person| person.id.as_str() == id).unwrap();
    serde_json::from_str(&person.metadata).unwrap()
}

pub(crate) fn metadata(scene: &mut Scene) -> Value {
    serde_json::from_str(&scene.room.view().info.metadata).unwrap()
}

pub(crate) fn publishes(scene: &Scene, id: &str, source: Source) -> bool {
    scene.room.media_permission(&user(id)).unwrap().publish.contains(source)
}

pub(crate) fn track(scene: &mut Scene, id: &str, what: MediaStep, source: TrackSource, muted: bool) {
    let track = TrackInfo { sid: "TR_1".into(), source: source.into(), muted, ..TrackInfo::default() };
    let who = model::Identity::from(&user(id));
    let now = scene.now();
    scene.room.on_media(now, OnMedia { who, what, participant: None, track: Some(track), forwarded: None });
    scene.drain();
}

pub(crate) fn speaks(scene: &mut Scene, id: &str) {
    track(scene, id, MediaStep::Published, TrackSource::Microphone, false);
}

pub(crate) fn notice(mail: &Mail) -> What {
    assert_eq!(mail.event, Event::SystemNotification);
    plenum::Notice::decode(mail.bin_msg.as_slice()).unwrap().what.unwrap()
}

pub(crate) fn said(scene: &mut Scene, from: &str, to: &str, id: &str) -> bool {
    scene.say(from, id, "hello");
    !scene.heard(to).is_empty()
}
