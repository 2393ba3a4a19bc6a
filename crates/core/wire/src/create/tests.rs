use serde_json::{Value, json};

use super::*;
use crate::json::encode;

const NOW: u64 = 1_700_000_000;

/// The vector of http-api.md section 14.11: limits of 50 and 30 MB, two file types, everything configured.
fn rules() -> CreateRules {
    CreateRules {
        limits: RoomLimits { chat_file_types: vec!["jpg".into(), "pdf".into()], ..RoomLimits::default() },
        abilities: ServerAbilities { insights: Some(InsightsLimits::default()), sip: true },
        ..CreateRules::default()
    }
}

fn make(body: &str, rules: &CreateRules) -> Result<pnm::CreateRoomReq, CreateRejected> {
    decode_create(body.as_bytes(), rules, NOW, &mut |bytes: &mut [u8]| bytes.fill(61))
}

/// The metadata made from `features` (JSON members) under `rules`.
fn metadata_with(features: &str, rules: &CreateRules) -> Value {
    let body =
        format!(r#"{{"room_id":"room01","metadata":{{"room_title":"Test room","room_features":{{{features}}}}}}}"#);
    written(&make(&body, rules).unwrap())
}

fn features(features: &str) -> Value {
    metadata_with(features, &rules())["room_features"].take()
}

/// The same, sent as the SDKs send it.
fn camel(features: &str) -> Value {
    let body = format!(r#"{{"roomId":"room01","metadata":{{"roomTitle":"t","roomFeatures":{{{features}}}}}}}"#);
    written(&make(&body, &rules()).unwrap())["room_features"].take()
}

fn written(request: &pnm::CreateRoomReq) -> Value {
    serde_json::from_str(&encode(request.metadata.as_ref().unwrap())).unwrap()
}

const DEFAULT_FILLED: &str = r#"{"room_title":"Test room","is_recording":false,"is_active_rtmp":false,"parent_room_id":"","is_breakout_room":false,"started_at":"1700000000","room_features":{"allow_webcams":true,"mute_on_start":false,"allow_screen_share":true,"allow_view_other_webcams":true,"allow_view_other_users_list":true,"admin_only_webcams":false,"enable_analytics":true,"allow_virtual_bg":true,"allow_raise_hand":true,"allow_reactions":true,"auto_gen_user_id":false,"recording_features":{"is_allow":true,"is_allow_cloud":true,"enable_auto_cloud_recording":false,"is_allow_local":true,"only_record_admin_webcams":false},"chat_features":{"is_allow":true,"is_allow_file_upload":true,"allowed_file_types":["jpg","pdf"],"max_file_size":"50"},"shared_note_pad_features":{"is_allow":true,"is_active":false,"visible":false,"note_pad_id":""},"whiteboard_features":{"is_allow":true,"visible":false,"whiteboard_file_id":"","file_name":"","file_path":"","total_pages":0,"max_allowed_file_size":"30"},"external_media_player_features":{"is_allow":true,"is_active":false},"waiting_room_features":{"is_active":false,"waiting_room_msg":""},"breakout_room_features":{"is_allow":true,"is_active":false,"allowed_number_rooms":6},"display_external_link_features":{"is_allow":true,"is_active":false},"ingress_features":{"is_allow":true,"input_type":"RTMP_INPUT","url":"","stream_key":""},"end_to_end_encryption_features":{"is_enabled":false,"included_chat_messages":false,"included_whiteboard":false,"enabled_self_insert_encryption_key":false},"polls_features":{"is_allow":true,"is_active":false},"insights_features":{"is_allow":true,"transcription_features":{"is_allow":true,"is_allow_translation":false,"is_allow_speech_synthesis":false,"is_enabled":false,"allowed_spoken_langs":[],"allowed_speech_users":[],"is_enabled_translation":false,"max_selected_trans_langs":2,"allowed_trans_langs":[],"is_enabled_speech_synthesis":false},"chat_translation_features":{"is_allow":true,"is_enabled":false,"allowed_trans_langs":[],"max_selected_trans_langs":5},"ai_features":{"is_allow":true,"ai_text_chat_features":{"is_allow":true,"is_enabled":false,"is_allowed_everyone":false,"allowed_user_ids":[],"is_notepad_ai_disabled":false,"is_whiteboard_ai_disabled":false},"meeting_summarization_features":{"is_allow":true,"summarization_prompt":"","is_enabled":false}}},"sip_dial_in_features":{"is_allow":true,"enable_dial_in_on_create":false,"hide_phone_number":false,"is_active":false,"phone_numbers":[]},"external_broadcasting_features":{"is_allow":true,"is_allow_rtmp":true}},"default_lock_settings":{"lock_screen_sharing":true,"lock_whiteboard":true,"lock_shared_notepad":true},"copyright_conf":{"display":true,"text":"Powered by <a href=\"https://www.plugnmeet.org\" target=\"_blank\">plugNmeet</a>"},"extra_data":{}}"#;

/// The example of create-room.md.
const EXAMPLE: &str = r#"{
  "room_id": "room01",
  "metadata": {
    "room_title": "Test room",
    "welcome_message": "Welcome to room",
    "room_features": {
      "allow_webcams": true,
      "mute_on_start": false,
      "allow_screen_share": true,
      "allow_rtmp": true,
      "admin_only_webcams": false,
      "allow_view_other_webcams": true,
      "allow_view_other_users_list": true,
      "enable_analytics": true,
      "allow_virtual_bg": true,
      "allow_raise_hand": true,
      "auto_gen_user_id": false,
      "recording_features": {
        "is_allow": true, "is_allow_cloud": true, "is_allow_local": true, "enable_auto_cloud_recording": false
      },
      "chat_features": { "is_allow": true, "is_allow_file_upload": true },
      "shared_note_pad_features": { "is_allow": true },
      "whiteboard_features": { "is_allow": true },
      "external_media_player_features": { "is_allow": true },
      "waiting_room_features": { "is_active": false },
      "breakout_room_features": { "is_allow": true, "allowed_number_rooms": 2 },
      "display_external_link_features": { "is_allow": true },
      "ingress_features": { "is_allow": true },
      "polls_features": { "is_allow": true },
      "insights_features": {
        "is_allow": true,
        "transcription_features": {
          "is_allow": true, "is_allow_translation": true, "is_allow_speech_synthesis": true
        },
        "chat_translation_features": { "is_allow": true },
        "ai_features": {
          "is_allow": true,
          "ai_text_chat_features": { "is_allow": true },
          "meeting_summarization_features": { "is_allow": true }
        }
      },
      "sip_dial_in_features": { "is_allow": true, "enable_dial_in_on_create": true, "hide_phone_number": false },
      "end_to_end_encryption_features": { "is_enabled": false, "enabled_self_insert_encryption_key": false }
    },
    "default_lock_settings": {
      "lock_microphone": false,
      "lock_webcam": false,
      "lock_screen_sharing": true,
      "lock_whiteboard": true,
      "lock_shared_notepad": true,
      "lock_chat": false,
      "lock_chat_send_message": false,
      "lock_chat_file_share": false,
      "lock_private_chat": false
    },
    "copyright_conf": {
      "display": true,
      "text": "Powered by <a href=\"https://www.plugnmeet.org\" target=\"_blank\">plugNmeet</a>"
    }
  }
}"#;

/// Every member of `sent` is in `got` with the same value.
fn assert_as_sent(sent: &Value, got: &Value, path: &str) {
    match sent {
        Value::Object(members) => {
            for (name, value) in members {
                assert_as_sent(value, &got[name], &format!("{path}.{name}"));
            }
        }
        _ => assert_eq!(sent, got, "{path}"),
    }
}

fn example_metadata() -> Value {
    serde_json::from_str::<Value>(EXAMPLE).unwrap()["metadata"].take()
}

#[test]
fn a_room_that_names_nothing_gets_the_documented_defaults() {
    let mut expected: Value = serde_json::from_str(DEFAULT_FILLED).unwrap();
    expected["room_features"]["enable_analytics"] = json!(false);
    assert_eq!(metadata_with("", &rules()), expected);
}

#[test]
fn an_empty_timeout_is_kept_as_asked_for_and_its_absence_too() {
    let body =
        |extra: &str| format!(r#"{{"room_id":"a",{extra}"metadata":{{"room_title":"t","room_features":{{}}}}}}"#);
    let timeout = |extra: &str| make(&body(extra), &rules()).unwrap().empty_timeout;
    assert_eq!(timeout(""), None, "the room tells its own default from a wish");
    assert_eq!(timeout(r#""empty_timeout":1,"#), Some(1));
    assert_eq!(timeout(r#""empty_timeout":"90","#), Some(90));
}

#[test]
fn the_documented_example_comes_back_with_every_value_as_sent() {
    let made = written(&make(EXAMPLE, &rules()).unwrap());
    assert_as_sent(&example_metadata(), &made, "metadata");
}

#[test]
fn without_its_engines_a_server_switches_only_their_top_flags_off() {
    let made = written(&make(EXAMPLE, &CreateRules { abilities: ServerAbilities::default(), ..rules() }).unwrap());
    let mut expected = example_metadata();
    expected["room_features"]["insights_features"]["is_allow"] = json!(false);
    expected["room_features"]["sip_dial_in_features"]["is_allow"] = json!(false);
    assert_as_sent(&expected, &made, "metadata");
}

#[test]
fn an_explicit_value_wins_in_both_spellings() {
    let declared = features(r#""allow_webcams":false,"chat_features":{"is_allow":false},"allow_virtual_bg":false"#);
    assert_eq!(declared["allow_webcams"], json!(false));
    assert_eq!(declared["allow_screen_share"], json!(true));
    assert_eq!(declared["chat_features"]["is_allow"], json!(false));
    assert_eq!(declared["allow_virtual_bg"], json!(false));
    let camel = camel(r#""allowWebcams":false,"muteOnStart":true"#);
    assert_eq!(camel["allow_webcams"], json!(false));
    assert_eq!(camel["mute_on_start"], json!(true));
}

#[test]
fn a_group_that_says_something_in_camel_case_says_no_to_the_rest() {
    let made = camel(r#""allowWebcams":true,"chatFeatures":{"isAllow":true},"pollsFeatures":{}"#);
    assert_eq!(made["allow_webcams"], json!(true));
    assert_eq!(made["allow_screen_share"], json!(false));
    assert_eq!(made["allow_virtual_bg"], json!(true), "explicit presence keeps its default");
    assert_eq!(made["chat_features"]["is_allow"], json!(true));
    assert_eq!(made["chat_features"]["is_allow_file_upload"], json!(false));
    assert_eq!(made["polls_features"]["is_allow"], json!(true), "an empty group takes its defaults");
    assert_eq!(made["recording_features"]["is_allow_cloud"], json!(true), "an absent group takes its defaults");
}

#[test]
fn nested_groups_follow_the_same_rule() {
    let insights = camel(
        r#""insightsFeatures":{"isAllow":true,"aiFeatures":{"isAllow":true,"aiTextChatFeatures":{}}}"#,
    )["insights_features"]
        .take();
    assert_eq!(insights["transcription_features"]["is_allow"], json!(true));
    assert_eq!(insights["ai_features"]["ai_text_chat_features"]["is_allow"], json!(true));
    let insights =
        camel(r#""insightsFeatures":{"chatTranslationFeatures":{"isAllow":true}}"#)["insights_features"].take();
    assert_eq!(insights["is_allow"], json!(false));
    assert_eq!(insights["chat_translation_features"]["is_allow"], json!(false), "its parent is off");
}

/// The switches among a room's features.
fn switches() -> Vec<&'static str> {
    let is_switch = |setting: &&DefaultSetting| matches!(setting, DefaultSetting::Switch(name) if !name.starts_with("default_lock_settings"));
    DEFAULT_SETTINGS.iter().filter(is_switch).map(|setting| setting.name()).collect()
}

fn camel_name(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The features that `wishes` spell out, under names made by `spell`.
fn tree(wishes: &[(&str, bool)], spell: impl Fn(&str) -> String) -> Value {
    let mut root = json!({});
    for (path, wish) in wishes {
        let mut at = &mut root;
        for name in path.split('.') {
            at = &mut at[spell(name)];
        }
        *at = json!(wish);
    }
    root
}

/// What merging, before anything depends on anything, makes of a request.
fn merged(body: &Value) -> Value {
    let node = json::parse(body.to_string().as_bytes()).unwrap();
    let mut request = merge::read(&node).unwrap();
    merge::apply(&mut request, &node, &RoomDefaults::default()).unwrap();
    written(&request)["room_features"].take()
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, name| &value[name])
}

proptest::proptest! {
    /// For any tree of features: what is said wins; what is not follows the spelling (D-01).
    #[test]
    fn an_explicit_value_always_wins_and_absence_follows_the_spelling(
        wishes in proptest::collection::vec(proptest::option::weighted(0.2, proptest::bool::ANY), switches().len())
    ) {
        let said: Vec<_> =
            switches().into_iter().zip(&wishes).filter_map(|(name, wish)| Some((name, (*wish)?))).collect();
        let declared = tree(&said, str::to_owned);
        let declared = merged(&json!({"room_id": "a", "metadata": {"room_title": "t", "room_features": declared}}));
        let camel = tree(&said, camel_name);
        let camel = merged(&json!({"roomId": "a", "metadata": {"roomTitle": "t", "roomFeatures": camel}}));
        let defaults = merged(&json!({"room_id": "a", "metadata": {"room_title": "t", "room_features": {}}}));

        for (name, wish) in switches().into_iter().zip(wishes) {
            let default = at(&defaults, name);
            let group = name.rsplit_once('.').map_or(String::new(), |(group, _)| format!("{group}."));
            let group_speaks = said.iter().any(|(other, _)| other.starts_with(&group));
            let has_presence =
                ["allow_virtual_bg", "allow_raise_hand", "allow_reactions", "auto_gen_user_id"].contains(&name);
            let absent = if group_speaks && !has_presence { &json!(false) } else { default };
            proptest::prop_assert_eq!(at(&declared, name), &wish.map_or(default.clone(), Value::from), "{}", name);
            proptest::prop_assert_eq!(at(&camel, name), &wish.map_or(absent.clone(), Value::from), "{}", name);
        }
    }
}

#[test]
fn an_empty_features_object_in_camel_case_turns_everything_on() {
    assert_eq!(camel(""), features(""));
    assert_eq!(camel(r#""chatFeatures":null,"zzz":1"#), features(""));
}

#[test]
fn a_mixture_of_spellings_reads_as_declared_names() {
    let body = r#"{"room_id":"a","metadata":{"roomTitle":"t","roomFeatures":{"allowWebcams":false}}}"#;
    let made = written(&make(body, &rules()).unwrap());
    assert_eq!(made["room_features"]["allow_webcams"], json!(false));
    assert_eq!(made["room_features"]["allow_screen_share"], json!(true));
}

#[test]
fn keys_of_free_data_say_nothing_about_the_spelling() {
    let body = r#"{"roomId":"a","metadata":{"roomTitle":"t","roomFeatures":{"allowWebcams":true},"extraData":{"my_key":"1"}}}"#;
    let made = written(&make(body, &rules()).unwrap());
    assert_eq!(made["room_features"]["allow_screen_share"], json!(false));
    assert_eq!(made["extra_data"], json!({"my_key": "1"}));
}

#[test]
fn what_is_off_takes_its_dependents_along() {
    let made = features(
        r#""recording_features":{"is_allow":false,"enable_auto_cloud_recording":true},
           "chat_features":{"is_allow":false},
           "external_broadcasting_features":{"is_allow":false},
           "end_to_end_encryption_features":{"included_chat_messages":true,"enabled_self_insert_encryption_key":true},
           "insights_features":{"transcription_features":{"is_allow":false,"is_allow_translation":true},"ai_features":{"is_allow":false}}"#,
    );
    let recording = &made["recording_features"];
    for flag in ["is_allow_cloud", "is_allow_local", "enable_auto_cloud_recording"] {
        assert_eq!(recording[flag], json!(false), "{flag}");
    }
    assert_eq!(
        made["chat_features"],
        json!({"is_allow": false, "is_allow_file_upload": false, "allowed_file_types": []})
    );
    assert_eq!(made["external_broadcasting_features"]["is_allow_rtmp"], json!(false));
    let encryption = &made["end_to_end_encryption_features"];
    assert_eq!(encryption["included_chat_messages"], json!(false));
    assert_eq!(encryption["enabled_self_insert_encryption_key"], json!(false));
    let insights = &made["insights_features"];
    assert_eq!(insights["transcription_features"]["is_allow_translation"], json!(false));
    assert_eq!(insights["ai_features"]["ai_text_chat_features"]["is_allow"], json!(false));
    assert_eq!(insights["ai_features"]["meeting_summarization_features"]["is_allow"], json!(false));
}

#[test]
fn the_old_broadcast_flag_still_works_and_stays_visible() {
    let made = features(r#""allow_rtmp":false"#);
    assert_eq!(made["allow_rtmp"], json!(false));
    assert_eq!(made["external_broadcasting_features"], json!({"is_allow": false, "is_allow_rtmp": false}));
    assert_eq!(features("")["allow_rtmp"], Value::Null);
}

#[test]
fn end_to_end_encryption_gets_a_key_and_shuts_what_cannot_hold_it() {
    let made = features(r#""end_to_end_encryption_features":{"is_enabled":true,"included_chat_messages":true}"#);
    let key = made["end_to_end_encryption_features"]["encryption_key"].as_str().unwrap();
    assert_eq!(key.len(), 32);
    assert!(key.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(made["end_to_end_encryption_features"]["included_chat_messages"], json!(true));
    assert_eq!(made["ingress_features"]["is_allow"], json!(false));
    assert_eq!(made["sip_dial_in_features"]["is_allow"], json!(false));
    assert_eq!(made["recording_features"]["is_allow_cloud"], json!(true));
}

#[test]
fn keys_use_the_whole_alphabet() {
    let mut state = 1_u64;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    };
    let body = r#"{"room_id":"a","metadata":{"room_title":"t","room_features":{"end_to_end_encryption_features":{"is_enabled":true}}}}"#;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let made = decode_create(body.as_bytes(), &rules(), NOW, &mut random).unwrap();
        let features = made.metadata.unwrap().room_features.unwrap().end_to_end_encryption_features.unwrap();
        seen.extend(features.encryption_key().bytes().collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 62);
}

#[test]
fn a_key_people_bring_themselves_shuts_what_the_server_would_have_to_decrypt() {
    let made =
        features(r#""end_to_end_encryption_features":{"is_enabled":true,"enabled_self_insert_encryption_key":true}"#);
    let mut expected: Value = serde_json::from_str(DEFAULT_FILLED).unwrap();
    let expected = &mut expected["room_features"];
    expected["enable_analytics"] = json!(false);
    expected["end_to_end_encryption_features"]["is_enabled"] = json!(true);
    expected["end_to_end_encryption_features"]["enabled_self_insert_encryption_key"] = json!(true);
    expected["recording_features"]["is_allow_cloud"] = json!(false);
    expected["external_broadcasting_features"]["is_allow"] = json!(false);
    expected["ingress_features"]["is_allow"] = json!(false);
    expected["sip_dial_in_features"]["is_allow"] = json!(false);
    expected["insights_features"]["transcription_features"]["is_allow"] = json!(false);
    expected["insights_features"]["ai_features"]["meeting_summarization_features"]["is_allow"] = json!(false);
    assert_eq!(&made, expected);
}

#[test]
fn locks_default_to_the_three_shared_surfaces() {
    let body = |locks: &str| {
        let body = format!(
            r#"{{"room_id":"a","metadata":{{"room_title":"t","room_features":{{}},"default_lock_settings":{locks}}}}}"#
        );
        written(&make(&body, &rules()).unwrap())["default_lock_settings"].take()
    };
    let three = json!({"lock_screen_sharing": true, "lock_whiteboard": true, "lock_shared_notepad": true});
    assert_eq!(body("null"), three);
    assert_eq!(body("{}"), three);
    assert_eq!(
        body(r#"{"lock_whiteboard":false,"lock_chat":true}"#),
        json!({"lock_screen_sharing": true, "lock_chat": true, "lock_whiteboard": false, "lock_shared_notepad": true})
    );
}

#[test]
fn server_limits_are_kept() {
    let rules = CreateRules {
        limits: RoomLimits { max_participants: 50, max_duration: 60, max_breakout_rooms: Some(4), ..rules().limits },
        ..rules()
    };
    let make_with = |top: &str, features: &str| {
        let body = format!(r#"{{"room_id":"a",{top}"metadata":{{"room_title":"t","room_features":{{{features}}}}}}}"#);
        make(&body, &rules).unwrap()
    };
    assert_eq!(make_with("", "").max_participants, Some(50));
    assert_eq!(make_with(r#""max_participants":51,"#, "").max_participants, Some(50));
    assert_eq!(make_with(r#""max_participants":2,"#, "").max_participants, Some(2));
    let duration = |features: &str| make_with("", features).metadata.unwrap().room_features.unwrap().room_duration;
    assert_eq!(duration(""), Some(60));
    assert_eq!(duration(r#""room_duration":0"#), Some(60));
    assert_eq!(duration(r#""room_duration":61"#), Some(60));
    assert_eq!(duration(r#""room_duration":"10""#), Some(10));
    let breakout = |features: &str| {
        make_with("", features).metadata.unwrap().room_features.unwrap().breakout_room_features.unwrap()
    };
    assert_eq!(breakout("").allowed_number_rooms, 4);
    assert_eq!(breakout(r#""breakout_room_features":{"allowed_number_rooms":2}"#).allowed_number_rooms, 2);
}

#[test]
fn there_are_at_most_sixteen_breakout_rooms() {
    let wish = |rooms: u32| {
        let made = features(&format!(r#""breakout_room_features":{{"allowed_number_rooms":{rooms}}}"#));
        made["breakout_room_features"]["allowed_number_rooms"].as_u64().unwrap()
    };
    assert_eq!(wish(17), 16);
    assert_eq!(wish(16), 16);
    assert_eq!(wish(0), 6);
}

#[test]
fn without_limits_a_room_keeps_what_it_asked_for() {
    assert_eq!(features(r#""room_duration":0"#)["room_duration"], json!("0"));
    assert_eq!(make(EXAMPLE, &rules()).unwrap().max_participants, None);
    let made = features(r#""chat_features":{"allowed_file_types":["zip"],"max_file_size":5000}"#);
    assert_eq!(made["chat_features"]["allowed_file_types"], json!(["zip"]));
    assert_eq!(made["chat_features"]["max_file_size"], json!("50"));
}

#[test]
fn a_rooms_own_copyright_counts_only_where_the_server_lets_it() {
    let line = |conf: &str, allow_override| {
        let rules = CreateRules {
            copyright: CopyrightPolicy { display: true, text: "House".into(), allow_override },
            ..rules()
        };
        let body = format!(
            r#"{{"room_id":"a","metadata":{{"room_title":"t","room_features":{{}},"copyright_conf":{conf}}}}}"#
        );
        make(&body, &rules).unwrap().metadata.unwrap().copyright_conf.unwrap().text
    };
    assert_eq!(line(r#"{"display":true,"text":"Mine"}"#, false), "House");
    assert_eq!(line(r#"{"display":true,"text":"Mine"}"#, true), "Mine");
    assert_eq!(line("null", true), "House");
}

#[test]
fn languages_are_limited_as_the_services_say() {
    let limits = InsightsLimits { transcription_languages: 3, chat_languages: 7 };
    let rules = CreateRules { abilities: ServerAbilities { insights: Some(limits), sip: true }, ..rules() };
    let insights = metadata_with("", &rules)["room_features"]["insights_features"].take();
    assert_eq!(insights["transcription_features"]["max_selected_trans_langs"], json!(3));
    assert_eq!(insights["chat_translation_features"]["max_selected_trans_langs"], json!(7));
}

#[test]
fn callers_inside_the_house_can_say_no() {
    let defaults = RoomDefaults::default();
    let mut request = pnm::CreateRoomReq {
        room_id: "a-b".into(),
        metadata: Some(pnm::RoomMetadata {
            room_title: "t".into(),
            is_breakout_room: true,
            parent_room_id: "a".into(),
            room_features: Some(pnm::RoomCreateFeatures {
                allow_webcams: false,
                enable_analytics: true,
                recording_features: Some(pnm::RecordingFeatures::default()),
                ..defaults.features.clone()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    settle(&mut request, &rules(), NOW, &mut |_: &mut [u8]| {});
    let features = request.metadata.unwrap().room_features.unwrap();
    assert!(!features.allow_webcams && !features.enable_analytics);
    assert!(!features.recording_features.unwrap().is_allow);
}

#[test]
fn groups_a_caller_inside_leaves_out_take_their_defaults() {
    let mut request = pnm::CreateRoomReq {
        metadata: Some(pnm::RoomMetadata {
            room_features: Some(pnm::RoomCreateFeatures::default()),
            ..Default::default()
        }),
        ..Default::default()
    };
    settle(&mut request, &rules(), NOW, &mut |_: &mut [u8]| {});
    let features = request.metadata.unwrap().room_features.unwrap();
    assert!(!features.allow_webcams);
    assert_eq!(features.allow_raise_hand, Some(true));
    assert!(features.polls_features.unwrap().is_allow);
}

#[test]
fn every_default_an_operator_may_change_is_a_field_and_reaches_a_room() {
    let settled = |defaults: &RoomDefaults| {
        let rules = CreateRules { defaults: defaults.clone(), ..rules() };
        let body = r#"{"room_id":"room01","metadata":{"room_title":"Test room","room_features":{}}}"#;
        written(&make(body, &rules).unwrap())
    };
    for setting in DEFAULT_SETTINGS {
        let name = setting.name();
        let (mut low, mut high) = (RoomDefaults::default(), RoomDefaults::default());
        // Nothing else may hold the value down.
        for dependent in
            ["end_to_end_encryption_features.is_enabled", "insights_features.transcription_features.is_allow"]
        {
            low.set(dependent, 1);
            high.set(dependent, 1);
        }
        low.set(name, 0);
        high.set(name, 1);
        assert_ne!(low, high, "{name}");
        if !matches!(name, "sip_dial_in_features.is_allow" | "ingress_features.is_allow") {
            assert_ne!(settled(&low), settled(&high), "{name}");
        }
    }
}

#[test]
fn rejections_carry_their_code() {
    let code = |body: &str| make(body, &rules()).unwrap_err().status_code();
    assert_eq!(code(""), pnm::StatusCode::InvalidParameters);
    assert_eq!(code("{}"), pnm::StatusCode::InvalidParameters);
    let reserved = r#"{"room_id":"user_1","metadata":{"room_title":"t","room_features":{}}}"#;
    assert_eq!(code(reserved), pnm::StatusCode::InternalServerError);
    assert_eq!(
        make(reserved, &rules()).unwrap_err().to_string(),
        "RoomId cannot start with the reserved pattern 'user_'"
    );
}

/// Prints what the create path costs; `cargo test --release -p wire -- --ignored --nocapture cost`.
#[test]
#[ignore = "a measurement, not a check"]
fn cost_of_a_create() {
    let rules = rules();
    let rounds: u32 = 2000;
    let time = |what: &str, run: &mut dyn FnMut()| {
        run();
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            run();
        }
        println!("{what}: {:?}", start.elapsed() / rounds);
    };
    let made = make(EXAMPLE, &rules).unwrap();
    let metadata = made.metadata.clone().unwrap();
    time("decode_create", &mut || drop(make(EXAMPLE, &rules)));
    time("encode metadata", &mut || drop(encode(&metadata)));
    let text = encode(&metadata);
    time("decode metadata", &mut || drop(json::decode::<pnm::RoomMetadata>(text.as_bytes())));
}
