//! Errors as Twirp tells them: a code, a text, and the status that goes with the code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ports::media_control::ControlError;
use serde::Serialize;

/// What kind of error; those of Twirp that are told here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument,
    Malformed,
    Unauthenticated,
    NotFound,
    BadRoute,
    DeadlineExceeded,
    FailedPrecondition,
    ResourceExhausted,
    Unimplemented,
    Unavailable,
    Internal,
}

impl Code {
    const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound => "not_found",
            Self::BadRoute => "bad_route",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::FailedPrecondition => "failed_precondition",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::BadRoute => StatusCode::NOT_FOUND,
            Self::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
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
        let code = match error {
            ControlError::NoRoom | ControlError::NoParticipant | ControlError::NoTrack => Code::NotFound,
            ControlError::UnmuteRefused => Code::FailedPrecondition,
            ControlError::TooLarge(_) => Code::InvalidArgument,
            ControlError::Elsewhere | ControlError::Unavailable => Code::Unavailable,
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
