//! `getJoinToken` (http-api.md section 2.2).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::{AdmitRefusal, JoinError};
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::GenerateTokenReq = read(&body)?;
    Ok(match app.deps.meetings.join_token(request).await {
        Ok(token) => answers::json(&pnm::GenerateTokenRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            token: Some(token),
        }),
        Err(refusal) => answers::refused(code(&refusal), refusal),
    })
}

const fn code(refusal: &JoinError) -> StatusCode {
    match refusal {
        JoinError::NoRoom | JoinError::Refused(AdmitRefusal::NotActive) => StatusCode::RoomNotFound,
        JoinError::Refused(AdmitRefusal::Blocked) => StatusCode::UserBlocked,
        JoinError::Refused(AdmitRefusal::Length) => StatusCode::InvalidParameters,
        JoinError::Refused(_) | JoinError::Failed => StatusCode::InternalServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_code() {
        assert_eq!(code(&JoinError::NoRoom), StatusCode::RoomNotFound);
        assert_eq!(code(&AdmitRefusal::NotActive.into()), StatusCode::RoomNotFound);
        assert_eq!(code(&AdmitRefusal::Blocked.into()), StatusCode::UserBlocked);
        assert_eq!(code(&AdmitRefusal::Length.into()), StatusCode::InvalidParameters);
        assert_eq!(code(&AdmitRefusal::UserPattern.into()), StatusCode::InternalServerError);
        assert_eq!(code(&JoinError::Failed), StatusCode::InternalServerError);
    }
}
