//! The checksum every call carries: a hash over method, parameters and secret. Which hash is told by its length.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::hex;
use crate::signature;

const NAME: &str = "checksum=";

/// Whether `raw`, a query or a form as sent, carries the checksum of a call to `method`. The parameter may stand
/// anywhere, once; the other parameters are hashed as sent, in their order. Takes the same time wherever it differs.
pub fn is_signed(method: &str, raw: &str, secret: &str) -> bool {
    let mut checksums = raw.split('&').filter_map(|piece| piece.strip_prefix(NAME));
    let (Some(given), None) = (checksums.next(), checksums.next()) else {
        return false;
    };
    let others: Vec<&str> = raw.split('&').filter(|piece| !piece.starts_with(NAME)).collect();
    let text = format!("{method}{}{secret}", others.join("&"));
    let expected = match given.len() {
        40 => hex(&Sha1::digest(text)),
        64 => hex(&Sha256::digest(text)),
        96 => hex(&Sha384::digest(text)),
        128 => hex(&Sha512::digest(text)),
        _ => return false,
    };
    // A keyed hash of both, so that the comparison tells nothing about where they part.
    signature::verify("", given.as_bytes(), &signature::sign("", expected.as_bytes()))
}
