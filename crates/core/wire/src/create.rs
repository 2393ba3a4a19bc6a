//! From the body of `/auth/room/create` to the room that is made: rules, defaults, limits.
//!
//! Which flags a caller meant is known only while the JSON is in hand (D-01), so this is the one place where defaults
//! are merged. Everything after it, and every caller inside the house, works with plain values where `false` is `false`.

mod defaults;
mod merge;
mod settle;

use crate::json::{self, JsonError};
use crate::pnm;
use crate::validate::{self, Invalid, Reserved};

pub use defaults::{DEFAULT_SETTINGS, DefaultSetting, RoomDefaults};

/// Everything about the server that shapes a new room.
#[derive(Debug, Clone, Default)]
pub struct CreateRules {
    /// What an absent field means.
    pub defaults: RoomDefaults,
    /// What no room may exceed.
    pub limits: RoomLimits,
    /// What is shown as copyright.
    pub copyright: CopyrightPolicy,
    /// Which outside engines there are.
    pub abilities: ServerAbilities,
}

/// Server-wide limits (http-api.md section 10). `0` means unlimited unless said otherwise.
#[derive(Debug, Clone)]
pub struct RoomLimits {
    /// Most participants of a room.
    pub max_participants: u32,
    /// Longest session in minutes.
    pub max_duration: u64,
    /// Most breakout rooms of a room; `None` means [`MAX_BREAKOUT_ROOMS`], which is also the most there can be.
    pub max_breakout_rooms: Option<u32>,
    /// Largest chat file in MB, told to clients.
    pub chat_file_size: u64,
    /// Chat file extensions a room allows when it names none.
    pub chat_file_types: Vec<String>,
    /// Largest whiteboard file in MB, told to clients.
    pub whiteboard_file_size: u64,
}

/// Most breakout rooms of a room (D-03).
pub const MAX_BREAKOUT_ROOMS: u32 = 16;

impl Default for RoomLimits {
    /// The upload limits of the reference's sample configuration, and no room limits.
    fn default() -> Self {
        let types = ["jpg", "jpeg", "png", "svg", "pdf", "docx", "txt", "xlsx", "pptx", "zip", "mp4", "webm", "mp3"];
        Self {
            max_participants: 0,
            max_duration: 0,
            max_breakout_rooms: None,
            chat_file_size: 50,
            chat_file_types: types.map(str::to_owned).into(),
            whiteboard_file_size: 30,
        }
    }
}

/// The copyright line of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyrightPolicy {
    /// Whether it is shown.
    pub display: bool,
    /// What it says; HTML limited to `b`, `i`, `em`, `strong`, `a` by clients.
    pub text: String,
    /// Whether a room may have its own.
    pub allow_override: bool,
}

impl Default for CopyrightPolicy {
    /// What the reference shows without `copyright_conf` in its configuration.
    fn default() -> Self {
        Self {
            display: true,
            text: r#"Powered by <a href="https://www.plugnmeet.org" target="_blank">plugNmeet</a>"#.into(),
            allow_override: false,
        }
    }
}

/// Which outside engines the server is configured for. Features that need a missing one are switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerAbilities {
    /// Speech and language services.
    pub insights: Option<InsightsLimits>,
    /// Telephone dial-in.
    pub sip: bool,
}

/// Most languages a moderator may select at once (option `max_selected_trans_langs` of the service).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsightsLimits {
    /// For translated subtitles.
    pub transcription_languages: i32,
    /// For translated chat.
    pub chat_languages: i32,
}

impl Default for InsightsLimits {
    fn default() -> Self {
        Self { transcription_languages: defaults::SUBTITLE_LANGUAGES, chat_languages: defaults::CHAT_LANGUAGES }
    }
}

/// Why a room is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateRejected {
    /// Not the message.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Against the rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An id of the house.
    #[error(transparent)]
    Reserved(#[from] Reserved),
}

impl CreateRejected {
    /// The `status_code` of the answer; its `msg` is the text of the error.
    pub const fn status_code(&self) -> pnm::StatusCode {
        match self {
            Self::Json(_) | Self::Invalid(_) => pnm::StatusCode::InvalidParameters,
            Self::Reserved(_) => pnm::StatusCode::InternalServerError,
        }
    }
}

/// Fills a buffer with random bytes.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Reads the body of `/auth/room/create`, checks it, merges the defaults in and settles the result.
///
/// An explicit value always wins. In a body with declared names an absent flag takes its default. In a body with
/// lowerCamelCase names, as the SDKs send it, an absent plain flag inside a group that is present and not empty means
/// `false`. `now` is in unix seconds.
///
/// # Errors
/// See [`CreateRejected`].
pub fn decode_create(
    body: &[u8],
    rules: &CreateRules,
    now: u64,
    random: Entropy<'_>,
) -> Result<pnm::CreateRoomReq, CreateRejected> {
    let node = json::parse(body)?;
    let mut request = merge::read(&node)?;
    validate::check(&request)?;
    validate::reserved_room(&request.room_id)?;
    merge::apply(&mut request, &node, &rules.defaults)?;
    settle(&mut request, rules, now, random);
    Ok(request)
}

/// Makes a request of the house's own consistent: fills absent groups and fields with explicit presence from the
/// defaults, applies server limits, and switches off what depends on something that is off (http-api.md section 2.1,
/// steps 4 to 8). Plain flags are taken as they are, `false` included. Does not validate. `now` is in unix seconds.
pub fn settle(request: &mut pnm::CreateRoomReq, rules: &CreateRules, now: u64, random: Entropy<'_>) {
    settle::settle(request, rules, now, random);
}

#[cfg(test)]
mod tests;
