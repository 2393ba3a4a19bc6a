//! What is left to do when a room's task is done.

use model::{RoomId, SessionId};
use room::EndReason;
use tracing::{error, info};

use super::{Surroundings, now};
use crate::late::Late;

/// What is left when a room's task is done.
pub(super) struct Rest {
    pub(super) id: RoomId,
    pub(super) session: SessionId,
    pub(super) around: Surroundings,
}

impl Rest {
    /// Turns the journal into a record, if the meeting ended. One whose media is still closing follows; nobody waits for it.
    pub(super) async fn retire(self, why: Option<EndReason>, late: Option<Late>) {
        let Some(why) = why else { return };
        self.close_session().await;
        match late {
            Some(late) => self.around.late.follow(late, self.around.seeing_out.clone()),
            None => self.around.seeing_out.see_out(&self.session).await,
        }
        info!(room.id = %self.id, session.id = %self.session, reason = ?why, "room is over");
    }

    /// A room that broke does not come back: what broke it may be in its journal.
    pub(super) async fn abandon(self, panic: &str) {
        error!(room.id = %self.id, session.id = %self.session, panic, "a room broke and is closed");
        metrics::counter!("plenum_rooms_lost_total").increment(1);
        self.around.media.close_room(&self.id);
        self.close_session().await;
        self.around.seeing_out.see_out(&self.session).await;
    }

    async fn close_session(&self) {
        if let Err(failure) = self.around.records.close_session(&self.session, now().unix_ms).await {
            error!(room.id = %self.id, error = %failure, "the end of a session was not recorded");
        }
        // Before the journal is gone: as long as it is there, the next start tries again.
        self.around.uploads.forget(&self.session).await;
    }
}
