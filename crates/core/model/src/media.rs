//! What somebody may do on the media plane. Computed by the policy table, executed by the SFU.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Where a track comes from (LiveKit `TrackSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A webcam.
    Camera,
    /// A microphone.
    Microphone,
    /// A screen, window or tab.
    ScreenShare,
    /// The sound of a shared screen, window or tab.
    ScreenShareAudio,
}

impl Source {
    /// Every source there is.
    pub const ALL: [Self; 4] = [Self::Camera, Self::Microphone, Self::ScreenShare, Self::ScreenShareAudio];
}

/// A set of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources(u8);

impl Sources {
    /// No source at all.
    pub const NONE: Self = Self(0);

    /// Every source.
    pub const fn all() -> Self {
        Self::NONE
            .with(Source::Camera)
            .with(Source::Microphone)
            .with(Source::ScreenShare)
            .with(Source::ScreenShareAudio)
    }

    /// The set with `source` in it.
    #[must_use]
    pub const fn with(self, source: Source) -> Self {
        Self(self.0 | (1 << source as u8))
    }

    /// The set with `source` out of it.
    #[must_use]
    pub const fn without(self, source: Source) -> Self {
        Self(self.0 & !(1 << source as u8))
    }

    /// Whether `source` is in the set.
    pub const fn contains(self, source: Source) -> bool {
        self.0 & (1 << source as u8) != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sources in the set, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(move |source| self.contains(*source))
    }
}

impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        sources.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Whose webcams somebody gets to see (`allow_view_other_webcams`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameraView {
    /// Everybody's.
    Everyone,
    /// Only those of moderators.
    Moderators,
}

/// Everything the media plane needs to know about one participant's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPermission {
    /// What may be published. Empty: nothing.
    pub publish: Sources,
    /// Whether anything may be received.
    pub subscribe: bool,
    /// Whether messages may be sent over media data channels. Off unless the room asks for it: the data of browsers goes
    /// over `/nats`.
    pub publish_data: bool,
    /// Never shown to others.
    pub hidden: bool,
    /// Whether name, metadata and attributes of one's own may be changed. Off in meetings, which say themselves what somebody
    /// is called.
    pub update_own: bool,
    /// Counts as a moderator for other people's [`CameraView`].
    pub moderator: bool,
    /// Whose webcams this participant receives.
    pub cameras: CameraView,
}

impl MediaPermission {
    /// Everything, as far as no meeting has a say.
    pub const FREE: Self = Self {
        publish: Sources::all(),
        subscribe: true,
        publish_data: true,
        hidden: false,
        update_own: true,
        moderator: false,
        cameras: CameraView::Everyone,
    };

    /// What is left of these rights below a ceiling. Whose webcams are seen, and who counts as a moderator, is not the
    /// ceiling's to say.
    #[must_use]
    pub fn within(self, ceiling: Self) -> Self {
        Self {
            publish: self.publish.iter().filter(|source| ceiling.publish.contains(*source)).collect(),
            subscribe: self.subscribe && ceiling.subscribe,
            publish_data: self.publish_data && ceiling.publish_data,
            hidden: self.hidden || ceiling.hidden,
            update_own: self.update_own && ceiling.update_own,
            ..self
        }
    }

    /// What the native twin of whoever has these rights may do: publish the same, and receive nothing.
    #[must_use]
    pub const fn of_twin(self) -> Self {
        Self { subscribe: false, ..self }
    }
}

/// What somebody is, as clients are told (`livekit.ParticipantInfo.Kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParticipantKind {
    /// A person.
    #[default]
    Standard,
    /// Brings a stream in.
    Ingress,
    /// Records or streams out.
    Egress,
    /// A telephone.
    Sip,
    /// A program.
    Agent,
    /// Brings in somebody of another service.
    Connector,
    /// Joins two rooms.
    Bridge,
}

impl ParticipantKind {
    /// Every kind there is.
    pub const ALL: [Self; 7] =
        [Self::Standard, Self::Ingress, Self::Egress, Self::Sip, Self::Agent, Self::Connector, Self::Bridge];

    /// How a token names it (`kind`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::Sip => "sip",
            Self::Agent => "agent",
            Self::Connector => "connector",
            Self::Bridge => "bridge",
        }
    }

    /// The kind a token names; what nobody knows is a person.
    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name)).unwrap_or_default()
    }

    /// Whether it serves others and takes nobody's place: a room that is full still has one for it.
    pub const fn is_servant(self) -> bool {
        matches!(self, Self::Egress | Self::Agent)
    }
}

/// What can be wrong with somebody's connection for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Packets from them got lost. Measured in lost packets of a thousand.
    UplinkLoss,
    /// Packets to them got lost. Measured in lost packets of a thousand.
    DownlinkLoss,
    /// What was said took long to get back. Measured as the longest round trip in milliseconds.
    SlowRoundTrip,
    /// The way to them carried less than what they wanted to see. Measured as its least width in bits per second.
    NarrowDownlink,
    /// Nothing came from them any more, and then they were back. Measured in milliseconds.
    Interrupted,
    /// Nothing came from them any more until they were given up. Without a measure, and the span is the moment at which they
    /// were last heard. If they come back after all, [`Self::Interrupted`] is told of the same time.
    Lost,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 6] = [
        Self::UplinkLoss,
        Self::DownlinkLoss,
        Self::SlowRoundTrip,
        Self::NarrowDownlink,
        Self::Interrupted,
        Self::Lost,
    ];

    /// How it is called in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UplinkLoss => "uplink_loss",
            Self::DownlinkLoss => "downlink_loss",
            Self::SlowRoundTrip => "slow_round_trip",
            Self::NarrowDownlink => "narrow_downlink",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}

/// A span of time in which something was wrong with somebody's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub fault: Fault,
    /// Since when, Unix milliseconds.
    pub from_ms: i64,
    /// Until when, Unix milliseconds.
    pub to_ms: i64,
    /// How much, in the measure of the fault.
    pub amount: u64,
}

/// What LiveKit's server API changes of a participant; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParticipantChange {
    /// Display name, at most 256 characters.
    pub name: Option<String>,
    /// Opaque, at most 512 KiB.
    pub metadata: Option<String>,
    /// Laid over what is there, at most 64 KiB together; an empty value takes the attribute away.
    pub attributes: BTreeMap<String, String>,
    /// The rights from now on. In the room of a meeting: the most there can be, whatever the meeting gives.
    pub permission: Option<MediaPermission>,
}

/// A message of that API to participants (media-protocol.md section 13.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataMessage {
    /// What it says; at most 64,000 bytes, and 64 KiB with what it is about.
    pub payload: Bytes,
    /// On the channel that loses nothing.
    pub reliable: bool,
    /// To whom, by identity; together with `sids` empty is everybody.
    pub identities: Vec<String>,
    /// To whom, by participant sid.
    pub sids: Vec<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// Known again if it is sent twice; empty never is.
    pub nonce: Bytes,
}
