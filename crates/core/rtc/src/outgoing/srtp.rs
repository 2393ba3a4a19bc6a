//! SRTP and SRTCP for what goes to a subscriber (RFC 3711, RFC 7714), with the keys of the DTLS handshake (RFC 5764).
//!
//! Sealing of RTP is the most frequent thing of all that happens here: every cipher is made once per connection, a packet is
//! sealed where it lies, and nothing is allocated. RTP of clients is opened by the stack, not here.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::{constant_time, hmac};
use std::fmt;
use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};

/// Tag of the AEAD profiles in bytes (RFC 7714 section 13.2).
const GCM_TAG: usize = 16;

/// Tag of the profile with SHA-1 in bytes (RFC 5764 section 4.1.2: 80 bits).
const SHA1_TAG: usize = 10;

/// What is readable of an SRTCP packet: the first header and its sender (RFC 3711 section 3.4).
const RTCP_HEAD: usize = 8;

/// In front of the SRTCP index: the packet is encrypted (RFC 3711 section 3.4).
const ENCRYPTED: u32 = 1 << 31;

/// An RTP index has 48 bits (RFC 3711 section 3.3.1).
const RTP_INDEX: u64 = (1 << 48) - 1;

/// How far back the SRTCP index of one sender is looked at one by one; what is older counts as a replay. RFC 3711 section 3.3.2
/// asks for 64 at least.
const WINDOW: u32 = u64::BITS;

/// Senders of RTCP whose indices are remembered. A client has one for each of its streams at most, and mostly one alone; of
/// more, the one that was silent for longest is forgotten.
const MAX_SENDERS: usize = 64;

/// What one kind of packet has its own keys for (RFC 3711 section 4.3.2): the first of three labels.
const RTP_LABELS: u8 = 0;
const RTCP_LABELS: u8 = 3;

/// What the DTLS handshake agreed on.
#[derive(Debug)]
pub(crate) struct Keys {
    /// How packets are sealed.
    pub(crate) profile: SrtpProfile,
    /// The exported material: keys of client and server, then salts of client and server (RFC 5764 section 4.2).
    pub(crate) material: KeyingMaterial,
    /// We were the client of the handshake.
    pub(crate) is_client: bool,
}

impl Keys {
    /// Seals what we send. `None` if the profile is unknown or the material is not as long as it asks for.
    pub(crate) fn seal(&self) -> Option<Seal> {
        let master = self.master(self.is_client)?;
        Some(Seal { rtp: master.session(RTP_LABELS)?, rtcp: master.session(RTCP_LABELS)?, next: 0 })
    }

    /// Opens the RTCP of the other side. `None` as with [`Keys::seal`].
    pub(crate) fn open(&self) -> Option<Open> {
        let rtcp = self.master(!self.is_client)?.session(RTCP_LABELS)?;
        Some(Open { rtcp, replays: Replays::default() })
    }

    fn master(&self, of_client: bool) -> Option<Master<'_>> {
        let suite = Suite::of(self.profile)?;
        let (keys, salts) = self.material.split_at_checked(2 * suite.key)?;
        if salts.len() != 2 * suite.salt {
            return None;
        }
        let (key, salt) = if of_client {
            (&keys[..suite.key], &salts[..suite.salt])
        } else {
            (&keys[suite.key..], &salts[suite.salt..])
        };
        Some(Master { key, salt, suite })
    }
}

/// The sizes and ciphers of a profile.
#[derive(Clone, Copy)]
struct Suite {
    /// Length of keys in bytes.
    key: usize,
    /// Length of salts in bytes.
    salt: usize,
    /// Session keys are derived with it (RFC 3711 section 4.3.3, RFC 7714 section 11).
    derivation: &'static cipher::Algorithm,
    /// Packets are sealed with it; `None` is counter mode and SHA-1.
    aead: Option<&'static aead::Algorithm>,
}

impl Suite {
    fn of(profile: SrtpProfile) -> Option<Self> {
        let (salt, derivation, aead) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (14, &cipher::AES_128, None),
            SrtpProfile::AEAD_AES_128_GCM => (12, &cipher::AES_128, Some(&aead::AES_128_GCM)),
            SrtpProfile::AEAD_AES_256_GCM => (12, &cipher::AES_256, Some(&aead::AES_256_GCM)),
            _ => return None,
        };
        let key = if matches!(profile, SrtpProfile::AEAD_AES_256_GCM) { 32 } else { 16 };
        Some(Self { key, salt, derivation, aead })
    }
}

/// The master key and salt of one direction.
struct Master<'a> {
    key: &'a [u8],
    salt: &'a [u8],
    suite: Suite,
}

impl Master<'_> {
    /// The ciphers of one kind of packet.
    fn session(&self, labels: u8) -> Option<Session> {
        let (mut key, mut salt) = ([0; 32], [0; 14]);
        let (key, salt) = (key.get_mut(..self.suite.key)?, salt.get_mut(..self.suite.salt)?);
        self.derive(labels, key)?;
        self.derive(labels + 2, salt)?;
        if let Some(algorithm) = self.suite.aead {
            return Session::gcm(algorithm, key, salt);
        }
        let mut tag_key = [0; 20];
        self.derive(labels + 1, &mut tag_key)?;
        Session::counter(key, salt, &tag_key)
    }

    /// The default derivation with a rate of zero (RFC 3711 section 4.3, RFC 6188 section 3): counter mode over zeros, that starts
    /// at salt and label. A salt of 96 bits is followed by 16 zeros (RFC 7714 section 11).
    fn derive(&self, label: u8, out: &mut [u8]) -> Option<()> {
        let mut start = [0; 16];
        start.get_mut(..self.salt.len())?.copy_from_slice(self.salt);
        start[7] ^= label;
        out.fill(0);
        let key = EncryptingKey::ctr(UnboundCipherKey::new(self.suite.derivation, self.key).ok()?).ok()?;
        key.less_safe_encrypt(out, EncryptionContext::Iv128((&start).into())).ok().map(drop)
    }
}

/// The ciphers of one direction and one kind of packet.
struct Session {
    /// As a number of 112 or 96 bits.
    salt: u128,
    cipher: Cipher,
}

#[expect(
    clippy::large_enum_variant,
    reason = "two of them per connection, and a packet should not follow a pointer more"
)]
enum Cipher {
    Counter { key: EncryptingKey, tag: hmac::Key },
    Gcm(LessSafeKey),
}

impl Session {
    fn counter(key: &[u8], salt: &[u8], tag_key: &[u8]) -> Option<Self> {
        let key = EncryptingKey::ctr(UnboundCipherKey::new(&cipher::AES_128, key).ok()?).ok()?;
        let tag = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, tag_key);
        Some(Self { salt: number(salt), cipher: Cipher::Counter { key, tag } })
    }

    fn gcm(algorithm: &'static aead::Algorithm, key: &[u8], salt: &[u8]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Self { salt: number(salt), cipher: Cipher::Gcm(key) })
    }

    /// What makes a packet unlike every other: RFC 3711 section 4.1.1 (before its shift by 16 bits, where the blocks of a packet
    /// are counted), RFC 7714 sections 8.1 and 9.1. All put salt, source and index in the same places.
    fn start(&self, ssrc: u32, index: u64) -> u128 {
        self.salt ^ u128::from(ssrc) << 48 ^ u128::from(index)
    }

    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let [_, _, _, _, nonce @ ..] = self.start(ssrc, index).to_be_bytes();
        Nonce::assume_unique_for_key(nonce)
    }

    fn counter_start(&self, ssrc: u32, index: u64) -> EncryptionContext {
        EncryptionContext::Iv128((&(self.start(ssrc, index) << 16).to_be_bytes()).into())
    }

    fn seal_rtp(&self, packet: &mut Vec<u8>, header: usize, ssrc: u32, index: u64) {
        let header = header.min(packet.len());
        let (head, body) = packet.split_at_mut(header);
        match &self.cipher {
            Cipher::Gcm(key) => {
                let tag = key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(&*head), body);
                packet.extend_from_slice(tag.expect("a packet is shorter than GCM allows").as_ref());
            }
            Cipher::Counter { key, tag } => {
                let sealed = key.less_safe_encrypt(body, self.counter_start(ssrc, index));
                sealed.expect("a packet is shorter than counter mode allows");
                let mut signature = hmac::Context::with_key(tag);
                signature.update(packet);
                // The number of rollovers is signed but not sent (RFC 3711 section 4.2).
                let [_, _, rollovers @ .., _, _] = index.to_be_bytes();
                signature.update(&rollovers);
                packet.extend_from_slice(&signature.sign().as_ref()[..SHA1_TAG]);
            }
        }
    }

    /// `None` if there is not even a whole header.
    fn seal_rtcp(&self, packet: &mut Vec<u8>, index: u32) -> Option<()> {
        let (head, body) = packet.split_first_chunk_mut::<RTCP_HEAD>()?;
        let (ssrc, word) = (sender(head), (index | ENCRYPTED).to_be_bytes());
        match &self.cipher {
            Cipher::Gcm(key) => {
                let tag =
                    key.seal_in_place_separate_tag(self.nonce(ssrc, index.into()), rtcp_aad(head, word), body).ok()?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Cipher::Counter { key, tag } => {
                key.less_safe_encrypt(body, self.counter_start(ssrc, index.into())).ok()?;
                packet.extend_from_slice(&word);
                let signature = hmac::sign(tag, packet);
                packet.extend_from_slice(&signature.as_ref()[..SHA1_TAG]);
            }
        }
        Some(())
    }

    /// Takes an SRTCP packet apart. The tag is in front of the index with GCM (RFC 7714 section 9.2), behind it otherwise.
    fn split<'a>(&self, packet: &'a [u8]) -> Option<Sealed<'a>> {
        let (rest, tag, word) = match &self.cipher {
            Cipher::Gcm(_) => {
                let (rest, word) = packet.split_last_chunk::<4>()?;
                let (rest, tag) = rest.split_last_chunk::<GCM_TAG>()?;
                (rest, tag.as_slice(), *word)
            }
            Cipher::Counter { .. } => {
                let (rest, tag) = packet.split_last_chunk::<SHA1_TAG>()?;
                let (rest, word) = rest.split_last_chunk::<4>()?;
                (rest, tag.as_slice(), *word)
            }
        };
        let (head, body) = rest.split_first_chunk()?;
        Some(Sealed { head, body, tag, word })
    }

    fn open_rtcp(&self, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let Sealed { head, body, tag, word } = *sealed;
        let (ssrc, index) = (sender(head), u64::from(sealed.index()?));
        let mut packet = [head.as_slice(), body, tag].concat();
        match &self.cipher {
            Cipher::Gcm(key) => {
                let nonce = self.nonce(ssrc, index);
                key.open_in_place(nonce, rtcp_aad(head, word), packet.get_mut(RTCP_HEAD..)?).ok()?;
                packet.truncate(RTCP_HEAD + body.len());
            }
            Cipher::Counter { key, tag: tag_key } => {
                packet.truncate(RTCP_HEAD + body.len());
                let mut signature = hmac::Context::with_key(tag_key);
                signature.update(&packet);
                signature.update(&word);
                constant_time::verify_slices_are_equal(&signature.sign().as_ref()[..SHA1_TAG], tag).ok()?;
                key.less_safe_encrypt(packet.get_mut(RTCP_HEAD..)?, self.counter_start(ssrc, index)).ok()?;
            }
        }
        Some(packet)
    }
}

/// The parts of an SRTCP packet.
struct Sealed<'a> {
    head: &'a [u8; RTCP_HEAD],
    body: &'a [u8],
    tag: &'a [u8],
    word: [u8; 4],
}

impl Sealed<'_> {
    /// `None` if the packet is signed only: that is agreed upon nowhere (RFC 8827 section 6.5 wants it encrypted).
    fn index(&self) -> Option<u32> {
        let word = u32::from_be_bytes(self.word);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }
}

/// Seals what we send.
pub(crate) struct Seal {
    rtp: Session,
    rtcp: Session,
    /// SRTCP index of the next packet.
    next: u32,
}

impl Seal {
    /// Most bytes that sealing adds to a packet.
    pub(crate) const OVERHEAD: usize = GCM_TAG + 4;

    /// Seals a whole RTP packet in its place and appends the tag.
    ///
    /// The first `header` bytes stay readable: the fixed header with its sources and extensions. `ssrc` is the source in it, and
    /// `index` its extended sequence number (rollovers << 16 | sequence number, below 2^48). No two packets of a source that
    /// differ may have the same index, in the whole life of the keys.
    pub(crate) fn rtp(&self, packet: &mut Vec<u8>, header: usize, ssrc: u32, index: u64) {
        self.rtp.seal_rtp(packet, header, ssrc, index & RTP_INDEX);
    }

    /// Seals a whole compound RTCP packet in its place and appends index and tag.
    ///
    /// The index counts on with every packet; whoever else seals with these keys must not use the same SSRC as the first of a
    /// packet. After 2^31 packets the keys are used up (RFC 3711 section 9.2). Then, and if it is shorter than its first header,
    /// the packet is emptied: nothing is left unsealed.
    pub(crate) fn rtcp(&mut self, packet: &mut Vec<u8>) {
        if self.next == ENCRYPTED || self.rtcp.seal_rtcp(packet, self.next).is_none() {
            packet.clear();
            return;
        }
        self.next += 1;
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Opens the RTCP of a client.
pub(crate) struct Open {
    rtcp: Session,
    replays: Replays,
}

impl Open {
    /// The compound packet inside, or `None` if this is too short, not encrypted, not by the other side, or was here before.
    pub(crate) fn rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.rtcp.split(packet)?;
        let (ssrc, index) = (sender(sealed.head), sealed.index()?);
        if self.replays.has(ssrc, index) {
            return None;
        }
        let opened = self.rtcp.open_rtcp(&sealed)?;
        self.replays.note(ssrc, index);
        Some(opened)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("replays", &self.replays).finish_non_exhaustive()
    }
}

/// What came already, of up to [`MAX_SENDERS`]; who was heard last stands last.
#[derive(Debug, Default)]
struct Replays(Vec<Window>);

impl Replays {
    fn has(&self, ssrc: u32, index: u32) -> bool {
        self.0.iter().any(|window| window.ssrc == ssrc && window.has(index))
    }

    /// Only of what was opened: a forged packet must not move a window.
    fn note(&mut self, ssrc: u32, index: u32) {
        if let Some(at) = self.0.iter().position(|window| window.ssrc == ssrc) {
            self.0[at].note(index);
            self.0[at..].rotate_left(1);
            return;
        }
        if self.0.len() == MAX_SENDERS {
            self.0.remove(0);
        }
        self.0.push(Window { ssrc, newest: index, seen: 1 });
    }
}

/// Which indices of one sender came (RFC 3711 section 3.3.2). Bit n is for the one n before the newest.
#[derive(Debug)]
struct Window {
    ssrc: u32,
    newest: u32,
    seen: u64,
}

impl Window {
    fn has(&self, index: u32) -> bool {
        self.newest.checked_sub(index).is_some_and(|age| age >= WINDOW || self.seen >> age & 1 == 1)
    }

    fn note(&mut self, index: u32) {
        if let Some(ahead) = index.checked_sub(self.newest) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = index;
        } else {
            self.seen |= 1_u64.checked_shl(self.newest - index).unwrap_or(0);
        }
    }
}

/// The sender of the first part of a compound packet.
fn sender(head: &[u8; RTCP_HEAD]) -> u32 {
    let [_, _, _, _, ssrc @ ..] = *head;
    u32::from_be_bytes(ssrc)
}

/// What of an SRTCP packet is signed but readable (RFC 7714 section 9.2).
fn rtcp_aad(head: &[u8; RTCP_HEAD], word: [u8; 4]) -> Aad<[u8; RTCP_HEAD + 4]> {
    let mut aad = [0; RTCP_HEAD + 4];
    aad[..RTCP_HEAD].copy_from_slice(head);
    aad[RTCP_HEAD..].copy_from_slice(&word);
    Aad::from(aad)
}

fn number(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROFILES: [SrtpProfile; 3] =
        [SrtpProfile::AES128_CM_SHA1_80, SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AEAD_AES_256_GCM];

    /// RFC 7714 sections 16 and 17: keys count up from zero, and this is the salt.
    const GCM_SALT: &str = "51756964 2070726f 2071756f";
    const GCM_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                           69736120 696e2070 61727465 73207472 6573";
    const GCM_RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                            deadbeef deadbeef deadbeef deadbeef deadbeef";
    const GCM_RTCP_INDEX: u32 = 0x5d4;

    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
        let suite = Suite::of(SrtpProfile::AES128_CM_SHA1_80).unwrap();
        let master = Master { key: &key, salt: &salt, suite };
        for (label, expected) in [
            (0, "C61E7A93744F39EE10734AFE3FF7A087"),
            (2, "30CBBC08863D8C85D49DB34A9AE1"),
            (1, "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098"),
        ] {
            let expected = hex(expected);
            let mut derived = vec![0xff; expected.len()];
            master.derive(label, &mut derived).unwrap();
            assert_eq!(derived, expected, "label {label}");
        }
    }

    #[test]
    fn the_key_stream_is_that_of_rfc_3711_b_2() {
        let (key, salt) = (hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
        let session = Session::counter(&key, &salt, &[0; 20]).unwrap();
        let mut packet = vec![0; 0xff02 * 16];
        session.seal_rtp(&mut packet, 0, 0, 0);
        for (block, expected) in [
            (0, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"),
            (
                0xfeff,
                "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44",
            ),
        ] {
            assert_eq!(packet[block * 16..][..48], hex(expected), "block {block}");
        }
    }

    #[test]
    fn every_part_has_its_place_in_the_start() {
        let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
        let session = Session::counter(&[0; 16], &salt, &[0; 20]).unwrap();
        assert_eq!(
            session.start(0x0102_0304, 0x1122_3344_5566) << 16,
            number(&hex("F0F1F2F3F5F7F5F3E9DBC9BFA99B0000"))
        );
        let session = Session::gcm(&aead::AES_128_GCM, &[0; 16], &[0; 12]).unwrap();
        let nonce = session.nonce(0x0102_0304, 0x1122_3344_5566);
        assert_eq!(nonce.as_ref().to_vec(), hex("0000 01020304 11223344 5566"));
    }

    /// What the reference implementation seals with the master key of RFC 3711 B.3 (libsrtp, its self test).
    #[test]
    fn counter_mode_seals_as_the_reference_implementation() {
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let suite = Suite::of(SrtpProfile::AES128_CM_SHA1_80).unwrap();
        let master = Master { key: &master, salt: &salt, suite };

        let mut packet = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
        master.session(RTP_LABELS).unwrap().seal_rtp(&mut packet, 12, 0xcafe_babe, 0x1234);
        let sealed = "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb";
        assert_eq!(packet, hex(sealed));

        let mut packet = hex("81c8000b cafebabe abababab abababab abababab abababab");
        master.session(RTCP_LABELS).unwrap().seal_rtcp(&mut packet, 1).unwrap();
        let sealed = "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798";
        assert_eq!(packet, hex(sealed));
    }

    #[test]
    fn rtp_is_sealed_as_in_rfc_7714_16() {
        for (key, sealed) in [
            (
                16,
                "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
                 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            ),
            (
                32,
                "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
                 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            ),
        ] {
            let mut packet = hex(GCM_RTP);
            gcm(key).seal_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b);
            assert_eq!(packet, hex(sealed));
        }
    }

    #[test]
    fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17() {
        for (key, sealed) in [
            (
                16,
                "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
                 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
            ),
            (
                32,
                "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be
                 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
            ),
        ] {
            let mut packet = hex(GCM_RTCP);
            gcm(key).seal_rtcp(&mut packet, GCM_RTCP_INDEX).unwrap();
            assert_eq!(packet, hex(sealed));
            let mut open = Open { rtcp: gcm(key), replays: Replays::default() };
            assert_eq!(open.rtcp(&packet), Some(hex(GCM_RTCP)));
        }
    }

    #[test]
    fn what_is_only_signed_is_refused() {
        let tag = "841dd968 3dd78ec9 2ae58790 125f62b3";
        let packet = hex(&[GCM_RTCP, tag, "000005d4"].concat());
        let mut open = Open { rtcp: gcm(16), replays: Replays::default() };
        assert_eq!(open.rtcp(&packet), None);
    }

    #[test]
    fn both_sides_open_each_other_and_not_themselves() {
        for profile in PROFILES {
            let (ours, theirs) = (keys(profile, true), keys(profile, false));
            for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
                let mut seal = one.seal().unwrap();
                for round in 0..3 {
                    let mut packet = report(7, round);
                    seal.rtcp(&mut packet);
                    assert!(packet.len() <= report(7, round).len() + Seal::OVERHEAD);
                    assert_eq!(one.open().unwrap().rtcp(&packet), None);
                    assert_eq!(other.open().unwrap().rtcp(&packet), Some(report(7, round)), "{profile}");
                }
            }
        }
    }

    #[test]
    fn rtp_comes_back_out_with_header_and_rollovers_signed() {
        for profile in PROFILES {
            let (ours, theirs) = (keys(profile, true), keys(profile, false));
            let seal = ours.seal().unwrap();
            let session = theirs.master(true).unwrap().session(RTP_LABELS).unwrap();
            let index = 0x0001_0002_fffe;
            for length in [0, 1, 15, 16, 17, 1200] {
                let plain: Vec<u8> = (0..12 + length).map(|at: usize| at.to_le_bytes()[0]).collect();
                let mut packet = plain.clone();
                seal.rtp(&mut packet, 12, 9, index);
                assert_eq!(packet[..12], plain[..12]);
                assert!(packet.len() > plain.len() && packet.len() <= plain.len() + Seal::OVERHEAD);
                assert_eq!(open_rtp(&session, &packet, 12, 9, index), Some(plain));
                assert_eq!(open_rtp(&session, &packet, 12, 9, index ^ 1 << 16), None, "other rollovers");
                packet[1] ^= 1;
                assert_eq!(open_rtp(&session, &packet, 12, 9, index), None, "other header");
            }
        }
    }

    #[test]
    fn indices_count_up_from_zero_until_the_keys_are_used_up() {
        for profile in PROFILES {
            let mut seal = keys(profile, true).seal().unwrap();
            let mut open = keys(profile, false).open().unwrap();
            let index =
                |packet: &[u8], open: &Open| u32::from_be_bytes(open.rtcp.split(packet).unwrap().word) & !ENCRYPTED;
            for expected in [0, 1, 2] {
                let mut packet = report(1, 0);
                seal.rtcp(&mut packet);
                assert_eq!(index(&packet, &open), expected);
            }
            seal.next = u32::MAX >> 1;
            let mut packet = report(1, 0);
            seal.rtcp(&mut packet);
            assert_eq!(index(&packet, &open), u32::MAX >> 1);
            assert!(open.rtcp(&packet).is_some());
            let mut packet = report(1, 0);
            seal.rtcp(&mut packet);
            assert!(packet.is_empty());
        }
    }

    #[test]
    fn what_is_no_rtcp_is_emptied_rather_than_left_readable() {
        let mut seal = keys(SrtpProfile::AEAD_AES_128_GCM, true).seal().unwrap();
        let mut packet = vec![0x80, 200, 0, 1, 2, 3, 4];
        seal.rtcp(&mut packet);
        assert!(packet.is_empty() && seal.next == 0);
    }

    #[test]
    fn a_packet_is_taken_once_in_any_order() {
        for profile in PROFILES {
            let mut seal = keys(profile, true).seal().unwrap();
            let mut open = keys(profile, false).open().unwrap();
            let packets: Vec<_> = (0..200)
                .map(|_| {
                    let mut packet = report(5, 0);
                    seal.rtcp(&mut packet);
                    packet
                })
                .collect();
            for at in [0, 2, 1, 70, 69, 7, 199, 136] {
                assert!(open.rtcp(&packets[at]).is_some(), "{at} is new");
                assert!(open.rtcp(&packets[at]).is_none(), "{at} was here");
            }
            for at in [0, 2, 70, 135] {
                assert!(open.rtcp(&packets[at]).is_none(), "{at} is too old");
            }
        }
    }

    #[test]
    fn a_forged_packet_moves_no_window() {
        let mut seal = keys(SrtpProfile::AEAD_AES_128_GCM, true).seal().unwrap();
        let mut open = keys(SrtpProfile::AEAD_AES_128_GCM, false).open().unwrap();
        let mut packet = report(5, 0);
        seal.rtcp(&mut packet);
        let mut forged = packet.clone();
        *forged.last_mut().unwrap() = 0xff;
        assert!(open.rtcp(&forged).is_none());
        assert!(open.rtcp(&packet).is_some());
    }

    #[test]
    fn senders_have_windows_of_their_own_and_the_silent_one_is_forgotten() {
        let mut replays = Replays::default();
        let most = u32::try_from(MAX_SENDERS).unwrap();
        for ssrc in 0..most {
            assert!(!replays.has(ssrc, 5));
            replays.note(ssrc, 5);
        }
        replays.note(0, 6);
        replays.note(most, 5);
        assert_eq!(replays.0.len(), MAX_SENDERS);
        assert!(replays.has(0, 5) && replays.has(0, 6) && !replays.has(0, 7));
        assert!(!replays.has(1, 5) && replays.has(2, 5) && replays.has(most, 5));
    }

    #[test]
    fn material_of_another_length_makes_nothing() {
        for profile in PROFILES {
            let length = profile.keying_material_len();
            for wrong in [0, 1, length - 1, length + 1, 2 * length] {
                let keys = Keys { profile, material: KeyingMaterial::new(&vec![1; wrong]), is_client: true };
                assert!(keys.seal().is_none() && keys.open().is_none());
            }
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let keys = Keys {
            profile: SrtpProfile::AEAD_AES_128_GCM,
            material: KeyingMaterial::new(&[0xa7; 56]),
            is_client: true,
        };
        let printed = format!("{keys:?} {:?} {:?}", keys.seal().unwrap(), keys.open().unwrap());
        assert!(!printed.contains("167") && !printed.to_lowercase().contains("a7"), "{printed}");
    }

    proptest! {
        /// No byte of a packet can be changed and none left out.
        #[test]
        fn a_packet_that_was_touched_is_refused(profile in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut seal = keys(PROFILES[profile], true).seal().unwrap();
            let mut open = keys(PROFILES[profile], false).open().unwrap();
            let mut packet = report(3, 77);
            seal.rtcp(&mut packet);
            let at = at.index(packet.len());
            prop_assert_eq!(open.rtcp(&packet[..at]), None);
            packet[at] ^= 1_u8 << bit;
            prop_assert_eq!(open.rtcp(&packet), None);
            packet[at] ^= 1_u8 << bit;
            prop_assert_eq!(open.rtcp(&packet), Some(report(3, 77)));
        }

        #[test]
        fn garbage_is_refused(profile in 0..3_usize, packet in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut open = keys(PROFILES[profile], false).open().unwrap();
            prop_assert_eq!(open.rtcp(&packet), None);
        }

        /// Whatever is asked for, sealing does not panic and always adds a tag.
        #[test]
        fn any_packet_can_be_sealed(
            profile in 0..3_usize,
            plain in prop::collection::vec(any::<u8>(), 0..80),
            header in 0..100_usize,
            (ssrc, index) in any::<(u32, u64)>(),
        ) {
            let mut seal = keys(PROFILES[profile], true).seal().unwrap();
            let mut packet = plain.clone();
            seal.rtp(&mut packet, header, ssrc, index);
            prop_assert!(packet.len() > plain.len() && packet.len() <= plain.len() + Seal::OVERHEAD);
            let mut packet = plain.clone();
            seal.rtcp(&mut packet);
            prop_assert!(packet.is_empty() == (plain.len() < RTCP_HEAD) && packet.len() <= plain.len() + Seal::OVERHEAD);
        }
    }

    /// A session with the key of RFC 7714 of that length.
    fn gcm(key: u8) -> Session {
        let algorithm = if key == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
        Session::gcm(algorithm, &(0..key).collect::<Vec<_>>(), &hex(GCM_SALT)).unwrap()
    }

    fn keys(profile: SrtpProfile, is_client: bool) -> Keys {
        let material: Vec<u8> = (1..).take(profile.keying_material_len()).collect();
        Keys { profile, material: KeyingMaterial::new(&material), is_client }
    }

    /// A sender report without blocks.
    fn report(ssrc: u32, packets: u32) -> Vec<u8> {
        let words = [0x80c8_0006, ssrc, 1, 2, 3, packets, 5];
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// What a client does with an RTP packet.
    fn open_rtp(session: &Session, packet: &[u8], header: usize, ssrc: u32, index: u64) -> Option<Vec<u8>> {
        match &session.cipher {
            Cipher::Gcm(key) => {
                let (head, body) = packet.split_at(header);
                let mut body = body.to_vec();
                let body = key.open_in_place(session.nonce(ssrc, index), Aad::from(head), &mut body).ok()?;
                Some([head, body].concat())
            }
            Cipher::Counter { key, tag } => {
                let (signed, sent) = packet.split_last_chunk::<SHA1_TAG>()?;
                let rollovers = u32::try_from(index >> 16).unwrap().to_be_bytes();
                let expected = hmac::sign(tag, &[signed, &rollovers].concat());
                if expected.as_ref()[..SHA1_TAG] != *sent {
                    return None;
                }
                let mut plain = signed.to_vec();
                key.less_safe_encrypt(&mut plain[header..], session.counter_start(ssrc, index)).ok()?;
                Some(plain)
            }
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap()).collect()
    }
}
