//! A session description as lines, and what we read from an offer.
//!
//! Only what section 7 of the media profile decides on is understood; every other line passes unseen.

use crate::plan::Kind;
use std::borrow::Cow;
use std::collections::HashSet;

/// Longest description that is read, in bytes (media-protocol.md section 25, H7).
pub const MAX_SDP_BYTES: usize = 512 * 1024;

/// Most lines of a description. A section of a browser has up to 170, most of them without a counterpart here.
pub const MAX_SDP_LINES: usize = 20_000;

/// Most sections of a description (section 25, H6).
pub const MAX_SECTIONS: usize = 500;

/// Most lines of one section.
const MAX_SECTION_LINES: usize = 1000;

/// Most payload types of a section, and most lines that say what one is or what parameters it has. Chromium has 34 to 50.
const MAX_FORMATS: usize = 96;

/// Most parameters of all of them: of a format of pictures there are up to four.
const MAX_PARAMETERS: usize = 1024;

/// Most lines of feedback: five or fewer a format.
const MAX_FEEDBACK: usize = 6 * MAX_FORMATS;

/// Most names of extensions: a header tells so many apart (RFC 8285 section 4.3).
const MAX_EXTENSIONS: usize = 255;

/// Most lines about sources: three encodings that are sent again and protected, with four lines each, are 40.
const MAX_SOURCE_LINES: usize = 96;

/// Most sources in one description: two for each of 500 sections and some more.
const MAX_SOURCES: usize = 1024;

/// Most lines or words about encodings.
const MAX_ENCODINGS: usize = 16;

/// What the stack may have to compare in one description: for each format of a section, each parameter line with each format,
/// and each parameter with each format. A description of Chromium as long as one may be has four million.
const MAX_COMPARISONS: usize = 16_000_000;

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
    /// A section with more lines of some kind than any client has use for: the stack compares them each with each.
    #[error("a section of the description has too many lines of a kind")]
    TooManyLines,
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

    /// What the stack has to compare because of it (see [`MAX_COMPARISONS`]), if it keeps within all limits.
    fn comparisons(&self) -> Option<usize> {
        let mut lines = Lines { formats: self.lines.first()?.split(' ').skip(3).count(), ..Lines::default() };
        for line in &self.lines {
            let Some((name, value)) = line.strip_prefix("a=").and_then(|attribute| attribute.split_once(':')) else {
                continue;
            };
            match name {
                "rtpmap" => lines.names += 1,
                "fmtp" => {
                    lines.described += 1;
                    lines.parameters += 1 + value.matches(';').count();
                }
                "rtcp-fb" => lines.feedback += 1,
                "extmap" => lines.extensions += 1,
                "ssrc" | "ssrc-group" => lines.sources += 1,
                "rid" => lines.encodings += 1,
                "simulcast" => lines.alternatives += 1 + value.matches([';', ',']).count(),
                _ => {}
            }
        }
        let fits = self.lines.len() <= MAX_SECTION_LINES
            && lines.formats.max(lines.names).max(lines.described) <= MAX_FORMATS
            && lines.parameters <= MAX_PARAMETERS
            && lines.feedback <= MAX_FEEDBACK
            && lines.extensions <= MAX_EXTENSIONS
            && lines.sources <= MAX_SOURCE_LINES
            && lines.encodings.max(lines.alternatives) <= MAX_ENCODINGS;
        // Static payload types need no name.
        let formats = lines.names.max(lines.formats);
        fits.then_some(formats * (formats * lines.described + 2 * lines.parameters))
    }

    /// Port 0 outside the bundle means that the section is gone.
    fn rejected(&self) -> bool {
        let port = self.lines.first().and_then(|line| line.split(' ').nth(1));
        port == Some("0") && !self.has_flag("bundle-only")
    }
}

/// How many there are of each kind in a section.
#[derive(Default)]
struct Lines {
    formats: usize,
    names: usize,
    described: usize,
    parameters: usize,
    feedback: usize,
    extensions: usize,
    sources: usize,
    encodings: usize,
    alternatives: usize,
}

/// What the stack gets of a description. Candidates of the client are of no use to it, because peers are learned from their
/// checks, and it compares each with all; nobody is sent several encodings at once; and it would read the name of a bandwidth
/// beyond the end of its line.
pub(crate) fn without_useless(text: &str) -> Cow<'_, str> {
    let is_useless = |line: &str| {
        let several = |value: &str| value.split([' ', '\r', '\n']).any(|word| word == "recv");
        line.starts_with("b=")
            || line.starts_with("a=candidate:")
            || line.starts_with("a=end-of-candidates")
            || line.strip_prefix("a=simulcast:").is_some_and(several)
    };
    if !text.split('\n').any(is_useless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_inclusive('\n').filter(|line| !is_useless(line)).collect())
}

/// The sources a client says it will send from.
pub(crate) fn announced(description: &Description<'_>) -> HashSet<u32> {
    let one = |value: &'_ str| value.split(' ').next().and_then(|source| source.parse().ok());
    let each = |section: &Section<'_>| {
        let singles: Vec<u32> = section.attributes("ssrc").filter_map(one).collect();
        let groups = section.attributes("ssrc-group").flat_map(|group| group.split(' ').skip(1));
        groups.filter_map(|source| source.parse().ok()).chain(singles).collect::<Vec<u32>>()
    };
    description.sections.iter().flat_map(each).collect()
}

/// Whether a description keeps within what the stack can read in milliseconds.
fn is_readable(description: &Description<'_>) -> bool {
    let names = |line: &&str| line.strip_prefix("a=group:").map_or(0, |group| group.split(' ').count());
    let is_short = description.session.len() <= MAX_SECTION_LINES
        && description.session.iter().map(names).max().unwrap_or(0) <= 1 + MAX_SECTIONS;
    let all = description.sections.iter().map(Section::comparisons).sum::<Option<usize>>();
    is_short && all.is_some_and(|all| all <= MAX_COMPARISONS) && announced(description).len() <= MAX_SOURCES
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
    if !is_readable(&description) {
        return Err(OfferError::TooManyLines);
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
