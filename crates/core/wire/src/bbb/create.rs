//! From the parameters of `create` to a room (http-api.md section 7.2).
//!
//! What the caller said is checked before any default is filled in (D-11) and laid over the defaults after (D-13), so
//! that a `false` is a `false`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::params::{Params, Unreadable};
use super::room_id;
use crate::create::{CreateRules, Entropy, settle};
use crate::pnm;
use crate::validate::{self, Invalid, MAX_TEXT, MAX_TITLE, Reserved};

/// The `extra_data` key under which a room keeps what only this API knows. Not for browsers: it holds the passwords.
pub const EXTRA_KEY: &str = "bbb_extra_data";

/// Characters of a password the server makes.
const PASSWORD_LENGTH: usize = 16;

/// What a room keeps of its `create` call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Opens the meeting to an attendee.
    #[serde(rename = "attendeePW")]
    pub attendee_password: String,
    /// Opens it to a moderator.
    #[serde(rename = "moderatorPW")]
    pub moderator_password: String,
    /// Address of a logo.
    pub logo: String,
    /// The meeting's id as its caller knows it.
    #[serde(rename = "originalMeetingId")]
    pub meeting_id: String,
    /// The caller's own values, `meta_` stripped from their names, which are names of XML elements.
    pub meta: BTreeMap<String, String>,
}

impl Extra {
    /// What `room` keeps; nothing if it was not made by this API.
    pub fn of(room: &pnm::RoomMetadata) -> Option<Self> {
        serde_json::from_str(room.extra_data.get(EXTRA_KEY)?).ok()
    }
}

/// Why a room is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateRejected {
    /// A value that is none.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Against the rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An id of the house.
    #[error(transparent)]
    Reserved(#[from] Reserved),
}

/// The room that `params` describe, ready to be made. `document` is the one of the body, which goes before
/// `preUploadedPresentation`. `now` is in unix seconds.
///
/// # Errors
/// See [`CreateRejected`].
pub fn create(
    params: &Params,
    document: Option<String>,
    rules: &CreateRules,
    now: u64,
    random: Entropy<'_>,
) -> Result<pnm::CreateRoomReq, CreateRejected> {
    let preload = document.or_else(|| owned(params, "preUploadedPresentation"));
    let mut request = said(params, preload.clone(), random)?;
    validate::check(&request)?;
    validate::reserved_room(&request.room_id)?;
    let mut features = rules.defaults.features.clone();
    flags(params, &mut features)?;
    switch_off(&params.list("disabledFeatures"), &mut features);
    let board = features.whiteboard_features.get_or_insert_default();
    board.preload_file = preload.filter(|_| board.is_allow);
    request.metadata.get_or_insert_default().room_features = Some(features);
    settle(&mut request, rules, now, random);
    Ok(request)
}

/// The caller's words alone, in the form that can be checked.
fn said(params: &Params, preload: Option<String>, random: Entropy<'_>) -> Result<pnm::CreateRoomReq, Unreadable> {
    let name = params.text("name").unwrap_or_default();
    let board = pnm::WhiteboardFeatures { preload_file: preload, ..Default::default() };
    Ok(pnm::CreateRoomReq {
        room_id: room_id(params.text("meetingID").unwrap_or_default()),
        max_participants: params.number("maxParticipants")?,
        metadata: Some(pnm::RoomMetadata {
            room_title: name.to_owned(),
            welcome_message: params.text("welcome").map(|text| welcome(text, name)),
            logout_url: owned(params, "logoutURL"),
            room_features: Some(pnm::RoomCreateFeatures { whiteboard_features: Some(board), ..Default::default() }),
            default_lock_settings: Some(locks(params)?),
            extra_data: [(EXTRA_KEY.to_owned(), extra(params, random))].into(),
            ..Default::default()
        }),
        ..Default::default()
    })
}

fn owned(params: &Params, name: &str) -> Option<String> {
    params.text(name).map(str::to_owned)
}

/// The greeting with the meeting's name in it. One that will be refused anyway is not blown up first.
fn welcome(text: &str, name: &str) -> String {
    if text.len() > MAX_TEXT || name.chars().nth(MAX_TITLE).is_some() {
        return text.to_owned();
    }
    text.replace("%%CONFNAME%%", name)
}

fn extra(params: &Params, random: Entropy<'_>) -> String {
    let mut password = |name| owned(params, name).unwrap_or_else(|| new_password(random));
    let extra = Extra {
        attendee_password: password("attendeePW"),
        moderator_password: password("moderatorPW"),
        logo: params.text("logo").unwrap_or_default().to_owned(),
        meeting_id: params.text("meetingID").unwrap_or_default().to_owned(),
        meta: meta(params),
    };
    serde_json::to_string(&extra).expect("texts are JSON")
}

/// 32 letters, so that every byte picks each of them equally often.
fn new_password(random: Entropy<'_>) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bits = [0; PASSWORD_LENGTH];
    random(&mut bits);
    bits.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Values come back as XML elements, so what cannot be the name of one is passed over. The first of a name counts.
fn meta(params: &Params) -> BTreeMap<String, String> {
    let mut meta = BTreeMap::new();
    for (name, value) in params.starting_with("meta_").filter(|(name, _)| is_element_name(name)) {
        meta.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    meta
}

fn is_element_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn locks(params: &Params) -> Result<pnm::LockSettings, Unreadable> {
    Ok(pnm::LockSettings {
        lock_webcam: params.flag("lockSettingsDisableCam")?,
        lock_microphone: params.flag("lockSettingsDisableMic")?,
        lock_chat_send_message: params.flag("lockSettingsDisablePublicChat")?,
        lock_private_chat: params.flag("lockSettingsDisablePrivateChat")?,
        // Callers of before version 2.3 leave out the last letter.
        lock_shared_notepad: match params.flag("lockSettingsDisableNotes")? {
            Some(lock) => Some(lock),
            None => params.flag("lockSettingsDisableNote")?,
        },
        ..Default::default()
    })
}

/// Lays the caller's flags over the defaults.
fn flags(params: &Params, features: &mut pnm::RoomCreateFeatures) -> Result<(), Unreadable> {
    let set = |flag: &mut bool, said: Option<bool>| *flag = said.unwrap_or(*flag);
    features.auto_gen_user_id = Some(true);
    if let Some(minutes) = params.number("duration")? {
        features.room_duration = Some(minutes.into());
    }
    let recording = features.recording_features.get_or_insert_default();
    // Callers of this API ask for recording where they want it.
    let record = params.flag("record")?.unwrap_or(false);
    recording.is_allow = record;
    recording.is_allow_cloud = record;
    set(&mut recording.enable_auto_cloud_recording, params.flag("autoStartRecording")?);
    set(&mut features.admin_only_webcams, params.flag("webcamsOnlyForModerator")?);
    set(&mut features.mute_on_start, params.flag("muteOnStart")?);
    set(&mut features.enable_analytics, params.flag("meetingKeepEvents")?);
    set(&mut features.allow_view_other_users_list, params.flag("lockSettingsHideUserList")?.map(|hide| !hide));
    if let Some(policy) = params.text("guestPolicy") {
        features.waiting_room_features.get_or_insert_default().is_active = policy == "ASK_MODERATOR";
    }
    Ok(())
}

fn switch_off(names: &[&str], features: &mut pnm::RoomCreateFeatures) {
    for name in names {
        match *name {
            "breakoutRooms" => features.breakout_room_features.get_or_insert_default().is_allow = false,
            "chat" => features.chat_features.get_or_insert_default().is_allow = false,
            "externalVideos" => features.external_media_player_features.get_or_insert_default().is_allow = false,
            "polls" => features.polls_features.get_or_insert_default().is_allow = false,
            "screenshare" => features.allow_screen_share = false,
            "sharedNotes" => features.shared_note_pad_features.get_or_insert_default().is_allow = false,
            "liveTranscription" => {
                let insights = features.insights_features.get_or_insert_default();
                insights.transcription_features.get_or_insert_default().is_allow = false;
                insights.chat_translation_features.get_or_insert_default().is_allow = false;
            }
            "presentation" => features.whiteboard_features.get_or_insert_default().is_allow = false,
            "virtualBackgrounds" => features.allow_virtual_bg = Some(false),
            "raiseHand" => features.allow_raise_hand = Some(false),
            // Newer versions have features of their own.
            _ => {}
        }
    }
}
