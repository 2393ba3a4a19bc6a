//! Listens to what DTLS agrees on, so that we can seal what we send ourselves.
//!
//! The stack takes the keys of a handshake (RFC 5764 section 4.2) from its DTLS machine and keeps them to itself. It lets the
//! machine be chosen, though, so it gets the usual one with a listener around it.

use crate::outgoing::Keys;
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, KeyingMaterial, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider};

/// Where the keys of one connection will be.
pub(crate) type Slot = Arc<OnceLock<Keys>>;

thread_local! {
    /// The slot of the machine made last on this thread: the stack makes one while it is built and passes nothing through
    /// that could tell whose it is.
    static LAST: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

/// The slot of the connection that was just built on this thread.
pub(crate) fn take_slot() -> Option<Slot> {
    LAST.with(RefCell::take)
}

/// The cryptography of this process, with DTLS that is listened to.
pub(crate) fn provider() -> CryptoProvider {
    static LISTENER: OnceLock<Listener> = OnceLock::new();
    let usual = CryptoProvider::get_default().cloned().unwrap_or_else(str0m::crypto::from_feature_flags);
    let dtls_provider = LISTENER.get_or_init(|| Listener(usual.dtls_provider));
    CryptoProvider { dtls_provider, ..usual }
}

#[derive(Debug)]
struct Listener(&'static dyn DtlsProvider);

impl DtlsProvider for Listener {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.0.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = self.0.new_dtls(cert, now, version, mtu)?;
        let slot = Slot::default();
        LAST.with(|last| last.replace(Some(Arc::clone(&slot))));
        Ok(Box::new(Listened { inner, slot }))
    }

    fn is_test(&self) -> bool {
        self.0.is_test()
    }
}

#[derive(Debug)]
struct Listened {
    inner: Box<dyn DtlsInstance>,
    slot: Slot,
}

impl DtlsInstance for Listened {
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
            let keys = Keys { profile: *profile, material: KeyingMaterial::new(material.as_ref()), is_client };
            // A handshake agrees once; what comes again is the same.
            let _ = self.slot.set(keys);
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_built_gets_the_slot_of_its_own_machine() {
        let now = Instant::now();
        let certificate = provider().dtls_provider.generate_certificate().unwrap();
        let build = || provider().dtls_provider.new_dtls(&certificate, now, DtlsVersion::Dtls12, None).unwrap();
        assert!(take_slot().is_none());
        let _first = build();
        let first = take_slot().unwrap();
        let _second = build();
        let second = take_slot().unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && take_slot().is_none() && first.get().is_none());
    }
}
