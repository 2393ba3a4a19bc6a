//! `/api/*`: what members of a meeting ask for, one file per endpoint or family (http-api.md section 4).

use axum::extract::Request;
use axum::response::{IntoResponse, Response};

use crate::{App, answers, bearer};

pub(crate) mod breakouts;
pub(crate) mod end_room;
pub(crate) mod increase_duration;
pub(crate) mod media_player;
pub(crate) mod not_served;
pub(crate) mod polls;
pub(crate) mod verify_token;
pub(crate) mod waiting_room;

/// What whoever is no moderator reads.
const NOT_ADMIN: &str = "only admin can perform this task";

/// Checks the token, then the rank.
async fn admit_admin(app: &App, request: Request) -> Result<bearer::Asked, Response> {
    let asked = bearer::admit(app, request).await.map_err(IntoResponse::into_response)?;
    if asked.access.is_admin { Ok(asked) } else { Err(answers::refused_protobuf(NOT_ADMIN)) }
}
