//! The rules a request must keep, with the texts callers know (http-api.md sections 0.6, 1.6, 2.1 and 2.2).
//!
//! Everything is checked before anything is said, in declaration order. Lengths that the reference leaves to its
//! database (D-38) or to nobody are rules here, in the same form.

use std::fmt;

use crate::pnm;

mod check;
mod rule;
mod uri;

pub use check::{Check, check};
pub use rule::{FieldRule, Rule, rules_of};
pub use uri::is_uri;

/// A request that has rules.
pub trait Rules {
    /// Tells `check` about each of them, in declaration order.
    fn rules(&self, check: &mut Check);
}

/// Longest id of a room, a user, a session, a recording or an artifact, in characters; `model` and `ports` hold the same
/// number (D-38).
pub const MAX_ID_LENGTH: usize = 64;
/// Longest title, name or webhook URL, in characters (the reference's columns hold 255).
pub const MAX_TITLE: usize = 255;
/// Longest other URL, in bytes.
pub const MAX_URL: usize = 2048;
/// Longest text shown to people (welcome message, prompt), in bytes.
pub const MAX_TEXT: usize = 16 * 1024;
/// Longest short text (waiting room message, copyright line), in bytes.
pub const MAX_LINE: usize = 4096;
/// Most entries in a map or list a caller may send.
pub const MAX_ENTRIES: usize = 256;
/// Most bytes in all keys and values of one `extra_data`.
pub const MAX_EXTRA_DATA: usize = 32 * 1024;
/// Longest entry of `allowed_file_types` and longest language tag, in bytes.
pub const MAX_TAG: usize = 64;

/// What is wrong with a request, ready to be shown to the caller as `msg` with `INVALID_PARAMETERS`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    violations: Vec<String>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.violations.as_slice() {
            [only] => write!(f, "validation error: {only}"),
            several => {
                f.write_str("validation errors:")?;
                several.iter().try_for_each(|violation| write!(f, "\n - {violation}"))
            }
        }
    }
}

/// A room id that belongs to the house (http-api.md section 1.6). Its text is the answer's `msg`, with
/// `INTERNAL_SERVER_ERROR` as the reference has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reserved(&'static str);

impl Rules for pnm::CreateRoomReq {
    fn rules(&self, check: &mut Check) {
        const TEXT: &str = "room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_";
        check.id("", "room_id", &self.room_id, TEXT);
        check.characters("", "room_id", &self.room_id, MAX_ID_LENGTH);
        check.above_zero("", "empty_timeout", self.empty_timeout);
        check.above_zero("", "max_participants", self.max_participants);
        check.present("", "metadata", self.metadata.as_ref(), Check::metadata);
    }
}

/// The user id's alphabet is not part of it: ids may be generated. The room looks at it when it admits somebody.
impl Rules for pnm::GenerateTokenReq {
    fn rules(&self, check: &mut Check) {
        const TEXT: &str = "room_id should only contain letters (a-z A-Z), digits (0-9) or -_";
        check.id("", "room_id", &self.room_id, TEXT);
        check.characters("", "room_id", &self.room_id, MAX_ID_LENGTH);
        check.present("", "user_info", self.user_info.as_ref(), Check::user_info);
    }
}

/// Requests that consist of one id. One of other characters than ids have is no violation: nothing is found by it.
macro_rules! needs {
    ($($message:ident.$id:ident),+ $(,)?) => {$(
        impl Rules for pnm::$message {
            fn rules(&self, check: &mut Check) {
                check.text("", stringify!($id), &self.$id);
                check.characters("", stringify!($id), &self.$id, MAX_ID_LENGTH);
            }
        }
    )+};
}

needs! {
    IsRoomActiveReq.room_id,
    GetActiveRoomInfoReq.room_id,
    RoomEndReq.room_id,
    RecordingInfoReq.record_id,
    DeleteRecordingReq.record_id,
    GetDownloadTokenReq.record_id,
    ArtifactInfoReq.artifact_id,
    DeleteArtifactReq.artifact_id,
    GetArtifactDownloadTokenReq.artifact_id,
    DeleteAnalyticsReq.file_id,
    GetAnalyticsDownloadTokenReq.file_id,
}

/// Lists of past rooms, recordings, artifacts and analytics: only so many rooms may be named, or a session.
macro_rules! lists {
    ($($message:ident $(. $session:ident)?),+ $(,)?) => {$(
        impl Rules for pnm::$message {
            fn rules(&self, check: &mut Check) {
                check.ids("", "room_ids", &self.room_ids);
                $(check.characters("", stringify!($session), self.$session(), MAX_ID_LENGTH);)?
            }
        }
    )+};
}

lists! { FetchPastRoomsReq, FetchRecordingsReq.room_sid, FetchArtifactsReq.room_sid, FetchAnalyticsReq }

impl Rules for pnm::UpdateRecordingMetadataReq {
    fn rules(&self, check: &mut Check) {
        const AT: &str = "metadata.";
        check.text("", "record_id", &self.record_id);
        check.characters("", "record_id", &self.record_id, MAX_ID_LENGTH);
        let Some(metadata) = &self.metadata else {
            return;
        };
        check.characters(AT, "title", metadata.title.as_deref().unwrap_or_default(), MAX_TITLE);
        check.bytes(AT, "description", metadata.description.as_deref().unwrap_or_default(), MAX_TEXT);
        check.pairs(AT, "subtitles", metadata.subtitles.len());
        for (lang, subtitle) in metadata.subtitles.iter().take(MAX_ENTRIES) {
            const AT: &str = "metadata.subtitles.";
            check.key_bytes("metadata.", "subtitles", lang, MAX_TAG);
            check.characters(AT, "label", &subtitle.label, MAX_TITLE);
            check.bytes(AT, "url", &subtitle.url, MAX_URL);
        }
        check.extra_data(AT, &metadata.extra_data);
    }
}

impl Rules for pnm::MergeRecordingsReq {
    fn rules(&self, check: &mut Check) {
        use pnm::merge_recordings_req::MergeScope;
        check.one_of(&["by_session", "by_ids"], self.merge_scope.is_some());
        match &self.merge_scope {
            None => {}
            Some(MergeScope::BySession(scope)) => {
                check.text("by_session.", "room_sid", &scope.room_sid);
                check.characters("by_session.", "room_sid", &scope.room_sid, MAX_ID_LENGTH);
                check.ids("by_session.", "exclude_recording_ids", &scope.exclude_recording_ids);
            }
            Some(MergeScope::ByIds(scope)) => {
                check.text("by_ids.", "room_id", &scope.room_id);
                check.characters("by_ids.", "room_id", &scope.room_id, MAX_ID_LENGTH);
                check.at_least("by_ids.", "recording_ids", &scope.recording_ids, 2);
                check.ids("by_ids.", "recording_ids", &scope.recording_ids);
            }
        }
    }
}

impl Rules for pnm::BroadcastToRoomReq {
    fn rules(&self, check: &mut Check) {
        use pnm::broadcast_to_room_req::Payload;
        check.one_of(&["chat_msg", "notification_msg"], self.payload.is_some());
        check.text("", "room_id", &self.room_id);
        check.characters("", "room_id", &self.room_id, MAX_ID_LENGTH);
        check.characters("", "to_user_id", self.to_user_id(), MAX_ID_LENGTH);
        match &self.payload {
            None => {}
            Some(Payload::ChatMsg(chat)) => {
                check.text("chat_msg.", "message", &chat.message);
                check.bytes("chat_msg.", "message", &chat.message, MAX_TEXT);
            }
            Some(Payload::NotificationMsg(notice)) => {
                check.text("notification_msg.", "text", &notice.text);
                check.bytes("notification_msg.", "text", &notice.text, MAX_LINE);
            }
        }
    }
}

/// Refuses room ids that belong to the house.
///
/// # Errors
/// The text of the answer.
pub fn reserved_room(room_id: &str) -> Result<(), Reserved> {
    if room_id.contains("-FIELD_") {
        return Err(Reserved("RoomId cannot contain the reserved pattern '-FIELD_'"));
    }
    if room_id.starts_with("user_") {
        return Err(Reserved("RoomId cannot start with the reserved pattern 'user_'"));
    }
    Ok(())
}

impl Check {
    fn metadata(&mut self, metadata: &pnm::RoomMetadata) {
        const AT: &str = "metadata.";
        self.text(AT, "room_title", &metadata.room_title);
        self.characters(AT, "room_title", &metadata.room_title, MAX_TITLE);
        self.no_nul(AT, "room_title", &metadata.room_title);
        self.bytes(AT, "welcome_message", metadata.welcome_message(), MAX_TEXT);
        self.off(AT, "is_recording", metadata.is_recording);
        self.off(AT, "is_active_rtmp", metadata.is_active_rtmp);
        self.empty(AT, "parent_room_id", Some(&metadata.parent_room_id));
        self.off(AT, "is_breakout_room", metadata.is_breakout_room);
        self.uri(AT, "webhook_url", metadata.webhook_url.as_deref());
        self.characters(AT, "webhook_url", metadata.webhook_url(), MAX_TITLE);
        self.zero(AT, "started_at", metadata.started_at == 0);
        self.uri(AT, "logout_url", metadata.logout_url.as_deref());
        self.bytes(AT, "logout_url", metadata.logout_url(), MAX_URL);
        self.present(AT, "room_features", metadata.room_features.as_ref(), Self::features);
        if let Some(copyright) = &metadata.copyright_conf {
            self.bytes("metadata.copyright_conf.", "text", &copyright.text, MAX_LINE);
        }
        self.empty(AT, "metadata_id", metadata.metadata_id.as_deref());
        self.extra_data(AT, &metadata.extra_data);
    }

    fn features(&mut self, features: &pnm::RoomCreateFeatures) {
        if let Some(chat) = &features.chat_features {
            self.tags("metadata.room_features.chat_features.", "allowed_file_types", &chat.allowed_file_types);
        }
        if let Some(notepad) = &features.shared_note_pad_features {
            const AT: &str = "metadata.room_features.shared_note_pad_features.";
            self.off(AT, "is_active", notepad.is_active);
            self.off(AT, "visible", notepad.visible);
            self.empty(AT, "note_pad_id", Some(&notepad.note_pad_id));
        }
        if let Some(board) = &features.whiteboard_features {
            const AT: &str = "metadata.room_features.whiteboard_features.";
            self.off(AT, "visible", board.visible);
            self.uri(AT, "preload_file", board.preload_file.as_deref());
            self.bytes(AT, "preload_file", board.preload_file(), MAX_URL);
            self.empty(AT, "whiteboard_file_id", Some(&board.whiteboard_file_id));
            self.empty(AT, "file_name", Some(&board.file_name));
            self.empty(AT, "file_path", Some(&board.file_path));
            self.zero(AT, "max_allowed_file_size", board.max_allowed_file_size() == 0);
        }
        if let Some(player) = &features.external_media_player_features {
            const AT: &str = "metadata.room_features.external_media_player_features.";
            self.off(AT, "is_active", player.is_active);
            self.empty(AT, "shared_by", player.shared_by.as_deref());
            self.empty(AT, "url", player.url.as_deref());
        }
        if let Some(waiting) = &features.waiting_room_features {
            const AT: &str = "metadata.room_features.waiting_room_features.";
            self.bytes(AT, "waiting_room_msg", &waiting.waiting_room_msg, MAX_LINE);
        }
        if let Some(breakout) = &features.breakout_room_features {
            self.off("metadata.room_features.breakout_room_features.", "is_active", breakout.is_active);
        }
        if let Some(link) = &features.display_external_link_features {
            const AT: &str = "metadata.room_features.display_external_link_features.";
            self.off(AT, "is_active", link.is_active);
            self.bytes(AT, "link", link.link(), MAX_URL);
            self.characters(AT, "shared_by", link.shared_by(), MAX_TITLE);
        }
        if let Some(ingress) = &features.ingress_features {
            const AT: &str = "metadata.room_features.ingress_features.";
            self.empty(AT, "url", Some(&ingress.url));
            self.empty(AT, "stream_key", Some(&ingress.stream_key));
        }
        if let Some(encryption) = &features.end_to_end_encryption_features {
            const AT: &str = "metadata.room_features.end_to_end_encryption_features.";
            self.empty(AT, "encryption_key", encryption.encryption_key.as_deref());
        }
        if let Some(polls) = &features.polls_features {
            self.off("metadata.room_features.polls_features.", "is_active", polls.is_active);
        }
        if let Some(insights) = &features.insights_features {
            self.insights(insights);
        }
        if let Some(sip) = &features.sip_dial_in_features {
            const AT: &str = "metadata.room_features.sip_dial_in_features.";
            self.off(AT, "is_active", sip.is_active);
            self.no_items(AT, "phone_numbers", &sip.phone_numbers);
            self.empty(AT, "pin", sip.pin.as_deref());
            self.empty(AT, "dispatch_rule_id", sip.dispatch_rule_id.as_deref());
        }
    }

    fn insights(&mut self, insights: &pnm::InsightsFeatures) {
        if let Some(speech) = &insights.transcription_features {
            const AT: &str = "metadata.room_features.insights_features.transcription_features.";
            self.off(AT, "is_enabled", speech.is_enabled);
            self.no_items(AT, "allowed_spoken_langs", &speech.allowed_spoken_langs);
            self.no_items(AT, "allowed_speech_users", &speech.allowed_speech_users);
            self.off(AT, "is_enabled_translation", speech.is_enabled_translation);
            self.zero(AT, "max_selected_trans_langs", speech.max_selected_trans_langs == 0);
            self.no_items(AT, "allowed_trans_langs", &speech.allowed_trans_langs);
            self.empty(AT, "default_subtitle_lang", speech.default_subtitle_lang.as_deref());
            self.off(AT, "is_enabled_speech_synthesis", speech.is_enabled_speech_synthesis);
        }
        if let Some(chat) = &insights.chat_translation_features {
            const AT: &str = "metadata.room_features.insights_features.chat_translation_features.";
            self.off(AT, "is_enabled", chat.is_enabled);
            self.no_items(AT, "allowed_trans_langs", &chat.allowed_trans_langs);
            self.zero(AT, "max_selected_trans_langs", chat.max_selected_trans_langs == 0);
            self.empty(AT, "default_lang", chat.default_lang.as_deref());
        }
        let Some(ai) = &insights.ai_features else {
            return;
        };
        if let Some(chat) = &ai.ai_text_chat_features {
            const AT: &str = "metadata.room_features.insights_features.ai_features.ai_text_chat_features.";
            self.off(AT, "is_enabled", chat.is_enabled);
            self.off(AT, "is_allowed_everyone", chat.is_allowed_everyone);
            self.no_items(AT, "allowed_user_ids", &chat.allowed_user_ids);
            self.off(AT, "is_notepad_ai_disabled", chat.is_notepad_ai_disabled);
            self.off(AT, "is_whiteboard_ai_disabled", chat.is_whiteboard_ai_disabled);
        }
        if let Some(summary) = &ai.meeting_summarization_features {
            const AT: &str = "metadata.room_features.insights_features.ai_features.meeting_summarization_features.";
            self.bytes(AT, "summarization_prompt", &summary.summarization_prompt, MAX_TEXT);
            self.off(AT, "is_enabled", summary.is_enabled);
        }
    }

    fn user_info(&mut self, info: &pnm::UserInfo) {
        const AT: &str = "user_info.";
        self.text(AT, "name", &info.name);
        self.characters(AT, "name", &info.name, MAX_TITLE);
        // Where the room makes ids itself, this is one of the application's own; the room looks at the rest (D-38).
        self.characters(AT, "user_id", &info.user_id, MAX_TITLE);
        let Some(metadata) = &info.user_metadata else {
            return;
        };
        const META: &str = "user_info.user_metadata.";
        self.uri(META, "profile_pic", metadata.profile_pic.as_deref());
        self.bytes(META, "profile_pic", metadata.profile_pic(), MAX_URL);
        self.off(META, "is_presenter", metadata.is_presenter);
        if let Some(hand) = &metadata.raised_hand {
            const AT: &str = "user_info.user_metadata.raised_hand.";
            self.off(AT, "is_raised", hand.is_raised);
            self.zero(AT, "raised_at", hand.raised_at == 0);
        }
        self.off(META, "wait_for_approval", metadata.wait_for_approval);
        self.bytes(META, "preferred_lang", metadata.preferred_lang(), MAX_TAG);
        self.empty(META, "metadata_id", metadata.metadata_id.as_deref());
        self.extra_data(META, &metadata.extra_data);
        self.characters(META, "ex_user_id", metadata.ex_user_id(), MAX_TITLE);
    }
}

#[cfg(test)]
mod tests;
