//! Messages made ready to send.

use bytes::Bytes;
use prost::Message;
use wire::lk;
use wire::lk::leave_request::Action;
use wire::lk::signal_response::Message as Response;

/// Encodes a response.
pub(crate) fn response(message: Response) -> Bytes {
    lk::SignalResponse { message: Some(message) }.encode_to_vec().into()
}

/// A `leave` as of section 4.6.
pub(crate) fn leave(reason: lk::DisconnectReason, action: Action) -> Bytes {
    response(Response::Leave(lk::LeaveRequest {
        can_reconnect: action == Action::Reconnect,
        reason: reason.into(),
        action: action.into(),
        regions: None,
    }))
}

/// The first message to a client that resumes a session nobody knows: it joins anew at once (section 5.5).
pub fn leave_reconnect() -> Bytes {
    leave(lk::DisconnectReason::StateMismatch, Action::Reconnect)
}

/// The last message before a graceful stop: clients come back in a moment (section 5.5).
pub fn shutdown() -> Bytes {
    leave(lk::DisconnectReason::ServerShutdown, Action::Reconnect)
}
