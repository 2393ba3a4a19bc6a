//! The process that is measured: the media plane, and signalling from the pipe.

use crate::control::{CLOSED, END, Frame, MESSAGE, OPEN};
use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use media::MediaConfig;
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaJoin, MediaPlane, SignalDown, Topology};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

#[derive(Debug, Args)]
pub(crate) struct Host {
    /// Socket of the process with the peers
    #[arg(long)]
    control: PathBuf,
    /// Threads; 0: as many as the media plane takes by itself
    #[arg(long)]
    shards: u16,
    /// Subscriptions of a room from which on its newcomers are spread over all threads
    #[arg(long)]
    spread: Option<usize>,
}

impl Host {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let config = MediaConfig {
            port: 0,
            bind: Some(Ipv4Addr::LOCALHOST.into()),
            advertise: Vec::new(),
            include_loopback: true,
            seed: 1,
            threads: usize::from(self.shards),
            spread: self.spread,
            stream_port: None,
            dscp: None,
            turn: None,
        };
        let started = media::start(&config).context("the media plane did not start")?;
        let (plane, mut events) = (started.plane, started.events);
        let plane: Arc<dyn MediaPlane> = plane;
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let (mut incoming, mut outgoing) = UnixStream::connect(&self.control).await?.into_split();
        let (down, mut down_end) = mpsc::channel::<Vec<u8>>(4096);
        tokio::spawn(async move {
            while let Some(frame) = down_end.recv().await {
                if outgoing.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
        let mut ups: HashMap<u32, mpsc::Sender<Bytes>> = HashMap::new();
        let mut head = [0; 9];
        // The pipe ends with the process at its other end.
        while incoming.read_exact(&mut head).await.is_ok() {
            let (length, kind, peer) = Frame::head(head)?;
            let mut content = vec![0; length];
            incoming.read_exact(&mut content).await?;
            match kind {
                OPEN => {
                    if let Some(up) = open(&plane, peer, &content, &down).await? {
                        ups.insert(peer, up);
                    }
                }
                END => plane.close_room(&RoomId::try_from(std::str::from_utf8(&content)?)?),
                _ => {
                    if let Some(up) = ups.get(&peer) {
                        let _ = up.send(content.into()).await;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn open(
    plane: &Arc<dyn MediaPlane>,
    peer: u32,
    content: &[u8],
    down: &mpsc::Sender<Vec<u8>>,
) -> anyhow::Result<Option<mpsc::Sender<Bytes>>> {
    let mut parts = content.splitn(3, |byte| *byte == 0);
    let mut text = || parts.next().and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default().to_owned();
    let (room, identity) = (text(), text());
    let join = MediaJoin {
        room: RoomId::try_from(room.as_str())?,
        session: SessionId::try_from("load")?,
        identity: Identity::try_from(identity.as_str())?,
        name: identity,
        metadata: String::new(),
        attributes: BTreeMap::new(),
        permission: MediaPermission { update_own: false, ..MediaPermission::FREE },
        request: Bytes::copy_from_slice(parts.next().unwrap_or_default()),
        topology: Topology::Single,
        relays: Vec::new(),
        relay_only: false,
        kind: Default::default(),
        kind_details: Vec::new(),
    };
    let down = down.clone();
    let Ok(mut link) = plane.connect(join).await else {
        down.send(Frame::encode(CLOSED, peer, &[])).await?;
        return Ok(None);
    };
    tokio::spawn(async move {
        while let Some(message) = link.down.recv().await {
            let frame = match message {
                SignalDown::Message(message) => Frame::encode(MESSAGE, peer, &message),
                SignalDown::Close => break,
                // Tokens are none of a peer's business here.
                SignalDown::Renew(_) => continue,
            };
            if down.send(frame).await.is_err() {
                return;
            }
        }
        let _ = down.send(Frame::encode(CLOSED, peer, &[])).await;
    });
    Ok(Some(link.up))
}
