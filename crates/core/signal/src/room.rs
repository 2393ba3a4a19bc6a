//! The machine's state and what all its parts share: sending, announcing, deadlines, the end of a session.

use crate::announce::Announcements;
use crate::control::Control;
use crate::encode::{leave, response, shutdown};
use crate::ids::Ids;
use crate::mute::Outlived;
use crate::participant::{Departed, Participant};
use crate::track::Track;
use crate::types::{About, EventKind, Now, Output, PeerKey, RemoveReason, TrackKey};
use bytes::Bytes;
use model::media::{MediaPermission, ParticipantKind, Source};
use model::{Identity, RoomId};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::leave_request::Action;
use wire::lk::participant_info::State;
use wire::lk::signal_response::Message as Response;

/// Not connected so long after joining: out (section 4.5).
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// A resume may take so long after the connection failed.
const RESUME_TIMEOUT: Duration = Duration::from_secs(5);

/// How long somebody who closed the connection has to say that they leave.
const LEAVE_GRACE: Duration = Duration::from_secs(1);

/// How long we remember who left at least; longer for those who were not heard since.
const DEPARTED_MEMORY: Duration = Duration::from_secs(60);

/// How often clients are told the numbers of participants and publishers (section 11.4).
const COUNTS_INTERVAL: Duration = Duration::from_secs(5);

/// Most of them.
const MAX_DEPARTED: usize = 1000;

/// One media room.
#[derive(Debug)]
pub struct MediaRoom {
    pub(crate) info: lk::Room,
    pub(crate) sif_trailer: Vec<u8>,
    pub(crate) ids: Ids,
    pub(crate) next_track: u64,
    pub(crate) participants: BTreeMap<PeerKey, Participant>,
    pub(crate) by_identity: HashMap<Identity, PeerKey>,
    pub(crate) tracks: BTreeMap<TrackKey, Track>,
    pub(crate) by_sid: HashMap<String, TrackKey>,
    /// Who is heard now, as last told to clients.
    pub(crate) speaking: BTreeMap<PeerKey, f32>,
    pub(crate) departed: VecDeque<Departed>,
    pub(crate) outlived_mutes: Outlived,
    /// The last to leave of those for whom there was no room in that.
    pub(crate) forgotten: Option<Instant>,
    /// Of which tracks a subscriber is to be told whether they are paused.
    pub(crate) states: BTreeMap<PeerKey, BTreeSet<TrackKey>>,
    pub(crate) announcements: Announcements,
    /// Participants and publishers as last told, and when to look whether that changed.
    counts: (u32, u32),
    counts_due: Option<Instant>,
    /// What the server API made of it.
    pub(crate) control: Control,
    /// Somebody was in it once who does not only serve others.
    pub(crate) was_entered: bool,
    pub(crate) outputs: VecDeque<Output>,
}

impl MediaRoom {
    /// An empty room. `seed` must differ between machines: ids are made from it.
    pub fn new(name: &RoomId, seed: u64, now: Now) -> Self {
        let mut ids = Ids::new(seed);
        #[allow(deprecated)]
        let info = lk::Room {
            sid: ids.id("RM_"),
            name: name.as_str().to_owned(),
            empty_timeout: 300,
            departure_timeout: 20,
            creation_time: now.unix_millis() / 1000,
            creation_time_ms: now.unix_millis(),
            enabled_codecs: crate::connect::enabled_codecs(),
            version: Some(lk::TimedVersion { unix_micro: i64::try_from(now.unix_micros).unwrap_or(0), ticks: 0 }),
            ..lk::Room::default()
        };
        Self {
            info,
            sif_trailer: ids.bytes(16),
            ids,
            next_track: 1,
            participants: BTreeMap::new(),
            by_identity: HashMap::new(),
            tracks: BTreeMap::new(),
            by_sid: HashMap::new(),
            speaking: BTreeMap::new(),
            departed: VecDeque::new(),
            outlived_mutes: Outlived::default(),
            forgotten: None,
            states: BTreeMap::new(),
            announcements: Announcements::default(),
            counts: (0, 0),
            counts_due: None,
            control: Control::new(),
            was_entered: false,
            outputs: VecDeque::new(),
        }
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }

    /// Whether there is something to do.
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty() || !self.states.is_empty()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.tell_states();
        }
        self.outputs.pop_front()
    }

    /// Everybody who is visible and connected or connecting, each an encoded `livekit.ParticipantInfo`.
    pub fn participants(&self) -> Vec<Bytes> {
        let visible = self.participants.values().filter(|participant| !participant.permission.hidden);
        visible.map(|participant| self.full_info(participant).encode_to_vec().into()).collect()
    }

    /// What a published track is called, and where it comes from.
    pub fn track_label(&self, track: TrackKey) -> Option<(&str, Source)> {
        self.tracks.get(&track).map(|track| (track.sid(), track.source()))
    }

    /// The signalling socket of a session is gone. Media goes on and waits for a resume; without media it is the end
    /// (section 4.5).
    pub fn link_lost(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if !participant.linked {
            return;
        }
        let (over, connected) = (!participant.was_active || participant.dead, participant.connected);
        self.unlink(peer);
        if over {
            self.end(peer, lk::DisconnectReason::SignalClose, now);
        } else if !connected && let Some(participant) = self.participants.get_mut(&peer) {
            participant.connect_due = Some(now.at + RESUME_TIMEOUT);
        }
    }

    /// A session is without a socket: nothing that the client had to say on it is waited for any more.
    fn unlink(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.linked = false;
        participant.negotiation.outstanding &= participant.dual;
        participant.negotiation.answer_due = None;
        participant.negotiation.repeat_due = None;
        participant.negotiation.sync_due = None;
        self.suspend_mute_orders(peer);
    }

    /// The primary connection of a session is up (section 4.2).
    pub fn connected(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer).filter(|known| !known.dead) else { return };
        participant.connected = true;
        participant.connect_due = None;
        participant.closed_due = None;
        if participant.was_active {
            return;
        }
        participant.was_active = true;
        participant.set_state(State::Active);
        participant.touch();
        self.announce_connected(peer, now);
        self.tell_meeting(peer, EventKind::Joined, None);
        // Not before: clients lose what is said of others while they still take the answer to their join in.
        let heard: Vec<PeerKey> = self.participants.keys().copied().filter(|other| self.hears(peer, *other)).collect();
        self.tell_heard(peer, &heard);
        self.permissions_changed(peer, now);
    }

    /// The client closed its connection in order. Most likely it is leaving and says so in a moment; some SDKs close
    /// the connection first. If it does not, it has to start over: a closed connection is never opened again.
    pub fn connection_closed(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.dead = true;
        if participant.linked {
            participant.connected = false;
            participant.closed_due.get_or_insert(now.at + LEAVE_GRACE);
        } else {
            self.end(peer, lk::DisconnectReason::SignalClose, now);
        }
    }

    /// The connection of a session failed: the client shall resume at once.
    pub fn connection_failed(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer).filter(|known| !known.dead) else { return };
        participant.connected = false;
        participant.closed_due = None;
        participant.connect_due = Some(now.at + RESUME_TIMEOUT);
        if participant.linked {
            self.unlink(peer);
            self.outputs.push_back(Output::Send {
                to: peer,
                message: leave(lk::DisconnectReason::UnknownReason, Action::Resume),
            });
            self.outputs.push_back(Output::CloseLink { to: peer });
        }
    }

    /// The session cannot go on (negotiation failed, an invariant broke): the client starts over.
    pub fn session_failed(&mut self, peer: PeerKey, now: Now) {
        self.dismiss(peer, lk::DisconnectReason::StateMismatch, Action::Reconnect, now);
    }

    /// Takes somebody out by order of the meeting.
    pub fn remove(&mut self, who: &Identity, why: RemoveReason, now: Now) {
        let Some(peer) = self.by_identity.get(who).copied() else { return };
        let reason = match why {
            RemoveReason::Removed | RemoveReason::Left => lk::DisconnectReason::ParticipantRemoved,
            RemoveReason::Duplicate => lk::DisconnectReason::DuplicateIdentity,
        };
        self.dismiss(peer, reason, Action::Disconnect, now);
    }

    /// Takes everybody out because the meeting is over.
    pub fn close(&mut self, now: Now) {
        let reason = lk::DisconnectReason::RoomDeleted;
        self.end_all(leave(reason, Action::Disconnect), reason, now);
    }

    /// Lets everybody start over because the room cannot go on.
    pub fn abort(&mut self, now: Now) {
        let reason = lk::DisconnectReason::StateMismatch;
        self.end_all(leave(reason, Action::Reconnect), reason, now);
    }

    /// Tells everybody to come back in a moment, and takes them out.
    pub fn drain(&mut self, now: Now) {
        self.end_all(shutdown(), lk::DisconnectReason::ServerShutdown, now);
    }

    /// Says the same to everybody and takes them out. As everybody goes at once, nobody is told of the others: of a large room
    /// that would be more messages than wait for anybody's socket.
    pub(crate) fn end_all(&mut self, message: Bytes, reason: lk::DisconnectReason, now: Now) {
        self.control.close();
        let everybody: Vec<PeerKey> = self.participants.keys().copied().collect();
        for peer in &everybody {
            self.send_bytes(*peer, message.clone());
            self.outputs.push_back(Output::CloseLink { to: *peer });
            if let Some(participant) = self.participants.get_mut(peer) {
                participant.linked = false;
            }
        }
        for peer in everybody {
            self.end(peer, reason, now);
        }
    }

    /// Replaces somebody's rights (section 9.6).
    pub fn set_permission(&mut self, who: &Identity, permission: MediaPermission, now: Now) {
        let Some(peer) = self.by_identity.get(who).copied() else { return };
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.granted = permission;
        let permission = self.control.within_ceiling(who, permission);
        let before = participant.permission;
        if before == permission {
            return;
        }
        if permission.hidden && !before.hidden {
            let mut info = participant.info.clone();
            info.state = State::Disconnected.into();
            let unannounced = participant.unannounced.take();
            self.tell_gone(peer, unannounced, &info);
            self.note_departed(info, now);
            self.speaking.remove(&peer);
        }
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.apply_permission(permission);
        participant.touch();
        self.withdraw_forbidden(peer, now);
        self.announce(peer);
        self.reconcile(peer, now);
        if before.moderator != permission.moderator || before.hidden != permission.hidden {
            for other in self.participants.keys().copied().filter(|other| *other != peer).collect::<Vec<_>>() {
                self.reconcile(other, now);
            }
        }
    }

    /// The next moment [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.participants
            .values()
            .flat_map(|participant| {
                let negotiation = &participant.negotiation;
                [
                    participant.connect_due,
                    participant.closed_due,
                    negotiation.round_due,
                    negotiation.answer_due,
                    negotiation.repeat_due,
                    negotiation.sync_due,
                    participant.simulated.speaks_until,
                    participant.permissions.due(),
                    participant.audience_due,
                    participant.mutes_due,
                    participant.changes.due(),
                    participant.mute_orders_due,
                    participant.withdrawn_due,
                ]
            })
            .flatten()
            .chain(self.counts_due)
            .chain(self.announcements.due())
            .chain(self.control.due())
            .min()
    }

    /// Somebody came, went or published: clients are told the numbers in a while, many changes at once.
    pub(crate) fn note_counts(&mut self, now: Now) {
        self.counts_due.get_or_insert(now.at + COUNTS_INTERVAL);
    }

    fn tell_counts(&mut self) {
        self.counts_due = None;
        let info = self.room_info();
        let counts = (info.num_participants, info.num_publishers);
        if std::mem::replace(&mut self.counts, counts) == counts {
            return;
        }
        self.tell_room();
    }

    /// Tells everybody what the room looks like now.
    pub(crate) fn tell_room(&mut self) {
        if let Some(version) = &mut self.info.version {
            version.ticks += 1;
        }
        let room = Some(self.room_info());
        self.send_to_all(&response(Response::RoomUpdate(lk::RoomUpdate { room })));
    }

    /// Somebody came or went: whether the room is recorded is told at once (section 11.4).
    pub(crate) fn note_recording(&mut self) {
        let recording = self.participants.values().any(|participant| participant.kind == ParticipantKind::Egress);
        if std::mem::replace(&mut self.info.active_recording, recording) != recording {
            self.tell_room();
        }
    }

    /// Carries out what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.at);
        for peer in self.participants.keys().copied().collect::<Vec<_>>() {
            let Some(participant) = self.participants.get_mut(&peer) else { continue };
            if due(participant.connect_due) {
                let reason = if participant.was_active {
                    lk::DisconnectReason::ConnectionTimeout
                } else {
                    lk::DisconnectReason::JoinFailure
                };
                self.dismiss(peer, reason, Action::Disconnect, now);
                continue;
            }
            if due(participant.closed_due) {
                self.session_failed(peer, now);
                continue;
            }
            if due(participant.negotiation.answer_due) {
                self.dismiss(peer, lk::DisconnectReason::StateMismatch, Action::Reconnect, now);
                continue;
            }
            if due(participant.negotiation.repeat_due) {
                self.repeat_requirement(peer, now);
            }
            let Some(participant) = self.participants.get_mut(&peer) else { continue };
            if due(participant.negotiation.sync_due) {
                self.give_up_offer(peer);
            }
            let Some(participant) = self.participants.get_mut(&peer) else { continue };
            if due(participant.negotiation.round_due) {
                participant.negotiation.round_due = None;
                self.negotiation_round(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.permissions.due()) {
                self.tell_permissions(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.audience_due) {
                self.apply_audience(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.mutes_due) {
                self.apply_mutes(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.changes.due()) {
                self.apply_changes(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.mute_orders_due) {
                self.pursue_mute_orders(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.withdrawn_due) {
                self.tell_withdrawn(peer, now);
            }
            let Some(participant) = self.participants.get(&peer) else { continue };
            if due(participant.simulated.speaks_until) {
                self.end_pretended_speech(peer);
            }
        }
        if due(self.announcements.due()) {
            self.tell_gathered();
        }
        if due(self.counts_due) {
            self.tell_counts();
        }
        self.close_if_vacant(now);
        self.forget_departed(now);
    }

    /// Forgets who left long ago, unless somebody was not heard since who may come back and would see them for ever.
    fn forget_departed(&mut self, now: Now) {
        let is_old = |departed: &Departed| now.at.duration_since(departed.at) > DEPARTED_MEMORY;
        if !self.departed.front().is_some_and(is_old) {
            return;
        }
        let heard = self.participants.values().map(|participant| participant.heard_at).min();
        while self.departed.front().is_some_and(|oldest| is_old(oldest) && heard.is_none_or(|heard| oldest.at < heard))
        {
            self.departed.pop_front();
        }
    }

    /// Says goodbye to a session and ends it.
    pub(crate) fn dismiss(&mut self, peer: PeerKey, reason: lk::DisconnectReason, action: Action, now: Now) {
        self.send_bytes(peer, leave(reason, action));
        self.outputs.push_back(Output::CloseLink { to: peer });
        self.end(peer, reason, now);
    }

    /// Ends a session: tracks gone, others told.
    pub(crate) fn end(&mut self, peer: PeerKey, reason: lk::DisconnectReason, now: Now) {
        self.keep_mute_orders(peer, now);
        let Some(participant) = self.participants.get(&peer) else { return };
        let tracks = participant.tracks.clone();
        // The end says that they are silent, too.
        self.speaking.remove(&peer);
        for track in tracks {
            self.forget_track(track, now);
        }
        let Some(mut participant) = self.participants.remove(&peer) else { return };
        for track in &participant.pending {
            if let Some(track) = self.tracks.remove(track) {
                self.by_sid.remove(track.sid());
            }
        }
        if self.by_identity.get(&participant.identity) == Some(&peer) {
            self.by_identity.remove(&participant.identity);
        }
        self.note_counts(now);
        self.note_recording();
        self.outputs.push_back(Output::Gone { peer });
        participant.set_state(State::Disconnected);
        participant.touch();
        participant.info.disconnect_reason = reason.into();
        let about = About { participant: participant.info.encode_to_vec().into(), track: Bytes::new() };
        if !participant.permission.hidden {
            self.tell_gone(peer, participant.unannounced, &participant.info);
            self.note_departed(participant.info, now);
        }
        let kind = if participant.was_active { EventKind::Left } else { EventKind::Aborted };
        self.outputs.push_back(Output::Event { identity: participant.identity, kind, about });
        self.note_vacancy_by(participant.kind, now);
    }

    /// Remembers who is gone for those whose socket is away; the oldest make room.
    fn note_departed(&mut self, mut info: lk::ParticipantInfo, now: Now) {
        if self.departed.len() >= MAX_DEPARTED {
            self.forgotten = self.departed.pop_front().map(|oldest| oldest.at);
        }
        // What may be long is of no use of somebody who is gone.
        info.metadata.clear();
        info.attributes.clear();
        self.departed.push_back(Departed::new(info, now));
    }

    /// Whom a participant may know of: everybody who is not hidden, and itself.
    pub(crate) fn visible_to(&self, peer: PeerKey) -> impl Iterator<Item = &Participant> {
        self.participants.values().filter(move |other| other.key == peer || !other.permission.hidden)
    }

    /// Sends to somebody whose socket is there.
    pub(crate) fn send(&mut self, to: PeerKey, message: Response) {
        if self.participants.get(&to).is_some_and(|participant| participant.linked) {
            self.outputs.push_back(Output::Send { to, message: response(message) });
        }
    }

    pub(crate) fn send_bytes(&mut self, to: PeerKey, message: Bytes) {
        if self.participants.get(&to).is_some_and(|participant| participant.linked) {
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    /// The info of a participant with its tracks.
    pub(crate) fn full_info(&self, participant: &Participant) -> lk::ParticipantInfo {
        let mut info = participant.info.clone();
        info.tracks =
            participant.tracks.iter().filter_map(|key| self.tracks.get(key)).map(|track| track.info.clone()).collect();
        info.is_publisher = !info.tracks.is_empty();
        info
    }

    /// The meeting learns what somebody did.
    pub(crate) fn tell_meeting(&mut self, peer: PeerKey, kind: EventKind, track: Option<&lk::TrackInfo>) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let about = About {
            participant: self.full_info(participant).encode_to_vec().into(),
            track: track.map(|track| track.encode_to_vec().into()).unwrap_or_default(),
        };
        self.outputs.push_back(Output::Event { identity: participant.identity.clone(), kind, about });
    }

    /// What clients see of the room.
    pub(crate) fn room_info(&self) -> lk::Room {
        let mut info = self.info.clone();
        // Who serves others is not counted.
        let visible = || self.participants.values().filter(|participant| !participant.takes_no_place());
        info.num_participants = u32::try_from(visible().count()).unwrap_or(u32::MAX);
        info.num_publishers =
            u32::try_from(visible().filter(|participant| !participant.tracks.is_empty()).count()).unwrap_or(u32::MAX);
        info
    }
}
