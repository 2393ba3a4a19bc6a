//! What somebody may do on the media plane. Computed by the policy table, executed by the SFU.

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
    pub fn all() -> Self {
        Source::ALL.into_iter().collect()
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
    /// Counts as a moderator for other people's [`CameraView`].
    pub moderator: bool,
    /// Whose webcams this participant receives.
    pub cameras: CameraView,
}

impl MediaPermission {
    /// What is left of these rights below a ceiling. Whose webcams are seen, and who counts as a moderator, is not the
    /// ceiling's to say.
    #[must_use]
    pub fn within(self, ceiling: Self) -> Self {
        Self {
            publish: self.publish.iter().filter(|source| ceiling.publish.contains(*source)).collect(),
            subscribe: self.subscribe && ceiling.subscribe,
            publish_data: self.publish_data && ceiling.publish_data,
            hidden: self.hidden || ceiling.hidden,
            ..self
        }
    }
}
