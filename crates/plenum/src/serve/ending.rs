//! How the server ends: what asks for it, and what has to be seen out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use meeting::Meetings;
use ports::media::MediaPlane;
use store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

/// How long open requests may take to finish, and sockets to close, after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long the media server may take to say goodbye, and rooms to write down what they know.
const PART_GRACE: Duration = Duration::from_secs(5);

/// What asks a process to stop. Listens from the moment it is made, so that no signal ends the process unheard.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("could not listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("could not listen for SIGINT")?,
        })
    }

    pub(super) async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The media plane and whoever listens to it.
pub(super) struct Media {
    pub(super) plane: Arc<dyn MediaPlane>,
    /// Says that it is drained.
    pub(super) drained: oneshot::Sender<()>,
    /// Ends once everything it told is worked off.
    pub(super) watched: JoinHandle<()>,
}

impl Media {
    /// Meetings and receivers of webhooks hear of everybody that they are gone. What is not told in time the next process tells.
    async fn see_out(self) {
        if timeout(PART_GRACE, self.plane.drain()).await.is_err() {
            warn!("the media server did not say goodbye in time");
        }
        // Nobody listens any more if nothing ever comes.
        let _ = self.drained.send(());
        match timeout(PART_GRACE, self.watched).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "what the media server told last is lost"),
            Err(_) => warn!("what the media server told last was not noted in time"),
        }
    }
}

/// What has to be seen out at the end, in the order of [`Running::shut_down`].
pub(super) struct Running {
    pub(super) media: Media,
    pub(super) stop: watch::Sender<bool>,
    /// The web server, unless it ended already.
    pub(super) served: Option<JoinHandle<()>>,
    pub(super) meetings: Meetings,
    pub(super) store: Store,
}

impl Running {
    /// Tells media clients to come back in a moment and closes media rooms, closes the sockets, lets requests finish, lets rooms
    /// write down what they know and the media plane do what they ordered, and closes the store last. Meetings are in the journal;
    /// the next process takes them up.
    pub(super) async fn shut_down(self) -> anyhow::Result<()> {
        let plane = self.media.plane.clone();
        self.media.see_out().await;
        self.stop.send_replace(true);
        let mut ended = Ok(());
        if let Some(served) = self.served {
            match timeout(STOP_GRACE, served).await {
                Ok(finished) => ended = finished.context("the web server broke"),
                Err(_) => warn!("some connections did not end in time"),
            }
        }
        if timeout(PART_GRACE, self.meetings.stop()).await.is_err() {
            warn!("some rooms did not write down everything in time");
        }
        plane.finish().await;
        self.store.close().await;
        info!("stopped");
        ended
    }
}
