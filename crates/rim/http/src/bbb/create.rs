//! `create`: a room from the parameters of a meeting. A meeting that runs already is answered as it is.

use std::time::{Duration, UNIX_EPOCH};

use axum::response::Response;
use meeting::CreateError;
use rand::Rng;
use tracing::error;
use wire::bbb::{CreateRejected, Extra, last_document};
use wire::pnm;

use super::{Answer, Call, Fault, shown, xml};
use crate::App;
use crate::rooms::create::unix_seconds;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let document = last_document(&call.modules).map_err(|error| Fault::new("parsingError", error))?;
    let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
    let request = wire::bbb::create(&call.params, document, &app.deps.rules, unix_seconds(), &mut random)?;
    let room = app.deps.meetings.create(request).await?;
    Ok(created(call, &room))
}

impl From<CreateRejected> for Fault {
    fn from(rejected: CreateRejected) -> Self {
        match rejected {
            CreateRejected::Unreadable(error) => error.into(),
            CreateRejected::Invalid(error) => Self::new("validationError", error),
            CreateRejected::Reserved(error) => Self::error(error),
        }
    }
}

impl From<CreateError> for Fault {
    fn from(failure: CreateError) -> Self {
        if let CreateError::Store(cause) = &failure {
            error!(%cause, "a room could not be recorded");
        }
        Self::error(failure)
    }
}

fn created(call: &Call, room: &pnm::ActiveRoomInfo) -> Response {
    let said = |name| call.params.text(name).unwrap_or_default();
    let extra = Extra::of(&shown::metadata(room)).unwrap_or_default();
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("messageKey", "success");
        xml.text("message", "success");
        xml.text("meetingID", said("meetingID"));
        xml.text("internalMeetingID", &room.sid);
        xml.text("parentMeetingID", "bbb-none");
        xml.text("attendeePW", &extra.attendee_password);
        xml.text("moderatorPW", &extra.moderator_password);
        xml.text("createTime", milliseconds(room.creation_time));
        xml.text("createDate", date(room.creation_time));
        xml.text("hasUserJoined", false);
        xml.text("duration", 0);
        xml.text("voiceBridge", said("voiceBridge"));
        xml.text("dialNumber", said("dialNumber"));
        xml.text("hasBeenForciblyEnded", false);
    })
}

pub(super) const fn milliseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

/// RFC 1123 in universal time, which it calls `UTC` here.
pub(super) fn date(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    httpdate::fmt_http_date(UNIX_EPOCH + since).replace("GMT", "UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_universal_time() {
        assert_eq!(date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 UTC");
        assert_eq!(milliseconds(1_700_000_000), 1_700_000_000_000);
    }
}
