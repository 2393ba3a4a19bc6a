//! How large files may be, of which types, and how they are called.

use room::{Quota, UploadBounds};
use wire::pnm::RoomUploadedFileType as Kind;

/// What the operator allows (`upload_file_settings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRules {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Largest file for the whiteboard, in bytes.
    pub max_whiteboard_bytes: u64,
    /// Extensions in lower case without dot.
    pub allowed_types: Vec<String>,
    /// All files of a session together, in bytes.
    pub room_bytes: u64,
    /// Whether files stay when the session ends.
    pub keep_forever: bool,
}

impl Default for UploadRules {
    /// http-api.md section 10; the limit of a session is ours.
    fn default() -> Self {
        let types = ["docx", "jpeg", "jpg", "mp3", "mp4", "pdf", "png", "pptx", "svg", "txt", "webm", "xlsx", "zip"];
        Self {
            max_bytes: 50 << 20,
            max_whiteboard_bytes: 30 << 20,
            allowed_types: types.map(str::to_owned).into(),
            room_bytes: 1 << 30,
            keep_forever: false,
        }
    }
}

impl UploadRules {
    pub(super) const fn quota(&self) -> Quota {
        Quota { bytes: self.room_bytes, files: MAX_FILES }
    }
}

/// Most files of a session: each is an entry of the journal and a line of a list.
const MAX_FILES: usize = 1000;
/// Largest background, in bytes (client-features.md section 8); whoever waits may upload some.
const MAX_BACKGROUND: u64 = 30 << 20;
/// Longest name, in bytes (http-api.md section 4.7).
const MAX_NAME: usize = 255;

/// Pictures that the whiteboard shows.
const PICTURES: &[&str] = &["gif", "jpg", "png", "svg", "webp"];
/// Pictures that one can be seen in front of.
const BACKGROUNDS: &[&str] = &["jpg", "png", "webp"];
/// Documents that become pages of the whiteboard (meeting-protocol.md section 12.4).
const DOCUMENTS: &[&str] = &[
    "csv", "doc", "docx", "html", "odg", "odp", "ods", "odt", "pdf", "ppt", "pptx", "rtf", "txt", "vsd", "xls", "xlsx",
    "xml",
];
/// What the media player plays.
const MEDIA: &[&str] = &["m4a", "m4v", "mkv", "mov", "mp3", "mp4", "ogg", "wav", "webm"];

/// The limits of one upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Largest file, in bytes.
    pub(crate) most: u64,
    types: Vec<String>,
}

impl Limits {
    /// The operator's, narrowed by what the file is for and by the room's features.
    pub(super) fn new(rules: &UploadRules, kind: Kind, bounds: &UploadBounds) -> Self {
        let (most, useful): (u64, Option<&[&str]>) = match kind {
            Kind::ChatFile => (rules.max_bytes, None),
            Kind::WhiteboardImageFile => (rules.max_whiteboard_bytes, Some(PICTURES)),
            Kind::WhiteboardConvertedFile => (rules.max_whiteboard_bytes, Some(DOCUMENTS)),
            Kind::ExternalMediaPlayerFile => (rules.max_bytes, Some(MEDIA)),
            Kind::VirtualBackground => (rules.max_bytes.min(MAX_BACKGROUND), Some(BACKGROUNDS)),
        };
        let most = bounds.max_megabytes.map_or(most, |room| most.min(room.saturating_mul(1 << 20)));
        let asked: Vec<&str> = bounds.types.iter().map(|name| usual(name)).collect();
        let types = rules.allowed_types.iter().map(|name| usual(name));
        let types = types.filter(|name| useful.is_none_or(|useful| useful.contains(name)));
        let types = types.filter(|name| asked.is_empty() || asked.contains(name)).map(str::to_owned).collect();
        Self { most, types }
    }

    /// The looser of both in each respect.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.most = self.most.max(other.most);
        self.types.extend(other.types);
        self
    }

    pub(super) fn takes(&self, extension: &str) -> bool {
        self.types.iter().any(|name| name == usual(extension))
    }
}

/// One of several usual spellings.
fn usual(extension: &str) -> &str {
    match extension {
        "jpeg" => "jpg",
        "htm" => "html",
        other => other,
    }
}

pub(super) const fn whole_megabytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// A name that people may read: the last part of what was sent, without what file systems dislike.
pub(super) fn display_name(sent: &str) -> String {
    let base = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = |c: char| {
        if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') || c.is_control() { '_' } else { c }
    };
    let name: String = base.chars().map(clean).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    match &name[..end] {
        "" => uuid::Uuid::new_v4().to_string(),
        name => name.to_owned(),
    }
}

/// The same in letters that mean the same in an address however often it is encoded and decoded.
pub(super) fn path_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    // A segment of this name is refused wherever it is (http-api.md section 3.7).
    if name == "tmp" { "_tmp".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(kind: Kind, change: impl FnOnce(&mut UploadBounds)) -> Limits {
        let mut bounds = UploadBounds::default();
        change(&mut bounds);
        Limits::new(&UploadRules::default(), kind, &bounds)
    }

    #[test]
    fn a_file_must_suit_the_operator_the_room_and_its_purpose() {
        let chat = limits(Kind::ChatFile, |_| {});
        assert!(chat.takes("zip") && chat.takes("jpg") && !chat.takes("exe"));
        assert_eq!(chat.most, 50 << 20);

        let narrow = limits(Kind::ChatFile, |room| {
            room.types = vec!["pdf".into(), "jpeg".into(), "exe".into()];
            room.max_megabytes = Some(2);
        });
        assert!(narrow.takes("pdf") && narrow.takes("jpg") && !narrow.takes("zip") && !narrow.takes("exe"));
        assert_eq!(narrow.most, 2 << 20);

        let wide = limits(Kind::ChatFile, |room| room.max_megabytes = Some(5000));
        assert_eq!(wide.most, 50 << 20);

        let board = limits(Kind::WhiteboardImageFile, |_| {});
        assert!(board.takes("svg") && !board.takes("pdf"));
        assert_eq!(board.most, 30 << 20);
        assert!(limits(Kind::WhiteboardConvertedFile, |_| {}).takes("pptx"));
        assert!(!limits(Kind::VirtualBackground, |_| {}).takes("svg"));
        assert!(!limits(Kind::ExternalMediaPlayerFile, |_| {}).takes("txt"));
        let either = board.or(limits(Kind::ExternalMediaPlayerFile, |_| {}));
        assert!(either.takes("svg") && either.takes("mp4") && either.most == 50 << 20);
    }

    #[test]
    fn names_are_for_people_and_paths_for_addresses() {
        for (sent, shown, path) in [
            ("../../etc/passwd", "passwd", "passwd"),
            ("C:\\temp\\Bericht für 2026.pdf", "Bericht für 2026.pdf", "Bericht_f_r_2026.pdf"),
            (" .a<b>:\"|?*\0c. ", "a_b_______c", "a_b_______c"),
            ("50% + 1.txt", "50% + 1.txt", "50____1.txt"),
            ("tmp", "tmp", "_tmp"),
        ] {
            let name = display_name(sent);
            assert_eq!((name.as_str(), path_name(&name).as_str()), (shown, path), "{sent:?}");
        }
        assert_eq!(display_name("...").len(), 36);
        let long = display_name(&"ü".repeat(300));
        assert_eq!(long.len(), 254);
    }
}
