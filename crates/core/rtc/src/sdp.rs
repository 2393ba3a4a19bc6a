//! A session description as lines, and what we read from an offer.
//!
//! Only what section 7 of the media profile decides on is understood; every other line passes unseen.

use crate::plan::Kind;
use std::collections::HashSet;

/// Longest description that is read, in bytes (media-protocol.md section 25, H7).
pub const MAX_SDP_BYTES: usize = 512 * 1024;

/// Most lines of a description. A section of a browser has up to 170, most of them without a counterpart here.
pub const MAX_SDP_LINES: usize = 20_000;

/// Most sections of a description (section 25, H6).
pub const MAX_SECTIONS: usize = 500;

/// Why an offer is refused before the WebRTC stack sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Longer than [`MAX_SDP_BYTES`] or [`MAX_SDP_LINES`].
    #[error("the description is too long")]
    TooLong,
    /// More than [`MAX_SECTIONS`].
    #[error("the description has too many sections")]
    TooManySections,
    /// No section at all, one without a mid, or a mid twice.
    #[error("the sections of the description are not named uniquely")]
    Mids,
    /// A section that is neither sound, pictures nor data: the stack leaves such a one out of its answer.
    #[error("a section of the description is of an unknown kind")]
    Kinds,
}

/// A section of a client's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSection {
    /// `a=mid`.
    pub mid: String,
    /// Sound or pictures; data sections are left out.
    pub kind: Kind,
    /// The client sends on it.
    pub sends: bool,
    /// The client is willing to receive on it.
    pub receives: bool,
    /// The track half of `a=msid`, empty if absent.
    pub track: String,
    /// Several encodings, told apart by rid.
    pub simulcast: bool,
    /// The rids of what the client sends, in its order; at most three.
    pub rids: Vec<String>,
}

/// A description cut into its session part and its sections.
#[derive(Debug, Clone)]
pub(crate) struct Description<'a> {
    pub(crate) session: Vec<&'a str>,
    pub(crate) sections: Vec<Section<'a>>,
}

/// One section; the first line is its `m=`.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    pub(crate) lines: Vec<&'a str>,
}

impl<'a> Description<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut session = Vec::new();
        let mut sections: Vec<Section<'a>> = Vec::new();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if line.starts_with("m=") {
                sections.push(Section { lines: vec![line] });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line);
            } else {
                session.push(line);
            }
        }
        Self { session, sections }
    }
}

impl<'a> Section<'a> {
    /// The value of the first `a=<name>:`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    /// The values of every `a=<name>:`.
    pub(crate) fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
    }

    /// `send q;h;f`, where `~` marks one that is paused and `,` parts alternatives (RFC 8853 section 5.1).
    fn sent_rids(&self) -> impl Iterator<Item = &'a str> {
        let mut words = self.attribute("simulcast").unwrap_or_default().split(' ');
        let list = words.find(|word| *word == "send").and_then(|_| words.next()).unwrap_or_default();
        let first = |alternatives: &'a str| alternatives.split(',').next().unwrap_or_default().trim_start_matches('~');
        list.split(';').map(first).filter(|rid| !rid.is_empty() && rid.len() <= 16).take(3)
    }

    pub(crate) fn has_flag(&self, name: &str) -> bool {
        self.lines.iter().any(|line| line.strip_prefix("a=") == Some(name))
    }

    pub(crate) fn mid(&self) -> Option<&'a str> {
        self.attribute("mid").map(str::trim)
    }

    /// Sound, pictures, or `None` for data and anything else.
    pub(crate) fn kind(&self) -> Option<Kind> {
        let line = self.lines.first()?;
        if line.starts_with("m=audio ") {
            Some(Kind::Audio)
        } else if line.starts_with("m=video ") {
            Some(Kind::Video)
        } else {
            None
        }
    }

    /// Data channels.
    fn is_data(&self) -> bool {
        self.lines.first().is_some_and(|line| line.starts_with("m=application "))
    }

    /// Port 0 outside the bundle means that the section is gone.
    fn rejected(&self) -> bool {
        let port = self.lines.first().and_then(|line| line.split(' ').nth(1));
        port == Some("0") && !self.has_flag("bundle-only")
    }
}

/// Reads what a plan for the answer needs.
pub fn analyse_offer(text: &str) -> Result<Vec<OfferedSection>, OfferError> {
    if text.len() > MAX_SDP_BYTES || text.lines().take(MAX_SDP_LINES + 1).count() > MAX_SDP_LINES {
        return Err(OfferError::TooLong);
    }
    let description = Description::parse(text);
    if description.sections.len() > MAX_SECTIONS {
        return Err(OfferError::TooManySections);
    }
    let mut seen = HashSet::new();
    let mut offered = Vec::with_capacity(description.sections.len());
    for section in &description.sections {
        let mid = section.mid().filter(|mid| !mid.is_empty() && mid.len() <= 16).ok_or(OfferError::Mids)?;
        if !seen.insert(mid) {
            return Err(OfferError::Mids);
        }
        let Some(kind) = section.kind() else {
            if section.is_data() {
                continue;
            }
            return Err(OfferError::Kinds);
        };
        let (sends, receives) = match () {
            () if section.rejected() || section.has_flag("inactive") => (false, false),
            () if section.has_flag("sendonly") => (true, false),
            () if section.has_flag("recvonly") => (false, true),
            () => (true, true),
        };
        let track = section.attribute("msid").and_then(|msid| msid.split(' ').nth(1)).unwrap_or_default();
        offered.push(OfferedSection {
            mid: mid.to_owned(),
            kind,
            sends,
            receives,
            track: track.to_owned(),
            simulcast: section.attribute("simulcast").is_some(),
            rids: section.sent_rids().map(str::to_owned).collect(),
        });
    }
    if seen.is_empty() { Err(OfferError::Mids) } else { Ok(offered) }
}
