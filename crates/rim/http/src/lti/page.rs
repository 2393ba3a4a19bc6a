//! The page people land on. It is part of the browser client; what it is about is put into its head.

use std::fmt::Write;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wire::lti::Launch;
use wire::token::mint_lti;

use crate::client::{Dist, POLICY};
use crate::{App, audit};

/// Where the page expects its subject; `web/lti.html` has it.
const SLOT: &str = r#"<meta name="lti" content="" />"#;

/// The page of a meeting.
pub(super) fn room(app: &App, launch: &Launch) -> Response {
    audit::room(launch.room_id.as_bytes());
    let token = mint_lti(&app.deps.api, launch, (app.deps.clock)());
    let about = json!({
        "page": "room",
        "token": token,
        "title": launch.room_title,
        "name": launch.name,
        "is_admin": launch.is_admin,
        "design": launch.parameters.lti_custom_design.clone().unwrap_or_default(),
    });
    show(Some(&about), "")
}

/// The page after a reload: its tab remembers what it is about, since a launch works once.
pub(crate) async fn again(State(_): State<App>) -> Response {
    show(None, "")
}

/// The page about something. `form_action` is where its forms may go besides here.
pub(super) fn show(about: Option<&Value>, form_action: &str) -> Response {
    let Some(page) = Dist::get("lti.html") else {
        let msg = "The browser client is not part of this build.";
        return (StatusCode::SERVICE_UNAVAILABLE, msg).into_response();
    };
    let mut page = String::from_utf8_lossy(&page.data).into_owned();
    if let Some(about) = about {
        page = page.replacen(SLOT, &slot(about), 1);
    }
    // Platforms show a tool inside their own pages, and everybody who gets here was sent by one. What is done here is
    // protected by the token, not by where it is shown.
    let policy = POLICY.replace("form-action 'self'", &format!("form-action 'self' {form_action}"));
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
        (CONTENT_SECURITY_POLICY, format!("{policy}*")),
    ];
    (headers, page).into_response()
}

fn slot(about: &Value) -> String {
    let mut slot = String::from(r#"<meta name="lti" content=""#);
    for c in about.to_string().chars() {
        if matches!(c, '&' | '<' | '>' | '"' | '\'') {
            write!(slot, "&#{};", u32::from(c)).expect("a String takes everything");
        } else {
            slot.push(c);
        }
    }
    slot.push_str(r#"" />"#);
    slot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_platform_says_becomes_markup() {
        let slot = slot(&json!({ "title": "\"><script>alert('x')</script>&" }));
        assert_eq!(slot.matches('<').count(), 1, "{slot}");
        assert_eq!(slot.matches('>').count(), 1, "{slot}");
        assert_eq!(slot.matches('"').count(), 4, "{slot}");
        assert!(slot.contains("&#60;script&#62;alert(&#39;x&#39;)"), "{slot}");
    }

    #[test]
    fn the_page_has_the_slot() {
        if let Some(page) = Dist::get("lti.html") {
            assert!(String::from_utf8_lossy(&page.data).contains(SLOT));
        }
    }
}
