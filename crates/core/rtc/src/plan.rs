//! What the signalling machine wants each section of a description to be.

/// What a section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A payload format that is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// RFC 9628.
    Vp9,
    /// The AV1 RTP payload format.
    Av1,
    /// Opus that repeats what was said before (RFC 2198).
    Red,
}

impl Codec {
    /// The encoding name of `a=rtpmap`, upper case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "OPUS",
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::Red => "RED",
        }
    }
}

/// How to answer the half of a section in which the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Up {
    /// The codec the client shall encode with: it takes the first one of our answer (section 7.6).
    pub codec: Codec,
    /// Opus only: two channels.
    pub stereo: bool,
    /// Opus only: may go quiet between words.
    pub dtx: bool,
    /// Opus only: repeats what was said before, if the client can (RFC 2198).
    pub red: bool,
}

/// What to put on the half of a section in which the client receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// First part of `a=msid` (section 7.3): `PA_…|TR_…`.
    pub stream: String,
    /// Second part of `a=msid`: `TR_…`.
    pub track: String,
    /// RTCP canonical name: the publisher's participant sid.
    pub cname: String,
    /// Opus only: the track has two channels.
    pub stereo: bool,
}

/// One section of an answer. Sections without a plan are answered `inactive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionPlan {
    /// `a=mid`.
    pub mid: String,
    /// The client sends.
    pub up: Option<Up>,
    /// The client receives.
    pub down: Option<Down>,
}

/// One change of a connection that is offered by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferChange {
    /// Put a track on a section: on an inactive one of that kind or on a new one (`mid: None`).
    Activate { mid: Option<String>, kind: Kind, down: Down },
    /// Take the track off a section.
    Deactivate { mid: String },
}
