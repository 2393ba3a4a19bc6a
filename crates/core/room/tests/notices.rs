//! What other servers are told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::time::Duration;

use room::{EndReason, MediaStep, OnMedia};
use scene::Scene;
use wire::livekit::{ParticipantInfo, TrackInfo};
use wire::pnm::CommonNotifyEvent;

#[test]
fn the_life_of_a_room_is_told_in_order() {
    let mut scene = Scene::new(|new| new.max_participants = 7);
    scene.join("ana");
    scene.on_media("ana", MediaStep::Joined);
    scene.on_media("ana", MediaStep::Published);
    scene.on_media("ana", MediaStep::Unpublished);
    scene.on_media("ana", MediaStep::Left);
    scene.drop_socket("ana");
    scene.secs(5 + 60);

    assert_eq!(scene.ended, Some(EndReason::Empty));
    let told: Vec<_> = scene.notified.iter().map(|notification| notification.event).collect();
    assert_eq!(
        told,
        [
            "room_created",
            "room_started",
            "participant_joined",
            "track_published",
            "track_unpublished",
            "participant_left",
            "session_ended",
            "room_finished",
        ]
    );
    let mut ids: Vec<_> = scene.notified.iter().map(|notification| notification.body.id.clone().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "each has an id of its own");
    for notification in &scene.notified {
        let room = notification.body.room.as_ref().unwrap();
        assert_eq!(room.room_id.as_deref(), Some("room01"));
        assert_eq!(notification.body.event.as_deref(), Some(notification.event));
    }
}

#[test]
fn each_event_carries_what_it_is_about() {
    let mut scene = Scene::new(|new| new.max_participants = 7);
    scene.join("ana");
    scene.on_media("ana", MediaStep::Published);
    scene.end();
    scene.secs(10);
    let body = |event: &str| -> CommonNotifyEvent {
        scene.notified.iter().find(|notification| notification.event == event).unwrap().body.clone()
    };

    let created = body("room_created").room.unwrap();
    assert_eq!(
        (created.empty_timeout, created.max_participants, created.num_participants),
        (Some(1800), Some(7), None)
    );
    assert!(created.metadata.unwrap().contains("room_title"));
    assert_eq!(body("room_started").room.unwrap().num_participants, Some(1));
    let published = body("track_published");
    let participant = published.participant.unwrap();
    assert_eq!((participant.identity.as_str(), participant.sid.as_str()), ("ana", "PA_1"));
    assert!(participant.metadata.contains("\"is_admin\""), "the person's own, not the media server's");
    assert_eq!(published.track.unwrap().sid, "TR_1");
    let ended = body("session_ended").room.unwrap();
    assert_eq!((ended.empty_timeout, ended.max_participants, ended.num_participants), (None, None, None));
    assert!(ended.metadata.is_some() && ended.creation_time.is_some());
}

#[test]
fn strangers_and_hidden_people_are_nobody_elses_business() {
    let mut scene = Scene::new(|_| {});
    scene.admit("eve", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("eve");
    let before = scene.notified.len();

    scene.on_media("eve", MediaStep::Joined);
    scene.on_media("nobody", MediaStep::Joined);

    assert_eq!(scene.notified.len(), before);
}

#[test]
fn a_room_taken_up_again_is_not_created_again() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");

    let scene = scene.restart(Duration::from_secs(1));

    assert_eq!(scene.notified, []);
}

impl Scene {
    fn on_media(&mut self, who: &str, what: MediaStep) {
        let about_track = matches!(what, MediaStep::Published | MediaStep::Unpublished);
        let step = OnMedia {
            who: who.try_into().unwrap(),
            what,
            participant: Some(ParticipantInfo {
                identity: who.into(),
                sid: "PA_1".into(),
                metadata: "the media server's".into(),
                ..ParticipantInfo::default()
            }),
            track: about_track.then(|| TrackInfo { sid: "TR_1".into(), ..TrackInfo::default() }),
            forwarded: None,
        };
        self.room.on_media(self.now(), step);
        self.drain();
    }
}
