//! The operator's view of the media plane.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::media::Source;
use model::{Identity, RoomId, SessionId};
use ports::media::report::{
    ConnectionReport, ConnectionState, EncodingReport, Flow, ParticipantReport, RoomReport, SubscriptionReport,
    TrackReport,
};
use serde_json::Value;

use super::harness::{Answer, KEY, SECRET, Server};
use crate::FrontDoor;

async fn ask(server: &Server, path: &str, name: &str, password: &str) -> Answer {
    let login = format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")));
    server.send(Request::get(path).header("authorization", login).body(Body::empty()).unwrap()).await
}

fn report() -> RoomReport {
    let rate = Some(64_000);
    let flow = Flow { packets: 10, bytes: 1000, bits_per_second: rate, loss: Some(0.091), nacks: 3, ..Flow::default() };
    RoomReport {
        room: RoomId::try_from("Room-A").unwrap(),
        session: SessionId::try_from("session").unwrap(),
        total: 1,
        from: 0,
        participants: vec![ParticipantReport {
            identity: Identity::try_from("ann").unwrap(),
            signalling: true,
            interruptions: 1,
            score: Some(87.5),
            estimate: Some(2_500_000),
            connections: vec![ConnectionReport {
                subscriber: false,
                state: ConnectionState::Connected,
                transport: "udp",
                local: Some("192.0.2.1:8080".parse().unwrap()),
                remote: Some("198.51.100.7:5000".parse().unwrap()),
                silent_for: Duration::from_millis(12),
                round_trip: Some(Duration::from_millis(42)),
                loss: Some(0.25),
                bytes_in: 5000,
                bytes_out: 6000,
            }],
            published: vec![TrackReport {
                sid: "TR_<b>\"x\"".into(),
                source: Source::Camera,
                muted: false,
                wanted: Some(1),
                subscribers: 2,
                encodings: vec![
                    EncodingReport {
                        codec: "video/VP8",
                        running: vec![0, 1],
                        scalable: false,
                        flows: vec![flow, flow, Flow::default()],
                    },
                    EncodingReport {
                        codec: "video/AV1",
                        running: vec![],
                        scalable: true,
                        flows: vec![Flow { packets: 70, ..Flow::default() }],
                    },
                ],
            }],
            received: vec![SubscriptionReport {
                sid: "TR_1".into(),
                owner: Identity::try_from("bob").unwrap(),
                source: Source::ScreenShare,
                layer: Some(0),
                target: Some(1),
                paused: true,
                disabled: false,
                queued: 4,
                flow,
            }],
        }],
    }
}

async fn watched() -> Server {
    let server = Server::start().await;
    *server.outside.report.lock().unwrap() = Some(report());
    server
}

#[tokio::test]
async fn only_the_operator_is_shown_anything() {
    let door = FrontDoor::Passphrase(model::Redacted::new("open sesame".into()));
    let server = Server::with(|deps| deps.front_door = door).await;

    for path in ["/debug/rooms", "/debug/rooms.json", "/debug/metrics"] {
        let nobody = server.get(path).await;
        assert_eq!(nobody.status, 401, "{path}");
        assert!(nobody.header("www-authenticate").starts_with("Basic "));
        for (name, password) in [("", ""), (KEY, ""), ("x", SECRET), (KEY, "wrong")] {
            assert_eq!(ask(&server, path, name, password).await.status, 401, "{path} {name} {password}");
        }
    }
    let answer = ask(&server, "/debug/rooms.json", KEY, SECRET).await;
    answer.is(200, "application/json", r#"{"rooms":[]}"#);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "", "no page of another origin reads it");
}

#[tokio::test]
async fn whoever_may_start_meetings_is_shown_nothing_of_others() {
    let door = FrontDoor::Passphrase(model::Redacted::new("open sesame".into()));
    let server = Server::with(|deps| deps.front_door = door).await;

    for path in ["/debug/rooms", "/debug/rooms.json", "/debug/metrics"] {
        for name in ["anybody", KEY] {
            assert_eq!(ask(&server, path, name, "open sesame").await.status, 401, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn an_open_door_opens_only_the_door() {
    let server = Server::start().await;

    assert_eq!(ask(&server, "/debug/rooms", "x", "").await.status, 401);
    assert_eq!(ask(&server, "/debug/rooms", KEY, SECRET).await.status, 200);
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let server = Server::start().await;
    let mut guesses = 0;
    while ask(&server, "/debug/rooms", KEY, "guess").await.status == 401 {
        guesses += 1;
        assert!(guesses < 1000);
    }

    assert_eq!(ask(&server, "/debug/rooms", KEY, SECRET).await.status, 429);
}

#[tokio::test]
async fn rooms_are_listed_and_a_room_is_told_in_full() {
    let server = watched().await;

    let list = ask(&server, "/debug/rooms.json", KEY, SECRET).await.json();
    let room = ask(&server, "/debug/rooms.json?room=Room-A", KEY, SECRET).await.json();

    assert_eq!(list["rooms"][0]["room"], "Room-A");
    let ann = &room["participants"][0];
    assert_eq!((&ann["identity"], &ann["estimate_bps"]), (&"ann".into(), &2_500_000.into()));
    assert_eq!(ann["connections"][0]["remote"], "198.51.100.7:5000");
    assert_eq!(ann["connections"][0]["round_trip_ms"], 42);
    let codecs = &ann["published"][0]["codecs"];
    assert_eq!((&codecs[0]["codec"], &codecs[1]["codec"]), (&"video/VP8".into(), &"video/AV1".into()));
    assert_eq!(codecs[0]["running_layers"], serde_json::json!([0, 1]));
    assert_eq!((&codecs[0]["layers"][1]["packets"], &codecs[1]["layers"][0]["packets"]), (&10.into(), &70.into()));
    assert_eq!((&codecs[0]["in_one_stream"], &codecs[1]["in_one_stream"]), (&false.into(), &true.into()));
    assert_eq!((&codecs[0]["layers"][0]["bps"], &codecs[0]["layers"][2]["bps"]), (&64_000.into(), &Value::Null));
    assert_eq!(ann["received"][0]["owner"], "bob");
    assert_eq!(ann["received"][0]["flow"]["nacks"], 3);
    for missing in ["/debug/rooms.json?room=other", "/debug/rooms?room=%2F", "/debug/metrics?room="] {
        assert_eq!(ask(&server, missing, KEY, SECRET).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn of_a_big_room_a_part_is_told_with_the_way_to_the_others() {
    let server = Server::start().await;
    let mut report = report();
    let one = |number: usize| ParticipantReport {
        identity: Identity::try_from(format!("p{number}").as_str()).unwrap(),
        ..report.participants[0].clone()
    };
    let participants: Vec<_> = (0..620).map(one).collect();
    (report.total, report.participants) = (participants.len(), participants);
    *server.outside.report.lock().unwrap() = Some(report);

    for (query, first, count, next) in [
        ("", "p0", 100, Value::from(100)),
        ("&from=100", "p100", 100, 200.into()),
        ("&most=9999", "p0", 500, 500.into()),
        ("&from=500&most=200", "p500", 120, Value::Null),
    ] {
        let told = ask(&server, &format!("/debug/rooms.json?room=Room-A{query}"), KEY, SECRET).await.json();
        let participants = told["participants"].as_array().unwrap();
        assert_eq!((&participants[0]["identity"], participants.len()), (&first.into(), count), "{query}");
        assert_eq!((&told["total"], &told["next"]), (&620.into(), &next), "{query}");
    }
    let page = ask(&server, "/debug/rooms?room=Room-A&from=100", KEY, SECRET).await;
    for shown in ["100 are shown, after the first 100; 520 are not", "room=Room-A&amp;from=200\"", "620 participants"] {
        assert!(page.text().contains(shown), "{shown}");
    }
    let figures = ask(&server, "/debug/metrics?room=Room-A", KEY, SECRET).await;
    assert!(figures.text().contains("plenum_participants_omitted{room=\"Room-A\"} 520\n"));
    for odd in ["&most=0", "&from=-1", "&most=x"] {
        assert_eq!(ask(&server, &format!("/debug/rooms?room=Room-A{odd}"), KEY, SECRET).await.status, 400, "{odd}");
    }
}

#[tokio::test]
async fn the_page_escapes_what_it_shows_and_loads_nothing() {
    let server = watched().await;

    let list = ask(&server, "/debug/rooms", KEY, SECRET).await;
    let page = ask(&server, "/debug/rooms?room=Room-A", KEY, SECRET).await;

    assert!(list.text().contains("<a href=\"/debug/rooms?room=Room-A\">Room-A</a>"), "{}", list.text());
    let html = page.text();
    assert!(html.contains("TR_&lt;b&gt;&quot;x&quot;") && !html.contains("<b>"), "{html}");
    for shown in ["198.51.100.7:5000", "42 ms", "9.1 %", "paused", "score 88 of 100", "64 kbit/s"] {
        assert!(html.contains(shown), "{shown} in {html}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test]
async fn a_scraper_gets_the_figures_of_a_room_it_names() {
    let server = watched().await;

    let list = ask(&server, "/debug/metrics", KEY, SECRET).await;
    let room = ask(&server, "/debug/metrics?room=Room-A", KEY, SECRET).await;

    assert!(list.text().contains("plenum_room_participants{room=\"Room-A\"} 1\n"), "{}", list.text());
    assert!(list.text().contains("plenum_rooms_omitted 0\n"), "{}", list.text());
    let text = room.text();
    for line in [
        "# TYPE plenum_track_nacks_total counter\n",
        "plenum_participant_estimate_bps{room=\"Room-A\",participant=\"ann\"} 2500000\n",
        "plenum_participant_round_trip_seconds{room=\"Room-A\",participant=\"ann\",role=\"publisher\"} 0.042\n",
        "plenum_participant_loss{room=\"Room-A\",participant=\"ann\",role=\"publisher\"} 0.25\n",
        "source=\"camera\",codec=\"video/AV1\",layer=\"all\",direction=\"in\"} 70\n",
        "plenum_participants_omitted{room=\"Room-A\"} 0\n",
        "track=\"TR_<b>\\\"x\\\"\",source=\"camera\",codec=\"video/VP8\",layer=\"1\",direction=\"in\"} 64000\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let rates = text.lines().filter(|line| line.starts_with("plenum_track_bps{")).count();
    assert_eq!(rates, 3, "those that are known: {text}");
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let mut once = types.clone();
    once.dedup();
    assert_eq!(types, once);
}
