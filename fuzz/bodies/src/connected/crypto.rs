//! Keys that hide nothing. Media goes over the wire as it is, so that a fuzzer reaches what is behind the seal, and what a client
//! puts into DTLS can be exchanged for something else. The handshake is the real one.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, CryptoError, CryptoProvider, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80, from_feature_flags,
};

/// What stands behind a sealed packet.
pub(super) const TAG: usize = 16;

thread_local! {
    /// Unsealing fails as a bug would, once.
    static BUG: Cell<bool> = const { Cell::new(false) };
    /// What the client puts into DTLS instead of the next thing it wants to.
    static INSTEAD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The next packet that anybody unseals on this thread meets a bug.
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
pub(super) fn open_the_server() {
    CryptoProvider { srtp_provider: &Open, ..REAL.clone() }.install_process_default();
}

/// What the client works with.
pub(super) fn of_the_client() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { srtp_provider: &Open, dtls_provider: &Tampering, ..REAL.clone() })
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

/// Seals nothing.
#[derive(Debug)]
struct Open;

impl SrtpProvider for Open {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        REAL.srtp_provider.aes_128_cm_sha1_80()
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Open
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Open
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        REAL.srtp_provider.srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        REAL.srtp_provider.srtp_aes_256_ecb_round(key, input, output);
    }
}

impl SupportedAeadAes128Gcm for Open {
    fn create_cipher(&self, _: [u8; 16], _: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Open)
    }
}

impl SupportedAeadAes256Gcm for Open {
    fn create_cipher(&self, _: [u8; 32], _: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Open)
    }
}

fn seal(input: &[u8], output: &mut [u8]) {
    output.fill(0);
    output[..input.len()].copy_from_slice(input);
}

fn unseal(input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
    assert!(!BUG.take(), "as a bug would");
    let length = input.len().checked_sub(TAG).ok_or_else(|| CryptoError::Other("too short".into()))?;
    output[..length].copy_from_slice(&input[..length]);
    Ok(length)
}

impl AeadAes128GcmCipher for Open {
    fn encrypt(&mut self, _: &[u8; 12], _: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        seal(input, output);
        Ok(())
    }

    fn decrypt(&mut self, _: &[u8; 12], _: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        unseal(input, output)
    }
}

impl AeadAes256GcmCipher for Open {
    fn encrypt(&mut self, _: &[u8; 12], _: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        seal(input, output);
        Ok(())
    }

    fn decrypt(&mut self, _: &[u8; 12], _: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        unseal(input, output)
    }
}

/// Makes connections whose contents can be exchanged.
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
        Ok(Box::new(Tampered(REAL.dtls_provider.new_dtls(certificate, now, version, mtu)?)))
    }
}

#[derive(Debug)]
struct Tampered(Box<dyn DtlsInstance>);

impl DtlsInstance for Tampered {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        match INSTEAD.take().filter(|_| self.protocol_version().is_some()) {
            Some(other) => self.0.send_application_data(&other).map(|_| data.len()),
            None => self.0.send_application_data(data),
        }
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
