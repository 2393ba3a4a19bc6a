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
mod tests;
