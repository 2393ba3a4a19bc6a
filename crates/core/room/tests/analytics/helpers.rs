//! Meetings that are counted, and what their export says.

use prost::Message;
use room::{ClientReport, ClientSubject, Figures, MediaStep, NewFile, OnMedia, Quota, Request};
use serde_json::{Value, json};
use wire::livekit::{TrackInfo, TrackSource};
use wire::pnm::{self, DataMsgBodyType as Body, PrivateDataDeliveryType};

use crate::scene::{Scene, chat, data, private, user};

/// When every scene begins, unix milliseconds.
pub(crate) const START: i64 = 1_700_000_000_000;

pub(crate) fn counting() -> Scene {
    counting_with(|_| {})
}

pub(crate) fn counting_with(change: impl FnOnce(&mut pnm::RoomCreateFeatures)) -> Scene {
    Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.enable_analytics = true;
        change(features);
    })
}

pub(crate) fn event(export: &Value, user: &str, name: &str) -> Value {
    let users = export["users"].as_array().unwrap();
    let user = users.iter().find(|entry| entry["user_id"] == user).unwrap();
    user["events"].as_array().unwrap().iter().find(|event| event["name"] == name).cloned().unwrap_or_default()
}

impl Scene {
    pub(crate) fn figures(&self) -> Option<Figures> {
        self.journal.get(Figures::KEY).map(|value| Figures::read(value).unwrap())
    }

    pub(crate) fn export(&self) -> Value {
        serde_json::from_str(&wire::json::encode(&self.figures().unwrap().result)).unwrap()
    }

    pub(crate) fn report(&mut self, id: &str, report: ClientReport) {
        let (now, conn) = (self.now(), self.conn(id));
        self.room.report(now, conn, report);
        self.drain();
    }

    pub(crate) fn report_for_certain(&mut self, id: &str, report: ClientReport) {
        self.request(id, Request::Report(report));
    }

    pub(crate) fn react(&mut self, id: &str, emoji: &str) {
        let reaction = data(id, Body::Reaction, &json!({"id": "1", "emoji": emoji}).to_string());
        self.publish(id, ClientSubject::Data, reaction.encode_to_vec());
    }

    pub(crate) fn whisper(&mut self, from: &str, to: &str, text: &str) {
        let mut message = chat(from, "w1", text, self.now().unix_ms);
        (message.is_private, message.to_user_id) = (true, Some(to.into()));
        let delivery = private(to, PrivateDataDeliveryType::Chat);
        self.request(from, Request::PrivateDelivery { delivery, payload: message.encode_to_vec() });
    }

    pub(crate) fn on_media(&mut self, who: &str, what: MediaStep, sid: &str, source: TrackSource) {
        let muted = what == MediaStep::Muted;
        self.tell_media(who, what, TrackInfo { sid: sid.into(), source: source.into(), muted, ..TrackInfo::default() });
    }

    pub(crate) fn unmute(&mut self, who: &str, sid: &str) {
        let source = TrackSource::Microphone.into();
        self.tell_media(who, MediaStep::Muted, TrackInfo { sid: sid.into(), source, ..TrackInfo::default() });
    }

    pub(crate) fn tell_media(&mut self, who: &str, what: MediaStep, track: TrackInfo) {
        let step =
            OnMedia { who: who.try_into().unwrap(), what, participant: None, track: Some(track), forwarded: None };
        self.room.on_media(self.now(), step);
        self.drain();
    }
}

pub(crate) fn share(scene: &mut Scene, by: &str, name: &str) {
    let file = NewFile {
        id: "f1".into(),
        name: name.into(),
        path: format!("sid-1/f1/{name}"),
        mime_type: "application/pdf".into(),
        kind: pnm::RoomUploadedFileType::ChatFile,
        bytes: 1,
    };
    scene.room.add_file(scene.now(), &user(by), file, Quota { bytes: 10, files: 1 }).unwrap();
    scene.drain();
}

/// The values of one event of the room, or of somebody's.
pub(crate) fn values(export: &Value, of: &Value, name: &str) -> Vec<String> {
    assert!(export["room"].is_object());
    let events = of["events"].as_array().unwrap();
    let found = events.iter().find(|event| event["name"] == name);
    let values = found.map(|event| event["values"].as_array().unwrap().clone()).unwrap_or_default();
    values.iter().map(|value| value["value"].as_str().unwrap().to_owned()).collect()
}
