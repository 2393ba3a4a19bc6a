//! `livekit.Egress`, `livekit.Ingress`, `livekit.SIP` and `livekit.AgentDispatchService` (media-protocol.md section 19.4):
//! their methods are known and their grants asked for. This server has no such gateways: lists are empty, and whatever
//! needs one says so.

use super::caller::Grant;
use super::{Call, Code, Outcome, TwirpError};

/// The grant of a method, if there is such a method.
pub(super) fn grant(service: &str, method: &str) -> Option<Grant> {
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
        ) => Grant::RoomRecord,
        ("livekit.Ingress", "CreateIngress" | "UpdateIngress" | "ListIngress" | "DeleteIngress") => Grant::IngressAdmin,
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
        ("livekit.AgentDispatchService", "CreateDispatch" | "DeleteDispatch" | "ListDispatch") => Grant::RoomAdmin,
        _ => return None,
    })
}

pub(super) fn answer(call: &Call, service: &str, method: &str) -> Outcome {
    if method.starts_with("List") {
        return Ok(call.encoding.empty());
    }
    let what = service.trim_start_matches("livekit.");
    Err(TwirpError::new(Code::Unimplemented, format!("{what}.{method}: this server has no such gateway")))
}
