use std::collections::BTreeMap;

use super::*;
use crate::lti::Launch;

/// The published sample credentials every vector of http-api.md section 14 is made with.
fn api() -> ApiKey {
    ApiKey::new("plugnmeet", "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6")
}

fn media_key() -> ApiKey {
    ApiKey::new("APIiYAA5w37Cfo2", "6aNur7qqupeZhFYNOJVUyeXxXhVw8f4lm13pEDUx8SgB")
}

const NOW: i64 = 1_700_000_000;

const ADMIN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDA2MDAsImlzX2FkbWluIjp0cnVlLCJpc3MiOiJwbHVnbm1lZXQiLCJuYW1lIjoiVGVzdCBVc2VyIiwibmJmIjoxNzAwMDAwMDAwLCJyb29tX2lkIjoicm9vbTAxIiwic3ViIjoidXNlcjAxIiwidXNlcl9pZCI6InVzZXIwMSJ9.AtbJp4n4-Uk__C1kdzS2yAt4G5Jdehf7e2XZVCk7NXU";

const HIDDEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRfdHlwZSI6MSwiZXhwIjoxNzAwMDAwNjAwLCJpc19oaWRkZW4iOnRydWUsImlzcyI6InBsdWdubWVldCIsIm5iZiI6MTcwMDAwMDAwMCwicm9vbV9pZCI6InJvb20wMSIsInN1YiI6InVzZXIwMSIsInVzZXJfaWQiOiJ1c2VyMDEifQ.pHHUoMbPAp3KXlXDlCszcVOO27JpebX_4eNwltHMVm8";

const DOWNLOAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDE4MDAsImlzcyI6InBsdWdubWVldCIsIm5iZiI6MTcwMDAwMDAwMCwic3ViIjoibm9kZV8wMS9yb29tMDEvcmVjLm1wNCJ9.uZN9V62QDFfYvHYshCd75BtCxvB6LffDF_Gn5-UJqco";

const MEDIA: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBUElpWUFBNXczN0NmbzIiLCJzdWIiOiJ1c2VyMDEiLCJleHAiOjE3MDAwMDA2MDAsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJpZGVudGl0eSI6InVzZXIwMSIsIm5hbWUiOiJUZXN0IFVzZXIiLCJ2aWRlbyI6eyJyb29tQWRtaW4iOnRydWUsInJvb21Kb2luIjp0cnVlLCJyb29tIjoicm9vbTAxIiwiY2FuUHVibGlzaCI6dHJ1ZSwiY2FuU3Vic2NyaWJlIjp0cnVlfX0.eSyPYa9ROY6ueG-12onSwoTfmyzTwyX836ldhIpehCY";

fn admin() -> JoinClaims {
    JoinClaims {
        name: "Test User".into(),
        user_id: "user01".into(),
        room_id: "room01".into(),
        is_admin: true,
        ..JoinClaims::default()
    }
}

fn hidden() -> JoinClaims {
    JoinClaims {
        user_id: "user01".into(),
        room_id: "room01".into(),
        is_hidden: true,
        client_type: 1,
        ..JoinClaims::default()
    }
}

fn on_media() -> MediaClaims {
    MediaClaims {
        identity: "user01".into(),
        name: "Test User".into(),
        video: VideoGrant {
            room_admin: true,
            room_join: true,
            room: "room01".into(),
            can_publish: Some(true),
            can_subscribe: Some(true),
            ..VideoGrant::default()
        },
        ..MediaClaims::default()
    }
}

#[test]
fn join_tokens_are_the_references_byte_for_byte() {
    assert_eq!(mint_join(&api(), &admin(), NOW, 600), ADMIN);
    assert_eq!(mint_join(&api(), &hidden(), NOW, 600), HIDDEN);
}

#[test]
fn join_tokens_of_the_reference_are_understood() {
    let access = verify_join(&api(), ADMIN, NOW, 0).unwrap();
    assert_eq!(access, JoinAccess { claims: admin(), issued_at: NOW, expires_at: NOW + 600 });
    assert_eq!(verify_join(&api(), HIDDEN, NOW, 0).unwrap().claims, hidden());
}

#[test]
fn a_join_token_of_ours_names_its_session_and_generation() {
    let claims = JoinClaims { generation: Some("g1".into()), room_sid: Some("sid".into()), ..admin() };
    let token = mint_join(&api(), &claims, NOW, 600);
    assert_eq!(verify_join(&api(), &token, NOW, 0).unwrap().claims, claims);
}

#[test]
fn a_join_token_lives_a_minute_longer_than_it_says_on_both_ends() {
    let at = |now| verify_join(&api(), ADMIN, now, 0).map(|_| ());
    assert_eq!(at(NOW - 61), Err(TokenError::Invalid));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW + 660), Ok(()));
    assert_eq!(at(NOW + 661), Err(TokenError::Expired));
}

#[test]
fn a_renewal_has_its_grace_after_the_end_only() {
    let at = |now| verify_join(&api(), ADMIN, now, 10_800).map(|_| ());
    assert_eq!(at(NOW - 61), Err(TokenError::Invalid));
    assert_eq!(at(NOW + 660 + 10_800), Ok(()));
    assert_eq!(at(NOW + 661 + 10_800), Err(TokenError::Expired));
}

#[test]
fn another_key_issuer_or_subject_is_invalid() {
    let invalid = |key: &ApiKey, token: &str| assert_eq!(verify_join(key, token, NOW, 0), Err(TokenError::Invalid));
    invalid(&ApiKey::new("plugnmeet", "other"), ADMIN);
    invalid(&ApiKey::new("other", api().secret()), ADMIN);
    invalid(&media_key(), ADMIN);
    let forged = jws::sign(
        api().secret(),
        &serde_json::json!({"iss":"plugnmeet","sub":"user01","user_id":"user02","exp":NOW + 600,"nbf":NOW}),
    );
    invalid(&api(), &forged);
}

#[test]
fn an_expired_token_of_another_key_is_invalid_not_expired() {
    let token = mint_join(&ApiKey::new("plugnmeet", "other"), &admin(), NOW, 600);
    assert_eq!(verify_join(&api(), &token, NOW + 10_000, 0), Err(TokenError::Invalid));
}

#[test]
fn only_hs256_is_accepted_and_rubbish_is_refused() {
    let (_, rest) = ADMIN.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIn0";
    let hs512 = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{none}.{rest}"),
        format!("{hs512}.{rest}"),
        format!("{ADMIN}.x"),
        format!("{ADMIN}A"),
        ADMIN[..ADMIN.len() - 1].into(),
        format!("Bearer {ADMIN}"),
        "x".repeat(100_000),
    ] {
        assert_eq!(verify_join(&api(), &bad, NOW, 0), Err(TokenError::Invalid), "{bad:?}");
    }
}

#[test]
fn a_token_without_an_end_is_invalid() {
    let token = jws::sign(api().secret(), &serde_json::json!({"iss":"plugnmeet","sub":"u","nbf":NOW}));
    assert_eq!(verify_join(&api(), &token, NOW, 0), Err(TokenError::Invalid));
}

#[test]
fn a_token_without_our_claims_or_a_user_id_claim_takes_the_subject() {
    let token = jws::sign(api().secret(), &serde_json::json!({"iss":"plugnmeet","sub":"u","exp":1_700_000_600.0}));
    assert_eq!(verify_join(&api(), &token, NOW, 0).unwrap().claims.user_id, "u");
}

#[test]
fn media_tokens_are_the_references_byte_for_byte() {
    assert_eq!(mint_media(&media_key(), &on_media(), NOW, 600), MEDIA);
    let key = media_key();
    let access = verify_media(|id| (id == key.id()).then(|| key.secret()), MEDIA, NOW).unwrap();
    assert_eq!(access.claims, on_media());
    assert_eq!(access.key_id, "APIiYAA5w37Cfo2");
    assert_eq!(access.expires_at, NOW + 600);
}

#[test]
fn a_media_token_keeps_everything_it_was_made_with() {
    let key = media_key();
    let claims = MediaClaims {
        metadata: "{}".into(),
        attributes: BTreeMap::from([("original_user_id".into(), "user01".into())]),
        kind: "agent".into(),
        kind_details: vec!["cloud_agent".into()],
        generation: Some("7".into()),
        room_sid: Some("sid".into()),
        video: VideoGrant {
            can_publish: Some(false),
            can_publish_data: Some(false),
            can_publish_sources: vec!["camera".into()],
            can_update_own_metadata: true,
            hidden: true,
            recorder: true,
            ..on_media().video
        },
        ..on_media()
    };
    let token = mint_media(&key, &claims, NOW, 60);
    assert_eq!(verify_media(|_| Some(key.secret()), &token, NOW).unwrap().claims, claims);
    assert_eq!(verify_media(|_| Some(key.secret()), &token, NOW + 121), Err(TokenError::Expired));
}

#[test]
fn an_old_media_token_has_its_identity_in_jti() {
    let key = media_key();
    let make = |claims: serde_json::Value| jws::sign(key.secret(), &claims);
    let old = make(serde_json::json!({"iss":key.id(),"jti":"u","exp":NOW + 5,"video":{"roomJoin":true,"x":1}}));
    assert_eq!(verify_media(|_| Some(key.secret()), &old, NOW).unwrap().claims.identity, "u");
    let nobody = make(serde_json::json!({"iss":key.id(),"exp":NOW + 5}));
    assert_eq!(verify_media(|_| Some(key.secret()), &nobody, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_media_token_of_an_unknown_key_is_invalid() {
    assert_eq!(verify_media(|_| None, MEDIA, NOW), Err(TokenError::Invalid));
    assert_eq!(verify_media(|_| Some("other"), MEDIA, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_download_token_is_the_references_byte_for_byte() {
    let token = mint_download(&api(), "node_01/room01/rec.mp4", NOW, 1800);
    assert_eq!(token, DOWNLOAD);
    assert_eq!(verify_download(&api(), DOWNLOAD, NOW).as_deref(), Ok("node_01/room01/rec.mp4"));
}

#[test]
fn a_download_token_opens_its_file_for_a_while() {
    let verify = |token: &str, now| verify_download(&api(), token, now);
    assert!(verify(DOWNLOAD, NOW + 1860).is_ok());
    assert_eq!(verify(DOWNLOAD, NOW + 1861), Err(TokenError::Expired));
    assert_eq!(verify(DOWNLOAD, NOW - 61), Err(TokenError::Invalid));
    assert_eq!(verify_download(&media_key(), DOWNLOAD, NOW), Err(TokenError::Invalid));
    // Signed with the same key, but about a person.
    assert_eq!(verify(ADMIN, NOW), Err(TokenError::Invalid));
    let other = ApiKey::new("other", api().secret());
    assert_eq!(verify(&mint_download(&other, "x", NOW, 60), NOW), Err(TokenError::Invalid));
}

#[test]
fn secrets_do_not_show() {
    assert_eq!(format!("{:?}", api()), r#"ApiKey { id: "plugnmeet", secret: *** }"#);
}

#[test]
fn a_download_token_is_the_references() {
    // http-api.md section 14.3
    let key = ApiKey::new("plugnmeet", "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6");
    let token = mint_download(&key, "node_01/room01/rec.mp4", 1_700_000_000, 1800);
    assert_eq!(
        token,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDE4MDAsImlzcyI6InBsdWdubWVldCIsIm5iZiI6MTcwMDAwMDAwMCwi\
         c3ViIjoibm9kZV8wMS9yb29tMDEvcmVjLm1wNCJ9.uZN9V62QDFfYvHYshCd75BtCxvB6LffDF_Gn5-UJqco"
    );
    assert_eq!(verify_download(&key, &token, 1_700_001_860).unwrap(), "node_01/room01/rec.mp4");
    assert_eq!(verify_download(&key, &token, 1_700_001_861), Err(TokenError::Expired));
}

#[test]
fn tokens_of_one_kind_open_nothing_of_another() {
    let key = ApiKey::new("k", "s");
    let claims = JoinClaims { user_id: "u".into(), room_id: "r".into(), is_admin: true, ..JoinClaims::default() };
    let join = mint_join(&key, &claims, 1_700_000_000, 600);
    let launch = Launch { user_id: "u".into(), room_id: "r".into(), name: "N".into(), ..Launch::default() };
    let lti = mint_lti(&key, &launch, 1_700_000_000);
    let download = mint_download(&key, "u", 1_700_000_000, 600);

    assert_eq!(verify_lti(&key, &lti, 1_700_000_000), Ok(launch));
    for other in [&join, &download] {
        assert_eq!(verify_lti(&key, other, 1_700_000_000), Err(TokenError::Invalid));
    }
    for other in [&join, &lti] {
        assert_eq!(verify_download(&key, other, 1_700_000_000), Err(TokenError::Invalid));
    }
    assert_eq!(verify_lti(&key, &lti, 1_700_007_261), Err(TokenError::Expired));
    assert_eq!(verify_lti(&ApiKey::new("k2", "s"), &lti, 1_700_000_000), Err(TokenError::Invalid));
}

#[test]
fn what_is_sealed_comes_back_for_its_purpose_and_for_a_while() {
    let key = ApiKey::new("k", "s");
    let sealed = seal(&key, "login", &("a", 1), NOW, 600);
    let open = |purpose, now| unseal::<(String, u8)>(&key, purpose, &sealed, now);
    assert_eq!(open("login", NOW + 660), Ok(("a".into(), 1)));
    assert_eq!(open("login", NOW + 661), Err(TokenError::Expired));
    assert_eq!(open("link", NOW), Err(TokenError::Invalid));
    assert_eq!(verify_join(&key, &sealed, NOW, 0).map(|_| ()), Err(TokenError::Invalid));
    let other = ApiKey::new("k", "t");
    assert_eq!(unseal::<(String, u8)>(&other, "login", &sealed, NOW), Err(TokenError::Invalid));
}
