//! A hostile join request, as text and as bytes: refused or read, within its limits.

use signal::JoinRequest;

/// One request.
pub fn run(input: &[u8]) {
    let _ = JoinRequest::read(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(inner) = wire::join_request::decode(text) {
        assert!(JoinRequest::read(&inner).is_ok(), "what the door lets in the room reads");
    }
}
