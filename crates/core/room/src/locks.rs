//! Locks: what moderators take away from somebody or everybody (meeting-protocol.md section 14.3).

use model::UserId;
use wire::pnm::LockSettings;

use crate::moderation::{ModerationRefusal, Whom};
use crate::output::{Moment, Output};
use crate::person::Person;
use crate::rules;
use crate::state::Room;

/// The ten locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockService {
    /// `mic`
    Microphone,
    /// `webcam`
    Webcam,
    /// `screenShare`
    ScreenShare,
    /// `chat`
    Chat,
    /// `sendChatMsg`
    SendChatMessage,
    /// `chatFile`
    ChatFile,
    /// `privateChat`
    PrivateChat,
    /// `whiteboard`; the one that binds moderators as well
    Whiteboard,
    /// `sharedNotepad`
    SharedNotepad,
    /// `reactions`
    Reactions,
}

impl LockService {
    /// By its name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "mic" => Self::Microphone,
            "webcam" => Self::Webcam,
            "screenShare" => Self::ScreenShare,
            "chat" => Self::Chat,
            "sendChatMsg" => Self::SendChatMessage,
            "chatFile" => Self::ChatFile,
            "privateChat" => Self::PrivateChat,
            "whiteboard" => Self::Whiteboard,
            "sharedNotepad" => Self::SharedNotepad,
            "reactions" => Self::Reactions,
            _ => return None,
        })
    }

    /// Its place in the settings.
    pub(crate) const fn of(self, settings: &mut LockSettings) -> &mut Option<bool> {
        match self {
            Self::Microphone => &mut settings.lock_microphone,
            Self::Webcam => &mut settings.lock_webcam,
            Self::ScreenShare => &mut settings.lock_screen_sharing,
            Self::Chat => &mut settings.lock_chat,
            Self::SendChatMessage => &mut settings.lock_chat_send_message,
            Self::ChatFile => &mut settings.lock_chat_file_share,
            Self::PrivateChat => &mut settings.lock_private_chat,
            Self::Whiteboard => &mut settings.lock_whiteboard,
            Self::SharedNotepad => &mut settings.lock_shared_notepad,
            Self::Reactions => &mut settings.lock_reactions,
        }
    }
}

impl Room {
    pub(crate) fn lock(
        &mut self,
        now: Moment,
        by: &UserId,
        whom: &Whom,
        service: LockService,
        locked: bool,
    ) -> Result<(), ModerationRefusal> {
        match whom {
            Whom::All => {
                self.lock_by_default(now, service, Some(locked));
                // Those who are away for a moment come back to it as well.
                for user in self.bound_by(by, service) {
                    self.lock_person(now, &user, service, Some(locked));
                }
            }
            Whom::One(user) => {
                let person = self.people.get(user).ok_or(ModerationRefusal::NoMetadata)?;
                if person.is_admin() && service != LockService::Whiteboard {
                    return Err(ModerationRefusal::Moderator);
                }
                self.lock_person(now, user, service, Some(locked));
            }
        }
        Ok(())
    }

    /// Whom a lock for everybody concerns.
    pub(crate) fn bound_by(&self, by: &UserId, service: LockService) -> Vec<UserId> {
        let spared = |person: &Person| person.is_admin() && service != LockService::Whiteboard;
        let bound = |person: &&Person| {
            person.id != *by && !spared(person) && !rules::BOTS.contains(&person.id.as_str()) && !person.is_out()
        };
        self.people.values().filter(bound).map(|person| person.id.clone()).collect()
    }

    /// What people who come find.
    pub(crate) fn lock_by_default(&mut self, now: Moment, service: LockService, locked: Option<bool>) {
        let setting = service.of(self.metadata.default_lock_settings.get_or_insert_default());
        if std::mem::replace(setting, locked) != locked {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }

    /// Somebody's own setting. One of the microphone is a moderator's word, whatever held it before.
    pub(crate) fn lock_person(&mut self, now: Moment, user: &UserId, service: LockService, locked: Option<bool>) {
        let Some(person) = self.people.get_mut(user) else { return };
        let setting = service.of(person.metadata.lock_settings.get_or_insert_default());
        let was = std::mem::replace(setting, locked);
        let was_held = service == LockService::Microphone && person.set_held(false);
        if was == locked && !was_held {
            return;
        }
        self.outputs.push_back(Output::UpdateMediaRights { user: user.clone() });
        self.person_metadata_changed(now, user);
    }
}
