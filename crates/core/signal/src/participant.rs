//! What the room knows of one participant.

use crate::changes::Changes;
use crate::limits::Limits;
use crate::permissions::Permissions;
use crate::sections::Described;
use crate::simulate::Simulated;
use crate::subscribe::Audience;
use crate::types::{Kind, Now, PeerKey, Settings, TrackKey};
use model::Identity;
use model::media::{MediaPermission, ParticipantKind, Source};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Instant;
use wire::lk;
use wire::lk::participant_info::State;

/// The half of a section in which the client sends.
#[derive(Debug)]
pub(crate) struct UpHalf {
    pub(crate) kind: Kind,
    pub(crate) cid: String,
    pub(crate) track: Option<TrackKey>,
    /// Which of the track's codecs it carries.
    pub(crate) encoding: usize,
    /// Its track was taken away while the client still sends: what comes there is nobody's, and no other track's either.
    pub(crate) orphaned: bool,
}

/// The name of a track that a client was refused, or that was taken away: what it sends under that name is nobody's.
#[derive(Debug)]
pub(crate) struct Withdrawn {
    pub(crate) cid: String,
    /// `None` if it was never accepted.
    pub(crate) sid: Option<String>,
}

/// What a receiving half is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// May take a track.
    Free,
    /// Carries or is about to carry the track.
    Assigned { track: TrackKey, bound: bool },
    /// Its track is gone; the next description says `inactive`.
    Draining,
    /// A description saying `inactive` is on its way.
    Clearing,
    /// The client does not receive there.
    Closed,
}

/// The half of a section in which the client receives.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None`: a section we are about to offer.
    pub(crate) mid: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) state: SlotState,
    /// Part of a finished round; one of an offer that nobody answered is no section yet.
    pub(crate) settled: bool,
    /// Single: the answer that says `inactive` is out, and the client has not shown yet that it read it.
    pub(crate) unread: bool,
    /// The stream of the track that is or was on it last, where several share one.
    pub(crate) stream: Option<String>,
}

impl Slot {
    pub(crate) fn track(&self) -> Option<TrackKey> {
        match self.state {
            SlotState::Assigned { track, .. } => Some(track),
            _ => None,
        }
    }
}

/// Where a description we sent, or asked for, stands.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    /// Id of the client's offer that is being answered.
    pub(crate) answering: Option<u32>,
    /// Whether the client ever offered.
    pub(crate) begun: bool,
    /// Single: sections were asked for and the offer has not come. Dual: our offer is not answered.
    pub(crate) outstanding: bool,
    /// Dual: id of our last offer.
    pub(crate) offer_id: u32,
    /// No answer to our offer, or no offer with the sections asked for, until then means the client is lost.
    pub(crate) answer_due: Option<Instant>,
    /// Single: when to ask for the sections again.
    pub(crate) repeat_due: Option<Instant>,
    /// When to look whether a round is needed.
    pub(crate) round_due: Option<Instant>,
    /// Dual: the socket was lost between our offer and the answer, and the client has until then to say what it knows of it.
    pub(crate) sync_due: Option<Instant>,
    /// Dual: the next offer restarts ICE.
    pub(crate) restart: bool,
    /// How long the client's last description is, and when it may be asked for another.
    pub(crate) described: Described,
    pub(crate) rests_until: Option<Instant>,
}

/// Somebody in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) key: PeerKey,
    pub(crate) identity: Identity,
    /// Without the tracks, which are filled in when it is sent.
    pub(crate) info: lk::ParticipantInfo,
    pub(crate) permission: MediaPermission,
    /// The rights before the server API's ceiling.
    pub(crate) granted: MediaPermission,
    pub(crate) kind: ParticipantKind,
    /// The version of the signalling protocol it speaks (section 3).
    pub(crate) protocol: i32,
    pub(crate) dual: bool,
    pub(crate) is_firefox: bool,
    pub(crate) auto_subscribe: bool,
    pub(crate) adaptive_stream: bool,
    /// A signalling socket is there.
    pub(crate) linked: bool,
    /// The number of the introduction at which it was last told of everybody.
    pub(crate) introduced: u64,
    /// The others were not told of it yet, but for those who were introduced after that number.
    pub(crate) unannounced: Option<u64>,
    /// The client's last message: what we sent since then may not have reached it.
    pub(crate) heard_at: Instant,
    /// Media flows now, and whether it ever did.
    pub(crate) connected: bool,
    pub(crate) was_active: bool,
    /// A connection is closed for good: there is nothing to resume.
    pub(crate) dead: bool,
    /// Must be connected (again) by then.
    pub(crate) connect_due: Option<Instant>,
    /// The client closed its connection; until then it may say that it leaves.
    pub(crate) closed_due: Option<Instant>,

    /// Tracks whose section is not there yet, oldest first.
    pub(crate) pending: Vec<TrackKey>,
    /// Published tracks.
    pub(crate) tracks: Vec<TrackKey>,
    pub(crate) ups: BTreeMap<String, UpHalf>,
    /// The latest of them, oldest first, and when the client is told again what it still sends of them.
    pub(crate) withdrawn: VecDeque<Withdrawn>,
    pub(crate) withdrawn_due: Option<Instant>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) negotiation: Negotiation,

    /// What is or shall be received.
    pub(crate) subscriptions: BTreeMap<TrackKey, Settings>,
    /// Wanted but not allowed.
    pub(crate) parked: BTreeSet<TrackKey>,
    /// What it was told of that.
    pub(crate) permissions: Permissions,
    /// Of what is received, what bandwidth does not suffice for.
    pub(crate) paused: BTreeSet<TrackKey>,
    /// What the client asked for itself, by track.
    pub(crate) choices: HashMap<TrackKey, bool>,
    /// How it last asked for a track, subscribed or not.
    pub(crate) wishes: HashMap<TrackKey, Settings>,
    /// Who may receive this participant's tracks (section 9.3); `None`: all.
    pub(crate) audience: Option<Audience>,
    /// The last choice of one, if it came too soon, and when it counts.
    pub(crate) next_audience: Option<Option<Audience>>,
    pub(crate) audience_due: Option<Instant>,
    /// How it wants tracks of its own that everybody cannot be told of yet, muted or not, and when that is possible.
    pub(crate) mutes: BTreeMap<TrackKey, bool>,
    pub(crate) mutes_due: Option<Instant>,
    /// What it says of tracks of its own.
    pub(crate) changes: Changes,
    /// When there is something to do for an order to mute one of its tracks.
    pub(crate) mute_orders_due: Option<Instant>,

    /// Highest reliable sequence received.
    pub(crate) data_sequence: u32,
    pub(crate) limits: Limits,
    pub(crate) simulated: Simulated,
    /// Own connection quality as last sent.
    pub(crate) quality: Option<lk::ConnectionQualityInfo>,
}

impl Negotiation {
    /// The client described its sections.
    pub(crate) fn note_description(&mut self, text: &str, now: Now) {
        self.described = Described::of(text);
        let pause = self.described.pause();
        self.rests_until = (!pause.is_zero()).then(|| now.at + pause);
    }
}

impl Participant {
    pub(crate) fn sid(&self) -> &str {
        &self.info.sid
    }

    /// Whether data goes out to them. What is reliable waits for whoever is still connecting (section 13.3); nothing else is
    /// worth that.
    pub(crate) fn may_be_sent(&self, reliable: bool) -> bool {
        self.was_active || reliable && !self.dead
    }

    /// Whether they do not count where a room is full.
    pub(crate) fn takes_no_place(&self) -> bool {
        self.permission.hidden || self.kind.is_servant()
    }

    /// Counts a change of what others see.
    pub(crate) fn touch(&mut self) {
        self.info.version = self.info.version.wrapping_add(1);
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.info.state = state.into();
    }

    pub(crate) fn apply_permission(&mut self, permission: MediaPermission) {
        self.permission = permission;
        self.info.permission = Some(permission_info(&permission, self.kind));
    }

    /// Settings a new subscription starts with (section 9.2).
    pub(crate) fn default_settings(&self) -> Settings {
        Settings {
            disabled: false,
            quality: if self.adaptive_stream { 0 } else { 2 },
            width: 0,
            height: 0,
            fps: 0,
            priority: 0,
        }
    }

    /// Subscribed tracks without a section.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = TrackKey> {
        let assigned: HashSet<TrackKey> = self.slots.iter().filter_map(Slot::track).collect();
        self.subscriptions.keys().copied().filter(move |track| !assigned.contains(track))
    }
}

/// Rights as clients are told (section 2).
pub(crate) fn permission_info(permission: &MediaPermission, kind: ParticipantKind) -> lk::ParticipantPermission {
    let all = permission.publish.iter().count() == Source::ALL.len();
    let sources =
        if all { Vec::new() } else { permission.publish.iter().map(|source| i32::from(lk_source(source))).collect() };
    #[allow(deprecated)]
    lk::ParticipantPermission {
        can_subscribe: permission.subscribe,
        can_publish: !permission.publish.is_empty(),
        can_publish_data: permission.publish_data,
        can_publish_sources: sources,
        hidden: permission.hidden,
        can_update_metadata: permission.update_own,
        recorder: kind == ParticipantKind::Egress,
        agent: kind == ParticipantKind::Agent,
        ..lk::ParticipantPermission::default()
    }
}

pub(crate) fn lk_kind(kind: ParticipantKind) -> lk::participant_info::Kind {
    use lk::participant_info::Kind;
    match kind {
        ParticipantKind::Standard => Kind::Standard,
        ParticipantKind::Ingress => Kind::Ingress,
        ParticipantKind::Egress => Kind::Egress,
        ParticipantKind::Sip => Kind::Sip,
        ParticipantKind::Agent => Kind::Agent,
        ParticipantKind::Connector => Kind::Connector,
        ParticipantKind::Bridge => Kind::Bridge,
    }
}

pub(crate) fn lk_source(source: Source) -> lk::TrackSource {
    match source {
        Source::Camera => lk::TrackSource::Camera,
        Source::Microphone => lk::TrackSource::Microphone,
        Source::ScreenShare => lk::TrackSource::ScreenShare,
        Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    }
}

/// Who left, for those whose socket was away.
#[derive(Debug)]
pub(crate) struct Departed {
    pub(crate) at: Instant,
    pub(crate) info: lk::ParticipantInfo,
}

impl Departed {
    pub(crate) fn new(info: lk::ParticipantInfo, now: Now) -> Self {
        Self { at: now.at, info }
    }
}
