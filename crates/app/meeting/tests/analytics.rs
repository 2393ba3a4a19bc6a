//! What a session leaves behind, however its end is interrupted.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::sync::atomic::Ordering;
use std::time::Duration;

use fakes::{HOOK, House, request, until};
use meeting::Activity;
use model::SessionId;
use prost::Message;
use room::Figures;
use serde_json::{Value, json};
use tokio::time::sleep;
use wire::pnm::{self, NatsMsgClientToServerEvents as Ask};

const TOLD: [&str; 5] = ["room_created", "session_ended", "room_finished", "artifact_created", "analytics_proceeded"];

async fn counting(house: &House) -> SessionId {
    let mut room = request("room01");
    room.metadata.as_mut().unwrap().room_features.as_mut().unwrap().enable_analytics = true;
    house.meetings.create(room).await.unwrap().sid.as_str().try_into().unwrap()
}

/// Ends the room and waits until all of it is handed on.
async fn end(house: &House, session: &SessionId) {
    house.meetings.end("room01").await.unwrap();
    until(|| house.store.keys(session).is_empty()).await;
}

/// Ends the room and waits until handing it on fails.
async fn end_in_vain(house: &House) {
    house.meetings.end("room01").await.unwrap();
    until(|| house.shelf.failures.load(Ordering::SeqCst) + house.store.refusals() > 0).await;
}

fn told(house: &House) -> Vec<String> {
    house.store.told().into_iter().map(|notice| notice.event).collect()
}

fn bodies(house: &House) -> Vec<Value> {
    house.store.told().iter().map(|notice| serde_json::from_slice(&notice.body).unwrap()).collect()
}

/// The one file there is.
fn file(house: &House) -> (String, Value) {
    let files = house.shelf.files.lock().unwrap();
    assert_eq!(files.len(), 1);
    let (path, content) = files.first_key_value().unwrap();
    (path.clone(), serde_json::from_slice(content).unwrap())
}

/// All is handed on, once.
fn is_handed_on(house: &House, session: &SessionId) {
    assert_eq!(told(house), TOLD);
    let artifacts = house.shelf.artifacts.lock().unwrap();
    assert_eq!(artifacts.len(), 1);
    assert_eq!((artifacts[0].kind.as_str(), &artifacts[0].session), ("MEETING_ANALYTICS", session));
    drop(artifacts);
    let (path, content) = file(house);
    assert!(path.starts_with(&format!("meeting_analytics/room01/analytics-{session}-")), "{path}");
    assert_eq!(content["room"]["room_id"], "room01");
    assert_eq!(house.store.keys(session), [""; 0], "the journal is forgotten");
}

#[tokio::test]
async fn a_session_leaves_a_file_a_row_and_two_webhooks() {
    let house = House::open().await;
    let session = counting(&house).await;
    let token = house.token("room01", "ana", true).await;
    let link = house.meetings.open_socket(&token, "ws://test".into()).await.unwrap();
    let report = |msg: &str| {
        pnm::NatsMsgClientToServer {
            event: Ask::PushAnalyticsData.into(),
            msg: msg.into(),
            ..pnm::NatsMsgClientToServer::default()
        }
        .encode_to_vec()
    };
    link.report(report(r#"{"eventType":1,"eventName":16,"roomId":"x","userId":"x","eventValueInteger":"1"}"#).into())
        .await;
    link.worker(report(r#"{"eventType":1,"eventName":16,"eventValueInteger":"1"}"#).into(), 1).await;
    link.worker(report(r#"{"eventType":1,"eventName":21,"eventValueInteger":"1"}"#).into(), 2).await;
    link.close().await;
    end(&house, &session).await;

    let artifact = house.shelf.artifacts.lock().unwrap()[0].clone();
    let (path, content) = file(&house);
    let ana = &content["users"][0];
    assert_eq!((&ana["user_id"], &ana["is_admin"]), (&json!("ana"), &json!(true)));
    let names: Vec<_> = ana["events"].as_array().unwrap().iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["joined", "left", "talked"]);
    assert_eq!(ana["events"][2]["total"], 2);
    assert_eq!(
        told(&house),
        ["room_created", "room_started", "session_ended", "room_finished", "artifact_created", "analytics_proceeded"]
    );
    let length = house.shelf.files.lock().unwrap()[&path].len().to_string();
    let metadata = json!({"file_info": {"file_path": path, "file_size": length, "mime_type": "application/json"}});
    assert_eq!(serde_json::from_str::<Value>(&artifact.metadata).unwrap(), metadata);
    let [created, proceeded] = &bodies(&house)[4..] else { panic!("two more") };
    assert_eq!(created["room"], json!({"sid": session.as_str(), "room_id": "room01"}));
    let about = json!({"type": "MEETING_ANALYTICS", "artifact_id": artifact.artifact_id, "metadata": metadata});
    assert_eq!(created["room_artifact"], about);
    assert_eq!(proceeded["room"], created["room"]);
    assert_eq!(proceeded["analytics"], json!({"file_id": artifact.artifact_id}));
    assert!(house.store.told().iter().all(|notice| notice.url == HOOK));
    assert_eq!(house.store.keys(&session), [""; 0]);
}

#[tokio::test]
async fn a_room_that_counts_nothing_leaves_nothing() {
    let house = House::open().await;
    let session = house.create("room01").await.sid.as_str().try_into().unwrap();
    end(&house, &session).await;

    assert_eq!(told(&house), TOLD[..3]);
    assert!(house.shelf.artifacts.lock().unwrap().is_empty() && house.shelf.files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_next_process_goes_on_wherever_the_last_one_died() {
    for step in ["the file", "the row", "the webhooks", "the journal"] {
        let house = House::open().await;
        let session = counting(&house).await;
        match step {
            "the file" => house.shelf.files_fail.store(true, Ordering::SeqCst),
            "the row" => house.shelf.rows_fail.store(true, Ordering::SeqCst),
            "the webhooks" => house.store.never_remove(Some(Figures::KEY)),
            _ => house.store.never_forget(true),
        }
        end_in_vain(&house).await;
        assert!(house.store.session("room01").ended_at_ms.is_some(), "{step}: the session is over regardless");
        assert!(!house.store.keys(&session).is_empty(), "{step}: it is not done");
        house.shelf.files_fail.store(false, Ordering::SeqCst);
        house.shelf.rows_fail.store(false, Ordering::SeqCst);
        house.store.never_remove(None);
        house.store.never_forget(false);

        let next = house.next().await;

        is_handed_on(&next, &session);
        assert_eq!(next.meetings.activity("room01").await, Ok(Activity::Unknown));
    }
}

#[tokio::test]
async fn a_process_that_dies_while_a_room_ends_loses_nothing_of_it() {
    let house = House::open().await;
    let session = counting(&house).await;
    let token = house.token("room01", "ana", true).await;
    let _link = house.meetings.open_socket(&token, "ws://test".into()).await.unwrap();
    house.meetings.end("room01").await.unwrap();
    assert!(house.shelf.artifacts.lock().unwrap().is_empty(), "it waits for ana");

    let next = house.next().await;
    until(|| next.store.keys(&session).is_empty()).await;

    assert_eq!(file(&next).1["users"][0]["user_id"], "ana");
    assert_eq!(told(&next).len(), TOLD.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_written_are_tried_again_and_hold_up_nobody() {
    let house = House::open().await;
    let session = counting(&house).await;
    house.shelf.files_fail.store(true, Ordering::SeqCst);
    end_in_vain(&house).await;
    counting(&house).await;

    sleep(Duration::from_secs(3600)).await;
    assert!(house.shelf.artifacts.lock().unwrap().is_empty());
    house.shelf.files_fail.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(3600)).await;
    until(|| house.store.keys(&session).is_empty()).await;

    assert!(house.shelf.artifacts.lock().unwrap().iter().any(|artifact| artifact.session == session));
}
