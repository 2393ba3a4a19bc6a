//! What a connection carries, and who gets it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::HeaderValue;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use media::{Entrance, Opening, opening};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;
use tracing::debug;

use super::listeners::Carried;
use super::socket::Socket;
use super::{Place, Services, stopped};

/// Bytes of a connection that are looked at.
const LOOK: usize = 64;

/// Everything it takes to serve a connection.
pub(super) struct Entry {
    pub(super) services: Services,
    pub(super) protocol: http1::Builder,
    /// How long a connection may take to show what it carries, and a TLS handshake to end.
    pub(super) patience: Duration,
    pub(super) write_patience: Duration,
}

impl Entry {
    /// Serves one connection until either side has enough.
    pub(super) async fn receive(
        self: Arc<Self>,
        stream: TcpStream,
        place: Place,
        peer: SocketAddr,
        mut stopping: watch::Receiver<bool>,
    ) {
        // Looked at, not taken: HTTP is told by its first byte and goes on as if nobody had looked.
        let mut first = [0];
        let looked = tokio::select! {
            looked = timeout(self.patience, stream.peek(&mut first)) => looked,
            () = stopped(&mut stopping) => return,
        };
        match looked {
            Ok(Ok(1)) => {}
            // It was closed, or says nothing.
            Ok(Ok(_) | Err(_)) | Err(_) => return,
        }
        match (opening(&first), &self.services.tls) {
            (Opening::Tls, Some(tls)) => {
                let handshake = timeout(self.patience, tls.acceptor().accept(stream));
                let stream = tokio::select! {
                    shaken = handshake => shaken,
                    () = stopped(&mut stopping) => return,
                };
                match stream {
                    Ok(Ok(stream)) => self.sort(stream, place, peer, true, stopping).await,
                    Ok(Err(error)) => debug!(%peer, %error, "a TLS handshake failed"),
                    Err(_) => debug!(%peer, "a TLS handshake took too long"),
                }
            }
            // What speaks TLS to a server without is told so by the web server.
            (Opening::Other | Opening::Tls, _) => self.converse(stream, Vec::new(), place, peer, false, stopping).await,
            (Opening::Unclear | Opening::Ice | Opening::Turn, _) => {
                self.sort(stream, place, peer, false, stopping).await;
            }
        }
    }

    /// Reads until it is clear what a connection carries.
    async fn sort<S>(
        &self,
        mut stream: S,
        place: Place,
        peer: SocketAddr,
        secure: bool,
        mut stopping: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Carried + Send + Unpin + 'static,
    {
        let mut begun = Vec::with_capacity(LOOK);
        let carried = async {
            loop {
                match opening(&begun) {
                    Opening::Unclear if begun.len() < LOOK => {}
                    other => return Some(other),
                }
                if !matches!(stream.read_buf(&mut begun).await, Ok(1..)) {
                    return None;
                }
            }
        };
        let carried = tokio::select! {
            carried = timeout(self.patience, carried) => carried,
            () = stopped(&mut stopping) => return,
        };
        match (carried, &self.services.media) {
            (Ok(Some(carried @ (Opening::Ice | Opening::Turn))), Some(door)) => {
                stream.carry_media();
                // Who is exempt here has no share of the address.
                let from = Entrance { peer, secure, speaks_for_many: place.0.is_none() };
                tokio::select! {
                    () = door.serve(stream, &begun, carried, from) => {}
                    () = stopped(&mut stopping) => {}
                }
            }
            (Ok(Some(Opening::Other)), _) => self.converse(stream, begun, place, peer, secure, stopping).await,
            _ => debug!(%peer, "a connection carries nothing we know"),
        }
    }

    /// Answers the requests of a connection.
    async fn converse<S>(
        &self,
        stream: S,
        begun: Vec<u8>,
        place: Place,
        peer: SocketAddr,
        secure: bool,
        mut stopping: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(app) = self.services.app.clone() else { return };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if secure {
                // As a proxy that ends TLS would say it.
                request.headers_mut().entry("x-forwarded-proto").or_insert(HeaderValue::from_static("https"));
            }
            app.clone().oneshot(request)
        });
        let socket = Socket::new(stream, begun, place, self.write_patience);
        let mut connection = pin!(self.protocol.serve_connection(TokioIo::new(socket), service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "a connection broke off");
        }
    }
}
