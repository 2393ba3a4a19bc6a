//! What is counted of a session, and that it outlives the process.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::time::Duration;

use model::media::{Fault, Trouble};
use prost::Message;
use room::{
    ClientReport, ClientSubject, Figures, MediaStep, MediaUrl, Moderation, NewFile, OnMedia, PollAsk, PollReport,
    Quota, Request,
};
use scene::{Scene, chat, data, private, user};
use serde_json::{Value, json};
use wire::livekit::{TrackInfo, TrackSource};
use wire::pnm::{self, DataMsgBodyType as Body, PrivateDataDeliveryType};

/// When every scene begins, unix milliseconds.
const START: i64 = 1_700_000_000_000;

fn counting() -> Scene {
    counting_with(|_| {})
}

fn counting_with(change: impl FnOnce(&mut pnm::RoomCreateFeatures)) -> Scene {
    Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.enable_analytics = true;
        change(features);
    })
}

#[test]
fn a_session_becomes_the_documented_export() {
    let mut scene = counting_with(|features| {
        features.chat_features.as_mut().unwrap().is_allow_file_upload = true;
    });
    scene
        .admit("ana", |ticket| {
            ticket.is_admin = true;
            ticket.metadata.ex_user_id = Some("ana@school".into());
        })
        .unwrap();
    scene.connect("ana");
    scene.secs(1);
    scene.join("ben");
    scene.secs(1);
    scene.on_media("ben", MediaStep::Published, "TR_m", TrackSource::Microphone);
    scene.on_media("ben", MediaStep::Published, "TR_c", TrackSource::Camera);
    scene.on_media("ben", MediaStep::Published, "TR_s", TrackSource::ScreenShare);
    scene.on_media("ben", MediaStep::Published, "TR_a", TrackSource::ScreenShareAudio);
    scene.secs(1);
    scene.on_media("ben", MediaStep::Muted, "TR_m", TrackSource::Microphone);
    scene.on_media("ben", MediaStep::Muted, "TR_c", TrackSource::Camera);
    scene.unmute("ben", "TR_m");
    scene.on_media("ben", MediaStep::Unpublished, "TR_s", TrackSource::ScreenShare);
    scene.say("ben", "m1", "hello");
    scene.say("ben", "m1", "hello");
    scene.say("ben", "m2", "again");
    scene.whisper("ben", "ana", "psst");
    scene.request("ben", Request::RaiseHand { text: String::new() });
    scene.react("ben", "🎉");
    scene.react("ben", "not a reaction");
    scene.report("ben", ClientReport::Talked);
    scene.report("ben", ClientReport::TalkedFor(700));
    scene.report("ben", ClientReport::TalkedFor(3_600_000));
    scene.report("ben", ClientReport::Quality("poor"));
    scene.report("ben", ClientReport::Quality("poor"));
    share(&mut scene, "ben", "notes.pdf");
    scene.report("ben", ClientReport::ChatFile("notes.pdf".into()));
    scene.report("ana", ClientReport::RoomWhiteboardFile("slides.pdf".into()));
    scene.secs(1);
    scene.drop_socket("ben");
    scene.secs(1);
    scene.end();
    scene.secs(10);

    let at = |seconds: i64| (START + seconds * 1000).to_string();
    let mark = |seconds: i64, value: &str| json!({"time": at(seconds), "value": value});
    let time = |seconds: i64| mark(seconds, &at(seconds));
    let expected = json!({
        "room": {
            "room_id": "room01", "room_title": "Test", "room_total_users": "2", "room_creation": "1700000000",
            "room_ended": "1700000005", "room_duration": "5", "enabled_e2ee": false,
            "events": [{"name": "whiteboard_files", "total": 1, "values": [mark(3, "slides.pdf")]}]
        },
        "users": [
            {
                "user_id": "ana", "name": "Name of ana", "is_admin": true, "ex_user_id": "ana@school",
                "events": [
                    {"name": "joined", "total": 1, "values": [time(0)]},
                    {"name": "left", "total": 1, "values": [time(5)]}
                ]
            },
            {
                "user_id": "ben", "name": "Name of ben", "is_admin": false, "ex_user_id": "ben",
                "events": [
                    {"name": "joined", "total": 1, "values": [time(1)]},
                    {"name": "left", "total": 1, "values": [time(4)]},
                    {"name": "mic_status", "total": 4, "values": [
                        mark(2, "ANALYTICS_STATUS_STARTED"), mark(3, "ANALYTICS_STATUS_MUTED"),
                        mark(3, "ANALYTICS_STATUS_UNMUTED"), mark(5, "ANALYTICS_STATUS_ENDED")
                    ]},
                    {"name": "talked", "total": 1, "values": []},
                    {"name": "talked_duration", "total": 700, "values": []},
                    {"name": "webcam_status", "total": 2, "values": [
                        mark(2, "ANALYTICS_STATUS_STARTED"), mark(5, "ANALYTICS_STATUS_ENDED")
                    ]},
                    {"name": "screen_share_status", "total": 2, "values": [
                        mark(2, "ANALYTICS_STATUS_STARTED"), mark(3, "ANALYTICS_STATUS_ENDED")
                    ]},
                    {"name": "public_chat", "total": 2, "values": []},
                    {"name": "private_chat", "total": 1, "values": []},
                    {"name": "chat_files", "total": 1, "values": [mark(3, "notes.pdf")]},
                    {"name": "raise_hand", "total": 1, "values": [time(3)]},
                    {"name": "connection_quality", "total": 1, "values": [mark(3, "poor")]},
                    {"name": "reaction", "total": 1, "values": []}
                ]
            }
        ]
    });
    assert_eq!(scene.export(), expected);
    let figures = scene.figures().unwrap();
    assert_eq!((figures.ended_ms, figures.artifact_id.len()), (START + 5000, 36));
}

#[test]
fn how_a_connection_did_and_how_long_somebody_spoke_goes_along_with_the_person() {
    let mut scene = counting();
    scene.join("ana");
    scene.join("ben");
    scene.on_media("ana", MediaStep::Joined, "", TrackSource::Unknown);
    scene.report("ana", ClientReport::Talked);
    scene.report("ana", ClientReport::TalkedFor(0));
    let minutes = |minutes: i64| START + minutes * 60_000;
    let trouble = |fault, from, to, amount| {
        MediaStep::Troubled(Trouble { fault, from_ms: minutes(from), to_ms: minutes(to), amount })
    };
    scene.on_media("ana", trouble(Fault::UplinkLoss, 50, 54, 91), "", TrackSource::Unknown);
    scene.on_media("ana", trouble(Fault::NarrowDownlink, 55, 56, 90_400), "", TrackSource::Unknown);
    scene.on_media("ana", MediaStep::Spoke { millis: 1500 }, "", TrackSource::Unknown);
    scene.on_media("ana", MediaStep::Spoke { millis: 500 }, "", TrackSource::Unknown);
    scene.secs(2);
    let mut scene = scene.restart(Duration::ZERO);
    scene.secs(3);
    scene.end();
    scene.secs(10);

    let export = scene.export();

    let person =
        |id: &str| export["users"].as_array().unwrap().iter().find(|person| person["user_id"] == id).unwrap().clone();
    assert_eq!(person("ben").get("extra_data"), None, "nothing to tell");
    let told: Value = serde_json::from_str(person("ana")["extra_data"].as_str().unwrap()).unwrap();
    assert_eq!(
        told,
        json!({"plenum": {
            "talked": {"times": 2, "milliseconds": 2000},
            "connected": [{"from": START, "to": START + 2000}],
            "trouble": [
                {
                    "what": "uplink_loss", "from": minutes(50), "to": minutes(54), "lost_per_mille": 91,
                    "text": "uplink lost 9 % from 23:03 to 23:07 UTC"
                },
                {
                    "what": "narrow_downlink", "from": minutes(55), "to": minutes(56), "bits_per_second": 90_400,
                    "text": "downlink carried only 90 kbit/s from 23:08 to 23:09 UTC"
                }
            ]
        }})
    );
    assert_eq!(event(&export, "ana", "talked")["total"], 2, "what was heard counts, not what was told");
    assert_eq!(event(&export, "ana", "talked_duration")["total"], 2000);
}

#[test]
fn a_connection_that_is_always_in_trouble_fills_no_record() {
    let mut scene = counting();
    scene.join("ana");
    for n in 0..1000 {
        let trouble = Trouble { fault: Fault::Interrupted, from_ms: START + n, to_ms: START + n + 1, amount: 1 };
        scene.on_media("ana", MediaStep::Troubled(trouble), "", TrackSource::Unknown);
    }
    scene.end();
    scene.secs(10);

    let export = scene.export();

    let told: Value = serde_json::from_str(export["users"][0]["extra_data"].as_str().unwrap()).unwrap();
    assert_eq!(told["plenum"]["trouble"].as_array().unwrap().len(), 200);
    assert_eq!(told["plenum"]["trouble_omitted"], 800);
}

#[test]
fn a_room_that_nobody_wants_counted_counts_nothing() {
    let mut unasked = Scene::new(|_| {});
    let mut forbidden = Scene::new(|new| {
        new.metadata.room_features.as_mut().unwrap().enable_analytics = true;
        new.may_count = false;
    });
    for scene in [&mut unasked, &mut forbidden] {
        scene.join("ana");
        scene.report("ana", ClientReport::Talked);
        assert!(scene.journal.keys().all(|key| !key.starts_with("stats.")), "{:?}", scene.journal.keys());
        scene.end();
        scene.secs(10);
        assert_eq!(scene.figures(), None);
    }
}

#[test]
fn nothing_is_lost_however_often_the_process_dies() {
    let script: Vec<fn(&mut Scene)> = vec![
        |scene| {
            scene.join_admin("ana");
        },
        |scene| scene.report_for_certain("ana", ClientReport::TalkedFor(1000)),
        |scene| scene.say("ana", "m1", "hello"),
        |scene| scene.request("ana", Request::RaiseHand { text: String::new() }),
        |scene| scene.report_for_certain("ana", ClientReport::WhiteboardFile("a.pdf".into())),
        |scene| {
            for n in 0..100 {
                let word = if n % 2 == 0 { "poor" } else { "good" };
                scene.report_for_certain("ana", ClientReport::Quality(word));
                scene.secs(1);
            }
        },
    ];
    let play = |dies: bool| {
        let mut scene = counting();
        for step in &script {
            scene.secs(2);
            step(&mut scene);
            if dies {
                scene = scene.restart(Duration::ZERO);
                if scene.journal.contains_key("user.ana") {
                    scene.connect("ana");
                }
            }
        }
        scene.end();
        scene.secs(10);
        scene.export()
    };

    let (unharmed, harmed) = (play(false), play(true));

    assert_eq!(harmed, unharmed);
    assert_eq!(event(&harmed, "ana", "connection_quality")["total"], 100);
    assert_eq!(event(&harmed, "ana", "talked_duration")["total"], 1000);
    assert_eq!(event(&harmed, "ana", "joined")["total"], 1, "a restart of ours is not theirs");
}

#[test]
fn who_does_not_come_back_after_a_restart_has_left_and_their_tracks_are_gone() {
    let mut scene = counting();
    scene.join("ana");
    scene.on_media("ana", MediaStep::Published, "TR_m", TrackSource::Microphone);
    let mut scene = scene.restart(Duration::from_secs(10));
    scene.secs(30);
    scene.end();
    scene.secs(10);

    let export = scene.export();
    let times = |name: &str| -> Vec<i64> {
        let values = event(&export, "ana", name)["values"].as_array().unwrap().clone();
        values.iter().map(|mark| mark["time"].as_str().unwrap().parse::<i64>().unwrap() - START).collect()
    };
    assert_eq!((times("joined"), times("left"), times("mic_status")), (vec![0], vec![40_000], vec![0, 10_000]));
}

#[test]
fn a_room_that_dies_while_it_ends_still_makes_its_export() {
    let mut scene = counting();
    scene.join("ana");
    scene.polite = false;
    scene.end();
    assert_eq!(scene.figures(), None, "it waits for ana");

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(0);

    assert_eq!(event(&scene.export(), "ana", "left")["total"], 1);
    assert!(!scene.journal.contains_key("info"), "nobody takes it up again");
}

#[test]
fn who_waits_is_not_in_the_meeting_and_who_hides_never_is() {
    let mut scene = counting_with(|features| {
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("cleo");
    scene.admit("eve", |ticket| (ticket.is_admin, ticket.is_hidden) = (true, true)).unwrap();
    scene.connect("eve");
    scene.report("cleo", ClientReport::Talked);
    scene.report("eve", ClientReport::Talked);
    scene.secs(9);
    let now = scene.now();
    scene.room.let_in(now, &user("ana"), &room::Guests::One(user("ben"))).unwrap();
    scene.drain();
    scene.drop_socket("cleo");
    scene.end();
    scene.secs(10);

    let export = scene.export();
    let users: Vec<_> = export["users"].as_array().unwrap().iter().map(|user| user["user_id"].clone()).collect();
    assert_eq!(users, ["ana", "ben"]);
    assert_eq!(event(&export, "ben", "joined")["values"][0]["time"], (START + 9000).to_string());
}

#[test]
fn somebody_who_comes_and_goes_is_one_person_with_pairs_of_times() {
    let mut scene = counting();
    scene.join("ana");
    scene.drop_socket("ana");
    scene.secs(2);
    scene.connect("ana");
    // Another tab takes over, then another token does.
    scene.connect("ana");
    scene.join("ana");
    scene.end();
    scene.secs(10);

    let export = scene.export();
    assert_eq!(export["room"]["room_total_users"], "1");
    assert_eq!(event(&export, "ana", "joined")["total"], 3);
    assert_eq!(event(&export, "ana", "left")["total"], 3);
}

#[test]
fn what_moderators_do_is_counted_of_the_room_and_of_whom_they_send_out() {
    let mut scene = counting_with(|features| {
        features.shared_note_pad_features = Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() });
        features.display_external_link_features =
            Some(pnm::DisplayExternalLinkFeatures { is_allow: true, ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("ben");
    for step in [
        Moderation::ActivateNotepad(true),
        Moderation::ActivateNotepad(true),
        Moderation::ActivateNotepad(false),
        Moderation::ShowLink(Some("https://example.org/".into())),
        Moderation::Remove { user: user("ben"), msg: String::new(), block: false },
    ] {
        let now = scene.now();
        scene.room.moderate(now, &user("ana"), step).unwrap();
        scene.drain();
    }
    scene.secs(9);
    scene.end();
    scene.secs(10);

    let export = scene.export();
    let of_room: Vec<_> = export["room"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["name"].as_str().unwrap(), event["total"].as_u64().unwrap()))
        .collect();
    assert_eq!(of_room, [("shared_notepad_status", 2), ("external_display_link_status", 1)]);
    assert_eq!(event(&export, "ben", "left")["values"][0]["time"], START.to_string());
}

#[test]
fn reports_are_limited_in_rate() {
    let mut scene = counting();
    scene.join("ana");
    for _ in 0..1000 {
        scene.report("ana", ClientReport::Talked);
    }
    scene.end();
    scene.secs(10);

    assert_eq!(event(&scene.export(), "ana", "talked")["total"], 60);
}

#[test]
fn where_the_data_channel_is_sealed_reactions_are_taken_from_reports() {
    let mut open = counting();
    let mut sealed = counting_with(|features| {
        let sealed = pnm::EndToEndEncryptionFeatures { is_enabled: true, ..Default::default() };
        features.end_to_end_encryption_features = Some(sealed);
    });
    for (scene, total) in [(&mut open, Value::Null), (&mut sealed, json!(1))] {
        scene.join("ana");
        scene.report("ana", ClientReport::Reacted);
        scene.end();
        scene.secs(10);
        assert_eq!(event(&scene.export(), "ana", "reaction")["total"], total);
    }
}

#[test]
fn what_may_wait_is_written_with_the_next_entry_or_after_a_second() {
    let mut scene = counting();
    scene.join("ana");
    let before = scene.journal.clone();

    scene.react("ana", "🎉");
    assert_eq!(scene.journal, before, "a reaction alone is not worth a write");
    scene.secs(1);
    let after = scene.journal.clone();
    assert_ne!(after, before);

    scene.react("ana", "🎉");
    scene.request("ana", Request::RaiseHand { text: String::new() });
    assert_ne!(scene.journal["stats.user.ana"], after["stats.user.ana"], "it went with the hand");

    scene.react("ana", "🎉");
    let settled = scene.journal["stats.user.ana"].clone();
    scene.room.settle_up();
    scene.drain();
    assert_ne!(scene.journal["stats.user.ana"], settled, "nothing waits when the process stops");
}

#[test]
fn a_long_session_writes_pages_and_only_the_last_of_them_again() {
    let mut scene = counting();
    scene.join("ana");
    for n in 0..150 {
        scene.report_for_certain("ana", ClientReport::WhiteboardFile(format!("{n}.pdf")));
        scene.secs(1);
        scene.ping_everybody();
    }
    let pages: Vec<_> = scene.journal.keys().filter(|key| key.starts_with("stats.user.ana.")).cloned().collect();
    assert_eq!(pages, ["stats.user.ana.000000", "stats.user.ana.000001", "stats.user.ana.000002"]);

    let first = scene.journal.remove("stats.user.ana.000000");
    scene.report_for_certain("ana", ClientReport::WhiteboardFile("last.pdf".into()));

    assert!(first.is_some() && !scene.journal.contains_key("stats.user.ana.000000"));
}

fn event(export: &Value, user: &str, name: &str) -> Value {
    let users = export["users"].as_array().unwrap();
    let user = users.iter().find(|entry| entry["user_id"] == user).unwrap();
    user["events"].as_array().unwrap().iter().find(|event| event["name"] == name).cloned().unwrap_or_default()
}

impl Scene {
    fn figures(&self) -> Option<Figures> {
        self.journal.get(Figures::KEY).map(|value| Figures::read(value).unwrap())
    }

    fn export(&self) -> Value {
        serde_json::from_str(&wire::json::encode(&self.figures().unwrap().result)).unwrap()
    }

    fn report(&mut self, id: &str, report: ClientReport) {
        let (now, conn) = (self.now(), self.conn(id));
        self.room.report(now, conn, report);
        self.drain();
    }

    fn report_for_certain(&mut self, id: &str, report: ClientReport) {
        self.request(id, Request::Report(report));
    }

    fn react(&mut self, id: &str, emoji: &str) {
        let reaction = data(id, Body::Reaction, &json!({"id": "1", "emoji": emoji}).to_string());
        self.publish(id, ClientSubject::Data, reaction.encode_to_vec());
    }

    fn whisper(&mut self, from: &str, to: &str, text: &str) {
        let mut message = chat(from, "w1", text, self.now().unix_ms);
        (message.is_private, message.to_user_id) = (true, Some(to.into()));
        let delivery = private(to, PrivateDataDeliveryType::Chat);
        self.request(from, Request::PrivateDelivery { delivery, payload: message.encode_to_vec() });
    }

    fn on_media(&mut self, who: &str, what: MediaStep, sid: &str, source: TrackSource) {
        let muted = what == MediaStep::Muted;
        self.tell_media(who, what, TrackInfo { sid: sid.into(), source: source.into(), muted, ..TrackInfo::default() });
    }

    fn unmute(&mut self, who: &str, sid: &str) {
        let source = TrackSource::Microphone.into();
        self.tell_media(who, MediaStep::Muted, TrackInfo { sid: sid.into(), source, ..TrackInfo::default() });
    }

    fn tell_media(&mut self, who: &str, what: MediaStep, track: TrackInfo) {
        let step =
            OnMedia { who: who.try_into().unwrap(), what, participant: None, track: Some(track), forwarded: None };
        self.room.on_media(self.now(), step);
        self.drain();
    }
}

fn share(scene: &mut Scene, by: &str, name: &str) {
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
fn values(export: &Value, of: &Value, name: &str) -> Vec<String> {
    assert!(export["room"].is_object());
    let events = of["events"].as_array().unwrap();
    let found = events.iter().find(|event| event["name"] == name);
    let values = found.map(|event| event["values"].as_array().unwrap().clone()).unwrap_or_default();
    values.iter().map(|value| value["value"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn polls_and_the_player_are_counted_by_the_server_and_secret_votes_are_nobodys() {
    let mut scene = counting_with(|features| {
        features.polls_features = Some(pnm::PollsFeatures { is_allow: true, is_active: true });
        features.external_media_player_features =
            Some(pnm::ExternalMediaPlayerFeatures { is_allow: true, ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("ben");
    let ask = |scene: &mut Scene, by: &str, what| {
        let told = scene.room.poll(scene.now(), &user(by), what).unwrap();
        scene.drain();
        told.poll_id.unwrap()
    };
    let option = |id, text: &str| pnm::CreatePollOptions { id, text: text.into() };
    let wish = |anonymous| pnm::CreatePollReq {
        question: "Tea?".into(),
        options: vec![option(1, "yes"), option(2, "no")],
        anonymous,
        ..Default::default()
    };
    let open = ask(&mut scene, "ana", PollAsk::Create(wish(false)));
    let secret = ask(&mut scene, "ana", PollAsk::Create(wish(true)));
    for poll in [&open, &secret] {
        ask(&mut scene, "ben", PollAsk::Vote { poll: poll.clone(), chosen: vec![2] });
    }
    ask(&mut scene, "ana", PollAsk::Close(open.clone()));
    let film = MediaUrl::parse("https://video.example.org/a.mp4", "https://own.example").unwrap();
    scene.room.play_media(scene.now(), &user("ana"), film, None).unwrap();
    scene.room.stop_media(scene.now(), &user("ana")).unwrap();
    scene.drain();
    scene.end();
    scene.secs(10);

    let export = scene.export();
    let (room, ben) = (export["room"].clone(), export["users"][1].clone());
    let added = values(&export, &room, "poll_added");
    assert_eq!(added.len(), 2);
    let first: Value = serde_json::from_str(&added[0]).unwrap();
    assert_eq!((&first["poll_id"], &first["options"][1]["text"]), (&json!(open), &json!("no")));
    assert_eq!(values(&export, &room, "poll_ended"), std::slice::from_ref(&open));
    let votes = values(&export, &ben, "voted_poll");
    assert_eq!(votes.len(), 1, "the secret one is not among them");
    assert_eq!(serde_json::from_str::<Value>(&votes[0]).unwrap(), json!({"poll_id": open, "selected_option": 2}));
    let film = ["ANALYTICS_STATUS_STARTED", "ANALYTICS_STATUS_ENDED"];
    assert_eq!(values(&export, &room, "external_media_player_status"), film);
    let results: Vec<PollReport> =
        values(&export, &room, PollReport::EVENT).iter().map(|value| PollReport::from_json(value).unwrap()).collect();
    let counts: Vec<_> = results.iter().map(|report| (report.anonymous, report.total, report.votes.len())).collect();
    assert_eq!(counts, [(false, 1, 1), (true, 1, 0)], "of the secret one only the counts");
    assert_eq!((results[0].votes[0].user.as_str(), &results[0].votes[0].chosen[..]), ("ben", &[2][..]));
}
