//! What moderators do to the meeting: one entry, so that one question to the policy table stands before everything
//! (meeting-protocol.md section 14, docs/api.md "In-meeting extensions").

use model::UserId;
use model::media::Source;
use model::policy::{Capability, Denial};

use crate::locks::LockService;
use crate::output::Moment;
use crate::person::Person;
use crate::rules;
use crate::state::Room;

/// Most people in the spotlight.
pub(crate) const MAX_SPOTLIGHT: usize = 9;

/// Whom something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// One person.
    One(UserId),
    /// Everybody, as far as it concerns them.
    All,
}

/// Something that a person turns on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The microphone.
    Microphone,
    /// The camera.
    Camera,
    /// A shared screen with its sound.
    ScreenShare,
}

impl Device {
    pub(crate) const fn source(self) -> Source {
        match self {
            Self::Microphone => Source::Microphone,
            Self::Camera => Source::Camera,
            Self::ScreenShare => Source::ScreenShare,
        }
    }
}

/// One thing a moderator, and in one case the presenter, does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moderation {
    /// Locks or unlocks a service for one person or everybody.
    Lock { whom: Whom, service: LockService, locked: bool },
    /// Mutes every attendee, and if asked for the other moderators.
    MuteAll { including_moderators: bool },
    /// One microphone was muted; its owner is told.
    Muted { user: UserId },
    /// Sends somebody out, for the rest of the session if `block` is set. They read `msg`.
    Remove { user: UserId, msg: String, block: bool },
    /// Takes somebody off the block list.
    Unblock { user: UserId },
    /// Makes somebody presenter.
    Promote { user: UserId },
    /// Takes it from them; who asks for it presents.
    Demote { user: UserId },
    /// Shows or hides notepad and whiteboard; `None` leaves it.
    ChangeVisibility { notepad: Option<bool>, whiteboard: Option<bool> },
    /// Turns the notepad on or off.
    ActivateNotepad(bool),
    /// Shows everybody the page of another site, or takes it away.
    ShowLink(Option<String>),
    /// Shows these people large to everybody, in this order.
    Spotlight(Vec<UserId>),
    /// Whether attendees may unmute themselves.
    AllowSelfUnmute(bool),
    /// Asks somebody to turn something on.
    Ask { user: UserId, device: Device },
    /// Takes something of somebody's off the air.
    Stop { user: UserId, device: Device },
    /// Turns the waiting room on or off.
    Lobby(bool),
    /// Puts the meeting at rest, or back as it was.
    Rest(bool),
}

impl Moderation {
    const fn needs(&self) -> Capability {
        match self {
            Self::Lock { .. } => Capability::LockOthers,
            Self::MuteAll { .. } | Self::Muted { .. } | Self::AllowSelfUnmute(_) => Capability::MuteOthers,
            Self::Remove { .. } | Self::Unblock { .. } => Capability::RemoveOthers,
            Self::Promote { .. } | Self::Demote { .. } => Capability::AssignPresenter,
            Self::ChangeVisibility { .. } => Capability::ChangeVisibility,
            Self::ActivateNotepad(_) => Capability::ManageNotepad,
            Self::ShowLink(_) => Capability::ShareLink,
            Self::Spotlight(_) => Capability::Spotlight,
            Self::Ask { .. } => Capability::Instruct,
            Self::Stop { .. } => Capability::StopOthers,
            Self::Lobby(_) => Capability::ManageWaitingRoom,
            Self::Rest(_) => Capability::PutAtRest,
        }
    }
}

/// Why everything stays as it is. Texts that the reference has are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModerationRefusal {
    /// The policy table says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Nobody of this id is here.
    #[error("user isn't active now")]
    NotActive,
    /// Nobody of this id is on the list.
    #[error("user's metadata not found")]
    NoMetadata,
    /// The same to whoever assigns the presenter.
    #[error("no metadata found for user {0}")]
    NoMetadataOf(UserId),
    /// Moderators are spared.
    #[error("notifications.cannot-lock-admin")]
    Moderator,
    /// Moderators do not send themselves out. The quotation mark is part of the text.
    #[error("you can't remove yourself\"")]
    Oneself,
    /// The room has no such feature group.
    #[error("invalid nil room metadata information")]
    NoFeature,
    /// Nobody of this id is blocked.
    #[error("user not found")]
    NotBlocked,
    /// More than [`MAX_SPOTLIGHT`].
    #[error("too many users in the spotlight")]
    TooMany,
    /// A moderator locked what somebody is to be asked for.
    #[error("notifications.device-locked")]
    DeviceLocked,
    /// People are asked so often.
    #[error("too many requests, try again in a moment")]
    TooOften,
}

impl Room {
    /// Does what a moderator asks. What is so already succeeds and changes nothing.
    ///
    /// # Errors
    /// A refusal leaves the room exactly as it was.
    pub fn moderate(&mut self, now: Moment, by: &UserId, what: Moderation) -> Result<(), ModerationRefusal> {
        self.may_moderate(by, what.needs())?;
        match what {
            Moderation::Lock { whom, service, locked } => self.lock(now, by, &whom, service, locked),
            Moderation::MuteAll { including_moderators } => {
                self.mute_all(now, by, including_moderators);
                Ok(())
            }
            Moderation::Muted { user } => {
                self.say_stopped(now, by, &user, Device::Microphone);
                Ok(())
            }
            Moderation::Remove { user, msg, block } => self.remove(now, by, &user, &msg, block),
            Moderation::Unblock { user } => self.unblock(now, &user),
            Moderation::Promote { user } => self.promote(now, &user),
            Moderation::Demote { user } => self.demote(now, by, &user),
            Moderation::ChangeVisibility { notepad, whiteboard } => self.change_visibility(now, notepad, whiteboard),
            Moderation::ActivateNotepad(active) => self.activate_notepad(now, active),
            Moderation::ShowLink(link) => self.show_link(now, by, link),
            Moderation::Spotlight(users) => self.spotlight(now, &users),
            Moderation::AllowSelfUnmute(allowed) => {
                self.allow_self_unmute(now, allowed);
                Ok(())
            }
            Moderation::Ask { user, device } => self.ask(now, by, &user, device),
            Moderation::Stop { user, device } => self.stop(now, by, &user, device),
            Moderation::Lobby(on) => self.set_lobby(now, on),
            Moderation::Rest(true) => {
                self.put_at_rest(now, by);
                Ok(())
            }
            Moderation::Rest(false) => {
                self.end_rest(now);
                Ok(())
            }
        }
    }

    pub(crate) fn may_moderate(&self, by: &UserId, capability: Capability) -> Result<(), Denial> {
        let by = self.people.get(by).filter(|person| !person.is_out()).ok_or(Denial::Waiting)?;
        self.may(by, capability)
    }

    /// Somebody who is here and may be shown to others.
    pub(crate) fn shown(&self, user: &UserId) -> Option<&Person> {
        self.people.get(user).filter(|person| {
            person.is_online() && !person.is_waiting() && !person.hidden && !rules::BOTS.contains(&person.id.as_str())
        })
    }

    /// Puts a text of ours into the room's metadata, or takes it out; whether that changed anything.
    pub(crate) fn set_extra(&mut self, key: &str, value: Option<String>) -> bool {
        let extra = &mut self.metadata.extra_data;
        if extra.get(key) == value.as_ref() {
            return false;
        }
        match value {
            Some(value) => extra.insert(key.into(), value),
            None => extra.remove(key),
        };
        true
    }
}
