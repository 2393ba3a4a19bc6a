//! The waiting room's switch, and putting a meeting at rest when it gets out of hand (docs/api.md "In-meeting
//! extensions").

use model::UserId;

use crate::devices::{NOT_ALLOWED, SELF_UNMUTE};
use crate::locks::LockService;
use crate::moderation::{Device, ModerationRefusal};
use crate::output::Moment;
use crate::state::Room;

/// Since when the meeting is at rest, unix milliseconds.
pub(crate) const AT_REST: &str = "plenum_panic";
/// Who put it there.
pub(crate) const AT_REST_BY: &str = "plenum_panic_by";
/// What attendees lose while it lasts.
const LOCKED: [LockService; 2] = [LockService::Chat, LockService::ScreenShare];

/// How things were before, kept in the journal as it is.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Before {
    #[prost(message, required, tag = "1")]
    pub(crate) by_default: LocksBefore,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) own: std::collections::BTreeMap<String, LocksBefore>,
    #[prost(bool, tag = "3")]
    pub(crate) self_unmute: bool,
    #[prost(bool, optional, tag = "4")]
    pub(crate) lobby: Option<bool>,
}

/// The locks of [`LOCKED`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LocksBefore {
    #[prost(bool, optional, tag = "1")]
    chat: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    screen_sharing: Option<bool>,
}

impl LocksBefore {
    fn of(settings: Option<&wire::pnm::LockSettings>) -> Self {
        let settings = settings.copied().unwrap_or_default();
        Self { chat: settings.lock_chat, screen_sharing: settings.lock_screen_sharing }
    }

    const fn get(&self, service: LockService) -> Option<bool> {
        match service {
            LockService::ScreenShare => self.screen_sharing,
            _ => self.chat,
        }
    }
}

impl Room {
    pub(crate) fn set_lobby(&mut self, now: Moment, on: bool) -> Result<(), ModerationRefusal> {
        let features = self.metadata.room_features.as_mut().and_then(|f| f.waiting_room_features.as_mut());
        let waiting = features.ok_or(ModerationRefusal::NoFeature)?;
        let changed = std::mem::replace(&mut waiting.is_active, on) != on;
        self.tell_if(now, changed);
        Ok(())
    }

    /// Whoever does it while it is so, as when two moderators do, makes everything quiet once more. How things were before
    /// is what they were before the first of them.
    pub(crate) fn put_at_rest(&mut self, now: Moment, by: &UserId) {
        let attendees: Vec<UserId> = self.bound_by(by, LockService::Chat);
        let mut changed = self.before.is_none();
        if changed {
            self.before = Some(self.as_it_is(&attendees));
            self.set_extra(AT_REST, Some(now.unix_ms.to_string()));
            self.set_extra(AT_REST_BY, Some(by.to_string()));
        }
        changed |= self.set_extra(SELF_UNMUTE, Some(NOT_ALLOWED.into()));
        let defaults = self.metadata.default_lock_settings.get_or_insert_default();
        for service in LOCKED {
            changed |= service.of(defaults).replace(true) != Some(true);
        }
        if let Some(waiting) = self.metadata.room_features.as_mut().and_then(|f| f.waiting_room_features.as_mut()) {
            changed |= !std::mem::replace(&mut waiting.is_active, true);
        }
        self.tell_if(now, changed);
        for user in attendees {
            for device in [Device::Microphone, Device::Camera, Device::ScreenShare] {
                self.take_off_air(now, by, &user, device);
            }
            let mut changed = self.set_hold(&user);
            if let Some(person) = self.people.get_mut(&user) {
                for service in LOCKED {
                    changed |= person.set_lock(service, Some(true));
                }
            }
            if changed {
                self.locks_changed(now, &user);
            }
        }
    }

    fn as_it_is(&self, attendees: &[UserId]) -> Before {
        let lobby = self.metadata.room_features.as_ref().and_then(|f| f.waiting_room_features.as_ref());
        Before {
            by_default: LocksBefore::of(self.metadata.default_lock_settings.as_ref()),
            own: attendees
                .iter()
                .filter_map(|user| self.people.get(user))
                .map(|person| (person.id.to_string(), LocksBefore::of(person.metadata.lock_settings.as_ref())))
                .collect(),
            self_unmute: self.allows_self_unmute(),
            lobby: lobby.map(|waiting| waiting.is_active),
        }
    }

    /// Back as it was; whoever is late changes nothing.
    pub(crate) fn end_rest(&mut self, now: Moment) {
        let Some(before) = self.before.take() else { return };
        self.set_extra(AT_REST, None);
        self.set_extra(AT_REST_BY, None);
        self.set_extra(SELF_UNMUTE, (!before.self_unmute).then(|| NOT_ALLOWED.to_owned()));
        let defaults = self.metadata.default_lock_settings.get_or_insert_default();
        for service in LOCKED {
            *service.of(defaults) = before.by_default.get(service);
        }
        let waiting = self.metadata.room_features.as_mut().and_then(|f| f.waiting_room_features.as_mut());
        if let (Some(waiting), Some(lobby)) = (waiting, before.lobby) {
            waiting.is_active = lobby;
        }
        self.tell_if(now, true);
        for user in self.people.values().filter(|p| !p.is_admin()).map(|p| p.id.clone()).collect::<Vec<_>>() {
            // Who came meanwhile gets what the room says.
            let own = before.own.get(user.as_str()).unwrap_or(&before.by_default);
            let mut changed = false;
            if let Some(person) = self.people.get_mut(&user) {
                for service in LOCKED {
                    changed |= person.set_lock(service, own.get(service));
                }
            }
            changed |= before.self_unmute && self.set_free(&user);
            if changed {
                self.locks_changed(now, &user);
            }
        }
    }
}
