//! The operator's certificate. A renewed one is taken up while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use crate::config;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// What we speak over TLS: HTTP, and TURN for clients that say so (RFC 7443).
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"stun.turn"];

/// TLS with the certificate of that moment.
#[derive(Clone)]
pub(crate) struct Tls {
    files: config::Certificate,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not belong together.
    pub(crate) fn open(files: config::Certificate) -> anyhow::Result<Self> {
        let current = Arc::new(RwLock::new(Arc::new(read(&files)?)));
        Ok(Self { files, current })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Takes up a renewed certificate whenever the files change, until the server stops.
    pub(crate) async fn keep_fresh(self, mut stopping: watch::Receiver<bool>) {
        let mut seen = self.changed_at().await;
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stopping.changed() => return,
            }
            let changed = self.changed_at().await;
            if changed == seen {
                continue;
            }
            seen = changed;
            self.renew();
        }
    }

    pub(super) fn renew(&self) {
        match read(&self.files) {
            Ok(fresh) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                info!("the renewed certificate is in use");
            }
            // As while only one of the two files was replaced; the next change is looked at again.
            Err(error) => {
                warn!(error = format!("{error:#}"), "the changed certificate is not usable; the old one stays")
            }
        }
    }

    async fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [changed(&self.files.certificate).await, changed(&self.files.key).await]
    }
}

async fn changed(path: &Path) -> Option<SystemTime> {
    tokio::fs::metadata(path).await.ok()?.modified().ok()
}

fn read(files: &config::Certificate) -> anyhow::Result<ServerConfig> {
    let name = |path: &PathBuf| format!("could not read {}", path.display());
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .with_context(|| name(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| name(&files.key))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be used")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key do not fit together")?;
    server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(server)
}
