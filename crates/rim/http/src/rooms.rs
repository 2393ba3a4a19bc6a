//! `/auth/room/*`: one file per endpoint (http-api.md section 2). Application errors are HTTP 200.

pub(crate) mod active_room;
pub(crate) mod active_rooms;
pub(crate) mod create;
pub(crate) mod end;
pub(crate) mod is_active;
pub(crate) mod join_token;
pub(crate) mod past;

use axum::response::{IntoResponse, Response};
use wire::json::{JsonError, ProtoJson};
use wire::pnm::StatusCode;
use wire::validate::{Invalid, Rules};

use crate::answers;

/// Why a request is not carried out at all.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Not the message.
    Json(JsonError),
    /// Against the rules.
    Invalid(Invalid),
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        match self {
            Self::Json(error) => answers::refused(StatusCode::InvalidParameters, error),
            Self::Invalid(error) => answers::refused(StatusCode::InvalidParameters, error),
        }
    }
}

/// Reads a request and checks it.
///
/// # Errors
/// See [`Rejected`].
pub(crate) fn read<M: ProtoJson + Rules>(body: &[u8]) -> Result<M, Rejected> {
    let request: M = wire::json::decode(body).map_err(Rejected::Json)?;
    wire::validate::check(&request).map_err(Rejected::Invalid)?;
    Ok(request)
}
