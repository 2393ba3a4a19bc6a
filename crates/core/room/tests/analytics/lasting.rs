//! What was counted outlives the process, and costs few writes.

use std::time::Duration;

use room::{ClientReport, MediaStep, Request};
use wire::livekit::TrackSource;

use crate::helpers::*;
use crate::scene::Scene;

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
