//! `POST /api/frontdoor/start`: a new meeting, and the way in for whoever starts it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tracing::error;
use wire::pnm;

use super::{FrontDoor, MARK, MAX_NAME, MAX_TITLE, Shut, address, clean, code, read, way_in};
use crate::prometheus::same_secret;
use crate::rooms::create::unix_seconds;
use crate::{App, answers};

/// The title of a meeting that was given none. Rooms must have one.
const TITLE: &str = "Meeting";

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    passphrase: String,
}

#[derive(Serialize)]
struct Started {
    room_id: String,
    join_url: String,
    invite_url: String,
}

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    if let Err(shut) = app.doorman.may_start(address(&app, &request)) {
        return shut.into_response();
    }
    let wish: Wish = match read(request).await {
        Ok(wish) => wish,
        Err(answer) => return answer,
    };
    match start(&app, wish).await {
        Ok(started) => answers::plain_json(StatusCode::OK, &started),
        Err(shut) => shut.into_response(),
    }
}

async fn start(app: &App, wish: Wish) -> Result<Started, Shut> {
    match &app.deps.front_door {
        FrontDoor::Open => {}
        FrontDoor::Closed => return Err(Shut::Closed),
        FrontDoor::Passphrase(_) if wish.passphrase.is_empty() => return Err(Shut::PassphraseRequired),
        FrontDoor::Passphrase(known) if same_secret(wish.passphrase.as_bytes(), known.expose().as_bytes()) => {}
        FrontDoor::Passphrase(_) => return Err(Shut::PassphraseWrong),
    }
    let name = clean(&wish.name, MAX_NAME);
    if name.is_empty() {
        return Err(Shut::NameRequired);
    }
    let code = code::new();
    let failed = |cause: &dyn std::fmt::Display| {
        error!(%cause, "the front door could not start a meeting");
        Shut::Failed
    };
    app.deps.meetings.create(room(app, &code, &wish.title)).await.map_err(|cause| failed(&cause))?;
    let join_url = way_in(app, &code, name, true).await.map_err(|cause| failed(&cause))?;
    Ok(Started { join_url, invite_url: format!("/join/{code}"), room_id: code })
}

/// A room with the server's defaults, marked as one of ours.
fn room(app: &App, code: &str, title: &str) -> pnm::CreateRoomReq {
    let title = clean(title, MAX_TITLE);
    let mut request = pnm::CreateRoomReq {
        room_id: code.to_owned(),
        metadata: Some(pnm::RoomMetadata {
            room_title: if title.is_empty() { TITLE.to_owned() } else { title },
            extra_data: [(MARK.to_owned(), code.to_owned())].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
    wire::create::settle(&mut request, &app.deps.rules, unix_seconds(), &mut random);
    request
}
