use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use wire::livekit;

use super::harness::{ROOM, SECRET, Server};

fn common(status: bool, msg: &str, code: &str) -> Value {
    json!({"status": status, "msg": msg, "status_code": code})
}

#[tokio::test]
async fn create_answers_with_the_room() {
    let server = Server::start().await;

    let mut answer = server.ask("/auth/room/create", ROOM).await;

    let room = &mut answer["room_info"];
    let metadata: Value = serde_json::from_str(room["metadata"].take().as_str().unwrap()).unwrap();
    assert_eq!(metadata["room_title"], "Test room");
    assert_eq!(metadata["room_features"]["allow_webcams"], true);
    assert_eq!(metadata["room_features"]["enable_analytics"], false);
    assert!(!metadata["metadata_id"].as_str().unwrap().is_empty());
    assert!(room["creation_time"].take().as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(room["sid"].take().as_str().unwrap().len(), 36);
    let expected = json!({
        "status": true, "msg": "success", "status_code": "SUCCESS",
        "room_info": {
            "room_title": "Test room", "room_id": "room01", "sid": null, "joined_participants": "0",
            "is_running": 1, "is_recording": 0, "is_active_rtmp": 0, "webhook_url": "", "is_breakout_room": 0,
            "parent_room_id": "", "creation_time": null, "metadata": null
        }
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_flag_that_is_off_stays_off_and_an_sdk_that_drops_it_is_understood() {
    let server = Server::start().await;
    let metadata = async |body: &str| {
        let answer = server.ask("/auth/room/create", body).await;
        serde_json::from_str::<Value>(answer["room_info"]["metadata"].as_str().unwrap()).unwrap()
    };

    let declared = metadata(&ROOM.replace("{}", r#"{"allow_webcams":false,"chat_features":{"is_allow":false}}"#)).await;
    let features = r#"{"allowScreenShare":true,"chatFeatures":{"isAllow":true}}"#;
    let sdk = format!(r#"{{"roomId":"room02","metadata":{{"roomTitle":"T","roomFeatures":{features}}}}}"#);
    let sdk = metadata(&sdk).await;

    assert_eq!(declared["room_features"]["allow_webcams"], false);
    assert_eq!(declared["room_features"]["allow_screen_share"], true);
    assert_eq!(declared["room_features"]["chat_features"]["is_allow"], false);
    assert_eq!(sdk["room_features"]["allow_webcams"], false);
    assert_eq!(sdk["room_features"]["allow_screen_share"], true);
    assert_eq!(sdk["room_features"]["chat_features"]["is_allow_file_upload"], false);
    assert_eq!(sdk["room_features"]["polls_features"]["is_allow"], true);
}

#[tokio::test]
async fn creating_a_running_room_answers_with_the_running_one() {
    let server = Server::start().await;
    let first = server.ask("/auth/room/create", ROOM).await;

    let again = server.ask("/auth/room/create", &ROOM.replace("Test room", "Other")).await;

    assert_eq!(again, first);
}

#[tokio::test]
async fn create_says_what_is_wrong() {
    let server = Server::start().await;
    let two = "validation errors:\n - room_id: room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_\n - metadata: value is required";
    assert_eq!(server.ask("/auth/room/create", "{}").await, common(false, two, "INVALID_PARAMETERS"));
    let reserved = ROOM.replace("room01", "user_1");
    assert_eq!(
        server.ask("/auth/room/create", &reserved).await,
        common(false, "RoomId cannot start with the reserved pattern 'user_'", "INTERNAL_SERVER_ERROR")
    );
    let empty = server.ask("/auth/room/create", "").await;
    assert_eq!(empty["status_code"], "INVALID_PARAMETERS");
    assert!(empty["msg"].as_str().unwrap().starts_with("proto: syntax error"));
}

#[tokio::test]
async fn a_store_that_fails_is_not_a_room() {
    let server = Server::start().await;
    server.outside.store_is_broken.store(true, Ordering::Relaxed);
    let answer = server.ask("/auth/room/create", ROOM).await;
    assert_eq!(answer, common(false, "could not record the room", "INTERNAL_SERVER_ERROR"));
    let activity = server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await;
    assert_eq!(activity["is_active"], false);
}

#[tokio::test]
async fn a_join_token_names_the_person_and_the_session() {
    let server = Server::start().await;
    let room = server.ask("/auth/room/create", ROOM).await;
    let body = r#"{"roomId":"room01","userInfo":{"name":"Ada","userId":"u1","isAdmin":true}}"#;

    let answer = server.ask("/auth/room/getJoinToken", body).await;

    assert_eq!(
        (&answer["status"], &answer["msg"], &answer["status_code"]),
        (&json!(true), &json!("success"), &json!("SUCCESS"))
    );
    let key = wire::token::ApiKey::new("plugnmeet", SECRET);
    let now = i64::try_from(crate::rooms::create::unix_seconds()).unwrap();
    let access = wire::token::verify_join(&key, answer["token"].as_str().unwrap(), now, 0).unwrap();
    assert_eq!((access.claims.name.as_str(), access.claims.user_id.as_str()), ("Ada", "u1"));
    assert!(access.claims.is_admin);
    assert_eq!(access.claims.room_sid.as_deref(), room["room_info"]["sid"].as_str());
}

#[tokio::test]
async fn a_join_token_is_refused_with_the_references_words() {
    let server = Server::start().await;
    let ask = async |room: &str, user: &str, name: &str| {
        let body = format!(r#"{{"room_id":"{room}","user_info":{{"name":"{name}","user_id":"{user}"}}}}"#);
        server.ask("/auth/room/getJoinToken", &body).await
    };
    assert_eq!(ask("room01", "u1", "N").await, common(false, "room is not active", "ROOM_NOT_FOUND"));
    server.ask("/auth/room/create", ROOM).await;
    assert_eq!(
        ask("room01", "u1", "").await,
        common(false, "validation error: user_info.name: value is required", "INVALID_PARAMETERS")
    );
    let internal = |msg| common(false, msg, "INTERNAL_SERVER_ERROR");
    assert_eq!(
        ask("room01", "u1", "PLUGNMEET_RECORDER_AUTH").await,
        internal("name: PLUGNMEET_RECORDER_AUTH is reserved for internal use only")
    );
    assert_eq!(ask("room01", "sip_1", "N").await, internal("user_id: sip_1 is reserved for internal use only"));
    assert_eq!(
        ask("room01", "a b", "N").await,
        internal("user_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_")
    );
    let body = server.ask("/auth/room/getJoinToken", r#"{"room_id":""}"#).await;
    assert_eq!(
        body,
        common(
            false,
            "validation errors:\n - room_id: room_id should only contain letters (a-z A-Z), digits (0-9) or -_\n - user_info: value is required",
            "INVALID_PARAMETERS"
        )
    );
}

#[tokio::test]
async fn activity_is_told_even_of_rooms_that_do_not_exist() {
    let server = Server::start().await;
    let ask = async |body: &str| server.call("/auth/room/isRoomActive", body).await;
    ask(r#"{"room_id":"room01"}"#).await.is(
        200,
        "application/json",
        r#"{"status":true,"msg":"room not found","status_code":"ROOM_NOT_FOUND","is_active":false}"#,
    );
    server.ask("/auth/room/create", ROOM).await;
    ask(r#"{"roomId":"room01"}"#).await.is(
        200,
        "application/json",
        r#"{"status":true,"msg":"room is active","status_code":"SUCCESS","is_active":true}"#,
    );
    ask("{}").await.is(
        200,
        "application/json",
        r#"{"status":false,"msg":"validation error: room_id: value is required","status_code":"INVALID_PARAMETERS"}"#,
    );
}

#[tokio::test]
async fn an_active_room_is_shown_with_the_people_on_its_media() {
    let server = Server::start().await;
    let created = server.ask("/auth/room/create", ROOM).await;
    let stranger = livekit::ParticipantInfo { identity: "stranger".into(), ..Default::default() };
    server.outside.on_media.lock().unwrap().push(stranger);

    let answer = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;

    let room = json!({"room_info": created["room_info"], "participants_info": []});
    assert_eq!(answer, json!({"status": true, "msg": "success", "status_code": "SUCCESS", "room": room}));
    let all = server.ask("/auth/room/getActiveRoomsInfo", "").await;
    assert_eq!(all, json!({"status": true, "msg": "success", "status_code": "SUCCESS", "rooms": [room]}));
}

#[tokio::test]
async fn people_are_shown_in_the_references_form_and_the_hidden_not_at_all() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let token = async |person: Value| {
        let body = json!({"room_id": "room01", "user_info": person}).to_string();
        server.ask("/auth/room/getJoinToken", &body).await["token"].as_str().unwrap().to_owned()
    };
    let ada = json!({"name": "N", "user_id": "u1", "is_admin": true, "user_metadata": {"extra_data": {"k": "v"}}});
    let ada = token(ada).await;
    let ghost = token(json!({"name": "G", "user_id": "ghost", "is_hidden": true})).await;
    let _ada = server.meetings.open_socket(&ada, String::new()).await.unwrap();
    let _ghost = server.meetings.open_socket(&ghost, String::new()).await.unwrap();
    let camera = livekit::TrackInfo {
        sid: "TR_1".into(),
        r#type: livekit::TrackType::Video.into(),
        source: livekit::TrackSource::Camera.into(),
        ..Default::default()
    };
    let twin_track = livekit::TrackInfo { sid: "TR_2".into(), ..camera.clone() };
    let on_media = |identity: &str, tracks| livekit::ParticipantInfo {
        sid: format!("PA_{identity}"),
        identity: identity.into(),
        state: livekit::participant_info::State::Active.into(),
        tracks,
        metadata: "the client's own".into(),
        joined_at: 1_700_000_000,
        name: "N".into(),
        ..Default::default()
    };
    *server.outside.on_media.lock().unwrap() =
        vec![on_media("u1-native", vec![twin_track]), on_media("u1", vec![camera]), on_media("ghost", vec![])];

    let mut answer = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;

    let room = &mut answer["room"];
    assert_eq!(room["room_info"]["joined_participants"], "2");
    assert_eq!(room["participants_info"].as_array().unwrap().len(), 1);
    let person = &mut room["participants_info"][0];
    let metadata: Value = serde_json::from_str(person["metadata"].take().as_str().unwrap()).unwrap();
    let id = metadata["metadata_id"].clone();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(
        metadata,
        json!({
            "is_admin": true, "record_webcam": true, "is_presenter": true,
            "raised_hand": {"is_raised": false, "raised_at": "0"}, "wait_for_approval": false, "lock_settings": {},
            "metadata_id": id, "extra_data": {"k": "v"}, "ex_user_id": "u1"
        })
    );
    let tracks = person["tracks"].take();
    assert_eq!(tracks.as_array().unwrap().len(), 2, "the twin's is the owner's");
    assert_eq!(
        tracks[0],
        json!({
            "sid": "TR_1", "type": "VIDEO", "name": "", "muted": false, "width": 0, "height": 0, "simulcast": false,
            "disable_dtx": false, "source": "CAMERA", "layers": [], "mime_type": "", "mid": "", "codecs": [],
            "stereo": false, "disable_red": false, "encryption": "NONE", "stream": "", "version": null,
            "audio_features": [], "backup_codec_policy": "PREFER_REGRESSION", "packet_trailer_features": []
        })
    );
    assert_eq!(
        *person,
        json!({
            "sid": "PA_u1", "identity": "u1", "state": "ACTIVE", "tracks": null, "metadata": null,
            "joined_at": "1700000000", "joined_at_ms": "0", "name": "N", "version": 0, "permission": null,
            "region": "", "is_publisher": false, "kind": "STANDARD", "attributes": {},
            "disconnect_reason": "UNKNOWN_REASON", "kind_details": [], "data_tracks": [], "client_protocol": 0,
            "capabilities": []
        })
    );
}

#[tokio::test]
async fn a_room_that_is_ending_is_not_active() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let _link = server.meetings.open_socket(&token, String::new()).await.unwrap();
    let end = async || server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    assert_eq!(end().await, common(true, "success", "SUCCESS"));
    assert_eq!(end().await, common(true, "success", "SUCCESS"), "ending it again is no mistake");

    server.call("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await.is(
        200,
        "application/json",
        r#"{"status":true,"msg":"room is not active","status_code":"ROOM_NOT_ACTIVE","is_active":false}"#,
    );
    server.call("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await.is(
        200,
        "application/json",
        r#"{"status":false,"msg":"room is not active","status_code":"ROOM_NOT_ACTIVE","room":null}"#,
    );
    let rooms = server.ask("/auth/room/getActiveRoomsInfo", "{}").await;
    assert_eq!((&rooms["status_code"], &rooms["rooms"]), (&json!("NOT_FOUND"), &json!([])));
    let body = r#"{"room_id":"room01","user_info":{"name":"N","user_id":"u2"}}"#;
    let refused = server.ask("/auth/room/getJoinToken", body).await;
    assert_eq!(refused, common(false, "room is not active", "ROOM_NOT_FOUND"));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_told_to_whoever_asks() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    tokio::time::pause();
    server.outside.store_is_broken.store(true, Ordering::Relaxed);
    let internal = |msg| common(false, msg, "INTERNAL_SERVER_ERROR");
    let silent = "error getting room info from NATS";
    let id = r#"{"room_id":"room01"}"#;

    let body = r#"{"room_id":"room01","user_info":{"name":"N","user_id":"u2"}}"#;
    let refused = server.ask("/auth/room/getJoinToken", body).await;
    assert_eq!(refused, internal("failed to add the user to the room"));
    assert_eq!(server.ask("/auth/room/endRoom", id).await, internal("failed to end room"));
    assert_eq!(server.ask("/auth/room/create", ROOM).await, internal(silent));
    server.call("/auth/room/isRoomActive", id).await.is(
        200,
        "application/json",
        &format!(r#"{{"status":false,"msg":"{silent}","status_code":"INTERNAL_SERVER_ERROR","is_active":false}}"#),
    );
    server.call("/auth/room/getActiveRoomInfo", id).await.is(
        200,
        "application/json",
        &format!(r#"{{"status":false,"msg":"{silent}","status_code":"INTERNAL_SERVER_ERROR","room":null}}"#),
    );
    server.call("/auth/room/getActiveRoomsInfo", "{}").await.is(
        200,
        "application/json",
        &format!(r#"{{"status":false,"msg":"{silent}","status_code":"INTERNAL_SERVER_ERROR","rooms":[]}}"#),
    );
}

#[tokio::test]
async fn what_nobody_knows_is_passed_over_and_what_is_of_another_type_is_refused() {
    let server = Server::start().await;
    let unknown = r#"{"zzz":{"a":[1]},"room_id":"room01","metadata":{"room_title":"T","room_features":{"nope":1,"chat_features":{"nope":"x"}}}}"#;
    assert_eq!(server.ask("/auth/room/create", unknown).await["status"], true);
    assert_eq!(server.meetings.room_count(), 1);
    for features in [
        r#"{"allow_webcams":"true"}"#,
        r#"{"chat_features":[]}"#,
        r#"{"chat_features":{"is_allow":1}}"#,
        r#"{"chat_features":{"allowed_file_types":"pdf"}}"#,
        r#"{"breakout_room_features":{"allowed_number_rooms":-1}}"#,
        r#"{"insights_features":{"ai_features":{"ai_text_chat_features":{"is_allow":"yes"}}}}"#,
        r#"{"room_duration":1.5}"#,
        r#"{"allow_webcams":true,"allowWebcams":true}"#,
    ] {
        let body = ROOM.replace("room01", "room02").replace("{}", features);
        let answer = server.ask("/auth/room/create", &body).await;
        assert_eq!(
            (&answer["status"], &answer["status_code"]),
            (&json!(false), &json!("INVALID_PARAMETERS")),
            "{features}"
        );
        assert!(answer["msg"].as_str().unwrap().starts_with("proto:"), "{answer}");
    }
    assert_eq!(server.meetings.room_count(), 1, "nothing of it made a room");
}

#[tokio::test]
async fn what_is_too_long_is_refused_by_name() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let long = "n".repeat(65_536);
    let invalid = |msg: &str| common(false, &format!("validation error: {msg}"), "INVALID_PARAMETERS");
    let person = json!({"room_id": "room01", "user_info": {"user_id": "long", "name": long}}).to_string();
    let answer = server.ask("/auth/room/getJoinToken", &person).await;
    assert_eq!(answer, invalid("user_info.name: must be at most 255 characters"), "and no token");
    let titled = ROOM.replace("Test room", &long).replace("room01", "room02");
    assert_eq!(
        server.ask("/auth/room/create", &titled).await,
        invalid("metadata.room_title: must be at most 255 characters")
    );
    let named = ROOM.replace("room01", &long);
    assert_eq!(server.ask("/auth/room/create", &named).await, invalid("room_id: must be at most 64 characters"));
    let cut = ROOM.replace("Test room", r"a\u0000b").replace("room01", "room02");
    assert_eq!(
        server.ask("/auth/room/create", &cut).await,
        invalid("metadata.room_title: must not contain a NUL character"),
        "which not every database takes"
    );
    assert_eq!(server.meetings.room_count(), 1);
}

#[tokio::test]
async fn ids_of_the_house_get_no_token() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let ask = async |user: &str| {
        let body = json!({"room_id": "room01", "user_info": {"name": "N", "user_id": user}}).to_string();
        server.ask("/auth/room/getJoinToken", &body).await
    };
    for (user, msg) in [
        ("u1-native", "user_id: suffix -native is reserved for internal use only"),
        ("a-FIELD_b", "user_id cannot contain the reserved pattern '-FIELD_'"),
        ("user_1", "user_id cannot start with the reserved pattern 'user_'"),
        ("system", "user_id: system is reserved for internal use only"),
        ("ingres_1", "user_id: ingres_1 is reserved for internal use only"),
        ("pnm_agent-1", "user_id: pnm_agent-1 is reserved for internal use only"),
        ("pnm_tts_agent-1", "user_id: pnm_tts_agent-1 is reserved for internal use only"),
    ] {
        assert_eq!(ask(user).await, common(false, msg, "INTERNAL_SERVER_ERROR"), "{user}");
    }
    assert_eq!(ask("RECORDER_BOT").await["status"], true);
    let long = ask(&"u".repeat(65)).await;
    assert_eq!(long, common(false, "user_id should not be longer than 64 characters", "INVALID_PARAMETERS"));
}

#[tokio::test]
async fn where_ids_are_automatic_the_applications_own_may_be_long() {
    let server = Server::start().await;
    server.ask("/auth/room/create", &ROOM.replace("{}", r#"{"auto_gen_user_id":true}"#)).await;
    let ask = async |user: &str| {
        let body = json!({"room_id": "room01", "user_info": {"name": "N", "user_id": user}}).to_string();
        server.ask("/auth/room/getJoinToken", &body).await
    };
    assert_eq!(ask(&"ü@".repeat(120)).await["status"], true);
    assert_eq!(
        ask(&"u".repeat(256)).await,
        common(false, "validation error: user_info.user_id: must be at most 255 characters", "INVALID_PARAMETERS")
    );
}

#[tokio::test]
async fn rooms_that_do_not_run_are_not_shown() {
    let server = Server::start().await;
    server.call("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await.is(
        200,
        "application/json",
        r#"{"status":false,"msg":"room not found in active state","status_code":"ROOM_NOT_FOUND","room":null}"#,
    );
    server.call("/auth/room/getActiveRoomsInfo", "not json").await.is(
        200,
        "application/json",
        r#"{"status":false,"msg":"no active room found","status_code":"NOT_FOUND","rooms":[]}"#,
    );
    assert_eq!(
        server.ask("/auth/room/getActiveRoomInfo", "{}").await,
        common(false, "validation error: room_id: value is required", "INVALID_PARAMETERS")
    );
}

#[tokio::test]
async fn a_room_is_ended_once_and_gone_after() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let end = async || server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;

    assert_eq!(end().await, common(true, "success", "SUCCESS"));

    let activity = server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await;
    assert_eq!(activity["is_active"], false);
    assert_eq!(
        server.ask("/auth/room/endRoom", r#"{"room_id":"other"}"#).await,
        common(false, "room not found or not active", "ROOM_NOT_FOUND")
    );
    assert_eq!(
        server.ask("/auth/room/endRoom", "{}").await,
        common(false, "validation error: room_id: value is required", "INVALID_PARAMETERS")
    );
}

#[tokio::test]
async fn a_room_id_is_free_again_after_its_session() {
    let server = Server::start().await;
    let first = server.ask("/auth/room/create", ROOM).await;
    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;

    let second = server.ask("/auth/room/create", ROOM).await;

    assert_eq!(second["status"], true);
    assert_ne!(first["room_info"]["sid"], second["room_info"]["sid"]);
}
