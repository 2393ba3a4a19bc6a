//! Who may do what: the one table of the house. The HTTP API, the in-meeting gateway and the media plane all ask it.
//!
//! Everything is denied unless a row of [`decide`] allows it. A row looks at three things: who somebody is
//! ([`Actor`]), what the room offers ([`Rules`]) and what a moderator has taken away ([`Locks`], already resolved:
//! the user's own setting, else the room's default; moderators are exempt except at the whiteboard).

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
    /// Let people in from the waiting room, and say what they read there.
    ManageWaitingRoom,
    /// End the meeting for everybody.
    EndRoom,
    /// Send data packets over the media connection.
    PublishData,
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
}

/// The table. `Ok` means allowed.
///
/// # Errors
/// The first reason that holds, in the order of [`Denial`].
pub fn decide(actor: &Actor, rules: &Rules, capability: Capability) -> Result<(), Denial> {
    use Capability as C;

    let moderator = actor.role == Role::Moderator;
    match (actor.role, capability) {
        (Role::Waiting, _) => return Err(Denial::Waiting),
        (Role::Hidden | Role::HiddenModerator | Role::Recorder, C::Subscribe | C::Listen) => return Ok(()),
        (Role::Recorder, C::SeeUsers | C::ReportSelf) | (Role::HiddenModerator, C::EndRoom) => return Ok(()),
        (Role::Hidden | Role::HiddenModerator, C::SeeUsers) => {}
        (Role::Hidden | Role::HiddenModerator | Role::Recorder, _) => return Err(Denial::Spectator),
        (Role::Moderator | Role::Attendee, _) => {}
    }

    let offered = |feature: bool| if feature { Ok(()) } else { Err(Denial::FeatureOff) };
    let unlocked = |lock: bool| if lock && !moderator { Err(Denial::Locked) } else { Ok(()) };
    let moderator_only = || if moderator { Ok(()) } else { Err(Denial::NotModerator) };

    match capability {
        C::Subscribe | C::Listen | C::ReportSelf => Ok(()),
        C::Publish(Source::Microphone) => unlocked(actor.locks.microphone),
        C::Publish(Source::Camera) => {
            if rules.only_moderators_webcams {
                moderator_only()?;
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
        C::LowerOthersHand
        | C::RemoveOthersChat
        | C::Instruct
        | C::ManageWaitingRoom
        | C::EndRoom
        | C::ExtendMeeting => moderator_only(),
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
        moderator: actor.role == Role::Moderator,
        cameras: if sees_all { CameraView::Everyone } else { CameraView::Moderators },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Rules = Rules {
        webcams: true,
        only_moderators_webcams: false,
        screen_share: true,
        see_other_webcams: true,
        see_other_users: true,
        raise_hand: true,
        reactions: true,
        chat: true,
        whiteboard: true,
        shared_notepad: true,
        polls: true,
        breakouts: true,
        media_player: true,
        media_data: true,
    };

    const ALL_LOCKED: Locks = Locks {
        microphone: true,
        webcam: true,
        screen_sharing: true,
        chat: true,
        chat_send_message: true,
        chat_file_share: true,
        private_chat: true,
        whiteboard: true,
        shared_notepad: true,
        reactions: true,
    };

    fn capabilities() -> Vec<Capability> {
        use Capability as C;
        let mut all: Vec<C> = Source::ALL.into_iter().map(C::Publish).collect();
        all.extend([
            C::Subscribe,
            C::Listen,
            C::PublicChat,
            C::PrivateChatToModerator,
            C::PrivateChatToAttendee,
            C::ReactToChat,
            C::RemoveOthersChat,
            C::SeeUsers,
            C::RaiseHand,
            C::LowerOthersHand,
            C::React,
            C::EditWhiteboard,
            C::EditNotepad,
            C::Present,
            C::ReportSelf,
            C::Instruct,
            C::ManageWaitingRoom,
            C::EndRoom,
            C::PublishData,
            C::ManagePolls,
            C::Vote,
            C::ManageBreakouts,
            C::PlayMedia,
            C::ExtendMeeting,
        ]);
        all
    }

    fn actor(role: Role, locks: Locks) -> Actor {
        Actor { role, presenter: false, locks }
    }

    #[test]
    fn waiting_people_may_do_nothing() {
        for capability in capabilities() {
            let waiting = actor(Role::Waiting, Locks::default());
            assert_eq!(decide(&waiting, &OPEN, capability), Err(Denial::Waiting), "{capability:?}");
        }
    }

    #[test]
    fn spectators_watch_and_do_nothing_else_but_a_moderator_among_them_may_end_the_meeting() {
        for role in [Role::Hidden, Role::HiddenModerator, Role::Recorder] {
            for capability in capabilities() {
                let allowed = decide(&actor(role, Locks::default()), &OPEN, capability).is_ok();
                let watching = matches!(capability, Capability::Subscribe | Capability::Listen | Capability::SeeUsers)
                    || (role == Role::Recorder && capability == Capability::ReportSelf);
                let ending = role == Role::HiddenModerator && capability == Capability::EndRoom;
                assert_eq!(allowed, watching || ending, "{role:?} {capability:?}");
            }
        }
    }

    #[test]
    fn locks_bind_attendees_and_spare_moderators_except_at_the_whiteboard() {
        for capability in capabilities() {
            let attendee = decide(&actor(Role::Attendee, ALL_LOCKED), &OPEN, capability);
            let moderator = decide(&actor(Role::Moderator, ALL_LOCKED), &OPEN, capability);
            match capability {
                Capability::EditWhiteboard => assert_eq!(moderator, Err(Denial::Locked)),
                Capability::Present => assert_eq!(moderator, Err(Denial::NotPresenter)),
                _ => assert_eq!(moderator, Ok(()), "{capability:?}"),
            }
            match capability {
                Capability::Subscribe
                | Capability::Listen
                | Capability::SeeUsers
                | Capability::RaiseHand
                | Capability::Vote
                | Capability::ReportSelf => assert_eq!(attendee, Ok(()), "{capability:?}"),
                Capability::LowerOthersHand
                | Capability::RemoveOthersChat
                | Capability::Instruct
                | Capability::ManageWaitingRoom
                | Capability::ManagePolls
                | Capability::ManageBreakouts
                | Capability::PlayMedia
                | Capability::ExtendMeeting
                | Capability::EndRoom => {
                    assert_eq!(attendee, Err(Denial::NotModerator));
                }
                Capability::Present => assert_eq!(attendee, Err(Denial::NotPresenter)),
                _ => assert_eq!(attendee, Err(Denial::Locked), "{capability:?}"),
            }
        }
    }

    #[test]
    fn a_locked_private_chat_still_reaches_moderators() {
        let locks = Locks { private_chat: true, ..Locks::default() };
        let ana = actor(Role::Attendee, locks);

        assert_eq!(decide(&ana, &OPEN, Capability::PrivateChatToAttendee), Err(Denial::Locked));
        assert_eq!(decide(&ana, &OPEN, Capability::PrivateChatToModerator), Ok(()));
    }

    #[test]
    fn webcams_can_be_kept_to_moderators() {
        let rules = Rules { only_moderators_webcams: true, ..OPEN };
        let camera = Capability::Publish(Source::Camera);

        assert_eq!(decide(&actor(Role::Attendee, Locks::default()), &rules, camera), Err(Denial::NotModerator));
        assert_eq!(decide(&actor(Role::Moderator, Locks::default()), &rules, camera), Ok(()));
    }

    #[test]
    fn media_rights_follow_the_table() {
        let rules = Rules { see_other_webcams: false, ..OPEN };
        let locks = Locks { screen_sharing: true, ..Locks::default() };
        let attendee = media_permission(&actor(Role::Attendee, locks), &rules);

        assert!(attendee.publish.contains(Source::Camera) && attendee.publish.contains(Source::Microphone));
        assert!(!attendee.publish.contains(Source::ScreenShare));
        assert_eq!(attendee.cameras, CameraView::Moderators);
        assert!(attendee.publish_data);
        let closed = Rules { media_data: false, ..OPEN };
        assert!(!media_permission(&actor(Role::Moderator, Locks::default()), &closed).publish_data);

        let waiting = media_permission(&actor(Role::Waiting, locks), &rules);
        assert!(waiting.publish.is_empty() && !waiting.subscribe);

        let bot = media_permission(&actor(Role::Recorder, Locks::default()), &rules);
        assert!(bot.hidden && bot.subscribe && bot.publish.is_empty());
        assert_eq!(bot.cameras, CameraView::Everyone);
    }
}
