//! `getJoinToken` (http-api.md section 2.2).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::{AdmitRefusal, JoinError};
use wire::pnm::{self, StatusCode};
use wire::validate;

use super::read;
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Response {
    let request: pnm::GenerateTokenReq = match read(&body, validate::generate_token) {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    match app.deps.meetings.join_token(request).await {
        Ok(token) => answers::json(&pnm::GenerateTokenRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            token: Some(token),
        }),
        Err(refusal) => answers::refused(code(&refusal), refusal),
    }
}

const fn code(refusal: &JoinError) -> StatusCode {
    match refusal {
        JoinError::NoRoom | JoinError::Refused(AdmitRefusal::NotActive) => StatusCode::RoomNotFound,
        JoinError::Refused(AdmitRefusal::Blocked) => StatusCode::UserBlocked,
        JoinError::Refused(_) => StatusCode::InternalServerError,
    }
}
