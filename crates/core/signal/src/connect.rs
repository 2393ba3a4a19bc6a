//! Joining and resuming.

use crate::announce::cut_for_join;
use crate::changes::Changes;
use crate::control::{MAX_ATTRIBUTES, MAX_METADATA, MAX_NAME};
use crate::encode::leave_reconnect;
use crate::limits::Limits;
use crate::negotiate::SYNC_TIMEOUT;
use crate::participant::{Negotiation, Participant, SlotState, lk_kind};
use crate::permissions::Permissions;
use crate::publish::MAX_PENDING;
use crate::room::{CONNECT_TIMEOUT, MediaRoom};
use crate::simulate::{Cut, Simulated};
use crate::types::{Codec, Connect, ConnectError, Connected, Now, Output, PeerKey, Relay};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use wire::lk;
use wire::lk::leave_request::Action;
use wire::lk::participant_info::State;
use wire::lk::signal_response::Message as Response;

/// The version we report: clients compare it with features of the reference server (section 3).
const SERVER_VERSION: &str = "1.13.7";

/// The signal protocol we speak.
const PROTOCOL: i32 = 17;

/// Seconds between pings and until the client gives up (section 4.3).
const PING_INTERVAL: i32 = 5;
const PING_TIMEOUT: i32 = 15;

/// What a client may encode with, best first (section 4.1).
pub(crate) fn enabled_codecs() -> Vec<lk::Codec> {
    let codecs = Codec::ALL.into_iter().map(Codec::mime);
    codecs
        .chain(["audio/red", "video/rtx"])
        .map(|mime| lk::Codec { mime: mime.to_owned(), fmtp_line: String::new() })
        .collect()
}

fn server_info() -> lk::ServerInfo {
    lk::ServerInfo {
        edition: lk::server_info::Edition::Standard.into(),
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        ..lk::ServerInfo::default()
    }
}

fn ice_servers(relays: &[Relay]) -> Vec<lk::IceServer> {
    let server = |relay: &Relay| lk::IceServer {
        urls: relay.urls.clone(),
        username: relay.username.clone(),
        credential: relay.credential.clone(),
    };
    relays.iter().map(server).collect()
}

/// `None` leaves everything to the client.
fn client_configuration(relay_only: bool) -> Option<lk::ClientConfiguration> {
    relay_only.then(|| lk::ClientConfiguration {
        force_relay: lk::ClientConfigSetting::Enabled.into(),
        resume_connection: lk::ClientConfigSetting::Enabled.into(),
        ..lk::ClientConfiguration::default()
    })
}

impl MediaRoom {
    /// Lets somebody in or takes a session up again. What to send comes out of [`MediaRoom::poll`].
    ///
    /// # Errors
    /// The request does not decode or breaks a limit; nothing changed.
    pub fn connect(&mut self, mut connect: Connect, now: Now) -> Result<Connected, ConnectError> {
        let request = std::mem::take(&mut *connect.request.0);
        let attributes = |all: &mut dyn Iterator<Item = (&String, &String)>| -> usize {
            all.map(|(key, value)| key.len() + value.len()).sum()
        };
        if request.metadata.len().max(connect.metadata.len()) > MAX_METADATA
            || attributes(&mut request.participant_attributes.iter().chain(&connect.attributes)) > MAX_ATTRIBUTES
            || connect.name.chars().nth(MAX_NAME).is_some()
        {
            return Err(ConnectError::Malformed);
        }
        if request.reconnect {
            return Ok(self.resume(&connect, &request, now));
        }
        self.join(connect, request, now);
        Ok(Connected::New)
    }

    fn join(&mut self, connect: Connect, request: lk::JoinRequest, now: Now) {
        let peer = connect.key;
        if let Some(former) = self.by_identity.get(&connect.identity).copied() {
            self.dismiss(former, lk::DisconnectReason::DuplicateIdentity, Action::Disconnect, now);
        }
        let settings = request.connection_settings;
        let client = request.client_info.clone().unwrap_or_default();
        let permission = self.control.within_ceiling(&connect.identity, connect.permission);
        let mut attributes: HashMap<String, String> = connect.attributes.into_iter().collect();
        let mut metadata = connect.metadata;
        if permission.update_own {
            let said = request.participant_attributes.iter().filter(|(_, value)| !value.is_empty());
            attributes.extend(said.map(|(key, value)| (key.clone(), value.clone())));
            if !request.metadata.is_empty() {
                metadata.clone_from(&request.metadata);
            }
        }
        let mut info = lk::ParticipantInfo {
            sid: self.ids.id("PA_"),
            identity: connect.identity.as_str().to_owned(),
            name: connect.name,
            metadata,
            attributes,
            state: State::Joined.into(),
            joined_at: now.unix_millis() / 1000,
            joined_at_ms: now.unix_millis(),
            version: 1,
            kind: lk_kind(connect.kind).into(),
            kind_details: connect.kind_details,
            client_protocol: client.client_protocol,
            capabilities: client.capabilities,
            ..lk::ParticipantInfo::default()
        };
        self.apply_said(&connect.identity, &mut info);
        let mut participant = Participant {
            key: peer,
            identity: connect.identity.clone(),
            info,
            permission,
            granted: connect.permission,
            kind: connect.kind,
            protocol: client.protocol,
            dual: connect.dual,
            is_firefox: client.browser.eq_ignore_ascii_case("firefox"),
            auto_subscribe: settings.as_ref().is_none_or(|settings| settings.auto_subscribe),
            adaptive_stream: settings.is_some_and(|settings| settings.adaptive_stream),
            linked: true,
            introduced: self.announcements.introduce(),
            unannounced: None,
            heard_at: now.at,
            connected: false,
            dead: false,
            was_active: false,
            connect_due: Some(now.at + CONNECT_TIMEOUT),
            closed_due: None,
            pending: Vec::new(),
            tracks: Vec::new(),
            ups: BTreeMap::new(),
            withdrawn: VecDeque::new(),
            withdrawn_due: None,
            slots: Vec::new(),
            negotiation: Negotiation::default(),
            subscriptions: BTreeMap::new(),
            parked: BTreeSet::new(),
            permissions: Permissions::default(),
            paused: BTreeSet::new(),
            choices: HashMap::new(),
            wishes: HashMap::new(),
            audience: None,
            next_audience: None,
            audience_due: None,
            mutes: BTreeMap::new(),
            mutes_due: None,
            changes: Changes::default(),
            mute_orders_due: None,
            data_sequence: 0,
            limits: Limits::new(now.at),
            simulated: Simulated::default(),
            quality: None,
        };
        participant.apply_permission(permission);
        let others = self
            .participants
            .values()
            .filter(|other| !other.permission.hidden)
            .map(|other| self.full_info(other))
            .collect();
        let (others, more) = cut_for_join(others);
        let own = participant.info.clone();
        self.by_identity.insert(connect.identity, peer);
        self.participants.insert(peer, participant);
        self.was_entered |= !connect.kind.is_servant();
        self.note_vacancy_by(connect.kind, now);
        self.note_counts(now);
        self.note_recording();
        self.regress_all();
        self.send(
            peer,
            Response::Join(lk::JoinResponse {
                room: Some(self.room_info()),
                participant: Some(own),
                other_participants: others,
                server_version: SERVER_VERSION.to_owned(),
                subscriber_primary: connect.dual && permission.subscribe,
                ping_timeout: PING_TIMEOUT,
                ping_interval: PING_INTERVAL,
                server_info: Some(server_info()),
                sif_trailer: self.sif_trailer.clone(),
                enabled_publish_codecs: enabled_codecs(),
                // While nothing but relays is used, everything takes its time (section 17.3).
                fast_publish: !permission.publish.is_empty() && !connect.relay_only,
                ice_servers: ice_servers(&connect.relays),
                client_configuration: client_configuration(connect.relay_only),
                ..lk::JoinResponse::default()
            }),
        );
        self.send_infos(peer, more);
        self.announce_newcomer(peer, now);
        for add in request.add_track_requests.iter().take(MAX_PENDING) {
            self.add_track(peer, add, now);
        }
        self.reconcile(peer, now);
        if let Some(offer) = request.publisher_offer {
            self.client_offer(peer, offer, now);
        }
        if connect.dual {
            self.negotiation_round(peer, now);
        }
    }

    fn resume(&mut self, connect: &Connect, request: &lk::JoinRequest, now: Now) -> Connected {
        let known = self.by_identity.get(&connect.identity).copied().filter(|peer| {
            self.participants
                .get(peer)
                .is_some_and(|known| request.participant_sid.is_empty() || known.sid() == request.participant_sid)
        });
        let Some(peer) = known else { return Connected::Refused(leave_reconnect()) };
        let Some(participant) = self.participants.get_mut(&peer).filter(|known| !known.dead) else {
            self.session_failed(peer, now);
            return Connected::Refused(leave_reconnect());
        };
        let cut = participant.simulated.take_cut(now);
        if cut == Some(Cut::Unheard) {
            return Connected::CutOff;
        }
        // Somebody left of whom it was never told, and nobody knows who.
        if self.forgotten.is_some_and(|forgotten| forgotten >= participant.heard_at) {
            self.session_failed(peer, now);
            return Connected::Refused(leave_reconnect());
        }
        let away_since = std::mem::replace(&mut participant.heard_at, now.at);
        participant.introduced = self.announcements.introduce();
        participant.linked = true;
        participant.negotiation.outstanding &= participant.dual;
        participant.negotiation.sync_due = participant.negotiation.outstanding.then_some(now.at + SYNC_TIMEOUT);
        participant.negotiation.answering = None;
        participant.negotiation.answer_due = None;
        participant.negotiation.repeat_due = None;
        // The answer that said `inactive` may be lost: the sections it freed say so once more (section 7.4).
        for slot in participant.slots.iter_mut().filter(|slot| slot.unread && slot.state == SlotState::Free) {
            slot.state = SlotState::Draining;
        }
        participant.closed_due = None;
        participant.connect_due = (!participant.connected).then_some(now.at + CONNECT_TIMEOUT);
        let last_message_seq = participant.data_sequence;
        let dual = participant.dual;
        self.send(
            peer,
            Response::Reconnect(lk::ReconnectResponse {
                server_info: Some(server_info()),
                ice_servers: ice_servers(&connect.relays),
                client_configuration: client_configuration(connect.relay_only),
                last_message_seq,
            }),
        );
        let here: HashSet<&str> = self.visible_to(peer).map(|participant| participant.info.identity.as_str()).collect();
        let left: Vec<_> = self
            .departed
            .iter()
            .filter(|departed| departed.at >= away_since && !here.contains(departed.info.identity.as_str()))
            .map(|departed| departed.info.clone())
            .collect();
        self.send_infos(peer, left);
        self.resume_mute_orders(peer, now);
        let here = self.visible_to(peer).map(|other| self.full_info(other)).collect();
        self.send_infos(peer, here);
        self.send(peer, Response::RoomUpdate(lk::RoomUpdate { room: Some(self.room_info()) }));
        self.resend_wanted_qualities(peer);
        let heard: Vec<PeerKey> = self.visible_to(peer).map(|other| other.key).collect();
        self.tell_speakers(peer, &heard, true);
        self.tell_qualities(peer, &heard);
        self.repeat_states(peer);
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.permissions.doubt();
        }
        self.permissions_changed(peer, now);
        if dual {
            self.restart_dual(peer, now);
        } else {
            self.want_round(peer, now);
        }
        if cut == Some(Cut::Heard) {
            self.outputs.push_back(Output::CloseLink { to: peer });
            self.link_lost(peer, now);
        }
        Connected::Resumed(peer)
    }

    /// The connection that we offer starts ICE over, as soon as it is clear which of our offers the client knows.
    fn restart_dual(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.restart = true;
        if participant.negotiation.sync_due.is_none() {
            self.negotiation_round(peer, now);
        }
    }

    /// A client's offer: it is answered as soon as the owner of the machine planned it.
    pub(crate) fn client_offer(&mut self, peer: PeerKey, offer: lk::SessionDescription, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if participant.negotiation.answering.is_some() || !participant.limits.offers.take(1.0, now.at) {
            self.session_failed(peer, now);
            return;
        }
        participant.negotiation.answering = Some(offer.id);
        participant.negotiation.begun = true;
        if !participant.dual {
            participant.negotiation.outstanding = false;
            participant.negotiation.answer_due = None;
            participant.negotiation.repeat_due = None;
            participant.negotiation.note_description(&offer.sdp, now);
        }
        self.outputs.push_back(Output::ClientOffer { peer, sdp: offer.sdp });
    }
}
