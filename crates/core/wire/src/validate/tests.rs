use super::*;
use crate::json::decode;

/// http-api.md section 14.12, and what goes beyond it.
fn create(body: &str) -> String {
    text(check(&decode::<pnm::CreateRoomReq>(body.as_bytes()).unwrap()))
}

fn join(body: &str) -> String {
    text(check(&decode::<pnm::GenerateTokenReq>(body.as_bytes()).unwrap()))
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
fn a_broadcast_says_one_thing() {
    let broadcast = |body: &str| text(check(&decode::<pnm::BroadcastToRoomReq>(body.as_bytes()).unwrap()));
    assert_eq!(broadcast(r#"{"room_id":"a"}"#), "validation error: one of chat_msg, notification_msg must be set");
    assert_eq!(broadcast(r#"{"room_id":"a","chat_msg":{}}"#), "validation error: chat_msg.message: value is required");
    assert_eq!(
        broadcast(r#"{"notification_msg":{"type":1}}"#),
        "validation errors:\n - room_id: value is required\n - notification_msg.text: value is required"
    );
    assert_eq!(broadcast(r#"{"room_id":"a","chat_msg":{"message":"hello"}}"#), "");
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
fn numbers_and_addresses_have_their_rules() {
    let zero = r#"{"room_id":"a","max_participants":0,"metadata":{"room_title":"t","room_features":{}}}"#;
    assert_eq!(create(zero), "validation error: max_participants: must be greater than 0");
    for field in ["webhook_url", "logout_url"] {
        let with = |value: &str| create(&with(&format!(r#""{field}":"{value}""#)));
        assert_eq!(with("not a url"), format!("validation error: metadata.{field}: must be a valid URI"));
        assert_eq!(with(""), format!("validation error: metadata.{field}: value is empty, which is not a valid URI"));
        assert_eq!(with("foo:bar"), "");
    }
    let link = r#""display_external_link_features":{"is_allow":true,"link":"https://example.org","shared_by":"u1"}"#;
    assert_eq!(create(&with_feature(link)), "", "only whether it is shown is the server's");
}

#[test]
fn no_state_of_any_feature_can_be_sent() {
    let off = |field: &str| (format!(r#"{{"{field}":true}}"#), format!("{field}: must equal false"));
    let empty =
        |field: &str| (format!(r#"{{"{field}":"x"}}"#), format!("{field}: {field} should not contain any value"));
    let none =
        |field: &str| (format!(r#"{{"{field}":["x"]}}"#), format!("{field}: must contain no more than 0 item(s)"));
    let zero = |field: &str| (format!(r#"{{"{field}":1}}"#), format!("{field}: must equal 0"));
    let rules = [
        ("shared_note_pad_features", off("is_active")),
        ("whiteboard_features", off("visible")),
        ("whiteboard_features", empty("whiteboard_file_id")),
        ("whiteboard_features", empty("file_name")),
        ("external_media_player_features", off("is_active")),
        ("external_media_player_features", empty("shared_by")),
        ("ingress_features", empty("url")),
        ("sip_dial_in_features", off("is_active")),
        ("sip_dial_in_features", empty("pin")),
        ("sip_dial_in_features", empty("dispatch_rule_id")),
        ("insights_features.transcription_features", off("is_enabled")),
        ("insights_features.transcription_features", none("allowed_spoken_langs")),
        ("insights_features.transcription_features", none("allowed_speech_users")),
        ("insights_features.transcription_features", off("is_enabled_translation")),
        ("insights_features.transcription_features", none("allowed_trans_langs")),
        ("insights_features.transcription_features", empty("default_subtitle_lang")),
        ("insights_features.transcription_features", off("is_enabled_speech_synthesis")),
        ("insights_features.chat_translation_features", off("is_enabled")),
        ("insights_features.chat_translation_features", none("allowed_trans_langs")),
        ("insights_features.chat_translation_features", zero("max_selected_trans_langs")),
        ("insights_features.chat_translation_features", empty("default_lang")),
        ("insights_features.ai_features.ai_text_chat_features", off("is_enabled")),
        ("insights_features.ai_features.ai_text_chat_features", off("is_allowed_everyone")),
        ("insights_features.ai_features.ai_text_chat_features", off("is_notepad_ai_disabled")),
        ("insights_features.ai_features.ai_text_chat_features", off("is_whiteboard_ai_disabled")),
        ("insights_features.ai_features.meeting_summarization_features", off("is_enabled")),
    ];
    for (path, (field, message)) in rules {
        let nested = path.rsplit('.').fold(field, |inner, group| format!(r#"{{"{group}":{inner}}}"#));
        let body = with_feature(nested.trim_start_matches('{').strip_suffix('}').unwrap());
        assert_eq!(create(&body), format!("validation error: metadata.room_features.{path}.{message}"));
    }
}

#[test]
fn every_text_and_list_is_bounded() {
    let long = |most: usize| "x".repeat(most + 1);
    let url = |most: usize| format!("a:{}", "x".repeat(most - 1));
    let cases = [
        (with(&format!(r#""logout_url":"{}""#, url(MAX_URL))), "logout_url: must be at most 2048 bytes"),
        (
            with(&format!(r#""copyright_conf":{{"text":"{}"}}"#, long(MAX_LINE))),
            "copyright_conf.text: must be at most 4096 bytes",
        ),
        (
            with_feature(&format!(r#""waiting_room_features":{{"waiting_room_msg":"{}"}}"#, long(MAX_LINE))),
            "room_features.waiting_room_features.waiting_room_msg: must be at most 4096 bytes",
        ),
        (
            with_feature(&format!(r#""whiteboard_features":{{"preload_file":"{}"}}"#, url(MAX_URL))),
            "room_features.whiteboard_features.preload_file: must be at most 2048 bytes",
        ),
        (
            with_feature(&format!(r#""display_external_link_features":{{"link":"{}"}}"#, long(MAX_URL))),
            "room_features.display_external_link_features.link: must be at most 2048 bytes",
        ),
        (
            with_feature(&format!(r#""display_external_link_features":{{"shared_by":"{}"}}"#, long(MAX_TITLE))),
            "room_features.display_external_link_features.shared_by: must be at most 255 characters",
        ),
        (
            with_feature(&format!(r#""chat_features":{{"allowed_file_types":["{}"]}}"#, long(MAX_TAG))),
            "room_features.chat_features.allowed_file_types: each item must be at most 64 bytes",
        ),
        (
            with_feature(&format!(
                r#""chat_features":{{"allowed_file_types":[{}"a"]}}"#,
                r#""a","#.repeat(MAX_ENTRIES)
            )),
            "room_features.chat_features.allowed_file_types: must contain no more than 256 item(s)",
        ),
        (
            with_feature(&format!(
                r#""insights_features":{{"ai_features":{{"meeting_summarization_features":{{"summarization_prompt":"{}"}}}}}}"#,
                long(MAX_TEXT)
            )),
            "room_features.insights_features.ai_features.meeting_summarization_features.summarization_prompt: must be at most 16384 bytes",
        ),
    ];
    for (body, message) in cases {
        assert_eq!(create(&body), format!("validation error: metadata.{message}"));
    }
    let person =
        |fields: &str| join(&format!(r#"{{"room_id":"a","user_info":{{"user_id":"u","name":"n",{fields}}}}}"#));
    let meta = |field: &str, value: &str| person(&format!(r#""user_metadata":{{"{field}":"{value}"}}"#));
    for (field, value, message) in [
        ("profile_pic", url(MAX_URL), "must be at most 2048 bytes"),
        ("preferred_lang", long(MAX_TAG), "must be at most 64 bytes"),
        ("ex_user_id", long(MAX_TITLE), "must be at most 255 characters"),
        ("metadata_id", "x".to_owned(), "metadata_id should not contain any value"),
    ] {
        assert_eq!(meta(field, &value), format!("validation error: user_info.user_metadata.{field}: {message}"));
    }
    let raised = person(r#""user_metadata":{"raised_hand":{"is_raised":true}}"#);
    assert_eq!(raised, "validation error: user_info.user_metadata.raised_hand.is_raised: must equal false");
    let named = |name: &str, user: &str, room: &str| {
        join(&format!(r#"{{"room_id":"{room}","user_info":{{"user_id":"{user}","name":"{name}"}}}}"#))
    };
    assert_eq!(named(&"ü".repeat(255), &"ü".repeat(255), &"a".repeat(64)), "");
    assert_eq!(named(&long(65_535), "u", "a"), "validation error: user_info.name: must be at most 255 characters");
    assert_eq!(named("n", &long(255), "a"), "validation error: user_info.user_id: must be at most 255 characters");
    assert_eq!(named("n", "u", &long(64)), "validation error: room_id: must be at most 64 characters");
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
    let of = |room_id: &str| text(check(&pnm::IsRoomActiveReq { room_id: room_id.into() }));
    assert_eq!(of(""), "validation error: room_id: value is required");
    assert_eq!(of("a b"), "");
}

#[test]
fn room_ids_of_the_house_are_refused() {
    assert_eq!(text(reserved_room("a-FIELD_b")), "RoomId cannot contain the reserved pattern '-FIELD_'");
    assert_eq!(text(reserved_room("user_1")), "RoomId cannot start with the reserved pattern 'user_'");
    assert_eq!(text(reserved_room("a-user_1")), "");
}

#[test]
fn the_rules_of_a_request_are_known_without_one() {
    let rules = rules_of::<pnm::CreateRoomReq>();
    let of =
        |path: &str| -> Vec<Rule> { rules.iter().filter(|rule| rule.path == path).map(|rule| rule.rule).collect() };
    assert_eq!(of("metadata.room_title"), [Rule::Required, Rule::Characters(MAX_TITLE), Rule::NoNul]);
    assert_eq!(of("metadata.room_features"), [Rule::Required]);
    let ai = "metadata.room_features.insights_features.ai_features";
    assert_eq!(of(&format!("{ai}.ai_text_chat_features.allowed_user_ids")), [Rule::MostItems(0)]);
    assert_eq!(of(&format!("{ai}.meeting_summarization_features.summarization_prompt")), [Rule::Bytes(MAX_TEXT)]);
}

#[test]
fn each_member_of_a_choice_and_each_entry_of_a_map_has_its_rules() {
    let paths = |rules: Vec<FieldRule>| -> Vec<String> { rules.into_iter().map(|rule| rule.path).collect() };
    let merge = paths(rules_of::<pnm::MergeRecordingsReq>());
    for path in ["", "by_session.room_sid", "by_ids.room_id", "by_ids.recording_ids"] {
        assert!(merge.contains(&path.to_owned()), "{path} in {merge:?}");
    }
    let update = paths(rules_of::<pnm::UpdateRecordingMetadataReq>());
    for path in ["record_id", "metadata.subtitles", "metadata.subtitles.label", "metadata.subtitles.url"] {
        assert!(update.contains(&path.to_owned()), "{path} in {update:?}");
    }
}
