//! A hostile token: nothing opens anything that was not signed here.

use wire::token::{ApiKey, verify_join, verify_media};

/// One token, as if sent to both doors, and one join request.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let key = ApiKey::new("key", "a secret that no input can know");
    assert!(verify_join(&key, text, 1_700_000_000, 3600).is_err());
    assert!(verify_media(|id| (id == key.id()).then(|| key.secret()), text, 1_700_000_000).is_err());
    if let Ok(request) = wire::join_request::decode(text) {
        assert!(request.len() <= wire::join_request::MAX_BYTES);
    }
}
