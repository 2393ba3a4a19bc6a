//! What the server API does to a room and to those in it (media-protocol.md sections 13.5 and 19.2).
//!
//! A room of a meeting is governed: the meeting gives the rights, and what the API says of somebody lies over them as a
//! ceiling for as long as the room lives. A lock is never lifted that way, and no lock or unlock undoes it.

use crate::encode::leave;
use crate::room::MediaRoom;
use crate::types::{Now, Output, PeerKey};
use bytes::Bytes;
use model::Identity;
use model::media::{DataMessage, MediaPermission, ParticipantChange, ParticipantKind};
use prost::Message;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::data_packet::{Kind, Value};
use wire::lk::leave_request::Action;
use wire::lk::request_response::{Reason, Request};

/// Limits of section 11.3, in bytes.
pub(crate) const MAX_METADATA: usize = 512 * 1024;
pub(crate) const MAX_ATTRIBUTES: usize = 64 * 1024;
/// The same for names, in characters.
pub(crate) const MAX_NAME: usize = 256;

/// Most people of a room of whom something is remembered beyond their stay.
const MAX_REMEMBERED: usize = 1000;

/// Most attributes of somebody that are remembered as taken away.
const MAX_REMOVED: usize = 1000;

/// Longest message of the API to participants, and longest packet it makes, which travels as one data channel message.
const MAX_DATA: usize = 64 * 1000;
const MAX_PACKET: usize = 64 * 1024;

/// From this version of the signalling protocol on clients are told that a request was carried out (section 3).
const SAYS_OK: i32 = 15;

/// So many messages are known again when they are sent twice (section 13.5).
const MAX_NONCES: usize = 100;

/// How long a room stays that nobody is in (section 11.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Not at all.
    WhileSomebody,
    /// Until it is closed.
    UntilClosed,
    /// So long before anybody came, and so long after the last one left.
    Timed { empty: Duration, departure: Duration },
}

/// What the API changes of a room; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// How long it stays if nobody comes.
    pub empty_timeout: Option<Duration>,
    /// How long it stays after the last one left.
    pub departure_timeout: Option<Duration>,
    /// Most participants, hidden ones not counted; 0 is any number.
    pub max_participants: Option<u32>,
    /// Opaque.
    pub metadata: Option<String>,
    /// Sound and pictures of one publisher are played in step, from now on.
    pub sync_streams: Option<bool>,
    /// For how long receivers keep pictures before they show them, at least and at most.
    pub playout_delay: Option<(Duration, Duration)>,
}

/// Why the API's wish was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Nobody there.
    #[error("no such participant")]
    NoParticipant,
    /// No such track.
    #[error("no such track")]
    NoTrack,
    /// Beyond a limit of section 11.3.
    #[error("{0} is too large")]
    TooLarge(&'static str),
}

/// What is remembered of somebody of a governed room beyond their stay.
#[derive(Debug, Clone, Default)]
struct Said {
    name: Option<String>,
    metadata: Option<String>,
    /// Those that have a value. They are part of what everybody sees, whose size is bounded.
    attributes: BTreeMap<String, String>,
    /// Those that were taken away, oldest first: a token may still have them.
    removed: VecDeque<String>,
    ceiling: Option<MediaPermission>,
}

impl Said {
    /// Adds a change; `removed` are the attributes that it took away. Of those only the latest are known.
    fn note(&mut self, change: &ParticipantChange, removed: Vec<String>) {
        let set: BTreeMap<_, _> = change.attributes.iter().filter(|(_, value)| !value.is_empty()).collect();
        self.removed.retain(|key| !set.contains_key(key));
        self.attributes.extend(set.into_iter().map(|(key, value)| (key.clone(), value.clone())));
        for key in removed {
            self.attributes.remove(&key);
            self.removed.push_back(key);
        }
        let mut bytes = self.removed.iter().map(String::len).sum::<usize>();
        while self.removed.len() > MAX_REMOVED || bytes > MAX_ATTRIBUTES {
            bytes -= self.removed.pop_front().map_or(bytes, |oldest| oldest.len());
        }
        self.name = change.name.clone().or(self.name.take());
        self.metadata = change.metadata.clone().or(self.metadata.take());
        self.ceiling = change.permission.or(self.ceiling);
    }
}

/// The API's side of a room.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) keeping: Keeping,
    /// A meeting gives the rights.
    pub(crate) governed: bool,
    /// Tracks of one publisher that belong together come in one stream, which receivers play in step.
    pub(crate) sync_streams: bool,
    playout_delay: Option<(Duration, Duration)>,
    /// It may go as soon as it is empty.
    closed: bool,
    /// Nobody is in it but who serves others: when it closes.
    vacancy_due: Option<Instant>,
    said: HashMap<Identity, Said>,
    nonces: VecDeque<Bytes>,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            keeping: Keeping::WhileSomebody,
            governed: true,
            sync_streams: false,
            playout_delay: None,
            closed: false,
            vacancy_due: None,
            said: HashMap::new(),
            nonces: VecDeque::new(),
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.vacancy_due
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.vacancy_due = None;
    }

    /// What somebody who is given `granted` may do.
    pub(crate) fn within_ceiling(&self, who: &Identity, granted: MediaPermission) -> MediaPermission {
        match self.said.get(who).and_then(|said| said.ceiling) {
            Some(ceiling) => granted.within(ceiling),
            None => granted,
        }
    }
}

impl MediaRoom {
    /// A room that no meeting governs, and that stays for a while when it is empty.
    pub fn set_free(&mut self, now: Now) {
        self.control.governed = false;
        self.control.keeping = self.timed();
        self.note_vacancy(now);
    }

    /// A room of a meeting that stays until the meeting closes it.
    pub fn keep_until_closed(&mut self) {
        self.control.keeping = Keeping::UntilClosed;
    }

    fn timed(&self) -> Keeping {
        Keeping::Timed {
            empty: Duration::from_secs(self.info.empty_timeout.into()),
            departure: Duration::from_secs(self.info.departure_timeout.into()),
        }
    }

    /// Whether the room may go.
    pub fn is_over(&self) -> bool {
        let may_go = self.control.closed || self.control.keeping == Keeping::WhileSomebody;
        self.participants.is_empty() && may_go
    }

    /// Nobody is in it, or somebody came. Who serves others (recorders, agents) is nobody by himself.
    pub(crate) fn note_vacancy(&mut self, now: Now) {
        let is_vacant = self.participants.values().all(|participant| participant.kind.is_servant());
        self.control.vacancy_due = match self.control.keeping {
            Keeping::Timed { empty, departure } if is_vacant && !self.control.closed => {
                Some(now.at + if self.was_entered { departure } else { empty })
            }
            _ => None,
        };
    }

    /// Somebody came or went. Who serves others changes nothing: a room does not wait longer because one comes again and again.
    pub(crate) fn note_vacancy_by(&mut self, kind: ParticipantKind, now: Now) {
        if !kind.is_servant() {
            self.note_vacancy(now);
        }
    }

    pub(crate) fn close_if_vacant(&mut self, now: Now) {
        if self.control.vacancy_due.is_some_and(|due| due <= now.at) {
            let reason = lk::DisconnectReason::RoomClosed;
            self.end_all(leave(reason, Action::Disconnect), reason, now);
        }
    }

    /// What clients see of the room: an encoded `livekit.Room`.
    pub fn info(&self) -> Bytes {
        self.room_info().encode_to_vec().into()
    }

    /// Whether one more may come in (section 11.4). Who comes back takes no new place; `extra` are those who never take one.
    pub fn has_place_for(&self, who: &Identity, extra: bool) -> bool {
        let most = self.info.max_participants;
        if most == 0 || extra || self.by_identity.contains_key(who) {
            return true;
        }
        self.room_info().num_participants < most
    }

    /// Changes what the API sets of a room; clients are told.
    ///
    /// # Errors
    /// The metadata is too large; nothing changed.
    pub fn change_room(&mut self, change: RoomChange, now: Now) -> Result<(), ControlError> {
        if change.metadata.as_ref().is_some_and(|metadata| metadata.len() > MAX_METADATA) {
            return Err(ControlError::TooLarge("metadata"));
        }
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        // A meeting has times and a size of its own.
        if !self.control.governed {
            if let Some(time) = change.empty_timeout {
                self.info.empty_timeout = seconds(time);
            }
            if let Some(time) = change.departure_timeout {
                self.info.departure_timeout = seconds(time);
            }
            if let Some(most) = change.max_participants {
                self.info.max_participants = most;
            }
            self.control.keeping = self.timed();
            self.note_vacancy(now);
        }
        if let Some(metadata) = change.metadata {
            self.info.metadata = metadata;
        }
        if let Some(sync) = change.sync_streams {
            self.control.sync_streams = sync;
        }
        self.control.playout_delay = change.playout_delay.or(self.control.playout_delay);
        self.tell_room();
        Ok(())
    }

    /// For how long receivers shall keep pictures before they show them, at least and at most; `None`: they know best.
    pub fn playout_delay(&self) -> Option<(Duration, Duration)> {
        self.control.playout_delay
    }

    /// Everybody, hidden ones too, each an encoded `livekit.ParticipantInfo`.
    pub fn everybody(&self) -> Vec<Bytes> {
        self.participants.values().map(|participant| self.full_info(participant).encode_to_vec().into()).collect()
    }

    /// One participant, an encoded `livekit.ParticipantInfo`.
    pub fn participant(&self, who: &Identity) -> Option<Bytes> {
        let participant = self.participants.get(self.by_identity.get(who)?)?;
        Some(self.full_info(participant).encode_to_vec().into())
    }

    /// One published track of somebody's, an encoded `livekit.TrackInfo`.
    pub fn track(&self, who: &Identity, sid: &str) -> Option<Bytes> {
        let key = self.own_track(*self.by_identity.get(who)?, sid)?;
        self.tracks.get(&key).map(|track| track.info.encode_to_vec().into())
    }

    /// Changes what others see of somebody and what they may do; they and the others are told, and they get a fresh
    /// token.
    ///
    /// # Errors
    /// Why nothing changed.
    pub fn update_participant(
        &mut self,
        who: &Identity,
        change: ParticipantChange,
        now: Now,
    ) -> Result<Bytes, ControlError> {
        let peer = self.by_identity.get(who).copied().ok_or(ControlError::NoParticipant)?;
        let known = self.participants.get(&peer).map(|participant| &participant.info.attributes);
        let is_known = |key: &String| known.is_some_and(|known| known.contains_key(key));
        let empty = change.attributes.iter().filter(|(_, value)| value.is_empty()).map(|(key, _)| key);
        let removed = empty.filter(|key| is_known(key)).cloned().collect();
        self.describe(peer, &change)?;
        self.remember(who, &change, removed);
        self.announce(peer);
        if let Some(permission) = change.permission {
            // Without a meeting the API's word is the right itself.
            let granted = self.participants.get(&peer).map(|participant| participant.granted);
            let granted = granted.filter(|_| self.control.governed).unwrap_or(permission);
            self.set_permission(who, granted, now);
        }
        self.renew_token(peer);
        self.participant(who).ok_or(ControlError::NoParticipant)
    }

    /// Somebody changes what others see of them (`update_metadata`). Nothing said leaves what there is, but for an attribute,
    /// which an empty value takes away.
    pub(crate) fn update_own(&mut self, peer: PeerKey, update: lk::UpdateParticipantMetadata) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let told_of_success = participant.protocol >= SAYS_OK;
        let said = |text: &String| (!text.is_empty()).then(|| text.clone());
        let change = ParticipantChange {
            name: said(&update.name),
            metadata: said(&update.metadata),
            attributes: update.attributes.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            permission: None,
        };
        let id = update.request_id;
        let reason = if !participant.permission.update_own {
            Reason::NotAllowed
        } else if self.describe(peer, &change).is_err() {
            Reason::LimitExceeded
        } else {
            self.announce(peer);
            self.renew_token(peer);
            Reason::Ok
        };
        if reason != Reason::Ok || told_of_success && id != 0 {
            self.respond(peer, id, reason, Some(Request::UpdateMetadata(update)));
        }
    }

    /// Changes what others see of somebody, who are not told yet.
    fn describe(&mut self, peer: PeerKey, change: &ParticipantChange) -> Result<(), ControlError> {
        let participant = self.participants.get_mut(&peer).ok_or(ControlError::NoParticipant)?;
        if change.metadata.as_ref().is_some_and(|metadata| metadata.len() > MAX_METADATA) {
            return Err(ControlError::TooLarge("metadata"));
        }
        if change.name.as_ref().is_some_and(|name| name.chars().nth(MAX_NAME).is_some()) {
            return Err(ControlError::TooLarge("name"));
        }
        let mut attributes = participant.info.attributes.clone();
        merge(&mut attributes, &change.attributes);
        if attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_ATTRIBUTES {
            return Err(ControlError::TooLarge("attributes"));
        }
        participant.info.attributes = attributes;
        if let Some(name) = &change.name {
            participant.info.name.clone_from(name);
        }
        if let Some(metadata) = &change.metadata {
            participant.info.metadata.clone_from(metadata);
        }
        participant.touch();
        Ok(())
    }

    fn remember(&mut self, who: &Identity, change: &ParticipantChange, removed: Vec<String>) {
        if !self.control.governed {
            return;
        }
        let control = &mut self.control;
        if control.said.len() >= MAX_REMEMBERED && !control.said.contains_key(who) {
            // Those who are here come first.
            control.said.retain(|other, _| self.by_identity.contains_key(other));
        }
        control.said.entry(who.clone()).or_default().note(change, removed);
    }

    /// Somebody comes back: what the API said of them still holds.
    pub(crate) fn apply_said(&self, who: &Identity, info: &mut lk::ParticipantInfo) {
        let Some(said) = self.control.said.get(who) else { return };
        merge(&mut info.attributes, &said.attributes);
        for key in &said.removed {
            info.attributes.remove(key);
        }
        if let Some(name) = &said.name {
            info.name.clone_from(name);
        }
        if let Some(metadata) = &said.metadata {
            info.metadata.clone_from(metadata);
        }
    }

    /// A token that says what is true now (section 4.4).
    fn renew_token(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get(&peer).filter(|participant| participant.linked) else { return };
        let info = &participant.info;
        self.outputs.push_back(Output::Renew {
            to: peer,
            name: info.name.clone(),
            metadata: info.metadata.clone(),
            attributes: info.attributes.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            permission: participant.permission,
        });
    }

    /// Subscribes somebody to tracks, or takes them away, as if they had asked themselves.
    ///
    /// # Errors
    /// They are not there, or one of the tracks is not; nothing changed.
    pub fn choose_subscriptions(
        &mut self,
        who: &Identity,
        sids: Vec<String>,
        subscribe: bool,
        now: Now,
    ) -> Result<(), ControlError> {
        let peer = self.by_identity.get(who).copied().ok_or(ControlError::NoParticipant)?;
        if sids.iter().any(|sid| !self.by_sid.contains_key(sid)) {
            return Err(ControlError::NoTrack);
        }
        let update = lk::UpdateSubscription { track_sids: sids, subscribe, participant_tracks: Vec::new() };
        self.update_subscription(peer, &update, now);
        Ok(())
    }

    /// Sends a message that comes from nobody in the room (section 13.5). One whose nonce was seen is not sent again.
    ///
    /// # Errors
    /// It is too large, alone or with its topic.
    pub fn send_data(&mut self, message: DataMessage) -> Result<(), ControlError> {
        if message.payload.len() > MAX_DATA {
            return Err(ControlError::TooLarge("data"));
        }
        let packet = Bytes::from(packet(&message));
        let DataMessage { reliable, identities, sids, nonce, .. } = message;
        if packet.len() > MAX_PACKET {
            return Err(ControlError::TooLarge("data with its topic"));
        }
        if !nonce.is_empty() {
            if self.control.nonces.contains(&nonce) {
                return Ok(());
            }
            if self.control.nonces.len() >= MAX_NONCES {
                self.control.nonces.pop_front();
            }
            self.control.nonces.push_back(nonce);
        }
        let only: HashSet<&str> = identities.iter().chain(&sids).map(String::as_str).collect();
        for receiver in self.participants.values().filter(|participant| participant.may_be_sent(reliable)) {
            if only.is_empty() || only.contains(receiver.identity.as_str()) || only.contains(receiver.sid()) {
                self.outputs.push_back(Output::Data {
                    to: receiver.key,
                    from: None,
                    reliable,
                    message: packet.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The packet that participants get (media-protocol.md section 13.5). To whom it goes is in it only where that leaves it small
/// enough: nobody needs to know, and the list may be long.
#[allow(deprecated)]
fn packet(message: &DataMessage) -> Vec<u8> {
    let user = |identities: &[String], sids: &[String]| lk::UserPacket {
        payload: message.payload.to_vec(),
        destination_sids: sids.to_vec(),
        destination_identities: identities.to_vec(),
        topic: message.topic.clone(),
        nonce: message.nonce.to_vec(),
        ..lk::UserPacket::default()
    };
    let encoded = |identities: &[String], sids: &[String]| {
        let packet = lk::DataPacket {
            kind: if message.reliable { Kind::Reliable } else { Kind::Lossy }.into(),
            destination_identities: identities.to_vec(),
            value: Some(Value::User(user(identities, sids))),
            ..lk::DataPacket::default()
        };
        packet.encode_to_vec()
    };
    let names = message.identities.iter().chain(&message.sids).map(String::len).sum::<usize>();
    let whole = (names <= MAX_PACKET).then(|| encoded(&message.identities, &message.sids));
    whole.filter(|packet| packet.len() <= MAX_PACKET).unwrap_or_else(|| encoded(&[], &[]))
}

fn merge(attributes: &mut HashMap<String, String>, changes: &BTreeMap<String, String>) {
    for (key, value) in changes {
        if value.is_empty() {
            attributes.remove(key);
        } else {
            attributes.insert(key.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_attributes_taken_away_the_latest_are_known() {
        let mut said = Said::default();
        let change = |key: &str, value: &str| ParticipantChange {
            attributes: [(key.to_owned(), value.to_owned())].into(),
            ..ParticipantChange::default()
        };
        for n in 0..=MAX_REMOVED {
            let key = format!("k{n}");
            said.note(&change(&key, "1"), Vec::new());
            said.note(&change(&key, ""), vec![key]);
        }
        assert!(said.attributes.is_empty());
        assert_eq!((said.removed.len(), said.removed[0].as_str()), (MAX_REMOVED, "k1"));

        said.note(&change("k7", "1"), Vec::new());
        assert!(said.attributes.contains_key("k7") && !said.removed.contains(&"k7".to_owned()));

        let long = "k".repeat(MAX_ATTRIBUTES);
        said.note(&change(&long, ""), vec![long.clone()]);
        assert_eq!(said.removed, [long]);
    }
}
