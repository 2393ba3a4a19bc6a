//! Who receives what (media-protocol.md section 9): one function compares wish and permission with what is, and acts.

use crate::participant::{Participant, SlotState};
use crate::room::MediaRoom;
use crate::track::Track;
use crate::types::{Kind, Now, Output, PeerKey, Settings, TrackKey};
use model::media::{CameraView, ParticipantKind, Source};
use std::collections::{HashMap, HashSet};
use wire::lk;
use wire::lk::request_response::Reason;
use wire::lk::signal_response::Message as Response;

/// Most tracks one session receives.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 400;

/// The same of who records: everything there is, in a room as large as any.
const MAX_RECORDED: usize = 2000;

/// Most entries of a publisher's audience.
pub(crate) const MAX_AUDIENCE: usize = 1000;

/// With so many tracks a choice of an audience counts as two, with twice as many as three.
const TRACKS_PER_CHOICE: usize = 8;

/// Most unknown tracks of one request that are named back.
const MAX_UNKNOWN: usize = 20;

impl Participant {
    /// Whether it receives as many tracks as it may.
    pub(crate) fn is_full(&self) -> bool {
        let most = if self.kind == ParticipantKind::Egress { MAX_RECORDED } else { MAX_SUBSCRIPTIONS };
        self.subscriptions.len() >= most
    }
}

impl MediaRoom {
    /// Brings one subscriber's subscriptions in line with what is published, wished and allowed.
    pub(crate) fn reconcile(&mut self, peer: PeerKey, now: Now) {
        let all: Vec<TrackKey> = self.tracks.keys().copied().collect();
        self.reconcile_tracks(peer, &all, now);
    }

    /// The same where nothing changed but those tracks.
    pub(crate) fn reconcile_tracks(&mut self, peer: PeerKey, tracks: &[TrackKey], now: Now) {
        let Some(subscriber) = self.participants.get(&peer) else { return };
        let full = subscriber.is_full();
        let mut add = Vec::new();
        let mut park = Vec::new();
        let mut drop = Vec::new();
        let mut clear = Vec::new();
        for track in tracks.iter().filter_map(|key| self.tracks.get(key)) {
            if track.owner == peer {
                continue;
            }
            let Some(owner) = self.participants.get(&track.owner) else { continue };
            if !owner.tracks.contains(&track.key) {
                continue;
            }
            let wished = subscriber.choices.get(&track.key).copied().unwrap_or(subscriber.auto_subscribe);
            let visible = subscriber.permission.subscribe && !owner.permission.hidden;
            let allowed = visible && self.may_receive(subscriber, owner, track);
            let has = subscriber.subscriptions.contains_key(&track.key);
            let parked = subscriber.parked.contains(&track.key);
            match (wished && visible, allowed) {
                (true, true) if !has => add.push(track.key),
                (true, false) if !parked => park.push((track.key, track.owner)),
                (false, _) if has => drop.push((track.key, track.owner)),
                (false, _) if parked => clear.push(track.key),
                _ => {}
            }
        }
        if add.is_empty() && park.is_empty() && drop.is_empty() && clear.is_empty() {
            return;
        }
        // Places of a full subscriber that become free are for any track.
        let any = full && tracks.len() < self.tracks.len() && (!park.is_empty() || !drop.is_empty());
        for (key, owner) in park {
            self.drop_subscription(peer, key, owner, now);
            if let Some(subscriber) = self.participants.get_mut(&peer) {
                subscriber.parked.insert(key);
            }
        }
        for (key, owner) in drop {
            self.drop_subscription(peer, key, owner, now);
        }
        // Where there is no room for all: sound before pictures, then the oldest.
        add.sort_by_key(|key| self.tracks.get(key).is_none_or(|track| track.kind == Kind::Video));
        let mut newly_heard: Vec<PeerKey> = Vec::new();
        for key in add {
            let owner = self.tracks.get(&key).map(|track| track.owner);
            let first = owner.filter(|owner| !self.hears(peer, *owner));
            // Where there is no place for one there is none for those behind it.
            if !self.add_subscription(peer, key, now) {
                break;
            }
            newly_heard.extend(first);
        }
        if self.participants.get(&peer).is_some_and(|subscriber| subscriber.was_active) {
            self.tell_heard(peer, &newly_heard);
        }
        if let Some(subscriber) = self.participants.get_mut(&peer) {
            for key in clear {
                subscriber.parked.remove(&key);
            }
        }
        self.permissions_changed(peer, now);
        self.want_round(peer, now);
        if any {
            self.reconcile(peer, now);
        }
    }

    /// Tells one participant who speaks, and how good their connections are, of those it hears now.
    pub(crate) fn tell_heard(&mut self, peer: PeerKey, heard: &[PeerKey]) {
        self.tell_speakers(peer, heard, false);
        self.tell_qualities(peer, heard);
    }

    /// Whether one more track can be subscribed to. Sound takes the place of a picture where there is no other: of one that the
    /// client does not show, else of the youngest; the picture waits as if it had come later.
    fn make_place(&mut self, peer: PeerKey, key: TrackKey, now: Now) -> bool {
        let Some(subscriber) = self.participants.get(&peer) else { return false };
        if !subscriber.is_full() {
            return true;
        }
        let kind = |key: &TrackKey| self.tracks.get(key).map(|track| track.kind);
        if kind(&key) != Some(Kind::Audio) {
            return false;
        }
        let pictures = subscriber.subscriptions.iter().filter(|(key, _)| kind(key) == Some(Kind::Video));
        let Some((picture, _)) = pictures.max_by_key(|(key, settings)| (settings.disabled, **key)) else {
            return false;
        };
        let picture = *picture;
        let Some(owner) = self.tracks.get(&picture).map(|track| track.owner) else { return false };
        self.drop_subscription(peer, picture, owner, now);
        true
    }

    /// `false` if there is no place for it.
    fn add_subscription(&mut self, peer: PeerKey, key: TrackKey, now: Now) -> bool {
        if !self.make_place(peer, key, now) {
            return false;
        }
        let Some(subscriber) = self.participants.get_mut(&peer) else { return false };
        // What was asked for before counts again, so that a hidden picture stays hidden.
        let settings = subscriber.wishes.get(&key).copied().unwrap_or_else(|| subscriber.default_settings());
        subscriber.subscriptions.insert(key, settings);
        subscriber.parked.remove(&key);
        let Some(track) = self.tracks.get_mut(&key) else { return true };
        let (owner, track_sid) = (track.owner, track.sid().to_owned());
        if !std::mem::replace(&mut track.subscribed, true) {
            self.send(owner, Response::TrackSubscribed(lk::TrackSubscribed { track_sid }));
        }
        true
    }

    /// Ends a subscription to a track of `owner`'s, which may be gone; its section drains (section 7.4).
    pub(crate) fn drop_subscription(&mut self, peer: PeerKey, key: TrackKey, owner: PeerKey, now: Now) {
        let Some(subscriber) = self.participants.get_mut(&peer) else { return };
        subscriber.parked.remove(&key);
        subscriber.paused.remove(&key);
        if !self.tracks.contains_key(&key) {
            subscriber.permissions.forget(key);
            subscriber.choices.remove(&key);
            subscriber.wishes.remove(&key);
        }
        if subscriber.subscriptions.remove(&key).is_none() {
            return;
        }
        let slot = subscriber.slots.iter_mut().find(|slot| slot.track() == Some(key));
        if let Some(slot) = slot {
            slot.state = SlotState::Draining;
            if let Some(mid) = slot.mid.clone() {
                self.outputs.push_back(Output::Unbind { peer, mid });
            }
        }
        self.want_round(peer, now);
        // Whoever speaks and of whom nothing is received any more is silent (section 12.2).
        if self.speaking.contains_key(&owner) && !self.hears(peer, owner) {
            let sid = self.participants.get(&owner).map(|owner| owner.sid().to_owned()).unwrap_or_default();
            let silent = lk::SpeakerInfo { sid, level: 0.0, active: false };
            self.send(peer, Response::SpeakersChanged(lk::SpeakersChanged { speakers: vec![silent] }));
        }
    }

    /// Whether a participant receives anything of another's.
    pub(crate) fn hears(&self, peer: PeerKey, owner: PeerKey) -> bool {
        let Some(subscriber) = self.participants.get(&peer) else { return false };
        let Some(owner) = self.participants.get(&owner) else { return false };
        owner.tracks.iter().any(|track| subscriber.subscriptions.contains_key(track))
    }

    /// `subscription`: the client's own choice. The two lists of the message name the same tracks.
    pub(crate) fn update_subscription(&mut self, peer: PeerKey, update: &lk::UpdateSubscription, now: Now) {
        let sids =
            update.track_sids.iter().chain(update.participant_tracks.iter().flat_map(|tracks| &tracks.track_sids));
        let mut unknown: Vec<&String> = Vec::new();
        let mut keys: Vec<TrackKey> = Vec::new();
        for sid in sids.take(2 * MAX_SUBSCRIPTIONS) {
            match self.by_sid.get(sid) {
                Some(key) => keys.push(*key),
                None if update.subscribe && unknown.len() < MAX_UNKNOWN && !unknown.contains(&sid) => unknown.push(sid),
                None => {}
            }
        }
        for sid in unknown {
            self.subscription_failed(peer, sid.clone(), lk::SubscriptionError::SeTrackNotfound);
        }
        let Some(subscriber) = self.participants.get_mut(&peer) else { return };
        keys.sort_unstable();
        keys.dedup();
        for key in &keys {
            subscriber.choices.insert(*key, update.subscribe);
        }
        self.reconcile_tracks(peer, &keys, now);
    }

    pub(crate) fn subscription_failed(&mut self, peer: PeerKey, track_sid: String, why: lk::SubscriptionError) {
        self.send(peer, Response::SubscriptionResponse(lk::SubscriptionResponse { track_sid, err: why.into() }));
    }

    /// `track_setting` (section 9.4).
    pub(crate) fn track_setting(&mut self, peer: PeerKey, update: &lk::UpdateTrackSettings) {
        let settings = Settings {
            disabled: update.disabled || update.quality == i32::from(lk::VideoQuality::Off),
            quality: u8::try_from(update.quality.clamp(0, 2)).unwrap_or(0),
            width: update.width,
            height: update.height,
            fps: update.fps,
            priority: u8::try_from(update.priority).unwrap_or(u8::MAX),
        };
        for sid in update.track_sids.iter().take(MAX_SUBSCRIPTIONS) {
            let Some(key) = self.by_sid.get(sid).copied() else { continue };
            let Some(subscriber) = self.participants.get_mut(&peer) else { return };
            subscriber.wishes.insert(key, settings);
            let Some(current) = subscriber.subscriptions.get_mut(&key) else { continue };
            if *current != settings {
                *current = settings;
                self.outputs.push_back(Output::Settings { peer, track: key, settings });
            }
        }
    }

    /// `subscription_permission`: a publisher chooses its audience (section 9.3).
    pub(crate) fn set_audience(&mut self, peer: PeerKey, audience: lk::SubscriptionPermission, now: Now) {
        if audience.track_permissions.len() > MAX_AUDIENCE {
            self.respond(peer, 0, Reason::LimitExceeded, None);
            return;
        }
        // As it is when the choice arrives, however late it counts.
        let audience = (!audience.all_participants).then(|| self.audience(peer, audience));
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.next_audience = Some(audience);
        self.apply_audience(peer, now);
    }

    fn audience(&self, of: PeerKey, choice: lk::SubscriptionPermission) -> Audience {
        let here: HashMap<&str, &str> =
            self.participants.values().map(|one| (one.sid(), one.info.identity.as_str())).collect();
        let publisher = self.participants.get(&of);
        let former = publisher.and_then(|one| one.next_audience.as_ref().and_then(Option::as_ref));
        let former = [former, publisher.and_then(|one| one.audience.as_ref())];
        Audience::of(choice, |sid| {
            let known = here.get(sid).map(|identity| (*identity).to_owned());
            known.or_else(|| former.iter().flatten().find_map(|audience| audience.named.get(sid).cloned()))
        })
    }

    /// Lets the last choice of an audience count, or puts it off: a client that chooses too often does not hear of a refusal,
    /// and somebody would be seen by those who should not.
    pub(crate) fn apply_audience(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.audience_due = None;
        if participant.next_audience.is_none() {
            return;
        }
        // Everybody's subscription to every track is looked at.
        let cost = f64::from(u32::try_from(participant.tracks.len() / TRACKS_PER_CHOICE + 1).unwrap_or(u32::MAX));
        if let Err(due) = participant.limits.audiences.charge(cost, now.at) {
            participant.audience_due = Some(due);
            return;
        }
        let Some(audience) = participant.next_audience.take() else { return };
        participant.audience = audience;
        let tracks = participant.tracks.clone();
        for other in self.participants.keys().copied().filter(|other| *other != peer).collect::<Vec<_>>() {
            self.reconcile_tracks(other, &tracks, now);
        }
    }

    /// Rules of the publisher (its audience) and of the meeting (whose cameras one sees).
    fn may_receive(&self, subscriber: &Participant, owner: &Participant, track: &Track) -> bool {
        if track.source() == Source::Camera
            && subscriber.permission.cameras == CameraView::Moderators
            && !owner.permission.moderator
        {
            return false;
        }
        let Some(audience) = &owner.audience else { return true };
        // Recorders are no audience. Those of a meeting are hidden, whatever else they are.
        let records = subscriber.kind == ParticipantKind::Egress;
        if records || self.control.governed && subscriber.permission.hidden {
            return true;
        }
        audience.admits(subscriber, track.sid())
    }
}

/// Who may receive somebody's tracks. Whoever was named by sid is named by identity here: a session that starts over has
/// another sid, and clients say their audience again only when their own connection was lost.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    admitted: HashMap<String, Admission>,
    /// Whose the sids are that it was said with: a client that says it again has none but these.
    named: HashMap<String, String>,
}

/// What somebody may receive of them.
#[derive(Debug, Default)]
struct Admission {
    all: bool,
    sids: HashSet<String>,
}

impl Audience {
    /// Reads a choice. `identity` says whose a sid is; one of nobody admits nobody.
    fn of(permission: lk::SubscriptionPermission, identity: impl Fn(&str) -> Option<String>) -> Self {
        let mut audience = Self::default();
        for entry in permission.track_permissions {
            let by_sid = Some(entry.participant_sid).filter(|sid| !sid.is_empty()).and_then(|sid| {
                let identity = identity(&sid)?;
                audience.named.insert(sid, identity.clone());
                Some(identity)
            });
            let by_identity = Some(entry.participant_identity).filter(|identity| !identity.is_empty());
            for name in by_sid.into_iter().chain(by_identity) {
                let admission = audience.admitted.entry(name).or_default();
                admission.all |= entry.all_tracks;
                admission.sids.extend(entry.track_sids.iter().cloned());
            }
        }
        audience
    }

    fn admits(&self, subscriber: &Participant, track_sid: &str) -> bool {
        let admission = self.admitted.get(subscriber.identity.as_str());
        admission.is_some_and(|admission| admission.all || admission.sids.contains(track_sid))
    }
}
