//! `livekit.Egress`, `livekit.Ingress`, `livekit.SIP` and `livekit.AgentDispatchService` (media-protocol.md section 19.4):
//! their methods are known and their grants asked for. This server has no such gateways: lists are empty, and whatever
//! needs one says so.

use super::{Call, Code, Outcome, TwirpError};

/// What a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Record,
    Ingress,
    SipAdmin,
    SipCall,
    Room,
}

/// The grant of a method, if there is such a method.
fn grant(service: &str, method: &str) -> Option<Grant> {
    Some(match (service, method) {
        (
            "livekit.Egress",
            "StartEgress"
            | "UpdateLayout"
            | "UpdateStream"
            | "ListEgress"
            | "StopEgress"
            | "StartRoomCompositeEgress"
            | "StartWebEgress"
            | "StartParticipantEgress"
            | "StartTrackCompositeEgress"
            | "StartTrackEgress",
        ) => Grant::Record,
        ("livekit.Ingress", "CreateIngress" | "UpdateIngress" | "ListIngress" | "DeleteIngress") => Grant::Ingress,
        (
            "livekit.SIP",
            "ListSIPTrunk"
            | "CreateSIPInboundTrunk"
            | "CreateSIPOutboundTrunk"
            | "UpdateSIPInboundTrunk"
            | "UpdateSIPOutboundTrunk"
            | "GetSIPInboundTrunk"
            | "GetSIPOutboundTrunk"
            | "ListSIPInboundTrunk"
            | "ListSIPOutboundTrunk"
            | "DeleteSIPTrunk"
            | "CreateSIPDispatchRule"
            | "UpdateSIPDispatchRule"
            | "ListSIPDispatchRule"
            | "DeleteSIPDispatchRule",
        ) => Grant::SipAdmin,
        ("livekit.SIP", "CreateSIPParticipant" | "TransferSIPParticipant") => Grant::SipCall,
        ("livekit.AgentDispatchService", "CreateDispatch" | "DeleteDispatch" | "ListDispatch") => Grant::Room,
        _ => return None,
    })
}

/// Whether there is such a method.
pub(super) fn has(service: &str, method: &str) -> bool {
    grant(service, method).is_some()
}

pub(super) fn answer(call: &Call, service: &str, method: &str) -> Outcome {
    let Some(grant) = grant(service, method) else { return Err(TwirpError::bad_route("no such method")) };
    match grant {
        Grant::Record => call.caller.needs(|video| video.room_record)?,
        Grant::Ingress => call.caller.needs(|video| video.ingress_admin)?,
        Grant::SipAdmin => call.caller.needs_sip(|sip| sip.admin)?,
        Grant::SipCall => call.caller.needs_sip(|sip| sip.call)?,
        Grant::Room => call.caller.needs(|video| video.room_admin)?,
    }
    if method.starts_with("List") {
        return Ok(call.encoding.empty());
    }
    let what = service.trim_start_matches("livekit.");
    Err(TwirpError::new(Code::Unimplemented, format!("{what}.{method}: this server has no such gateway")))
}
