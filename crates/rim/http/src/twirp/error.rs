//! Errors as Twirp tells them: a code, a text, and the status that goes with the code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ports::media_control::ControlError;
use serde::Serialize;

/// What kind of error; all of Twirp's, because another server's are told here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Canceled,
    Unknown,
    InvalidArgument,
    Malformed,
    DeadlineExceeded,
    NotFound,
    BadRoute,
    AlreadyExists,
    PermissionDenied,
    Unauthenticated,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    Dataloss,
}

impl Code {
    const ALL: [Self; 18] = [
        Self::Canceled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::Malformed,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::BadRoute,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::Dataloss,
    ];

    /// The code of that name; one that Twirp does not know is `unknown`.
    fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|code| code.name() == name).unwrap_or(Self::Unknown)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::Malformed => "malformed",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::BadRoute => "bad_route",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Dataloss => "dataloss",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::Malformed | Self::OutOfRange => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::NotFound | Self::BadRoute => StatusCode::NOT_FOUND,
            Self::Canceled | Self::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
            Self::AlreadyExists | Self::Aborted => StatusCode::CONFLICT,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown | Self::Internal | Self::Dataloss => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TwirpError {
    code: Code,
    msg: String,
}

impl TwirpError {
    pub(crate) fn new(code: Code, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into() }
    }

    pub(crate) fn bad_route(msg: impl Into<String>) -> Self {
        Self::new(Code::BadRoute, msg)
    }

    pub(crate) fn not_permitted() -> Self {
        Self::new(Code::Unauthenticated, "permissions denied")
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code.name()
    }
}

impl From<ControlError> for TwirpError {
    fn from(error: ControlError) -> Self {
        let code = match &error {
            ControlError::Refused { code, .. } => Code::named(code),
            ControlError::NoRoom | ControlError::NoParticipant | ControlError::NoTrack => Code::NotFound,
            ControlError::UnmuteRefused => Code::FailedPrecondition,
            ControlError::TooLarge(_) => Code::InvalidArgument,
            ControlError::Unavailable | ControlError::Taken => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    msg: &'a str,
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        (self.code.status(), Json(Told { code: self.code.name(), msg: &self.msg })).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_server_refuses_is_told_with_its_code_and_text() {
        let told = |code: &str| TwirpError::from(ControlError::Refused { code: code.into(), text: "so".into() });
        for code in Code::ALL {
            assert_eq!(told(code.name()), TwirpError::new(code, "so"));
        }
        for (code, status) in [("permission_denied", 403), ("unimplemented", 501), ("aborted", 409), ("nonsense", 500)]
        {
            assert_eq!(told(code).into_response().status().as_u16(), status, "{code}");
        }
        assert_eq!(told("nonsense").code(), "unknown");
    }
}
