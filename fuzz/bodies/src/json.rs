//! A hostile body of an API call: what can be read can be written and read again, and means the same.

use wire::{json, pnm};

/// One body, as if sent to each of these calls.
pub fn run(body: &[u8]) {
    round_trip::<pnm::CreateRoomReq>(body);
    round_trip::<pnm::GenerateTokenReq>(body);
    round_trip::<pnm::VerifyTokenReq>(body);
}

fn round_trip<M: json::ProtoJson + PartialEq + std::fmt::Debug>(body: &[u8]) {
    let Ok(message) = json::decode::<M>(body) else { return };
    let again = json::decode::<M>(json::encode(&message).as_bytes());
    assert_eq!(again.ok(), Some(message));
}
