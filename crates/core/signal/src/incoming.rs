//! What clients send, read and measured before it reaches the machine. Reading costs time and memory, so it is done where
//! only the sender waits for it; what comes out is bounded.

use crate::publish::MAX_TRACKS;
use crate::subscribe::MAX_AUDIENCE;
use crate::types::ConnectError;
use prost::Message;
use wire::bounds::Unbearable;
use wire::{bounds, join_request, lk};

/// Longest message of any kind (media-protocol.md section 24), and longest of a kind that has no reason to be long.
const MAX_LONG: usize = 2 * 1024 * 1024;
const MAX_MESSAGE: usize = 64 * 1024;

/// Most fields of a message, repetitions counted.
const MAX_FIELDS: usize = 4096;

/// The same of one that tells the state of a session, or that changes how its client is described: the attributes that the
/// limits allow have hardly more, were each of them four characters long.
const MAX_LONG_FIELDS: usize = 16_384 + 16;

/// The same of an audience: so many entries, each with all of the tracks that somebody may publish.
const MAX_AUDIENCE_FIELDS: usize = 2 + MAX_AUDIENCE * (4 + MAX_TRACKS);

/// The most that is read of a kind of message, by its number in `livekit.SignalRequest`: bytes and fields. `None`: a kind
/// nobody knows.
const fn most(kind: u8) -> Option<(usize, usize)> {
    match kind {
        // Descriptions, the state of a session, and a participant's own description.
        1 | 2 | 12 | 15 => Some((MAX_LONG, MAX_LONG_FIELDS)),
        11 => Some((MAX_LONG, MAX_AUDIENCE_FIELDS)),
        3..=8 | 10 | 13 | 14 | 16..=23 => Some((MAX_MESSAGE, MAX_FIELDS)),
        _ => None,
    }
}

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
    pub(crate) said: Said,
}

/// What a client said.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// It wants something.
    Request(Box<lk::signal_request::Message>),
    /// It wants too much at once. It is not read.
    TooMuch,
    /// Of a kind newer than we are.
    Unknown,
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
        // A message has one field, whose number is its kind.
        let kind = match *bytes {
            [tag, ..] if tag < 0x80 => tag >> 3,
            // Numbers from 16 on have a second byte; none of ours has a third.
            [tag, high, ..] if high < 0x02 => ((tag & 0x7f) >> 3) | (high << 4),
            _ => 0,
        };
        let (longest, fields) = most(kind).unwrap_or((MAX_MESSAGE, MAX_FIELDS));
        let length = bytes.len();
        let measured = match length > longest {
            true => Err(Unbearable::TooMany),
            false => bounds::measure(fields, bytes, &bounds::SIGNAL_REQUEST),
        };
        match measured {
            Ok(()) => {}
            Err(Unbearable::TooMany) if most(kind).is_some() => return Ok(Self { length, said: Said::TooMuch }),
            Err(_) => return Err(Garbage),
        }
        let message = lk::SignalRequest::decode(bytes).map_err(|_| Garbage)?.message;
        Ok(Self { length, said: message.map_or(Said::Unknown, |message| Said::Request(Box::new(message))) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::lk::signal_request::Message as Request;

    fn encoded(request: Request) -> Vec<u8> {
        lk::SignalRequest { message: Some(request) }.encode_to_vec()
    }

    fn is_too_much(request: Request) -> bool {
        matches!(ClientMessage::read(&encoded(request)).unwrap().said, Said::TooMuch)
    }

    #[test]
    fn what_the_limits_promise_is_read() {
        let attributes = (0..16_384).map(|number| (format!("{number:04x}"), String::new())).collect();
        let update = lk::UpdateParticipantMetadata {
            metadata: "m".repeat(crate::control::MAX_METADATA),
            name: "\u{1f600}".repeat(crate::control::MAX_NAME),
            attributes,
            request_id: 7,
        };
        assert!(!is_too_much(Request::UpdateMetadata(update)));

        let entry = lk::TrackPermission {
            participant_sid: "PA_123456789012".into(),
            participant_identity: "i".repeat(256),
            track_sids: vec!["TR_AM123456789012".into(); MAX_TRACKS],
            ..Default::default()
        };
        let audience = |entries| {
            let track_permissions = vec![entry.clone(); entries];
            Request::SubscriptionPermission(lk::SubscriptionPermission { track_permissions, ..Default::default() })
        };
        assert!(!is_too_much(audience(MAX_AUDIENCE)));
        assert!(is_too_much(audience(2 * MAX_AUDIENCE)));
    }

    #[test]
    fn only_what_has_a_reason_to_be_long_may_be() {
        let text = "x".repeat(100_000);
        let description = lk::SessionDescription { sdp: text.clone(), ..Default::default() };
        assert!(ClientMessage::read(&encoded(Request::Offer(description.clone()))).is_ok());
        assert!(ClientMessage::read(&encoded(Request::Answer(description.clone()))).is_ok());
        let state = lk::SyncState { offer: Some(description), ..Default::default() };
        assert!(ClientMessage::read(&encoded(Request::SyncState(state))).is_ok());
        let mute = lk::MuteTrackRequest { sid: text, muted: true };
        assert!(is_too_much(Request::Mute(mute)));
        // Longer than any kind may be.
        let description = lk::SessionDescription { sdp: "x".repeat(MAX_LONG), ..Default::default() };
        assert!(is_too_much(Request::Offer(description)));
    }

    #[test]
    fn thousands_of_empty_entries_are_not_decoded() {
        let add = lk::AddTrackRequest { layers: vec![lk::VideoLayer::default(); 5000], ..Default::default() };
        assert!(is_too_much(Request::AddTrack(add)));
        let tracks = vec![lk::TrackPublishedResponse::default(); 20_000];
        let state = lk::SyncState { publish_tracks: tracks, ..Default::default() };
        assert!(is_too_much(Request::SyncState(state)));
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
        assert!(matches!(ClientMessage::read(&[0xfa, 0x07, 1, 0]).unwrap().said, Said::Unknown));
        assert!(matches!(ClientMessage::read(&[]).unwrap().said, Said::Unknown));
        // Unless it is long: nobody knows what it is worth.
        let mut long = vec![0xfa, 0x07, 0x80, 0x80, 0x08];
        long.resize(MAX_MESSAGE * 2 + 5, 0);
        assert_eq!(ClientMessage::read(&long).unwrap_err(), Garbage);
    }

    #[test]
    fn every_kind_of_message_is_known_by_its_number() {
        let ping = lk::Ping { timestamp: 1, rtt: 2 };
        for request in [
            Request::PingReq(ping),
            Request::UpdateAudioTrack(lk::UpdateLocalAudioTrack::default()),
            Request::GetDataBlobRequest(lk::GetDataBlobRequest::default()),
        ] {
            let mut bytes = encoded(request);
            assert!(matches!(ClientMessage::read(&bytes).unwrap().said, Said::Request(_)));
            // What is added at its end makes it too long, not another kind.
            bytes.extend([0xfa, 0x07, 0x80, 0x80, 0x08]);
            bytes.resize(MAX_MESSAGE * 2 + bytes.len(), 0);
            assert!(matches!(ClientMessage::read(&bytes).unwrap().said, Said::TooMuch));
        }
    }
}
