//! Connectivity checks of ours: whether a client receives what is sent to an address.
//!
//! The stack is a lite agent, which answers checks and makes none (RFC 8445 section 2.5). Where a client is it therefore
//! knows from the source of its checks, which may be a lie. Whoever answers a check of ours has received it.

use aws_lc_rs::hmac;

/// Attribute types (RFC 8489 section 18.3, RFC 8445 section 16.1).
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// Length of the header, and of the two attributes that follow all others.
const HEADER: usize = 20;
const INTEGRITY_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 8;

/// The priority of the only kind of way we have: a peer-reflexive candidate on one interface (RFC 8445 section 5.1.2.1).
const PRIORITY_VALUE: u32 = 110 << 24 | 65_535 << 8 | 255;

/// What the polynomial of the fingerprint is, reflected, and what its sum is mixed with (RFC 8489 section 14.7).
const POLYNOMIAL: u32 = 0xedb8_8320;
const MIXED: u32 = 0x5354_554e;

/// The ICE name and password of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    ufrag: String,
    password: String,
}

impl Credentials {
    /// Those in a description; all sections have the same, as they share a transport.
    pub(crate) fn read(description: &str) -> Option<Self> {
        let value = |prefix| description.lines().find_map(|line| line.strip_prefix(prefix)).map(str::trim);
        Some(Self { ufrag: value("a=ice-ufrag:")?.to_owned(), password: value("a=ice-pwd:")?.to_owned() })
    }

    /// A check by whoever is called `ours`.
    pub(crate) fn check(&self, ours: &str, transaction: &[u8; 12]) -> Vec<u8> {
        let mut message = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], transaction].concat();
        push(&mut message, USERNAME, format!("{}:{ours}", self.ufrag).as_bytes());
        push(&mut message, PRIORITY, &PRIORITY_VALUE.to_be_bytes());
        // Clients control (RFC 8445 section 6.1.1); the number only matters between two that do not agree on that.
        push(&mut message, ICE_CONTROLLED, &[0; 8]);
        let ends = message.len();
        // Each of the two covers a length that includes itself.
        note_length(&mut message, ends + INTEGRITY_BYTES);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.password.as_bytes());
        let integrity = hmac::sign(&key, &message);
        push(&mut message, MESSAGE_INTEGRITY, integrity.as_ref());
        note_length(&mut message, ends + INTEGRITY_BYTES + FINGERPRINT_BYTES);
        let fingerprint = checksum(&message) ^ MIXED;
        push(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
        message
    }
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn note_length(message: &mut [u8], whole: usize) {
    message[2..4].copy_from_slice(&u16::try_from(whole - HEADER).unwrap_or_default().to_be_bytes());
}

/// CRC-32 of ITU V.42.
fn checksum(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::ice::StunMessage;

    fn sign(key: &[u8], pieces: &[&[u8]]) -> [u8; 20] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        hmac::sign(&key, &pieces.concat()).as_ref().try_into().unwrap()
    }

    #[test]
    fn a_check_is_one_that_the_client_accepts() {
        let description =
            "v=0\r\na=ice-ufrag:their\r\na=ice-pwd:secret of the client\r\nm=audio\r\na=ice-ufrag:other\r\n";
        let credentials = Credentials::read(description).unwrap();

        for ours in ["our", "ours", "a longer name of ours"] {
            let check = credentials.check(ours, b"transactions");

            let read = StunMessage::parse(&check).unwrap();
            assert!(read.is_binding_request() && !read.use_candidate());
            assert_eq!(read.split_username(), Some(("their", ours)));
            assert_eq!((read.prio(), read.ice_controlled()), (Some(0x6eff_ffff), Some(0)));
            assert!(read.verify(b"secret of the client", sign));
            assert!(!read.verify(b"secret", sign));
            assert_eq!(&check[8..20], b"transactions");
            let (covered, fingerprint) = check.split_at(check.len() - 4);
            let sum = checksum(&covered[..covered.len() - 4]) ^ MIXED;
            assert_eq!(fingerprint, sum.to_be_bytes());
        }
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_description_without_a_name_or_a_password_has_no_credentials() {
        assert_eq!(Credentials::read("a=ice-ufrag:their\r\n"), None);
        assert_eq!(Credentials::read("a=ice-pwd:secret\r\n"), None);
    }
}
