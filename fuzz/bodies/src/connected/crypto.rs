//! Keys of a client that are in our hands. A client leaves what it sends readable, so that a fuzzer reaches what is behind the
//! seal; we change it, and seal it with the keys of the handshake (RFC 3711, RFC 7714), which is the real one. What a client
//! puts into DTLS can be exchanged for something else. Whatever the server sends is sealed and opened as ever.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{
    AeadAes256Gcm, AeadAes256GcmCipher, CryptoError, CryptoProvider, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80, from_feature_flags,
};

/// What stands behind a sealed packet.
const TAG: usize = AeadAes256Gcm::TAG_LEN;

/// What stands behind the tag of a sealed control packet: its number.
const INDEX: usize = 4;

/// In front of that number: the packet is encrypted (RFC 3711 section 3.4).
const ENCRYPTED: u32 = 1 << 31;

/// What is readable of a sealed control packet (RFC 3711 section 3.4).
const CONTROL_HEAD: usize = 8;

/// What keys are derived for (RFC 3711 section 4.3.2): the first label of each kind of packet.
const MEDIA_LABELS: u8 = 0;
const CONTROL_LABELS: u8 = 3;

thread_local! {
    /// Unsealing fails as a bug would, once.
    static BUG: Cell<bool> = const { Cell::new(false) };
    /// What the client puts into DTLS instead of the next thing it wants to.
    static INSTEAD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
    /// Where the keys of the client that was built last will be.
    static LAST: RefCell<Slot> = RefCell::default();
}

/// Where what a client seals with will be, once its handshake is through.
pub(super) type Slot = Arc<Mutex<Option<Seal>>>;

/// The slot of the client that was just built on this thread.
pub(super) fn take_slot() -> Slot {
    LAST.take()
}

/// The next packet that the server unseals on this thread meets a bug.
pub(super) fn plant_bug() {
    BUG.set(true);
}

/// The next thing that a client puts into DTLS on this thread is that.
pub(super) fn put_instead(bytes: &[u8]) {
    INSTEAD.set(Some(bytes.to_vec()));
}

/// Nothing was put into DTLS meanwhile.
pub(super) fn put_nothing_instead() {
    INSTEAD.set(None);
}

static REAL: LazyLock<CryptoProvider> = LazyLock::new(from_feature_flags);

/// What the server works with in this process from now on.
pub(super) fn equip_the_server() {
    CryptoProvider { srtp_provider: &Side::Server, ..REAL.clone() }.install_process_default();
}

/// What the client works with.
pub(super) fn of_the_client() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { srtp_provider: &Side::Client, dtls_provider: &Tampering, ..REAL.clone() })
}

/// Seals of checks, which are those of every stack.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 20] {
    REAL.sha1_hmac_provider.sha1_hmac(key, &[message])
}

/// A certificate for every client.
pub(super) fn certificate() -> DtlsCert {
    static MADE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
        let made = REAL.dtls_provider.generate_certificate().expect("a certificate");
        (made.certificate, made.private_key)
    });
    DtlsCert { certificate: MADE.0.clone(), private_key: MADE.1.clone() }
}

/// What a datagram is taken for (RFC 7983, RFC 5761 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Media,
    Control,
    Other,
}

impl Kind {
    fn of(datagram: &[u8]) -> Self {
        match datagram {
            [128..=191, second, ..] if matches!(second & 0x7f, 64..=95) => Self::Control,
            [128..=191, ..] => Self::Media,
            _ => Self::Other,
        }
    }
}

/// How much of what a client's stack sends is to be sealed: it leaves places for tag and number behind that. `None` if it is
/// neither media nor control.
pub(super) fn readable(datagram: &[u8]) -> Option<usize> {
    match Kind::of(datagram) {
        Kind::Media => datagram.len().checked_sub(TAG),
        Kind::Control => datagram.len().checked_sub(TAG + INDEX),
        Kind::Other => None,
    }
}

/// Seals what a client sends.
#[derive(Debug)]
pub(super) struct Seal {
    media: Session,
    control: Session,
    /// Number of the next control packet.
    next: u32,
    /// The largest extended sequence number of each source.
    newest: BTreeMap<u32, u64>,
}

impl Seal {
    /// With the exported keys of a handshake (RFC 5764 section 4.2): those of client and server, then salts of client and server.
    fn new(profile: SrtpProfile, material: &KeyingMaterial, is_client: bool) -> Self {
        assert_eq!(profile, SrtpProfile::AEAD_AES_256_GCM, "both sides like that best");
        let (keys, salts) = material.split_at(2 * AeadAes256Gcm::KEY_LEN);
        let which = usize::from(!is_client);
        let key = &keys[which * AeadAes256Gcm::KEY_LEN..][..AeadAes256Gcm::KEY_LEN];
        let salt = &salts[which * AeadAes256Gcm::SALT_LEN..][..AeadAes256Gcm::SALT_LEN];
        Self {
            media: Session::new(key, salt, MEDIA_LABELS),
            control: Session::new(key, salt, CONTROL_LABELS),
            next: 0,
            newest: BTreeMap::new(),
        }
    }

    /// Seals a packet as what it will be taken for. One without a whole header cannot be sealed and stays as it is.
    pub(super) fn seal(&mut self, packet: &mut Vec<u8>) {
        let sealed = match Kind::of(packet) {
            Kind::Media => self.seal_media(packet),
            Kind::Control => self.seal_control(packet),
            Kind::Other => None,
        };
        if let Some(sealed) = sealed {
            *packet = sealed;
        }
    }

    fn seal_media(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (head, body) = packet.split_at_checked(header(packet)?)?;
        let sequence = u16::from_be_bytes([head[2], head[3]]);
        let ssrc = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        let [_, _, rollovers @ .., _, _] = self.extend(ssrc, sequence).to_be_bytes();
        let iv = AeadAes256Gcm::rtp_iv(self.media.salt, ssrc, u32::from_be_bytes(rollovers), sequence);
        Some([head, &self.media.seal(&iv, head, body)].concat())
    }

    /// What the server will take a sequence number for (RFC 3711 section 3.3.1), before zero included.
    fn extend(&mut self, ssrc: u32, sequence: u16) -> u64 {
        let newest = self.newest.entry(ssrc).or_insert_with(|| sequence.into());
        let [.., high, low] = newest.to_be_bytes();
        let ahead = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
        let extended = newest.wrapping_add_signed(ahead.into());
        *newest = extended.max(*newest);
        extended
    }

    fn seal_control(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (head, body) = packet.split_at_checked(CONTROL_HEAD)?;
        let index = self.next;
        self.next += 1;
        let word = (index | ENCRYPTED).to_be_bytes();
        let ssrc = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let iv = AeadAes256Gcm::rtcp_iv(self.control.salt, ssrc, index);
        Some([head, &self.control.seal(&iv, &[head, &word].concat(), body), &word].concat())
    }
}

/// The keys of one kind of packet.
#[derive(Debug)]
struct Session {
    salt: [u8; AeadAes256Gcm::SALT_LEN],
    cipher: Box<dyn AeadAes256GcmCipher>,
}

impl Session {
    /// The default derivation (RFC 3711 section 4.3, RFC 7714 section 11): blocks of counter mode over zeros.
    fn new(key: &[u8], salt: &[u8], labels: u8) -> Self {
        let block = |label: u8, count: u8| {
            let (mut input, mut output) = ([0; 16], [0; 32]);
            input[..salt.len()].copy_from_slice(salt);
            input[7] ^= label;
            input[15] = count;
            REAL.srtp_provider.srtp_aes_256_ecb_round(key, &input, &mut output);
            output
        };
        let (mut key, mut salt) = ([0; AeadAes256Gcm::KEY_LEN], [0; AeadAes256Gcm::SALT_LEN]);
        key[..16].copy_from_slice(&block(labels, 0)[..16]);
        key[16..].copy_from_slice(&block(labels, 1)[..16]);
        salt.copy_from_slice(&block(labels + 2, 0)[..AeadAes256Gcm::SALT_LEN]);
        Self { salt, cipher: REAL.srtp_provider.aead_aes_256_gcm().create_cipher(key, true) }
    }

    fn seal(&mut self, iv: &[u8; AeadAes256Gcm::IV_LEN], readable: &[u8], body: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; body.len() + TAG];
        self.cipher.encrypt(iv, readable, body, &mut sealed).expect("a packet is shorter than GCM allows");
        sealed
    }
}

/// Length of an RTP header with its sources and extensions (RFC 3550 section 5.1).
fn header(packet: &[u8]) -> Option<usize> {
    let fixed = 12 + 4 * usize::from(packet.first()? & 0xf);
    if packet.first()? & 0x10 == 0 {
        return Some(fixed);
    }
    let [_, _, words @ ..] = packet.get(fixed..)?.first_chunk::<4>()?;
    Some(fixed + 4 + 4 * usize::from(u16::from_be_bytes(*words)))
}

/// Who seals and opens.
#[derive(Debug)]
enum Side {
    /// Opens what it gets, unless there is a bug.
    Server,
    /// Leaves what it sends readable, with places for what seals add.
    Client,
}

impl SrtpProvider for Side {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        REAL.srtp_provider.aes_128_cm_sha1_80()
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        REAL.srtp_provider.aead_aes_128_gcm()
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        match self {
            Self::Server => &Self::Server,
            Self::Client => &Self::Client,
        }
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        REAL.srtp_provider.srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        REAL.srtp_provider.srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAeadAes256Gcm for Side {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        let real = REAL.srtp_provider.aead_aes_256_gcm().create_cipher(key, encrypt);
        match self {
            Self::Server => Box::new(Buggy(real)),
            Self::Client if encrypt => Box::new(Readable),
            Self::Client => real,
        }
    }
}

/// A cipher that meets a bug.
#[derive(Debug)]
struct Buggy(Box<dyn AeadAes256GcmCipher>);

impl AeadAes256GcmCipher for Buggy {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.0.encrypt(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        assert!(!BUG.take(), "as a bug would");
        self.0.decrypt(iv, aads, input, output)
    }
}

/// Seals nothing.
#[derive(Debug)]
struct Readable;

impl AeadAes256GcmCipher for Readable {
    fn encrypt(&mut self, _: &[u8; 12], _: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        output.fill(0);
        output[..input.len()].copy_from_slice(input);
        Ok(())
    }

    fn decrypt(&mut self, _: &[u8; 12], _: &[&[u8]], _: &[u8], _: &mut [u8]) -> Result<usize, CryptoError> {
        Err(CryptoError::Other("nothing is opened with it".into()))
    }
}

/// Makes connections whose contents can be exchanged and whose keys are known.
#[derive(Debug)]
struct Tampering;

impl DtlsProvider for Tampering {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        REAL.dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = REAL.dtls_provider.new_dtls(certificate, now, version, mtu)?;
        let slot = Slot::default();
        LAST.set(Arc::clone(&slot));
        Ok(Box::new(Tampered { inner, slot }))
    }
}

#[derive(Debug)]
struct Tampered {
    inner: Box<dyn DtlsInstance>,
    slot: Slot,
}

impl DtlsInstance for Tampered {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_client = self.inner.is_active();
        let output = self.inner.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            *self.slot.lock().expect("no panic") = Some(Seal::new(*profile, material, is_client));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        match INSTEAD.take().filter(|_| self.protocol_version().is_some()) {
            Some(other) => self.inner.send_application_data(&other).map(|_| data.len()),
            None => self.inner.send_application_data(data),
        }
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
