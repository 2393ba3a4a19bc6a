//! Microphones, cameras and shared screens of others: mute, stop, ask, and who may unmute themselves
//! (meeting-protocol.md section 14.4, docs/api.md "In-meeting extensions").

use model::media::{Source, Sources};
use model::policy::Capability;
use model::{Identity, UserId};
use prost::Message;
use wire::livekit::TrackSource;
use wire::plenum::{Asked, Notice, Stopped, notice::What};
use wire::pnm::NatsSystemNotificationTypes as Severity;

use crate::locks::LockService;
use crate::moderation::{Device, ModerationRefusal};
use crate::notices::{MediaStep, OnMedia};
use crate::output::{Moment, Output};
use crate::person::{Person, Presence};
use crate::rules;
use crate::state::Room;

/// `false` while attendees may not unmute themselves.
pub(crate) const SELF_UNMUTE: &str = "plenum_self_unmute";
pub(crate) const NOT_ALLOWED: &str = "false";

impl Person {
    /// Whether the microphone is held because attendees may not unmute themselves.
    pub(crate) fn is_held(&self) -> bool {
        self.metadata.extra_data.contains_key(HELD)
    }

    /// Says so, or no longer; whether it was so.
    pub(crate) fn set_held(&mut self, held: bool) -> bool {
        if held {
            self.metadata.extra_data.insert(HELD.into(), "true".into()).is_some()
        } else {
            self.metadata.extra_data.remove(HELD).is_some()
        }
    }

    const fn is_on(&self, source: Source) -> bool {
        self.on_air.contains(source)
    }
}

/// Somebody's microphone is held.
pub(crate) const HELD: &str = "plenum_held";

impl Room {
    pub(crate) fn allows_self_unmute(&self) -> bool {
        self.extra(SELF_UNMUTE) != Some(NOT_ALLOWED)
    }

    pub(crate) fn allow_self_unmute(&mut self, now: Moment, allowed: bool) {
        let changed = self.set_extra(SELF_UNMUTE, (!allowed).then(|| NOT_ALLOWED.to_owned()));
        self.tell_if(now, changed);
        if !changed {
            return;
        }
        for user in self.people.keys().cloned().collect::<Vec<_>>() {
            let on = self.people.get(&user).is_some_and(|person| person.is_on(Source::Microphone));
            if allowed {
                self.let_go(now, &user);
            } else if !on {
                self.hold(now, &user);
            }
        }
    }

    /// Takes an attendee's right to turn the microphone on, unless a moderator locked it anyway.
    pub(crate) fn hold(&mut self, now: Moment, user: &UserId) {
        if self.set_hold(user) {
            self.locks_changed(now, user);
        }
    }

    /// The same without telling anybody; whether that changed anything.
    pub(crate) fn set_hold(&mut self, user: &UserId) -> bool {
        let by_default = self.metadata.default_lock_settings.and_then(|locks| locks.lock_microphone);
        let Some(person) = self.people.get_mut(user).filter(|person| !person.is_admin() && !person.is_out()) else {
            return false;
        };
        let own = person.metadata.lock_settings.get_or_insert_default();
        if own.lock_microphone.or(by_default) == Some(true) {
            return false;
        }
        own.lock_microphone = Some(true);
        person.set_held(true);
        true
    }

    /// Gives a held microphone back what the room's locks say.
    fn let_go(&mut self, now: Moment, user: &UserId) {
        if self.set_free(user) {
            self.locks_changed(now, user);
        }
    }

    /// The same without telling anybody; whether that changed anything.
    pub(crate) fn set_free(&mut self, user: &UserId) -> bool {
        let by_default = self.metadata.default_lock_settings.and_then(|locks| locks.lock_microphone);
        self.people
            .get_mut(user)
            .filter(|person| person.is_held())
            .is_some_and(|person| person.set_lock(LockService::Microphone, Some(by_default.unwrap_or(false))))
    }

    pub(crate) fn ask(
        &mut self,
        now: Moment,
        by: &UserId,
        user: &UserId,
        device: Device,
    ) -> Result<(), ModerationRefusal> {
        let person = self.shown(user).ok_or(ModerationRefusal::NotActive)?;
        let held = device == Device::Microphone && person.is_held();
        if !held {
            self.may(person, Capability::Publish(device.source())).map_err(|denial| match denial {
                model::policy::Denial::Locked => ModerationRefusal::DeviceLocked,
                other => ModerationRefusal::Denied(other),
            })?;
        }
        if !self.people.get_mut(by).is_some_and(|asker| asker.allowance.asks.take(now.at)) {
            return Err(ModerationRefusal::TooOften);
        }
        if held {
            self.lock_person(now, user, LockService::Microphone, Some(false));
        }
        let (by_user_id, by_name) = self.named(by);
        let text = match device {
            Device::Microphone => "A moderator asks you to turn your microphone on.",
            Device::Camera => "A moderator asks you to turn your camera on.",
            Device::ScreenShare => "A moderator asks you to share your screen.",
        };
        let what = What::Asked(Asked { device: wire_device(device).into(), by_user_id, by_name });
        self.notify_with(now, user, text, true, &Notice { what: Some(what) });
        Ok(())
    }

    pub(crate) fn stop(
        &mut self,
        now: Moment,
        by: &UserId,
        user: &UserId,
        device: Device,
    ) -> Result<(), ModerationRefusal> {
        let person = self.people.get(user).filter(|person| person.is_around()).ok_or(ModerationRefusal::NotActive)?;
        if person.is_admin() {
            return Err(ModerationRefusal::Moderator);
        }
        self.take_off_air(now, by, user, device);
        Ok(())
    }

    /// Takes something off the air on the media plane, and tells its owner if it was on. Of those who are not around nothing is.
    pub(crate) fn take_off_air(&mut self, now: Moment, by: &UserId, user: &UserId, device: Device) {
        if !self.people.get(user).is_some_and(Person::is_around) {
            return;
        }
        let sources = match device {
            Device::Microphone => {
                self.outputs.push_back(Output::Mute { who: Identity::from(user) });
                return self.tell_stopped(now, by, user, device);
            }
            Device::Camera => Sources::NONE.with(Source::Camera),
            Device::ScreenShare => Sources::NONE.with(Source::ScreenShare).with(Source::ScreenShareAudio),
        };
        self.outputs.push_back(Output::Unpublish { user: user.clone(), sources });
        self.tell_stopped(now, by, user, device);
    }

    /// Mutes everybody whom it concerns. Who may not unmute themselves cannot take it back.
    pub(crate) fn mute_all(&mut self, now: Moment, by: &UserId, including_moderators: bool) {
        for user in self.to_mute(by, including_moderators) {
            self.take_off_air(now, by, &user, Device::Microphone);
            if !self.allows_self_unmute() {
                self.hold(now, &user);
            }
        }
    }

    fn to_mute(&self, by: &UserId, including_moderators: bool) -> Vec<UserId> {
        self.people
            .values()
            .filter(|person| person.id != *by && person.is_around() && !person.is_waiting())
            .filter(|person| including_moderators || !person.is_admin())
            .map(|person| person.id.clone())
            .collect()
    }

    /// Whether there is anybody to mute.
    pub fn has_listeners_of(&self, by: &UserId) -> bool {
        !self.to_mute(by, true).is_empty()
    }

    /// Whether one microphone may be muted for this moderator, and whether it is on.
    ///
    /// # Errors
    /// Why not.
    pub fn may_mute(&self, by: &UserId, user: &UserId) -> Result<bool, ModerationRefusal> {
        self.may_moderate(by, Capability::MuteOthers)?;
        let person = self.people.get(user).ok_or(ModerationRefusal::NoMetadata)?;
        if person.is_around() && !person.is_waiting() {
            Ok(person.is_on(Source::Microphone))
        } else {
            Err(ModerationRefusal::NotActive)
        }
    }

    fn tell_stopped(&mut self, now: Moment, by: &UserId, user: &UserId, device: Device) {
        if self.people.get(user).is_some_and(|person| person.is_on(device.source())) {
            self.say_stopped(now, by, user, device);
        }
    }

    pub(crate) fn say_stopped(&mut self, now: Moment, by: &UserId, user: &UserId, device: Device) {
        if user == by {
            return;
        }
        let (by_user_id, by_name) = self.named(by);
        let text = match device {
            Device::Microphone => "A moderator muted your microphone.",
            Device::Camera => "A moderator turned your camera off.",
            Device::ScreenShare => "A moderator ended your screen sharing.",
        };
        let what = What::Stopped(Stopped { device: wire_device(device).into(), by_user_id, by_name });
        self.notify_with(now, user, text, false, &Notice { what: Some(what) });
    }

    fn named(&self, user: &UserId) -> (String, String) {
        (user.to_string(), self.people.get(user).map(|person| person.name.clone()).unwrap_or_default())
    }

    fn notify_with(&mut self, now: Moment, to: &UserId, text: &str, with_sound: bool, notice: &Notice) {
        let to = std::slice::from_ref(to);
        self.notify_carrying(now, to, Severity::NatsSystemNotificationInfo, text, with_sound, notice.encode_to_vec());
    }

    /// What somebody is connected with was decided when they asked. What was decided since then found nobody there.
    fn look_after_entry(&mut self, user: &UserId, who: &Identity) {
        let Some(person) = self.people.get(user).filter(|_| !rules::BOTS.contains(&user.as_str())) else { return };
        self.outputs.push_back(if person.is_out() || matches!(person.presence, Presence::Away) {
            Output::RemoveFromMedia { who: who.clone(), duplicate: false }
        } else {
            Output::UpdateMediaRights { user: user.clone() }
        });
    }

    /// Keeps what is on the air. Who comes into a room that begins muted is muted once; who may not unmute themselves
    /// and mutes is held.
    pub(crate) fn follow_media(&mut self, now: Moment, step: &OnMedia) {
        let Some((user, by_twin)) = self.owner_of(&step.who) else { return };
        let track = step.track.as_ref();
        let source = track.and_then(|track| source_of(track.source()));
        let is_muted = track.is_some_and(|track| track.muted);
        let Some(person) = self.people.get_mut(&user) else { return };
        match (step.what, source) {
            (MediaStep::Joined, _) => return self.look_after_entry(&user, &step.who),
            // What else they publish, their own connection does.
            (MediaStep::Left, _) if by_twin => return,
            (MediaStep::Left, _) => {
                person.on_air = Sources::NONE;
                return;
            }
            (MediaStep::Unpublished, Some(source)) => person.on_air = person.on_air.without(source),
            (MediaStep::Published | MediaStep::Muted, Some(source)) if is_muted => {
                person.on_air = person.on_air.without(source);
            }
            (MediaStep::Published | MediaStep::Muted, Some(source)) => person.on_air = person.on_air.with(source),
            _ => return,
        }
        if source != Some(Source::Microphone) || step.what == MediaStep::Unpublished {
            return;
        }
        let begins_muted = self.metadata.room_features.as_ref().is_some_and(|features| features.mute_on_start);
        let Some(person) = self.people.get_mut(&user) else { return };
        let is_first = step.what == MediaStep::Published && !std::mem::replace(&mut person.was_heard, true);
        if is_first {
            self.person_changed(&user);
        }
        if is_first && begins_muted && !is_muted {
            self.outputs.push_back(Output::Mute { who: step.who.clone() });
        }
        if is_muted && !self.allows_self_unmute() && !rules::BOTS.contains(&user.as_str()) {
            self.hold(now, &user);
        }
    }
}

const fn wire_device(device: Device) -> wire::plenum::Device {
    match device {
        Device::Microphone => wire::plenum::Device::Microphone,
        Device::Camera => wire::plenum::Device::Camera,
        Device::ScreenShare => wire::plenum::Device::ScreenShare,
    }
}

const fn source_of(source: TrackSource) -> Option<Source> {
    Some(match source {
        TrackSource::Camera => Source::Camera,
        TrackSource::Microphone => Source::Microphone,
        TrackSource::ScreenShare => Source::ScreenShare,
        TrackSource::ScreenShareAudio => Source::ScreenShareAudio,
        TrackSource::Unknown => return None,
    })
}
