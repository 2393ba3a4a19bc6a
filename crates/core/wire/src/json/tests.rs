use serde_json::{Value, json};

use super::*;
use crate::{livekit, pnm};

fn written<M: ProtoJson>(message: &M) -> Value {
    serde_json::from_str(&encode(message)).unwrap()
}

fn spec(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read(body: &str) -> Result<pnm::FetchArtifactsReq, JsonError> {
    decode(body.as_bytes())
}

fn code(code: pnm::StatusCode) -> i32 {
    code.into()
}

#[test]
fn answers_look_like_the_references() {
    assert_eq!(
        written(&pnm::CommonResponse {
            status: false,
            msg: "x".into(),
            status_code: code(pnm::StatusCode::InvalidApiKey)
        }),
        spec(r#"{"status":false,"msg":"x","status_code":"INVALID_API_KEY"}"#)
    );
    assert_eq!(
        encode(&pnm::CreateRoomRes {
            status: true,
            msg: "success".into(),
            status_code: code(pnm::StatusCode::Success),
            room_info: Some(pnm::ActiveRoomInfo {
                room_id: "room01".into(),
                is_running: 1,
                creation_time: 1_700_000_000,
                ..Default::default()
            }),
        }),
        r#"{"status":true,"msg":"success","status_code":"SUCCESS","room_info":{"room_title":"","room_id":"room01","sid":"","joined_participants":"0","is_running":1,"is_recording":0,"is_active_rtmp":0,"webhook_url":"","is_breakout_room":0,"parent_room_id":"","creation_time":"1700000000","metadata":""}}"#
    );
    assert_eq!(
        written(&pnm::IsRoomActiveRes {
            status: true,
            msg: "room not found".into(),
            status_code: code(pnm::StatusCode::RoomNotFound),
            is_active: false,
        }),
        spec(r#"{"status":true,"msg":"room not found","status_code":"ROOM_NOT_FOUND","is_active":false}"#)
    );
    assert_eq!(
        written(&pnm::GetActiveRoomInfoRes {
            status: false,
            msg: "room not found in active state".into(),
            status_code: code(pnm::StatusCode::RoomNotFound),
            room: None,
        }),
        spec(r#"{"status":false,"msg":"room not found in active state","status_code":"ROOM_NOT_FOUND","room":null}"#)
    );
    assert_eq!(
        written(&pnm::GetActiveRoomsInfoRes {
            status: false,
            msg: "no active room found".into(),
            status_code: code(pnm::StatusCode::NotFound),
            rooms: vec![],
        }),
        spec(r#"{"status":false,"msg":"no active room found","status_code":"NOT_FOUND","rooms":[]}"#)
    );
    assert_eq!(
        written(&pnm::GenerateTokenRes {
            status: true,
            msg: "success".into(),
            status_code: code(pnm::StatusCode::Success),
            token: None
        }),
        spec(r#"{"status":true,"msg":"success","status_code":"SUCCESS"}"#)
    );
}

#[test]
fn records_look_like_the_references() {
    let vector = r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_rooms":"1","from":0,"limit":20,"order_by":"DESC","rooms_list":[{"room_title":"T","room_id":"r","room_sid":"s","joined_participants":"0","webhook_url":"","created":"2026-01-01T00:00:00Z","ended":"2026-01-01T01:00:00Z","analytics_file_id":"a"}]}}"#;
    assert_eq!(encode(&decode::<pnm::FetchPastRoomsRes>(vector.as_bytes()).unwrap()), vector);
    let vector = r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_recordings":"1","from":0,"limit":20,"order_by":"DESC","recordings_list":[{"record_id":"x","room_id":"","room_sid":"","file_path":"","file_size":12.34,"creation_time":"1","room_creation_time":"0","metadata":{"title":"t","subtitles":{},"extra_data":{"a":"b"}}}]}}"#;
    assert_eq!(encode(&decode::<pnm::FetchRecordingsRes>(vector.as_bytes()).unwrap()), vector);
    let vector = r#"{"status":true,"msg":"success","status_code":"SUCCESS","recording_info":{"record_id":"x","room_id":"","room_sid":"","file_path":"","file_size":0,"creation_time":"0","room_creation_time":"0"},"room_info":{"room_title":"","room_id":"","room_sid":"","joined_participants":"0","webhook_url":"","created":"","ended":""}}"#;
    assert_eq!(encode(&decode::<pnm::RecordingInfoRes>(vector.as_bytes()).unwrap()), vector);
    let vector = r#"{"status":true,"msg":"success","status_code":"SUCCESS","result":{"total_artifacts":"1","from":"0","limit":"20","order_by":"DESC","type":"MEETING_ANALYTICS","artifacts_list":[{"artifact_id":"a","room_id":"r","type":"MEETING_ANALYTICS","created":"2026-01-01T00:00:00Z","metadata":{"user_info":null,"provider_job_info":null,"file_info":{"file_path":"p","file_size":"10","mime_type":"application/json"}}}]}}"#;
    assert_eq!(encode(&decode::<pnm::FetchArtifactsRes>(vector.as_bytes()).unwrap()), vector);
    let vector = r#"{"status":true,"msg":"success","status_code":"UNKNOWN_STATUS","result":{"total_analytics":"1","from":0,"limit":20,"order_by":"DESC","analytics_list":[{"room_id":"r","file_id":"f","file_name":"n","file_size":1234,"creation_time":"1"}]}}"#;
    assert_eq!(encode(&decode::<pnm::FetchAnalyticsRes>(vector.as_bytes()).unwrap()), vector);
    let vector = r#"{"status":true,"msg":"success","status_code":"UNKNOWN_STATUS","css":["main.css"],"js":["main.js"],"css_files":["main.css"],"js_files":["main.js"]}"#;
    assert_eq!(encode(&decode::<pnm::GetClientFilesRes>(vector.as_bytes()).unwrap()), vector);
}

#[test]
fn a_participant_looks_like_the_references() {
    let participant = livekit::ParticipantInfo {
        sid: "PA_x".into(),
        identity: "u1".into(),
        state: livekit::participant_info::State::Active.into(),
        tracks: vec![livekit::TrackInfo {
            sid: "TR_1".into(),
            r#type: livekit::TrackType::Video.into(),
            source: livekit::TrackSource::Camera.into(),
            ..Default::default()
        }],
        metadata: "{}".into(),
        joined_at: 1_700_000_000,
        name: "N".into(),
        ..Default::default()
    };
    assert_eq!(
        encode(&participant),
        r#"{"sid":"PA_x","identity":"u1","state":"ACTIVE","tracks":[{"sid":"TR_1","type":"VIDEO","name":"","muted":false,"width":0,"height":0,"simulcast":false,"disable_dtx":false,"source":"CAMERA","layers":[],"mime_type":"","mid":"","codecs":[],"stereo":false,"disable_red":false,"encryption":"NONE","stream":"","version":null,"audio_features":[],"backup_codec_policy":"PREFER_REGRESSION","packet_trailer_features":[]}],"metadata":"{}","joined_at":"1700000000","joined_at_ms":"0","name":"N","version":0,"permission":null,"region":"","is_publisher":false,"kind":"STANDARD","attributes":{},"disconnect_reason":"UNKNOWN_REASON","kind_details":[],"data_tracks":[],"client_protocol":0,"capabilities":[]}"#
    );
}

#[test]
fn an_admins_metadata_looks_like_the_references() {
    let metadata = pnm::UserMetadata {
        is_admin: true,
        record_webcam: Some(true),
        raised_hand: Some(pnm::UserRaisedHand::default()),
        lock_settings: Some(pnm::LockSettings::default()),
        metadata_id: Some("<uuid>".into()),
        ex_user_id: Some("u1".into()),
        ..Default::default()
    };
    assert_eq!(
        encode(&metadata),
        r#"{"is_admin":true,"record_webcam":true,"is_presenter":false,"raised_hand":{"is_raised":false,"raised_at":"0"},"wait_for_approval":false,"lock_settings":{},"metadata_id":"<uuid>","extra_data":{},"ex_user_id":"u1"}"#
    );
}

#[test]
fn webhook_bodies_leave_out_what_is_not_set() {
    for vector in [
        r#"{"event":"start_recording","room":{"sid":"s","room_id":"r"},"recording_info":{"record_id":"rec","recorder_id":"node_01","recorder_msg":"success","file_path":"","file_size":0}}"#,
        r#"{"event":"artifact_created","room":{"sid":"s","room_id":"r"},"room_artifact":{"type":"MEETING_SUMMARY","artifact_id":"a","metadata":{"file_info":{"file_path":"p","file_size":"10","mime_type":"m"}}}}"#,
        r#"{"event":"room_created","room":{"sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","room_id":"room01","empty_timeout":1800,"creation_time":"1700000000","metadata":"{}"},"id":"3f1c7b0e-6f0b-4b39-9b5c-7a1d2f3e4c55","created_at":"1700000000"}"#,
    ] {
        assert_eq!(encode_sparse(&decode::<pnm::CommonNotifyEvent>(vector.as_bytes()).unwrap()), vector);
    }
}

#[test]
fn both_spellings_and_all_number_forms_are_read() {
    let request = read(r#"{"roomIds":["x"],"limit":"10","type":1,"zzz":1}"#).unwrap();
    assert_eq!((request.room_ids, request.limit), (vec!["x".to_owned()], 10));
    assert_eq!(request.r#type, Some(pnm::RoomArtifactType::MeetingAnalytics.into()));
    let request = read(r#"{"limit":10.0,"type":"MEETING_SUMMARY"}"#).unwrap();
    assert_eq!((request.limit, request.r#type), (10, Some(pnm::RoomArtifactType::MeetingSummary.into())));
    assert_eq!(read(r#"{"limit":"1e1"}"#).unwrap().limit, 10);
    assert_eq!(read(r#"{"limit":"18446744073709551615"}"#).unwrap().limit, u64::MAX);
}

#[test]
fn what_nobody_knows_is_skipped() {
    assert_eq!(read(r#"{"room_id":"a","type":"NOPE"}"#).unwrap(), pnm::FetchArtifactsReq::default());
    assert_eq!(read(r#"{"room_ids":null}"#).unwrap().room_ids, Vec::<String>::new());
    assert_eq!(read(r#"{"type":99}"#).unwrap().r#type, Some(99));
    assert_eq!(read(r#"{"x":{"y":[1,{"z":null}]}}"#).unwrap(), pnm::FetchArtifactsReq::default());
}

#[test]
fn wrong_values_are_errors() {
    let text = |body: &str| read(body).unwrap_err().to_string();
    assert_eq!(text(r#"{"limit":-1}"#), "proto: invalid value for uint64 field limit: -1");
    assert_eq!(text(r#"{"limit":"abc"}"#), r#"proto: invalid value for uint64 field limit: "abc""#);
    for bad in [
        r#"{"limit":10.5}"#,
        r#"{"limit":"+1"}"#,
        r#"{"limit":" 1"}"#,
        r#"{"limit":1e300}"#,
        r#"{"limit":18446744073709551616}"#,
        r#"{"limit":true}"#,
        r#"{"room_ids":"x"}"#,
        r#"{"room_ids":[null]}"#,
        r#"{"room_ids":[1]}"#,
        r#"{"type":1e99}"#,
    ] {
        assert!(matches!(read(bad), Err(JsonError::Value { .. })), "{bad}");
    }
    let wrong = decode::<pnm::UserInfo>(br#"{"is_admin":"true"}"#).unwrap_err();
    assert_eq!(wrong.to_string(), r#"proto: invalid value for bool field is_admin: "true""#);
}

#[test]
fn a_field_may_be_said_once() {
    for body in [r#"{"limit":1,"limit":1}"#, r#"{"room_ids":[],"roomIds":[]}"#, r#"{"room_ids":null,"roomIds":[]}"#] {
        assert!(matches!(read(body), Err(JsonError::Duplicate(_))), "{body}");
    }
    assert!(read(r#"{"zzz":1,"zzz":2}"#).is_ok());
    let both = br#"{"room_id":"a","chat_msg":{"message":"x"},"notificationMsg":{"text":"x"}}"#;
    let error = decode::<pnm::BroadcastToRoomReq>(both).unwrap_err();
    assert!(matches!(error, JsonError::Choice { .. }), "{error}");
    let one = br#"{"room_id":"a","chat_msg":{"message":"x"},"notificationMsg":null}"#;
    assert!(decode::<pnm::BroadcastToRoomReq>(one).is_ok());
    let twice = br#"{"extra_data":{"a":"1","a":"2"}}"#;
    assert!(matches!(decode::<pnm::UserMetadata>(twice), Err(JsonError::Duplicate(_))));
}

#[test]
fn only_one_object_is_a_body() {
    for body in ["", " ", "{", "{}{}", "{} x", "{'a':1}", "\u{0}", "{\"a\":01}"] {
        assert!(matches!(read(body), Err(JsonError::Syntax(_))), "{body:?}");
    }
    for body in ["[]", "null", "1", "\"x\""] {
        assert_eq!(read(body), Err(JsonError::NotAnObject), "{body}");
    }
    for body in ["", "[]"] {
        assert!(read(body).unwrap_err().to_string().contains("syntax error"));
    }
    assert!(read("{}").is_ok());
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", r#"{"x":"#.repeat(depth - 1) + "{}", "}".repeat(depth - 1));
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(JsonError::Depth));
    assert_eq!(read(&format!(r#"{{"x":{}"#, "[".repeat(100_000))), Err(JsonError::Depth));
    assert_eq!(read(&" ".repeat(MAX_BODY + 1)), Err(JsonError::Size));
}

#[test]
fn bytes_are_base64_and_floats_have_names() {
    let message = pnm::NatsMsgClientToServer { bin_msg: vec![0xfb, 0xff], ..Default::default() };
    assert_eq!(written(&message)["bin_msg"], json!("+/8="));
    for spelling in ["+/8=", "+/8", "-_8=", "-_8"] {
        let body = format!(r#"{{"bin_msg":"{spelling}"}}"#);
        assert_eq!(decode::<pnm::NatsMsgClientToServer>(body.as_bytes()).unwrap(), message);
    }
    let file = decode::<pnm::AnalyticsInfo>(br#"{"file_size":"NaN"}"#).unwrap();
    assert!(file.file_size.is_nan());
    assert_eq!(written(&file)["file_size"], json!("NaN"));
}
