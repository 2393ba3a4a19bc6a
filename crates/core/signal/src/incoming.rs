//! What clients send, read and measured before it reaches the machine. Reading costs time and memory, so it is done where
//! only the sender waits for it; what comes out is bounded.

use crate::types::ConnectError;
use prost::Message;
use wire::{bounds, join_request, lk};

/// Longest message that carries a description or the state of a session (media-protocol.md section 24), and longest other.
const MAX_LONG: usize = 2 * 1024 * 1024;
const MAX_MESSAGE: usize = 64 * 1024;

/// Most fields of a message, repetitions counted, and most of one that tells the state of a session.
const MAX_FIELDS: usize = 4096;
const MAX_LONG_FIELDS: usize = 16_384;

/// A join request within its limits.
#[derive(Debug, Clone)]
pub struct JoinRequest(pub(crate) Box<lk::JoinRequest>);

impl JoinRequest {
    /// Reads an encoded `livekit.JoinRequest`.
    ///
    /// # Errors
    /// It does not decode or breaks a limit.
    pub fn read(bytes: &[u8]) -> Result<Self, ConnectError> {
        let bearable = bytes.len() <= join_request::MAX_BYTES
            && bounds::holds_at_most(join_request::MAX_FIELDS, bytes, &bounds::JOIN_REQUEST);
        let request = bearable.then(|| lk::JoinRequest::decode(bytes).ok()).flatten();
        request.map(|request| Self(Box::new(request))).ok_or(ConnectError::Malformed)
    }

    /// Whether pictures may be withheld from the client for want of bandwidth, if it says so.
    pub fn allows_pause(&self) -> Option<bool> {
        self.0.connection_settings.as_ref()?.subscriber_allow_pause
    }

    /// What a client that resumes says of why it has to, as it is counted.
    pub fn why_back(&self) -> &'static str {
        match lk::ReconnectReason::try_from(self.0.reconnect_reason) {
            Ok(lk::ReconnectReason::RrPublisherFailed) => "publisher",
            Ok(lk::ReconnectReason::RrSubscriberFailed) => "subscriber",
            Ok(lk::ReconnectReason::RrSwitchCandidate) => "switch",
            // Its socket is new in any case.
            Ok(lk::ReconnectReason::RrUnknown | lk::ReconnectReason::RrSignalDisconnected) | Err(_) => "signalling",
        }
    }
}

/// A `livekit.SignalRequest` within its limits.
#[derive(Debug, Clone)]
pub struct ClientMessage {
    /// Encoded size.
    pub(crate) length: usize,
    /// `None`: of a kind newer than we are.
    pub(crate) request: Option<Box<lk::signal_request::Message>>,
}

/// A frame that is no message, or one that breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signal message within its limits")]
pub struct Garbage;

impl ClientMessage {
    /// Reads an encoded `livekit.SignalRequest`.
    ///
    /// # Errors
    /// See [`Garbage`].
    pub fn read(bytes: &[u8]) -> Result<Self, Garbage> {
        // The tags of offer, answer and sync_state; each is the only field of its message.
        let long = matches!(bytes.first(), Some(0x0a | 0x12 | 0x62));
        let (most, fields) = if long { (MAX_LONG, MAX_LONG_FIELDS) } else { (MAX_MESSAGE, MAX_FIELDS) };
        if bytes.len() > most || !bounds::holds_at_most(fields, bytes, &bounds::SIGNAL_REQUEST) {
            return Err(Garbage);
        }
        let message = lk::SignalRequest::decode(bytes).map_err(|_| Garbage)?.message;
        Ok(Self { length: bytes.len(), request: message.map(Box::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::lk::signal_request::Message as Request;

    fn encoded(request: Request) -> Vec<u8> {
        lk::SignalRequest { message: Some(request) }.encode_to_vec()
    }

    #[test]
    fn only_descriptions_and_states_may_be_long() {
        let text = "x".repeat(100_000);
        let description = lk::SessionDescription { sdp: text.clone(), ..Default::default() };
        assert!(ClientMessage::read(&encoded(Request::Offer(description.clone()))).is_ok());
        assert!(ClientMessage::read(&encoded(Request::Answer(description.clone()))).is_ok());
        let state = lk::SyncState { offer: Some(description), ..Default::default() };
        assert!(ClientMessage::read(&encoded(Request::SyncState(state))).is_ok());
        let mute = lk::MuteTrackRequest { sid: text, muted: true };
        assert_eq!(ClientMessage::read(&encoded(Request::Mute(mute))).unwrap_err(), Garbage);
    }

    #[test]
    fn thousands_of_empty_entries_are_not_decoded() {
        let add = lk::AddTrackRequest { layers: vec![lk::VideoLayer::default(); 5000], ..Default::default() };
        assert_eq!(ClientMessage::read(&encoded(Request::AddTrack(add))).unwrap_err(), Garbage);
        let tracks = vec![lk::TrackPublishedResponse::default(); 20_000];
        let state = lk::SyncState { publish_tracks: tracks, ..Default::default() };
        assert_eq!(ClientMessage::read(&encoded(Request::SyncState(state))).unwrap_err(), Garbage);
        let joins =
            lk::JoinRequest { add_track_requests: vec![lk::AddTrackRequest::default(); 10_000], ..Default::default() };
        assert_eq!(JoinRequest::read(&joins.encode_to_vec()).unwrap_err(), ConnectError::Malformed);
    }

    #[test]
    fn why_a_client_is_back_is_one_of_a_few_reasons_whatever_it_says() {
        let why = |reconnect_reason| {
            let request = lk::JoinRequest { reconnect_reason, ..Default::default() };
            JoinRequest::read(&request.encode_to_vec()).unwrap().why_back()
        };
        let reasons = [-1, 0, 1, 2, 3, 4, 5].map(why);
        let other = "signalling";
        assert_eq!(reasons, [other, other, other, "publisher", "subscriber", "switch", other]);
    }

    #[test]
    fn a_kind_of_message_from_the_future_is_no_garbage() {
        assert!(ClientMessage::read(&[0xfa, 0x07, 1, 0]).unwrap().request.is_none());
        assert!(ClientMessage::read(&[]).unwrap().request.is_none());
    }
}
