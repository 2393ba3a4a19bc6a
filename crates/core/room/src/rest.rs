//! The waiting room's switch, and putting a meeting at rest when it gets out of hand (docs/api.md "In-meeting
//! extensions").

use model::UserId;

use crate::devices::SELF_UNMUTE;
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

    pub(crate) fn put_at_rest(&mut self, now: Moment, by: &UserId) -> Result<(), ModerationRefusal> {
        if self.before.is_some() {
            return Err(ModerationRefusal::AtRest);
        }
        let attendees: Vec<UserId> = self.bound_by(by, LockService::Chat);
        let lobby = self.metadata.room_features.as_ref().and_then(|f| f.waiting_room_features.as_ref());
        self.before = Some(Before {
            by_default: LocksBefore::of(self.metadata.default_lock_settings.as_ref()),
            own: attendees
                .iter()
                .filter_map(|user| self.people.get(user))
                .map(|person| (person.id.to_string(), LocksBefore::of(person.metadata.lock_settings.as_ref())))
                .collect(),
            self_unmute: self.allows_self_unmute(),
            lobby: lobby.map(|waiting| waiting.is_active),
        });
        self.set_extra(AT_REST, Some(now.unix_ms.to_string()));
        self.set_extra(AT_REST_BY, Some(by.to_string()));
        self.set_extra(SELF_UNMUTE, Some("false".into()));
        let defaults = self.metadata.default_lock_settings.get_or_insert_default();
        for service in LOCKED {
            *service.of(defaults) = Some(true);
        }
        if let Some(waiting) = self.metadata.room_features.as_mut().and_then(|f| f.waiting_room_features.as_mut()) {
            waiting.is_active = true;
        }
        self.tell_if(now, true);
        for user in attendees {
            for device in [Device::Microphone, Device::Camera, Device::ScreenShare] {
                self.take_off_air(now, by, &user, device);
            }
            for service in LOCKED {
                self.lock_person(now, &user, service, Some(true));
            }
            self.hold(now, &user);
        }
        Ok(())
    }

    pub(crate) fn end_rest(&mut self, now: Moment) -> Result<(), ModerationRefusal> {
        let before = self.before.take().ok_or(ModerationRefusal::NotAtRest)?;
        self.set_extra(AT_REST, None);
        self.set_extra(AT_REST_BY, None);
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
            for service in LOCKED {
                self.lock_person(now, &user, service, own.get(service));
            }
        }
        self.allow_self_unmute(now, before.self_unmute);
        Ok(())
    }
}
