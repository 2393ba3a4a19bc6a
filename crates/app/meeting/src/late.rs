//! Sessions that are over while their media is still closing: their room is gone and its name is free, their record waits a
//! moment for what the media plane has left to tell of whoever was there until the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::SessionId;
use ports::store::StateWrite;
use room::{LateFigures, OnMedia};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::warn;

use crate::actor::{Letter, MEDIA_BACKLOG};
use crate::seeing_out::SeeingOut;

/// What waits for one record: as much as for a room, whose rest it gets.
const BACKLOG: usize = MEDIA_BACKLOG;

/// The records that wait. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct LateRecords(Arc<Mutex<HashMap<SessionId, Waiting>>>);

#[derive(Debug)]
struct Waiting {
    /// `None` once nothing more is told, and the record closes.
    steps: Option<mpsc::Sender<OnMedia>>,
    task: Option<JoinHandle<()>>,
}

/// A record that begins to wait.
pub(crate) struct Late {
    session: SessionId,
    figures: LateFigures,
    steps: mpsc::Receiver<OnMedia>,
}

impl LateRecords {
    fn waiting(&self) -> MutexGuard<'_, HashMap<SessionId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the record takes what is told, though nobody works on it before [`Self::follow`].
    pub(crate) fn begin(&self, session: &SessionId, figures: LateFigures) -> Late {
        let (sender, steps) = mpsc::channel(BACKLOG);
        self.waiting().insert(session.clone(), Waiting { steps: Some(sender), task: None });
        Late { session: session.clone(), figures, steps }
    }

    /// What the media plane tells of a session, if its record waits. Whether nothing of it is missed.
    pub(crate) fn tell(&self, session: &SessionId, letter: Letter) -> bool {
        let mut waiting = self.waiting();
        let Some(record) = waiting.get_mut(session) else { return true };
        match letter {
            Letter::OnMedia(step) => record.steps.as_ref().is_none_or(|steps| steps.try_send(*step).is_ok()),
            Letter::MediaRoom(false) => {
                record.steps = None;
                true
            }
            // Whoever asks a room that is over gets no answer.
            _ => true,
        }
    }

    /// Waits and hands the record on, in the background.
    pub(crate) fn follow(&self, late: Late, seeing_out: SeeingOut) {
        let (this, session) = (self.clone(), late.session.clone());
        let mut waiting = self.waiting();
        let task = tokio::spawn(async move { this.wait(late, &seeing_out).await });
        if let Some(record) = waiting.get_mut(&session) {
            record.task = Some(task);
        }
    }

    async fn wait(&self, late: Late, seeing_out: &SeeingOut) {
        let Late { session, mut figures, mut steps } = late;
        loop {
            tokio::select! {
                biased;
                step = steps.recv() => match step {
                    Some(step) => figures.on_media(&step),
                    None => break,
                },
                () = sleep_until(figures.due().into()) => break,
            }
        }
        let entry = figures.close();
        let write = StateWrite { key: entry.key, value: entry.value };
        if let Err(failure) = seeing_out.state.commit(&session, vec![write]).await {
            warn!(session.id = %session, error = %failure, "what media told last of a session is not in its record");
        }
        seeing_out.see_out(&session).await;
        self.waiting().remove(&session);
    }

    /// The process stops: closes the records and waits until they are handed on.
    pub(crate) async fn close_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        let tasks: Vec<_> = waiting.into_values().filter_map(|record| record.task).collect();
        for task in tasks {
            // One that broke is handed on by the next process.
            let _ = task.await;
        }
    }
}
