//! What moderators ask for over HTTP: the room decides, the media plane mutes.

use model::policy::Denial;
use model::{Identity, UserId};
use ports::media::{MuteError, TrackChoice};
use room::{BlockedPerson, Moderation, ModerationRefusal};

use crate::actor::{Letter, RoomHandle, Silence};
use crate::meetings::{Access, Meetings};

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModerateError {
    /// There is no such room, or it is over. The text is the reference's.
    #[error("room isn't running")]
    NoRoom,
    /// The journal could not be written.
    #[error("the meeting cannot be changed now")]
    Failed,
    /// Only moderators may. The text is the reference's.
    #[error("only admin can perform this task")]
    NotAllowed,
    /// The room said no.
    #[error(transparent)]
    Refused(ModerationRefusal),
}

/// Why nobody was muted. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MuteRefusal {
    /// As for everything moderators do.
    #[error(transparent)]
    Moderate(#[from] ModerateError),
    /// There is nobody but who asks.
    #[error("no active users found")]
    Nobody,
    /// Nobody of this id is on the list or connected to media.
    #[error("footer.notice.failed-to-load-participant-info")]
    NoParticipant,
    /// There is no such track.
    #[error("footer.notice.no-suitable-track-found")]
    NoTrack,
    /// Others are not unmuted, and nobody is while the media server does not answer.
    #[error("footer.notice.failed-to-mute-unmute-track")]
    Failed,
}

impl From<Silence> for ModerateError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NoRoom,
            Silence::Stuck => Self::Failed,
        }
    }
}

impl From<Denial> for ModerateError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Waiting | Denial::Spectator | Denial::NotModerator | Denial::NotPresenter | Denial::NoPart => {
                Self::NotAllowed
            }
            Denial::FeatureOff | Denial::Locked => Self::Refused(denial.into()),
        }
    }
}

impl From<ModerationRefusal> for ModerateError {
    fn from(refusal: ModerationRefusal) -> Self {
        match refusal {
            ModerationRefusal::Denied(denial) => denial.into(),
            other => Self::Refused(other),
        }
    }
}

impl Meetings {
    fn of(&self, access: &Access) -> Result<RoomHandle, ModerateError> {
        let handle = self.find(access.room.as_str()).ok_or(ModerateError::NoRoom)?;
        if *handle.session() == access.session { Ok(handle) } else { Err(ModerateError::NoRoom) }
    }

    /// Does what a moderator asks for.
    ///
    /// # Errors
    /// Why everything stays as it is.
    pub async fn moderate(&self, access: &Access, what: Moderation) -> Result<(), ModerateError> {
        let (handle, by) = (self.of(access)?, access.user.clone());
        let sent_out = match &what {
            Moderation::Remove { user, block, .. } => Some((user.clone(), *block)),
            _ => None,
        };
        let done = handle.change(|reply| Letter::Moderate(by, Box::new(what), reply)).await?;
        let (Err(ModerationRefusal::NotActive), Some((user, block))) = (&done, sent_out) else { return Ok(done?) };
        // Not here, but perhaps in a breakout room.
        if !self.is_in_a_breakout(&handle, &user).await {
            return Ok(done?);
        }
        let by = access.user.clone();
        Ok(handle.write(move |room, now| room.remove_absent(now, &by, &user, block)).await??)
    }

    /// Who is blocked, the latest first.
    ///
    /// # Errors
    /// When the room does not tell.
    pub async fn blocked(&self, access: &Access) -> Result<Vec<BlockedPerson>, ModerateError> {
        let by = access.user.clone();
        Ok(self.of(access)?.change(|reply| Letter::Blocked(by, reply)).await??)
    }

    /// Mutes one track of somebody: the one named, else their microphone.
    ///
    /// # Errors
    /// Why it is as it was.
    pub async fn mute(&self, access: &Access, user: UserId, track_sid: &str, muted: bool) -> Result<(), MuteRefusal> {
        let handle = self.of(access)?;
        let (by, whose) = (access.user.clone(), user.clone());
        let asked = handle.ask(|reply| Letter::MayMute(by, whose, reply)).await.map_err(ModerateError::from)?;
        let was_on = asked.map_err(|refusal| match refusal {
            ModerationRefusal::NoMetadata => MuteRefusal::NoParticipant,
            other => MuteRefusal::Moderate(other.into()),
        })?;
        let track = if track_sid.is_empty() {
            TrackChoice::Source(model::media::Source::Microphone)
        } else {
            TrackChoice::Sid(track_sid.to_owned())
        };
        let done = self.0.around.media.mute(handle.id(), &Identity::from(&user), track, muted).await;
        done.map_err(|error| match error {
            MuteError::NoParticipant => MuteRefusal::NoParticipant,
            MuteError::NoTrack => MuteRefusal::NoTrack,
            MuteError::UnmuteRefused | MuteError::Unanswered => MuteRefusal::Failed,
        })?;
        if was_on && muted && track_sid.is_empty() {
            self.moderate(access, Moderation::Muted { user }).await?;
        }
        Ok(())
    }

    /// Mutes every attendee, for callers of the reference's API.
    ///
    /// # Errors
    /// Why everybody is as they were.
    pub async fn mute_everybody(&self, access: &Access, muted: bool) -> Result<(), MuteRefusal> {
        if !muted {
            return Err(MuteRefusal::Failed);
        }
        let by = access.user.clone();
        let found = self.of(access)?.ask(|reply| Letter::HasListeners(by, reply)).await.map_err(ModerateError::from)?;
        if !found {
            return Err(MuteRefusal::Nobody);
        }
        Ok(self.moderate(access, Moderation::MuteAll { including_moderators: false }).await?)
    }
}
