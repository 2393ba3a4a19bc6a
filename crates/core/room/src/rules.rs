//! From the room's features and somebody's locks to what the policy table asks for.

use model::policy::{Actor, Locks, Role, Rules};
use wire::pnm;

use crate::person::Person;

/// User ids of the recorder's and the broadcaster's browser (http-api.md section 1.6).
pub(crate) const BOTS: [&str; 2] = ["RECORDER_BOT", "RTMP_BOT"];

/// `extra_data` key by which a room's creator lets LiveKit clients exchange data packets; its value is `true`.
const MEDIA_DATA: &str = "plenum_media_data";

/// Whether a breakout room takes over what its main room's creator set under this key: nothing of other APIs, and of our own
/// keys only this one.
pub(crate) fn is_inherited(key: &str) -> bool {
    key == MEDIA_DATA || !(key == wire::bbb::EXTRA_KEY || key.starts_with("plenum_"))
}

/// The room's features as the table's rules. A feature group that is missing is off.
pub(crate) fn rules(metadata: &pnm::RoomMetadata) -> Rules {
    let none = pnm::RoomCreateFeatures::default();
    let features = metadata.room_features.as_ref().unwrap_or(&none);
    Rules {
        webcams: features.allow_webcams,
        only_moderators_webcams: features.admin_only_webcams,
        screen_share: features.allow_screen_share,
        see_other_webcams: features.allow_view_other_webcams,
        see_other_users: features.allow_view_other_users_list,
        raise_hand: features.allow_raise_hand.unwrap_or(true),
        reactions: features.allow_reactions.unwrap_or(true),
        chat: features.chat_features.as_ref().is_some_and(|chat| chat.is_allow),
        whiteboard: features.whiteboard_features.as_ref().is_some_and(|board| board.is_allow),
        shared_notepad: features.shared_note_pad_features.as_ref().is_some_and(|pad| pad.is_allow),
        polls: features.polls_features.as_ref().is_some_and(|polls| polls.is_allow),
        breakouts: features.breakout_room_features.as_ref().is_some_and(|breakouts| breakouts.is_allow),
        media_player: features.external_media_player_features.as_ref().is_some_and(|player| player.is_allow),
        media_data: metadata.extra_data.get(MEDIA_DATA).is_some_and(|wish| wish == "true"),
    }
}

/// A person as the table sees them.
pub(crate) fn actor(person: &Person, metadata: &pnm::RoomMetadata) -> Actor {
    Actor {
        role: role(person),
        presenter: person.metadata.is_presenter,
        locks: locks(person.metadata.lock_settings.as_ref(), metadata.default_lock_settings.as_ref()),
    }
}

fn role(person: &Person) -> Role {
    if BOTS.contains(&person.id.as_str()) {
        Role::Recorder
    } else if person.metadata.wait_for_approval {
        Role::Waiting
    } else if person.hidden {
        if person.metadata.is_admin { Role::HiddenModerator } else { Role::Hidden }
    } else if person.metadata.is_admin {
        Role::Moderator
    } else {
        Role::Attendee
    }
}

fn locks(own: Option<&pnm::LockSettings>, room: Option<&pnm::LockSettings>) -> Locks {
    let unset = pnm::LockSettings::default();
    let (own, room) = (own.unwrap_or(&unset), room.unwrap_or(&unset));
    let effective = |own: Option<bool>, room: Option<bool>| own.or(room).unwrap_or(false);
    Locks {
        microphone: effective(own.lock_microphone, room.lock_microphone),
        webcam: effective(own.lock_webcam, room.lock_webcam),
        screen_sharing: effective(own.lock_screen_sharing, room.lock_screen_sharing),
        chat: effective(own.lock_chat, room.lock_chat),
        chat_send_message: effective(own.lock_chat_send_message, room.lock_chat_send_message),
        chat_file_share: effective(own.lock_chat_file_share, room.lock_chat_file_share),
        private_chat: effective(own.lock_private_chat, room.lock_private_chat),
        whiteboard: effective(own.lock_whiteboard, room.lock_whiteboard),
        // Unset everywhere is locked here (meeting-protocol.md section 13).
        shared_notepad: own.lock_shared_notepad.or(room.lock_shared_notepad).unwrap_or(true),
        reactions: effective(own.lock_reactions, room.lock_reactions),
    }
}

/// What of a meeting we cannot read because browsers encrypt it among themselves (meeting-protocol.md section 18.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encrypted {
    pub(crate) data: bool,
    pub(crate) chat: bool,
    pub(crate) whiteboard: bool,
}

pub(crate) fn encrypted(metadata: &pnm::RoomMetadata) -> Encrypted {
    let features = metadata.room_features.as_ref().and_then(|f| f.end_to_end_encryption_features.as_ref());
    let on = features.is_some_and(|e2ee| e2ee.is_enabled);
    Encrypted {
        data: on,
        chat: on && features.is_some_and(|e2ee| e2ee.included_chat_messages),
        whiteboard: on && features.is_some_and(|e2ee| e2ee.included_whiteboard),
    }
}
