//! What an absent field means (http-api.md section 2.1; create-room.md where it differs).

use prost::Message;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};

use crate::pnm;

/// Languages for translated subtitles, unless the service says otherwise.
pub(super) const SUBTITLE_LANGUAGES: i32 = 2;
/// Languages for translated chat, unless the service says otherwise.
pub(super) const CHAT_LANGUAGES: i32 = 5;
/// Breakout rooms of a room that allows them and names no number.
pub(super) const BREAKOUT_ROOMS: u32 = 6;

/// Defaults of new rooms. The operator may change them.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomDefaults {
    /// Features. Every group should be there; [`Self::default`] has them all. Lists in it are empty: those of a request
    /// would be added to them.
    pub features: pnm::RoomCreateFeatures,
    /// Locks of ordinary participants.
    pub lock_settings: pnm::LockSettings,
}

/// A default the operator may change, by its declared name, with dots between groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultSetting {
    /// On or off.
    Switch(&'static str),
    /// A number up to the second value.
    Number(&'static str, u32),
}

use DefaultSetting::{Number, Switch};

/// Locks are not among a room's features; here they stand beside them.
const LOCKS: &str = "default_lock_settings";

/// Everything the operator may change. State and what the server itself fills in are not among it.
pub const DEFAULT_SETTINGS: &[DefaultSetting] = &[
    Switch("allow_webcams"),
    Switch("mute_on_start"),
    Switch("allow_screen_share"),
    Switch("allow_view_other_webcams"),
    Switch("allow_view_other_users_list"),
    Switch("admin_only_webcams"),
    Number("room_duration", u32::MAX),
    Switch("enable_analytics"),
    Switch("allow_virtual_bg"),
    Switch("allow_raise_hand"),
    Switch("allow_reactions"),
    Switch("auto_gen_user_id"),
    Switch("recording_features.is_allow"),
    Switch("recording_features.is_allow_cloud"),
    Switch("recording_features.is_allow_local"),
    Switch("recording_features.enable_auto_cloud_recording"),
    Switch("recording_features.only_record_admin_webcams"),
    Switch("chat_features.is_allow"),
    Switch("chat_features.is_allow_file_upload"),
    Switch("shared_note_pad_features.is_allow"),
    Switch("whiteboard_features.is_allow"),
    Switch("external_media_player_features.is_allow"),
    Switch("waiting_room_features.is_active"),
    Switch("breakout_room_features.is_allow"),
    Number("breakout_room_features.allowed_number_rooms", super::MAX_BREAKOUT_ROOMS),
    Switch("display_external_link_features.is_allow"),
    Switch("ingress_features.is_allow"),
    Switch("polls_features.is_allow"),
    Switch("insights_features.is_allow"),
    Switch("insights_features.transcription_features.is_allow"),
    Switch("insights_features.transcription_features.is_allow_translation"),
    Switch("insights_features.transcription_features.is_allow_speech_synthesis"),
    Switch("insights_features.chat_translation_features.is_allow"),
    Switch("insights_features.ai_features.is_allow"),
    Switch("insights_features.ai_features.ai_text_chat_features.is_allow"),
    Switch("insights_features.ai_features.meeting_summarization_features.is_allow"),
    Switch("sip_dial_in_features.is_allow"),
    Switch("sip_dial_in_features.enable_dial_in_on_create"),
    Switch("sip_dial_in_features.hide_phone_number"),
    Switch("end_to_end_encryption_features.is_enabled"),
    Switch("end_to_end_encryption_features.included_chat_messages"),
    Switch("end_to_end_encryption_features.included_whiteboard"),
    Switch("end_to_end_encryption_features.enabled_self_insert_encryption_key"),
    Switch("external_broadcasting_features.is_allow"),
    Switch("external_broadcasting_features.is_allow_rtmp"),
    Switch("default_lock_settings.lock_microphone"),
    Switch("default_lock_settings.lock_webcam"),
    Switch("default_lock_settings.lock_screen_sharing"),
    Switch("default_lock_settings.lock_chat"),
    Switch("default_lock_settings.lock_chat_send_message"),
    Switch("default_lock_settings.lock_chat_file_share"),
    Switch("default_lock_settings.lock_private_chat"),
    Switch("default_lock_settings.lock_whiteboard"),
    Switch("default_lock_settings.lock_shared_notepad"),
    Switch("default_lock_settings.lock_reactions"),
];

impl DefaultSetting {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Switch(name) | Number(name, _) => name,
        }
    }
}

impl RoomDefaults {
    /// Changes one of [`DEFAULT_SETTINGS`]; a switch is on unless the value is 0. Another name changes nothing.
    pub fn set(&mut self, name: &str, value: u32) {
        let lock = name.split_once('.').filter(|(group, _)| *group == LOCKS).map(|(_, lock)| lock);
        if let Some(lock) = lock {
            let mut locks = self.lock_settings.transcode_to_dynamic();
            put(&mut locks, lock, value);
            self.lock_settings = typed(&locks);
        } else {
            let mut features = self.features.transcode_to_dynamic();
            put(&mut features, name, value);
            self.features = typed(&features);
        }
    }
}

fn typed<M: Message + Default>(message: &DynamicMessage) -> M {
    message.transcode_to().expect("both sides come from the same descriptors")
}

fn put(message: &mut DynamicMessage, name: &str, value: u32) {
    let (field, below) = name.split_once('.').map_or((name, None), |(group, below)| (group, Some(below)));
    let Some(field) = message.descriptor().get_field_by_name(field) else { return };
    let value = match (field.kind(), below) {
        (Kind::Message(_), Some(below)) => {
            if let Value::Message(inner) = message.get_field_mut(&field) {
                put(inner, below, value);
            }
            return;
        }
        (Kind::Bool, None) => Value::Bool(value != 0),
        (Kind::Uint32, None) => Value::U32(value),
        (Kind::Uint64, None) => Value::U64(value.into()),
        _ => return,
    };
    message.set_field(&field, value);
}

impl Default for RoomDefaults {
    fn default() -> Self {
        Self {
            features: features(),
            lock_settings: pnm::LockSettings {
                lock_screen_sharing: Some(true),
                lock_whiteboard: Some(true),
                lock_shared_notepad: Some(true),
                ..Default::default()
            },
        }
    }
}

fn features() -> pnm::RoomCreateFeatures {
    pnm::RoomCreateFeatures {
        allow_webcams: true,
        mute_on_start: false,
        allow_screen_share: true,
        allow_rtmp: None,
        allow_view_other_webcams: true,
        allow_view_other_users_list: true,
        admin_only_webcams: false,
        room_duration: None,
        enable_analytics: false,
        allow_virtual_bg: Some(true),
        allow_raise_hand: Some(true),
        allow_reactions: Some(true),
        auto_gen_user_id: Some(false),
        recording_features: Some(pnm::RecordingFeatures {
            is_allow: true,
            is_allow_cloud: true,
            is_allow_local: true,
            ..Default::default()
        }),
        chat_features: Some(pnm::ChatFeatures { is_allow: true, is_allow_file_upload: true, ..Default::default() }),
        shared_note_pad_features: Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() }),
        whiteboard_features: Some(pnm::WhiteboardFeatures { is_allow: true, ..Default::default() }),
        external_media_player_features: Some(pnm::ExternalMediaPlayerFeatures { is_allow: true, ..Default::default() }),
        waiting_room_features: Some(pnm::WaitingRoomFeatures::default()),
        breakout_room_features: Some(pnm::BreakoutRoomFeatures {
            is_allow: true,
            allowed_number_rooms: BREAKOUT_ROOMS,
            ..Default::default()
        }),
        display_external_link_features: Some(pnm::DisplayExternalLinkFeatures { is_allow: true, ..Default::default() }),
        ingress_features: Some(pnm::IngressFeatures { is_allow: true, ..Default::default() }),
        end_to_end_encryption_features: Some(pnm::EndToEndEncryptionFeatures::default()),
        polls_features: Some(pnm::PollsFeatures { is_allow: true, ..Default::default() }),
        insights_features: Some(insights()),
        sip_dial_in_features: Some(pnm::SipDialInFeatures { is_allow: true, ..Default::default() }),
        external_broadcasting_features: Some(pnm::ExternalBroadcastingFeatures {
            is_allow: true,
            is_allow_rtmp: true,
            ..Default::default()
        }),
    }
}

fn insights() -> pnm::InsightsFeatures {
    pnm::InsightsFeatures {
        is_allow: true,
        transcription_features: Some(pnm::InsightsTranscriptionFeatures {
            is_allow: true,
            max_selected_trans_langs: SUBTITLE_LANGUAGES,
            ..Default::default()
        }),
        chat_translation_features: Some(pnm::InsightsChatTranslationFeatures {
            is_allow: true,
            max_selected_trans_langs: CHAT_LANGUAGES,
            ..Default::default()
        }),
        ai_features: Some(pnm::InsightsAiFeatures {
            is_allow: true,
            ai_text_chat_features: Some(pnm::InsightsAiTextChatFeatures { is_allow: true, ..Default::default() }),
            meeting_summarization_features: Some(pnm::InsightsAiMeetingSummarizationFeatures {
                is_allow: true,
                ..Default::default()
            }),
        }),
    }
}
