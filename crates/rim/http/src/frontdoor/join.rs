//! `POST /api/frontdoor/join`: the way into a meeting somebody was given the code of.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::{MARK, MAX_NAME, Shut, address, clean, code, read, way_in};
use crate::{App, answers};

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    code: String,
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct Joined {
    join_url: String,
}

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let address = address(&app, &request);
    if let Err(shut) = app.doorman.may_try_a_code(address) {
        return shut.into_response();
    }
    let wish: Wish = match read(request).await {
        Ok(wish) => wish,
        Err(answer) => return answer,
    };
    match join(&app, &wish).await {
        Ok(joined) => answers::plain_json(StatusCode::OK, &joined),
        Err(shut) => {
            if shut == Shut::NoSuchMeeting {
                app.doorman.missed(address);
            }
            shut.into_response()
        }
    }
}

async fn join(app: &App, wish: &Wish) -> Result<Joined, Shut> {
    let name = clean(&wish.name, MAX_NAME);
    if name.is_empty() {
        return Err(Shut::NameRequired);
    }
    let code = code::meant(&wish.code).ok_or(Shut::NoSuchMeeting)?;
    let invite = app.deps.meetings.room_extra(&code, MARK).await;
    if invite.as_deref() != Some(code.as_str()) {
        return Err(Shut::NoSuchMeeting);
    }
    let join_url = way_in(app, &code, name, false).await.map_err(|refusal| {
        debug!(%refusal, "the front door could not let somebody in");
        Shut::NoSuchMeeting
    })?;
    Ok(Joined { join_url })
}
