//! `/auth/room/*`: one file per endpoint (http-api.md section 2). Application errors are HTTP 200.

pub(crate) mod active_room;
pub(crate) mod active_rooms;
pub(crate) mod create;
pub(crate) mod end;
pub(crate) mod is_active;
pub(crate) mod join_token;

use axum::response::Response;
use wire::json::ProtoJson;
use wire::pnm::StatusCode;
use wire::validate::Invalid;

use crate::answers;

/// Reads a request and checks it.
///
/// # Errors
/// The answer that says what is wrong with it.
fn read<M: ProtoJson>(body: &[u8], check: impl FnOnce(&M) -> Result<(), Invalid>) -> Result<M, Response> {
    let invalid = |error: &dyn ToString| answers::refused(StatusCode::InvalidParameters, error.to_string());
    let request = wire::json::decode(body).map_err(|error| invalid(&error))?;
    check(&request).map_err(|error| invalid(&error))?;
    Ok(request)
}
