//! What an absent field means (http-api.md section 2.1; create-room.md where it differs).

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
    /// Features. Every group should be there; [`Self::default`] has them all.
    pub features: pnm::RoomCreateFeatures,
    /// Locks of ordinary participants.
    pub lock_settings: pnm::LockSettings,
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
