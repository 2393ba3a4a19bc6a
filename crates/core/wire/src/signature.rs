//! The `HASH-SIGNATURE` of API calls: HMAC-SHA256 of the raw body with the API secret (http-api.md section 1.1).

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Length of a signature in hexadecimal digits.
const DIGITS: usize = 64;

/// The signature of `message` as lowercase hexadecimal digits.
pub fn sign(secret: &str, message: &[u8]) -> String {
    let mut digits = String::with_capacity(DIGITS);
    for byte in keyed(secret, message).finalize().into_bytes() {
        write!(digits, "{byte:02x}").expect("a String takes everything");
    }
    digits
}

/// Whether `signature` is the one of `message`. Takes the same time wherever they differ; uppercase digits are wrong.
pub fn verify(secret: &str, message: &[u8], signature: &str) -> bool {
    from_hex(signature).is_some_and(|expected| keyed(secret, message).verify_slice(&expected).is_ok())
}

/// A signature check of a message that arrives in pieces.
#[derive(Debug)]
pub struct Check(Hmac<Sha256>);

impl Check {
    /// Starts with an empty message.
    pub fn new(secret: &str) -> Self {
        Self(keyed(secret, b""))
    }

    /// Appends the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Whether `signature` is the one of everything appended; see [`verify`].
    pub fn accepts(self, signature: &str) -> bool {
        from_hex(signature).is_some_and(|expected| self.0.verify_slice(&expected).is_ok())
    }
}

/// HMAC-SHA256 over `message`, shared with the tokens.
pub(crate) fn keyed(secret: &str, message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(message);
    mac
}

fn from_hex(digits: &str) -> Option<[u8; DIGITS / 2]> {
    let mut bytes = [0; DIGITS / 2];
    let digits: &[u8; DIGITS] = digits.as_bytes().try_into().ok()?;
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published sample secret every vector of http-api.md section 14 is made with.
    const SECRET: &str = "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6";

    /// http-api.md section 14.1.
    const VECTORS: [(&str, &str); 5] = [
        (r#"{"room_id":"room01"}"#, "4b60a468df680c0739f6c7255626b31c8934efc1293b9e40667575b964bf24b5"),
        ("{}", "d2a7003d22b6b6f94519230776f45e19d2086b20d1711a8eae6b0ee24d51cfeb"),
        ("", "2ae261611f37f61d3aa5f83dbadfeaa0a299b4c9c6cb142cfd9675388e422ab7"),
        ("room01", "aef1a8b4b83362eff743c6a33d8767c80530ce9043e54659ed1042cb19a58709"),
        (
            r#"{"room_id":"room01","metadata":{"room_title":"Test über room","room_features":{}}}"#,
            "2fa49214812b0b84591e249b7e27463af78e592a2b27fafba1201250e07d0276",
        ),
    ];

    #[test]
    fn signatures_are_the_references() {
        for (message, signature) in VECTORS {
            assert_eq!(sign(SECRET, message.as_bytes()), signature);
            assert!(verify(SECRET, message.as_bytes(), signature));
            let mut check = Check::new(SECRET);
            message.as_bytes().chunks(3).for_each(|piece| check.update(piece));
            assert!(check.accepts(signature));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let (message, signature) = VECTORS[0];
        for bad in ["", "zz", &signature[1..], &signature.to_uppercase(), &format!("{signature}0"), &"é".repeat(32)] {
            assert!(!verify(SECRET, message.as_bytes(), bad), "{bad:?}");
        }
        assert!(!verify(SECRET, b"{}", signature));
        assert!(!verify("other", message.as_bytes(), signature));
    }
}
