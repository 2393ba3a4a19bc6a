//! Whatever arrives, nothing here panics, and what is written can be read back.

use proptest::prelude::*;

use crate::create::{CreateRules, decode_create};
use crate::lti::{self, Form, Launch};
use crate::token::{ApiKey, JoinClaims, mint_join, verify_join, verify_lti, verify_media};
use crate::{join_request, json, pnm, signature, validate};

/// Text that looks like a body of ours often enough to get past the first check.
fn body() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("room_id"),
        Just("roomId"),
        Just("metadata"),
        Just("room_title"),
        Just("room_features"),
        Just("roomFeatures"),
        Just("chat_features"),
        Just("isAllow"),
        Just("extra_data"),
        Just("started_at"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1".to_owned()),
        Just("1e400".to_owned()),
        Just("\"10\"".to_owned()),
        Just("[]".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z:/]{0,12}".prop_map(|text| format!("{text:?}")),
    ];
    let value = leaf.prop_recursive(5, 64, 6, move |inner| {
        prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    });
    prop_oneof![4 => value, 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_body_is_too_strange(body in body()) {
        let _ = json::decode::<pnm::CreateRoomReq>(body.as_bytes());
        let _ = json::decode::<pnm::GenerateTokenReq>(body.as_bytes());
        if let Ok(request) = decode_create(body.as_bytes(), &CreateRules::default(), 1, &mut |_: &mut [u8]| {}) {
            let metadata = request.metadata.unwrap();
            let written = json::encode(&metadata);
            prop_assert_eq!(json::decode::<pnm::RoomMetadata>(written.as_bytes()).unwrap(), metadata);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        name in any::<String>(), number in any::<i64>(), flag in any::<Option<bool>>(),
        data in prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
    ) {
        let metadata = pnm::UserMetadata {
            preferred_lang: Some(name),
            raised_hand: Some(pnm::UserRaisedHand { is_raised: true, raised_at: number }),
            lock_settings: Some(pnm::LockSettings { lock_chat: flag, ..Default::default() }),
            extra_data: data,
            ..Default::default()
        };
        for written in [json::encode(&metadata), json::encode_sparse(&metadata)] {
            prop_assert_eq!(&json::decode::<pnm::UserMetadata>(written.as_bytes()).unwrap(), &metadata);
        }
    }

    #[test]
    fn no_token_is_too_strange(token in "[A-Za-z0-9_.=-]{0,80}", other in any::<String>()) {
        let key = ApiKey::new("k", "s");
        for token in [token, other] {
            prop_assert!(verify_join(&key, &token, 0, 0).is_err());
            prop_assert!(verify_media(|_| Some("s"), &token, 0).is_err());
            prop_assert!(!signature::verify("s", b"", &token));
            let _ = join_request::decode(&token);
            let _ = validate::is_uri(&token);
            let _ = join_request::from_query([("attributes", token.as_str()), ("sdk", token.as_str())]);
        }
    }

    #[test]
    fn no_launch_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z_=&%+0-9]{0,80}") {
        for body in [body.as_slice(), text.as_bytes()] {
            let form = Form::parse(body).unwrap();
            prop_assert!(!lti::verify("s", "https://h/lti/v1", &form));
            let launch = Launch::from_form(&form);
            prop_assert!(!launch.user_id.is_empty() && !launch.name.is_empty() && !launch.room_title.is_empty());
        }
        prop_assert!(verify_lti(&ApiKey::new("k", "s"), &text, 0).is_err());
        let _ = serde_json::from_slice::<lti::IdToken>(&body);
    }

    #[test]
    fn a_token_that_was_touched_is_refused(at in 0usize..200, with in "[A-Za-z0-9_-]") {
        let key = ApiKey::new("k", "s");
        let claims = JoinClaims { user_id: "u".into(), room_id: "r".into(), ..JoinClaims::default() };
        let token = mint_join(&key, &claims, 1_700_000_000, 600);
        let at = at % token.len();
        let mut touched = token.clone();
        touched.replace_range(at..=at, &with);
        prop_assume!(touched != token);
        prop_assert!(verify_join(&key, &touched, 1_700_000_000, 0).is_err());
    }
}
