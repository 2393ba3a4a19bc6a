//! What somebody was doing until the end is told when their media closes, which may be after the room is over.

use std::time::Duration;

use model::media::{Fault, Trouble};
use room::{EndReason, Figures, LateFigures, MediaStep, OnMedia, Phase};
use serde_json::{Value, json};
use wire::livekit::TrackSource;

use crate::helpers::*;
use crate::scene::Scene;

/// A meeting in which ana is connected, on a media plane of our own.
fn connected() -> Scene {
    let mut scene = counting();
    scene.room.note_media(true);
    scene.join("ana");
    scene.on_media("ana", MediaStep::Joined, "", TrackSource::Unknown);
    scene.on_media("ana", MediaStep::Published, "TR_m", TrackSource::Microphone);
    scene.secs(60);
    scene
}

/// What the media plane tells of somebody when it closes, in its order.
fn last_words() -> [MediaStep; 3] {
    let trouble = Trouble { fault: Fault::UplinkLoss, from_ms: START + 30_000, to_ms: START + 60_000, amount: 91 };
    [MediaStep::Left, MediaStep::Spoke { millis: 1500 }, MediaStep::Troubled(trouble)]
}

fn step(what: MediaStep) -> OnMedia {
    OnMedia { who: "ana".try_into().unwrap(), what, participant: None, track: None, forwarded: None }
}

fn closed(mut late: LateFigures, steps: impl IntoIterator<Item = MediaStep>) -> Figures {
    steps.into_iter().for_each(|what| late.on_media(&step(what)));
    let entry = late.close();
    assert_eq!(entry.key, Figures::KEY);
    Figures::read(&entry.value.unwrap()).unwrap()
}

fn export(figures: &Figures) -> Value {
    serde_json::from_str(&wire::json::encode(&figures.result)).unwrap()
}

fn told(export: &Value) -> Value {
    serde_json::from_str(export["users"][0]["extra_data"].as_str().unwrap()).unwrap()
}

/// All of it.
fn everything() -> Value {
    json!({"plenum": {
        "talked": {"times": 1, "milliseconds": 1500},
        "connected": [{"from": START, "to": START + 60_000}],
        "trouble": [{
            "what": "uplink_loss", "from": START + 30_000, "to": START + 60_000, "lost_per_mille": 91,
            "text": "uplink lost 9 % from 22:13 to 22:14 UTC"
        }]
    }})
}

#[test]
fn media_closes_once_the_room_is_over_and_what_it_tells_then_is_in_the_record() {
    let mut scene = connected();
    scene.polite = false;

    scene.end();

    assert!(!scene.media_closed && scene.phase() == Phase::Ending, "ana has not read why");
    scene.secs(10);
    assert!(scene.media_closed && scene.ended.is_some());
    let figures = closed(scene.room.take_late_figures().unwrap(), last_words());
    let mut expected = everything();
    expected["plenum"]["connected"][0]["to"] = json!(START + 70_000);
    assert_eq!(told(&export(&figures)), expected);
}

#[test]
fn what_media_tells_after_the_room_is_over_is_in_the_record() {
    let mut scene = connected();

    scene.end();

    assert_eq!(scene.ended, Some(EndReason::Asked), "nobody waits for media");
    let provisional = scene.figures().unwrap();
    let connected = json!({"plenum": {"connected": [{"from": START, "to": START + 60_000}]}});
    assert_eq!(told(&scene.export()), connected, "what is known is safe");
    let late = scene.room.take_late_figures().unwrap();
    assert_eq!(late.due(), scene.now().at + Duration::from_secs(10));
    let figures = closed(late, last_words());
    assert_eq!(told(&export(&figures)), everything());
    assert_eq!(values(&export(&figures), &export(&figures)["users"][0], "mic_status").len(), 2, "on and off");
    let Figures { artifact_id, ended_ms, .. } = figures;
    assert_eq!((artifact_id, ended_ms), (provisional.artifact_id, provisional.ended_ms));
    assert!(scene.room.take_late_figures().is_none());
}

#[test]
fn a_record_for_which_media_tells_nothing_is_the_one_that_was_safe() {
    let mut scene = connected();
    scene.end();

    let figures = closed(scene.room.take_late_figures().unwrap(), []);

    assert_eq!(figures, scene.figures().unwrap());
}

#[test]
fn nobody_waits_for_media_that_is_not_there() {
    let mut never = counting();
    never.join("ana");
    let mut gone = connected();
    gone.room.note_media(false);
    let mut uncounted = Scene::new(|_| {});
    uncounted.room.note_media(true);

    for scene in [&mut never, &mut gone, &mut uncounted] {
        scene.end();
        scene.secs(10);
        assert_eq!(scene.ended, Some(EndReason::Asked));
        assert!(scene.room.take_late_figures().is_none());
    }
    assert!(uncounted.figures().is_none() && gone.figures().is_some());
}

#[test]
fn a_room_that_is_taken_up_while_it_ends_closes_media_and_its_record() {
    let mut scene = connected();
    scene.polite = false;
    scene.end();

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(0);

    assert!(scene.media_closed && scene.ended.is_some());
    assert!(scene.room.take_late_figures().is_none(), "media went with the process");
    assert_eq!(event(&scene.export(), "ana", "left")["total"], 1);
}
