use super::*;
use crate::json::decode;

/// http-api.md section 14.12, and what goes beyond it.
fn create(body: &str) -> String {
    text(create_room(&decode(body.as_bytes()).unwrap()))
}

fn join(body: &str) -> String {
    text(generate_token(&decode(body.as_bytes()).unwrap()))
}

fn text<E: fmt::Display>(result: Result<(), E>) -> String {
    result.map_or_else(|error| error.to_string(), |()| String::new())
}

fn with(field: &str) -> String {
    format!(r#"{{"room_id":"a","metadata":{{"room_title":"t","room_features":{{}},{field}}}}}"#)
}

fn with_feature(field: &str) -> String {
    format!(r#"{{"room_id":"a","metadata":{{"room_title":"t","room_features":{{{field}}}}}}}"#)
}

#[test]
fn create_says_what_the_reference_says() {
    assert_eq!(
        create("{}"),
        "validation errors:\n - room_id: room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_\n - metadata: value is required"
    );
    assert_eq!(
        create(r#"{"room_id":"a b","metadata":{}}"#),
        "validation errors:\n - room_id: room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_\n - metadata.room_title: value is required\n - metadata.room_features: value is required"
    );
    assert_eq!(
        create(r#"{"room_id":"a","empty_timeout":0,"metadata":{"room_title":"t","room_features":{}}}"#),
        "validation error: empty_timeout: must be greater than 0"
    );
    assert_eq!(
        create(&with(r#""webhook_url":"""#)),
        "validation error: metadata.webhook_url: value is empty, which is not a valid URI"
    );
    assert_eq!(
        create(&with_feature(r#""whiteboard_features":{"preload_file":"x.pdf"}"#)),
        "validation error: metadata.room_features.whiteboard_features.preload_file: must be a valid URI"
    );
    assert_eq!(
        create(&with(r#""parent_room_id":"x""#)),
        "validation error: metadata.parent_room_id: parent_room_id should not contain any value"
    );
    assert_eq!(create(&with_feature("")), "");
}

#[test]
fn server_state_cannot_be_sent() {
    let state = [
        (r#""is_recording":true"#, "is_recording: must equal false"),
        (r#""is_active_rtmp":true"#, "is_active_rtmp: must equal false"),
        (r#""is_breakout_room":true"#, "is_breakout_room: must equal false"),
        (r#""started_at":"5""#, "started_at: must equal 0"),
        (r#""metadata_id":"x""#, "metadata_id: metadata_id should not contain any value"),
    ];
    for (field, message) in state {
        assert_eq!(create(&with(field)), format!("validation error: metadata.{message}"));
    }
    let state = [
        ("shared_note_pad_features", r#""visible":true"#, "visible: must equal false"),
        ("shared_note_pad_features", r#""note_pad_id":"x""#, "note_pad_id: note_pad_id should not contain any value"),
        ("whiteboard_features", r#""file_path":"x""#, "file_path: file_path should not contain any value"),
        ("whiteboard_features", r#""max_allowed_file_size":1"#, "max_allowed_file_size: must equal 0"),
        ("external_media_player_features", r#""url":"x""#, "url: url should not contain any value"),
        ("breakout_room_features", r#""is_active":true"#, "is_active: must equal false"),
        ("display_external_link_features", r#""is_active":true"#, "is_active: must equal false"),
        ("ingress_features", r#""stream_key":"x""#, "stream_key: stream_key should not contain any value"),
        (
            "end_to_end_encryption_features",
            r#""encryption_key":"x""#,
            "encryption_key: encryption_key should not contain any value",
        ),
        ("polls_features", r#""is_active":true"#, "is_active: must equal false"),
        ("sip_dial_in_features", r#""phone_numbers":["1"]"#, "phone_numbers: must contain no more than 0 item(s)"),
        (
            "insights_features",
            r#""transcription_features":{"max_selected_trans_langs":1}"#,
            "transcription_features.max_selected_trans_langs: must equal 0",
        ),
        (
            "insights_features",
            r#""ai_features":{"ai_text_chat_features":{"allowed_user_ids":["x"]}}"#,
            "ai_features.ai_text_chat_features.allowed_user_ids: must contain no more than 0 item(s)",
        ),
    ];
    for (group, field, message) in state {
        let body = with_feature(&format!(r#""{group}":{{{field}}}"#));
        assert_eq!(create(&body), format!("validation error: metadata.room_features.{group}.{message}"));
    }
}

#[test]
fn lengths_are_rules_like_any_other() {
    let long = "x".repeat(256);
    assert_eq!(
        create(&format!(r#"{{"room_id":"{}","metadata":{{"room_title":"t","room_features":{{}}}}}}"#, &long[..65])),
        "validation error: room_id: must be at most 64 characters"
    );
    assert_eq!(
        create(&format!(r#"{{"room_id":"a","metadata":{{"room_title":"{long}","room_features":{{}}}}}}"#)),
        "validation error: metadata.room_title: must be at most 255 characters"
    );
    assert_eq!(
        create(&format!(r#"{{"room_id":"a","metadata":{{"room_title":"{}","room_features":{{}}}}}}"#, "ü".repeat(255))),
        ""
    );
    assert_eq!(
        create(&with(&format!(r#""webhook_url":"https://a/{long}""#))),
        "validation error: metadata.webhook_url: must be at most 255 characters"
    );
    assert_eq!(
        create(&with(&format!(r#""welcome_message":"{}""#, "x".repeat(MAX_TEXT + 1)))),
        "validation error: metadata.welcome_message: must be at most 16384 bytes"
    );
    assert_eq!(
        create(&with(&format!(r#""extra_data":{{"a":"{}"}}"#, "x".repeat(MAX_EXTRA_DATA)))),
        "validation error: metadata.extra_data: must be at most 32768 bytes"
    );
    let pairs: Vec<_> = (0..257).map(|n| format!(r#""{n}":"""#)).collect();
    assert_eq!(
        create(&with(&format!(r#""extra_data":{{{}}}"#, pairs.join(",")))),
        "validation error: metadata.extra_data: must contain no more than 256 pair(s)"
    );
}

#[test]
fn join_says_what_the_reference_says() {
    assert_eq!(
        join(r#"{"room_id":""}"#),
        "validation errors:\n - room_id: room_id should only contain letters (a-z A-Z), digits (0-9) or -_\n - user_info: value is required"
    );
    assert_eq!(
        join(r#"{"room_id":"a","user_info":{"user_id":"u","name":""}}"#),
        "validation error: user_info.name: value is required"
    );
    let meta = |field: &str| {
        join(&format!(r#"{{"room_id":"a","user_info":{{"user_id":"u","name":"n","user_metadata":{{{field}}}}}}}"#))
    };
    assert_eq!(meta(r#""record_webcam":false,"extra_data":{"a":"b"}"#), "");
    assert_eq!(
        meta(r#""profile_pic":"x","is_presenter":true,"raised_hand":{"raised_at":1},"wait_for_approval":true"#),
        "validation errors:\n - user_info.user_metadata.profile_pic: must be a valid URI\n - user_info.user_metadata.is_presenter: must equal false\n - user_info.user_metadata.raised_hand.raised_at: must equal 0\n - user_info.user_metadata.wait_for_approval: must equal false"
    );
}

#[test]
fn a_room_id_is_needed() {
    assert_eq!(text(room_id("")), "validation error: room_id: value is required");
    assert_eq!(text(room_id("a b")), "");
}

#[test]
fn room_ids_of_the_house_are_refused() {
    assert_eq!(text(reserved_room("a-FIELD_b")), "RoomId cannot contain the reserved pattern '-FIELD_'");
    assert_eq!(text(reserved_room("user_1")), "RoomId cannot start with the reserved pattern 'user_'");
    assert_eq!(text(reserved_room("a-user_1")), "");
}
