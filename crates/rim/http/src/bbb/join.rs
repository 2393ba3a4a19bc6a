//! `join`: puts somebody on the list of a meeting and sends their browser there.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use meeting::{Activity, AdmitRefusal, JoinError};
use model::UserId;
use rand::Rng;
use serde::Serialize;
use wire::bbb::{EXTRA_KEY, Extra, Params, room_id};
use wire::{pnm, validate};

use super::{Answer, Call, Fault, xml};
use crate::prometheus::same_secret;
use crate::{App, origin};

/// What the client lets a link change of its looks.
#[derive(Serialize)]
struct Design<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_logo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_css_url: Option<&'a str>,
}

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let params = &call.params;
    let meeting_id = params.text("meetingID").unwrap_or_default();
    let room = room_id(meeting_id);
    if app.deps.meetings.activity(&room).await? != Activity::Active {
        return Err(Fault::error("meeting is not active"));
    }
    let extra = app.deps.meetings.room_extra(&room, EXTRA_KEY).await;
    let extra: Extra = extra.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let is_moderator = is_moderator(params, &extra)?;
    let request = guest(params, room, is_moderator);
    validate::check(&request).map_err(|error| Fault::new("validationError", error))?;
    let token = app.deps.meetings.join_token(request).await?;
    let url = address(&origin::web(&app.deps, &call.headers, call.peer), &token, params, &extra);
    let stays = params.text("redirect").is_some_and(|redirect| redirect.eq_ignore_ascii_case("false"));
    Ok(if stays { joined(meeting_id, &token, &url) } else { sent_to(url) })
}

/// A role says it, else the password does. Whoever signed the call may give away either.
fn is_moderator(params: &Params, extra: &Extra) -> Result<bool, Fault> {
    if let Some(role) = params.text("role") {
        return Ok(role.eq_ignore_ascii_case("MODERATOR"));
    }
    let password = params.text("password").ok_or_else(|| Fault::error("password missing"))?;
    let known = &extra.moderator_password;
    Ok(!known.is_empty() && same_secret(password.as_bytes(), known.as_bytes()))
}

fn guest(params: &Params, room_id: String, is_admin: bool) -> pnm::GenerateTokenReq {
    let owned = |name| params.text(name).map(str::to_owned);
    let user_id = owned("userID");
    pnm::GenerateTokenReq {
        room_id,
        user_info: Some(pnm::UserInfo {
            name: owned("fullName").unwrap_or_default(),
            user_id: user_id.clone().filter(|id| is_usable(id)).unwrap_or_else(new_id),
            is_admin,
            user_metadata: Some(pnm::UserMetadata {
                profile_pic: owned("avatarURL"),
                ex_user_id: user_id,
                ..Default::default()
            }),
            ..Default::default()
        }),
    }
}

/// Callers give ids of any shape. One that is none of ours, or one of our own bots', is only remembered.
fn is_usable(id: &str) -> bool {
    UserId::try_from(id).is_ok() && !matches!(id, "RECORDER_BOT" | "RTMP_BOT")
}

fn new_id() -> String {
    format!("p-{:016x}", rand::rng().next_u64())
}

impl From<JoinError> for Fault {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::NoRoom | JoinError::Refused(AdmitRefusal::NotActive) => Self::error("meeting is not active"),
            JoinError::Refused(AdmitRefusal::Blocked) => Self::new("validationError", error),
            JoinError::Refused(_) | JoinError::Failed => Self::error(error),
        }
    }
}

/// The way in. Tokens are made of letters that need no escaping.
fn address(origin: &str, token: &str, params: &Params, extra: &Extra) -> String {
    let web = |url: &str| validate::is_uri(url) && (url.starts_with("https://") || url.starts_with("http://"));
    let design = Design {
        custom_logo: Some(extra.logo.as_str()).filter(|url| web(url)),
        custom_css_url: params.text("userdata-bbb_custom_style_url").filter(|url| web(url)),
    };
    let mut url = format!("{origin}/?access_token={token}");
    if design.custom_logo.is_some() || design.custom_css_url.is_some() {
        let design = serde_json::to_string(&design).expect("texts are JSON");
        url.push_str("&custom_design=");
        url.extend(form_urlencoded::byte_serialize(design.as_bytes()));
    }
    url
}

fn joined(meeting_id: &str, token: &str, url: &str) -> Response {
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("messageKey", "success");
        xml.text("message", "You have joined successfully");
        xml.text("meeting_id", meeting_id);
        xml.text("session_token", token);
        xml.text("url", url);
    })
}

fn sent_to(url: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_key_and_words() {
        let said = |error: JoinError| {
            let fault = Fault::from(error);
            format!("{}: {}", fault.key, fault.message)
        };
        assert_eq!(said(JoinError::NoRoom), "error: meeting is not active");
        assert_eq!(said(AdmitRefusal::NotActive.into()), "error: meeting is not active");
        let blocked = "validationError: this user is blocked to join this session";
        assert_eq!(said(AdmitRefusal::Blocked.into()), blocked);
        assert!(said(AdmitRefusal::Characters.into()).starts_with("error: user_id should only contain"));
    }

    #[test]
    fn only_web_addresses_change_the_looks() {
        let link = |logo: &str, style: &str| {
            let params = Params::parse(&format!("userdata-bbb_custom_style_url={style}")).unwrap();
            address("o", "t", &params, &Extra { logo: logo.into(), ..Extra::default() })
        };
        assert_eq!(link("javascript:x", "data:x"), "o/?access_token=t");
        assert_eq!(
            link("", "https://e/s.css"),
            "o/?access_token=t&custom_design=%7B%22custom_css_url%22%3A%22https%3A%2F%2Fe%2Fs.css%22%7D"
        );
    }

    #[test]
    fn our_own_bots_are_nobody_elses_names() {
        assert!(is_usable("ada-1"));
        for id in ["RECORDER_BOT", "RTMP_BOT", "ada@example.org", ""] {
            assert!(!is_usable(id), "{id}");
        }
    }
}
