//! HTTP, ICE-TCP and TURN on one port, with TLS and without.

use std::fs;

use media::{MediaConfig, TurnSettings};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::config::Certificate;

/// A certificate for `localhost`, in files.
struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let mut files = Self { folder: tempfile::tempdir().unwrap(), certificate: CertificateDer::from(Vec::new()) };
        files.renew();
        files
    }

    fn names(&self) -> Certificate {
        let at = |name| self.folder.path().join(name);
        Certificate { certificate: at("certificate.pem"), key: at("key.pem") }
    }

    fn renew(&mut self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let Certificate { certificate, key } = self.names();
        fs::write(certificate, made.cert.pem()).unwrap();
        fs::write(key, made.signing_key.serialize_pem()).unwrap();
        self.certificate = made.cert.der().clone();
    }

    /// What trusts the certificate of this moment and no other.
    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(client))
    }

    async fn connect(&self, server: &Server) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        self.connector().connect(name, server.connect().await).await
    }
}

fn plane() -> media::Started {
    media::start(&MediaConfig {
        port: 0,
        bind: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        advertise: Vec::new(),
        include_loopback: true,
        seed: 1,
        threads: 2,
        spread: None,
        stream_port: Some(1),
        dscp: Some(46),
        turn: Some(TurnSettings {
            realm: "plenum".to_owned(),
            secret: turn::Secret::new("s".repeat(32)),
            nonce_key: [1; 32],
        }),
    })
    .unwrap()
}

async fn server_with(files: &Files, plane: &media::Started) -> (Server, Tls) {
    let tls = Tls::open(files.names()).unwrap();
    (Server::start_with_more(PATIENT, |_| false, Some(plane.door.clone()), Some(tls.clone())).await, tls)
}

/// An allocation without a login, and what is answered: the type of the message.
async fn allocate(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> [u8; 2] {
    let request = [&[0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0, 0x19, 0, 4, 17, 0, 0, 0]].concat();
    // In two pieces: what it is shows in the second.
    stream.write_all(&request[..3]).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&request[3..]).await.unwrap();
    stream.flush().await.unwrap();
    let mut head = [0; 20];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[8..], [7; 12]);
    [head[0], head[1]]
}

/// An error answer to an allocation: who asks has to log in.
const REFUSED: [u8; 2] = [0x01, 0x13];

async fn scheme_seen(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(b"GET /scheme HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with('!') {
        answer.push(char::from(stream.read_u8().await.unwrap()));
    }
    answer.rsplit('\n').next().unwrap().to_owned()
}

#[tokio::test]
async fn pages_and_the_relay_are_on_one_port_with_tls_and_without() {
    let (files, plane) = (Files::new(), plane());
    let (server, _) = server_with(&files, &plane).await;

    assert_eq!(scheme_seen(&mut server.connect().await).await, "None!");
    assert_eq!(scheme_seen(&mut files.connect(&server).await.unwrap()).await, "Some(\"https\")!");
    assert_eq!(allocate(&mut server.connect().await).await, REFUSED);
    assert_eq!(allocate(&mut files.connect(&server).await.unwrap()).await, REFUSED);
}

#[tokio::test]
async fn a_connection_for_nobody_we_know_is_closed() {
    let plane = plane();
    let server = Server::start_with_more(PATIENT, |_| false, Some(plane.door.clone()), None).await;
    let check = [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0, 6, 0, 3, b'a', b':', b'b', 0]].concat();
    let framed = [&u16::try_from(check.len()).unwrap().to_be_bytes()[..], &check].concat();

    let mut client = server.connect().await;
    client.write_all(&framed).await.unwrap();

    let mut nothing = Vec::new();
    // Closed or reset: both say so.
    let _ = client.read_to_end(&mut nothing).await;
    assert!(nothing.is_empty());
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let (mut files, plane) = (Files::new(), plane());
    let (server, tls) = server_with(&files, &plane).await;
    files.renew();
    assert!(files.connect(&server).await.is_err(), "the old one is not trusted any more");

    tls.renew();
    assert!(files.connect(&server).await.is_ok());
    fs::write(files.names().certificate, "nonsense").unwrap();
    tls.renew();
    assert!(files.connect(&server).await.is_ok());
    assert!(Tls::open(files.names()).is_err());
}

#[tokio::test]
async fn without_a_certificate_tls_is_refused_and_without_media_so_is_media() {
    let files = Files::new();
    let server = Server::start(PATIENT).await;

    assert!(files.connect(&server).await.is_err());
    let mut client = server.connect().await;
    client.write_all(&[0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42]).await.unwrap();
    let mut nothing = Vec::new();
    // Closed or reset: both say so.
    let _ = client.read_to_end(&mut nothing).await;
    assert!(nothing.is_empty());
}
