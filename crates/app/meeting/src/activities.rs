//! What people do together besides talking: polls, the media player; and how long the meeting lasts.

use room::{MediaUrl, PlayerRefusal, PollAsk, PollRefusal, PollReport, ProlongRefusal};
use wire::pnm;

use crate::actor::{RoomHandle, Silence};
use crate::meetings::{Access, Meetings};

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError<R: std::error::Error + 'static> {
    /// There is no such room, or it is over.
    #[error("notifications.room-not-active")]
    NoRoom,
    /// The journal could not be written.
    #[error("the meeting cannot be changed now")]
    Failed,
    /// The room said no.
    #[error(transparent)]
    Refused(R),
}

impl<R: std::error::Error + 'static> From<Silence> for ActivityError<R> {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NoRoom,
            Silence::Stuck => Self::Failed,
        }
    }
}

impl Meetings {
    /// Does what somebody asks of the polls.
    ///
    /// # Errors
    /// Why not.
    pub async fn poll(&self, access: &Access, ask: PollAsk) -> Result<pnm::PollResponse, ActivityError<PollRefusal>> {
        let by = access.user.clone();
        let handle = self.room_of(access).ok_or(ActivityError::NoRoom)?;
        let done = handle.write(move |room, now| room.poll(now, &by, ask));
        done.await?.map_err(ActivityError::Refused)
    }

    /// What became of the polls so far, or of one of them, and who chose what.
    ///
    /// # Errors
    /// Why not.
    pub async fn poll_reports(
        &self,
        access: &Access,
        poll: Option<String>,
    ) -> Result<Vec<PollReport>, ActivityError<PollRefusal>> {
        let by = access.user.clone();
        let handle = self.room_of(access).ok_or(ActivityError::NoRoom)?;
        let told = handle.read(move |room| room.poll_reports(&by, poll.as_deref()));
        told.await?.map_err(ActivityError::Refused)
    }

    /// Plays something for everybody.
    ///
    /// # Errors
    /// Why not.
    pub async fn play_media(
        &self,
        access: &Access,
        url: MediaUrl,
        seek_to: Option<f64>,
    ) -> Result<(), ActivityError<PlayerRefusal>> {
        let by = access.user.clone();
        let handle = self.room_of(access).ok_or(ActivityError::NoRoom)?;
        let done = handle.write(move |room, now| room.play_media(now, &by, url, seek_to));
        done.await?.map_err(ActivityError::Refused)
    }

    /// Stops what is played.
    ///
    /// # Errors
    /// Why not.
    pub async fn stop_media(&self, access: &Access) -> Result<(), ActivityError<PlayerRefusal>> {
        let by = access.user.clone();
        let handle = self.room_of(access).ok_or(ActivityError::NoRoom)?;
        let done = handle.write(move |room, now| room.stop_media(now, &by));
        done.await?.map_err(ActivityError::Refused)
    }

    /// Puts off the end of a meeting. `most` is the longest the operator allows, in minutes.
    ///
    /// # Errors
    /// Why not.
    pub async fn prolong(
        &self,
        access: &Access,
        minutes: u64,
        most: Option<u64>,
    ) -> Result<(), ActivityError<ProlongRefusal>> {
        let by = access.user.clone();
        let handle = self.room_of(access).ok_or(ActivityError::NoRoom)?;
        let done = handle.write(move |room, now| room.prolong(now, &by, minutes, most));
        done.await?.map_err(ActivityError::Refused)
    }

    /// The session that somebody's token is for.
    pub(crate) fn room_of(&self, access: &Access) -> Option<RoomHandle> {
        self.find(access.room.as_str()).filter(|handle| *handle.session() == access.session)
    }
}
