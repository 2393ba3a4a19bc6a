//! What of a session is counted, and of whom.

use std::time::Duration;

use model::media::{Fault, Trouble};
use room::{ClientReport, MediaStep, MediaUrl, Moderation, PollAsk, PollReport, Request};
use serde_json::{Value, json};
use wire::livekit::TrackSource;
use wire::pnm;

use crate::helpers::*;
use crate::scene::{Scene, user};

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
fn who_was_lost_is_said_to_be_back_once_they_are() {
    let mut scene = counting();
    scene.join("ana");
    let trouble = |fault, from_ms, to_ms, amount| MediaStep::Troubled(Trouble { fault, from_ms, to_ms, amount });
    let (first, second) = (START + 60_000, START + 600_000);
    scene.on_media("ana", trouble(Fault::Lost, first, first, 0), "", TrackSource::Unknown);
    // Told by another media thread.
    let back = trouble(Fault::Interrupted, first + 1, first + 180_000, 179_999);
    scene.on_media("ana", back, "", TrackSource::Unknown);
    scene.on_media("ana", trouble(Fault::Lost, second, second, 0), "", TrackSource::Unknown);
    scene.end();
    scene.secs(10);

    let export = scene.export();

    let told: Value = serde_json::from_str(export["users"][0]["extra_data"].as_str().unwrap()).unwrap();
    assert_eq!(
        told["plenum"]["trouble"],
        json!([
            {
                "what": "interrupted", "from": first + 1, "to": first + 180_000, "milliseconds": 179_999,
                "text": "connection was gone for 180 s from 22:14 to 22:17 UTC"
            },
            { "what": "lost", "from": second, "to": second, "text": "lost connection at 22:23 UTC" }
        ])
    );
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
