//! Who may do what: the one table of the house. The HTTP API, the in-meeting gateway and the media plane all ask it.
//!
//! Everything is denied unless a row of [`decide`] allows it. A row looks at three things: who somebody is
//! ([`Actor`]), what the room offers ([`Rules`]) and what a moderator has taken away ([`Locks`], already resolved:
//! the user's own setting, else the room's default; moderators are exempt except at the whiteboard). `docs/policy.md` is
//! written from it.

use crate::media::{CameraView, MediaPermission, Source, Sources};

/// What somebody is in the meeting. The presenter is a property besides the role, see [`Actor::presenter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `is_admin` on the wire.
    Moderator,
    /// Everybody else who was let in.
    Attendee,
    /// Sees and hears, is not seen, writes nothing (D-20).
    Hidden,
    /// The same with `is_admin`: may besides end the meeting, which needs no face.
    HiddenModerator,
    /// In the waiting room: nothing of the meeting reaches them.
    Waiting,
    /// A recorder or broadcaster bot: sees everything, touches nothing.
    Recorder,
    /// A stream that is fed in (RTMP, WHIP): is seen and heard like a moderator, does nothing else.
    Ingress,
    /// A caller: speaks and hears.
    Phone,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 8] = [
        Self::Moderator,
        Self::Attendee,
        Self::Hidden,
        Self::HiddenModerator,
        Self::Waiting,
        Self::Recorder,
        Self::Ingress,
        Self::Phone,
    ];
}

/// Somebody who wants to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// What they are.
    pub role: Role,
    /// Whether they drive shared views.
    pub presenter: bool,
    /// What was taken away from them.
    pub locks: Locks,
}

/// Effective locks: the user's own setting where there is one, else the room's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Locks {
    /// No microphone.
    pub microphone: bool,
    /// No webcam.
    pub webcam: bool,
    /// No screen sharing.
    pub screen_sharing: bool,
    /// No chat at all.
    pub chat: bool,
    /// Chat is read-only.
    pub chat_send_message: bool,
    /// No files in chat.
    pub chat_file_share: bool,
    /// No private messages to other attendees.
    pub private_chat: bool,
    /// The whiteboard is read-only; holds for moderators too.
    pub whiteboard: bool,
    /// The notepad is read-only.
    pub shared_notepad: bool,
    /// No reactions.
    pub reactions: bool,
}

/// What the room offers, from its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// `allow_webcams`.
    pub webcams: bool,
    /// `admin_only_webcams`.
    pub only_moderators_webcams: bool,
    /// `allow_screen_share`.
    pub screen_share: bool,
    /// `allow_view_other_webcams`.
    pub see_other_webcams: bool,
    /// `allow_view_other_users_list`.
    pub see_other_users: bool,
    /// `allow_raise_hand`.
    pub raise_hand: bool,
    /// `allow_reactions`.
    pub reactions: bool,
    /// `chat_features.is_allow`.
    pub chat: bool,
    /// `chat_features.is_allow_file_upload`.
    pub chat_files: bool,
    /// `whiteboard_features.is_allow`.
    pub whiteboard: bool,
    /// `shared_note_pad_features.is_allow`.
    pub shared_notepad: bool,
    /// `polls_features.is_allow`.
    pub polls: bool,
    /// `breakout_room_features.is_allow`.
    pub breakouts: bool,
    /// `external_media_player_features.is_allow`.
    pub media_player: bool,
    /// `allow_virtual_bg`.
    pub virtual_backgrounds: bool,
    /// `display_external_link_features.is_allow`.
    pub external_link: bool,
    /// Whether LiveKit data packets are passed on, by the creator's wish (`plenum_media_data`). Browsers do not need
    /// them, and they know no chat locks.
    pub media_data: bool,
}

/// Something one may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Publish a track of this source.
    Publish(Source),
    /// Receive media.
    Subscribe,
    /// Receive what is said in the meeting: chat, data, whiteboard, room events.
    Listen,
    /// Write to everybody.
    PublicChat,
    /// Write to one moderator.
    PrivateChatToModerator,
    /// Write to one attendee.
    PrivateChatToAttendee,
    /// Put a file into the chat.
    ShareChatFile,
    /// Put a sign under somebody's line of chat.
    ReactToChat,
    /// Take away what somebody else wrote.
    RemoveOthersChat,
    /// See everybody on the list of users, not only moderators and oneself.
    SeeUsers,
    /// Raise or lower one's own hand.
    RaiseHand,
    /// Lower somebody else's hand.
    LowerOthersHand,
    /// Send a reaction.
    React,
    /// Draw on the whiteboard.
    EditWhiteboard,
    /// Write on the notepad.
    EditNotepad,
    /// Turn pages, drive the media player, change shared views.
    Present,
    /// Tell others about one's own state: tab visibility, connection quality, poll votes, sync requests.
    ReportSelf,
    /// Ask somebody to turn something on, push breakout invitations, announce local recordings.
    Instruct,
    /// Tell the hosts something from the waiting room.
    LeaveNote,
    /// Let people in from the waiting room, and say what they read there.
    ManageWaitingRoom,
    /// End the meeting for everybody.
    EndRoom,
    /// Lock and unlock what others, or everybody, may do.
    LockOthers,
    /// Mute the microphones of others, and say whether attendees may unmute themselves.
    MuteOthers,
    /// Take a camera or a shared screen of an attendee off the air.
    StopOthers,
    /// Send somebody out, and keep them out; read and change the block list.
    RemoveOthers,
    /// Say who presents.
    AssignPresenter,
    /// Say who is shown large to everybody.
    Spotlight,
    /// Put the meeting at rest, and back.
    PutAtRest,
    /// Show or hide whiteboard and notepad for everybody.
    ChangeVisibility,
    /// Turn the notepad on or off.
    ManageNotepad,
    /// Show everybody a page of another site, or take it away.
    ShareLink,
    /// Send data packets over the media connection.
    PublishData,
    /// Upload a film or sound for the media player.
    UploadMedia,
    /// Upload a picture to be seen in front of.
    UploadBackground,
    /// Make and close polls, see who voted.
    ManagePolls,
    /// Vote in polls.
    Vote,
    /// Make and end breakout rooms, move people between them.
    ManageBreakouts,
    /// Play a video or a recording from another address for everybody.
    PlayMedia,
    /// Put off the end of the meeting.
    ExtendMeeting,
}

/// Why something was denied; the client turns it into a sentence that says who to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Still in the waiting room.
    #[error("waiting for approval")]
    Waiting,
    /// Hidden participants and bots only watch.
    #[error("this participant only watches")]
    Spectator,
    /// Needs a moderator.
    #[error("only a moderator can do this")]
    NotModerator,
    /// Needs the presenter.
    #[error("only the presenter can do this")]
    NotPresenter,
    /// The room does not offer it.
    #[error("this room does not offer it")]
    FeatureOff,
    /// A moderator locked it.
    #[error("locked by a moderator")]
    Locked,
    /// Streams and callers have no part in it.
    #[error("this participant has no part in it")]
    NoPart,
}

impl Capability {
    /// Every capability there is, in the order of `docs/policy.md`.
    pub const ALL: [Self; 42] = [
        Self::Subscribe,
        Self::Listen,
        Self::SeeUsers,
        Self::ReportSelf,
        Self::Publish(Source::Microphone),
        Self::Publish(Source::Camera),
        Self::Publish(Source::ScreenShare),
        Self::Publish(Source::ScreenShareAudio),
        Self::PublishData,
        Self::PublicChat,
        Self::PrivateChatToModerator,
        Self::PrivateChatToAttendee,
        Self::ReactToChat,
        Self::RemoveOthersChat,
        Self::ShareChatFile,
        Self::UploadMedia,
        Self::UploadBackground,
        Self::LeaveNote,
        Self::RaiseHand,
        Self::React,
        Self::EditWhiteboard,
        Self::EditNotepad,
        Self::Present,
        Self::ChangeVisibility,
        Self::ShareLink,
        Self::ManageNotepad,
        Self::Vote,
        Self::ManagePolls,
        Self::ManageBreakouts,
        Self::PlayMedia,
        Self::LowerOthersHand,
        Self::Instruct,
        Self::ManageWaitingRoom,
        Self::LockOthers,
        Self::MuteOthers,
        Self::StopOthers,
        Self::RemoveOthers,
        Self::AssignPresenter,
        Self::Spotlight,
        Self::PutAtRest,
        Self::ExtendMeeting,
        Self::EndRoom,
    ];
}

/// The table. `Ok` means allowed.
///
/// # Errors
/// The first reason that holds, in the order of [`Denial`].
pub fn decide(actor: &Actor, rules: &Rules, capability: Capability) -> Result<(), Denial> {
    use Capability as C;

    let moderator = actor.role == Role::Moderator;
    // A stream is set up by a moderator and has no locks of its own; what the room offers holds for it as well.
    let exempt = matches!(actor.role, Role::Moderator | Role::Ingress);
    match (actor.role, capability) {
        // The preview that people wait at offers it (rule W3).
        (Role::Waiting, C::UploadBackground) => {}
        (Role::Waiting, C::LeaveNote) => return Ok(()),
        (Role::Waiting, _) => return Err(Denial::Waiting),
        (Role::Hidden | Role::HiddenModerator | Role::Recorder, C::Subscribe | C::Listen) => return Ok(()),
        (Role::Recorder, C::SeeUsers | C::ReportSelf) | (Role::HiddenModerator, C::EndRoom) => return Ok(()),
        (Role::Hidden | Role::HiddenModerator, C::SeeUsers) => {}
        (Role::Hidden | Role::HiddenModerator | Role::Recorder, _) => return Err(Denial::Spectator),
        (Role::Phone, C::Subscribe | C::Publish(Source::Microphone) | C::RaiseHand) => {}
        (Role::Ingress, C::Publish(_)) => {}
        (Role::Phone | Role::Ingress, _) => return Err(Denial::NoPart),
        (Role::Moderator | Role::Attendee, _) => {}
    }

    let offered = |feature: bool| if feature { Ok(()) } else { Err(Denial::FeatureOff) };
    let unlocked = |lock: bool| if lock && !exempt { Err(Denial::Locked) } else { Ok(()) };
    let moderator_only = || if moderator { Ok(()) } else { Err(Denial::NotModerator) };

    match capability {
        C::Subscribe | C::Listen | C::ReportSelf => Ok(()),
        C::Publish(Source::Microphone) => unlocked(actor.locks.microphone),
        C::Publish(Source::Camera) => {
            if rules.only_moderators_webcams && !exempt {
                return Err(Denial::NotModerator);
            }
            offered(rules.webcams)?;
            unlocked(actor.locks.webcam)
        }
        C::Publish(Source::ScreenShare | Source::ScreenShareAudio) => {
            offered(rules.screen_share)?;
            unlocked(actor.locks.screen_sharing)
        }
        C::PublicChat => {
            offered(rules.chat)?;
            unlocked(actor.locks.chat || actor.locks.chat_send_message)
        }
        C::PrivateChatToModerator => {
            offered(rules.chat)?;
            unlocked(actor.locks.chat)
        }
        C::PrivateChatToAttendee => {
            offered(rules.chat)?;
            unlocked(actor.locks.chat || actor.locks.private_chat)
        }
        C::ShareChatFile => {
            offered(rules.chat && rules.chat_files)?;
            unlocked(actor.locks.chat || actor.locks.chat_file_share)
        }
        C::ReactToChat => {
            offered(rules.chat && rules.reactions)?;
            unlocked(actor.locks.chat || actor.locks.reactions)
        }
        C::SeeUsers => {
            if rules.see_other_users {
                return Ok(());
            }
            moderator_only()
        }
        C::RaiseHand => offered(rules.raise_hand),
        C::React => {
            offered(rules.reactions)?;
            unlocked(actor.locks.reactions)
        }
        C::EditWhiteboard => {
            offered(rules.whiteboard)?;
            if actor.locks.whiteboard && !actor.presenter { Err(Denial::Locked) } else { Ok(()) }
        }
        C::EditNotepad => {
            offered(rules.shared_notepad)?;
            unlocked(actor.locks.shared_notepad)
        }
        C::Present => {
            if actor.presenter {
                Ok(())
            } else {
                Err(Denial::NotPresenter)
            }
        }
        C::PublishData => {
            offered(rules.media_data)?;
            unlocked(actor.locks.chat || actor.locks.chat_send_message)
        }
        C::UploadMedia => {
            moderator_only()?;
            offered(rules.media_player)
        }
        C::UploadBackground => offered(rules.virtual_backgrounds),
        C::ManagePolls => {
            moderator_only()?;
            offered(rules.polls)
        }
        C::Vote => offered(rules.polls),
        C::ManageBreakouts => {
            moderator_only()?;
            offered(rules.breakouts)
        }
        C::PlayMedia => {
            moderator_only()?;
            offered(rules.media_player)
        }
        C::ChangeVisibility => {
            if actor.presenter {
                Ok(())
            } else {
                moderator_only()
            }
        }
        C::ShareLink => {
            moderator_only()?;
            offered(rules.external_link)
        }
        C::ManageNotepad => {
            moderator_only()?;
            offered(rules.shared_notepad)
        }
        // Whoever is inside says it in the chat.
        C::LeaveNote => Err(Denial::NoPart),
        C::LowerOthersHand
        | C::RemoveOthersChat
        | C::Instruct
        | C::ManageWaitingRoom
        | C::EndRoom
        | C::ExtendMeeting
        | C::LockOthers
        | C::MuteOthers
        | C::StopOthers
        | C::RemoveOthers
        | C::AssignPresenter
        | C::Spotlight
        | C::PutAtRest => moderator_only(),
    }
}

/// The rows of the table that concern media, as the media plane wants them.
pub fn media_permission(actor: &Actor, rules: &Rules) -> MediaPermission {
    let may = |capability| decide(actor, rules, capability).is_ok();
    let sees_all = matches!(actor.role, Role::Moderator | Role::Recorder) || rules.see_other_webcams;
    MediaPermission {
        publish: Source::ALL.into_iter().filter(|source| may(Capability::Publish(*source))).collect::<Sources>(),
        subscribe: may(Capability::Subscribe),
        publish_data: may(Capability::PublishData),
        hidden: matches!(actor.role, Role::Hidden | Role::HiddenModerator | Role::Recorder),
        update_own: false,
        moderator: matches!(actor.role, Role::Moderator | Role::Ingress),
        cameras: if sees_all { CameraView::Everyone } else { CameraView::Moderators },
    }
}

#[cfg(test)]
mod tests;
