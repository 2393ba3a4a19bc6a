//! What other servers are told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::time::Duration;

use model::Identity;
use room::{EndReason, Forwarded, MediaStep, Moderation, OnMedia};
use scene::{Scene, user};
use wire::livekit::participant_info::State;
use wire::livekit::{DisconnectReason, ParticipantInfo, TrackInfo};
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
    scene.on_media("ana", MediaStep::Joined);
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

#[test]
fn a_track_is_told_of_after_its_owner_whichever_comes_first() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.told();
    scene.on_media("ana", MediaStep::Published);
    assert_eq!(scene.told(), [""; 0], "nobody knows yet whether her media comes up");

    scene.on_media("ana", MediaStep::Joined);
    assert_eq!(scene.told(), ["participant_joined PA_1", "track_published TR_1"]);
    scene.on_media("ana", MediaStep::Left);
    assert_eq!(scene.told(), ["track_unpublished TR_1", "participant_left PA_1"], "the end of a track may be missed");

    // One whose media never comes up, and then one whose does.
    scene.on_connection("ana", "PA_2", MediaStep::Published, None);
    scene.on_connection("ana", "PA_3", MediaStep::Joined, None);
    assert_eq!(scene.told(), ["participant_joined PA_3"]);
    scene.on_connection("ana", "PA_3", MediaStep::Published, None);
    scene.on_connection("ana", "PA_3", MediaStep::Unpublished, None);
    assert_eq!(scene.told(), ["track_published TR_1", "track_unpublished TR_1"]);

    // As a media plane tells of whom it lost.
    let who = Identity::try_from("ana").unwrap();
    scene.on(OnMedia { who, what: MediaStep::Left, participant: None, track: None, forwarded: None });
    let gone = scene.notified[0].body.participant.clone().unwrap();
    assert_eq!((gone.sid.as_str(), gone.state()), ("PA_3", State::Disconnected));
    assert_eq!(scene.told(), ["participant_left PA_3"]);
}

#[test]
fn whoever_publishes_on_another_server_is_there_though_that_got_lost() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.told();
    let from_there = |id: &str| Some(Forwarded { id: id.into(), created_at: 7 });

    scene.on_connection("ana", "PA_1", MediaStep::Published, from_there("EV_2"));
    scene.on_connection("ana", "PA_1", MediaStep::Joined, from_there("EV_1"));

    let said = |number: usize| {
        let body = &scene.notified[number].body;
        (scene.notified[number].event, body.id.clone().unwrap(), body.created_at)
    };
    let (joined, id, at) = said(0);
    assert_eq!((joined, at), ("participant_joined", Some(7)));
    assert!(id != "EV_1" && id != "EV_2", "an id names one event");
    assert_eq!(said(1), ("track_published", "EV_2".to_owned(), Some(7)));
    assert_eq!(scene.notified.len(), 2, "once");
}

#[test]
fn whoever_does_not_come_back_after_a_crash_is_told_to_be_gone_once() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(600));
    for who in ["ana", "ben", "cem"] {
        scene.join(who);
        scene.on_connection(who, &format!("PA_{who}"), MediaStep::Joined, None);
        scene.on_connection(who, &format!("PA_{who}"), MediaStep::Published, None);
    }
    scene.on_connection("cem", "PA_cem", MediaStep::Left, None);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ben");
    assert_eq!(scene.told(), [""; 0], "both may come back");
    scene.on_connection("ben", "PA_new", MediaStep::Published, None);
    scene.on_connection("ben", "PA_new", MediaStep::Joined, None);
    let back =
        ["track_unpublished TR_1", "participant_left PA_ben", "participant_joined PA_new", "track_published TR_1"];
    assert_eq!(scene.told(), back);
    scene.secs(59);
    assert_eq!(scene.told(), [""; 0]);
    scene.secs(1);
    let gone = scene.notified.last().unwrap().body.participant.clone().unwrap();
    assert_eq!((gone.identity.as_str(), gone.disconnect_reason()), ("ana", DisconnectReason::ServerShutdown));
    assert!(gone.metadata.contains("\"is_admin\""));
    assert_eq!(scene.told(), ["track_unpublished TR_1", "participant_left PA_ana"]);
    scene.on_connection("ana", "PA_ana", MediaStep::Left, None);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(120);
    assert_eq!(scene.told(), ["track_unpublished TR_1", "participant_left PA_new"], "ben, after another crash");
}

#[test]
fn whoever_was_gone_from_the_meeting_at_a_crash_and_whose_media_was_not_is_told_to_be_gone() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(600));
    scene.join("ana");
    scene.on_media("ana", MediaStep::Joined);
    scene.drop_socket("ana");
    scene.secs(40);
    assert_eq!(scene.out_of_media, ["ana"]);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(29);
    assert_eq!(scene.told(), [""; 0]);
    scene.secs(1);
    assert_eq!(scene.told(), ["participant_left PA_1"]);
}

#[test]
fn whoever_is_sent_out_after_a_crash_is_told_to_be_gone() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.on_media("ben", MediaStep::Joined);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    scene.connect("ben");
    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: String::new(), block: false }).unwrap();

    assert_eq!(scene.told(), ["participant_left PA_1"]);
}

#[test]
fn a_connection_to_another_server_goes_on_over_a_restart_and_its_end_is_told_when_that_comes() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    let from_there = || Some(Forwarded { id: "EV_1".into(), created_at: 7 });
    scene.on_connection("ana", "PA_1", MediaStep::Joined, from_there());

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    for _ in 0..10 {
        scene.secs(60);
        scene.ping_everybody();
    }
    scene.on_connection("ana", "PA_1", MediaStep::Published, from_there());
    assert_eq!(scene.told(), ["track_published TR_1"]);
    scene.on_connection("ana", "PA_1", MediaStep::Unpublished, from_there());
    scene.on_connection("ana", "PA_1", MediaStep::Left, from_there());
    assert_eq!(scene.told(), ["track_unpublished TR_1", "participant_left PA_1"]);
}

#[test]
fn of_a_meeting_that_an_earlier_version_held_ends_are_told_as_another_server_tells_them() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    let from_there = || Some(Forwarded { id: "EV_1".into(), created_at: 7 });
    // That version did not note what was told. The field is the last one: a number of two bytes, and the value.
    let before = scene.journal["info"].clone();
    let (rest, noted) = before.split_at(before.len() - 3);
    assert_eq!(noted, [0x90, 0x02, 1]);
    scene.journal.insert("info".into(), rest.to_vec().into());

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    scene.told();
    scene.on_connection("ana", "PA_1", MediaStep::Unpublished, from_there());
    scene.on_connection("ana", "PA_1", MediaStep::Left, from_there());
    assert_eq!(scene.told(), ["track_unpublished TR_1", "participant_left PA_1"]);
    scene.on_connection("ana", "PA_1", MediaStep::Left, from_there());
    assert_eq!(scene.told(), [""; 0], "once");

    scene.on_connection("ana", "PA_2", MediaStep::Published, from_there());
    assert_eq!(scene.told(), ["participant_joined PA_2", "track_published TR_1"]);
}

#[test]
fn everybody_is_told_to_be_gone_before_the_room_is() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.on_media("ana", MediaStep::Joined);
    scene.on_media("ana", MediaStep::Published);
    scene.told();

    scene.end();
    scene.secs(10);

    let told = scene.told();
    let events: Vec<_> = told.iter().map(|told| told.split(' ').next().unwrap()).collect();
    assert_eq!(events, ["session_ended", "track_unpublished", "participant_left", "room_finished"]);
    assert!(!scene.journal.keys().any(|key| key.starts_with("media.")));
}

#[test]
fn a_twin_comes_and_goes_unnoticed_and_its_tracks_are_its_owners() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.told();
    scene.on_connection("ana-native", "PA_2", MediaStep::Joined, None);
    scene.on_connection("ana-native", "PA_2", MediaStep::Published, None);
    assert_eq!(scene.told(), [""; 0], "nobody knows of the owner");
    scene.on_connection("ana", "PA_1", MediaStep::Joined, None);
    assert_eq!(scene.told(), ["participant_joined PA_1", "track_published TR_1"]);

    scene.on_connection("ana-native", "PA_2", MediaStep::Unpublished, None);
    scene.on_connection("ana-native", "PA_2", MediaStep::Left, None);

    assert_eq!(scene.told(), ["track_unpublished TR_1"]);
}

#[test]
fn long_descriptions_are_told_and_not_kept() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    let long = "x".repeat(100_000);
    let participant = ParticipantInfo {
        sid: "PA_1".into(),
        identity: "ana".into(),
        attributes: [("long".to_owned(), long.clone())].into(),
        ..ParticipantInfo::default()
    };
    let track = TrackInfo { sid: "TR_1".into(), name: long, ..TrackInfo::default() };
    for what in [MediaStep::Joined, MediaStep::Published] {
        scene.on(OnMedia {
            who: Identity::try_from("ana").unwrap(),
            what,
            participant: Some(participant.clone()),
            track: (what == MediaStep::Published).then(|| track.clone()),
            forwarded: None,
        });
    }
    assert_eq!(scene.notified.last().unwrap().body.track.as_ref().unwrap().name.len(), 100_000);
    assert!(scene.journal["media.ana"].len() < 1000);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(60);

    assert_eq!(scene.told()[..2], ["track_unpublished TR_1", "participant_left PA_1"]);
}

impl Scene {
    fn on_media(&mut self, who: &str, what: MediaStep) {
        self.on_connection(who, "PA_1", what, None);
    }

    fn on_connection(&mut self, who: &str, sid: &str, what: MediaStep, forwarded: Option<Forwarded>) {
        let about_track = matches!(what, MediaStep::Published | MediaStep::Unpublished);
        let step = OnMedia {
            who: who.try_into().unwrap(),
            what,
            participant: Some(ParticipantInfo {
                identity: who.trim_end_matches("-native").into(),
                sid: sid.into(),
                metadata: "the media server's".into(),
                ..ParticipantInfo::default()
            }),
            track: about_track.then(|| TrackInfo { sid: "TR_1".into(), ..TrackInfo::default() }),
            forwarded,
        };
        self.on(step);
    }

    fn on(&mut self, step: OnMedia) {
        self.room.on_media(self.now(), step);
        self.drain();
    }

    /// What was told since it was last asked, each with whom or what it is about.
    fn told(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.notified).into_iter().map(|notification| {
            let body = notification.body;
            let sid = body.track.map(|track| track.sid).or(body.participant.map(|participant| participant.sid));
            format!("{} {}", notification.event, sid.unwrap_or_default())
        });
        told.collect()
    }
}
